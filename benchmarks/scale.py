"""What a large sweep costs: a million cells planned and kept, and Ray beside threads on the same cells."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import Figure
from benchmarks.sweeps import Place, steps_for

MADE_UP, CLOCK = Path(__file__).parent / "made_up", Path(__file__).parent / "clock"
GIB = 2.0**30
CELL_SECONDS = 0.05
WORKERS = {
    "threads": 2,
    "Ray, a running cluster": 4,
    "Ray, started for the sweep": 4,
}  # cells, or shards, under way
# A cluster of its own, which ends when its input is closed.
CLUSTER = """
import ray, sys
context = ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
print(context.address_info["gcs_address"], flush=True)
sys.stdin.read()
"""
# Grids of a million cells: one group of them all, five seeds a group, and no two in a group.
GRIDS = {
    "one seed after the other": ("seed=range(1000000)",),
    "5 seeds a group": (
        "batch_size=range(1,101)",
        "steps=range(1000,1200)",
        "precision=range(4,14)",
        "seed=range(5)",
    ),
    "no seeds": ("batch_size=range(1,101)", "steps=range(1000,2000)", "precision=range(4,14)"),
}
KEPT = "5 seeds a group"
SMOKE = ("batch_size=range(1,3)", "steps=range(1000,1003)", "precision=4,8", "seed=range(5)")
COMMON = ("problem=least_squares", "dimension=64", "n_samples=128")


def measure(python: str, smoke: bool) -> list[Figure]:
    """All of it, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="lpbench-scale-") as folder:
        place = Place(Path(folder))
        place.sweep("warm", "steps=1000", "seed=range(2)")  # kernels are compiled before anything is timed
        return [
            *_planning(place, smoke),
            *_keeping(place, smoke),
            *_ray(place, smoke),
            *_shards(place, smoke),
        ]


def _planning(place: Place, smoke: bool) -> list[Figure]:
    figures = []
    for name, grid in GRIDS.items():
        done = place.lpbench("plan", *COMMON, *(SMOKE if smoke else grid), "--name", "planned")
        what = f"a million cells planned, {name}"
        figures.append(Figure("scale", what, done.seconds, "s", None, 60.0))
        figures.append(Figure("scale", f"{what}: peak memory", done.peak / GIB, "GiB", None, 2.0))
    return figures


def _keeping(place: Place, smoke: bool) -> list[Figure]:
    """Cells that cost nothing: planned, handed out and stored as parts; compacted; found by a second call."""
    words = [*COMMON, *(SMOKE if smoke else GRIDS[KEPT]), "--config-dir", str(MADE_UP), "--yes", "--quiet"]
    words += ["--name", "kept", "executor=made_up"]
    steps = {
        "stored by workers, 20 points each": place.lpbench("sweep", *words, code=1),
        "compacted": place.lpbench("compact", "kept"),
        "found again": place.lpbench("sweep", *words),
    }
    figures = []
    for name, done in steps.items():
        what = f"a million cells {name}"
        figures.append(Figure("scale", what, done.seconds, "s"))
        figures.append(Figure("scale", f"{what}: peak memory", done.peak / GIB, "GiB", None, 2.0))
    return figures


def _ray(place: Place, smoke: bool) -> list[Figure]:
    """The same cells by threads, on a cluster that runs, and on one that is started for the sweep, in turns."""
    cells, repetitions = (6, 1) if smoke else (2000, 3)
    steps = 1000 if smoke else steps_for(place, CELL_SECONDS)
    with _cluster() as address:
        ways = {
            "threads": ["executor=local"],
            "Ray, a running cluster": ["executor=ray", f"ray_address={address}"],
            "Ray, started for the sweep": ["executor=ray", "ray_address=local"],
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for repetition in range(repetitions):
            for number, (way, words) in enumerate(ways.items()):
                name = f"ray-{number}-{repetition}"
                done = place.sweep(
                    name, f"steps={steps}", f"seed=range({cells})", *words, workers=WORKERS[way]
                )
                seconds[way].append(done.seconds)
    what = f"{cells:,} cells of {statistics.mean(place.kernel_seconds('ray-0-0')) * 1e3:.0f} ms"
    middle = {way: statistics.median(found) for way, found in seconds.items()}
    figures = [
        Figure("scale", f"{what}: {way}", middle[way], "s", min(found), note="2 CPUs")
        for way, found in seconds.items()
    ]
    threads, running, started = middle.values()
    figures.append(
        Figure("scale", f"{what}: a running cluster / threads", running / threads, "x", None, 1.15)
    )
    figures.append(Figure("scale", f"{what}: a started cluster / threads", started / threads, "x"))
    return figures


@contextmanager
def _cluster() -> Iterator[str]:
    """The address of a cluster of two CPUs, which is gone after it; what is started in it has the cluster's token."""
    os.environ["RAY_AUTH_MODE"] = "token"
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


def _shards(place: Place, smoke: bool) -> list[Figure]:
    """What one more shard costs: in all, on the cores of this machine, and the driver, which is one for all nodes."""
    few, many = (4, 8) if smoke else (200, 1700)
    spent = {}
    for count in (few, many):
        words = (f"seed=range({count})", "executor=ray", "ray_address=local", "shard_seconds=1e-6")
        done = place.sweep(f"shards-{count}", "steps=1000", *words, "--config-dir", str(CLOCK), workers=8)
        (driver,) = re.findall(r"handed out in (\S+) s, compacted in (\S+) s", done.output)
        spent[count] = (done.seconds, *map(float, driver))
    names = ("in all", "CPU time of the driver to hand it out", "CPU time of its compaction")
    note = "shards of one cell of 1 ms, by the difference of two sweeps; 2 cores"
    return [
        Figure("scale", f"Ray: one more shard, {name}", (b - a) / (many - few) * 1e3, "ms", note=note)
        for name, a, b in zip(names, spent[few], spent[many], strict=True)
    ]
