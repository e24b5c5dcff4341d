"""What stands around the figures: names for everything that is operated, and tables that stay small."""

import json
from typing import Any

import pytest
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import MULTI, NUMBER, SELECT, SWITCH, TEXT, Control, Panel, pages, state_of
from lpbench.dashboard.server import panels, shell
from lpbench.dashboard.server.app import create_app
from lpbench.dashboard.server.site import Site

from lpbench.terminal import Table

DATA = Table(["bits", "floor"], [[i, i / 7] for i in range(300)])


def tree(component: Any) -> list[dict[str, Any]]:
    """All components under one, as plain data, in their order."""
    from plotly.utils import PlotlyJSONEncoder

    found = []

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for one in node:
                walk(one)
        elif isinstance(node, dict) and "type" in node and "props" in node:
            found.append(node)
            walk(node["props"].get("children"))

    walk(json.loads(json.dumps(component, cls=PlotlyJSONEncoder)))
    return found


def text(node: Any) -> str:
    if isinstance(node, dict):
        return text(node.get("props", {}).get("children"))
    return " ".join(text(one) for one in node) if isinstance(node, list) else str(node or "")


@pytest.fixture(scope="module")
def page(runs):
    create_app(runs)
    site = Site(Store(runs), pages(), "/lp/")
    current = site.page("/convergence")
    sweep = site.sweep(current, "made")
    controls = current.controls(sweep)
    state = state_of(controls, {})
    drawn = current.draw(sweep, state, False)
    return tree(shell.page(site, current, sweep, controls, state, drawn, None))


def of(nodes, kind):
    return [node["props"] for node in nodes if node["type"] == kind]


def test_a_page_has_its_landmarks(page):
    assert [len(of(page, kind)) for kind in ("Header", "Nav", "Main", "H1")] == [1, 1, 1, 1]
    assert of(page, "Nav")[0]["aria-label"] == "Pages"
    (here,) = [props for props in of(page, "Span") if props.get("aria-current") == "page"]
    assert here["children"] == "Convergence"
    (status,) = [props for props in of(page, "P") if props.get("role") == "status"]
    assert status["children"] == "made: 96 cells (94 ok, 1 diverged, 1 failed)"
    ids = [node["props"]["id"] for node in page if isinstance(node["props"].get("id"), str)]
    assert len(ids) == len(set(ids))


def test_links_keep_the_sweep_and_the_prefix(page):
    links = [props["href"] for props in of(page, "Link")]
    assert links[:2] == ["/lp/?sweep=made", "/lp/?sweep=made"]
    assert "/lp/precision?sweep=made" in links


def test_every_figure_has_a_name_and_its_notes_as_description(page):
    (figure,) = of(page, "Figure")
    (heading,) = of(page, "H2")
    assert figure["aria-label"] == heading["children"]
    (described,) = [props for props in of(page, "Div") if props.get("id") == figure["aria-describedby"]]
    assert "over 4 seeds" in text(described["children"])
    buttons = [props["aria-label"] for props in of(page, "Button") if "data-export" in props]
    assert buttons == [
        f"{kind} of: {figure['aria-label']}" for kind in ("PNG", "SVG", "CSV", "Parquet", "LaTeX")
    ]


def test_the_skip_link_leads_to_something_on_every_page(page, runs):
    (skip,) = [props for props in of(tree(shell.root()()), "A") if props["className"] == "skip"]
    assert skip["href"] == "#figures"
    site = Site(Store(runs), pages(), "/")
    empty = tree(shell.message(site, site.pages[0], "nobody", "there is no sweep 'nobody'"))
    for nodes in (page, empty):
        (place,) = [node["props"] for node in nodes if node["props"].get("id") == "figures"]
        assert place["tabIndex"] == "-1"
    (said,) = [props for props in of(empty, "P") if props.get("role") == "alert"]
    assert said["children"] == "there is no sweep 'nobody'"


@pytest.mark.parametrize(
    ("control", "value", "shown"),
    [
        (Control("a", "Axis", SELECT, "x", (("x", "X"), ("y", "Y"))), "y", "y"),
        (Control("a", "Axis", MULTI, (), (("x", "X"), ("y", "Y"))), ("x",), ["x"]),
        (Control("a", "Axis", NUMBER, None, help="positive"), 1e-3, "0.001"),
        (Control("a", "Axis", TEXT, ""), "", ""),
    ],
)
def test_controls_are_components_with_a_label(control, value, shown):
    component = shell.component(control, value)
    assert component.label == "Axis"
    assert component.id == {"type": "control", "key": "a"}
    assert component.value == shown


