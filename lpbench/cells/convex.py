"""The convex engine: compiled algorithms on problems whose optimum is known, judged by their gap to it, and proven."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench import registry
from lpbench.analysis.tables import RESULT
from lpbench.cells.binding import kernel_problem, number_format, resolve, setup
from lpbench.cells.described import described
from lpbench.cells.measured import Measured
from lpbench.cells.points import Points
from lpbench.cells.rounded_data import data_excess
from lpbench.cells.step_costs import step_costs
from lpbench.cells.theorems import columns as proofs
from lpbench.cells.theorems import noise_scale
from lpbench.convex import drive
from lpbench.convex.gap import judge_once
from lpbench.convex.step_sizes import mean_weight, weights
from lpbench.declared.costs import gradient_evaluations
from lpbench.errors import last_line
from lpbench.problems.base import QUADRATIC, SQUARED, Problem
from lpbench.problems.solving.memory import by_group, remembered

_DIVERGED = 1e6  # a gap this many times the larger of the initial gap and the gap at 0
_BEYOND_NOISE = 1e3  # and this many times what noise makes, where those are next to nothing beside it
_COORDINATE_SECONDS = 1e-8  # of a step or an evaluation, at the slowest: a log format
_PROVEN = frozenset({"ok", "diverged"})  # what a bound is about: runs that went as far as was asked, or off


class Convex:
    """The engine of problems with `w_star`, `loss` and `constants` (lpbench.problems.base.Problem)."""

    result = RESULT

    def resolve(self, choices: dict[str, Any], problem: Problem) -> dict[str, Any]:
        """The choices in numbers."""
        return {**_resolved(choices, problem), "seed": choices["seed"]}

    @staticmethod
    @by_group
    def describe(choices: dict[str, Any], problem: Problem) -> dict[str, Any]:
        """What the format is, and the constants that bounds are made of."""
        form = number_format(choices)
        constants = {key: value for key, value in problem.constants.items() if choices.get(key) is None}
        return {
            **described(choices, problem, form),
            "optimum_gradient_norm": problem.optimum_gradient_norm,
            "weights": problem.w_star.size,
            "w_norm": float(np.linalg.norm(problem.w_star)),
            "quadratic": problem.loss in (SQUARED, QUADRATIC),
            "data_excess": data_excess(choices, problem),
            **step_costs(choices, problem, form),
            **constants,
        }

    def start(self, choices: dict[str, Any], problem: Problem, points: Points) -> "Descent":
        """The cell at step 0."""
        return Descent(choices, problem, points)


CONVEX = Convex()
_resolved = by_group(resolve)


class Descent:
    """A cell under way, with the record that its kernel writes."""

    def __init__(self, choices: dict[str, Any], problem: Problem, points: Points):
        ready = setup(choices, problem)
        self.choices, self.problem, self.points, self.ready = choices, problem, points, ready
        inner, coordinates = choices["inner_steps"], ready.start.size
        samples = choices["batch_size"] + (ready.samples / inner if inner else 0)  # a step, on average
        self.step_seconds = 1e-7 + _COORDINATE_SECONDS * coordinates * samples
        self.look_seconds = 1e-6 + _COORDINATE_SECONDS * coordinates * ready.samples
        self.record = np.zeros((points.steps.size, drive.RECORDED))
        advance = registry.algorithms.get(choices["algorithm"])().prepare(ready)
        self._advance = Measured(advance, choices, problem, ready.run.look.output, points.steps.size)
        self._limit: float | None = None

    def advance(self, stops: np.ndarray, rows: np.ndarray, first: int, last: int) -> None:
        """Go on to stops[first:last]."""
        self._advance(stops, rows, first, last, self.record)

    def diverged(self, first: int, count: int) -> int | None:
        """The first point whose gap is not finite, or too large."""
        if self._limit is None:
            self._limit = self._largest_gap()
        gaps = self.record[first:count, [drive.GAP, drive.ITERATE_GAP]]
        bad = ~np.isfinite(gaps).all(axis=1) | (gaps.max(axis=1, initial=0) > self._limit)
        return first + int(np.argmax(bad)) if bad.any() else None

    def _largest_gap(self) -> float:
        """The largest gap of a run that has not diverged, from the initial gap and the gap at zero.

        With an optimum at 0 both may be 0, and what noise makes is larger without end: then that is the scale.
        """
        gap = max(self.record[0, drive.GAP], _gap_at_zero(self.problem, self.ready.dtype))
        return max(_DIVERGED * gap, _BEYOND_NOISE * noise_scale(self.choices, self.problem))

    def observe(self, count: int) -> dict[str, np.ndarray]:
        """Gaps, norms and rates at the points seen."""
        record, steps = self.record[:count], self.points.steps[:count]
        batch, inner, samples = self.choices["batch_size"], self.choices["inner_steps"], self.ready.samples
        outer = np.zeros_like(steps) if inner is None else -(-steps // inner)
        # Coordinate updates with non-zero alpha g so far, from their share at the audited steps.
        updates = record[:, drive.MOVED] / np.maximum(record[:, drive.AUDITED], 1) * steps
        return {
            "epoch": steps * (batch / samples),
            "outer": outer,
            "gradient_evaluations": gradient_evaluations(steps, batch, samples, inner),
            "objective_gap": record[:, drive.GAP].copy(),
            "iterate_gap": record[:, drive.ITERATE_GAP].copy(),
            "gradient_norm": record[:, drive.GRADIENT_NORM].copy(),
            "distance": record[:, drive.DISTANCE].copy(),
            "saturation_rate": record[:, drive.SATURATED] / np.maximum(updates, 1),
            "stall_rate": record[:, drive.STALLED] / np.maximum(record[:, drive.MOVED], 1),
            **self._advance.trace(count),
        }

    def tensors(self, count: int) -> Mapping[str, np.ndarray]:
        """None: the row of `cells` and the trace say all of the one tensor that there is."""
        return {}

    def metrics(self, trace: Mapping[str, np.ndarray], row: Mapping[str, Any]) -> dict[str, Any]:
        """Floor and means, rates, and the bounds beside them."""
        found = self._measured(trace)
        if row["status"] not in _PROVEN:
            return found
        try:
            return found | proofs(self.choices, self.problem, {**row, **found})
        except Exception as error:  # a bound that cannot be computed takes nothing from the run
            return {**found, "error": f"its bounds could not be computed: {last_line(error)}"}

    def _measured(self, trace: Mapping[str, np.ndarray]) -> dict[str, Any]:
        choices, schedule = self.choices, self.ready.run.schedule
        steps, gaps = trace["step"], trace["objective_gap"]
        record, drawn = self.record[: steps.size], self.points.even[: steps.size]
        even = drawn > 0
        tail = even & (steps >= (1 - choices["tail"]) * choices["steps"])
        weight = drawn[even] * weights(schedule, steps[even].astype(np.float64))
        # Divided by what the weights of a whole run come to on average, which does not depend on the draw, the mean is
        # unbiased; of a run cut short it is that of what was seen.
        whole = steps.size == self.points.steps.size
        total = drawn.sum() * mean_weight(schedule, choices["steps"]) if whole else weight.sum()
        low = record[np.argmax(tail)] if tail.any() else record[0]
        audits = record[-1, drive.AUDITED] - low[drive.AUDITED]
        with np.errstate(all="ignore"):
            return {
                "initial_gap": float(gaps[0]),
                "final_gap": float(gaps[-1]),
                "noise_floor": _mean(gaps[tail], drawn[tail], drawn[tail].sum()),
                "mean_gap": _mean(gaps[even], weight, total),
                "iterate_gap": _mean(trace["iterate_gap"][tail], drawn[tail], drawn[tail].sum()),
                "best_gap": float(np.nanmin(gaps)) if not np.isnan(gaps).all() else float("nan"),
                "gradient_l1": float((record[-1, drive.L1] - low[drive.L1]) / audits) if audits else None,
                "max_update": float(record[-1, drive.PEAK]),
                "saturation_rate": float(trace["saturation_rate"][-1]),
                "stall_rate": float(trace["stall_rate"][-1]),
                **self._advance.row(steps.size),
            }


@remembered
def _gap_at_zero(problem: Problem, dtype: Any) -> float:
    judge, classes = kernel_problem(problem, dtype)[1], np.zeros((3, problem.n_classes))
    return float(judge_once(judge, -judge.w_star, np.zeros(judge.w_star.size), classes))


def _mean(values: np.ndarray, weight: np.ndarray, total: float) -> float | None:
    return float((values * weight).sum() / total) if values.size else None
