"""What the theorems promise of a grid before anything is run: constants and bounds of every cell group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpbench.analysis.evidence import COLUMNS, Evidence, weigh
from lpbench.analysis.tables import RESULT
from lpbench.cells import theorems
from lpbench.cells.binding import resolve
from lpbench.cells.engine import engine_of
from lpbench.choices.cell import Cell
from lpbench.choices.grid import DEFAULT_EXPERIMENT, expand
from lpbench.errors import ConfigError, LpbenchError
from lpbench.problems.base import QUADRATIC, SQUARED, Problem
from lpbench.problems.build import build
from lpbench.registry import bounds as registered
from lpbench.store import find_sweep, read_cells
from lpbench.store.arrays import plain_columns
from lpbench.sweeps.plan import MAX_CELLS, Call, Plan
from lpbench.theory import evaluation
from lpbench.theory.evaluation import Evaluation, theorem
from lpbench.theory.theorem import Refused

if TYPE_CHECKING:
    import pandas

NOTHING = Evaluation({}, {})


@dataclass(frozen=True)
class Proof:
    """What is proven of the cells that differ in nothing but the seed.

    choices       with the numbers that the problem decides; as they were asked for where `error` is set.
    facts         n_samples, weights (n), w_norm, quadratic.      constants, kinds   of the problem, by name.
    run, ball     the theorems for the cell's own T, and for T = inf.
    excess        f(w_B) - f*, what the format's range costs (None: it has none); the bounds in `row` include it.
    error         why the cells cannot be run.
    """

    group_id: str
    problem_key: str
    choices: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)
    constants: dict[str, float] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    run: Evaluation = NOTHING
    ball: Evaluation = NOTHING
    excess: float | None = None
    error: str | None = None

    def row(self) -> dict[str, Any]:
        """One flat row: choices, constants and bounds under the names of the columns of `cells`.

        Also `noise_ball` and `noise_ball_1b`, ... (T = inf), `L_kind`, ... (exact, upper, lower), and `refused_1b`,
        ... (why a theorem says nothing).
        """
        offset = self.excess or 0.0
        row = {"group_id": self.group_id, "problem_key": self.problem_key, **self.choices, **self.facts}
        row |= {name: value for name, value in self.constants.items() if row.get(name) is None}
        row |= {f"{name}_kind": kind for name, kind in self.kinds.items()}
        row |= {"error": self.error, "box_excess": self.excess}
        row |= evaluation.columns(self.run, offset)
        for name, value in evaluation.columns(self.ball, offset).items():
            row["noise_ball" + name.removeprefix("bound")] = value
        for name in registered.names():
            row["refused_" + theorem(name).column.removeprefix("bound_")] = self.run.refused.get(name)
        return row


def plan_groups(
    overrides: Sequence[str] = (),
    config_dir: Path | str | None = None,
    skip_invalid: bool = False,
    guard: Callable[[int], None] | None = None,
) -> Plan:
    """One cell of each group that `overrides` ask for (none: the default grid); the seeds are left aside.

    guard   called with the number of groups before any is made; may raise.
    Raises ConfigError for what cannot be run, unless such combinations are to be skipped.
    """
    folder = None if config_dir is None else Path(config_dir)
    asked = list(overrides) or [f"+experiment={DEFAULT_EXPERIMENT}"]
    found = expand([*asked, "seed=0"], folder, guard)
    plan = Plan(
        "bounds", Path(), [Call((), None, skip_invalid)], found.cells, [], found.invalid, axes=found.axes
    )
    plan.check()
    for cell in plan.cells:
        if engine_of(cell.choices).result != RESULT:
            raise ConfigError(
                f"problem={cell.choices['problem']}: nothing is proven of networks; bounds are of convex problems"
            )
    return plan


def prove(cells: Sequence[Cell], on_problem: Callable[[int, int], None] | None = None) -> list[Proof]:
    """The proofs of the groups of `cells`, in their order; each problem is built once.

    on_problem   called with (i, of how many) before each problem is built, the one thing here that takes time.
    """
    members: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        members.setdefault(cell.problem_key, {}).setdefault(cell.group_id, cell)
    proofs: dict[str, Proof] = {}
    for i, groups in enumerate(members.values()):
        if on_problem is not None:
            on_problem(i, len(members))
        for cell in groups.values():
            proofs[cell.group_id] = _proof(cell)
    return [proofs[group_id] for group_id in dict.fromkeys(cell.group_id for cell in cells)]


@np.errstate(over="ignore", divide="ignore", invalid="ignore")  # as in a cell: outcomes, and no warnings
def _proof(cell: Cell) -> Proof:
    try:
        problem = build(cell.choices)
    except LpbenchError as error:
        return Proof(cell.group_id, cell.problem_key, cell.choices, error=str(error))
    known = (_facts(problem), problem.constants, problem.constant_kinds)
    try:
        choices = resolve(cell.choices, problem)
    except ConfigError as error:
        return Proof(cell.group_id, cell.problem_key, cell.choices, *known, error=str(error))
    # As a row of `cells` has them: null stays null where a choice is not read.
    shown = {key: choices[key] if asked is not None else None for key, asked in cell.choices.items()}
    shown |= {key: choices[key] for key in ("dimension", "n_samples", "steps")}
    shown["seed"] = None
    try:
        setting = theorems.setting(choices, problem)
    except Refused as refused:
        nothing = Evaluation({}, dict.fromkeys(registered.names(), str(refused)))
        return Proof(cell.group_id, cell.problem_key, shown, *known, run=nothing, ball=nothing)
    run, ball = (evaluation.evaluate(found) for found in (setting, theorems.noise_ball(setting)))
    excess = theorems.excess(choices, problem)
    return Proof(cell.group_id, cell.problem_key, shown, *known, run=run, ball=ball, excess=excess)


def _facts(problem: Problem) -> dict[str, Any]:
    return {
        "n_samples": problem.n_samples,
        "weights": problem.w_star.size,
        "w_norm": float((problem.w_star @ problem.w_star) ** 0.5),
        "quadratic": problem.loss in (SQUARED, QUADRATIC),
    }


def of_sweep(folder: Path) -> Evidence:
    """Every cell group of a stored sweep beside its bounds, with the bound of each theorem.

    Raises ConfigError where all of them are networks.
    """
    cells = read_cells(folder)
    if cells.num_rows and "result" in cells.column_names and not cells["result"].null_count:
        raise ConfigError(
            f"sweep {folder.name} is of networks, of which nothing is proven: lpbench show {folder.name}"
        )
    wanted = [name for name in cells.column_names if name in COLUMNS or name.startswith("bound_")]
    return weigh(plain_columns(cells.select(wanted)))


def bounds(
    overrides: Sequence[str] | str = (),
    runs_dir: Path | str = "runs",
    config_dir: Path | str | None = None,
    skip_invalid: bool = False,
    max_cells: int | None = MAX_CELLS,
) -> pandas.DataFrame:
    """What is proven of each cell group, as a DataFrame with one row a group; nothing is run or written.

    overrides     as on the command line: `["precision=4,6,8", "dimension=64,256"]`; none: the default grid. Or the
                  name (or path) of a stored sweep, `"demo"`: then the measured gaps stand beside the bounds.
    runs_dir      where sweeps lie.
    config_dir    a folder with your own yamls and modules, theorems included.
    skip_invalid  leave out combinations that make no sense, in place of raising.
    max_cells     refuse a grid of more cell groups (None: any size).

    Of a grid: the choices; the constants (`L`, `mu`, ...) with `L_kind`, ... that say exact, upper or lower; `bound`,
    the tightest that is proven for the mean objective gap, its theorem in `bound_kind`, what it rests on in
    `bound_basis`; `bound_earlier`, `bound_dimension_free`, and `bound_1b`, ... of every theorem; the same for
    a run without end in `noise_ball`, ...; `refused_1b`, ... say why a theorem does not apply; `error` why the cells
    cannot be run. Of a sweep: `lpbench.analysis.evidence.Evidence` says which columns. Raises ConfigError.

    >>> lpbench.bounds(["problem=family_s", "k=4", "dimension=16,64,256"])[["dimension", "bound", "bound_kind"]]
    """
    import pandas

    from lpbench.sweeps.sweep import cells_guard

    if isinstance(overrides, str | Path) and names_sweep([str(overrides)]):
        return pandas.DataFrame(of_sweep(find_sweep(overrides, runs_dir)).groups)
    asked = [overrides] if isinstance(overrides, str) else overrides
    plan = plan_groups(asked, config_dir, skip_invalid, cells_guard(max_cells))
    return pandas.DataFrame([proof.row() for proof in prove(plan.cells)])


def names_sweep(arguments: Sequence[str]) -> bool:
    """Whether the arguments of `lpbench bounds` are one sweep: a single word that is no override."""
    return len(arguments) == 1 and "=" not in arguments[0] and not arguments[0].startswith(("+", "~"))
