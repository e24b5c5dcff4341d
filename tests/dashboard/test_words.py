"""Every control says in a line what it does, every head of a table what it means."""

import pytest
import sweep_kinds
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.data.words import word
from lpbench.dashboard.page import pages, state_of
from lpbench.dashboard.pages import overview
from lpbench.dashboard.panels.words import term
from lpbench.dashboard.server import panels, shell
from test_shell import of, text, tree

from lpbench import registry
from lpbench.declared.declarations import Metric
from lpbench.terminal import Table

PAGES = pages()


@pytest.fixture(scope="module")
def made(runs):
    return Store(runs).sweep("made")


@pytest.fixture(scope="module")
def network(tmp_path_factory, writing):
    """Of networks, whose tensors have a page of their own."""
    folder = tmp_path_factory.mktemp("words")
    writing(
        folder, "network", [sweep_kinds.watched(one) for one in sweep_kinds.networks(2, precision=[4, 6])]
    )
    return Store(folder).sweep("network")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_control_has_a_line_of_help(made, network, page):
    controls = [*page.controls(made), *page.controls(network)]
    assert [control.key for control in controls if not control.help] == []
    for control in controls:
        (shown,) = of(tree(shell.component(control, control.default).description), "Span")
        assert shown["children"] == shown["title"] == control.help


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_head_of_every_table_has_a_word(made, network, page):
    made = network if page.name == "Tensors" else made
    controls = page.controls(made)
    known = {"cells": ",".join(made.cells["cell_id"].head(2)), "target": "1e-3"}
    found = page.draw(made, state_of(controls, known), False)
    heads = {name for panel in found for name in panel.data.columns}
    if page.name == "Reproduction":
        heads -= {*found[0].data.columns[2:4]}  # the axes of a claim are in its own words
    assert {name for name in heads if not word(name)} <= made.cell_ids


def test_the_tables_of_pages_and_the_table_of_cells_say_their_words(made, runs):
    (body,) = [page for page in PAGES if page.name == "Cells"]
    (grid,) = body.body(None, made, {}, "/")
    told = {column["field"]: column["headerTooltip"] for column in grid.columnDefs}
    assert told["stall_rate"] == word("stall_rate")
    assert [name for name, said in told.items() if not said] == []
    heads = [
        props
        for props in of(tree(overview.body(Store(runs), made, {}, "/")), "Th")
        if props["scope"] == "col"
    ]
    assert all(of(tree(head["children"]), "Tooltip") for head in heads)


def test_a_word_is_there_for_pointer_and_focus(monkeypatch):
    shown = term("noise_floor")
    assert shown.label == word("noise_floor")
    assert shown.events == {"hover": True, "focus": True, "touch": True}
    assert shown.children.tabIndex == "0"
    assert term("3fa9") == "3fa9"
    table, *_ = panels.table(Table(["noise floor", "3fa9"], [[1, 2]]), 1)
    assert text(tree(table.children.data["head"])) == "noise floor noise floor"  # the tooltip, and its span
    monkeypatch.setitem(registry.metrics, "warmth", Metric("warmth", text="of the `chip`"))
    assert word("warmth") == "of the chip"
