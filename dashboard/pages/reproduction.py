"""What `lpbench reproduce` found: every claim of the papers with its measurement, its threshold and its figure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from lpbench.terminal import Table

from ..charts.claims import claim_figure
from ..data.sweeps import Sweep
from ..page import SELECT, Control, Page, Panel, State

FOLDER, RESULT, SCHEMA_VERSION = "reproduce", "claim.json", 1  # as lpbench.claims.reproduce writes them
HEAD = ("claim", "statistic", "median", "min … max", "replicates", "threshold", "verdict")


def read(runs_dir: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """(the results by the name of their folder, what could not be read, in words)."""
    found, problems = {}, []
    for path in sorted((runs_dir / FOLDER).glob(f"*/{RESULT}")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["schema"] != SCHEMA_VERSION:
                problems.append(
                    f"{path.parent.name} was written by another lpbench (schema {record['schema']})"
                )
            else:
                found[path.parent.name] = record
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append(f"{path.parent.name} cannot be read: {error!r}")
    return found, problems


def controls(sweep: Sweep) -> list[Control]:
    """Which claim's figure; none where nothing was reproduced."""
    found, _ = read(sweep.folder.parent)
    drawn = [name for name, record in found.items() if record["plot"]]
    return (
        [Control("claim", "Claim", SELECT, drawn[0], tuple((name, name) for name in drawn))] if drawn else []
    )


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
    rows = [
        [line["name"], line["panel"] or "-", x, y, low, high]
        for line in record["plot"]["lines"]
        for x, y, low, high in zip(line["x"], line["y"], *_band(line), strict=True)
    ]
    plot = record["plot"]
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


def _band(line: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    nothing = [None] * len(line["x"])
    return line["low"] or nothing, line["high"] or nothing


def body(store: Any, sweep: Sweep, state: State, prefix: str) -> Any:
    """Every statistic of every claim in one table."""
    from dash import html

    found, _ = read(store.runs_dir)
    if not found:
        return []
    rows = [row for name, record in found.items() for row in _rows(name, record, prefix)]
    head = html.Thead(html.Tr([html.Th(name, scope="col") for name in HEAD]))
    table = html.Table([head, html.Tbody(rows)], **{"aria-label": "Claims"})
    verdicts = [record["verdict"] for record in found.values()]
    said = ", ".join(f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts))
    region = {"role": "region", "aria-label": "Claims"}
    return [html.H2(f"The claims: {said}"), html.Div(table, className="scroll", tabIndex="0", **region)]


def _rows(name: str, record: Mapping[str, Any], prefix: str) -> list[Any]:
    from dash import html

    link = html.A(name, href=f"{prefix}{PAGE.path[1:]}?{urlencode({'claim': name})}")
    # A heading of a row that stuck to the top, as those of columns do, would lie on them.
    plain = {"position": "static", "fontWeight": "normal"}
    measures = record["measures"] or [{"name": "–", "threshold": record["limits"], "passed": False}]
    rows = []
    for measure in measures:
        ends = f"{_number(measure.get('min'))} … {_number(measure.get('max'))}"
        verdict = (
            record["verdict"]
            if record["verdict"] == "INCOMPLETE"
            else "PASS"
            if measure["passed"]
            else "FAIL"
        )
        told = html.Strong(verdict) if verdict != "PASS" else verdict
        cells = (
            measure["name"], _number(measure.get("median")), ends, str(record["replicates"] or "–"),
            measure["threshold"], told,
        )  # fmt: skip
        rows.append(html.Tr([html.Th(link, scope="row", style=plain), *(html.Td(cell) for cell in cells)]))
    return rows


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.4g}"


PAGE = Page(
    "/reproduction", "Reproduction", "Do the papers' claims hold here?", 7, 1, controls, draw, body, of_sweep=False,
)  # fmt: skip
