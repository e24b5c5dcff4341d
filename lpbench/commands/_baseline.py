"""What the actions of `lpbench baseline` do."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpbench.errors import ConfigError, did_you_mean
from lpbench.terminal import Table, counted, note, print_json, print_pairs

if TYPE_CHECKING:
    from lpbench.regression.baselines import Baseline


def measure(
    name: str, overrides: Sequence[str], update: bool, runs_dir: Path, config_dir: Path | None, workers: int | None,
    quiet: bool, verbose: bool,
) -> str:  # fmt: skip
    """Run the grid of `overrides` (update without any: the baseline's own) anew; returns the name of its sweep."""
    from lpbench.commands._progress import Progress
    from lpbench.regression import baselines, checking
    from lpbench.sweeps.plan import make_plan
    from lpbench.sweeps.sweep import run_plan

    if not overrides and not update:
        raise ConfigError(
            f"of what? lpbench baseline create {name} --from SWEEP, or a grid: precision=4,8 ..."
        )
    sweep = f"baseline-{name}"
    if overrides:
        plan = make_plan(overrides, sweep, runs_dir, config_dir, force=True)
    else:
        plan = checking.plan_of(baselines.load(name, runs_dir), (), runs_dir, config_dir, sweep)
    with Progress(quiet, verbose) as progress:
        run_plan(plan, workers, force=True, on_event=progress).complete()
    return plan.name


def make(name: str, sweep: str, replace: bool, runs_dir: Path, as_json: bool, quiet: bool) -> int:
    """Make a baseline of a stored sweep, and say what to do next."""
    from lpbench.regression import baselines
    from lpbench.store.folder import runs_option

    if replace and not baselines.platforms(name, runs_dir):
        raise ConfigError(
            f"there is no baseline {name} to update: lpbench baseline create {name} --from {sweep}"
        )
    made = baselines.create(name, sweep, runs_dir, replace)
    if as_json:
        print_json(_facts(made))
    elif not quiet:
        size = sum(file.stat().st_size for file in made.folder.iterdir())
        note(f"baseline {name}: {len(made.cells)} cells, {size / 1000:.0f} kB in {made.folder}")
        note(f"commit that folder; later: lpbench check --baseline {name}{runs_option(runs_dir)}")
    return 0


def show_all(runs_dir: Path, as_json: bool) -> int:
    """All baselines, one row a platform."""
    from lpbench.regression import baselines

    found = [
        _facts(baselines.read(runs_dir / baselines.FOLDER / name / platform))
        for name in baselines.names(runs_dir)
        for platform in baselines.platforms(name, runs_dir)
    ]
    if as_json:
        print_json(found)
    elif not found:
        note(f"no baselines in {runs_dir / baselines.FOLDER}: lpbench baseline create NAME --from SWEEP")
    else:
        columns = [
            "name", "platform", "cells", "configurations", "seeds", "lpbench_version", "git_commit", "created_at",
        ]  # fmt: skip
        Table(columns, [[str(one[key])[:19] for key in columns] for one in found]).print()
    return 0


def show(name: str, runs_dir: Path, as_json: bool) -> int:
    """Where a baseline comes from, and what it holds."""
    from lpbench.analysis.evidence import COLUMNS
    from lpbench.analysis.tables import AXES, pivot, results
    from lpbench.regression import baselines, measured

    found = baselines.load(name, runs_dir)
    own = measured.own(found.cells)
    columns = {
        column: [cell.get(column) for cell in found.cells]
        for column in [*COLUMNS, *baselines.COLUMNS.names, *own]
    }
    floors = results(columns, every=[*AXES, *own])
    if as_json:
        print_json(_facts(found) | {"noise_floors": floors})
        return 0
    facts = _facts(found)
    print_pairs({key: str(value) for key, value in facts.items() if value is not None})
    pivot(floors).print()
    return 0


def diff(name: str, other: Sequence[str], runs_dir: Path, as_json: bool) -> int:
    """What `other`, a baseline or a stored sweep, measured otherwise; always exit code 0."""
    from lpbench.regression import baselines, checking, judging, outputs
    from lpbench.store import list_sweeps

    if len(other) != 1:
        raise ConfigError(
            f"with what? lpbench baseline diff {name} OTHER: another baseline, or a stored sweep"
        )
    base = baselines.load(name, runs_dir)
    if other[0] in baselines.names(runs_dir):
        now = baselines.load(other[0], runs_dir)
        groups, _ = judging.judge(base.cells, now.cells, base.meta["platform"] == now.meta["platform"])
    elif other[0] in list_sweeps(runs_dir):
        groups = checking.check_sweep(base, other[0], runs_dir).groups
    else:
        known = [*baselines.names(runs_dir), *list_sweeps(runs_dir)]
        raise ConfigError(f"{other[0]!r} is neither a baseline nor a sweep.{did_you_mean(other[0], known)}")
    differs = [group for group in groups if group.verdict != judging.IDENTICAL]
    if as_json:
        print_json({"counts": judging.summary(groups), "differs": outputs.rows(differs)})
        return 0
    if differs:
        Table(outputs.HEADINGS, outputs.rows(differs), keys=1).print()
    print(counted(judging.summary(groups)))
    return 0


def _facts(found: "Baseline") -> dict[str, Any]:
    keys = (
        "name", "platform", "sweep", "git_commit", "lpbench_version", "created_at", "generator", "libraries",
    )  # fmt: skip
    overrides = [" ".join(call["overrides"]) for call in found.meta["calls"]]
    return {key: found.meta.get(key) for key in keys} | {
        "cells": len(found.cells),
        "configurations": len({cell["config_id"] for cell in found.cells}),
        "seeds": len(found.seeds),
        "counts": dict(Counter(str(cell["status"]) for cell in found.cells)),
        "calls": overrides,
        "folder": str(found.folder),
    }
