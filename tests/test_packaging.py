"""What is shipped, what imports what, and that it runs from a wheel in any folder."""

import ast
import functools
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
HEAVY = {"dash", "hydra", "kaleido", "numba", "omegaconf", "pandas", "plotly", "scipy", "sklearn", "torch"}

# The rooms from the bottom to the top: a module imports what stands below it, or its own room, whether at its head or
# inside a function. docs/architecture.md says what lives in each; a new file of a room is in place already.
LAYERS = [
    ["errors", "escaping", "isolation", "lazy", "provenance"],
    ["declared"],
    ["registry", "terminal"],
    ["arithmetic", "store"],
    ["datasets", "formats", "theory"],
    ["networks"],
    ["analysis", "convex", "problems"],
    ["algorithms", "choices"],
    ["cells"],
    ["executors"],
    ["sweeps"],
    ["proofs", "regression", "speed"],
    ["claims"],
    ["extend"],
    ["commands"],
    ["cli"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
SOURCES = sorted((ROOT / "lpbench").rglob("*.py"))
CHARTS = sorted((ROOT / "dashboard").rglob("*.py"))
OF_TORCH = ROOT / "lpbench" / "networks" / "modules"  # what is of torch, and is imported inside functions
OF_NUMBA = ("assembler", "bound", "dot", "inlining", "integer", "jit", "lanes", "single", "tiles")
SHOWS = {"commands"}  # what may draw: all else of lpbench knows nothing of the dashboard
# What charts read: results, never kernels.
DRAWN = {
    "analysis",
    "dashboard",
    "declared",
    "errors",
    "escaping",
    "provenance",
    "registry",
    "store",
    "terminal",
    "theory",
}


def package_folders() -> dict[str, str]:
    """Every folder with Python files that the wheel must hold, and the package that it is."""
    found = {}
    for top, package in (
        ("lpbench", "lpbench"),
        ("conf", "lpbench.conf"),
        ("dashboard", "lpbench.dashboard"),
    ):
        for folder in sorted({file.parent for file in (ROOT / top).rglob("*.py")}):
            found[str(folder.relative_to(ROOT))] = ".".join([package, *folder.relative_to(ROOT / top).parts])
    return found


def test_every_package_folder_is_listed() -> None:
    assert sorted(SETUPTOOLS["packages"]) == sorted(package_folders().values())


def test_every_package_folder_has_an_init() -> None:
    assert [folder for folder in package_folders() if not (ROOT / folder / "__init__.py").is_file()] == []


@functools.cache
def imports(source: Path) -> list[tuple[str, bool]]:
    """(module, at the head) of everything that `source` imports, but for annotations alone."""

    def walk(node: ast.AST, head: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from ((alias.name, head) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                if child.level:
                    assert source in CHARTS, f"{source}:{child.lineno}: imports in lpbench are absolute"
                    continue  # between charts
                module = child.module or ""
                for alias in child.names:
                    is_module = (
                        module == "lpbench"
                        or (ROOT / module.replace(".", "/") / f"{alias.name}.py").is_file()
                    )
                    yield (f"{module}.{alias.name}" if is_module else module), head
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, head and not inside)

    return list(walk(ast.parse(source.read_text(encoding="utf-8")), True))


def top(module: str) -> str:
    """`store` of `lpbench.store.read`."""
    return module.split(".")[1]


def owner(source: Path) -> str:
    """`store` of lpbench/store/read.py; `__init__` of lpbench/__init__.py."""
    return source.relative_to(ROOT / "lpbench").parts[0].removesuffix(".py")


def test_every_module_has_a_layer() -> None:
    missing = {owner(source) for source in SOURCES} - {*LEVEL, "__init__"}
    assert missing == set(), "give these modules a place in LAYERS"


def test_the_page_shows_the_rooms_in_their_order() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("| --- | --- |\n")[1].split("\n\n")[0]
    shown = [re.findall(r"`(\w+)/?`", row.split("|")[1]) for row in table.splitlines()]
    assert shown == LAYERS


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(source: Path) -> None:
    mine = owner(source)
    if mine == "__init__":
        return  # the public face names everything, and loads it when asked
    for module, _ in imports(source):
        if not module.startswith("lpbench.") or top(module) in ("conf", mine):
            continue
        if top(module) == "dashboard":
            assert mine in SHOWS, f"{mine} imports {module}"
            continue
        assert top(module) in LEVEL, f"imports {module}, which is no module of lpbench"
        assert LEVEL[top(module)] < LEVEL[mine], f"{mine} imports {module}, which stands beside or above it"


@pytest.mark.parametrize("source", CHARTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_dashboard_reads_results_and_never_kernels(source: Path) -> None:
    assert {top(module) for module, _ in imports(source) if module.startswith("lpbench.")} <= DRAWN
    assert not {module for module, _ in imports(source) if module.partition(".")[0] == "dashboard"}


@pytest.mark.parametrize("source", [*SOURCES, *CHARTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_modules_are_imported_inside_functions(source: Path) -> None:
    at_head = {module.partition(".")[0] for module, head in imports(source) if head}
    assert at_head & HEAVY - ({"torch"} if OF_TORCH in source.parents else set()) == set()


def test_theory_shares_no_code_with_what_it_judges() -> None:
    """But for names, annotations and errors, which compute nothing, and the arithmetic that no machine changes."""
    outside = {
        module if module.startswith("lpbench.") else module.partition(".")[0]
        for source in SOURCES
        if owner(source) == "theory"
        for module, _ in imports(source)
        if not module.startswith("lpbench.theory")
    }
    allowed = {
        "numpy",
        "scipy",
        "lpbench.errors",
        "lpbench.registry",
        "lpbench.arithmetic.arrays",
        "lpbench.arithmetic.elementary",
        "lpbench.arithmetic.products",
    }
    assert outside - set(sys.stdlib_module_names) <= allowed


@pytest.mark.parametrize("name", ["torch", "numba"])
def test_who_may_know_torch_and_numba(name: str) -> None:
    users = {
        str(source.relative_to(ROOT / "lpbench"))
        for source in SOURCES
        for module, _ in imports(source)
        if module.partition(".")[0] == name
    }
    allowed = {
        "torch": {
            "arithmetic/ops.py",
            "formats/quantize.py",
            "cells/modules.py",
            "isolation.py",
            "problems/network.py",
            *(str(source.relative_to(ROOT / "lpbench")) for source in SOURCES if OF_TORCH in source.parents),
        },
        "numba": {f"arithmetic/{name}.py" for name in OF_NUMBA},
    }
    assert users <= allowed[name]


def test_importing_lpbench_loads_nothing_heavy() -> None:
    code = (
        "import sys, lpbench, lpbench.cli\n"
        "lpbench.cli.application()\n"
        f"print(sorted({HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this working tree, built from a copy so that no build folder is left in it."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    for name in ("lpbench", "conf", "dashboard"):
        for file in (ROOT / name).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                copy = source / file.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run(
        [*build, "--wheel-dir", str(target), str(source)], check=True, capture_output=True, text=True
    )
    (found,) = target.glob("*.whl")
    return found


def test_the_wheel_holds_all_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0] for name in names} == {
        "lpbench",
        wheel.name.rpartition("-py3")[0] + ".dist-info",
    }
    code = {str(source.relative_to(ROOT)) for source in SOURCES}
    code |= {f"lpbench/{source.relative_to(ROOT)}" for source in CHARTS}
    yamls = {f"lpbench/{file.relative_to(ROOT)}" for file in (ROOT / "conf").rglob("*.yaml")}
    assert code <= names
    assert yamls
    assert yamls <= names
    assert "lpbench/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_sweeps_in_any_folder(wheel: Path, tmp_path: Path) -> None:
    env = tmp_path / "env"
    venv.create(env, symlinks=True, with_pip=False)
    python = env / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
    ]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True, text=True)
    # The dependencies of this environment, but not its lpbench: an editable install needs its own .pth file.
    (site,) = (env / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")

    folder = tmp_path / "anywhere"
    folder.mkdir()
    where = "import lpbench; print(lpbench.__file__)"
    found = subprocess.run([python, "-c", where], cwd=folder, check=True, capture_output=True, text=True)
    assert str(env) in found.stdout

    asked = ["dimension=4", "n_samples=20", "algorithm=sgd", "steps=50", "seed=range(2)", "--name", "first"]
    done = subprocess.run(
        [env / "bin" / "lpbench", "sweep", *asked],
        cwd=folder, env={**os.environ, "COLUMNS": "100"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 cells: 2 ok" in done.stderr
    assert (folder / "runs" / "first" / "cells.parquet").is_file()
