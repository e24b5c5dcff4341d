"""SGD in full precision: the same loop as LP-SGD, with numbers that are not rounded."""

from lpbench.algorithms.lp_sgd import LpSgd
from lpbench.registry import algorithms


@algorithms.register("sgd")
class Sgd(LpSgd):
    """Full-precision SGD: w <- w - alpha grad f_i(w)."""

    version = 3
    integer = False
    networks = True
    reads = frozenset({"schedule"})
