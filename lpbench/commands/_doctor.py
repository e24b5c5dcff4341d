"""The checks of `lpbench doctor`."""

import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lpbench.arithmetic import jit
from lpbench.errors import StoreError
from lpbench.executors.base import cores
from lpbench.provenance import cpu, provenance
from lpbench.store.address import is_folder, is_remote
from lpbench.terminal import size

if TYPE_CHECKING:
    from lpbench.regression.golden import Finding

OK, ABSENT, BROKEN = "ok", "absent", "BROKEN"
ESSENTIAL = {
    "numpy": "numpy", "numba": "numba", "scipy": "scipy", "scikit-learn": "sklearn", "pandas": "pandas",
    "pyarrow": "pyarrow", "hydra-core": "hydra", "typer": "typer", "rich": "rich",
}  # fmt: skip
OPTIONAL = {name: name for name in ("torch", "duckdb", "dash", "plotly", "kaleido", "ray")}
_LEAST_DISK = 100e6  # bytes free, below which a sweep is likely to fail

Check = tuple[str, str, str]


def examine(runs_dir: Path) -> Iterator[Check]:
    """(what, state, found) of every check."""
    facts = provenance()
    yield "lpbench", OK, f"{facts['lpbench_version']}, commit {facts['git_commit'] or 'unknown'}"
    yield "python", OK if sys.version_info >= (3, 11) else BROKEN, platform.python_version()
    for name, module in ESSENTIAL.items():
        yield _package(name, module, BROKEN)
    for name, module in OPTIONAL.items():
        yield _package(name, module, ABSENT)
    yield "processor", OK, f"{cpu()}, {cores()} cores"
    yield _cache()
    yield _kernel()
    yield _disk("results", runs_dir)
    browser = find_browser()
    yield "browser", OK if browser else ABSENT, browser or "no chromium: figures as html only"


def examine_deeply() -> Iterator[Check]:
    """The golden trajectories: all of them in pure Python, and of each kind of kernel one as it is compiled."""
    from lpbench.regression import golden

    cases = golden.cases()
    yield _golden("golden paths", golden.compare(cases))
    yield _golden("the same, compiled", golden.compare(golden.kernels(cases), run=golden.compiled))


def _golden(what: str, findings: "list[Finding]") -> Check:
    from lpbench.regression import golden

    moved = [finding for finding in findings if finding.state == golden.MOVED]
    other = sum(finding.state in (golden.RISEN, golden.NEW) for finding in findings)
    if moved:
        return what, BROKEN, f"{len(moved)} of {len(findings)} moved, the first {moved[0]}"
    rest = f", {other} of other versions" if other else ""
    return what, OK, f"{len(findings) - other} as they were{rest}"


def find_browser() -> str | None:
    """The chromium that draws png, svg and pdf; None if there is none."""
    named = os.environ.get("BROWSER_PATH")
    if named and Path(named).is_file():
        return named
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


def _package(name: str, module: str, absent: str) -> Check:
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return name, absent, "not installed"
    if absent == ABSENT and name != "torch":
        return name, OK, found
    try:
        importlib.import_module(module)
    except Exception as error:  # a broken binary may raise anything
        return name, BROKEN, f"{found}, cannot be imported: {type(error).__name__}: {error}"
    return name, OK, found


def _cache() -> Check:
    wanted, folder = jit.wanted_folder(), jit.cache_folder()
    reason = jit.unwritable(wanted)
    if reason is not None:
        instead = f"; {folder} is used instead" if folder != wanted else "; nothing is kept"
        return "cache", BROKEN, f"{wanted} cannot be written: {reason}{instead} (LPBENCH_CACHE names another)"
    used = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    free = size(shutil.disk_usage(folder).free)
    return "cache", OK, f"{folder}, {size(used)} used, {free} free (LPBENCH_CACHE names another)"


def _kernel() -> Check:
    """Whether numba compiles, and finds again what it compiled."""
    try:
        numba = jit.load()
        jit.kernel(_doubled)(1.0)
        again = jit.kernel(_doubled)
        again(1.0)
        if not again.compiled.stats.cache_hits:
            lost = f"compiled code is not found again in {numba.config.CACHE_DIR}: every process compiles"
            return "kernels", BROKEN, f"numba {numba.__version__}, {lost}"
        return "kernels", OK, f"numba {numba.__version__}, compiled code in {numba.config.CACHE_DIR}"
    except Exception as error:
        return "kernels", BROKEN, f"{type(error).__name__}: {error}"


def _doubled(x: float) -> float:
    return x + x


def _disk(what: str, folder: Path) -> Check:
    if is_remote(folder):
        try:
            return what, OK, f"{folder}, " + ("there" if is_folder(folder) else "reached; nothing there yet")
        except StoreError as error:
            return what, BROKEN, str(error)
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    writable = os.access(there, os.W_OK)
    state = OK if writable and free > _LEAST_DISK else BROKEN
    return what, state, f"{folder}, {size(free)} free" + ("" if writable else ", cannot be written")
