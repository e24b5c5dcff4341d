"""What a large sweep costs: a million cells planned and kept, and Ray beside threads on the same cells."""

import re
import statistics
import tempfile
from pathlib import Path

from benchmarks.report import Figure
from benchmarks.sweeps import Place, steps_for

MADE_UP, CLOCK = Path(__file__).parent / "made_up", Path(__file__).parent / "clock"
GIB = 2.0**30
CELL_SECONDS = 0.05
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
    cells, repetitions = (6, 1) if smoke else (2000, 3)
    steps = 1000 if smoke else steps_for(place, CELL_SECONDS)
    words = (f"steps={steps}", f"seed=range({cells})")
    seconds: dict[str, list[float]] = {"local": [], "ray": []}
    for repetition in range(repetitions):
        for executor in seconds:
            name = f"{executor}-{repetition}"
            where = ["ray_address=local"] if executor == "ray" else []
            done = place.sweep(name, *words, f"executor={executor}", *where, workers=2)
            seconds[executor].append(done.seconds)
    local, ray = (statistics.median(found) for found in seconds.values())
    kernels = statistics.mean(place.kernel_seconds("local-0"))
    what = f"{cells:,} cells of {kernels * 1e3:.0f} ms"
    return [
        Figure("scale", f"{what}: threads", local, "s", min(seconds["local"]), note="2 workers"),
        Figure("scale", f"{what}: Ray", ray, "s", min(seconds["ray"]), note="2 CPUs, its start included"),
        Figure("scale", f"{what}: Ray / threads", ray / local, "x", None, 1.15),
    ]


def _shards(place: Place, smoke: bool) -> list[Figure]:
    """What one more shard costs: in all, on the cores of this machine, and the driver, which is one for all nodes."""
    few, many = (4, 8) if smoke else (200, 1700)
    spent, computed = {}, {}
    for count in (few, many):
        words = (f"seed=range({count})", "executor=ray", "ray_address=local", "shard_seconds=1e-6")
        done = place.sweep(f"shards-{count}", "steps=1000", *words, "--config-dir", str(CLOCK), workers=8)
        spent[count] = done.seconds
        computed[count] = float(re.findall(r"computed (\S+) s", done.output)[-1])
    note = "shards of one cell of 1 ms, by the difference of two sweeps; 2 cores"
    return [
        Figure(
            "scale",
            f"Ray: one more shard{what}",
            (found[many] - found[few]) / (many - few) * 1e3,
            "ms",
            note=note,
        )
        for what, found in (("", spent), (", CPU time of the driver", computed))
    ]
