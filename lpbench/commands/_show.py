"""The parts of `lpbench show`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lpbench.analysis import tensors as analysis
from lpbench.analysis.evidence import COLUMNS, weigh
from lpbench.analysis.tables import axes_of, pivot, read, results
from lpbench.commands._sweeping import say_evidence
from lpbench.errors import ConfigError, ExitCode, did_you_mean
from lpbench.store import (
    find_sweep,
    list_sweeps,
    read_cells,
    read_manifest,
    read_tensors,
    read_traces,
)
from lpbench.store.about import read_about
from lpbench.store.catalog import renamed
from lpbench.store.folder import is_sweep
from lpbench.store.schema import CHOICES
from lpbench.terminal import Table, counted, first, note, print_json, print_pairs

_LIST_BITS = 8  # values of formats up to this many bits are printed one by one
_FINDINGS = 4  # lines of each kind of what is wrong with tensors
# Columns of the tensors as they are printed; those in which there is nothing are left out.
_SHARES = {
    "saturation_rate": "saturated",
    "underflow_rate": "underflow",
    "stall_rate": "stalled",
    "stall_gradient": "gradient lost",
    "stall_decay": "decay lost",
    "stall_momentum": "momentum lost",
}


def sweep_or_none(what: str, runs_dir: Path) -> Path | None:
    """The folder of the sweep `what`; None if it names a format. Raises ConfigError if it is neither."""
    from lpbench import formats

    if is_sweep(runs_dir / what) or is_sweep(Path(what)):
        return find_sweep(what, runs_dir)
    if what in formats.names() or "(" in what:  # or one with choices of its own
        return None
    if renamed(what, runs_dir):
        return find_sweep(what, runs_dir)  # which says where it went
    known = [*list_sweeps(runs_dir), *formats.names()]
    raise ConfigError(f"no sweep and no format {what!r}.{did_you_mean(what, known)}")


def recipe(overrides: list[str], as_json: bool) -> int:
    """Tensor by tensor, what is rounded when, in which format, of the network that the choices make."""
    from lpbench.cells.networks import recipe_of
    from lpbench.networks import table
    from lpbench.networks.architecture import Layer
    from lpbench.networks.modules import sizes

    choices, net = network(
        overrides, "has one tensor, its weights; recipes are of networks: show recipe=fp8 problem=mlp"
    )
    rows = (table if isinstance(net[0], Layer) else sizes).rows(
        net, recipe_of(choices, net), bool(choices["momentum"])
    )
    Table(table.COLUMNS, rows).print(as_json)
    return 0


def network(
    overrides: list[str], convex: str, config_dir: Path | None = None
) -> tuple[dict[str, Any], Sequence[Any]]:
    """The choices and the layers of the one network that `overrides` make; raises ConfigError.

    convex   what is said of a problem that is none.
    """
    from lpbench.choices.grid import expand
    from lpbench.registry import problems

    expansion = expand(overrides, config_dir)
    if expansion.invalid and not expansion.cells:
        raise ConfigError(expansion.invalid[0][1])
    groups = {cell.group_id: cell for cell in expansion.cells}
    if len(groups) > 1:
        raise ConfigError(f"one network at a time: give {', '.join(expansion.axes)} one value each")
    (cell,) = groups.values()
    choices, problem = cell.located, problems.get(cell.choices["problem"])
    if getattr(problem, "engine", None) != "networks":
        raise ConfigError(f"problem={problem.name} {convex}")
    return choices, problem.net(choices)


def sweep(folder: Path, as_json: bool, metric: str | None = None) -> int:
    """Number of cells by status, the result or `metric`, and how the bounds did; exit code 5 if one is broken."""
    columns, schema = read(folder, COLUMNS, metric)
    counts = dict(Counter(columns["status"]).most_common())
    manifest, about = read_manifest(folder) or {}, read_about(folder)
    records, evidence = results(columns, metric, axes_of(schema)), weigh(columns, every=False)
    if as_json:
        state = {key: manifest.get(key) for key in ("state", "calls", "planned", "version", "updated_at")}
        state |= {"name": folder.name, "folder": str(folder), "counts": counts, **asdict(about)}
        print_json({**state, "noise_floors": records, "bounds": evidence.summary()})
    else:
        pivot(records).print()
    say_evidence(evidence, folder.name, folder.parent, quiet=as_json)
    if not as_json:
        state = manifest.get("state", "no manifest")
        note(f"{folder}: {len(columns['status'])} cells ({counted(counts) or 'none'}), {state}")
        for line in about.lines():
            note(line)
    return ExitCode.BOUND_BROKEN if evidence.broken else ExitCode.DONE


def bad_cells(folder: Path, as_json: bool) -> int:
    """The cells that are not ok."""
    names = [
        "cell_id", "status", "problem", "dataset", "dimension", "algorithm", "format", "precision", "seed", "error",
    ]  # fmt: skip
    table = read_cells(folder, names)
    table = table.filter(pc.not_equal(table["status"], "ok")).select(names)
    Table(names, [list(row.values()) for row in table.to_pylist()]).print(as_json)
    return 0


def one_cell(folder: Path, start: str, as_json: bool) -> int:
    """Every column of one cell that is not null; with JSON also its trace."""
    row = _cell(read_cells(folder), start, folder)
    if as_json:
        trace = read_traces(folder, [row["cell_id"]]).drop_columns(["cell_id"])
        print_json({**row, "trace": trace.to_pydict()})
    else:
        print_pairs({name: value for name, value in row.items() if value is not None})
    return 0


def tensors(folder: Path, start: str | None, step: int | None, as_json: bool) -> int:
    """What rounding did to the tensors of one cell at a step, then what is wrong in words; as JSON at every step."""
    if start is None:
        raise ConfigError(f"--tensors shows one cell: lpbench show {folder.name} CELL --tensors")
    row = _cell(read_cells(folder, ["cell_id", "problem", "rounding"]), start, folder)
    table = read_tensors(folder, [row["cell_id"]])
    if not table.num_rows:
        problem = f" of problem={row['problem']}" if row["problem"] else ""
        raise ConfigError(f"cell {row['cell_id']}{problem} has no tensors: {analysis.NONE}")
    if as_json:
        if step is not None:
            near = analysis.at_step(table.select(["step"]).to_pandas(), step)[1]
            table = table.filter(pc.equal(table["step"], near))
        print_json(table.to_pylist())
        return 0
    frame, found = analysis.at_step(table.to_pandas(), step)
    if step not in (None, found):
        note(f"step {step} was not recorded; the nearest is {found}")
    _tensors(frame, f"cell {row['cell_id']} after {found} steps").print()
    for kind, lines in (said := analysis.by_kind(frame, row["rounding"])).items():
        for line in first(lines, _FINDINGS, f"with {kind} beyond its limit"):
            print(line)
    if not any(said.values()):
        print("no tensor is beyond a limit")
    if row["rounding"] == "stochastic" and (frame["stall_rate"] >= analysis.MOST_STALLED).any():
        print(analysis.MADE_UP)
    return 0


def _tensors(frame: Any, title: str) -> Table:
    """A row a tensor and role; exponents as least..median..largest."""
    rows = frame.to_dict("records")
    there = {column: name for column, name in _SHARES.items() if frame[column].notna().any()}
    cells = [
        [
            name,
            row["role"],
            *(analysis.percent(row[column]) for column in there),
            f"{row['snr']:.1f}" if row["snr"] == row["snr"] else None,
            _exponents(row),
        ]
        for name, row in zip(analysis.called(rows), rows, strict=True)
    ]
    columns = ["tensor", "role", *there.values(), "snr dB", "exponents"]
    return Table(columns, cells, title, frozenset(columns[2:]), keys=2)


def _exponents(row: dict[str, Any]) -> str | None:
    found = [row[f"exponent_{name}"] for name in ("min", "q50", "max")]
    return None if any(one != one for one in found) else "..".join(f"{one:.0f}" for one in found)


def cell_diff(folder: Path, first: str, second: str, as_json: bool) -> int:
    """The columns in which two cells differ, choices first."""
    table = read_cells(folder)
    a, b = (_cell(table, start, folder) for start in (first, second))
    names = [*CHOICES, *(name for name in table.column_names if name not in CHOICES)]
    rows = [[name, a[name], b[name]] for name in names if _differ(a[name], b[name])]
    Table(["column", a["cell_id"], b["cell_id"]], rows).print(as_json)
    return 0


def _differ(a: Any, b: Any) -> bool:
    both_nan = a != a and b != b
    return a != b and not both_nan


def _cell(table: pa.Table, start: str, folder: Path) -> dict[str, Any]:
    found = table.filter(pc.starts_with(table["cell_id"], start))
    if found.num_rows != 1:
        what = "no cell" if not found.num_rows else f"{found.num_rows} cells"
        raise ConfigError(f"{folder}: {what} with a cell_id that starts with {start!r}")
    return found.to_pylist()[0]


def one_format(name: str, as_json: bool) -> int:
    """A format's policy, range, spacing and values."""
    facts = _facts(name)
    values = facts.pop("values")
    if as_json:
        print_json({**facts, "values": values})
        return 0
    print_pairs({key: _exact(value) for key, value in facts.items()})
    if values is not None:
        cut = values if len(values) <= 2**_LIST_BITS else [*values[:8], "...", *values[-8:]]
        print(
            ("elements  " if "element" in facts else "values  ")
            + " ".join(str(_exact(value)) for value in cut)
        )
    return 0


