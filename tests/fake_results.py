"""Finished cells made up in milliseconds, for tests of everything that does not care what a cell computes."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.choices.cell import Cell, Group
from lpbench.declared.choices import CHOICES
from lpbench.store import SweepWriter, schema


@dataclass
class FakeResult:
    """As `lpbench.cells.run.Result`."""

    row: dict[str, Any]
    trace: dict[str, np.ndarray]
    tensors: dict[str, np.ndarray] = field(default_factory=dict)


def digest(text: str) -> str:
    """16 hex digits."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def fake_cell(seed: int = 0, precision: int = 8, problem: str = "least_squares", **choices: Any) -> Cell:
    """A cell whose identity follows from its choices."""
    every: dict[str, Any] = dict.fromkeys(name for name in schema.CHOICES if name != "seed")
    every |= {
        "problem": problem,
        "algorithm": "lp_sgd",
        "format": "fixed",
        "precision": precision,
        "steps": 100,
    }
    every |= {"dimension": 16, "record_points": 10, "even_points": 10, "batch_size": 1, **choices}
    group = digest(repr(sorted(every.items(), key=str)))
    values = tuple(every.get(name) for name in CHOICES)
    shared = Group(values, group, digest(f"{problem} {every['dimension']}"))
    return Cell(shared, seed, digest(f"{group} {seed}"))


def fake_result(
    cell: Cell, status: str = "ok", value: float = 1.0, steps: Sequence[int] | None = None
) -> FakeResult:
    """The result of `cell`: its gap falls from `value` to value / 100 over log-spaced and random steps."""
    if steps is None:
        generator = np.random.default_rng(int(cell.cell_id[:8], 16))
        even = generator.integers(11, 99, 3)
        steps = np.unique(np.concatenate([[0, 1, 2, 5, 10, 100], even])).tolist()
    step = np.asarray(steps, np.int64)
    gap = value * 10.0 ** (-step / 50)
    trace = {"step": step, "epoch": step / 10, "gradient_evaluations": step, "objective_gap": gap}
    trace["seconds"] = step * 1e-3
    row = {
        **cell.choices,
        "cell_id": cell.cell_id,
        "group_id": cell.group_id,
        "status": status,
        "error": None,
    }
    row |= {
        "noise_floor": value / 100 if status == "ok" else None,
        "digest": digest(gap.tobytes().hex()),
        "L": 2.0,
    }
    return FakeResult(row, trace)


ROLES = ("weights", "activations", "errors", "gradients")


def fake_tensors(
    cell: Cell, steps: Sequence[int] = (0, 10, 100), layers: Sequence[str] = ("hidden1", "output")
) -> dict[str, np.ndarray]:
    """The tensors of `cell` as an engine hands them over: NaN where a rate does not apply; its numbers are its own."""
    random = np.random.default_rng(int(cell.cell_id[:8], 16))
    rows = [(step, layer, role) for step in steps for layer in layers for role in ROLES]
    count, role = len(rows), np.array([row[2] for row in rows], object)
    weights = role == "weights"
    least = random.integers(-30, -10, count).astype(np.float64)
    return {
        "step": np.array([row[0] for row in rows], np.int64),
        "layer": np.array([row[1] for row in rows], object),
        "tensor": np.where(weights, "matrix", "values"),
        "role": role,
        "numbers": random.integers(1, 10**6, count),
        "saturation_rate": random.random(count) / 200,
        "underflow_rate": random.random(count) / 20,
        "stall_rate": np.where(weights, random.random(count), np.nan),
        "stall_gradient": np.where(weights, random.random(count), np.nan),
        "stall_decay": np.full(count, np.nan),
        "snr": np.where(random.random(count) < 0.2, np.nan, 20 + 10 * random.random(count)),
        "exponent_min": np.where(random.random(count) < 0.1, np.nan, least),
        "exponent_q10": least + 3,
        "exponent_q50": least + 5,
        "exponent_q90": least + 8,
        "exponent_max": least + 12,
    }


def fake_network(cell: Cell, **options: Any) -> FakeResult:
    """As `fake_result`, with tensors."""
    result = fake_result(cell, **options)
    result.tensors = fake_tensors(cell)
    return result


def write(
    folder: Path,
    results: Iterable[FakeResult],
    finish: bool = True,
    calls: Sequence[Mapping[str, Any]] = (),
    cells: int | None = None,
    stamp: Mapping[str, Any] | None = None,
) -> None:
    """Put `results` into the sweep as one call; finish=False: as if it were killed after the last part.

    cells   how many the call has; None: as many as there are results.
    """
    results = list(results)
    store = SweepWriter(folder, list(calls), len(results) if cells is None else cells, stamp)
    for result in results:
        store.put(result)
    if finish:
        store.close()
    else:
        store._parts.close()
        store._lock.release()
