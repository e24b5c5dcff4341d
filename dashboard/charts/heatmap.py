"""A heat map of floors over two axes of text, with marks on cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .. import style


def figure(
    x: Sequence[str],
    y: Sequence[str],
    values: Mapping[tuple[str, str], float],
    marks: Mapping[tuple[str, str], str],
    titles: tuple[str, str, str],
    dark: bool,
) -> dict[str, Any]:
    """values by (x, y), coloured by their logarithm; marks: a text at (x, y); titles of x, y and the scale."""
    z = [[math.log10(values[a, b]) if values.get((a, b), 0) > 0 else None for a in x] for b in y]
    said = [
        [
            f"{values[a, b]:.1e}" + (f"<br>{marks[a, b]}" if (a, b) in marks else "")
            if (a, b) in values
            else ""
            for a in x
        ]
        for b in y
    ]
    heat = {
        "type": "heatmap", "x": list(x), "y": list(y), "z": z, "text": said, "texttemplate": "%{text}",
        "colorscale": style.scale(dark), "xgap": 2, "ygap": 2,
        "hovertemplate": f"{titles[0]} %{{x}}, {titles[1]} %{{y}}: %{{text}}<extra></extra>",
        "colorbar": {"title": {"text": titles[2]}, "thickness": 12},
    }  # fmt: skip
    # As categories: texts such as "10" would become numbers.
    layout = style.layout(
        dark, height=130 + 46 * max(3, len(y)),
        xaxis={"type": "category", "title": {"text": titles[0]}, "showgrid": False},
        yaxis={"type": "category", "title": {"text": titles[1]}, "showgrid": False},
    )  # fmt: skip
    return {"data": [heat], "layout": layout}
