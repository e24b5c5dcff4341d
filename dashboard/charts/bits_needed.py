"""Bits needed against the dimension: measured, by the dimension-free theorems, and by the earlier ones.

Colours are of the Okabe-Ito palette; dashes and markers say the same a second time, and each line is named at its end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lpbench.errors import ConfigError
from lpbench.theory.evaluation import names, theorem
from lpbench.theory.theorem import DIMENSION_FREE, EARLIER

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects as go

MEASURED = {"name": "measured", "color": "#0072B2", "dash": "solid", "marker": "circle"}
STYLES = {
    DIMENSION_FREE: {"name": "dimension-free", "color": "#009E73", "dash": "dash", "marker": "diamond-open"},
    EARLIER: {"name": "earlier", "color": "#D55E00", "dash": "dot", "marker": "square-open"},
}
OTHER_STYLE = {"name": "proven", "color": "#CC79A7", "dash": "dashdot", "marker": "cross-open"}
_PREFIX = "bits_"
_LABEL, _PANEL = 14.0, 300.0  # pixels: the height of a label, and of a panel


def figure(
    frame: pandas.DataFrame, target: float, axes: Sequence[str] = ("dimension",), about: str = ""
) -> go.Figure:
    """A panel for each combination of the axes beside the dimension; in it a line a theorem, and the measured bits.

    frame    what `lpbench.bits` returns.          target   the objective gap that is reached.
    axes     the choices that vary.                about    what all rows share, for the title.

    The best theorem of each form has a thick line. Raises ConfigError where there is nothing to draw.
    """
    from plotly.subplots import make_subplots

    others = [axis for axis in axes if axis != "dimension"]
    panels = _panels(frame, others)
    if not any(_lines(rows) for _, rows in panels):
        raise ConfigError("nothing to draw: no theorem and no measurement names a number of bits")
    columns = min(2, len(panels))
    rows_of_panels = math.ceil(len(panels) / columns)
    result = make_subplots(
        rows_of_panels, columns, subplot_titles=[name for name, _ in panels] if others else None,
        shared_yaxes="all", x_title="dimension", y_title="bits needed", horizontal_spacing=0.26 / columns,
        vertical_spacing=0.25 / rows_of_panels,
    )  # fmt: skip
    height = 340 * rows_of_panels + 150
    counts = [y for _, rows in panels for line in _lines(rows) for y in line["y"]]
    low, high = min(counts) - 1, max(counts) + 1
    dimensions = sorted({int(d) for d in frame["dimension"]})
    span = (high - low) * _LABEL / _PANEL
    named: set[str] = set()
    for i, (_, rows) in enumerate(panels):
        place = {"row": i // columns + 1, "col": i % columns + 1}
        lines = _lines(rows)
        for line in lines:
            _add(result, line, place, named)
        for x, y, text, color in _labels(lines, span):
            result.add_annotation(
                x=math.log10(x) if len(dimensions) > 1 else 0, y=y, text=text, showarrow=False, xanchor="left",
                xshift=9, font={"size": 11, "color": color}, **place,
            )  # fmt: skip
    _axes_of(result, dimensions, (low, high))
    title = f"Bits that reach an objective gap of {target:g}"
    result.update_layout(
        template="plotly_white", height=height, width=170 + 420 * columns,
        title={"text": title + (f"<br><sub>{about}</sub>" if about else ""), "x": 0.02},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "yref": "paper", "x": 1, "xanchor": "right"},
        margin={"l": 80, "r": 90, "t": 110, "b": 70}, hoverlabel={"namelength": -1},
    )  # fmt: skip
    if others:
        result.update_layout(legend={"y": 1.02 + 0.04 * rows_of_panels})
    return result


def _panels(frame: pandas.DataFrame, others: Sequence[str]) -> list[tuple[str, pandas.DataFrame]]:
    if not others:
        return [("", frame)]
    groups = frame.groupby(list(others), dropna=False, sort=False)
    return [
        (", ".join(f"{axis}={value}" for axis, value in zip(others, key, strict=True)), rows)
        for key, rows in groups
    ]


def _lines(rows: pandas.DataFrame) -> list[dict[str, Any]]:
    """The lines of a panel, the measured one last, on top: style, name, x, y, whether it is the best of its form."""
    found: list[dict[str, Any]] = []
    for column, name in _theorems(rows).items():
        form = theorem(name).form
        style = STYLES.get(form, OTHER_STYLE)
        best = form.replace("-", "_")
        line = _line(rows, column, style, name)
        if line is not None:
            known = rows[rows[column].notna()]
            line["best"] = best not in rows or bool((known[column] == known[best]).all())
            found.append(line)
    found.sort(key=lambda line: (line["style"]["name"], line["best"]))
    measured = _line(rows, "measured", MEASURED, "measured")
    return [*found, {**measured, "best": True}] if measured is not None else found


def _theorems(rows: pandas.DataFrame) -> dict[str, str]:
    """The theorems that have a column, by it."""
    known = {theorem(name).column.replace("bound_", _PREFIX, 1): name for name in names()}
    return {str(column): known[str(column)] for column in rows if column in known}


def _line(rows: pandas.DataFrame, column: str, style: dict[str, str], name: str) -> dict[str, Any] | None:
    known = rows[rows[column].notna()].sort_values("dimension") if column in rows else rows[:0]
    if known.empty:
        return None
    return {
        "style": style, "name": name, "x": [int(d) for d in known["dimension"]],
        "y": [int(bits) for bits in known[column]],
    }  # fmt: skip


def _add(result: go.Figure, line: dict[str, Any], place: dict[str, int], named: set[str]) -> None:
    import plotly.graph_objects as go

    style, group = line["style"], line["style"]["name"]
    thick = group == "measured"
    result.add_trace(
        go.Scatter(
            x=line["x"], y=line["y"], name=group, legendgroup=group, showlegend=group not in named and line["best"],
            mode="lines+markers",
            line={"color": style["color"], "dash": style["dash"], "width": 2.6 if line["best"] else 1.2},
            marker={"symbol": style["marker"], "size": 9 if thick else 7, "color": style["color"]},
            opacity=1.0 if line["best"] else 0.75,
            hovertemplate=f"{line['name']}: %{{y}} bits at d = %{{x}}<extra></extra>",
        ),
        **place,
    )  # fmt: skip
    if line["best"]:
        named.add(group)


def _labels(lines: Sequence[dict[str, Any]], span: float) -> list[tuple[int, float, str, str]]:
    """(x, y, text, colour) at the end of each line; lines of one colour that end together share a label."""
    ends: dict[tuple[int, int, str], list[str]] = {}
    for line in lines:
        ends.setdefault((line["x"][-1], line["y"][-1], line["style"]["color"]), []).append(line["name"])
    found: list[tuple[int, float, str, str]] = []
    for (x, y, color), named in sorted(ends.items(), key=lambda end: (end[0][0], end[0][1])):
        below = max((placed[1] for placed in found if placed[0] == x), default=-math.inf)
        found.append((x, max(float(y), below + span), ", ".join(named), color))
    return found


def _axes_of(result: go.Figure, dimensions: Sequence[int], reach: tuple[int, int]) -> None:
    step = max(1, math.ceil((reach[1] - reach[0]) / 16))
    result.update_yaxes(range=list(reach), tick0=0, dtick=step, gridcolor="#e5e5e5", showticklabels=True)
    if len(dimensions) == 1:
        result.update_xaxes(
            type="category",
            tickvals=[str(dimensions[0])],
            ticktext=[f"{dimensions[0]:,}"],
            gridcolor="#eeeeee",
        )
        return
    low, high = math.log10(dimensions[0]), math.log10(dimensions[-1])
    result.update_xaxes(
        type="log", tickvals=list(dimensions), ticktext=[f"{d:,}" for d in dimensions], gridcolor="#eeeeee",
        range=[low - 0.05 * (high - low), high + 0.05 * (high - low)], minor={"showgrid": False},
    )  # fmt: skip
