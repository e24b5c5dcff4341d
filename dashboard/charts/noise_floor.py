"""Noise floor against precision: how far each algorithm gets with each bit, in each format, at each dimension.

Colours are of the Okabe-Ito palette, which colour-blind readers tell apart; markers say the same a second time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lpbench.analysis.tables import AXES, varying
from lpbench.errors import ConfigError

from .curves import not_drawn

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects as go

FORMAT_COLORS = {"fixed": "#0072B2", "float": "#D55E00", "log": "#009E73", "block": "#CC79A7"}
FORMAT_MARKERS = {"fixed": "circle", "float": "square", "log": "diamond", "block": "triangle-up"}
OTHER_COLORS = ("#E69F00", "#56B4E9", "#F0E442")
OTHER_MARKERS = ("cross", "star", "hexagon", "triangle-down", "pentagon")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_FAR = 1e-4  # a level this far below all curves would flatten them: it is written, not drawn
_FULL = "none"  # the format of what does not round: a level, not a curve over the precision


def figure(cells: pandas.DataFrame) -> go.Figure:
    """A row of panels for each problem, in it a panel for each algorithm that rounds.

    Colour and marker say the format, the dash the dimension (and whatever else varies); black: full precision.

    cells  rows of `cells` (`lpbench.load_cells`); only those with status ok are drawn.

    Points are medians over seeds, bars reach from the least to the largest seed. Every panel has its own scale.
    Raises ConfigError where no cell has a noise floor.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    ok = cells[cells["status"] == "ok"]
    drawn, zeros = ok[ok["noise_floor"] > 0], int((ok["noise_floor"] == 0).sum())
    if drawn.empty:
        why = f" ({not_drawn(zeros).rstrip('.')})" if zeros else ""
        raise ConfigError(f"nothing to draw: no cell is ok and has a positive noise floor{why}")
    drawn = drawn.assign(
        _problem=[_problem_name(*pair) for pair in zip(drawn.problem, drawn.dataset, strict=True)]
    )
    rounded = drawn[drawn["format"] != _FULL]
    shown = rounded if len(rounded) else drawn
    problems, algorithms = sorted(shown["_problem"].unique()), _in_order(shown["algorithm"])
    dashes = _Dashes(drawn)
    result = make_subplots(
        len(problems), len(algorithms), row_titles=problems, column_titles=algorithms,
        x_title="precision (bits)", y_title="noise floor", horizontal_spacing=0.06, vertical_spacing=0.12,
    )  # fmt: skip
    named: set[str] = set()
    for i, problem in enumerate(problems):
        for j, algorithm in enumerate(algorithms):
            panel = shown[(shown["_problem"] == problem) & (shown["algorithm"] == algorithm)]
            if panel.empty:
                continue
            place = {"row": i + 1, "col": j + 1}
            curves, levels = _curves(panel, dashes), _levels(panel, drawn, problem, dashes)
            lowest = min(min(curve["y"]) for curve in curves)
            near = [level for level in levels if level["y"][0] > _FAR * lowest]
            for trace in [*near, *curves]:
                trace["showlegend"] = trace["name"] not in named
                named.add(trace["name"])
                result.add_trace(go.Scatter(trace), **place)
            if len(near) < len(levels):
                far = max(level["y"][0] for level in levels if level not in near)
                text = (
                    f"full precision: {far:.0e} and less"
                    if len(levels) - len(near) > 1
                    else f"full precision: {far:.0e}"
                )
                result.add_annotation(
                    text=text,
                    xref="x domain",
                    yref="y domain",
                    x=0.02,
                    y=0.02,
                    showarrow=False,
                    font={"size": 11},
                    **place,
                )
            heights = [y for trace in [*near, *curves] for y in trace["y"]]
            decades = math.log10(max(heights) / min(heights))
            result.update_yaxes(dtick=max(1, math.ceil(decades / 7)), **place)
    if zeros:
        result.add_annotation(
            text=not_drawn(zeros), xref="paper", yref="paper", x=1, y=1, xanchor="right", yanchor="bottom",
            yshift=22, showarrow=False, font={"size": 11},
        )  # fmt: skip
    bits = sorted(int(value) for value in shown["precision"].unique())
    result.update_yaxes(type="log", exponentformat="power", gridcolor="#dddddd", minor={"showgrid": False})
    result.update_xaxes(gridcolor="#eeeeee", tickvals=bits)
    result.update_layout(
        template="plotly_white", height=130 + 290 * len(problems), width=max(560, 290 * len(algorithms) + 230),
        legend={"title": {"text": dashes.title}}, margin={"l": 80, "r": 30, "t": 50, "b": 70},
        hoverlabel={"namelength": -1},
    )  # fmt: skip
    return result


