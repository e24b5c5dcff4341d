"""Groups, curves and rows of a store."""

import numpy as np
import pytest
from fake_results import fake_cell, fake_result
from lpbench.dashboard.data import choosing
from lpbench.dashboard.data.steps import thin
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import state_of
from lpbench.dashboard.pages import dimension as dimension_page

from lpbench.errors import ConfigError, StoreError
from lpbench.store.writer import SweepWriter


def test_groups_are_cells_without_their_seed(runs):
    sweep = Store(runs).sweep("made")
    groups = sweep.groups
    assert len(sweep.cells) == 96
    assert len(groups) == 24
    assert {row["n"] for row in groups} == {4}
    assert sum(row["n_diverged"] for row in groups) == 1
    assert sum(row["n_failed"] for row in groups) == 1
    assert set(sweep.varying) == {"precision", "dimension", "algorithm", "format"}
    for row in groups:
        mine = sweep.cells[(sweep.cells["group_id"] == row["group_id"]) & (sweep.cells["status"] == "ok")]
        assert row["floor"] == np.median(mine["noise_floor"])
        assert row["floor_max"] == mine["noise_floor"].max()


def test_curves_of_a_finished_sweep_and_of_a_running_one_agree(tmp_path):
    cells = [fake_result(fake_cell(seed), value=1.0 + seed, steps=[0, 1, 2, 5, 10, 100]) for seed in range(6)]
    cells[5].row |= {"status": "diverged"}  # it ended earlier, and counts up to there
    cells[5].trace = {name: values[:3] for name, values in cells[5].trace.items()}
    store = SweepWriter(tmp_path / "one", [], 6, {})
    for cell in cells:
        store.put(cell)
    store._parts.close()  # the parts are written, and not compacted yet
    running = Store(tmp_path).sweep("one")
    group = running.groups[0]["group_id"]
    before = running.curves([group])[group]
    store.close()
    done = Store(tmp_path).sweep("one")
    after = done.curves([group])[group]
    assert list(before) == list(after)
    for name in before:
        np.testing.assert_allclose(before[name], after[name], rtol=1e-12)
    assert after["q50"].tolist()[0] == 3.5
    assert after["step"].tolist() == [0, 1, 2, 5, 10, 100]
    more = done.curves([group], wanted=["q25", "low", "high"])[group]  # of which the rollup knows nothing
    for name in after:
        np.testing.assert_allclose(more[name], after[name], rtol=1e-12)
    assert (more["q25"][0], more["low"][0], more["high"][0]) == (2.25, 1.0, 6.0)
    assert np.isnan(more["low"][-1])  # five seeds have no interval of 95 %


def test_rows_are_filtered_and_sorted_without_trusting_names(runs):
    sweep = Store(runs).sweep("made")
    found, total = sweep.rows(0, 5, [{"colId": "noise_floor", "sort": "desc"}], {
        "algorithm": {"filterType": "text", "type": "equals", "filter": "halp"},
        "precision": {"filterType": "number", "type": "lessThan", "filter": 8},
    })  # fmt: skip
    assert total == 32
    assert len(found) == 5
    floors = [row["noise_floor"] for row in found]
    assert floors == sorted(floors, reverse=True)
    for name in ("nobody", "1; DROP TABLE x", 'x" OR 1=1 --'):
        with pytest.raises(ConfigError, match="no column"):
            sweep.rows(0, 5, [{"colId": name, "sort": "asc"}], {})
    odd = {"error": {"filterType": "text", "type": "contains", "filter": "'; DROP TABLE cells_shown; --"}}
    assert sweep.rows(0, 5, [], odd) == ([], 0)


def test_a_sweep_that_goes_on_is_in_memory_once(tmp_path, writing):
    writing(tmp_path, "one", [fake_result(fake_cell(0))])
    store = Store(tmp_path)
    before = store.sweep("one")
    assert store.sweep("one") is before
    writing(tmp_path, "one", [fake_result(fake_cell(1))])
    assert len(store.sweep("one").cells) == 2
    assert list(store._kept.values()) == [store.sweep("one")]


def test_thinned_curves_keep_their_ends():
    steps = np.arange(10_000)
    kept = thin(steps, 200)
    assert len(kept) <= 200
    assert kept[0] == 0
    assert kept[-1] == 9_999
    assert thin(np.arange(5), 200).tolist() == [0, 1, 2, 3, 4]


def test_a_sweep_that_cannot_be_read_takes_no_other_down(tmp_path):
    for name in ("good", "bad"):
        with SweepWriter(tmp_path / name, [], 1) as store:
            store.put(fake_result(fake_cell()))
    (tmp_path / "bad" / "manifest.json").write_text('{"schema": 1, "counts": ["x"]}')
    (tmp_path / "bad" / "cells.parquet").write_bytes(b"nonsense")
    found = {info.name: info for info in Store(tmp_path).sweeps()}
    assert found["good"].counts == {"ok": 1}
    assert "bad/manifest.json is damaged" in found["bad"].problem
    with pytest.raises(StoreError, match="bad/manifest"):
        Store(tmp_path).sweep("bad")


def test_curves_do_without_a_rollup_that_cannot_be_read(tmp_path):
    with SweepWriter(tmp_path / "demo", [], 1) as store:
        store.put(fake_result(fake_cell()))
    whole = Store(tmp_path).sweep("demo")
    group = whole.groups[0]["group_id"]
    rollup = tmp_path / "demo" / "rollup.parquet"
    rollup.write_bytes(rollup.read_bytes()[:-20])
    found = Store(tmp_path).sweep("demo").curves([group])[group]
    np.testing.assert_allclose(found["q50"], whole._from_traces([group], 200)[group]["q50"])


def test_groups_join_by_the_expression_that_was_asked_for(tmp_path, writing):
    found = []
    for dimension in (4, 16):
        for factor in (1, 2):
            for seed in (0, 1):
                cell = fake_cell(seed, dimension=dimension, step_size=factor / dimension)
                result = fake_result(cell)
                result.row["asked"] = f"step_size={factor}/L"
                found.append(result)
    writing(tmp_path, "asked", found)
    sweep = Store(tmp_path).sweep("asked")
    assert choosing.values_of(sweep, "step_size") == ["1/L", "2/L"]
    assert sorted(row["step_size"] for row in sweep.groups) == [1 / 16, 2 / 16, 1 / 4, 2 / 4]
    (control,) = [one for one in dimension_page.controls(sweep) if one.key == "step_size"]
    assert [value for value, _ in control.options] == ["1/L", "2/L"]
    figure = dimension_page.draw(sweep, state_of(dimension_page.controls(sweep), {}), False)[0].figure
    assert figure is not None
