"""What `lpbench reproduce` found: every claim of the papers with its measurement, its threshold and its figure."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lpbench.terminal import Table, counted

from ..charts.claims import claim_figure
from ..data.sweeps import Sweep
from ..page import SELECT, Control, Page, Panel, State, address
from ..panels.tables import table

FOLDER, RESULT, SCHEMA_VERSION = "reproduce", "claim.json", 1  # as lpbench.claims.reproduce writes them
PASS, INCOMPLETE = "PASS", "INCOMPLETE"
HEAD = ("claim", "statistic", "median", "min … max", "replicates", "threshold", "verdict")


def read(runs_dir: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """(the results by the name of their folder, what could not be read, in words)."""
    found, problems = {}, []
    for path in sorted((runs_dir / FOLDER).glob(f"*/{RESULT}")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["schema"] == SCHEMA_VERSION:
                found[path.parent.name] = record
            else:
                said = f"was written by another lpbench (schema {record['schema']})"
                problems.append(f"{path.parent.name} {said}")
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append(f"{path.parent.name} cannot be read: {error!r}")
    return found, problems


def controls(sweep: Sweep) -> list[Control]:
    """Which claim's figure; none where nothing was reproduced."""
    found, _ = read(sweep.folder.parent)
    drawn = tuple((name, name) for name, record in found.items() if record["plot"])
    return [Control("claim", "Claim", SELECT, drawn[0][0], drawn, "whose figure is drawn")] if drawn else []


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """The figure of the chosen claim."""
    found, problems = read(sweep.folder.parent)
    unread = tuple(f"Not read: {problem}." for problem in problems)
    name = state.get("claim")
    if name not in found:
        said = f"Nothing is in {sweep.folder.parent / FOLDER} yet: `lpbench reproduce all` fills it in some minutes."
        return [Panel("The claims", None, notes=(said, *unread))]
    shown = panel(found[name], dark)
    return [replace(shown, notes=(*shown.notes, *unread))]


def panel(record: Mapping[str, Any], dark: bool = False) -> Panel:
    """The figure of one claim, from what its claim.json holds."""
    plot = record["plot"]
    rows = [
        [line["name"], line["panel"] or "-", x, y, low, high]
        for line in plot["lines"]
        for x, y, low, high in itertools.zip_longest(
            line["x"], line["y"], line["low"] or (), line["high"] or ()
        )
    ]
    data = Table(["line", "panel", plot["x"], plot["y"] or "value", "lowest", "highest"], rows)
    notes = [
        f"{record['verdict']}: {record['statement']}.",
        f"Passes: {record['limits']}.",
        f"{record['paper']}.",
    ]
    if record["replicates"]:
        notes.append(f"Medians over {record['replicates']} replicates with their range.")
    notes += [f"{line}." for line in (*record["why"], *record["remarks"])]
    return Panel(f"{record['name']} · {record['command']}", claim_figure(plot, dark), data, tuple(notes))


def body(store: Any, sweep: Sweep, state: State, prefix: str) -> Any:
    """Every statistic of every claim in one table."""
    from dash import html

    found, _ = read(store.runs_dir)
    if not found:
        return []
    rows = [
        [
            html.A(name, href=address(prefix, PAGE.path, {"claim": name})), *told,
            verdict if verdict == PASS else html.Strong(verdict),
        ]
        for name, *told, verdict in _rows(found)
    ]  # fmt: skip
    return [html.H2(_counted(found)), table("Claims", HEAD, rows)]


def summary(sweep: Sweep, state: State) -> list[Panel]:
    """The same table; nothing where nothing was reproduced."""
    found, _ = read(sweep.folder.parent)
    return [Panel(_counted(found), None, Table(HEAD, _rows(found)))] if found else []


def _counted(found: Mapping[str, Mapping[str, Any]]) -> str:
    return f"The claims: {counted(Counter(record['verdict'] for record in found.values()))}"


def _rows(found: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """A row a statistic, its claim first and its verdict last."""
    rows = []
    for name, record in found.items():
        for measure in record["measures"] or [{"name": "–", "threshold": record["limits"], "passed": False}]:
            ends = f"{_number(measure.get('min'))} … {_number(measure.get('max'))}"
            verdict = PASS if measure["passed"] else "FAIL"
            verdict = INCOMPLETE if record["verdict"] == INCOMPLETE else verdict
            middle = [_number(measure.get("median")), ends, str(record["replicates"] or "–")]
            rows.append([name, measure["name"], *middle, measure["threshold"], verdict])
    return rows


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.4g}"


PAGE = Page(
    "/reproduction", "Reproduction", "Do the papers' claims hold here?", 7, 1, controls, draw, body, of_sweep=False,
    summary=summary,
)  # fmt: skip