def _problem_name(problem: Any, dataset: Any) -> str:
    return f"{problem}, {dataset}" if isinstance(dataset, str) else str(problem)


def _in_order(algorithms: pandas.Series) -> list[str]:
    """The methods without variance reduction before those with it, as in the papers; others by name."""
    order = ["sgd", "lp_sgd", "swalp", "svrg", "lp_svrg", "halp"]
    return sorted(
        algorithms.unique(), key=lambda name: (order.index(name) if name in order else len(order), name)
    )


class _Dashes:
    """Names and dashes for what varies beside problem, algorithm, format and precision: the dimension, above all."""

    def __init__(self, cells: pandas.DataFrame):
        names = [*AXES, "precision"]
        known = cells[names].astype(object).where(cells[names].notna(), None)
        found = varying({name: known[name].tolist() for name in names})
        self.axes = [axis for axis in found if axis not in {"problem", "dataset", "algorithm", "format"}]
        keys = sorted({self.label(row) for row in known[self.axes].itertuples(index=False)}, key=_natural)
        self._dash = {key: DASHES[i % len(DASHES)] for i, key in enumerate(keys)}
        self.title = ", ".join(["format", *self.axes])

    def label(self, values: Any) -> str:
        """`16, nearest_even`: what a curve is called beside its format."""
        return ", ".join(_text(value) for value in values)

    def of(self, label: str) -> str:
        """The dash of that name."""
        return self._dash[label]

    def split(self, cells: pandas.DataFrame, *first: str) -> list[tuple[tuple[Any, ...], pandas.DataFrame]]:
        """Cells grouped by the columns `first` and what varies."""
        by = [*first, *self.axes]
        return list(cells.groupby(by, dropna=False, sort=True)) if by else [((), cells)]


def _natural(text: str) -> tuple[Any, ...]:
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in text.split(", "))


def _text(value: Any) -> str:
    if value is None or value != value:
        return "-"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _curves(panel: pandas.DataFrame, dashes: _Dashes) -> list[dict[str, Any]]:
    curves = []
    for (number_format, *values), group in dashes.split(panel, "format"):
        label = dashes.label(values)
        floors = group.groupby("precision")["noise_floor"].agg(["median", "min", "max", "count"])
        color = FORMAT_COLORS.get(number_format) or _pick(OTHER_COLORS, number_format)
        marker = FORMAT_MARKERS.get(number_format) or _pick(OTHER_MARKERS, number_format)
        curves.append(
            {
                "name": ", ".join(filter(None, [str(number_format), label])),
                "legendgroup": f"{number_format} {label}",
                "x": floors.index.tolist(),
                "y": floors["median"].tolist(),
                "mode": "lines+markers",
                "line": {"color": color, "dash": dashes.of(label), "width": 1.6},
                "marker": {"symbol": marker, "size": 7, "color": color},
                "error_y": {
                    "array": (floors["max"] - floors["median"]).tolist(),
                    "arrayminus": (floors["median"] - floors["min"]).tolist(),
                    "thickness": 1,
                    "width": 2,
                },
                "customdata": floors["count"].tolist(),
                "hovertemplate": "%{x} bits: %{y:.3g} (%{customdata} seeds)",
            }
        )
    return curves


def _levels(
    panel: pandas.DataFrame, cells: pandas.DataFrame, problem: str, dashes: _Dashes
) -> list[dict[str, Any]]:
    """Full precision, across the panel: of the methods that take snapshots where the panel's method does."""
    full = cells[(cells["format"] == _FULL) & (cells["_problem"] == problem)]
    full = full[full["snapshot"].isna() == panel["snapshot"].isna().all()]
    if panel["format"].eq(_FULL).all() or full.empty:
        return []
    reach = [int(panel["precision"].min()), int(panel["precision"].max())]
    levels = []
    for (_, *values), group in dashes.split(full, "format"):
        label = dashes.label(values)
        floor = float(group["noise_floor"].median())
        levels.append(
            {
                "name": ", ".join(filter(None, ["full precision", label])),
                "legendgroup": f"full precision {label}",
                "x": reach,
                "y": [floor, floor],
                "mode": "lines",
                "line": {"color": "#000000", "dash": dashes.of(label), "width": 1},
                "hovertemplate": "%{y:.3g}",
            }
        )
    return levels


def _pick(choices: tuple[str, ...], name: str) -> str:
    """The same choice for the same name in every process (`hash` is salted)."""
    return choices[sum(name.encode()) % len(choices)]
