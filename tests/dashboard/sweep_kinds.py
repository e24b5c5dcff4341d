"""The kinds of sweep that a figure has to survive, as made-up results in milliseconds; and random ones of them.

`KINDS` names twelve of them: each value makes the results that `conftest.write` stores.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from fake_results import FakeResult, fake_cell, fake_result
from hypothesis import strategies as st

CONSTANTS = {
    "L": 1.0, "mu": 0.1, "L_f": 0.5, "L_1": 2.0, "L_1_avg": 1.0, "gamma": 2.0, "sigma": 0.5, "s_1": 1.5,
    "sigma_w": 0.2, "L_w": 0.6, "w_max": 0.5, "w_norm": 1.0, "weights": 16, "quadratic": True,
    "optimum_gradient_norm": 0.0,
}  # fmt: skip
STEPS = [0, 1, 2, 5, 10, 20, 50, 100]
ALGORITHMS = {"lp_sgd": 1.0, "halp": 1e-3, "lp_svrg": 1e-2, "swalp": 0.3, "svrg": 1e-2, "sgd": 1.0}
FULL = ("sgd", "svrg")  # in full precision
FULL_NETWORKS = ("sgd", "adamw")
RATES = (
    "saturation_rate",
    "underflow_rate",
    "stall_rate",
    "stall_gradient",
    "stall_decay",
    "stall_momentum",
    "snr",
)
LOSSES = ("test_error", "best_test_error", "test_loss", "train_loss")


def cells(seeds: int = 5, **axes: Sequence[Any]) -> Iterator[FakeResult]:
    """A result for each combination of the axes and each seed: its floor falls by two a bit and grows like d^(1/4)."""
    seen: set[str] = set()  # what runs in full precision is the same in all formats
    for *values, seed in itertools.product(*axes.values(), range(seeds)):
        result = made(seed, **dict(zip(axes, values, strict=True)))
        if result.row["cell_id"] not in seen:
            seen.add(result.row["cell_id"])
            yield result


def made(seed: int, **choices: Any) -> FakeResult:
    """One result with the constants of its problem and limits below and above its floor."""
    of = {
        "algorithm": "lp_sgd",
        "format": "fixed",
        "precision": 8,
        "dimension": 16,
        "step_size": 0.01,
        **choices,
    }
    if of["algorithm"] in FULL or of["format"] == "none":
        of |= {"format": "none", "precision": 64}
    else:
        of |= {"limit": 1.0, "rounding": "stochastic"}
    of |= {"exponent_bits": 3} if of["format"] in ("float", "log") else {}
    bits, d = int(of["precision"]), float(of["dimension"] or 16)
    value = ALGORITHMS[of["algorithm"]] * 2.0**-bits * (d / 16) ** 0.25 * of["step_size"] * (1 + 0.1 * seed)
    result = fake_result(fake_cell(seed, batch_size=1, schedule="constant", **of), value=value, steps=STEPS)
    result.row |= CONSTANTS | {"sigma_1": d**0.5, "mean_gap": value / 50, "final_gap": value / 90}
    result.row |= priced(of, 3.0 if of["algorithm"] == "halp" else 1.0)
    if of["format"] != "none":
        result.row |= {
            "bound": value / 10, "bound_ratio": 0.2, "bound_kind": "1c", "bound_basis": "certified",
            "noise_ball": value / 20, "noise_ball_dimension_free": value / 20,
            "noise_ball_earlier": value / 20 * d / 16,
        }  # fmt: skip
    return result


def priced(row: dict[str, Any], moves: float = 1.0) -> dict[str, float]:
    """What a step costs whose every weight moves `moves` times: bytes by its bits, 10 pJ of arithmetic each."""
    weights, bits = float(row["dimension"] or 16), float(row["precision"])
    moved, arithmetic = moves * weights * bits, 0.01 * moves * weights
    return {
        "bits_per_value": bits, "bytes_per_step": moved / 8, "energy_per_step": arithmetic + 0.0203 * moved,
        "arithmetic_energy_per_step": arithmetic,
    }  # fmt: skip


def network(seed: int, **choices: Any) -> FakeResult:
    """The result of a network: its error is 0.3 (16 / width)^(1/2) and what rounding adds, which grows with the width
    where it is to the nearest; its losses are ten times that. Each seed records steps of its own.
    """
    of = {
        "algorithm": "lp_sgd",
        "format": "fixed",
        "precision": 8,
        "dimension": 16,
        "rounding": "stochastic",
        **choices,
    }
    if of["algorithm"] in FULL_NETWORKS or of["format"] == "none":
        of |= {"format": "none", "precision": 32, "rounding": None}
    cell = fake_cell(seed, problem="mlp", dataset="mnist1d", step_size=0.05, batch_size=64, **of)
    grows = of["dimension"] / 16 if of["rounding"] == "nearest_even" else 1.0
    added = 0.0 if of["format"] == "none" else grows * 4.0 ** (2 - of["precision"])
    error = min(0.9, 0.3 * (16 / of["dimension"]) ** 0.5 + added) + 0.001 * (seed - 1)
    step = np.unique([0, *(20 * i + 5 + (7 * seed + 3 * i) % 11 for i in range(5)), 100])
    falling = error + (0.9 - error) * np.exp(-step / 20.0)
    trace = {"step": step, "epoch": step / 10, "gradient_evaluations": step * 64, "seconds": step * 1e-3}
    trace |= {"test_error": falling, "test_loss": 10 * falling, "train_loss": 10 * falling**2}
    last = {name: float(values[-1]) for name, values in trace.items() if name.startswith(("test", "train"))}
    result = fake_result(cell)
    row = {
        **result.row,
        **last,
        **priced(of),
        "result": "test_error",
        "best_test_error": error,
        "noise_floor": None,
        "L": None,
    }
    return FakeResult(row | {"test_error": error}, trace)


def watched(
    result: FakeResult, layers: Sequence[str] = ("hidden1", "hidden2", "output"), count: int = 0
) -> FakeResult:
    """The result with what rounding did to its tensors: to the nearest the weights stall and lose their decay, errors
    become 0 as training goes on, activations of the last layer but one are clipped; each the more the fewer bits.

    count   recorded steps; 0: those of the trace.
    """
    bits, nearest = int(result.row["precision"]), result.row["rounding"] == "nearest_even"
    seed, copy = int(result.row["seed"]), result.row.get("master_format") in ("none", "fixed")
    steps = np.unique(np.linspace(0, 1000, count).astype(int)) if count else result.trace["step"]
    coarse = min(1.0, 2.0 ** (4 - bits)) * (1 + 0.05 * (seed - 1))
    rows: list[dict[str, Any]] = []

    def put(
        step: int, layer: str, tensor: str, role: str, size: int, exponent: float, **rates: float
    ) -> None:
        rest = dict.fromkeys(RATES, math.nan) | {
            "saturation_rate": 0.0,
            "underflow_rate": 0.0,
            "snr": 6.0 * bits - 8,
        }
        spread = {"min": -14, "q10": -4, "q50": -1, "q90": 1, "max": 3}
        sizes = {f"exponent_{name}": math.floor(exponent) + more for name, more in spread.items()}
        where = {"step": step, "layer": layer, "tensor": tensor, "role": role, "numbers": size}
        rows.append(
            {
                **where,
                **rest,
                **sizes,
                **{name: min(1.0, one) if one == one else one for name, one in rates.items()},
            }
        )

    for step in steps:
        done = step / max(1, steps[-1])
        put(step, "input", "input", "activations", 2560, -1)
        for i, layer in enumerate(layers[:-1]):
            last = i + 2 == len(layers)
            put(
                step,
                layer,
                layer,
                "activations",
                6400,
                i,
                saturation_rate=0.4 * coarse * done if last else 0.0,
            )
        for i, layer in enumerate(reversed(layers)):
            put(
                step,
                layer,
                layer,
                "errors",
                6400,
                -8 - 2 * i - 4 * done,
                underflow_rate=coarse * (0.2 * i + done),
            )
        for i, layer in enumerate(layers):
            for tensor, size in (("weight", 4096), ("bias", 64)):
                name, deep = f"{layer}.{tensor}", -6 - 3 * done
                put(step, layer, name, "gradients", size, deep, underflow_rate=0.3 * coarse * done)
                put(step, layer, name, "momentum", size, deep + 2, underflow_rate=0.1 * coarse)
                stalls = (0.9 if nearest else 0.5) * coarse**0.3 * (0.6 + 0.4 * done)
                lost = {
                    "stall_rate": stalls,
                    "stall_gradient": stalls * (0.8 if nearest else 0.3),
                    "stall_decay": 1.0 if nearest and tensor == "weight" else 0.4 * coarse,
                    "stall_momentum": stalls * 0.5,
                }
                if copy:
                    put(step, layer, name, "master", size, -2, snr=math.nan, **dict.fromkeys(lost, 0.0))
                put(step, layer, name, "weights", size, -2 - i, **({} if copy else lost))
    columns = list(rows[0]) if rows else []  # a cell that failed has none
    result.tensors = {
        name: np.array([row[name] for row in rows], object if isinstance(rows[0][name], str) else None)
        for name in columns
    }
    return result


def networks(seeds: int = 3, **axes: Sequence[Any]) -> Iterator[FakeResult]:
    """A result for each combination of the axes and each seed."""
    seen: set[str] = set()
    for *values, seed in itertools.product(*axes.values(), range(seeds)):
        result = network(seed, **dict(zip(axes, values, strict=True)))
        if result.row["cell_id"] not in seen:
            seen.add(result.row["cell_id"])
            yield result


def _networks() -> list[FakeResult]:
    found = list(
        networks(3, dimension=[16, 64, 256], precision=[4, 6, 8], rounding=["stochastic", "nearest_even"])
    )
    found += networks(3, dimension=[16, 64], algorithm=["sgd"])
    found[1].row |= {"status": "diverged", **dict.fromkeys(LOSSES, math.nan)}
    found[2].row |= {"status": "failed", "error": "no such file", **dict.fromkeys(LOSSES)}
    found[2].trace = {"step": np.zeros(0, np.int64)}
    return found


def gaps(result: FakeResult, values: Any, floor: float | None) -> FakeResult:
    """The result with another trace and another floor."""
    result.trace["objective_gap"] = np.asarray(values, float)
    result.row |= {"noise_floor": floor}
    return result


def diverged(result: FakeResult) -> FakeResult:
    """The result as one that rose beyond float32 and ended before the others."""
    kept = len(STEPS) // 2
    result.trace = {name: values[:kept] for name, values in result.trace.items()}
    result.row |= {"status": "diverged"}
    return gaps(result, 10.0 ** np.linspace(-2, 300, kept), math.nan)


def unfinished(result: FakeResult, status: str) -> FakeResult:
    """The result as one that failed, with no trace, or ran out of time."""
    if status == "failed":
        result.trace = {"step": np.zeros(0, np.int64)}
        result.row |= {"error": "no such file"}
    result.row |= {"status": status, "noise_floor": None, "mean_gap": None, "bound_ratio": None}
    return result


def zero(result: FakeResult) -> FakeResult:
    """The result of one that reaches the optimum exactly."""
    gap = result.trace["objective_gap"].copy()
    gap[len(gap) // 2 :] = 0.0
    return gaps(result, gap, 0.0)


def infinite(result: FakeResult) -> FakeResult:
    """The result with numbers that no figure has a place for."""
    gap = result.trace["objective_gap"].copy()
    gap[2:4] = math.inf, math.nan
    result.row |= {"noise_ball": math.inf, "bound": math.inf, "bound_ratio": math.inf, "mean_gap": math.inf}
    return gaps(result, gap, math.inf)


def _some(
    found: Iterator[FakeResult], every: int, change: Callable[[FakeResult], FakeResult]
) -> list[FakeResult]:
    return [change(result) if i % every == 0 else result for i, result in enumerate(found)]


def _unfinished() -> list[FakeResult]:
    found = list(cells(2, algorithm=["lp_sgd", "halp"], precision=[4, 8]))
    return [unfinished(one, ("failed", "timeout")[i % 2]) if i < 6 else one for i, one in enumerate(found)]


KINDS: Mapping[str, Callable[[], list[FakeResult]]] = {
    "axes": lambda: list(
        cells(5, dimension=[16, 64, 256], precision=[4, 6, 8, 10], format=["fixed", "float", "log"])
    ),
    "step sizes": lambda: list(cells(2, step_size=[2.0**-i for i in range(13)], precision=[4, 8])),
    "partly diverging": lambda: _some(cells(5, algorithm=["lp_sgd", "halp"], precision=[4, 6]), 3, diverged),
    "one cell": lambda: [made(0)],
    "no cell": list,
    "unfinished": _unfinished,
    "zeros": lambda: _some(cells(3, precision=[4, 6, 8], dimension=[16, 64]), 2, zero),
    "infinities": lambda: _some(cells(3, precision=[4, 6, 8], dimension=[16, 64]), 2, infinite),
    "algorithms": lambda: list(
        cells(2, algorithm=list(ALGORITHMS), format=["fixed", "float", "log", "block"], precision=[4, 8])
    ),
    "many": lambda: list(
        cells(1, precision=range(2, 17), dimension=[2**i for i in range(4, 11)], algorithm=["lp_sgd", "halp"],
              format=["fixed", "float", "log"])
    ),
    "networks": _networks,
    "networks with tensors": lambda: [watched(one) for one in _networks()],
    "convex and networks": lambda: [
        *cells(2, precision=[4, 8], dimension=[16, 64]),
        *networks(2, precision=[4, 8], dimension=[16, 64]),
    ],
}  # fmt: skip

CHANGES: Mapping[str, Callable[[FakeResult], FakeResult]] = {
    "as it is": lambda result: result,
    "diverged": diverged,
    "zero": zero,
    "infinite": infinite,
    "failed": lambda result: unfinished(result, "failed"),
    "timeout": lambda result: unfinished(result, "timeout"),
}
MOST = 60  # cells of a random sweep
VALUES: Mapping[str, Sequence[Any]] = {
    "algorithm": list(ALGORITHMS),
    "format": ["fixed", "float", "log", "block"],
    "precision": list(range(2, 17)),
    "dimension": [2**i for i in range(3, 11)],
    "step_size": [2.0**-i for i in range(13)],
}


SWEEPS = st.fixed_dictionaries(
    {
        "axes": st.fixed_dictionaries(
            {
                axis: st.lists(st.sampled_from(values), min_size=1, max_size=4, unique=True)
                for axis, values in VALUES.items()
            }
        ),
        "seeds": st.integers(1, 3),
        "ways": st.lists(st.sampled_from(list(CHANGES)), min_size=1, max_size=5),
    }
)


def random(axes: Mapping[str, Sequence[Any]], seeds: int, ways: Sequence[str]) -> list[FakeResult]:
    """One of `SWEEPS`: at most `MOST` cells, which ended in each of the ways by turns."""
    found = itertools.islice(cells(seeds, **axes), MOST)
    return [CHANGES[way](result) for way, result in zip(itertools.cycle(ways), found, strict=False)]
