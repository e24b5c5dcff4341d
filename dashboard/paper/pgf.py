"""A printed figure as vector code of LaTeX: one `axis` of pgfplots for each panel, in the fonts of the paper.

The numbers stand in the text, so that a paper can still change a colour or a label. The picture has the size that was
asked for, whatever the fonts: its frame is fixed, and texts are given the room that they need on the average.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lpbench.errors import ConfigError

from ..charts.grid import entries
from ..charts.style import PER_CENT
from . import latex, marks
from .printed import INCH, POINT, Printed
from .ranges import Ends, ends_of, is_log, named, numbers

# What a figure may hold that has no code here, and what it is called.
OTHERS = {"heatmap": "a heat map", "bar": "bars"}
# What TikZ calls the place of a text beside its point, and the corner of a text that lies on it.
BESIDE = {"top": "south", "bottom": "north", "left": "east", "right": "west"}
CORNERS = {"top": "north", "bottom": "south", "left": "west", "right": "east"}


def pgf(found: Printed, about: Sequence[str]) -> str:
    """The code of a figure; `about`: lines of comment. Raises ConfigError, which names what has no code."""
    data, layout = found.figure["data"], found.figure["layout"]
    _check(found)
    panels = [name.removeprefix("xaxis") for name in layout if re.fullmatch(r"xaxis\d*", name)]
    ends = {name: ends_of(name, data, layout) for number in panels for name in (f"x{number}", f"y{number}")}
    colors = _Colors()
    body = [
        line
        for i, number in enumerate(panels)
        for line in _axis(number, data, layout, ends, colors, legend=i == len(panels) - 1)
    ]
    size = layout["font"]["size"] / POINT
    width, height = _inches(layout["width"]), _inches(layout["height"])
    symbols = dict.fromkeys(symbol for one in data for symbol in [_symbol(one)] if symbol)
    lines = [
        *latex.comment(*about, r"It needs \usepackage{pgfplots} and \pgfplotsset{compat=1.16} or newer."),
        r"\begingroup%",
        *(line for symbol in symbols for line in marks.declared(symbol)),
        *colors.defined(),
        rf"\begin{{tikzpicture}}[font=\fontsize{{{size:.3g}}}{{{1.2 * size:.3g}}}\selectfont]",
        rf"  \useasboundingbox (0in, 0in) rectangle ({width}in, {height}in);",
        *(f"  {line}" for line in body),
        r"\end{tikzpicture}%",
        r"\endgroup%",
    ]
    return "\n".join(lines) + "\n"


def _check(found: Printed) -> None:
    layout = found.figure["layout"]
    kinds = [OTHERS[one["type"]] for one in found.figure["data"] if one.get("type", "scatter") != "scatter"]
    kinds += ["parallel coordinates"] if "least_width" in (layout.get("meta") or {}) else []
    kinds += ["a scale of colours"] if "coloraxis" in layout else []
    if kinds:
        raise ConfigError(f"{found.title}: {kinds[0]} cannot be written as pgf; use .pdf or .svg")


def _inches(pixels: float) -> str:
    return f"{pixels / INCH:.4f}"


def _points(pixels: float) -> str:
    return f"{pixels / POINT:.3g}pt"


class _Colors:
    """The colours of a file, each with a name."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, color: str) -> tuple[str, float]:
        """The name of a colour, and how opaque it is."""
        found = re.fullmatch(r"rgba\((\d+), ?(\d+), ?(\d+), ?([\d.e-]+)\)", color)
        opaque = float(found[4]) if found else 1.0
        code = (
            "".join(f"{int(part):02X}" for part in found.groups()[:3]) if found else color.lstrip("#").upper()
        )
        return self._names.setdefault(code, f"lp{len(self._names)}"), opaque

    def defined(self) -> list[str]:
        """Their definitions."""
        return [rf"\definecolor{{{name}}}{{HTML}}{{{code}}}" for code, name in self._names.items()]


