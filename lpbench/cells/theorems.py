"""From a cell to the theorems: its choices and its problem as the numbers that they are about."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from lpbench.cells.points import points_of
from lpbench.choices.arithmetic import is_integer
from lpbench.errors import ConfigError
from lpbench.problems.base import QUADRATIC, SQUARED, Problem
from lpbench.problems.solving import box_solver
from lpbench.problems.solving.box import AtBox, active, box_optimum, largest_gradient
from lpbench.problems.solving.memory import by_group, remembered
from lpbench.problems.solving.objective import Risk
from lpbench.registry import formats
from lpbench.theory import arithmetic, evaluation, spacings
from lpbench.theory.minibatch import batch_constants
from lpbench.theory.spacings import Spacing
from lpbench.theory.split import MOST_EXPONENT_BITS, best_split, svrg_split
from lpbench.theory.theorem import HALP, SVRG, Refused, Setting, need, within_float64


class Path(NamedTuple):
    """What a run showed: the largest alpha |g_j|, and the share of updates that were clipped."""

    max_update: float
    saturated: float


def grid_of(choices: Mapping[str, Any]) -> Spacing:
    """The grid of a cell with resolved choices; of HALP, whose grid is rescaled, one that ends at 1.

    A format of the user's own may have a function `grid(choices, limit)` that returns one.
    Raises Refused for a format that no theorem is about.
    """
    limit = 1.0 if choices["limit"] is None else choices["limit"]
    declared = getattr(formats.get(choices["format"]), "grid", None)
    found = spacings.of_choices(choices, limit) if declared is None else declared(choices, limit)
    if found is None:
        raise Refused(f"no theorem is about the format {choices['format']}")
    return found


def setting(
    choices: Mapping[str, Any], problem: Problem, path: Path | None = None, steps: float | None = None
) -> Setting:
    """What the theorems read of a cell.

    choices   resolved (lpbench.cells.binding.resolve), so that every number is there.
    path      what the run showed; None before it.
    steps     T in place of the cell's own; inf for the noise ball.
    Raises Refused where no theorem is about the cell's format or algorithm, and where its numbers leave float64.
    """
    if is_integer(choices):
        raise Refused("no theorem is about integer arithmetic, which rounds data and coefficients, too")
    with within_float64():
        found = _setting(choices, problem, steps)
        if path is None:
            return found
        G = found.G
        if choices["schedule"] != "decreasing":
            samples = choices["batch_size"] * _active(problem)
            G = float(min(G, np.sqrt(min(found.n, samples)) * path.max_update / found.alpha))
        certified = found.G <= G
        return replace(
            found, G=G, G_certified=certified, max_update=path.max_update, saturated=path.saturated
        )


@by_group
def _setting(choices: Mapping[str, Any], problem: Problem, steps: float | None) -> Setting:
    if choices.get("sum_format") is not None:
        raise Refused("no theorem is about sums of few bits (sum_format)")
    grid, algorithm = grid_of(choices), choices["algorithm"]
    low, high = (-np.inf, np.inf) if algorithm in HALP else (grid.low, grid.high)
    at = reference(problem, low, high)
    D_0, e_0 = _start(choices, problem, grid, at)
    found = on_grid(choices, problem, grid, at, choices["steps"] if steps is None else steps)
    largest = found.sigma + np.sqrt(found.L * found.L_f) * _farthest(problem, low, high)
    return replace(
        found,
        D_0=D_0,
        e_0=e_0,
        G=float(largest),
        largest_gradient=_largest_gradient(problem, low, high) if np.isfinite(high) else np.inf,
        loops=_judged_loops(choices) if algorithm in SVRG | HALP and np.isfinite(found.steps) else None,
        averages_all=(choices["average_start"] or 0) == 0 and (choices["average_every"] or 1) == 1,
    )


def on_grid(choices: Mapping[str, Any], problem: Problem, grid: Spacing, at: AtBox, steps: float) -> Setting:
    """A run of resolved choices on `grid`, about the optimum `at`, and started there; G is left open."""
    algorithm = choices["algorithm"]
    constants: dict[str, Any] = at.constants
    if algorithm not in SVRG | HALP:  # those average over B what their proofs bound for one sample
        constants = batch_constants(at.constants, choices["batch_size"], at.gradient_norm)
    return Setting(
        n=problem.w_star.size,
        algorithm=algorithm,
        grid=grid,
        alpha=choices["step_size"],
        steps=steps,
        **{name: constants[name] for name in _CONSTANTS},
        D_0=0.0,
        e_0=0.0,
        quadratic=problem.loss in (SQUARED, QUADRATIC),
        inside=at.gradient_norm == 0.0,
        rounding=choices["rounding"],
        random_bits=choices["random_bits"],
        schedule=choices["schedule"] or "constant",
        snapshot=choices["snapshot"],
        inner_steps=choices["inner_steps"],
        mu_used=choices["mu"] or problem.constants["mu"],
    )


_active = remembered(active)
_largest_gradient = remembered(largest_gradient)
_VANISHING = 1e-9
_CONSTANTS = ("L", "mu", "L_f", "L_1", "L_1_avg", "gamma", "sigma", "sigma_1", "sigma_w", "L_w")


@by_group
def excess(choices: Mapping[str, Any], problem: Problem) -> float | None:
    """f(w_B) - f*: what the range of the format costs; None where there is no fixed range."""
    with suppress(Refused), within_float64():
        grid = grid_of(choices)
        if choices["algorithm"] not in HALP and np.isfinite(grid.high):
            return reference(problem, grid.low, grid.high).excess
    return None


@by_group
def noise_scale(choices: Mapping[str, Any], problem: Problem) -> float:
    """About the gap that noise alone keeps a run at: sigma^2/(2L) + delta sigma_1/2 + n L_f delta^2/8.

    The noise ball of SGD at alpha = 1/(2L), that of LP-SGD as alpha goes to 0, and half a quantum delta in
    every coordinate. delta is the spacing next to 0; where it moves with the numbers (HALP, block) rounding adds no
    more than they have, and counts as 0.
    """
    delta = 0.0
    if choices["algorithm"] not in HALP:
        with suppress(Refused), within_float64():
            delta = grid_of(choices).delta
    found, n = problem.constants, problem.w_star.size
    gradient = found["sigma"] * found["sigma"] / (2 * found["L"])
    return float(gradient + delta * found["sigma_1"] / 2 + n * found["L_f"] * delta * delta / 8)


def columns(choices: Mapping[str, Any], problem: Problem, row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of `cells` that hold proofs: every bound, the tightest and its ratio, and the cost of the range.

    row   the cell as it is known so far: `max_update` and `saturation_rate` are the path, its constants tell what
          its arithmetic resolves.
    """
    cost = excess(choices, problem)
    proven = limit = evaluation.Evaluation({}, {})
    with suppress(Refused):
        before, before_limit = _before_run(choices, problem)
        run = setting(choices, problem, Path(row["max_update"], row["saturation_rate"]))
        proven = evaluation.evaluate(run, before)
        limit = evaluation.evaluate(noise_ball(run), before_limit)
    found = evaluation.columns(proven, cost or 0.0) | evaluation.ball_columns(limit, cost or 0.0)
    found["bound_ratio"] = arithmetic.ratio(row["mean_gap"], found["bound"], arithmetic.resolution(row))
    found["box_excess"] = cost
    found["gap_to_box"] = None if cost is None or row["mean_gap"] is None else row["mean_gap"] - cost
    return found


