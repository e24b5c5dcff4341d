"""Noise floor against precision, as a plotly figure.

Colours are the Okabe-Ito palette, which colour-blind readers tell apart; dash and marker say the same a
second time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpbench.errors import ConfigError, LpbenchError
from lpbench.tables import AXES, varying

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects as go

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
# Fixed, so that an algorithm has one colour in every figure; yellow, faint on white, comes last.
ALGORITHM_COLORS = {
    "sgd": BLACK, "lp_sgd": VERMILION, "swalp": GREEN, "svrg": PURPLE, "lp_svrg": SKY, "halp": BLUE,
}  # fmt: skip
OTHER_COLORS = (ORANGE, YELLOW)
FORMAT_DASHES = {"fixed": "solid", "float": "dash", "log": "dot", "block": "dashdot", "none": "longdash"}
FORMAT_MARKERS = {"fixed": "circle", "float": "square", "log": "diamond", "block": "triangle-up", "none": "x"}
OTHER_DASHES = ("longdashdot", "longdash")
OTHER_MARKERS = ("cross", "star", "hexagon", "triangle-down", "pentagon")
FACET = ("problem", "dataset", "dimension")
FORMATS = (".html", ".png", ".svg", ".pdf")
_FULL = "none"  # the format of what does not round: a level, not a curve over the precision
_COLUMNS = 3  # panels side by side


def figure(cells: pandas.DataFrame) -> go.Figure:
    """Noise floor against precision: a panel for each problem and dimension, a curve for each algorithm and
    format.

    cells  rows of `cells` (`lpbench.load_cells`); only those with status ok are drawn.

    Points are medians over seeds, bars reach from the least to the largest seed. Algorithms in full
    precision are levels across the panel. Raises ConfigError where no cell has a noise floor.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    drawn = cells[(cells["status"] == "ok") & (cells["noise_floor"] > 0)]
    if drawn.empty:
        raise ConfigError("nothing to draw: no cell is ok and has a positive noise floor")
    others = _other_axes(drawn)
    panels = list(drawn.groupby(list(FACET), dropna=False, sort=True))
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    result = make_subplots(
        rows, columns, shared_yaxes=True, subplot_titles=[_panel_title(key) for key, _ in panels],
        x_title="precision (bits)", y_title="noise floor (median objective gap)",
    )  # fmt: skip
    named: set[str] = set()
    for i, (_, panel) in enumerate(panels):
        reach = _reach(panel)
        for key, curve in panel.groupby(["algorithm", "format", *others], dropna=False, sort=True):
            name = " ".join(str(part) for part in key if part == part and part is not None)
            trace = _curve(curve, str(key[0]), str(key[1]), reach)
            trace |= {"name": name, "legendgroup": name, "showlegend": name not in named}
            named.add(name)
            result.add_trace(go.Scatter(trace), row=i // columns + 1, col=i % columns + 1)
    result.update_yaxes(type="log", exponentformat="power", dtick=1, showgrid=True, gridcolor="#dddddd")
    result.update_xaxes(showgrid=True, gridcolor="#eeeeee", dtick=2)
    result.update_layout(
        template="plotly_white", height=120 + 330 * rows, width=360 * columns + 220,
        legend={"title": {"text": "algorithm, format"}}, margin={"l": 80, "r": 20, "t": 50, "b": 70},
    )  # fmt: skip
    return result


def _other_axes(cells: pandas.DataFrame) -> list[str]:
    """Axes that vary inside panels beside algorithm, format and precision: they name curves of their own."""
    names = [*AXES, "precision"]
    known = cells[names].astype(object).where(cells[names].notna(), None)
    found = varying({name: known[name].tolist() for name in names})
    return [axis for axis in found if axis not in {*FACET, "algorithm", "format"}]


def _panel_title(key: tuple[Any, ...]) -> str:
    problem, dataset, dimension = key
    parts = [str(problem)]
    if isinstance(dataset, str):
        parts.append(dataset)
    if dimension == dimension and dimension is not None:
        parts.append(f"d = {int(dimension)}")
    return ", ".join(parts)


def _reach(panel: pandas.DataFrame) -> tuple[int, int]:
    """The precisions between which a level is drawn: those of the curves."""
    rounded = panel[panel["format"] != _FULL]
    bits = (rounded if len(rounded) else panel)["precision"]
    return int(bits.min()), int(bits.max())


def _curve(
    curve: pandas.DataFrame, algorithm: str, number_format: str, reach: tuple[int, int]
) -> dict[str, Any]:
    floors = curve.groupby("precision")["noise_floor"].agg(["median", "min", "max", "count"])
    x, y = floors.index.tolist(), floors["median"].tolist()
    color = ALGORITHM_COLORS.get(algorithm) or _pick(OTHER_COLORS, algorithm)
    line = {"color": color, "dash": FORMAT_DASHES.get(number_format) or _pick(OTHER_DASHES, number_format)}
    if number_format == _FULL:
        return {
            "x": list(reach),
            "y": [y[0], y[0]],
            "mode": "lines",
            "line": line,
            "hovertemplate": "%{y:.3g}",
        }
    marker = {"symbol": FORMAT_MARKERS.get(number_format) or _pick(OTHER_MARKERS, number_format), "size": 7}
    return {
        "x": x,
        "y": y,
        "mode": "lines+markers",
        "line": line,
        "marker": {**marker, "color": color},
        "error_y": {
            "array": (floors["max"] - floors["median"]).tolist(),
            "arrayminus": (floors["median"] - floors["min"]).tolist(),
            "thickness": 1,
            "width": 2,
        },
        "customdata": floors["count"].tolist(),
        "hovertemplate": "%{x} bits: %{y:.3g} (%{customdata} seeds)",
    }


def _pick(choices: tuple[str, ...], name: str) -> str:
    """The same choice for the same name in every process (`hash` is salted)."""
    return choices[sum(name.encode()) % len(choices)]


def write_figure(drawn: go.Figure, path: Path) -> None:
    """Write a figure as html (self-contained), png, svg or pdf (these need a chromium).

    Raises ConfigError for another ending, LpbenchError where there is no browser or the disk refuses.
    """
    if path.suffix not in FORMATS:
        raise ConfigError(f"figure {path}: the ending must be one of {', '.join(FORMATS)}")
    if path.suffix == ".html":
        try:
            drawn.write_html(path, include_plotlyjs=True)
        except OSError as error:
            raise LpbenchError(f"cannot write {path}: {error.strerror}") from error
        return
    try:
        drawn.write_image(path)
    except Exception as error:  # kaleido and its browser raise many kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise LpbenchError(
            f"cannot draw {path}, which needs kaleido and a chromium ({reason}); use .html"
        ) from error
