"""AdamW in full precision."""

from lpbench.algorithms.base import Algorithm
from lpbench.registry import algorithms


@algorithms.register("adamw")
class AdamW(Algorithm):
    """Adam with decoupled weight decay; trains networks (lpbench.networks.updates says how).

    Source: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2.
    """

    version = 1
    convex, networks, adam = False, True, True
    reads = frozenset({"schedule"})