def format_diff(first: str, second: str, as_json: bool) -> int:
    """How two formats differ, and how many numbers they share."""
    a, b = _facts(first), _facts(second)
    mine, other = (set(facts.pop("values") or ()) for facts in (a, b))
    rows = [[key, _exact(a.get(key)), _exact(b.get(key))] for key in {**a, **b} if a.get(key) != b.get(key)]
    if mine and other:
        rows.append(["numbers in both", len(mine & other), len(mine & other)])
        rows.append(["numbers in this alone", len(mine - other), len(other - mine)])
    Table(["", first, second], rows).print(as_json)
    return 0


def _exact(value: Any) -> Any:
    """A format's numbers in full: they are the point."""
    return f"{value:.12g}" if isinstance(value, float) else value


def _facts(name: str) -> dict[str, Any]:
    import numpy as np

    from lpbench import formats
    from lpbench.networks.roles import format_of

    number_format = format_of(name) if "(" in name else formats.get(name)
    facts: dict[str, Any] = {
        "name": name,
        "format": repr(number_format),
        "bits": number_format.bits,
        "bits_per_value": number_format.bits_per_value,
        "mantissa_bits": number_format.mantissa_bits,
        "policy": number_format.policy,
        "max": number_format.max,
        "min_positive": number_format.min_positive,
        **number_format.facts,
    }
    try:
        values = np.asarray(number_format.values(), np.float64)
    except ValueError:  # more than 16 bits: too many to list
        return {**facts, "values": None}
    gaps = np.diff(values)
    facts |= {"numbers": len(values)}
    facts |= {"least_spacing": float(gaps.min()), "largest_spacing": float(gaps.max())}
    above_1 = int(np.searchsorted(values, 1.0, side="right"))
    facts["spacing_at_1"] = float(gaps[above_1 - 1]) if above_1 < len(values) else None
    return {**facts, "values": values.tolist()}


def draw(folder: Path, path: Path) -> int:
    """The figure of a sweep, that of the page Precision, as a file."""
    from lpbench.dashboard.charts.files import write_panel
    from lpbench.dashboard.data.sweeps import Sweep
    from lpbench.dashboard.page import opened
    from lpbench.dashboard.pages.precision import PAGE

    write_panel(opened(PAGE, Sweep(folder, 0))[0], path)
    note(f"figure: {path}")
    return 0
