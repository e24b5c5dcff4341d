"""The fewest bits whose noise ball is proven to lie at or below a target, theorem by theorem."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

from lpbench import registry
from lpbench.cells import theorems
from lpbench.cells.binding import resolve
from lpbench.errors import ConfigError
from lpbench.problems.build import build
from lpbench.problems.solving.box import AtBox
from lpbench.proofs.bits.cases import Case
from lpbench.theory import evaluation, spacings, split
from lpbench.theory.spacings import FULL, Spacing
from lpbench.theory.theorem import EARLIER, HALP, MEAN_GAP, SGD, SVRG, Refused, Setting, Theorem

MOST = 64
SPLIT = "4"  # on float and log: the least of 4, 1b and 1c
COVERED = frozenset({"1b", "1b-L1", "1c"})  # by SPLIT
OPTIMISTIC = "1a-i"


@dataclass(frozen=True)
class Answer:
    """What one theorem says.

    bits      the fewest; None where none suffice, or where it does not apply.
    split     (exponent, mantissa) bits there; None in fixed point.
    reason    why there are no bits to name.    hopeless   whether it applies, and no number of bits suffices.
    """

    bits: int | None
    split: tuple[int, int] | None = None
    reason: str = ""
    hopeless: bool = False


class Proof:
    """The theorems on one case, for a target of the objective gap.

    The grids of the linear format are counted from -R to R in 2^(b-1) - 1 quanta a side, R the limit. Where w* lies
    outside the range, the bounds are about the optimum over it, and what it costs is taken off the target.
    """

    def __init__(self, case: Case, target: float):
        self.case, self.target = case, target

    @cached_property
    def limit(self) -> float:
        """R; 1 for HALP, whose range follows the gradient."""
        limit = self.case.resolved(run=False)["limit"]
        return 1.0 if limit is None or self.case.raw["algorithm"] in HALP else float(limit)

    @cached_property
    def at(self) -> AtBox:
        """The optimum over the range, and the constants there."""
        reach = math.inf if self.case.raw["algorithm"] in HALP else self.limit
        return theorems.reference(self.case.problem_on(reach), -reach, reach)

    @cached_property
    def names(self) -> list[str]:
        """The theorems of the mean gap that are about this algorithm, rounding and format.

        The last of the page first, and variants (1b-L1) after what they vary.
        Where none is about the rounding and the schedule, all that are about the algorithm: they say why.
        """
        raw = self.case.raw
        if self.grid(max(self.case.precisions)) is None:
            return []
        hidden = {SPLIT} if raw["format"] == "fixed" else COVERED
        ordered = sorted(evaluation.names(), key=lambda name: name.partition("-")[0], reverse=True)
        found = [evaluation.theorem(name) for name in ordered if name not in hidden]
        about = [one for one in found if _asked(one, raw["algorithm"])]
        s = self.setting(FULL)
        return [one.name for one in about if _fits(one, s)] or [one.name for one in about]

    def exponent_bits(self, bits: int) -> int | None:
        """The exponent bits of the format with `bits` bits: the user's, else the best split; None in fixed point."""
        raw = self.case.raw
        if "exponent_bits" not in registry.formats.get(raw["format"]).reads:
            return None
        return self.best_exponent(bits) if self.case.splits else int(raw["exponent_bits"])

    @cache  # noqa: B019, it lives as long as the question
    def best_exponent(self, bits: int) -> int:
        """The exponent bits that the theory chooses; by the rule of SVRG where the algorithm has no noise of SGD."""
        s, raw = self.setting(FULL), self.case.raw
        if raw["format"] == "log":
            return split.best_log_split(bits, self.limit, s)[0]
        choose = split.svrg_split if raw["algorithm"] in SVRG | HALP else split.best_split
        return choose(bits, self.limit, s, raw["subnormals"])[0]

    def grid(self, bits: int) -> Spacing | None:
        """The grid of so many bits; None where no theorem is about the format.

        Raises Refused where the user's exponent bits leave no mantissa bit.
        """
        if self.case.raw["format"] not in ("fixed", "float", "log"):
            return None
        exponent = self.exponent_bits(bits)
        return self._split_grid(bits, exponent)

    def _split_grid(self, bits: int, exponent: int | None) -> Spacing:
        if exponent is None:
            return spacings.symmetric_linear(bits, self.limit)
        mantissa = bits - 1 - exponent
        if mantissa < 1:
            raise Refused(f"{bits} bits leave no mantissa bit beside {exponent} exponent bits")
        if self.case.raw["format"] == "log":
            return spacings.logarithmic(bits, mantissa, self.limit)
        return spacings.floating(exponent, mantissa, self.limit, self.case.raw["subnormals"])

    def setting(self, grid: Spacing, bits: int | None = None, alpha: float | None = None) -> Setting:
        """The run in numbers, without end, on `grid`; G is sigma, which is optimistic."""
        chosen = self.case.resolved(bits if self.case.quantum_decides else None, run=False)
        found = theorems.on_grid(chosen, self.case.problem, grid, self.at, math.inf)
        alpha = found.alpha if alpha is None else alpha
        return replace(found, alpha=alpha, G=found.sigma, G_certified=False)

    def ball(self, name: str, grid: Spacing, bits: int | None = None, alpha: float | None = None) -> float:
        """The noise ball by one theorem; raises Refused where it does not apply."""
        s = self.setting(grid, bits, alpha)
        if name == SPLIT:
            return split.noise_ball(s, grid)
        return evaluation.theorem(name)(s).value

    @property
    def room(self) -> float:
        """The target without what the range itself costs."""
        return self.target - self.at.excess

    def answer(self, name: str) -> Answer:
        """The fewest bits by the theorem `name`."""
        if self.room <= 0:
            return Answer(None, None, _too_narrow(self.at.excess), hopeless=True)
        if name == "6":
            return self._scan(self.case.precisions, self._average)
        bits = self.case.precisions if self.case.quantum_decides else range(self.case.precisions[0], MOST + 1)
        found = self._scan(bits, lambda b: self.ball(name, self._known_grid(b), b))
        return self._why_not(name, found) if found.bits is None else found

    def _known_grid(self, bits: int) -> Spacing:
        grid = self.grid(bits)
        assert grid is not None  # else no theorem was asked
        return grid

    def _scan(self, bits: Any, value: Callable[[int], float]) -> Answer:
        reason = ""
        for b in bits:
            try:
                if value(b) <= self.room:
                    exponent = self.exponent_bits(b)
                    return Answer(b, None if exponent is None else (exponent, b - 1 - exponent))
            except ConfigError as refused:  # a theorem's, or that the run of so many bits is impossible
                reason = str(refused)
        return Answer(None, None, reason)

    def _average(self, bits: int) -> float:
        """Theorem 6 over the cell's own run, which goes to 0 with its length at any precision."""
        cell = self.case.cell(bits, 0, self.exponent_bits(bits))
        problem = build(cell.choices)
        return evaluation.theorem("6")(theorems.setting(resolve(cell.choices, problem), problem)).value

    def _why_not(self, name: str, found: Answer) -> Answer:
        """What stands in the way with the finest quantum there could be, and what would help."""
        about = evaluation.theorem(name)
        if about.schedule == "decreasing" or not about.algorithms & SGD:
            reason = found.reason or f"more than {MOST} bits"
            # Without end, as the steps get shorter.
            grows = about.schedule == "decreasing" and about.form == EARLIER
            return replace(found, reason=reason, hopeless=grows or not found.reason)
        try:
            least = self.ball(name, FULL)
        except Refused as refused:
            if name != SPLIT:
                return replace(found, reason=str(refused))
            least = self.ball("1c", FULL)
        if least <= self.room:
            return replace(found, reason=found.reason or f"more than {MOST} bits", hopeless=not found.reason)
        alpha = self.setting(FULL).alpha
        reason = f"at step_size={alpha:.3g} the noise of the gradient alone is up to {least:.3g}"
        step = self._step(name, alpha)
        help_ = (
            "no step size makes it small enough" if step is None else f"it takes a step_size below {step:.2g}"
        )
        return Answer(None, None, f"{reason}; {help_}", hopeless=True)

    def _step(self, name: str, too_large: float) -> float | None:
        """The largest step size at which the noise of the gradient leaves room for a quantum; None if there is none."""

        def fits(alpha: float) -> bool:
            try:
                return self.ball("1c" if name == SPLIT else name, FULL, alpha=alpha) <= self.room
            except Refused:
                return False

        small = 1e-6 * too_large
        if not fits(small):
            return None
        while too_large > 1.001 * small:
            middle = math.sqrt(small * too_large)
            small, too_large = (middle, too_large) if fits(middle) else (small, middle)
        return small


def _asked(one: Theorem, algorithm: str) -> bool:
    """Whether a theorem bounds the mean gap of `algorithm` from constants alone."""
    # By Jensen's inequality those of LP-SGD are about the iterates that SWALP averages, and not about its average.
    itself = algorithm in one.algorithms and not (algorithm == "swalp" and "lp_sgd" in one.algorithms)
    return itself and one.judges == MEAN_GAP and not one.coarse_only


def _fits(one: Theorem, s: Setting) -> bool:
    with suppress(Refused):
        one.check(s)
        return True
    return False


def _too_narrow(excess: float) -> str:
    return f"the optimum lies outside the range of the format, which alone costs {excess:.3g}: raise limit"
