"""SGD on bit-centred layers."""

from lpbench.algorithms.bc_svrg import BcSvrg
from lpbench.registry import algorithms


@algorithms.register("bc_sgd")
class BcSgd(BcSvrg):
    """SGD on bit-centred layers: as `bc_svrg`, with the batch's own gradient at the centre in place of grad f(W)."""

    version = 1
    own_gradient = True
