"""HALP on networks: what is rounded are offsets from a centre."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench.claims.base import HALP, Measure, claims
from lpbench.claims.cells import Cells
from lpbench.claims.papers.networks import OfNetworks

DIGITS, MNIST1D = {"dataset": "digits"}, {"dataset": "mnist1d"}


def median_loss(cells: Cells, **choices: Any) -> float:
    """Of the training losses of all seeds."""
    return float(np.median([row["train_loss"] for row in cells.where(**choices)]))


@claims.register("network_halp")
class NetworkHalp(OfNetworks):
    """MLPs, weights in fixed point of as many bits, in loops of two epochs.

    On MNIST-1D the training loss falls steeply once, at a loop that the seed decides (40 seeds: SVRG 30 to 48, HALP 32
    to 44, LP-SVRG 43 or later, in half of the runs by the 60th): by the 45th HALP has fallen, and LP-SVRG has not.
    """

    statement = "On networks offsets from a centre in few bits (HALP) train far beyond weights in as many"
    paper = HALP
    limits = (
        "medians of the training losses of 15 seeds; digits, 4 bits, 160 loops: LP-SGD over HALP at least 2, LP-SVRG "
        "over HALP at least 10; MNIST-1D, 8 bits, 45 loops: LP-SVRG over HALP at least 5"
    )
    runs = 15

    def measure(self, cells: Cells) -> list[Measure]:
        """The ratios."""
        return [
            Measure(
                f"{data['dataset']}: {name} / HALP, training loss",
                [median_loss(cells, algorithm=other, **data) / median_loss(cells, algorithm="halp", **data)],
                low=least,
            )
            for data, other, name, least in (
                (DIGITS, "lp_sgd", "LP-SGD", 2.0),
                (DIGITS, "lp_svrg", "LP-SVRG", 10.0),
                (MNIST1D, "lp_svrg", "LP-SVRG", 5.0),
            )
        ]

    @property
    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        return {
            f"{data['dataset']}, {algorithm}": {"algorithm": algorithm, **data}
            for data, names in ((DIGITS, ("lp_sgd", "lp_svrg", "halp")), (MNIST1D, ("lp_svrg", "halp")))
            for algorithm in names
        }


@claims.register("halp_networks")
class HalpNetworks(OfNetworks):
    """A CNN on MNIST-1D by HALP, a scale for each tensor, mu = 8."""

    statement = (
        "HALP trains a CNN with 4 bits as with 8, not with 2; and short loops are better than long ones, whose centre "
        "is too far away"
    )
    paper = HALP
    limits = (
        "training loss, means over 10 seeds; loops of an epoch: 2 bits - 4 bits at least 0.15, 4 bits - 8 bits -0.1 "
        "... 0.1; 8 bits: loops of six epochs - of one at least 0.3"
    )
    runs = 10

    def measure(self, cells: Cells) -> list[Measure]:
        """The differences."""

        def loss(bits: int, loop: int) -> np.ndarray:
            return cells.each("train_loss", precision=bits, inner_steps=loop)

        return [
            Measure("loops of an epoch: 2 bits - 4 bits", loss(2, 62) - loss(4, 62), low=0.15),
            Measure("loops of an epoch: 4 bits - 8 bits", loss(4, 62) - loss(8, 62), low=-0.1, high=0.1),
            Measure("8 bits: loops of six epochs - of one", loss(8, 372) - loss(8, 62), low=0.3),
        ]

    @property
    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        return {
            f"{bits} bits, loops of {loop} steps": {"precision": bits, "inner_steps": loop}
            for bits, loop in ((2, 62), (4, 62), (8, 62), (8, 372))
        }
