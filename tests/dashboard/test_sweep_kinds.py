"""Every page draws every kind of sweep: what no figure may do, whatever it is given."""

import re

import numpy as np
import orjson
import pytest
import sweep_kinds
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import SELECT, Panel, pages, state_of

PAGES = [page for page in pages() if page.of_sweep]


@pytest.fixture(scope="module")
def swept(tmp_path_factory, writing):
    """The stored sweep of a kind, made once."""
    runs, made = tmp_path_factory.mktemp("kinds"), {}

    def make(kind):
        name = kind.replace(" ", "-")
        made[kind] = made.get(kind) or writing(runs, name, sweep_kinds.KINDS[kind]())
        return Store(runs).sweep(name)

    return make


def check(panel: Panel) -> None:
    """What holds for the figure of every page."""
    if panel.figure is None:
        assert panel.notes, f"{panel.title}: empty, and nothing says why"
        return
    data, layout = panel.figure["data"], panel.figure["layout"]
    for name, trace in ((panel.title, trace) for trace in data):
        for axis in ("x", "y"):
            if np.asarray(trace.get(axis, ())).dtype.kind == "f":
                assert not np.isinf(trace[axis]).any(), name
    sent = orjson.dumps(panel.figure, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()
    assert not re.search(r"\b(nan|NaN|inf|Infinity)\b", sent), panel.title
    for name, axis in layout.items():
        if name.startswith(("xaxis", "yaxis")) and axis.get("type") == "log":
            shown = axis["ticktext"]
            assert len(shown) == len({*shown}) == len(axis["tickvals"]) <= 24, panel.title
            assert not any("e-" in text or len(text) > 10 for text in shown), shown
    drawn = [trace for trace in data if trace.get("xaxis") and "lines" in trace["mode"] and len(trace["x"])]
    looks: dict[tuple[str, ...], str] = {}
    for trace in drawn:
        look = (
            trace["xaxis"],
            trace["line"]["color"],
            trace["line"]["dash"],
            trace.get("marker", {}).get("symbol", ""),
        )
        assert looks.setdefault(look, trace["name"]) == trace["name"], (panel.title, look)
    for number in {trace["xaxis"][1:] for trace in data if trace.get("xaxis")}:
        there = [trace for trace in data if trace.get("xaxis") == f"x{number}"]
        seen = sum(np.isfinite(np.asarray(trace["y"], float)).sum() for trace in there)
        told = [note for note in layout.get("annotations", ()) if "not drawn" in note["text"]]
        assert seen or panel.notes or told, f"{panel.title}: a panel is empty, and nothing says why"
    for colors in dashes_by_meaning(data).values():
        assert len(colors) == 1, (panel.title, colors)


def dashes_by_meaning(data):
    """What each dash of the legend's entries means, of those that are told by dashes alone."""
    found: dict[str, set[str]] = {}
    for trace in data:
        if (
            trace.get("showlegend")
            and "xaxis" not in trace
            and "marker" not in trace
            and trace["mode"] == "lines"
        ):
            found.setdefault(f"{trace['line']['color']} {trace['line']['dash']}", set()).add(trace["name"])
    return found


@pytest.mark.parametrize("kind", sweep_kinds.KINDS)
def test_every_page_draws_every_kind_of_sweep(swept, kind):
    sweep = swept(kind)
    for page in PAGES:
        controls = page.controls(sweep)
        metrics = [
            value for one in controls if one.key == "metric" and page.alone for value, _ in one.options
        ]
        for asked in ({}, *({"metric": name} for name in metrics[1:])):
            for panel in page.draw(sweep, state_of(controls, asked), False):
                check(panel)


RANDOM = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@RANDOM
@given(made=sweep_kinds.SWEEPS, turn=st.integers(0, 7), dark=st.booleans())
def test_every_page_draws_a_random_sweep_in_any_view(tmp_path_factory, writing, made, turn, dark):
    runs = tmp_path_factory.mktemp("random")
    writing(runs, "any", sweep_kinds.random(**made))
    sweep = Store(runs).sweep("any")
    for page in PAGES:
        controls = page.controls(sweep)
        chosen = {
            control.key: control.options[turn % len(control.options)][0]
            for control in controls
            if control.kind == SELECT
        }
        for state in ({}, chosen):
            for panel in page.draw(sweep, state_of(controls, state), dark):
                check(panel)
