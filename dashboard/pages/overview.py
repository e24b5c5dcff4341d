"""The sweeps, and what the chosen one says at one look."""

from __future__ import annotations

import math
from typing import Any

from .. import choosing, style
from ..charts.curves import Axes, Curve, figure
from ..data import Sweep, text
from ..page import Control, Data, Page, Panel, State

TITLE = "Noise floor against precision, the best format of each algorithm"


def controls(sweep: Sweep) -> list[Control]:
    """None: the page is for a first look."""
    return []


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """One small figure: for each algorithm the least median floor at each precision, over all else."""
    groups = sweep.groups
    rounds = groups[(groups["format"] != "none") & (groups["floor"] > 0)]
    if rounds.empty:
        return [Panel(TITLE, None, notes=("No cell that rounds has a noise floor yet.",))]
    problems = ["problem", "dataset"] if rounds[["problem", "dataset"]].drop_duplicates().shape[0] > 1 else []
    algorithms = choosing.in_order(rounds["algorithm"])
    curves, rows = [], []
    for panel in choosing.split(rounds, problems):
        facet = choosing.labels(panel.iloc[0], problems)
        for line in choosing.split(panel, ["algorithm"]):
            best = line.loc[line.groupby("precision")["floor"].idxmin()].sort_values("precision")
            name = str(best.iloc[0]["algorithm"])
            hover = [choosing.labels(row, [a for a in ("format", "dimension") if a in sweep.varying]) for row in
                     best.to_dict("records")]  # fmt: skip
            curves.append(
                Curve(
                    best["precision"].astype(float).tolist(), best["floor"].tolist(), facet, name,
                    style.color(name, algorithms, dark), "solid", style.marker(name, algorithms), hover=hover,
                )
            )  # fmt: skip
            rows += [
                [
                    facet or "-",
                    name,
                    int(row["precision"]),
                    row["format"],
                    text(row["dimension"]),
                    float(row["floor"]),
                ]
                for row in best.to_dict("records")
            ]
    bits = sorted({float(value) for value in rounds["precision"]})
    drawn = figure(curves, Axes("precision (bits)", "noise floor", x_values=bits, x_unit="bits"), dark)
    data = Data(["problem", "algorithm", "precision", "format", "dimension", "noise floor"], rows)
    return [
        Panel(TITLE, drawn, data, (f"Medians over {choosing.seeds(rounds)}; the hover names the format.",))
    ]


def body(store: Any, sweep: Sweep, state: State, prefix: str) -> Any:
    """The headline numbers, what varied, and the other sweeps."""
    from dash import html

    cards = [
        html.Div([html.Div(value, className="value"), html.Div(said, className="said")], className="card")
        for value, said in headlines(sweep)
    ]
    axes = [
        html.Tr(
            [html.Th(choosing.named(axis), scope="row"), html.Td(_values(choosing.values_of(sweep, axis)))]
        )
        for axis in sweep.varying
    ]
    varied = (
        html.Table(html.Tbody(axes)) if axes else html.P("Nothing but the seed varied.", className="note")
    )
    listed = [
        html.Tr(
            [
                html.Td(html.A(info.name, href=f"{prefix}?sweep={info.name}")),
                html.Td(", ".join(f"{n} {status}" for status, n in info.counts.items()) or "-"),
                html.Td(info.problem or info.state),
                html.Td(info.updated_at[:16].replace("T", " ")),
            ]
        )
        for info in store.sweeps()
    ]
    head = html.Thead(
        html.Tr([html.Th(name, scope="col") for name in ("sweep", "cells", "state", "updated (UTC)")])
    )
    return [
        html.Div(cards, className="cards"),
        html.Div(
            [
                html.Section([html.H2("What varied"), html.Div(varied, className="scroll", tabIndex="0")]),
                html.Section(
                    [
                        html.H2("Sweeps"),
                        html.Div(html.Table([head, html.Tbody(listed)]), className="scroll", tabIndex="0"),
                    ]
                ),
            ],
            className="columns",
        ),
    ]


def headlines(sweep: Sweep) -> list[tuple[str, str]]:
    """(number, what it is) of the chosen sweep."""
    cells, groups = sweep.cells, sweep.groups
    counts = cells["status"].value_counts().to_dict()
    ok = counts.pop("ok", 0)
    found = [
        (f"{ok} of {len(cells)}", "cells ok" + "".join(f", {n} {status}" for status, n in counts.items()))
    ]
    rounds = groups[(groups["format"] != "none") & (groups["floor"] > 0)]
    if len(rounds):
        best: Any = rounds.sort_values("floor").iloc[0]
        said = choosing.labels(best, ["algorithm", "format", "precision"])
        found.append((f"{best['floor']:.1e}", f"the lowest noise floor of what rounds: {said}"))
    low = rounds[(rounds["algorithm"] == "lp_sgd") & (rounds["format"] == "fixed")]
    if low["precision"].nunique() > 1:
        by = low.groupby("precision")["floor"].median()
        first, last = by.index.min(), by.index.max()
        each = (by[first] / by[last]) ** (1 / (last - first))
        found.append((f"÷ {each:.1f} a bit", f"LP-SGD in fixed point from {first} to {last} bits"))
    ratio = (groups["mean_gap"] / groups["bound"]).dropna()
    if len(ratio):
        found.append(
            (
                f"{ratio.min():.2g} … {ratio.max():.2g}",
                f"measured over proven, {len(ratio)} of {len(groups)} groups have a bound",
            )
        )
    bits = sum(1 for value in groups["precision"].unique() if not math.isnan(value))
    found.append((str(len(groups)), f"groups of cells, {choosing.seeds(groups)} each, {bits} precisions"))
    return found


def _values(values: list[str]) -> str:
    return ", ".join(values[:12]) + (f" … ({len(values)})" if len(values) > 12 else "")


PAGE = Page("/", "Overview", "What did this sweep find?", 0, 1, controls, draw, body)
