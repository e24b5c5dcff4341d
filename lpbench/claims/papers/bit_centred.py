"""Bit-centred layers: every tensor of a network is an offset and a delta in few bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lpbench.claims.base import HALP, Measure, claims
from lpbench.claims.cells import Cells
from lpbench.claims.papers.halp_networks import median_loss
from lpbench.claims.papers.networks import OfNetworks

NAMES = {"sgd": "SGD, full precision", "lp_sgd": "LP-SGD", "bc_sgd": "BC-SGD", "bc_svrg": "BC-SVRG"}


@claims.register("bit_centred")
class BitCentred(OfNetworks):
    """An MLP on digits, weights in fixed point, activations and errors in blocks, of 4 bits, loops of two epochs."""

    statement = (
        "Deltas of 4 bits in every tensor train a network as full precision does; tensors of 4 bits do not"
    )
    paper = HALP
    limits = (
        "medians of the training losses of 5 seeds, 4 bits in weights, activations and errors: LP-SGD over BC-SVRG and "
        "over BC-SGD at least 20, BC-SVRG and BC-SGD over full-precision SGD at most 2"
    )
    runs = 5

    def measure(self, cells: Cells) -> list[Measure]:
        """The ratios."""
        loss = {name: median_loss(cells, algorithm=name) for name in NAMES}
        found = []
        for name in ("bc_svrg", "bc_sgd"):
            found += [
                Measure(f"LP-SGD / {NAMES[name]}, training loss", [loss["lp_sgd"] / loss[name]], low=20.0),
                Measure(f"{NAMES[name]} / SGD, training loss", [loss[name] / loss["sgd"]], high=2.0),
            ]
        return found

    @property
    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        return {words: {"algorithm": name} for name, words in NAMES.items()}