def _axis(
    number: str, data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], ends: Mapping[str, Ends],
    colors: _Colors, *, legend: bool,
) -> list[str]:  # fmt: skip
    """One panel; the last one brings the legend of all."""
    x, y = layout[f"xaxis{number}"], layout[f"yaxis{number}"]
    left, bottom, wide, high = _box(layout, x, y)
    options = [
        f"at={{({_inches(left)}in, {_inches(bottom)}in)}}", "anchor=south west", "scale only axis",
        f"width={_inches(wide)}in", f"height={_inches(high)}in",
        *_scale("x", x, ends[f"x{number}"]), *_scale("y", y, ends[f"y{number}"]),
        *_looks(layout, x, y, colors),
    ]  # fmt: skip
    here = [one for one in data if one.get("xaxis", "x") == f"x{number}" and not _is_key(one)]
    options += _legend(layout, data, left, bottom, wide, high) if legend else []
    body = [f"  {line}" for one in here for line in _trace(one, colors)]
    place = (f"x{number}", f"y{number}")
    body += [
        f"  {_shape(one, ends, layout, place, colors)}" for one in layout.get("shapes", ()) if _on(one, place)
    ]
    body += [
        f"  {_note(one, ends, layout, place)}" for one in layout.get("annotations", ()) if _on(one, place)
    ]
    if legend:
        body += [f"  {line}" for one in _named_traces(layout, data) for line in _key(one, colors)]
    return [r"\begin{axis}[", *(f"  {option}," for option in options), "]", *body, r"\end{axis}"]


