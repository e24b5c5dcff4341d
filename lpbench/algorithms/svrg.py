"""SVRG in full precision: the same loop as LP-SVRG, with numbers that are not rounded."""

from lpbench.algorithms.lp_svrg import LpSvrg
from lpbench.registry import algorithms


@algorithms.register("svrg")
class Svrg(LpSvrg):
    """Full-precision SVRG: w <- w - alpha (grad f_i(w) - grad f_i(w~) + grad f(w~))."""

    version = 3
    networks = True
    integer = False
    reads = frozenset({"inner_steps", "snapshot"})
    ns_coordinate = 0.35
