"""Cells: what is picked, how it differs, and the parallel coordinates."""

import numpy as np
import pytest
from fake_results import fake_cell, fake_result
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import query_of, state_of
from lpbench.dashboard.pages import cells


@pytest.fixture(scope="module")
def made(runs):
    return Store(runs).sweep("made")


def panels(sweep, **query):
    return cells.draw(sweep, state_of(cells.controls(sweep), query), False)


def ids_of(sweep, **choices):
    found = sweep.cells
    for name, value in choices.items():
        found = found[found[name] == value]
    return found["cell_id"].tolist()


def test_only_cells_of_the_sweep_are_picked(made):
    known = ids_of(made, algorithm="halp")[:3]
    control = cells.picked_control(made)
    assert control.parse(f"nobody, {known[1]},{known[0]} ,{known[1]},') OR 1=1 --") == (known[1], known[0])
    assert control.parse(None) == control.parse("") == control.parse(",,,") == ()
    state = state_of(cells.controls(made), {"cells": ",".join(known)})
    assert query_of(cells.controls(made), state) == {"cells": ",".join(known)}


def test_more_than_can_be_drawn_are_cut_and_the_note_says_so(made):
    many = ids_of(made, status="ok")[:25]
    picked, _ = panels(made, cells=",".join(many))
    assert len(picked.figure["data"]) == cells.MOST_PICKED == 20
    assert picked.notes[0].startswith("20 cells, the most at once;")
    picked, _ = panels(made, cells=",".join(many[:19]))
    assert picked.notes[0].startswith("19 cells;")


def test_differences_are_the_columns_that_differ(made):
    (first,) = ids_of(made, algorithm="halp", format="fixed", precision=4, dimension=16, seed=0)
    (second,) = ids_of(made, algorithm="halp", format="fixed", precision=8, dimension=16, seed=0)
    picked, _ = panels(made, cells=f"{first},{second}")
    assert list(picked.data.columns) == ["column", first, second]
    rows = {row[0]: row[1:] for row in picked.data.rows}
    assert next(iter(rows)) == "precision"  # choices first
    assert rows["precision"] == ["4", "8"]
    assert rows["noise_floor"] == [1e-3 * 2.0**-4 / 100, 1e-3 * 2.0**-8 / 100]
    for same in ("algorithm", "format", "dimension", "seed", "status", "L", "mu"):
        assert same not in rows
    assert not set(rows) & set(cells.TOLD)


def test_picked_traces_are_drawn_one_line_each(made):
    picked_ids = ids_of(made, algorithm="halp", format="fixed", precision=4, dimension=16)
    picked, _ = panels(made, cells=",".join(picked_ids))
    assert [trace["name"] for trace in picked.figure["data"]] == [
        f"{cell_id[:6]}: seed {seed}" for seed, cell_id in enumerate(picked_ids)
    ]
    for seed, trace in enumerate(picked.figure["data"]):
        value = 1e-3 * 2.0**-4 * (1 + 0.1 * seed)
        np.testing.assert_allclose(trace["y"], value * 10.0 ** (-trace["x"] / 50), rtol=1e-5)
    assert len({(trace["line"]["color"], trace["line"]["dash"]) for trace in picked.figure["data"]}) == 4


def test_nothing_picked_says_how(made):
    picked, _ = panels(made, cells="nobody")
    assert picked.figure is None
    assert picked.notes[0].startswith("Pick rows of the table")


def test_parallel_coordinates_show_the_best_share(made):
    _, drawn = panels(made)
    assert drawn.notes[0].startswith("All 24 groups;")
    assert len(drawn.data.rows) == 24
    _, drawn = panels(made, best="10")
    assert drawn.notes[0].startswith("2 of 24 groups, those of the lowest floors;")
    floors = sorted(group["floor"] for group in made.groups)
    assert [row["noise floor"] for row in drawn.data.records()] == floors[:2]


def test_parallel_coordinates_are_capped_and_the_note_says_so(made, monkeypatch):
    monkeypatch.setattr(cells, "MOST_LINES", 5)
    _, drawn = panels(made)
    assert drawn.notes[0].startswith("5 of 24 groups, those of the lowest floors;")
    ends = [x for trace in drawn.figure["data"] for x in trace["x"] if x is None]
    assert len(ends) == 5  # a line a group


def test_filters_choose_among_the_groups(made):
    _, drawn = panels(made, algorithm="halp", precision="4,8")
    records = drawn.data.records()
    assert {(row["precision"], row["noise floor"] < 1e-6) for row in records} == {("4", True), ("8", True)}
    assert "algorithm" not in drawn.data.columns  # one value is no axis


def test_one_group_has_no_parallel_coordinates(tmp_path, writing):
    writing(tmp_path, "one", [fake_result(fake_cell(seed)) for seed in range(2)])
    _, drawn = panels(Store(tmp_path).sweep("one"))
    assert drawn.figure is None
    assert "Fewer than two groups" in drawn.notes[0]


def test_the_table_has_every_column_and_shows_the_telling_ones(made):
    (grid,) = cells.body(None, made, {}, "/")
    columns = {column["field"]: column for column in grid.columnDefs}
    assert set(columns) == set(made.cells.columns)
    assert list(columns)[:3] == ["cell_id", "status", "precision"]
    assert not columns["algorithm"]["hide"]
    assert columns["digest"]["hide"]
    assert columns["noise_floor"]["filter"] == "agNumberColumnFilter"
    assert columns["error"]["filter"] == "agTextColumnFilter"
