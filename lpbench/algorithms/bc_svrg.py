"""SVRG on bit-centred layers."""

from lpbench.algorithms.base import Algorithm
from lpbench.registry import algorithms


@algorithms.register("bc_svrg")
class BcSvrg(Algorithm):
    """SVRG on bit-centred layers: every tensor of a pass is what it is at the centre W, in full precision, + a delta.

    w <- Q(w - alpha v), v of the rounded difference of a batch's gradients at W + w and at W, + grad f(W).
    Source: De Sa et al. 2018, "High-Accuracy Low-Precision Training", and its code for deep networks.
    """

    version = 1
    convex, networks, centred, bit_centred = False, True, True, True
    reads = frozenset({"format", "inner_steps", "snapshot", "mu"})
