"""How long cells take, how much they store and how much memory they need, before any of them runs: rough, and
honest where unknown.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from lpbench import registry
from lpbench.algorithms.base import uses_snapshots
from lpbench.cells.points import check_length, run_length
from lpbench.choices.arithmetic import is_integer, is_sparse
from lpbench.choices.cell import Cell
from lpbench.errors import LpbenchError, TooLarge
from lpbench.networks.roles import recipe
from lpbench.terminal import size

# Measured on one core of a shared 2-core x86 machine (float64, d = 16 to 2048): within a factor of about 2.
NS_STEP = 45.0  # per step: sampling, keys, loop
NS_OTHER = 0.6  # per coordinate: an algorithm or a format of the user's own that does not say
NS_TERM = 10.0  # per coordinate of a sum, each behind the other, that is rounded there
NS_INTEGER = 0.15  # per coordinate of a step in integers, with what is counted at every 16th
NS_GRADIENT = 0.8  # per sample and coordinate of a full gradient or an evaluation
SECONDS_POINT, SECONDS_CELL = 3e-6, 1e-3  # in Python
BYTES_POINT, BYTES_CELL = 46.0, 300.0  # stored, compressed
# Of memory: a number; those of a cell for each weight (scratch), for each record point (drawing them), and for each
# point that is evaluated (its record and its trace).
BYTES_NUMBER, PER_WEIGHT, PER_RECORD, PER_POINT = 8.0, 12, 6, 24

# What remarks depend on.
_ERRORS = ("error_format", "format", "scale_rule", "block_size")  # what decides the format of errors
_DATA = ("problem", "dataset", "path", "target", "scaling", "n_samples", "data_seed")


@dataclass(frozen=True)
class Cost:
    """Of one cell or several: `seconds` on one core (kernels compiled, problems built) and `bytes` stored.

    unknown   how many cells are not counted in them
    """

    seconds: float
    bytes: float
    unknown: int = 0


class Estimator:
    """Estimates cells, remembering the sizes of their problems. A file may have to be read to know them."""

    def __init__(self) -> None:
        self._shapes: dict[str, Any] = {}

    def cost(self, choices: Mapping[str, Any], problem_key: str) -> Cost | None:
        """The cost of the cell with `choices`; None if steps depend on constants of an unbuilt problem."""
        shape, steps = self._shape(choices, problem_key), self.steps(choices, problem_key)
        if steps is None:
            return None
        problem = registry.problems.get(choices["problem"])
        points = min(steps + 1, choices["record_points"] + choices["even_points"])
        stored = BYTES_CELL + points * BYTES_POINT
        if hasattr(problem, "work"):
            work = problem.work(choices)
            return Cost(SECONDS_CELL + steps * work.step + points * work.look, stored)
        n, coordinates = shape.n_samples, shape.dimension * shape.n_classes
        # Stored entries of a row of X: fewer than coordinates where a problem says that it is sparse.
        entries = problem.row_entries(choices) if hasattr(problem, "row_entries") else coordinates
        seconds = SECONDS_CELL
        algorithm = registry.algorithms.get(choices["algorithm"])
        form = registry.formats.get(choices["format"])
        if uses_snapshots(algorithm):
            loops = steps // (choices["inner_steps"] or 2 * n)
            seconds += loops * n * coordinates * NS_GRADIENT * 1e-9
        per_coordinate = getattr(algorithm, "ns_coordinate", NS_OTHER) * choices["batch_size"]
        if choices["sum_format"] is not None:
            per_coordinate += NS_TERM / choices["sum_chunk"] * choices["batch_size"]
        per_coordinate += getattr(form, "ns_rounding", NS_OTHER)
        if is_integer(choices):
            per_coordinate = NS_INTEGER
        touched = (
            entries if _is_sparse_algorithm(algorithm) and not choices["regularization"] else coordinates
        )
        seconds += steps * (NS_STEP + per_coordinate * touched) * 1e-9
        # A small Hessian is kept, and evaluates a quadratic without a pass over the data.
        evaluation = entries * min(n, coordinates if choices["problem"] == "least_squares" else n)
        seconds += points * (SECONDS_POINT + evaluation * NS_GRADIENT * 1e-9)
        return Cost(seconds, stored)

    def steps(self, choices: Mapping[str, Any], problem_key: str) -> int | None:
        """Parameter updates, in whole loops; None where the problem has to be built to know."""
        shape = self._shape(choices, problem_key)
        if shape is None or isinstance(choices["steps"], str):
            return None
        problem = registry.problems.get(choices["problem"])
        return getattr(problem, "run_length", run_length)(choices, shape.n_samples)

    def problem_bytes(self, choices: Mapping[str, Any], problem_key: str) -> float:
        """Memory of the problem while it is built, data included; 0 where that is not known."""
        shape = self._shape(choices, problem_key)
        if shape is None:
            return 0.0
        problem = registry.problems.get(choices["problem"])
        if hasattr(problem, "memory"):
            return float(problem.memory(choices))
        entries = problem.row_entries(choices) * shape.n_samples if hasattr(problem, "row_entries") else 0
        return BYTES_NUMBER * (2 * entries + PER_WEIGHT * shape.dimension)

    def run_bytes(self, choices: Mapping[str, Any], problem_key: str) -> float:
        """Memory of one running cell beside its problem."""
        shape = self._shape(choices, problem_key)
        weights = shape.dimension * shape.n_classes if shape is not None else 0
        records, points = choices["record_points"], choices["record_points"] + choices["even_points"]
        if not isinstance(choices["steps"], str) and choices["steps"] is not None:
            points = min(points, choices["steps"] + 1)
        problem: Any = None if shape is None else registry.problems.get(choices["problem"])
        if hasattr(problem, "work"):
            return float(problem.work(choices).bytes + BYTES_NUMBER * PER_POINT * points)
        return BYTES_NUMBER * (PER_WEIGHT * weights + PER_RECORD * records + PER_POINT * points)

    def _shape(self, choices: Mapping[str, Any], problem_key: str) -> Any:
        if problem_key not in self._shapes:
            try:
                self._shapes[problem_key] = registry.problems.get(choices["problem"]).shape(choices)
            except LpbenchError:  # the data cannot be read: the cell will fail and say why
                self._shapes[problem_key] = None
        return self._shapes[problem_key]


def estimate(cells: Sequence[Cell]) -> Cost:
    """A rough estimate: kernels compiled, problems built; reads data files where their sizes are needed."""
    costs = cell_costs(cells)
    known = [cost for cost in costs if cost is not None]
    seconds, stored = sum(cost.seconds for cost in known), sum(cost.bytes for cost in known)
    return Cost(seconds, stored, len(costs) - len(known))


def cell_costs(cells: Sequence[Cell]) -> list[Cost | None]:
    """The cost of each of `cells`; seeds of a group cost the same and are estimated once."""
    estimator, groups = Estimator(), {cell.group_id: cell for cell in cells}
    costs = {key: estimator.cost(cell.located, cell.problem_key) for key, cell in groups.items()}
    return [costs[cell.group_id] for cell in cells]


def memory(cells: Sequence[Cell], workers: int) -> tuple[float, str]:
    """(bytes that the cells take, `workers` at a time; what takes the most): problems are built once, side by side."""
    estimator = Estimator()
    built = {cell.problem_key: cell for cell in cells}
    groups = {cell.group_id: cell for cell in cells}
    if not cells:
        return 0.0, ""
    problems = [(estimator.problem_bytes(cell.located, key), cell) for key, cell in built.items()]
    problems.sort(key=itemgetter(0), reverse=True)
    runs = [(estimator.run_bytes(cell.located, cell.problem_key), cell) for cell in groups.values()]
    run, largest = max(runs, key=itemgetter(0))
    total = sum(need for need, _ in problems[:workers]) + workers * run
    if problems[0][0] >= run:
        choices, keys = problems[0][1].choices, ["problem", "dataset", "dimension", "n_samples"]
    else:
        choices, keys = largest.choices, ["record_points", "even_points"]
        if choices.get("engine") is not None:  # a network
            keys = ["problem", "dimension", "depth", "batch_size", "steps"]
    shown = " ".join(f"{key}={choices[key]}" for key in keys if choices[key] is not None)
    return total, shown


def machine_memory() -> float:
    """Bytes of memory that this process may take: the machine's, or its control group's where that has less."""
    found = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            found = min(found, float(Path(file).read_text(encoding="ascii")))
        except (OSError, ValueError):  # none, or the word max
            continue
    return found


def check_memory(cells: Sequence[Cell], workers: int, max_memory: float | None = None) -> None:
    """Raise TooLarge where the cells take more than `max_memory` GB (None: what this machine has)."""
    allowed = machine_memory() if max_memory is None else max_memory * 1e9
    needed, most = memory(cells, workers)
    if needed > allowed:
        at_once = f", {workers} cells at a time" if workers > 1 else ""
        whose = "this machine has" if max_memory is None else "max_memory allows"
        raise TooLarge(
            f"about {size(needed)} of memory are needed ({most}{at_once}), but {whose} {size(allowed)}"
        )


def check_steps(cells: Sequence[Cell]) -> None:
    """Raise ConfigError where `epochs` ask for more steps than the generator can tell apart."""
    estimator = Estimator()
    for cell in {cell.group_id: cell for cell in cells}.values():
        check_length(estimator.steps(cell.located, cell.problem_key) or 0)


def notes(cells: Sequence[Cell]) -> list[str]:
    """What is worth knowing before the sweep starts: sparse data whose steps cost O(d), and offsets that are kept."""
    return [*_dense_steps(cells), *_kept_offsets(cells)]


def _kept_offsets(cells: Sequence[Cell]) -> list[str]:
    stored = {cell.group_id: cell.located for cell in cells if cell.choices["centre_cache"] == "stored"}
    held = [_offset_bytes(choices) for choices in stored.values()]
    if not held:
        return []
    return [
        f"centre_cache=stored: a cell keeps {size(max(held))} for a loop, values and derivatives of its batches at the "
        "centre; without, they are computed at each step"
    ]


def _offset_bytes(choices: Mapping[str, Any]) -> float:
    problem: Any = registry.problems.get(choices["problem"])
    return float(problem.work(choices).bytes - problem.work({**choices, "centre_cache": None}).bytes)


def _dense_steps(cells: Sequence[Cell]) -> list[str]:
    names = [
        name for name in registry.algorithms.names() if _is_sparse_algorithm(registry.algorithms.get(name))
    ]
    built = {cell.problem_key: cell for cell in cells}
    sparse = {key for key, cell in built.items() if is_sparse(cell.located)}
    asked = [cell.choices for cell in cells if cell.problem_key in sparse]
    dense = sum(one["algorithm"] not in names or one["regularization"] != 0 for one in asked)
    if not dense:
        return []
    return [
        f"{dense} cells have sparse data, but a step of theirs costs O(dimension): only {' and '.join(names)} with "
        "regularization=0 touch the non-zeros alone"
    ]


def warnings(cells: Sequence[Cell]) -> list[str]:
    """What the user should know of these cells, a line each: what scaling makes of the columns of files of their own,
    which are read, errors of networks in blocks whose largest number is clipped, and offsets of HALP in 8 bits.
    """
    lines = dict.fromkeys((*_clipped_errors(cells), *_coarse_offsets(cells)))
    located = [cell.located for cell in {cell.problem_key: cell for cell in cells}.values()]
    asked = {tuple(one[key] for key in _DATA): one for one in located if one["path"] is not None}
    for choices in asked.values():
        problem = registry.problems.get(choices["problem"])
        try:
            lines |= dict.fromkeys(problem.remarks(choices) if hasattr(problem, "remarks") else ())
        except LpbenchError:  # the cells will fail and say why
            continue
    return list(lines)


def _clipped_errors(cells: Sequence[Cell]) -> list[str]:
    rounding = [cell.choices for cell in cells if cell.choices["error_format"]]
    lines = []
    for choices in {tuple(one[key] for key in _ERRORS): one for one in rounding}.values():
        rounder = recipe({**choices, "full_precision": None}, ["any"], True).rounder("errors", None)
        form: Any = None if rounder is None else rounder.form
        if getattr(form, "rule", None) == "floor" and (share := form.clipped()):
            lines.append(
                f"scale_rule=floor clips the largest number of {100 * share:.0f} % of the blocks of "
                f"{choices['format']}, those of errors too, and few networks train so; scale_rule=rceil clips none"
            )
    return lines


def _coarse_offsets(cells: Sequence[Cell]) -> list[str]:
    asked = [cell.choices for cell in cells if is_integer(cell.choices)]
    coarse = sum(one["algorithm"] == "halp" and one["precision"] == 8 for one in asked)
    if not coarse:
        return []
    return [
        f"{coarse} cells hold HALP's offset z in 8 bits: rounding it adds noise that grows with dimension and "
        "condition number, and at one of 100 it diverges; precision=16 with data_bits=8 takes the same time"
    ]


def _is_sparse_algorithm(algorithm: Any) -> bool:
    """Whether a step of it touches the non-zeros of a row alone, where there is no regularization."""
    return bool(getattr(algorithm, "sparse_steps", False))
