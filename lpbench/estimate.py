"""How long cells take and how much they store, before any of them runs: rough, and honest where unknown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lpbench import registry
from lpbench.choices import Cell
from lpbench.errors import ConfigError, LpbenchError

# Measured on one core of a shared 2-core x86 machine (float64, d = 16 to 2048); elsewhere within
# a factor of 2.
NS_STEP = 60.0  # per step: sampling, keys, call
NS_COORDINATE = {"sgd": 0.6, "lp_sgd": 1.3, "swalp": 1.6, "svrg": 1.5, "lp_svrg": 2.2, "halp": 2.2}
NS_COORDINATE_OTHER = 2.0  # an algorithm of the user's own
NS_GRADIENT = 0.6  # per sample and coordinate of a full gradient or an evaluation
SECONDS_POINT = 40e-6  # per evaluation point, in Python
SECONDS_CELL = 1e-3
BYTES_POINT, BYTES_CELL = 70.0, 700.0  # stored, compressed
LOOPS = frozenset({"svrg", "lp_svrg", "halp"})  # algorithms with full gradients at snapshots


@dataclass(frozen=True)
class Cost:
    """Of one cell: `seconds` on one core (kernels compiled, problem built) and `bytes` stored."""

    seconds: float
    bytes: float


class Estimator:
    """Estimates cells, remembering the sizes of their problems. A file may have to be read to know them."""

    def __init__(self) -> None:
        self._shapes: dict[str, Any] = {}

    def cost(self, choices: Mapping[str, Any], problem_key: str) -> Cost | None:
        """The cost of the cell with `choices`; None if steps depend on constants of an unbuilt problem."""
        shape = self._shape(choices, problem_key)
        if shape is None or isinstance(choices["steps"], str):
            return None
        n, coordinates = shape.n_samples, shape.dimension * shape.n_classes
        steps = choices["steps"] or math.ceil(choices["epochs"] * n / choices["batch_size"])
        seconds = SECONDS_CELL
        algorithm = choices["algorithm"]
        if algorithm in LOOPS:
            inner = choices["inner_steps"] or 2 * n
            loops = math.ceil(steps / inner)
            steps = loops * inner
            seconds += loops * n * coordinates * NS_GRADIENT * 1e-9
        per_step = NS_COORDINATE.get(algorithm, NS_COORDINATE_OTHER) * coordinates * choices["batch_size"]
        seconds += steps * (NS_STEP + per_step) * 1e-9
        points = min(steps + 1, choices["record_points"] + choices["even_points"])
        seconds += points * (SECONDS_POINT + n * coordinates * NS_GRADIENT * 1e-9)
        return Cost(seconds, BYTES_CELL + points * BYTES_POINT)

    def _shape(self, choices: Mapping[str, Any], problem_key: str) -> Any:
        if problem_key not in self._shapes:
            try:
                self._shapes[problem_key] = registry.problems.get(choices["problem"]).shape(choices)
            except LpbenchError:  # the data cannot be read: the cell will fail and say why
                self._shapes[problem_key] = None
        return self._shapes[problem_key]


@dataclass(frozen=True)
class Estimate:
    """Of several cells: `seconds` on one core and `bytes`, without those counted in `unknown`."""

    seconds: float
    bytes: float
    unknown: int


def estimate(cells: Sequence[Cell]) -> Estimate:
    """A rough estimate: kernels compiled, problems built; reads data files where their sizes are needed."""
    costs = cell_costs(cells)
    known = [cost for cost in costs if cost is not None]
    seconds, stored = sum(cost.seconds for cost in known), sum(cost.bytes for cost in known)
    return Estimate(seconds, stored, len(costs) - len(known))


def cell_costs(cells: Sequence[Cell]) -> list[Cost | None]:
    """The cost of each of `cells`; seeds of a group cost the same and are estimated once."""
    estimator = Estimator()
    memory: dict[str, Cost | None] = {}
    costs = []
    for cell in cells:
        if cell.group_id not in memory:
            memory[cell.group_id] = estimator.cost(cell.choices, cell.problem_key)
        costs.append(memory[cell.group_id])
    return costs


def notes(cells: Sequence[Cell]) -> list[str]:
    """What is worth knowing before the sweep starts: sparse data whose steps cost O(d)."""
    dense = 0
    memory: dict[str, bool] = {}
    for cell in cells:
        if cell.problem_key not in memory:
            memory[cell.problem_key] = _is_sparse(cell.choices)
        if memory[cell.problem_key] and (
            cell.choices["regularization"] != 0 or cell.choices["algorithm"] in LOOPS
        ):
            dense += 1
    if not dense:
        return []
    return [
        f"{dense} cells have sparse data, but a step of theirs costs O(dimension): only sgd and lp_sgd with "
        f"regularization=0 touch the non-zeros alone"
    ]


def _is_sparse(choices: Mapping[str, Any]) -> bool:
    """Whether the cell's data stays sparse: an svmlight file without random features."""
    if choices["dataset"] != "file" or choices["dimension"] is not None:
        return False
    dataset = registry.datasets.get("file")
    try:
        return dataset.values(choices, next(iter(dataset.tasks)))["path"] == "svmlight"
    except ConfigError:  # the file is gone since the plan was made
        return False
