"""A whole check: run or read the cells, decide, weigh the bounds, go on where it is undecided."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lpbench.analysis.evidence import Evidence, weigh
from lpbench.analysis.matching import Row
from lpbench.arithmetic import generator
from lpbench.choices.cell import make_cell
from lpbench.errors import ConfigError, ExitCode
from lpbench.provenance import now, provenance
from lpbench.regression import golden, judging, measured
from lpbench.regression.baselines import Baseline, platform_class
from lpbench.regression.golden import Finding
from lpbench.regression.judging import Group, Slice
from lpbench.store import find_sweep
from lpbench.sweeps.plan import FORCED, MAX_CELLS, Plan, Stored, make_plan
from lpbench.sweeps.sweep import Event, run_plan

if TYPE_CHECKING:
    from lpbench.regression.throughput import Timing

HEADS = {
    ExitCode.BOUND_BROKEN: "BOUND BROKEN", ExitCode.REGRESSION: "REGRESSION", ExitCode.UNDECIDABLE: "NOT DECIDABLE",
}  # fmt: skip
MOST_SEEDS = 40  # that a bound above 1 is followed to
Listener = Callable[[Event], None]


@dataclass
class Check:
    """What a check found.

    sweep      name of the sweep that was checked.      folder   of it.
    allowed    labels of missing configurations that were declared.     timings   None: throughput was not asked for
    golden     the golden trajectories of what the cells use; None: nothing was run
    """

    baseline: Baseline
    sweep: str
    folder: Path
    cells: list[Row]
    groups: list[Group]
    slices: list[Slice]
    evidence: Evidence
    notes: list[str] = field(default_factory=list)
    allowed: set[str] = field(default_factory=set)
    timings: list[Timing] | None = None
    golden: list[Finding] | None = None
    checked_at: str = field(default_factory=now)

    @property
    def counts(self) -> dict[str, int]:
        """Configurations by verdict."""
        return dict(judging.summary(self.groups))

    @property
    def worse(self) -> list[Group]:
        """What got worse, the lost ones first, then by the ratio."""
        found = [group for group in self.groups if group.verdict in (judging.WORSE, judging.FAILED)]
        return sorted(found, key=lambda group: (group.verdict != judging.FAILED, -_ratio(group), group.label))

    @property
    def missing(self) -> list[Group]:
        """What the baseline holds and was not run or not finished, in part or whole, and was not declared."""
        return [group for group in self.groups if group.missing and group.label not in self.allowed]

    @property
    def slower(self) -> list[Timing]:
        """Confirmed losses of speed."""
        return [timing for timing in self.timings or () if timing.verdict == "slower"]

    @property
    def moved(self) -> list[Finding]:
        """Golden trajectories that moved while no version rose."""
        return [finding for finding in self.golden or () if finding.state == golden.MOVED]

    @property
    def incomparable(self) -> bool:
        """Whether nothing of the baseline was measured: another grid, or an empty sweep."""
        held = [group for group in self.groups if group.base]
        return not any(group.verdict not in (judging.MISSING, judging.NEW) for group in held)

    @property
    def exit_code(self) -> ExitCode:
        """5 a broken bound, 4 a regression, 6 not decidable, 3 cells that were bad before too, 0."""
        if self.evidence.broken:
            return ExitCode.BOUND_BROKEN
        if self.worse or self.slower or self.moved:
            return ExitCode.REGRESSION
        if self.missing or self.incomparable:
            return ExitCode.UNDECIDABLE
        if any(cell["status"] != "ok" for cell in self.cells):
            return ExitCode.SOME_BAD
        return ExitCode.DONE

    def line(self) -> str:
        """The verdict in one line."""
        counts = self.counts
        head = HEADS.get(self.exit_code, "no regression")
        parts = [f"{len(self.worse)} of {len([g for g in self.groups if g.base])} configurations worse"]
        parts.append(f"{len(self.evidence.broken)} bounds broken")
        order = (judging.IDENTICAL, judging.SAME, judging.BETTER, judging.UNDECIDED, judging.UNTESTED)
        parts += [
            f"{counts[name]} {name}" for name in (*order, judging.CHANGED, judging.NEW) if counts.get(name)
        ]
        parts.append(f"{len(self.missing)} missing")
        if self.moved:
            parts.append(f"{len(self.moved)} of {len(self.golden or ())} golden paths moved")
        if self.timings is not None:
            parts.append(f"{len(self.slower)} of {len(self.timings)} slower")
        seeds = len({cell["seed"] for cell in self.cells})
        return f"{head}: {', '.join(parts)}; {seeds} seed{'' if seeds == 1 else 's'}; baseline {self.baseline.name}"


def _ratio(group: Group) -> float:
    return max((test.ratio for test in group.tests.values()), default=0.0)


def check_cells(
    baseline: Baseline,
    folder: Path,
    cells: list[Row],
    seeds: int | None = None,
    allow_missing: Sequence[str] = (),
) -> Check:
    """Check cells that were read of the sweep in `folder`.

    seeds   of the baseline, the first so many count (None: all).
    allow_missing   patterns of labels (`algorithm=halp*`) whose absence is no fault.
    """
    held = set(baseline.seeds[:seeds])
    base = [cell for cell in baseline.cells if cell["seed"] in held]
    found = {group: members[0]["target_gap"] for group, members in measured.by_config(base).items()}
    target = {config_id: gap for config_id, gap in found.items() if gap is not None}
    measured.steps_to_target(folder, cells, target)
    compared = [cell for cell in cells if cell["seed"] in held or cell["config_id"] not in found]
    groups, slices = judging.judge(base, compared, baseline.is_ours)
    columns = {name: [cell.get(name) for cell in cells] for name in measured.COLUMNS}
    result = Check(baseline, folder.name, folder, cells, groups, slices, weigh(columns))
    result.allowed = {
        group.label
        for group in groups
        if group.missing and any(fnmatch.fnmatch(group.label, f"*{pattern}*") for pattern in allow_missing)
    }
    result.notes = _notes(result)
    return result


def _notes(result: Check) -> list[str]:
    meta, notes = result.baseline.meta, []
    if not result.baseline.is_ours:
        notes.append(
            f"the baseline is of {meta['platform']}, this is {platform_class()}: digests are not compared, the "
            "statistics decide"
        )
    if meta.get("generator") != generator.SCHEME:
        notes.append("the generator of the baseline is another one: seeds share no noise, which costs power")
    commits = {cell["git_commit"] for cell in result.cells}
    mine = provenance()["git_commit"]
    if commits and mine is not None and commits != {mine}:
        notes.append(f"cells of {', '.join(sorted(map(str, commits)))} are checked, the code here is {mine}")
    if not result.cells:
        notes.append(f"nothing was measured: sweep {result.sweep} holds no cell")
    elif result.incomparable and not any(group.paired for group in result.groups):
        notes.append(
            f"none of the {len([g for g in result.groups if g.now])} configurations of {result.sweep} is in the "
            "baseline: another grid"
        )
    return notes


def check_sweep(
    baseline: Baseline,
    sweep: str,
    runs_dir: Path,
    seeds: int | None = None,
    allow_missing: Sequence[str] = (),
) -> Check:
    """Check a stored sweep; raises ConfigError for an unknown one, StoreError for one that cannot be read."""
    folder = find_sweep(sweep, runs_dir)
    return check_cells(baseline, folder, measured.read(folder), seeds, allow_missing)


def golden_findings(result: Check) -> list[Finding]:
    """The golden trajectories, here and now, of the algorithms, formats and problems of the cells of a check."""
    used = [group.choices for group in result.groups if group.now]
    return golden.compare(case for case in golden.cases() if case.concerns(used))


def plan_of(
    baseline: Baseline,
    overrides: Sequence[str],
    runs_dir: Path,
    config_dir: Path | None = None,
    name: str | None = None,
    seeds: int | None = None,
) -> Plan:
    """The plan of a check: of the overrides, or of the calls that the baseline was measured with.

    name    of the sweep that it makes (None: check-<baseline>).
    seeds   only the first so many of the baseline (None: all that are asked for).
    """
    name = name or f"check-{baseline.name}"
    if overrides:
        plan = make_plan(overrides, name, runs_dir, config_dir, force=True)
        plan.can_skip = False  # check has no such option
    elif not baseline.meta["calls"]:
        raise ConfigError(f"baseline {baseline.name} does not know its grid: name a sweep, or overrides")
    else:
        instead = f"lpbench check --baseline {baseline.name} OVERRIDES"
        stored = Stored(f"baseline {baseline.name}", instead, MAX_CELLS, Path.cwd())
        plan = stored.plan(baseline.meta["calls"], name, runs_dir, config_dir, force=True)
    if seeds is not None:
        kept = set(baseline.seeds[:seeds])
        plan.cells = [cell for cell in plan.cells if cell.seed in kept]
        plan.reasons = [FORCED] * len(plan.cells)
    return plan


def measure(plan: Plan, workers: int | None = None, on_event: Listener | None = None) -> list[Row]:
    """Run the cells of `plan`, and read what they measured; raises Interrupted.

    Stored cells are computed again: the code has changed, which the identity of a cell does not tell.
    """
    outcome = run_plan(plan, workers, force=True, on_event=on_event).complete()
    return measured.read(plan.folder, frozenset(outcome.statuses))


def escalate(
    result: Check, plan: Plan, workers: int | None = None, on_event: Listener | None = None,
    allow_missing: Sequence[str] = (),
) -> Check:  # fmt: skip
    """Run more seeds where a check is undecided, and judge again.

    Undecided configurations get the seeds that the baseline holds beyond those that were run; bounds that the mean
    exceeds get fresh seeds, up to MOST_SEEDS: their e-values go on, which the rule of stopping does not harm.
    plan   that was run: its cells are the templates.
    """
    wanted = further(result)
    templates = {cell.group.config_id: cell for cell in plan.cells}
    more = Plan(plan.name, plan.folder, plan.calls, [], [], runtime=plan.runtime)
    for config_id, seeds in wanted.items():
        if config_id in templates:
            choices = templates[config_id].choices
            more.cells += [make_cell({**choices, "seed": seed}) for seed in seeds]
    more.reasons = [FORCED] * len(more.cells)
    if not more.cells:
        return result
    cells = measure(more, workers, on_event)
    kept = {cell["cell_id"] for cell in cells}
    everything = [*(cell for cell in result.cells if cell["cell_id"] not in kept), *cells]
    again = check_cells(result.baseline, result.folder, everything, None, allow_missing)
    ran = {(cell["config_id"], cell["seed"]) for cell in everything}
    for group in again.groups:  # seeds that nobody asked for are not missing
        before = next((one for one in result.groups if one.config_id == group.config_id), None)
        if before is not None:
            group.missing = [seed for seed in group.missing if seed in before.missing]
    again.notes.append(f"escalated: {len(cells)} further cells ({len(ran)} in all)")
    return again


def further(result: Check) -> dict[str, list[int]]:
    """The seeds to run more, by config_id."""
    seeds: dict[str, set[int]] = {}
    held = measured.by_config(result.baseline.cells)
    for group in result.groups:
        if group.verdict in (judging.UNDECIDED, judging.UNTESTED):
            seeds[group.config_id] = {cell["seed"] for cell in held[group.config_id]} - group.now.keys()
    above = {
        record["group_id"] for record in result.evidence.groups
        if record["bound_ratio"] is not None and record["bound_ratio"] > 1 and not record["broken"]
    }  # fmt: skip
    for config_id, members in measured.by_config(result.cells).items():
        if members[0]["group_id"] in above:
            ran = {cell["seed"] for cell in members}
            fresh = range(max(ran) + 1, max(ran) + 1 + MOST_SEEDS - len(ran))
            seeds.setdefault(config_id, set()).update(fresh)
    return {config_id: sorted(found) for config_id, found in seeds.items() if found}
