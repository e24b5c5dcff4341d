"""Kernels: generic functions pick their case by type, compiled and not; the cache follows the sources."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from lpbench import jit
from lpbench.jit import generic, inner, kernel


class Half(NamedTuple):
    by: float


class Twice(NamedTuple):
    by: float


@generic
def change(kind, x):
    """x changed."""


@change.case(Half)
def _half(kind, x):
    return x * kind.by


@change.case(Twice)
def _twice(kind, x):
    return x + x


@inner
def add_one(x):
    return x + 1.0


@kernel
def run(kind, x):
    total = 0.0
    for j in range(x.size):
        total += add_one(change(kind, x[j]))
    return total


@pytest.mark.parametrize(("kind", "expected"), [(Half(0.5), 6.0), (Twice(0.0), 15.0)])
def test_cases_are_chosen_by_type_in_both_executions(kind, expected):
    x = np.arange(4.0)
    x[0] = 0.0
    assert run(kind, x) == run.py_func(kind, x)
    assert run(kind, x) == 4 + (0.5 if isinstance(kind, Half) else 2) * 6


def test_kernels_keep_their_docstring_and_release_the_lock():
    assert change.__doc__ == "x changed."
    assert run.__name__ == "run"
    assert run.compiled.targetoptions["nogil"]


def test_compiled_code_is_kept_in_the_cache_folder():
    run(Half(0.5), np.zeros(2))
    import numba

    folder = Path(numba.config.CACHE_DIR)
    assert folder.parent.name == "kernels"
    assert list(folder.rglob("*run*.nbi"))


def test_the_digest_follows_every_source(tmp_path, monkeypatch):
    before = jit.source_digest()
    assert jit.source_digest() == before
    plugin = tmp_path / "mine.py"
    plugin.write_text("x = 1\n")
    monkeypatch.setattr(jit.registry, "plugin_files", lambda: [plugin])
    first = jit.source_digest()
    plugin.write_text("x = 2\n")
    assert len({before, first, jit.source_digest()}) == 3


def test_importing_the_kernels_imports_no_compiler():
    code = (
        "import sys, lpbench.algorithms.halp, lpbench.algorithms.swalp, lpbench.quantizing, lpbench.judges;"
        "sys.exit(any(name in sys.modules for name in ('numba', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pure_python_needs_no_compiler():
    code = (
        "import sys, numpy as np; from lpbench import quantizing as q; from lpbench import rounding as r;"
        "from lpbench.formats import Fixed; x = np.array([[0.3, 0.6]]); f = Fixed(4, 0.5);"
        "scaling = q._Inexact(0.5, 1, 0, 0, 1e300);"
        "q._round_keyed.py_func(f.kernel(), r.make('nearest_even'), x, np.uint32(0), scaling, x);"
        "assert x.tolist() == [[0.5, 0.5]]; sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_format_that_comes_late_stays_out_of_the_cache_of_others(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    source = page[page.index('"""Ternary weights."""') :].split("\n```", 1)[0]
    (tmp_path / "ternary.py").write_text(source, encoding="utf-8")
    plain = "import lpbench; print(lpbench.quantize([0.3], 'fixed', random=[0.0])); "
    late = plain + "import ternary; print(lpbench.quantize([0.3], ternary.Ternary(), random=[0.0]))"
    for code, folder in ((late, tmp_path), (plain, tmp_path.parent)):
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
