"""What a sweep costs beside its kernels: overhead a cell, resume, planning, start-up, and benchopt on the same work."""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Figure
from benchmarks.timing import Finished, Times, command

PEER = Path(__file__).parent / "benchopt_peer"
CELLS, PLANNED, RUNS = 10_000, 100_000, 50
SMALL = (
    "problem=least_squares", "dataset=gaussian", "dimension=64", "n_samples=128", "algorithm=lp_sgd", "format=fixed",
    "precision=8",
)  # fmt: skip
REPETITIONS = 5
RUN_SECONDS = 0.01
GIB = 2.0**30


@dataclass(frozen=True)
class Place:
    """A temporary folder for sweeps, and the environment of the commands run in it."""

    folder: Path

    def lpbench(self, *words: str, code: int = 0, **environment: str) -> Finished:
        """One `lpbench` command, whole process, that ends with exit code `code`."""
        program = Path(sys.executable).with_name("lpbench")
        start = [str(program)] if program.exists() else [sys.executable, "-m", "lpbench.cli"]
        return command([*start, *words], os.environ | environment, str(self.folder), code)

    def sweep(self, name: str, *words: str, workers: int = 1) -> Finished:
        """One sweep of least squares without questions."""
        return self.lpbench(
            "sweep", *SMALL, *words, "--name", name, "--workers", str(workers), "--yes", "--quiet"
        )

    def kernel_seconds(self, name: str) -> list[float]:
        """What the cells of a sweep spent in their kernels, evaluations included."""
        import pyarrow.parquet as parquet

        table = parquet.read_table(
            self.folder / "runs" / name / "cells.parquet", columns=["seconds", "status"]
        )
        bad = [status for status in table["status"].to_pylist() if status != "ok"]
        if bad:
            raise RuntimeError(f"{len(bad)} cells of sweep {name} are {bad[0]}")
        return [float(seconds) for seconds in table["seconds"].to_pylist()]


def measure(python: str, smoke: bool) -> list[Figure]:
    """All of it, in a temporary folder; kernels are compiled before anything is timed."""
    cells, planned, runs, repetitions = (20, 50, 3, 1) if smoke else (CELLS, PLANNED, RUNS, REPETITIONS)
    with tempfile.TemporaryDirectory(prefix="lpbench-speed-") as folder:
        place = Place(Path(folder))
        place.sweep("warm", "steps=1000", "seed=range(2)")
        figures = _small_cells(place, cells, repetitions)
        figures += _planning(place, planned)
        figures += _start_up(place, repetitions)
        return figures + _short_runs(place, python, runs, repetitions)


def _small_cells(place: Place, cells: int, repetitions: int) -> list[Figure]:
    words = ("steps=1000", f"seed=range({cells})")
    first = place.sweep("many", *words)
    kernels = sum(place.kernel_seconds("many"))
    again = Times(tuple(place.sweep("many", *words).seconds for _ in range(min(repetitions, 3))))
    what = f"{cells:,} cells of 1,000 steps, d=64"
    note = f"{first.seconds:.1f} s, of which {kernels:.1f} s in kernels; one worker; peak {first.peak / GIB:.2f} GiB"
    return [
        Figure(
            "sweeps",
            f"{what}: overhead",
            (first.seconds - kernels) / cells * 1e3,
            "ms/cell",
            None,
            2.0,
            note=note,
        ),
        Figure(
            "sweeps", f"{what}: second call", again.median, "s", again.best, 4.0, note="nothing to compute"
        ),
    ]


def _planning(place: Place, cells: int) -> list[Figure]:
    done = place.lpbench("plan", *SMALL, "steps=1000", f"seed=range({cells})", "--name", "planned")
    what = f"plan of {cells:,} cells"
    return [
        Figure("sweeps", what, done.seconds, "s", None, 15.0),
        Figure("sweeps", f"{what}: peak memory", done.peak / 1e9, "GB", None, 1.0),
    ]


def _start_up(place: Place, repetitions: int) -> list[Figure]:
    asked = {"_LPBENCH_COMPLETE": "complete_bash", "COMP_WORDS": "lpbench sweep prec", "COMP_CWORD": "2"}
    figures = []
    for what, words, more in (("lpbench --help", ["--help"], {}), ("completion of an override", [], asked)):
        ask = functools.partial(place.lpbench, *words, **more)
        ask()
        times = Times(tuple(ask().seconds for _ in range(4 * repetitions + 1)))
        figures.append(Figure("sweeps", what, times.median, "s", times.best, 0.3))
    return figures


def _short_runs(place: Place, python: str, runs: int, repetitions: int) -> list[Figure]:
    steps = steps_for(place, RUN_SECONDS)
    words = (f"steps={steps}", f"seed=range({runs})")
    figures, seconds = [], []
    for workers in (1, 2):
        place.sweep(f"warm-up-{workers}", *words, workers=workers)
        names = [f"runs-{workers}-{repetition}" for repetition in range(repetitions)]
        times = Times(tuple(place.sweep(name, *words, workers=workers).seconds for name in names))
        seconds += place.kernel_seconds(names[-1]) if workers == 1 else []
        note = (
            f"{steps:,} steps a run; {sum(seconds) / runs * 1e3:.1f} ms each in kernels"
            if workers == 1
            else ""
        )
        what = f"{runs} runs of 10 ms: lpbench, {_workers(workers)}"
        target = 2.5 if workers == 1 else None
        figures.append(Figure("sweeps", what, times.median, "s", times.best, target, note=note))
    for workers in (1, 2):
        figures.append(_benchopt(place, python, runs, repetitions, workers))
    return figures


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"


def steps_for(place: Place, seconds: float) -> int:
    """How many steps take so long, by the difference of two lengths (the evaluations cost the same in both)."""
    spent = []
    for steps in (20_000, 200_000):
        place.sweep(f"length-{steps}", f"steps={steps}", "seed=range(5)")
        spent.append(sorted(place.kernel_seconds(f"length-{steps}"))[2])
    step = max(1e-9, (spent[1] - spent[0]) / 180_000)
    return max(1000, round((seconds - spent[0]) / step) + 20_000)


def _benchopt(place: Place, python: str, runs: int, repetitions: int, workers: int) -> Figure:
    what = f"{runs} runs of 10 ms: benchopt, {_workers(workers)}"
    folder = place.folder / "peer"
    shutil.copytree(PEER, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    numbers = json.dumps(list(range(runs)))
    words = [
        python,
        "-m",
        "benchopt",
        "run",
        str(folder),
        "-s",
        f"busy[number={numbers}]",
        "-r",
        "1",
        "--no-plot",
    ]
    words += ["--no-display", "--no-cache"] + (["-j", str(workers)] if workers > 1 else [])
    probe = subprocess.run([python, "-c", "import benchopt"], capture_output=True, check=False)
    if probe.returncode != 0:
        return Figure("sweeps", what, None, "s", note="benchopt is not installed")
    try:
        command(words, os.environ, str(place.folder))
        times = Times(
            tuple(command(words, os.environ, str(place.folder)).seconds for _ in range(repetitions))
        )
    except RuntimeError as error:
        return Figure("sweeps", what, None, "s", note=str(error).splitlines()[-1])
    return Figure(
        "sweeps", what, times.median, "s", times.best, note="a busy loop of 10 ms, no numerical library"
    )