def test_a_switch_is_a_labelled_checkbox():
    component = shell.component(Control("a", "Bounds", SWITCH, True), False)
    assert (component.label, component.checked) == ("Bounds", False)


def test_a_table_is_sent_when_it_is_open_and_says_what_it_leaves_out():
    assert panels.table(DATA, 0) == panels.table(DATA, None) == panels.table(DATA, 2) == []
    assert panels.table(Table([], []), 1) == []
    scroll, note = panels.table(DATA, 1)
    assert len(scroll.children.data["body"]) == panels.ROWS == 200
    assert scroll.children.data["body"][1] == ["1", "0.1429"]
    assert note.children == "The first 200 of 300 rows; CSV and Parquet hold all."
    assert scroll.tabIndex == "0"  # so that the keyboard scrolls it
    assert panels.summary(Panel("t", None, DATA)) == "Numbers (300 rows)"
    assert panels.summary(Panel("t", None)) == "No numbers"


@pytest.mark.parametrize(
    ("value", "said"), [(None, "–"), (float("nan"), "–"), (1 / 3, "0.3333"), (12, "12"), ("fixed", "fixed")]
)
def test_cells_of_a_table(value, said):
    assert panels.cell(value) == said


def test_a_figure_that_no_phone_holds_is_as_wide_as_it_needs():
    wide = {"data": [], "layout": {"height": 300, "meta": {"least_width": 720}}}
    assert panels.height(Panel("t", wide)) == {"height": "300px", "minWidth": "720px"}
    assert panels.height(Panel("t", {"data": [], "layout": {"height": 300}})) == {"height": "300px"}
    assert panels.height(Panel("t", None)) == {"height": "120px"}


def test_a_figure_whose_panels_or_places_have_other_names_is_another_one():
    def told(title: str = "<b>4 bits</b>", ticks: tuple[str, ...] = ("4",), **axis: str) -> dict[str, str]:
        note, x = {"text": title}, {"ticktext": ticks, **axis}
        layout = {"height": 300, "annotations": [note], "xaxis": x, "yaxis": {"type": "linear"}}
        return panels.height(Panel("t", {"data": [], "layout": layout}))

    assert told() == told()
    assert told() != told("<b>6 bits</b>")
    assert told() != told(ticks=("6",))
    assert told("equal within 2 %: a = b") == told("equal within 2 %: a = c")  # that may change with the data
    assert told(ticks=("10", "100"), type="log") == told(ticks=("1", "10"), type="log")


def test_nothing_to_draw_is_said_in_the_figure():
    drawn = panels.drawn(Panel("t", None), True)
    assert drawn["layout"]["annotations"][0]["text"] == "nothing to draw"
    assert drawn["data"] == []


def test_a_sweep_that_runs_says_how_far_it_is_and_how_long_the_rest_takes():
    began = {"at": "2026-11-23T20:00:00.000+00:00", "stored": 50}
    running = {"state": "running", "total": 450, "counts": {"ok": 140, "diverged": 10}, "began": began,
               "updated_at": "2026-11-23T20:01:00.000+00:00"}  # fmt: skip
    assert shell.progress(running) == ", 150 of 450 cells, 3 min 0 s left"
    assert shell.progress(running | {"state": "interrupted"}) == ", 150 of 450 cells"
    assert shell.progress(running | {"counts": {"ok": 50}}) == ", 50 of 450 cells"
    assert shell.progress(running | {"counts": {"ok": 450}}) == ""
    # Cells that were stored after the manifest's last change: the page shows them, and they are not still to come.
    assert shell.progress(running, 250) == ", 250 of 450 cells, 2 min 0 s left"
    assert shell.progress(running, 120) == ", 150 of 450 cells, 3 min 0 s left"
    assert shell.progress(running | {"total": 0, "began": {}}) == ""  # of an lpbench that did not count


def test_long_options_have_the_room_of_two_controls():
    def shown(label):
        return shell.component(Control("a", "Axis", SELECT, "x", (("x", label),)), "x").className

    assert shown("2026-11-30 00:48, a host, AVX-512, 16 bits") == "control wide"
    assert shown("network_weight_decay") == "control"


def test_a_page_of_the_folder_does_not_stand_beside_the_name_of_a_sweep(runs):
    site = Site(Store(runs), pages(), "/")
    said = {page.path: shell.about(page, site.sweep(page, "made")) for page in site.pages}
    of_all = {path for path, text in said.items() if text == shell.ABOUT_ALL}
    assert of_all == {"/regressions", "/reproduction", "/speed"}
    assert all(text.startswith("made: ") for path, text in said.items() if path not in of_all)