def _box(
    layout: Mapping[str, Any], x: Mapping[str, Any], y: Mapping[str, Any]
) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of a panel, in pixels from the lower left corner."""
    margin = layout["margin"]
    plot = layout["width"] - margin["l"] - margin["r"], layout["height"] - margin["t"] - margin["b"]
    (left, right), (low, top) = x.get("domain", (0, 1)), y.get("domain", (0, 1))
    return (
        margin["l"] + left * plot[0],
        margin["b"] + low * plot[1],
        (right - left) * plot[0],
        (top - low) * plot[1],
    )


def _scale(letter: str, axis: Mapping[str, Any], ends: Ends) -> list[str]:
    """Kind, range, ticks and title of an axis."""
    low, high = sorted(ends)
    found = [
        f"{letter}mode={'log' if is_log(axis) else 'normal'}",
        f"{letter}min={low:.6g}",
        f"{letter}max={high:.6g}",
    ]
    found += [f"{letter} dir=reverse"] if ends[0] > ends[1] else []
    title = (axis.get("title") or {}).get("text") or ""
    found += [f"{letter}label={{{latex.marked(title)}}}"] if title else []
    values = axis.get("tickvals")
    if values is not None:
        texts = axis.get("ticktext") or [f"{value:g}" for value in values]
        inside = [(value, text) for value, text in zip(values, texts, strict=True) if low <= value <= high]
        found.append(f"{letter}tick={{{', '.join(f'{value:.6g}' for value, _ in inside)}}}")
        shown = (
            [f"{{{latex.marked(str(text))}}}" for _, text in inside]
            if axis.get("showticklabels", True)
            else []
        )
        found.append(f"{letter}ticklabels={{{', '.join(shown)}}}")
        found.append(f"minor {letter} tick num=0")
    elif axis.get("tickformat") == PER_CENT and axis.get("showticklabels", True):
        percent = r"\pgfmathparse{100*\tick}\pgfmathprintnumber{\pgfmathresult}\,\%"
        found.append(f"{letter}ticklabel={{{percent}}}")
    elif not axis.get("showticklabels", True):
        found.append(f"{letter}ticklabels={{}}")
    return found


def _looks(
    layout: Mapping[str, Any], x: Mapping[str, Any], y: Mapping[str, Any], colors: _Colors
) -> list[str]:
    grid, _ = colors.name(x["gridcolor"])
    width, gap = _points(x["gridwidth"]), _points(x["title"].get("standoff", 0) / 2)
    lines = "none" if x.get("showgrid") is False and y.get("showgrid") is False else "major"
    return [
        f"grid={lines}", f"major grid style={{draw={grid}, line width={width}}}", "axis lines=left",
        f"axis line style={{-, draw={grid}, line width={width}}}", "tick align=outside", "tick pos=left",
        f"tick style={{draw={grid}, line width={width}, major tick length={_points(x['ticklen'])}}}",
        "minor tick style={draw=none}", "scaled ticks=false", "clip mode=individual",
        "xticklabel style={align=center}", "xlabel near ticks", "ylabel near ticks", "unbounded coords=jump",
        *(f"{letter}label style={{align=center, inner sep={gap}}}" for letter in "xy"),
    ]  # fmt: skip


def _is_key(trace: Mapping[str, Any]) -> bool:
    """Whether a trace is there for the legend alone."""
    return all(value != value for value in numbers(trace.get("x")))


def _named_traces(layout: Mapping[str, Any], data: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in data if one.get("showlegend")] if layout.get("showlegend") is not False else []


def _legend(
    layout: Mapping[str, Any],
    data: Sequence[Mapping[str, Any]],
    left: float,
    bottom: float,
    wide: float,
    high: float,
) -> list[str]:
    """Where the legend of all panels stands: at the foot of the picture, in the coordinates of the last panel."""
    count, beside = entries(layout, data, layout["width"])
    if not count:
        return []
    x, y = (layout["margin"]["l"] - left) / wide, -bottom / high
    style = (
        f"at={{({x:.4f}, {y:.4f})}}, anchor=south west, draw=none, fill=none, legend columns={min(beside, count)}, "
        "cells={anchor=west}, inner sep=1pt, column sep=4pt, /tikz/every odd column/.append style={column sep=2pt}"
    )
    return [f"legend style={{{style}}}"]


def _key(trace: Mapping[str, Any], colors: _Colors) -> list[str]:
    name = latex.marked(str(trace.get("name", "")))
    return [rf"\addlegendimage{{{', '.join(_style(trace, colors))}}}", rf"\addlegendentry{{{name}}}"]


def _symbol(trace: Mapping[str, Any]) -> str:
    """The marker of a trace; "" without one."""
    drawn = "markers" in trace.get("mode", "") and marks.is_known(
        trace.get("marker", {}).get("symbol", "circle")
    )
    return str(trace["marker"].get("symbol", "circle")) if drawn else ""


def _style(trace: Mapping[str, Any], colors: _Colors) -> list[str]:
    """How a line and its markers are drawn."""
    line, marker = trace.get("line", {}), trace.get("marker", {})
    color, opaque = colors.name(line.get("color") or marker.get("color"))
    found = [f"color={color}"]
    if opaque * trace.get("opacity", 1.0) < 1:
        found.append(f"opacity={opaque * trace.get('opacity', 1.0):.3g}")
    if "lines" in trace.get("mode", "lines"):
        found.append(f"line width={_points(line.get('width', 1.0))}")
        lengths = re.findall(r"([\d.]+)px", line.get("dash", ""))
        pattern = " ".join(
            f"{'off' if i % 2 else 'on'} {_points(float(one))}" for i, one in enumerate(lengths)
        )
        found.append(f"dash pattern={pattern}" if pattern else "solid")
    else:
        found.append("only marks")
    symbol = _symbol(trace)
    if not symbol:
        return [*found, "mark=none"]
    tint, _ = colors.name(marker.get("color") or line.get("color"))
    outline = "0.6pt" if symbol.endswith("-open") else "0pt"
    options = f"solid, draw={tint}, fill={tint}, line width={outline}"
    return [
        *found,
        f"mark={marks.name(symbol)}",
        f"mark size={_points(marker['size'] / 2)}",
        f"mark options={{{options}}}",
    ]


def _trace(trace: Mapping[str, Any], colors: _Colors) -> list[str]:
    """A line, a band, or points, and the texts beside them."""
    x, y = numbers(trace["x"]), numbers(trace["y"])
    if trace.get("fill") == "toself":
        color, opaque = colors.name(trace["fillcolor"])
        area = f"draw=none, fill={color}, fill opacity={opaque:.3g}, mark=none, forget plot"
        return [rf"\addplot[{area}] coordinates {{{_coordinates(x, y)}}} -- cycle;"]
    lines = []
    if trace.get("mode", "lines") not in ("text", "none"):
        bars, style = _bars(trace, colors)
        lines.append(rf"\addplot[{', '.join([*_style(trace, colors), *style, 'forget plot'])}]")
        lines.append(rf"  coordinates {{{_coordinates(x, y, bars)}}};")
    anchor = _anchor(BESIDE, *str(trace.get("textposition", "middle center")).split())
    tint, _ = colors.name(
        (trace.get("textfont") or {}).get("color") or trace.get("line", {}).get("color", "#000000")
    )
    for a, b, said in zip(x, y, trace.get("text", ()), strict=False):
        if "text" in trace.get("mode", "") and said and math.isfinite(a) and math.isfinite(b):
            said = latex.marked(str(said))
            lines.append(
                rf"\node[anchor={anchor}, inner sep=2pt, text={tint}] at (axis cs:{a:.6g},{b:.6g}) {{{said}}};"
            )
    return lines


def _coordinates(x: Sequence[float], y: Sequence[float], bars: Sequence[str] = ()) -> str:
    parts = [f"({a:.6g},{b:.6g})" for a, b in zip(x, y, strict=True)]
    return " ".join(part + bar for part, bar in zip(parts, bars, strict=True)) if bars else " ".join(parts)


def _bars(trace: Mapping[str, Any], colors: _Colors) -> tuple[list[str], list[str]]:
    """The bars of each point, and their style; of a trace without, none."""
    for letter in "xy":
        bars = trace.get(f"error_{letter}")
        if not bars:
            continue
        up, down = (np.nan_to_num(np.asarray(numbers(bars[part]))) for part in ("array", "arrayminus"))
        color, _ = colors.name(bars["color"])
        ends = [(f"({a:.4g},0)", f"({b:.4g},0)") if letter == "x" else (f"(0,{a:.4g})", f"(0,{b:.4g})")
                for a, b in zip(up, down, strict=True)]  # fmt: skip
        style = [
            f"error bars/{letter} dir=both", f"error bars/{letter} explicit",
            f"error bars/error bar style={{solid, draw={color}, line width={_points(bars['thickness'])}}}",
            f"error bars/error mark options={{rotate=90, draw={color}, mark size={_points(bars['width'])}}}",
        ]  # fmt: skip
        return [f" += {a} -= {b}" for a, b in ends], style
    return [], []


def _on(one: Mapping[str, Any], place: tuple[str, str]) -> bool:
    """Whether a shape or a text belongs to a panel: as its axes say."""
    refs = [str(one.get(f"{letter}ref", letter)).removesuffix(" domain") for letter in "xy"]
    return refs[0] == place[0] and refs[1] == place[1]


def _at(one: Mapping[str, Any], names: tuple[str, str], ends: Mapping[str, Ends], layout: Mapping[str, Any],
        place: tuple[str, str]) -> str:  # fmt: skip
    """A point of a shape or a text in the coordinates of its panel."""
    found = []
    for letter, name, axis in zip("xy", names, place, strict=True):
        value, log = float(one[name]), is_log(named(layout, axis))
        if str(one.get(f"{letter}ref", letter)).endswith(" domain"):
            low, high = (math.log10(end) if log else end for end in ends[axis])
            value = low + value * (high - low)
            value = 10**value if log else value
        elif log and "text" in one:  # plotly takes the logarithm of texts' places, but not of shapes'
            value = 10**value
        found.append(f"{value:.6g}")
    return f"(axis cs:{','.join(found)})"


def _shape(one: Mapping[str, Any], ends: Mapping[str, Ends], layout: Mapping[str, Any], place: tuple[str, str],
           colors: _Colors) -> str:  # fmt: skip
    """A line across a panel, or a frame in it."""
    style = ", ".join(
        part for part in _style({"line": one["line"], "mode": "lines"}, colors) if part != "mark=none"
    )
    first, last = (_at(one, (f"x{i}", f"y{i}"), ends, layout, place) for i in "01")
    return rf"\draw[{style}] {first} {'rectangle' if one['type'] == 'rect' else '--'} {last};"


def _note(
    one: Mapping[str, Any], ends: Mapping[str, Ends], layout: Mapping[str, Any], place: tuple[str, str]
) -> str:
    """A text in a panel, such as its title."""
    anchor = _anchor(CORNERS, one.get("yanchor", "middle"), one.get("xanchor", "center"))
    at = _at(one, ("x", "y"), ends, layout, place)
    style = f"anchor={anchor}, inner xsep=0pt, inner ysep=2pt, align=left"
    return rf"\node[{style}] at {at} {{{latex.marked(one['text'])}}};"


def _anchor(names: Mapping[str, str], vertical: str, horizontal: str) -> str:
    return " ".join(names[word] for word in (vertical, horizontal) if word in names) or "center"
