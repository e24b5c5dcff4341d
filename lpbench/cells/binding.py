"""From a built problem and a cell's choices to what kernels take."""

import functools
from typing import Any

import numpy as np

from lpbench.algorithms.base import Setup, uses_snapshots
from lpbench.arithmetic import products, rounding
from lpbench.arithmetic.generator import SUMS, stream
from lpbench.cells.points import check_length, run_length
from lpbench.cells.theorems import best_exponent_bits
from lpbench.choices import keys
from lpbench.choices.arithmetic import is_integer
from lpbench.convex import gap, gradients, losses, step_sizes
from lpbench.convex.drive import Run, keys_of, new_look
from lpbench.convex.integer import Samples, new_samples
from lpbench.convex.rows import Dense, Scaled, Sparse
from lpbench.convex.sums import Accumulator
from lpbench.convex.update import new_tally
from lpbench.declared.kinds import Formula
from lpbench.errors import ConfigError
from lpbench.formats.base import least_power_of_two
from lpbench.networks.roles import accumulator
from lpbench.problems.base import LOGISTIC, QUADRATIC, SOFTMAX, SQUARED, SQUARED_HINGE, Problem
from lpbench.problems.solving.memory import by_group, remembered
from lpbench.registry import algorithms, formats

_LOSSES = {SQUARED: losses.Squared(), LOGISTIC: losses.Logistic(), SQUARED_HINGE: losses.SquaredHinge()}
FULL_BITS = 16  # of the data that full gradients read in integer arithmetic
_FORM_DIMENSION = 256  # up to here the quadratic form costs less than a pass over the data


def resolve(choices: dict[str, Any], problem: Problem) -> dict[str, Any]:
    """The choices with every `auto` and expression replaced by its number, and steps for epochs.

    Raises ConfigError when one comes out impossible (a negative step size, say).
    """
    constants, n_samples = problem.constants, problem.n_samples
    chosen = dict(choices)
    chosen["dimension"], chosen["n_samples"] = problem.dimension, n_samples
    chosen["regularization"] = problem.regularization
    loops = uses_snapshots(algorithms.get(chosen["algorithm"]))
    L, mu = batch_smoothness(constants, chosen["batch_size"]), constants["mu"]
    values = {
        "L": constants["L"], "L_f": constants["L_f"], "mu": mu, "N": n_samples, "d": problem.dimension,
        "w_max": constants["w_max"],
    }  # fmt: skip
    if chosen["limit"] == "auto":
        chosen["limit"] = automatic_limit(constants["w_max"])
    chosen["limit"] = keys.resolve("limit", chosen["limit"], values)
    if chosen["exponent_bits"] != "auto":
        values["delta"] = number_format(chosen).scale
    if chosen["schedule"] == "decreasing":
        if mu <= 0:
            raise ConfigError(
                "schedule=decreasing needs a strongly convex problem: mu is 0 here; add regularization"
            )
        chosen["step_size"] = step_sizes.step_size(step_sizes.decreasing(mu, L), 0)
    elif chosen["step_size"] == "auto":
        chosen["step_size"] = 0.1 / constants["L"] if loops else 0.25 / L
    else:
        chosen["step_size"] = keys.resolve("step_size", chosen["step_size"], values)
    values["alpha"] = chosen["step_size"]
    if chosen["exponent_bits"] == "auto":
        chosen["exponent_bits"] = best_exponent_bits(chosen, problem)
        values["delta"] = number_format(chosen).scale
    own = [key for key, one in keys.further().items() if key in chosen and isinstance(one.kind, Formula)]
    for key in ("mu", "steps", *own):
        chosen[key] = keys.resolve(key, chosen[key], values)
    if loops:
        chosen["inner_steps"] = chosen["inner_steps"] or 2 * n_samples
    chosen["steps"] = run_length(chosen, n_samples)
    check_length(chosen["steps"])
    drawn = chosen["batch_size"] * problem.dimension
    if problem.noise_kind == "dense" and drawn >= 2**32:
        raise ConfigError(
            f"batch_size * dimension must be below 2**32, the generator's numbers of a step, got {drawn}"
        )
    return chosen


def batch_smoothness(constants: dict[str, float], batch: int) -> float:
    """L of the mean of a batch: L / B + (1 - 1/B) L_f."""
    return constants["L"] / batch + (1 - 1 / batch) * constants["L_f"]


def automatic_limit(w_max: float) -> float:
    """The least power of two at or above 1.5 max_j |w*_j|; 1 where w* = 0."""
    return least_power_of_two(1.5 * w_max)


def number_format(choices: dict[str, Any]) -> Any:
    """The format of resolved choices."""
    return formats.get(choices["format"]).from_choices(choices, choices["limit"])


