"""The documentation: its examples are written out and run, its tables are complete, its links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from lpbench import cli
from lpbench.choices import document, keys
from lpbench.declared.words import TERMS
from lpbench.store import schema as columns

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "runs" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
FILE = re.compile(r"^`(?P<name>[\w./]+)`\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"(?<!`\n\n)^```python\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)(?P<path>[^)#]+)")
Run = Callable[[list[str]], str]
SMALL = ["n_samples=40", "epochs=2", "dimension=8", "record_points=4", "even_points=8"]


def write_files(page: str, folder: Path) -> list[str]:
    """Write out the files that a page shows; returns their names."""
    names = []
    for match in FILE.finditer(page):
        target = folder / match["name"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(match["text"], encoding="utf-8")
        names.append(match["name"])
    return names


def commands(page: str) -> list[list[str]]:
    """The lpbench commands that a page shows in blocks marked sh."""
    lines = [line for match in SHELL.finditer(page) for line in match["text"].splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("lpbench ")]


def run(arguments: list[str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lpbench.cli", *arguments],
        cwd=folder, env={**os.environ, "COLUMNS": "160"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"lpbench {shlex.join(arguments)}: {done.returncode}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run` in this process, in `tmp_path`: for commands that bring no code along."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def run_here(arguments: list[str]) -> str:
        code = cli.run(arguments)
        out, err = capsys.readouterr()
        assert code == 0, f"lpbench {shlex.join(arguments)}: {code}\n{err}"
        return str(out)

    return run_here


@pytest.mark.slow
def test_the_format_of_contributing(tmp_path: Path) -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert write_files(page, tmp_path) == ["mine/ternary.py", "mine/format/ternary.yaml"]
    listing, sweep = commands(page)
    assert "Ternary: -limit, 0, limit; saturates." in run(listing, tmp_path)
    shown = run([*sweep, *SMALL], tmp_path)
    assert "ternary" in shown
    assert "fixed" in shown

    (code,) = (match["text"] for match in PYTHON.finditer(page))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["[", "1.", "-1.", "1.]"]


@pytest.mark.slow
def test_the_examples_of_adding(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")
    names = write_files(page, tmp_path)
    assert [name for name in names if name.endswith(".py")] == [
        "mine/sign_sgd.py",
        "mine/lp_momentum.py",
        "mine/bowl.py",
        "mine/rings.py",
        "mine/ring_pictures.py",
        "mine/walk.py",
        "mine/l1_bound.py",
        "mine/two_bits.py",
        "mine/stalls.py",
    ]
    choices, heavy, plain, compare, walks, shown, bounds, listing, plan, sweep, _ = commands(page)
    assert "fraction of the last update that is kept" in run([*choices, "--json"], tmp_path)
    for arguments in (heavy, plain):
        assert "lp_momentum" in run([*arguments, *SMALL], tmp_path)
    assert "train_error: heavy / plain" in run(compare, tmp_path)
    assert "mean square (median over seeds)" in run(walks, tmp_path)
    assert "random_walk" not in run(shown, tmp_path)
    assert "range" in run(bounds, tmp_path)
    assert "Sign SGD" in run(listing, tmp_path)
    assert "8 cells" in run(plan, tmp_path)
    shown = run(sweep, tmp_path)
    assert "bowl" in shown
    assert "logistic_regression" in shown
    assert "lp_sign_sgd" in shown
    (code,) = (match["text"] for match in PYTHON.finditer(page))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["(480, 2) (120, 2)", "(400, 16, 16, 1) (100, 16, 16, 1)"], done.stderr


def code_words(page: str) -> set[str]:
    """Every word that stands between backticks."""
    page = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return {word for span in re.findall(r"`([^`\n]+)`", page) for word in span.split()}


def test_the_commands_of_regression(inside: Run) -> None:
    page = (ROOT / "docs" / "regression.md").read_text(encoding="utf-8")
    verdict = re.search(r"^no regression: .*$", page, re.MULTILINE)
    assert verdict is not None
    create, listing, check, *others = commands(page)
    inside(create)
    assert "main" in inside(listing)
    assert inside(check).splitlines()[-1] == verdict[0]
    for arguments in others:
        inside(arguments)


def test_the_examples_of_modules(inside: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "modules.md").read_text(encoding="utf-8")
    assert write_files(page, tmp_path) == ["mine.py"]
    table, sweep, show = map(inside, commands(page))
    assert re.search(r"hidden +weights, biases +32 x 30 +with the update", table)
    assert "norm" not in "".join(line for line in table.splitlines() if "errors" in line)
    assert "test error" in sweep
    assert "lp_sgd" in show
    code = "".join(match["text"] for match in PYTHON.finditer(page))
    exec(compile(code, "modules.md", "exec"), {})
    assert "of the updates changed no weight" in capsys.readouterr().out
    assert "test error" in inside(["show", "mine-too"])


def test_sweeps_names_every_choice_and_every_column() -> None:
    words = code_words((ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8"))
    assert set(keys.every()) - words == set()
    for table in (columns.CELLS, columns.TRACES, columns.ROLLUP):
        assert set(table.names) - words == set()


def test_tables_are_what_is_declared() -> None:
    marked = dict.fromkeys(document.TABLES, 0)
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        assert document.written(page) == page, (
            f"run python -m lpbench.choices.document {path.relative_to(ROOT)}"
        )
        for name in marked:
            marked[name] += page.count(f"<!-- {name}: written")
    assert set(marked.values()) == {1}


def test_every_term_has_one_place_in_the_glossary() -> None:
    anchors = re.findall(r'<a id="([^"]+)">', (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"))
    assert sorted(anchors) == sorted(term.anchor for term in TERMS)
    assert len(set(anchors)) == len(anchors)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_command_of_scaling(tmp_path: Path) -> None:
    (sweep,) = commands((ROOT / "docs" / "scaling.md").read_text(encoding="utf-8"))
    assert "lp_sgd" in run([*sweep, *SMALL], tmp_path)


def test_the_manifests_of_scaling(inside: Run) -> None:
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    (manifest,) = (yaml.safe_load(text) for text in blocks(page, "yaml"))
    assert manifest["kind"] == "RayJob"
    cluster = manifest["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == version("ray")
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    images = [group["template"]["spec"]["containers"][0]["image"] for group in groups]
    assert len(images) == 2
    assert len(set(images)) == 1
    (script,) = blocks(page, "bash")
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    shown = [
        manifest["spec"]["entrypoint"],
        *script.splitlines(),
        *"".join(blocks(page, "text")).splitlines(),
    ]
    sweeps = [shlex.split(line)[2:] for line in shown if line.startswith("lpbench sweep +")]
    assert len(sweeps) >= 3
    for words in sweeps:
        kept = words[: words.index("--runs-dir")] if "--runs-dir" in words else words
        assert "232 cells" in inside(["plan", *kept])


@pytest.mark.parametrize(("page", "group"), [("formats.md", "format"), ("algorithms.md", "algorithm")])
def test_a_page_names_every_member_of_its_group(page: str, group: str) -> None:
    words = code_words((ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert {file.stem for file in (ROOT / "conf" / group).glob("*.yaml")} - words == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = [match["path"] for match in LINK.finditer(page.read_text(encoding="utf-8"))]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sources_that_are_named_exist(page: Path) -> None:
    named = re.findall(r"`((?:lpbench|conf|tests)/[\w/]+\.(?:py|yaml))", page.read_text(encoding="utf-8"))
    missing = [name for name in named if not (ROOT / name).exists()]
    examples = {"NAME", "ternary", "test_ternary"}  # places for files of the reader's own
    assert [name for name in missing if Path(name).stem not in examples] == []
