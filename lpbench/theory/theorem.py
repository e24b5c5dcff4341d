"""What a theorem is: a function from one training run in numbers to a proven upper limit of its objective gap.

Everything here and in `lpbench/theory/bounds` is derived in docs/theory.md, with the same names and symbols.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from lpbench import registry
from lpbench.errors import ConfigError
from lpbench.theory.spacings import Spacing

EARLIER, DIMENSION_FREE, OTHER = "earlier", "dimension-free", "other"
PLAIN_SGD = frozenset({"sgd", "lp_sgd"})
SGD = PLAIN_SGD | {"swalp"}  # by Jensen's inequality: the average of the same iterates
SVRG = frozenset({"svrg", "lp_svrg"})
HALP = frozenset({"halp"})
MEAN_GAP, FINAL_GAP = "mean_gap", "final_gap"
# Fields of a Setting that the run decides; all others are the same for all seeds.
SHOWN = ("G", "G_certified", "max_update", "saturated")
_SMALLEST = 2.0**-1022  # below it float64 loses digits
# Parts of a run, on each of which a falling bound is replaced by its first value: about 1 % too large.
_BLOCKS = 1000


class Refused(ConfigError):
    """The conditions of a theorem do not hold; says which."""


class Bound(NamedTuple):
    """A proven upper limit of an expected objective gap.

    certified   True: from the problem's constants alone. False: on this path, from something that the run showed.
    """

    value: float
    certified: bool = True


@dataclass(frozen=True)
class Setting:
    """One run in numbers; the constants are those at the reference point w*, and of a whole batch.

    n             number of weights.               alpha, steps   step size and T (inf: the noise ball).
    grid          of the number format.            rounding, random_bits, schedule, snapshot   the choices.
    L ... L_w     as in lpbench.theory.constants.  quadratic      whether f is quadratic and grad f(w*) = 0.
    D_0, e_0      ||w_0 - w*||^2 and f(w_0) - f(w*) at the start.
    inside        whether w* minimises f over all w, and not only over the format's range.
    G             sqrt(E ||g||_2^2) does not exceed it; G_certified: over the whole range, or on this path.
    largest_gradient   no coordinate of a sample gradient exceeds it over the range.
    max_update    the largest alpha |g_j| that the run met; saturated: the share of clipped updates. None: no run.
    inner_steps   T of an outer loop.              loops          outer loops whose snapshots are averaged.
    mu_used       what HALP scales its grid with.  averages_all   whether SWALP averages every iterate.
    """

    n: int
    algorithm: str
    grid: Spacing
    alpha: float
    steps: Any
    L: float
    mu: float
    L_f: float
    L_1: float
    L_1_avg: float
    gamma: float
    sigma: float
    sigma_1: float
    sigma_w: float
    L_w: float
    D_0: float
    e_0: float
    quadratic: bool = False
    inside: bool = True
    rounding: str | None = "stochastic"
    random_bits: int | None = None
    schedule: str = "constant"
    G: float = math.inf
    G_certified: bool = True
    largest_gradient: float = math.inf
    max_update: float | None = None
    saturated: float | None = None
    snapshot: str | None = None
    inner_steps: int | None = None
    loops: Any = None
    mu_used: float | None = None
    averages_all: bool = True

    @property
    def delta(self) -> float:
        """The quantum; the largest spacing where the grid is not linear."""
        return self.grid.gap

    @property
    def A(self) -> float:
        """1 - alpha L: what is left of a step's progress after the gradient's variance."""
        return 1.0 - self.alpha * self.L

    @property
    def m(self) -> int:
        """4 for a quadratic f with grad f(w*) = 0, where <grad f(w), w - w*> = 2 (f(w) - f*); else 2."""
        return 4 if self.quadratic and self.inside else 2


@dataclass(eq=False)
class Theorem:
    """A registered theorem: call it with a Setting to get a Bound; raises Refused where it does not apply.

    form         earlier (contains the number of weights), dimension-free, or other.
    algorithms   those that it is about.     judges   the column of `cells` that it bounds.
    rounding     the rounding modes, schedules the step sizes that it is about.
    coarse_only  whether it is about steps below a quantum, which a run mostly has to show.
    """

    function: Callable[[Setting], Any]
    form: str
    algorithms: frozenset[str]
    judges: str
    roundings: frozenset[str]
    schedule: str
    few_bits: bool
    coarse_only: bool
    name: str = ""

    def __post_init__(self) -> None:
        self.__doc__ = self.function.__doc__

    @property
    def title(self) -> str:
        """The first line of the docstring."""
        return (self.__doc__ or "").strip().splitlines()[0]

    @functools.cached_property
    def column(self) -> str:
        """Its column in `cells`: bound_1a_i for 1a-i."""
        return "bound_" + self.name.replace("-", "_").lower()

    def not_about(self, algorithm: str) -> str:
        """Why it says nothing about `algorithm`."""
        return _not_about(self.name, self.algorithms, algorithm)

    def __call__(self, setting: Setting) -> Bound:
        """The bound for one run. Raises Refused, with the condition that fails."""
        if setting.algorithm not in self.algorithms:
            raise Refused(self.not_about(setting.algorithm))
        try:
            self.check(setting)
            with within_float64():
                found = self._averaged(setting) if setting.algorithm == "swalp" else self.function(setting)
        except Refused as refused:
            raise Refused(f"theorem {self.name}: {refused}") from None
        bound = found if isinstance(found, Bound) else Bound(found)
        # Where overflow becomes inf, that nothing overflowed is what the run showed.
        bound = Bound(float(bound.value), bound.certified and setting.grid.saturates)
        if not math.isfinite(bound.value):
            raise Refused(f"theorem {self.name}: it is not finite here")
        return bound

    def check(self, s: Setting) -> None:
        """Raise Refused where it is not about the schedule, the rounding or the numbers of a run."""
        need(s.schedule == self.schedule, f"it is about a {self.schedule} step size")
        if s.rounding is None:
            need("stochastic" in self.roundings and not self.few_bits, "nothing is rounded")
        else:
            if s.rounding not in self.roundings:
                raise Refused(f"it is about {_listed(self.roundings)} rounding, not {s.rounding}")
            few = s.rounding == "stochastic" and s.random_bits is not None
            why = "rounding with few random bits is biased" if few else "random_bits is null"
            need(few == self.few_bits, why)
        # A square that underflows would leave a bound too small.
        need(not 0 < s.D_0 < _SMALLEST, "||w_0 - w*||^2 is too small for float64")
        need(not 0 < s.delta < _SMALLEST**0.5, "the square of the quantum is too small for float64")
        safe = s.grid.saturates or s.saturated == 0
        need(safe, "overflow must saturate, unless nothing overflowed on the path")

    def _averaged(self, s: Setting) -> Any:
        """For SWALP: the mean over the run of the bound of the running average, which is that of the mean gap."""
        need(s.averages_all, "the average must hold every iterate (average_start=0 average_every=1)")
        if np.isinf(s.steps):
            return self.function(s)
        starts = np.unique(np.floor(np.geomspace(1, s.steps, _BLOCKS)))
        lengths = np.diff(np.append(starts, s.steps))
        found = self.function(replace(s, steps=starts))
        values, certified = found if isinstance(found, Bound) else (found, True)
        # At step 0 the output is w_0 itself; a bound falls with T, so a block's first value is its largest.
        return Bound(float((s.e_0 + values @ lengths) / s.steps), certified)


def theorem(
    name: str,
    form: str,
    algorithms: frozenset[str],
    judges: str = MEAN_GAP,
    roundings: tuple[str, ...] = ("stochastic",),
    schedule: str = "constant",
    few_bits: bool = False,
    coarse_only: bool = False,
) -> Callable[[Callable[[Setting], Any]], Theorem]:
    """Decorator: register a function from Setting to a number (or Bound) as the theorem `name`."""

    def keep(function: Callable[[Setting], Any]) -> Theorem:
        modes = frozenset(roundings)
        made = Theorem(function, form, algorithms, judges, modes, schedule, few_bits, coarse_only, name)
        made.__module__ = function.__module__  # whose name it is
        return registry.bounds.register(name)(made)

    return keep


class within_float64(np.errstate):
    """Inside, a number that overflows, a division by zero and a nan raise Refused."""

    def __init__(self) -> None:
        super().__init__(over="raise", divide="raise", invalid="raise")

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        super().__exit__(kind, error, trace)
        if isinstance(error, ArithmeticError):
            raise Refused("a number in it leaves the range of float64") from error


def need(holds: bool, otherwise: str) -> None:
    """Raise Refused with the text `otherwise` unless the condition holds."""
    if not holds:
        raise Refused(otherwise)


def need_minimum(s: Setting) -> None:
    """Raise Refused unless f is strongly convex and its optimum lies in the range."""
    need(s.inside, "the optimum must lie in the range")
    need(s.mu > 0, "f must be strongly convex; mu is 0")


def shrinkage(s: Setting) -> float:
    """2 alpha mu A, what a step takes of ||w - w*||^2; raises Refused unless f has a minimum and it is in (0, 1]."""
    need_minimum(s)
    need(s.A > 0, f"alpha L must be below 1, it is {s.alpha * s.L:.3g}")
    rate = 2 * s.alpha * s.mu * s.A
    need(rate <= 1, f"2 alpha mu A must be at most 1, it is {rate:.3g}")
    return rate


def coarse(s: Setting, factor: float = 1.0) -> bool | None:
    """Whether no update exceeds a quantum: True (certified over the range), False (on this path), None (not so).

    factor   what a step's gradient may exceed a sample's gradient by: 3 in SVRG.
    """
    if not s.grid.linear:
        return None
    if factor * s.alpha * s.largest_gradient <= s.delta:
        return True
    return False if s.max_update is not None and s.max_update <= s.delta else None


def root(a: float, b: Any, c: Any) -> Any:
    """The largest F with a F <= b sqrt(2 F) + c."""
    return ((b * math.sqrt(2) + np.sqrt(2 * b**2 + 4 * a * c)) / (2 * a)) ** 2


@functools.cache
def _not_about(name: str, algorithms: frozenset[str], algorithm: str) -> str:
    return f"theorem {name}: it is about {_listed(algorithms)}, not {algorithm}"


def _listed(names: frozenset[str]) -> str:
    *first, last = sorted(names)
    return f"{', '.join(first)} and {last}" if first else last
