"""Ratios with their intervals, one row each: what differs from 1, and how surely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

WORSE, BETTER, UNSURE = "#D55E00", "#0072B2", "#767676"  # of Okabe and Ito's colours, and a grey


def figure(
    records: Sequence[Mapping[str, Any]], by: Sequence[str], title: str, verdicts: Sequence[str | None]
) -> go.Figure:
    """A dot and a bar for each row of `lpbench.compare`, the first on top, in the colours of `verdicts`."""
    import plotly.graph_objects as go

    drawn = go.Figure()
    names = [", ".join(f"{axis} {record[axis]}" for axis in by) or "all" for record in records]
    for i, (name, record, verdict) in enumerate(zip(names, records, verdicts, strict=True)):
        low, high, ratio = record["low"], record["high"], record["ratio"]
        if ratio is None:
            continue
        color = {"worse": WORSE, "better": BETTER, None: UNSURE}[verdict]
        if low is not None:
            drawn.add_scatter(
                x=[low, high], y=[i, i], mode="lines", line={"color": color, "width": 2}, hoverinfo="skip"
            )
        drawn.add_scatter(
            x=[ratio], y=[i], mode="markers", marker={"color": color, "size": 9}, name=name,
            hovertemplate=f"{name}<br>ratio %{{x:.3g}}, {record['seeds_a']} seeds<extra></extra>",
        )  # fmt: skip
    drawn.add_vline(x=1, line={"color": UNSURE, "dash": "dot"})
    drawn.update_layout(
        title=title,
        showlegend=False,
        template="plotly_white",
        height=200 + 24 * len(records),
        margin={"l": 20},
    )
    drawn.update_xaxes(type="log", title="ratio (95 % interval)")
    drawn.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], automargin=True
    )
    return drawn