def setup(choices: dict[str, Any], problem: Problem) -> Setup:
    """A cell with resolved choices, ready to start: what its group shares, with keys and scratch of its own."""
    form, same = _shared(choices, problem)
    n, classes, model = problem.w_star.size, problem.n_classes, same["model"]
    dtype = np.dtype(choices["compute_dtype"]).type
    dense = isinstance(model, gradients.Linear) and isinstance(model.rows, Dense)
    table = model.rows.X if dense and choices["batch_size"] == 1 else np.zeros((1, n), dtype)
    run = Run(
        **same,
        keys=keys_of(choices["seed"]),
        work=gradients.Work(table, np.zeros(classes), np.zeros(classes)),
        tally=new_tally(n, dtype),
        look=new_look(n, classes),
        sums=_accumulator(choices, problem),
    )
    start = problem.w_star if choices["start"] == "optimum" else np.zeros(n)
    return Setup(
        run=run,
        format=form,
        start=start.copy(),
        dtype=dtype,
        L=batch_smoothness(problem.constants, choices["batch_size"]),
        mu=problem.constants["mu"],
        samples=problem.n_samples,
        margins=1 if problem.loss == QUADRATIC else problem.n_samples,
        choices=choices,
        samples_in_integers=_in_integers(choices, problem),
    )


def _accumulator(choices: dict[str, Any], problem: Problem) -> Accumulator | None:
    """The accumulator of the margins; `limit=auto` is a range of 4 times the largest at the optimum."""
    if choices.get("sum_format") is None:
        return None
    found = accumulator(choices, margins_at_optimum(problem))
    assert found is not None
    return Accumulator(
        found.form.kernel(np.float64),
        rounding.make(found.rounding, np.float64, found.random_bits),
        np.float64(found.form.scale),
        np.int64(choices["sum_chunk"]),
        stream(choices["seed"], SUMS),
    )


@by_group
def _shared(choices: dict[str, Any], problem: Problem) -> tuple[Any, dict[str, Any]]:
    """The format, and what kernels get that is the same for all seeds."""
    dtype, form, mode = np.dtype(choices["compute_dtype"]).type, number_format(choices), choices["rounding"]
    model, judge = kernel_problem(problem, dtype)
    if is_integer(choices):
        data = samples(problem, FULL_BITS)
        model = model._replace(rows=Scaled(data.X, data.unit, data.y))
    schedule: Any = step_sizes.Constant(np.float64(choices["step_size"]))
    if choices["schedule"] == "decreasing":
        L = batch_smoothness(problem.constants, choices["batch_size"])
        schedule = step_sizes.decreasing(problem.constants["mu"], L)
    return form, {
        "model": model,
        "judge": judge,
        "fmt": form.step_kernel(dtype),
        "rounding": rounding.make(mode, dtype, choices["random_bits"]) if mode else rounding.NearestEven(),
        "schedule": schedule,
        "batch": np.int64(choices["batch_size"]),
    }


@functools.lru_cache(maxsize=8)
def kernel_problem(problem: Problem, dtype: Any) -> tuple[Any, Any]:
    """The model in the arithmetic's dtype and the judge in float64; shared by all cells of a problem."""
    w_star, strength = np.ascontiguousarray(problem.w_star), np.float64(problem.regularization)
    if problem.loss == QUADRATIC:
        assert problem.h is not None
        assert problem.noise is not None
        h, sparse = np.ascontiguousarray(problem.h), problem.noise_kind == "sparse"
        size = np.float64(problem.noise if sparse else problem.noise / np.sqrt(h.size))
        return gradients.Diagonal(h, w_star, size, sparse, np.float64(0)), gap.DiagonalForm(w_star, h)
    rows, exact = _rows(problem, dtype), _rows(problem, np.float64)
    margins = margins_at_optimum(problem)
    if problem.loss == SOFTMAX:
        model = gradients.Multinomial(rows, np.int64(problem.n_classes), strength)
        return model, gap.MultinomialDivergence(w_star, exact, strength, margins)
    loss = _LOSSES[problem.loss]
    judge: Any = gap.LinearDivergence(w_star, exact, loss, strength, margins)
    small = w_star.size <= min(_FORM_DIMENSION, problem.n_samples // 2)
    if problem.loss == SQUARED and isinstance(exact, Dense) and small:
        H = products.second_moments(exact.X) + strength * np.eye(w_star.size)
        judge = gap.QuadraticForm(w_star, H)
    return gradients.Linear(rows, loss, strength), judge


@remembered
def margins_at_optimum(problem: Problem) -> np.ndarray:
    """x_i . w* of all samples, (N, K)."""
    return products.margins(problem.X, np.ascontiguousarray(problem.w_star).reshape(problem.n_classes, -1))


def _in_integers(choices: dict[str, Any], problem: Problem) -> Samples | None:
    """The data that the steps of a cell read, where they are taken in integer arithmetic."""
    return samples(problem, choices["data_bits"]) if is_integer(choices) else None


@remembered
def samples(problem: Problem, bits: int) -> Samples:
    """The data of a problem in integers."""
    assert isinstance(problem.X, np.ndarray)
    return new_samples(problem.X, np.ascontiguousarray(problem.y, dtype=np.float64), bits)


def _rows(problem: Problem, dtype: Any) -> Any:
    X, y = problem.X, np.ascontiguousarray(problem.y, dtype=np.float64)
    if isinstance(X, np.ndarray):
        return Dense(np.ascontiguousarray(X, dtype=dtype), y)
    assert X is not None
    return Sparse(
        X.indptr.astype(np.int64), X.indices.astype(np.int64), np.ascontiguousarray(X.data, dtype=dtype), y
    )
