"""Which of the swept keys the final gap depends on, as bars."""

from __future__ import annotations

from typing import Any

from lpbench.analysis.importance import Importance, final_gaps, importance, numbers
from lpbench.terminal import Table
from lpbench.theory.arithmetic import READS

from ..charts import style
from ..data import choosing
from ..data.sweeps import Sweep, text
from ..page import Panel

GAP = "final gap"
INTERACTIONS, SEEDS = "interactions of keys", "seeds"
ROW, AROUND = 26, 90  # pixels: a bar, and what stands around them


def panel(sweep: Sweep, dark: bool) -> Panel:
    """A bar for each key that varies: its share of the variance of log10 of the final gap, of the cells that are ok; or
    of another metric, where the sweep has no such gap.
    """
    metric = sweep.metric
    what = GAP if metric.gap else metric.title
    title = f"What the {what} depends on"
    read = ("final_gap", *READS) if metric.gap else (metric.name,)
    columns = [name for name in ("status", *read) if name in sweep.cells]
    cells = sweep.cells[columns].astype(object).where(sweep.cells[columns].notna(), None)
    rows = [dict(zip(columns, row, strict=True)) for row in cells.to_numpy().tolist()]
    known, near, zeros = final_gaps(rows) if metric.gap else numbers(rows, metric.name, metric.log)
    there = [i for i, log in enumerate(known) if log is not None]
    logs = [log for log in known if log is not None]
    groups = {row["group_id"]: row for row in sweep.groups}
    grouped = [groups[one] for one in sweep.cells["group_id"].iloc[there]]
    keys = {axis: [text(row[axis]) for row in grouped] for axis in sweep.varying}
    found = importance(logs, keys)
    counts = sweep.cells["status"].value_counts()
    unknown = int(counts.get("ok", 0)) - len(there) - zeros
    notes = [
        *(note for name in choosing.UNFINISHED
          for note in choosing.count_note(int(counts.get(name, 0)), "cell", f"{name}: not in this figure")),
        *choosing.count_note(unknown, "cell", f"without a {what}: not in this figure"),
        *choosing.count_note(zeros, "cell", f"with a {what} of 0, which has no logarithm: not in this figure"),
        *choosing.count_note(near, "cell", "nearer to 0 than its arithmetic tells: counted as that near"),
    ]  # fmt: skip
    if found is None:
        said = f"Nothing varied but the seed among cells with a {what}, or all of them have the same."
        return Panel(title, None, notes=(said, *notes))
    shares = _shares(found)
    values = {axis: len(set(one)) for axis, one in keys.items()}
    data = [[name, values.get(axis), share] for axis, name, share in shares]
    return Panel(
        title,
        _figure(shares, dark),
        Table(["key", "values", "share"], data),
        (*_said(found, len(there), f"log₁₀ of the {what}" if metric.log else f"the {what}"), *notes),
    )


def _shares(found: Importance) -> list[tuple[str, str, float]]:
    """(axis or "", name, share), the keys first."""
    rest = ((INTERACTIONS, found.interactions), (SEEDS, found.seeds))
    return [
        *((axis, choosing.named(axis), share) for axis, share in found.keys.items()),
        *(("", name, share) for name, share in rest if share is not None),
    ]


def _said(found: Importance, cells: int, what: str) -> list[str]:
    first = (
        f"Shares of the variance of {what} over {choosing.plural(cells, 'cell')}: "
        "η² of each key alone, by a one-way analysis of variance."
    )
    if found.interactions is None:
        more = "Not every combination is there as often: keys that vary together explain the same twice."
        return [first, more]
    rest = (
        f"{INTERACTIONS} and {SEEDS}"
        if found.seeds is not None
        else f"{INTERACTIONS} (one seed each: and {SEEDS})"
    )
    return [first, f"Every combination is there as often: with {rest} they add up to 1."]


def _figure(shares: list[tuple[str, str, float]], dark: bool) -> dict[str, Any]:
    names = [name for _, name, _ in shares]
    layout = style.layout(
        dark, height=AROUND + ROW * len(shares), hovermode="closest", bargap=0.3, showlegend=False,
        margin={"l": 8, "r": 40, "t": 8},
        xaxis={"range": [0, 1.08], "tickformat": ".0%", "title": {"text": "share of the variance"}},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False, "ticks": ""},
    )  # fmt: skip
    colors = [style.colors(dark)[0] if axis else style.soft(dark) for axis, *_ in shares]
    bar = {
        "type": "bar", "orientation": "h", "x": [share for *_, share in shares], "y": names,
        "marker": {"color": colors}, "texttemplate": "%{x:.0%}", "textposition": "outside", "cliponaxis": False,
        "hovertemplate": "%{y}: %{x:.1%}<extra></extra>",
    }  # fmt: skip
    return {"data": [bar], "layout": layout}
