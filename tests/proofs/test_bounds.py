"""What is proven of a grid, before it runs; the row of a cell that did run must say the same."""

import math

import pandas
import pytest
from fake_results import fake_cell, fake_result

import lpbench
from lpbench.errors import ConfigError
from lpbench.problems.build import build
from lpbench.proofs import bounds as proving
from lpbench.proofs.bounds import names_sweep, plan_groups, prove
from lpbench.registry import bounds as theorems
from lpbench.store import SweepWriter
from lpbench.theory.evaluation import theorem

GRID = ["problem=family_s", "k=4", "dimension=8,16", "precision=6,8", "steps=200"]


def proofs_of(*overrides, **options):
    return prove(plan_groups(list(overrides), **options).cells)


def test_one_row_a_group_whatever_the_seeds():
    frame = lpbench.bounds([*GRID, "seed=range(50)"])
    assert frame[["dimension", "precision"]].values.tolist() == [[8, 6], [8, 8], [16, 6], [16, 8]]
    assert frame["group_id"].tolist() == lpbench.plan([*GRID])["group_id"].tolist()
    assert set(frame["seed"]) == {None}


def test_it_says_what_the_row_of_a_run_says():
    chosen = {"problem": "family_s", "k": 4, "dimension": 16, "precision": 10, "steps": 100}
    row = lpbench.run(**chosen)
    proven = lpbench.bounds([f"{key}={value}" for key, value in chosen.items()]).iloc[0]
    assert row["group_id"] == proven["group_id"]
    certified = ["bound_1a_ii", "bound_1b", "bound_1b_l1", "bound_1c"]  # the others may gain by the path
    assert [proven[name] for name in certified] == [row[name] for name in certified]
    for name in ("L", "mu", "L_1", "gamma", "sigma_1", "steps", "step_size", "limit", "weights", "w_norm"):
        assert proven[name] == row[name], name


def test_the_noise_ball_is_the_bound_of_a_run_without_end():
    frame = lpbench.bounds(["problem=family_s", "k=4", "dimension=16", "precision=8", "steps=100,100000000"])
    assert frame["bound"][0] > frame["bound"][1] > frame["noise_ball"][0]
    assert frame["noise_ball"][0] == frame["noise_ball"][1] == pytest.approx(frame["bound"][1], rel=1e-4)
    assert frame["noise_ball_1c"][0] == pytest.approx(frame["bound_1c"][1], rel=1e-4)


def test_every_theorem_has_a_value_or_a_reason():
    for proof in proofs_of(*GRID, "algorithm=lp_sgd,lp_svrg,halp,swalp", "snapshot=random"):
        row = proof.row()
        for name in theorems.names():
            column = theorem(name).column
            assert (row[column] is None) == (row["refused" + column.removeprefix("bound")] is not None)
        values = [
            row[theorem(name).column] for name in theorems.names() if theorem(name).judges == "mean_gap"
        ]
        assert row["bound"] == min((value for value in values if value is not None), default=None)


def test_a_format_without_theorems_says_so_for_each():
    (proof,) = proofs_of("problem=family_s", "k=4", "dimension=16", "format=block", "precision=8")
    assert set(proof.run.refused) == set(theorems.names())
    assert set(proof.run.refused.values()) == {"no theorem is about the format block"}
    assert proof.row()["bound"] is None
    assert proof.row()["sigma_1"] == 2.0


def test_constants_come_with_the_side_that_they_are_proven_from():
    row = lpbench.bounds(["problem=logistic_regression", "dimension=3", "n_samples=20", "precision=8"]).iloc[
        0
    ]
    assert (row["L_kind"], row["mu_kind"], row["gamma_kind"]) == ("exact", "lower", "upper")


def test_a_narrow_range_costs_what_the_box_optimum_costs():
    narrow, wide = proofs_of("problem=family_q", "dimension=16", "precision=6", "limit=0.25,4")
    assert narrow.excess > 0
    assert wide.excess == 0
    value = narrow.run.bounds["1c"].value
    assert narrow.row()["bound_1c"] == pytest.approx(value + narrow.excess)


def test_cells_that_cannot_be_run_say_why():
    well, badly = proofs_of(
        "problem=family_s", "k=4", "dimension=8", "precision=8", "step_size=0.25/L,0.25-L"
    )
    assert well.error is None
    assert badly.error.startswith("step_size")
    assert badly.row()["bound"] is None
    assert badly.constants == well.constants
    (lost,) = proofs_of("regularization=0", "dimension=20", "n_samples=5", "precision=8")
    assert "X'X is singular" in lost.error
    assert lost.constants == {}


def test_each_problem_is_built_once(monkeypatch):

    built = []
    monkeypatch.setattr(
        proving, "build", lambda choices: built.append(choices["dimension"]) or build(choices)
    )
    seen = []
    cells = plan_groups([*GRID, "dimension=8,16,8"]).cells
    order = [cells[0], cells[2], cells[1], cells[3]]  # as an experiment of several parts may have them
    proofs = prove(order, lambda i, count: seen.append((i, count)))
    assert built == [8, 8, 16, 16]
    assert seen == [(0, 2), (1, 2)]
    assert [proof.group_id for proof in proofs] == [cell.group_id for cell in order]


def test_a_stored_sweep_by_its_name(tmp_path):
    with SweepWriter(tmp_path / "demo", [], 2) as store:
        for seed, gap in enumerate((0.2, 0.4)):
            result = fake_result(fake_cell(seed=seed))
            result.row |= {"mean_gap": gap, "bound": 1.0, "bound_kind": "1b", "bound_basis": "certified"}
            store.put(result)
    for asked in ("demo", str(tmp_path / "demo")):
        frame = lpbench.bounds(asked, runs_dir=tmp_path)
        assert frame["mean_gap"].tolist() == pytest.approx([0.3])
        assert frame["bound_ratio"].tolist() == pytest.approx([0.3])
        assert frame["broken"].tolist() == [False]


def test_the_default_grid_is_that_of_a_sweep():
    plan = plan_groups()
    assert {cell.group_id for cell in plan.cells} == set(lpbench.plan()["group_id"])


def test_what_cannot_be_run_is_said():
    with pytest.raises(ConfigError, match="k must be a power of two"):
        lpbench.bounds([*GRID, "k=3,4"])
    assert len(lpbench.bounds([*GRID, "k=3,4"], skip_invalid=True)) == 4
    with pytest.raises(ConfigError, match="the grid has 4 cells, more than max_cells = 3"):
        lpbench.bounds([*GRID, "seed=range(9)"], max_cells=3)
    with pytest.raises(ConfigError, match="unknown key 'precison'"):
        lpbench.bounds("precison=4")
    with pytest.raises(ConfigError, match="unknown sweep 'nothing'"):
        lpbench.bounds("nothing")


def test_what_is_a_sweep_and_what_is_an_override():
    assert names_sweep(["demo"])
    assert names_sweep(["runs/demo"])
    assert not names_sweep([])
    assert not any(names_sweep([word]) for word in ("precision=4", "+experiment=demo", "~dataset"))
    assert not names_sweep(["demo", "precision=4"])


def test_a_frame_of_numbers():
    frame = lpbench.bounds(GRID)
    assert pandas.api.types.is_float_dtype(frame["bound"])
    assert all(math.isfinite(value) for value in frame["bound"])
