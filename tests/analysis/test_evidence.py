import math

import pytest

from lpbench.analysis.evidence import COLUMNS, complaint, weigh


def columns_of(*rows):
    """Columns as the store gives them, null where a row says nothing; one group unless a row says otherwise."""
    base = {
        "problem": "family_s",
        "algorithm": "lp_sgd",
        "format": "fixed",
        "precision": 8,
        "status": "ok",
        "group_id": "g",
        "mean_gap": 0.5,
        "bound": 1.0,
        "bound_kind": "1b",
        "bound_basis": "certified",
    }
    whole = [{**dict.fromkeys(COLUMNS), "cell_id": f"c{i}", **base, **row} for i, row in enumerate(rows)]
    return {name: [row.get(name) for row in whole] for name in {**dict.fromkeys(COLUMNS), **rows[0]}}


def weighed(*rows):
    """The one group of `rows`."""
    (group,) = weigh(columns_of(*rows)).groups
    return group


def test_a_group_is_the_mean_over_its_seeds():
    gaps = (0.2, 0.4, 0.9)
    group = weighed(*({"seed": i, "mean_gap": gap, "noise_floor": gap / 2} for i, gap in enumerate(gaps)))
    assert group["mean_gap"] == pytest.approx(0.5)
    assert group["bound_ratio"] == pytest.approx(0.5)
    assert group["noise_floor"] == pytest.approx(0.2)
    assert group["n"] == 3
    assert group["cell_id"] == "c2"  # the worst
    assert not group["broken"]
    assert group["e_value"] < 1


def test_bounds_that_hold_on_a_path_differ_between_seeds():
    rows = [
        {"bound": 1.0, "bound_kind": "1d", "bound_basis": "on this path"},
        {"bound": 2.0, "mean_gap": 2.0},
    ]
    group = weighed(*rows)
    assert group["bound"] == 1.5
    assert group["bound_ratio"] == pytest.approx(0.75)  # the mean of 0.5 and 1, not 1.25 / 1.5
    assert group["bound_kind"] == "1b, 1d"
    assert group["bound_basis"] == "certified, on this path"


def test_well_above_the_bound_in_every_seed_is_broken():
    evidence = weigh(columns_of(*({"mean_gap": 4.0, "seed": i} for i in range(5))))
    assert [group["broken"] for group in evidence.groups] == [True]
    assert evidence.broken[0]["e_value"] > 100
    assert evidence.line() == (
        "bounds: 1 of 1 cell groups have a proven bound; measured/proven 4 ... 4 (median 4); 1 broken"
    )


def test_a_little_above_the_bound_may_be_chance():
    evidence = weigh(columns_of(*({"mean_gap": 1.1, "seed": i} for i in range(3))))
    assert evidence.broken == []
    assert "1 above 1 within the error of the seeds: run more seeds; none broken" in evidence.line()


def test_many_groups_ask_for_more_evidence():
    seeds = [{"mean_gap": 4.0, "seed": i} for i in range(5)]
    assert weighed(*seeds)["broken"]
    others = [{"group_id": f"h{i}", "mean_gap": 0.5} for i in range(1000)]
    assert not weigh(columns_of(*seeds, *others)).broken


@pytest.mark.parametrize("gap", [math.inf, math.nan, None])
def test_a_cell_that_diverged_under_a_bound_breaks_it(gap):
    assert weighed({}, {"status": "diverged", "mean_gap": gap})["broken"]


def test_a_diverged_cell_under_a_larger_bound_does_not():
    assert not weighed({"status": "diverged", "mean_gap": 1e7, "bound": 1e9})["broken"]


@pytest.mark.parametrize("status", ["failed", "timeout"])
def test_what_did_not_run_to_its_end_does_not_count(status):
    group = weighed({"mean_gap": 0.5}, {"status": status, "mean_gap": math.inf})
    assert group["n"] == 1
    assert not group["broken"]
    alone = weighed({"status": status})
    assert (alone["n"], alone["mean_gap"], alone["bound"], alone["e_value"]) == (0, None, None, None)


def test_a_bound_of_zero_is_broken_by_any_gap():
    assert weighed({"bound": 0.0, "mean_gap": 1e-9})["broken"]
    assert not weighed({"bound": 0.0, "mean_gap": 0.0})["broken"]


def test_but_not_by_what_float64_cannot_tell_from_zero():
    known = {
        "bound": 0.0, "L": 1.0, "L_f": 1.0, "mu": 0.1, "sigma": 0.0, "w_norm": 1.0, "step_size": 0.1, "steps": 10**6,
        "compute_dtype": "float64", "optimum_gradient_norm": 1e-14,
    }  # fmt: skip
    assert not weighed({**known, "mean_gap": 4e-33})["broken"]
    assert not weighed({**known, "mean_gap": 4e-27})["broken"]  # w* itself is known to 1e-13
    assert weighed({**known, "mean_gap": 1e-25})["broken"]
    assert not weighed({**known, "mean_gap": 1e-12, "compute_dtype": "float32"})["broken"]


def test_without_bounds_there_is_nothing_to_say():
    nothing = {"bound": None, "bound_kind": None, "bound_basis": None}
    evidence = weigh(columns_of(nothing, {**nothing, "group_id": "h", "precision": 4}))
    assert evidence.line() is None
    assert evidence.summary()["groups_with_bound"] == 0
    assert [group["precision"] for group in evidence.groups] == [4, 8]
    assert evidence.groups[0]["mean_gap"] == 0.5
    assert weigh(columns_of({})).summary()["groups"] == 1
    assert weigh({name: [] for name in COLUMNS}).groups == []


def test_every_theorem_of_the_cells_is_averaged():
    group = weighed({"bound_1b": 1.0, "bound_note": "mine"}, {"bound_1b": 3.0})
    assert group["bound_1b"] == 2.0
    assert "bound_note" not in group


def test_a_complaint_says_which_cells_what_and_how_sure():
    rows = [{"mean_gap": 4.0, "dimension": 16, "group_id": "a"}] * 5 + [{"dimension": 64, "group_id": "b"}]
    (broken,) = weigh(columns_of(*rows)).broken
    assert complaint(broken) == (
        "broken bound: problem=family_s dimension=16 algorithm=lp_sgd format=fixed precision=8 (5 seeds): "
        "mean gap 4, proven at most 1 "
        f"(theorem 1b, certified), e-value {broken['e_value']:.2g}"
    )


def test_the_clearest_comes_first():
    rows = [{"group_id": name, "mean_gap": gap} for name, gap in (("a", 5.0), ("b", 50.0)) for _ in range(9)]
    assert [group["group_id"] for group in weigh(columns_of(*rows)).broken] == ["b", "a"]
