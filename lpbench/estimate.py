"""How long cells take and how much they store, before any of them runs: rough, and honest where unknown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lpbench import registry
from lpbench.choices import Cell
from lpbench.errors import ConfigError, LpbenchError

# Measured on one core of a shared 2-core x86 machine (float64, d = 16 to 2048): within a factor of about 2.
NS_STEP = 45.0  # per step: sampling, keys, loop
NS_COORDINATE = {"sgd": 0.35, "lp_sgd": 0.35, "swalp": 0.6, "svrg": 0.35, "lp_svrg": 0.5, "halp": 0.5}
NS_COORDINATE_OTHER = 0.6  # an algorithm of the user's own
NS_ROUNDING = {"none": 0.0, "fixed": 0.4, "float": 0.6, "log": 14.0, "block": 1.0}  # more, per coordinate
NS_ROUNDING_OTHER = 0.6  # presets, and formats of the user's own
NS_GRADIENT = 0.8  # per sample and coordinate of a full gradient or an evaluation
SECONDS_POINT, SECONDS_CELL = 3e-6, 1e-3  # in Python
BYTES_POINT, BYTES_CELL = 46.0, 300.0  # stored, compressed
LOOPS = frozenset({"svrg", "lp_svrg", "halp"})  # algorithms with full gradients at snapshots
SPARSE = frozenset(
    {"sgd", "lp_sgd"}
)  # algorithms that touch the non-zeros of a row alone, without a regulariser

_DATA = (
    "problem",
    "dataset",
    "path",
    "target",
    "scaling",
    "n_samples",
    "data_seed",
)  # what remarks depend on


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
        entries = _row_entries(choices, coordinates)
        steps = choices["steps"] or math.ceil(choices["epochs"] * n / choices["batch_size"])
        seconds = SECONDS_CELL
        algorithm = choices["algorithm"]
        if algorithm in LOOPS:
            inner = choices["inner_steps"] or 2 * n
            loops = math.ceil(steps / inner)
            steps = loops * inner
            seconds += loops * n * coordinates * NS_GRADIENT * 1e-9
        per_coordinate = NS_COORDINATE.get(algorithm, NS_COORDINATE_OTHER) * choices["batch_size"]
        per_coordinate += NS_ROUNDING.get(choices["format"], NS_ROUNDING_OTHER)
        touched = entries if choices["algorithm"] in SPARSE and not choices["regularization"] else coordinates
        seconds += steps * (NS_STEP + per_coordinate * touched) * 1e-9
        points = min(steps + 1, choices["record_points"] + choices["even_points"])
        # A small Hessian is kept, and evaluates a quadratic without a pass over the data.
        evaluation = entries * min(n, coordinates if choices["problem"] == "least_squares" else n)
        seconds += points * (SECONDS_POINT + evaluation * NS_GRADIENT * 1e-9)
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


def warnings(cells: Sequence[Cell]) -> list[str]:
    """What scaling makes of the columns of the user's own data, a line each; reads the files."""
    lines: dict[str, None] = {}
    asked = set()
    for cell in {cell.problem_key: cell for cell in cells}.values():
        choices = cell.choices
        data = tuple(choices[key] for key in _DATA)
        if choices["path"] is None or data in asked:
            continue
        asked.add(data)
        problem = registry.problems.get(choices["problem"])
        try:
            lines |= dict.fromkeys(problem.remarks(choices) if hasattr(problem, "remarks") else ())
        except LpbenchError:  # the cells will fail and say why
            continue
    return list(lines)


def _row_entries(choices: Mapping[str, Any], coordinates: int) -> int:
    """Stored entries of a row of X: fewer than coordinates where a problem says that it is sparse."""
    entries = getattr(registry.problems.get(choices["problem"]), "row_entries", None)
    return coordinates if entries is None else entries(choices)


def _is_sparse(choices: Mapping[str, Any]) -> bool:
    """Whether the cell's data stays sparse: an svmlight file without random features."""
    if choices["dataset"] != "file" or choices["dimension"] is not None:
        return False
    dataset = registry.datasets.get("file")
    try:
        return dataset.values(choices, next(iter(dataset.tasks)))["path"].startswith("svmlight")
    except ConfigError:  # the file is gone since the plan was made
        return False
