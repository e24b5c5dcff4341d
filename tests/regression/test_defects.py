"""Defects planted in the source, as a commit would: `lpbench check` of the changed copy finds each of them."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import planting
import pytest

from lpbench import cli

ROOT = Path(__file__).parents[2]
SMALL = [
    "record_points=16", "even_points=200", "tail=0.8", "seed=range(6)",
]  # fmt: skip
LP_SGD = (
    "problem=family_s", "k=4", "noise=1", "dimension=64", "limit=1", "start=optimum", "algorithm=lp_sgd",
    "format=fixed", "precision=5,7", "step_size=2**-7", "steps=20000",
)  # fmt: skip


@dataclass(frozen=True)
class Defect:
    """`old`, which stands once in `file`, becomes `new`; `grid` is the baseline that a project would keep."""

    file: str
    old: str
    new: str
    grid: tuple[str, ...]


DEFECTS = {
    "round half up instead of stochastic": Defect(
        "arithmetic/rounding.py", "r - (middle - low) < s - middle", "s - low >= 0.5 + 0.0 * r",
        ("problem=least_squares", "n_samples=64", "dimension=16", "epochs=20", "algorithm=lp_sgd", "format=fixed",
         "precision=6,8", "step_size=0.01/L"),
    ),
    "a quantum twice too large": Defect(
        "formats/fixed.py", "limit * 2.0 ** (1 - bits))", "limit * 2.0 ** (2 - bits))",
        LP_SGD,
    ),
    "a float format that loses its subnormals": Defect(
        "formats/floating.py", "(2.0**-self.mantissa_bits if self.subnormals else 1.0)", "1.0",
        ("problem=family_e", "noise_kind=dense", "solution=geometric", "noise=0.1", "dimension=64", "start=optimum",
         "algorithm=lp_sgd", "format=float", "exponent_bits=3", "precision=6,8", "step_size=2**-6", "steps=4000"),
    ),
    "HALP that forgets to recenter": Defect(
        "algorithms/halp.py", "state.anchor[j] += like(z[0], state.scale[0] * step)",
        "state.anchor[j] += like(z[0], 0.0 * step)",
        ("problem=least_squares", "n_samples=64", "dimension=16", "epochs=40", "algorithm=halp", "format=fixed",
         "precision=8"),
    ),
    "an optimum that is off": Defect(  # the true one, which the sound solver left in the cache, must not hide it
        "problems/solving/optimum.py", "return _newton(risk, w)", "return _newton(risk, w)[0] * 1.0001, 0.0",
        ("problem=logistic_regression", "n_samples=64", "dimension=16", "epochs=300", "algorithm=halp", "format=fixed",
         "precision=8"),
    ),
    "a generator that repeats": Defect(
        "arithmetic/generator.py", "first = mix(key_from(key, step))", "first = mix(key_from(key, step & 15))",
        LP_SGD,
    ),
}  # fmt: skip


def copy_of_source(folder: Path) -> Path:
    """The package as a wheel lays it out, to be changed."""
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "lpbench", folder / "lpbench", ignore=unwanted)
    shutil.copytree(ROOT / "conf", folder / "lpbench" / "conf", ignore=unwanted)
    shutil.copytree(ROOT / "dashboard", folder / "lpbench" / "dashboard", ignore=unwanted)
    return folder


def check(source: Path, folder: Path) -> tuple[int, dict]:
    """Exit code and verdict of `lpbench check` with the lpbench in `source`."""
    done = subprocess.run(
        [sys.executable, "-m", "lpbench.cli", "check", "--baseline", "main", "--json", "--quiet"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(source)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


# What golden paths see too, in less time, is slow here.
SHOWN = ("an optimum that is off",)


@pytest.mark.parametrize(
    "name", [name if name in SHOWN else pytest.param(name, marks=pytest.mark.slow) for name in DEFECTS]
)
def test_a_planted_defect_is_found(name, tmp_path, monkeypatch):
    defect = DEFECTS[name]
    monkeypatch.chdir(tmp_path)
    assert cli.run(["baseline", "create", "main", *SMALL, *defect.grid, "--quiet"]) == 0
    source = copy_of_source(tmp_path / "source")
    file = source / "lpbench" / defect.file
    text = file.read_text(encoding="utf-8")
    assert text.count(defect.old) == 1
    file.write_text(text.replace(defect.old, defect.new), encoding="utf-8")
    code, verdict = check(source, tmp_path)
    bad = [one for one in verdict["configurations"] if one["verdict"] in ("worse", "failed")]
    assert bad, verdict["line"]
    assert code in (4, 5), verdict["line"]


UNSEEN = [
    "problem=least_squares", "n_samples=32", "dimension=4", "epochs=4", "algorithm=lp_sgd,halp", "precision=8",
    "seed=range(2)",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in planting.DEFECTS if name.startswith(("uniforms", "an inner", "w*"))]
)
def test_a_defect_that_no_floor_shows_is_a_regression_by_name(name, tmp_path, monkeypatch):
    """The whole way: the changed copy, compiled anew, with the optima that the unchanged one left in the cache."""
    defect = planting.DEFECTS[name]
    monkeypatch.chdir(tmp_path)
    assert cli.run(["baseline", "create", "main", *UNSEEN, "--quiet"]) == 0
    source = copy_of_source(tmp_path / "source")
    path, old, new = defect.source()
    file = source / path.relative_to(ROOT)
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")
    code, verdict = check(source, tmp_path)
    assert code == 4, verdict["line"]
    moved = {one["name"] for one in verdict["golden"]["findings"] if one["state"] == "moved"}
    assert moved & set(defect.moved), verdict["line"]
    assert not moved & set(defect.still)


@pytest.mark.slow
def test_the_unchanged_copy_is_identical(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    grid = DEFECTS["a quantum twice too large"].grid
    assert cli.run(["baseline", "create", "main", *SMALL, *grid, "--quiet"]) == 0
    code, verdict = check(copy_of_source(tmp_path / "source"), tmp_path)
    assert (code, verdict["counts"]) == (0, {"identical": 2})
