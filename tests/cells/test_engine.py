"""An engine of one's own, the random walk of docs/adding.md: nothing in it knows an optimum, and a sweep needs none."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from test_docs import ROOT, write_files

import lpbench
from lpbench import cli
from lpbench.errors import Interrupted
from lpbench.registry import load_plugins

GRID = ["problem=random_walk", "algorithm=walk", "steps=200", "step_size=1,2", "seed=range(8)"]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A working folder with the plug-in in `mine`."""
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")
    start = page.index("## An engine")
    write_files(page[start : page.index("\n## ", start)], tmp_path)
    yield str(tmp_path / "mine")
    sys.path.remove(str(tmp_path / "mine"))
    sys.modules.pop("walk", None)


def walk(mine, **choices):
    return lpbench.run(config_dir=mine, problem="random_walk", algorithm="walk", **choices)


def told(capsys, *arguments, code=0):
    assert cli.run(list(arguments)) == code, capsys.readouterr().err
    return capsys.readouterr()


def test_a_cell_has_the_columns_of_its_engine_and_none_of_the_convex_one(mine):
    row = walk(mine, steps=200, seed=3)
    assert (row["status"], row["error"], row["result"], row["steps"]) == ("ok", None, "mean_square", 200)
    assert row["mean_square"] == np.mean(row["trace"].position ** 2) > 0
    assert {row[name] for name in ("noise_floor", "final_gap", "bound", "L", "mu", "w_max")} == {None}
    assert row["trace"].step.iloc[-1] == 200
    assert row["digest"] == walk(mine, steps=200, seed=3)["digest"] != walk(mine, steps=200, seed=4)["digest"]


def test_divergence_is_the_engines_judgement_and_what_was_seen_is_kept(mine):
    row = walk(mine, steps=2000, step_size=100)
    position = row["trace"].position.abs()
    assert row["status"] == "diverged"
    assert position.iloc[-1] > 1000 >= position.iloc[:-1].max()
    assert row["mean_square"] == np.mean(row["trace"].position ** 2)


def test_a_time_out_keeps_what_was_seen(mine):
    row = walk(mine, steps=10**6, timeout=1e-9)
    assert row["status"] == "timeout"
    assert 0 < row["trace"].step.iloc[-1] < 10**6


def test_what_the_engine_raises_is_the_cells_error(mine):
    assert walk(mine, steps=10, step_size="0.1/L")["error"].startswith("TypeError: unsupported operand")


def test_a_sweep_is_cut_off_and_resumed_shown_and_compared(mine, capsys, monkeypatch):
    load_plugins(Path(mine))
    begun, goes_on, advance = [], threading.Event(), sys.modules["walk"].Walk.advance

    def held(
        self, stops, rows, first, last
    ):  # the second cell, until it is heard that no third one is wanted
        begun.append(self)
        if begun.count(self) == 1 and len(set(begun)) == 2:
            assert goes_on.wait(60)
        advance(self, stops, rows, first, last)

    def cut(event):
        if event.kind == "cell" and not goes_on.is_set():
            os.kill(os.getpid(), signal.SIGINT)
        if event.kind == "stopping":
            goes_on.set()

    monkeypatch.setattr(sys.modules["walk"].Walk, "advance", held)

    with pytest.raises(Interrupted):
        lpbench.sweep(GRID, "walks", config_dir=mine, workers=1, on_event=cut)
    assert len(lpbench.load_cells("walks")) == 2
    resumed = told(capsys, "resume", "walks", "--config-dir", mine)
    assert "computed now: 14" in resumed.err
    assert "mean square (median over seeds)" in resumed.out

    cells = lpbench.load_cells("walks")
    whole = lpbench.sweep(GRID, "whole", config_dir=mine)
    assert dict(zip(cells.cell_id, cells.digest, strict=True)) == dict(
        zip(whole.cell_id, whole.digest, strict=True)
    )
    assert set(lpbench.load_traces("walks").position) > {0.0}

    for more, metric in (((), "mean_square"), (("--metric", "seconds"), "seconds")):
        small, large = json.loads(told(capsys, "show", "walks", "--json", *more).out)["noise_floors"]
        for record in (small, large):
            of_size = cells[cells.step_size == record["step_size"]]
            assert record[metric] == of_size[metric].median()
    assert "Did you mean 'mean_square'" in told(capsys, "show", "walks", "--metric", "mean_squar", code=2).err

    for size in (1, 2):
        words = [f"step_size={size}" if word.startswith("step_size") else word for word in GRID]
        lpbench.sweep(words, f"size-{size}", config_dir=mine)
    (row,) = lpbench.compare("size-1", "size-2").to_dict("records")
    assert [row[name] for name in ("ratio", "low", "high")] == pytest.approx([4.0] * 3)
    assert lpbench.compare("size-1", "size-2", metric="mean_square").attrs["metric"] == "mean_square"
    assert (
        "Did you mean 'mean_square'"
        in told(capsys, "compare", "size-1", "size-2", "--metric", "mean_squ", code=2).err
    )


def test_sweeps_with_different_results_are_compared_by_a_metric_that_is_named(mine, capsys):
    lpbench.sweep(GRID, "walks", config_dir=mine)
    lpbench.sweep(["problem=family_q", "dimension=4", "steps=20", "algorithm=sgd"], "gaps")
    said = told(capsys, "compare", "walks", "gaps", code=2).err
    assert "different results, mean_square, noise_floor: choose one with --metric" in said
