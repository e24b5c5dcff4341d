"""Low-precision AdamW."""

from lpbench.algorithms.adamw import AdamW
from lpbench.registry import algorithms


@algorithms.register("lp_adamw")
class LpAdamW(AdamW):
    """AdamW with each tensor in the format of its role."""

    version = 1
    reads = frozenset({"format", "limit", "schedule"})