@by_group
def _before_run(choices: Mapping[str, Any], problem: Problem) -> tuple[evaluation.Evaluation, ...]:
    """What the theorems say of the cell, and of its noise ball, whatever the run shows."""
    found = setting(choices, problem)
    return evaluation.before_run(found), evaluation.before_run(noise_ball(found))


def best_exponent_bits(choices: Mapping[str, Any], problem: Problem) -> int:
    """The exponent bits for which theory promises the least noise: what `exponent_bits=auto` stands for.

    choices   resolved but for `exponent_bits` and `steps`. LP-SGD and SWALP: the least noise ball at the cell's own
    step size (for a decreasing one: in its limit), whatever the rounding; LP-SVRG, whose gradient noise vanishes: the
    least noise that the grid adds on the way to the optimum. Raises ConfigError where no theorem applies.
    """
    decreasing = choices["schedule"] == "decreasing"
    found = setting({**choices, "exponent_bits": 0}, problem, steps=np.inf)
    found = replace(found, algorithm="lp_sgd", schedule="constant", rounding="stochastic", random_bits=None)
    found = replace(found, alpha=_VANISHING / found.L if decreasing else found.alpha)
    split = svrg_split if choices["snapshot"] is not None else best_split
    # 8 go beyond the range of float32.
    most = 7 if choices["compute_dtype"] == "float32" else MOST_EXPONENT_BITS
    try:
        return split(choices["precision"], choices["limit"], found, choices["subnormals"], most)[0]
    except Refused as reason:
        raise ConfigError(f"exponent_bits=auto: {reason}; give exponent_bits a number") from None


