"""What it costs that data is rounded to integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench.algorithms.base import uses_snapshots
from lpbench.cells.binding import FULL_BITS, kernel_problem
from lpbench.choices.arithmetic import is_integer
from lpbench.convex.gap import judge_once
from lpbench.convex.integer import quantised
from lpbench.problems.base import Problem
from lpbench.problems.solving.memory import remembered
from lpbench.problems.solving.objective import Risk
from lpbench.problems.solving.optimum import solve
from lpbench.registry import algorithms
from lpbench.theory.moments import moments


def data_excess(choices: Mapping[str, Any], problem: Problem) -> float | None:
    """f(w_q) - f(w*), w_q the optimum of the rounded data; None where the arithmetic is simulated."""
    if not is_integer(choices):
        return None
    full = uses_snapshots(algorithms.get(choices["algorithm"]))
    return _excess(problem, FULL_BITS if full else choices["data_bits"])


@remembered
def _excess(problem: Problem, bits: int) -> float:
    assert isinstance(problem.X, np.ndarray)
    codes, unit = quantised(problem.X, bits)
    X = codes * unit
    risk = Risk(problem.loss, X, problem.y, 1, problem.regularization)
    w, _ = solve(risk, moments(X).gram)
    judge = kernel_problem(problem, np.float64)[1]
    return float(judge_once(judge, w - judge.w_star, np.zeros(w.size), np.zeros((3, 1))))
