"""Networks: what low precision does to the test error, in points of a hundred."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench.analysis.statistics import difference
from lpbench.claims.base import SWALP, Claim, Line, Measure, Plot, claims
from lpbench.claims.cells import Cells

OURS = 'Gupta et al. 2015, "Deep Learning with Limited Numerical Precision"'


def points(cells: Cells, **choices: Any) -> np.ndarray:
    """(replicates,): test errors in points, means over the seeds of each replicate."""
    return 100.0 * cells.each("test_error", **choices)


def bars(cells: Cells, groups: Mapping[str, Mapping[str, Any]]) -> Plot:
    """The test error of each seed of some groups, a line a group."""
    lines = []
    for name, choices in groups.items():
        rows = sorted(cells.where(**choices), key=lambda row: row["seed"])
        lines.append(Line(name, [row["seed"] for row in rows], [100.0 * row["test_error"] for row in rows]))
    return Plot("seed", "test error (points)", lines, y_log=False)


class OfNetworks(Claim):
    """Base of claims about networks: one value, the mean over all seeds; nothing of it is derived.

    groups   of cells, by the names of their lines in the figure.
    """

    theory = "-"
    replicates = 1

    @property
    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        """The choices of each."""
        raise NotImplementedError

    def plot(self, cells: Cells) -> Plot:
        """Every seed."""
        return bars(cells, self.groups)


class Against(OfNetworks):
    """Base of claims that one group's test error is above another's."""

    more: Mapping[str, Any]
    less: Mapping[str, Any]
    least: float
    what: str

    def measure(self, cells: Cells) -> list[Measure]:
        """The difference."""
        found = points(cells, **self.more) - points(cells, **self.less)
        return [Measure(f"{self.what}, points", found, low=self.least)]

    @property
    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        return {_named(self.more): self.more, _named(self.less): self.less}


def _named(choices: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in choices.items())


NEAREST, STOCHASTIC = {"rounding": "nearest_even"}, {"rounding": "stochastic"}


@claims.register("network_rounding")
class Rounding(Against):
    """MNIST-1D, an MLP of width 100 with weights in fixed point of 8 bits."""

    statement = (
        "With weights of 8 bits rounding to nearest costs an MLP points that stochastic rounding does not"
    )
    paper = OURS
    limits = "test error to nearest - stochastic, mean over 8 seeds: at least 4 points"
    runs = 8
    more, less, least, what = NEAREST, STOCHASTIC, 4.0, "to nearest - stochastic"


@claims.register("network_width")
class Width(Rounding):
    """The same at width 512."""

    statement = "The wider the network, the more rounding its weights to nearest costs"
    limits = "width 512, test error to nearest - stochastic, mean over 4 seeds: at least 8 points"
    runs = 4
    least = 8.0


@claims.register("network_e4m3")
class E4m3(OfNetworks):
    """MNIST-1D, all tensors in E4M3, the loss scaled by 256."""

    statement = (
        "With all tensors in E4M3 stochastic rounding trains where rounding to nearest loses many points"
    )
    paper = OURS
    limits = "test error to nearest - stochastic, mean over 5 seeds: MLP at least 8 points, CNN at least 20"
    runs = 5

    def measure(self, cells: Cells) -> list[Measure]:
        """The differences."""
        return [
            Measure(
                f"{problem}: to nearest - stochastic, points",
                points(cells, problem=problem, **NEAREST) - points(cells, problem=problem, **STOCHASTIC),
                low=least,
            )
            for problem, least in (("mlp", 8.0), ("cnn", 20.0))
        ]

    @property
    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        return {
            f"{problem}, {rounding['rounding']}": {"problem": problem, **rounding}
            for problem in ("mlp", "cnn")
            for rounding in (NEAREST, STOCHASTIC)
        }


@claims.register("network_master")
class Master(Against):
    """MNIST-1D, an MLP in block floating point of 6 bits, to the nearest."""

    statement = (
        "To the nearest, a copy of the weights in full precision saves what updates smaller than a step lose"
    )
    paper = OURS
    limits = "test error without - with the copy, mean over 8 seeds: at least 8 points"
    runs = 8
    more, less, least, what = {"recipe": "all"}, {"recipe": "master"}, 8.0, "without - with the copy"


@claims.register("network_swalp")
class NetworkSwalp(OfNetworks):
    """MNIST-1D, an MLP of width 100 at a constant step size."""

    statement = (
        "At a constant step the average of the weights is better than the last ones, and with weights of 6 bits as "
        "good as in full precision"
    )
    paper = SWALP
    limits = (
        "mean over 8 seeds: block floating point of 6 bits, last - average at least 2.5 points; fixed point of 6 bits, "
        "average - that in float32 within 1.5 points"
    )
    runs = 8

    def measure(self, cells: Cells) -> list[Measure]:
        """The two differences."""
        block = {"format": "block", "recipe": "all"}
        last, average = (points(cells, algorithm=name, **block) for name in ("lp_sgd", "swalp"))
        fixed, full = (points(cells, algorithm="swalp", format=name) for name in ("fixed", "none"))
        return [
            Measure("block, 6 bits: last - average, points", last - average, low=2.5),
            Measure("fixed, 6 bits: average - that in float32, points", fixed - full, -1.5, 1.5),
        ]

    @property
    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        return {
            "block, last": {"algorithm": "lp_sgd"}, "block, average": {"algorithm": "swalp", "format": "block"},
            "fixed, average": {"format": "fixed"}, "float32, average": {"format": "none"},
        }  # fmt: skip


@claims.register("network_equal")
class Equal(OfNetworks):
    """MNIST-1D, an MLP with all tensors in block floating point of 8 bits, stochastic."""

    statement = "With all tensors in block floating point of 8 bits an MLP is as good as in float32"
    paper = SWALP
    limits = "test error - that of float32, 64 seeds each: both ends of the 90 % interval within 1 point"
    runs = 64

    def measure(self, cells: Cells) -> list[Measure]:
        """Two one-sided tests: the ends of the interval of the difference of means."""
        found = difference(_each(cells, algorithm="lp_sgd"), _each(cells, algorithm="sgd"), 0.9)
        return [
            Measure("lower end of the difference, points", [found.low], low=-1.0),
            Measure("upper end of the difference, points", [found.high], high=1.0),
        ]

    @property
    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        return {"block, 8 bits": {"algorithm": "lp_sgd"}, "float32": {"algorithm": "sgd"}}


def _each(cells: Cells, **choices: Any) -> np.ndarray:
    return 100.0 * np.array([row["test_error"] for row in cells.where(**choices)])


MX = 'Rouhani et al. 2023, "Microscaling Data Formats for Deep Learning"'
NV = 'Abecassis et al. 2025, "Pretraining Large Language Models with NVFP4"'


class OfOperands(OfNetworks):
    """Base of claims that the training loss of one group is above another's, all operands of products being rounded.

    problems   by name, how much it is at least.
    """

    more: Mapping[str, Any]
    less: Mapping[str, Any]
    problems: Mapping[str, float]
    what: str
    runs = 10

    def measure(self, cells: Cells) -> list[Measure]:
        """The differences."""
        return [
            Measure(
                f"{problem}: {self.what}",
                self._loss(cells, problem, self.more) - self._loss(cells, problem, self.less),
                low=least,
            )
            for problem, least in self.problems.items()
        ]

    def _loss(self, cells: Cells, problem: str, choices: Mapping[str, Any]) -> np.ndarray:
        return cells.each("train_loss", problem=problem, **choices)

    @property
    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        return {
            f"{problem}, {_named(choices)}": {"problem": problem, **choices}
            for problem in self.problems
            for choices in (self.more, self.less)
        }


@claims.register("network_nvfp4")
class Nvfp4(OfOperands):
    """MNIST-1D, both operands of each product in four bits, to the nearest."""

    statement = "In four bits blocks of 16 whose scales have a mantissa (NVFP4) lose less than 32 beside a power of two"
    paper = NV
    limits = "training loss of MXFP4 (rceil) - NVFP4, mean over 10 seeds: MLP at least 0.2, CNN above 0"
    more, less, problems = {"format": "mxfp4"}, {"format": "nvfp4"}, {"mlp": 0.2, "cnn": 0.0}
    what = "training loss of MXFP4 - NVFP4"


@claims.register("network_mx_scales")
class MxScales(OfOperands):
    """MNIST-1D, both operands of each product in MXFP4, to the nearest."""

    statement = (
        "In MXFP4 scales that clip the largest number of a block (floor) do not train where others do (rceil)"
    )
    paper = MX
    limits = "training loss with floor - rceil, mean over 10 seeds: MLP and CNN at least 1"
    more, less, problems = {"scale_rule": "floor"}, {"scale_rule": "rceil"}, {"mlp": 1.0, "cnn": 1.0}
    what = "training loss with floor - rceil"


@claims.register("network_mx_errors")
class MxErrors(OfOperands):
    """MNIST-1D, both operands of each product in MXFP4 with scales that clip nothing."""

    statement = (
        "In MXFP4 rounding the errors stochastically trains an MLP further than rounding them to the nearest"
    )
    paper = NV
    limits = "training loss of errors to nearest - stochastic, mean over 10 seeds: at least 0.2"
    more, less = {"error_format": "same"}, {"error_format": "same(rounding=stochastic)"}
    problems, what = {"mlp": 0.2}, "training loss, errors to nearest - stochastic"