def noise_ball(found: Setting) -> Setting:
    """The same run without end."""
    return replace(found, steps=np.inf, loops=None)


@remembered
def reference(problem: Problem, low: float, high: float) -> AtBox:
    """The optimum over the range, and the constants there: those of w* itself where it lies inside."""
    if low <= problem.w_star.min() and problem.w_star.max() <= high:
        return AtBox(problem.w_star, 0.0, 0.0, problem.constants)
    return box_optimum(problem, low, high)


@remembered
def _farthest(problem: Problem, low: float, high: float) -> float:
    """The largest distance of a point of the range from the reference point."""
    w = reference(problem, low, high).w
    with np.errstate(over="ignore"):
        return float(np.linalg.norm(np.maximum(np.abs(high - w), np.abs(low - w))))


def _judged_loops(choices: Mapping[str, Any]) -> np.ndarray:
    """The outer loops whose snapshots `mean_gap` averages."""
    where = points_of(choices)
    return where.steps[where.even > 0] // choices["inner_steps"]


def _start(choices: Mapping[str, Any], problem: Problem, grid: Spacing, at: AtBox) -> tuple[float, float]:
    """||w_0 - w||^2 and f(w_0) - f(w), w the reference point."""
    rounded = choices["algorithm"] not in HALP and grid.gap > 0
    if choices["start"] == "zero":
        D_0 = float(at.w @ at.w)
        need(D_0 > 0 or not at.w.any(), "||w_0 - w*||^2 is too small for float64")
        above = _gap_at_zero(problem) - at.excess
        return D_0, above if above > 0 else _largest_gap(at, D_0)
    if not rounded:
        return 0.0, 0.0
    if grid.linear:
        start = np.clip(np.rint(problem.w_star / grid.delta) * grid.delta, grid.low, grid.high)
        D_0 = float(np.sum((start - at.w) ** 2))
    else:  # to the nearest number, which is half a gap away at most
        clipped = np.clip(problem.w_star, grid.low, grid.high)
        half = np.maximum(grid.delta, grid.zeta * np.abs(clipped)) / 2
        D_0 = float(np.sum((np.abs(clipped - at.w) + half) ** 2))
    return D_0, _largest_gap(at, D_0)


def _largest_gap(at: AtBox, D_0: float) -> float:
    """The largest f(w) - f(w_B) at a squared distance of D_0."""
    return at.gradient_norm * D_0**0.5 + at.constants["L_f"] / 2 * D_0


@remembered
def _gap_at_zero(problem: Problem) -> float:
    if problem.loss == QUADRATIC:
        assert problem.h is not None
        return 0.5 * float(problem.h @ problem.w_star**2)
    risk = Risk(problem.loss, problem.X, problem.y, problem.n_classes, problem.regularization)
    return box_solver.excess(risk, problem.w_star, np.zeros(problem.w_star.size))
