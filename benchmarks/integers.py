"""Integers of 8 and 16 bits beside float32 of the same care, as `lpbench speed` measures, and beside the simulation."""

import numpy as np

from benchmarks import steps
from benchmarks.report import Figure
from benchmarks.timing import repeat
from lpbench.claims.papers.integer_speed import LEAST, WIDE
from lpbench.speed import measure as speed

SIMULATED: dict[str, object] = {
    "algorithm": "halp", "rounding": "stochastic", "limit": None, "mu": 1.0, "snapshot": "last", "step_size": 1e-3,
    "inner_steps": 2**40,
}  # fmt: skip


def measure(python: str, smoke: bool) -> list[Figure]:
    """Ratios and times of steps by dimension, the time to a gap, and a step of HALP as it is simulated."""
    found = speed.measure((256,), 1, 1, 2**18) if smoke else speed.measure()
    least = LEAST["AVX-512" in found.machine["instructions"]]
    figures = [
        Figure("integers", f"memory {what} by one core", found.machine[f"{what}_gb_s_1"], "GB/s")
        for what in ("read", "copy")
    ]
    for row in found.steps:
        name = row["algorithm"].split(", ")[row["numbers"] != "float32"]
        cores = f" on {row['cores']} cores" if row["cores"] > 1 else ""
        label = f"d={row['dimension']}: {name}, {row['numbers']}{cores}"
        figures.append(Figure("integers", label, row["ns_coordinate"], "ns a coordinate"))
        if row["numbers"] == "int8":
            width = ("wide" if row["dimension"] >= WIDE else "narrow") + (" sgd" if name == "LP-SGD" else "")
            target = least[width] if not cores else least["cores"] if name == "HALP" else None
            figures.append(
                Figure("integers", f"{label}, float32 / it", row["ratio"], "times", None, target, True)
            )
    for row in found.gaps:
        if row["numbers"] == "int8":
            target = least["gap"] if row["gap"] == min(one["gap"] for one in found.gaps) else None
            label = f"time to a gap of {row['gap']:g}, float32 / int8"
            figures.append(Figure("integers", label, row["ratio"], "times", None, target, True))
    return [*figures, _simulated(smoke)]


def _simulated(smoke: bool) -> Figure:
    """A step of HALP in simulated fixed point, on data as large as that of the others."""
    d, rows = (256, 64) if smoke else (1024, 2**14)
    random = np.random.default_rng(0)
    of = steps.Data(random.standard_normal((rows, d)) / np.sqrt(d), random.standard_normal(rows), np.zeros(d))
    run, count = steps.kernel(of, **SIMULATED), 200 if smoke else 20_000
    run(1)  # the full gradient
    times = repeat(lambda: run(count), 3 if smoke else 9)
    ns = times.median / (count * d) * 1e9
    return Figure("integers", f"d={d}: HALP, simulated fixed point of 8 bits", ns, "ns a coordinate")
