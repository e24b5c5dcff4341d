"""How many bits a network needs: the search against made-up errors, what seeds decide, what is asked of whom."""

import math

import numpy as np
import pytest
from fake_results import FakeResult, fake_result

import lpbench
from lpbench.errors import ConfigError
from lpbench.proofs.bits import find
from lpbench.proofs.bits.measured import FULL, fewest
from lpbench.proofs.bits.near import Goal, Near
from lpbench.proofs.bits.near_words import conclusion, footnotes, table
from lpbench.proofs.bits.said import bad
from lpbench.store import load_cells
from lpbench.sweeps.plan import plan_of_sweep

MLP = ["problem=mlp", "dataset=digits", "recipe=all"]
WIDTHS = [*MLP, "dimension=16,64"]


@pytest.fixture
def made_up(monkeypatch):
    """Networks that cost nothing: 10 points of error in full precision, and 2**(6 - bits) more in so many bits.

    `spread` parts the seeds, by so much around their mean.
    """
    state = {"spread": 1e-5, "ran": 0, "status": {}, "shift": {}}

    def run_cell(cell, stop=None, timeout=None):
        state["ran"] += 1
        choices = cell.choices
        bits = FULL if choices["format"] == "none" else choices["precision"]
        more = (
            0.0 if bits == FULL else 0.01 * 2.0 ** (6 - bits) + state["shift"].get(choices["dimension"], 0.0)
        )
        result = fake_result(cell, state["status"].get((bits, cell.seed), "ok"))
        ok = result.row["status"] == "ok"
        error = 0.1 + more + state["spread"] * (-1) ** cell.seed
        result.row |= {
            "result": "test_error",
            "noise_floor": None,
            "limit": None,
            "test_error": error if ok else None,
            "test_loss": 2 * error if ok else None,
        }
        return result

    monkeypatch.setattr("lpbench.cells.run.run_cell", run_cell)
    monkeypatch.setattr("lpbench.cells.run.Result", FakeResult)
    return state


def bits(tmp_path, *overrides, **options):
    return lpbench.bits(overrides=overrides or WIDTHS, runs_dir=tmp_path, **{"within": 0.0101, **options})


def test_the_fewest_bits_within_so_much_of_full_precision(made_up, tmp_path):
    frame = bits(tmp_path).set_index("dimension")
    for column in ("measured", "measured_low", "measured_high"):
        assert frame[column].to_dict() == {16: 6, 64: 6}
    assert frame["full_precision"].tolist() == pytest.approx([0.1, 0.1])
    assert frame["difference"].tolist() == pytest.approx([0.01, 0.01])
    assert frame["difference_below"].tolist() == pytest.approx([0.02, 0.02])
    assert set(frame["metric"]) == {"test_error"}


@pytest.mark.parametrize(("within", "expected"), [(0.0026, 8), (0.02001, 5), (0.5, 2)])
def test_nearer_takes_more_bits(made_up, tmp_path, within, expected):
    assert set(bits(tmp_path, within=within)["measured"]) == {expected}


def test_a_target_is_of_the_metric_itself(made_up, tmp_path):
    assert set(bits(tmp_path, within=None, target=0.1101)["measured"]) == {6}
    stored = load_cells("bits", runs_dir=tmp_path)
    assert set(stored["algorithm"]) == {"lp_sgd"}  # nothing is compared with


def test_what_a_target_measured_serves_the_other_question(made_up, tmp_path):
    rounds = []
    bits(tmp_path, within=None, target=0.1101)
    frame = bits(tmp_path, on_round=rounds.append)
    assert set(frame["measured"]) == {6}
    assert rounds == ["2 combinations in full precision, 16 cells"]


def test_another_metric(made_up, tmp_path):
    assert set(bits(tmp_path, metric="test_loss")["measured"]) == {7}


def test_seeds_that_do_not_decide_leave_an_interval(made_up, tmp_path):
    made_up["spread"] = 0.004
    (row,) = bits(tmp_path, *MLP, "dimension=16", seeds=4).to_dict("records")
    assert row["measured"] == 6
    assert (row["measured_low"], row["measured_high"]) == (6, 8)
    found = find(None, [*MLP, "dimension=16"], runs_dir=tmp_path, within=0.0101, seeds=60)
    assert table(found).rows[0][2:4] == ["6", "6 or 7"]


def test_one_seed_decides_nothing(made_up, tmp_path):
    found = find(None, [*MLP, "dimension=16"], runs_dir=tmp_path, within=0.0101, seeds=1)
    (row,) = found.rows()
    assert (row["measured"], row["measured_low"], row["measured_high"]) == (6, 2, None)
    assert row["difference_error"] is None
    assert table(found).rows[0][2:] == ["6", "2 or more", "+0.01", "+0.02"]
    assert "1 seed, which tells no error" in footnotes(found)[0]
    assert "--seeds 4" in footnotes(found)[-1]


def test_how_many_seeds_would_decide_is_said_and_is_right(made_up, tmp_path):
    made_up["spread"] = 0.008
    overrides = [*MLP, "dimension=16"]
    found = find(None, overrides, runs_dir=tmp_path, within=0.0142, seeds=6)
    assert not found.entries[0].search.decided
    advised = found.entries[0].search.seeds_to_decide()
    assert f"--seeds {advised}" in " ".join(footnotes(found))
    again = find(None, overrides, runs_dir=tmp_path, within=0.0142, seeds=advised)
    assert again.entries[0].search.decided
    assert again.entries[0].measured == 6


def test_no_bits_suffice(made_up, tmp_path):
    made_up["shift"] = {64: 0.05}
    found = find(None, WIDTHS, runs_dir=tmp_path, within=0.0101)
    near, far = found.entries
    assert near.measured == 6
    assert far.measured is None
    assert (
        "24 bits, the most of this format, leave test_error +0.05: is it the range? (limit)"
        in (far.remarks()[0][1])
    )
    assert [row[2:4] for row in table(found).rows] == [["6", "6"], ["> 24", "> 24"]]
    assert conclusion(found) == []


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_a_seed_that_ends_badly_does_not_reach(made_up, tmp_path, status):
    made_up["status"] = {(6, 3): status}
    found = find(None, [*MLP, "dimension=16"], runs_dir=tmp_path, within=0.0101)
    assert found.entries[0].measured == 7
    assert [row["status"] for row in found.entries[0].search.bad] == [status]


def test_full_precision_that_ends_badly_leaves_nothing_to_compare_with(made_up, tmp_path):
    made_up["status"] = {(FULL, 0): "diverged"}
    found = find(None, [*WIDTHS, "format=fixed,block"], runs_dir=tmp_path, within=0.0101)
    assert [entry.measured for entry in found.entries] == [None] * 4
    assert "nothing to be near to" in found.rows()[0]["remarks"]
    assert table(found).rows[0][2:] == ["-"] * 5
    said = "1 of 8 seeds diverged in full precision, dimension={}: nothing to compare with"
    assert bad(found) == [said.format(16), said.format(64)]


def test_full_precision_is_run_once_for_all_that_share_it(made_up, tmp_path):
    bits(tmp_path, *MLP, "dimension=16", "format=fixed,block", "rounding=stochastic,nearest_even", seeds=3)
    stored = load_cells("bits", runs_dir=tmp_path)
    full = stored[stored["algorithm"] == "sgd"]
    assert sorted(full["seed"]) == [0, 1, 2]
    assert len(stored) == made_up["ran"]
    assert stored["cell_id"].is_unique


def test_a_second_call_computes_nothing_and_resume_knows_the_cells(made_up, tmp_path):
    for overrides in (
        WIDTHS,
        ["problem=mlp", "dataset=digits", "recipe=swalp", "average_start=10", "steps=20"],
    ):
        first = bits(tmp_path, *overrides)
        ran = made_up["ran"]
        assert bits(tmp_path, *overrides).equals(first)
        assert made_up["ran"] == ran
    plan = plan_of_sweep("bits", tmp_path)
    assert {cell.cell_id for cell in plan.cells} == set(load_cells("bits", runs_dir=tmp_path)["cell_id"])
    assert plan.counts == {"stored": len(plan.cells)}


@pytest.mark.parametrize(
    ("overrides", "algorithm"),
    [
        (["algorithm=lp_sgd"], "sgd"),
        (["algorithm=lp_adamw", "step_size=0.001"], "adamw"),
        (["algorithm=swalp"], "swalp"),
        (["recipe=swalp"], "swalp"),
        (["recipe=swalp", "activation_format=block(precision=4)"], "swalp"),
    ],
)
def test_full_precision_differs_in_rounding_alone(overrides, algorithm):
    asked = Goal("test_error", 0.01, None)
    (case,) = [entry.case for entry in _entries([*MLP[:2], *overrides])]
    one = Near(case, 1, asked)
    (full,), (rounded,) = one.cells(FULL), one.cells(8)
    assert (full.choices["algorithm"], full.choices["format"]) == (algorithm, "none")
    different = {key for key, value in full.choices.items() if value != rounded.choices[key]}
    rounding = {"algorithm", "format", "precision", "limit", "rounding", "recipe", "compensation"}
    assert different <= rounding | {key for key in full.choices if key.endswith("_format")}
    said = {full.choices[key] for key in full.choices if key.endswith("_format")}
    assert said <= {None, "none", "same"}


def _entries(overrides):
    from lpbench.proofs.bits.cases import read_cases
    from lpbench.proofs.bits.near import entry_of

    return [entry_of(case, 1, Goal("test_error", 0.01, None)) for case in read_cases(overrides)]


def test_the_choices_of_a_row_are_numbers():
    (entry,) = _entries(["problem=mlp", "dataset=digits", "epochs=2"])
    assert (entry.choices["steps"], entry.choices["dimension"]) == (2 * (1297 // 64), 100)


@pytest.mark.parametrize(
    ("options", "overrides", "message"),
    [
        ({}, MLP, "--within 0.01, how near the test_error of full precision, and --target"),
        ({"within": 0.01, "target": 0.1}, MLP, "say one of --within"),
        ({"within": 0.0}, MLP, "within must be a positive number"),
        ({"within": math.nan}, MLP, "within must be a positive number"),
        ({"within": 0.01, "metric": "noise_floor"}, MLP, "mlp is not judged by noise_floor; networks are by"),
        ({"within": 0.01, "metric": "tets_loss"}, MLP, "Did you mean 'test_loss'"),
        ({"within": 0.01, "measure": False}, MLP, "nothing is proven of networks"),
        ({"within": 0.01}, [*MLP, "algorithm=sgd"], "does not round"),
        ({"within": 0.01}, ["problem=mlp", "recipe=fp8"], "bits of its own"),
        ({"within": 0.01}, [], "--within is for networks; least_squares has an objective gap"),
        ({"target": 0.01, "metric": "test_error"}, [], "least_squares is judged by its objective gap here"),
        ({}, [], "--target 0.01"),
        ({"within": 0.01}, ["problem=mlp,least_squares", "dimension=16"], "two questions"),
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense(options, overrides, message):
    with pytest.raises(ConfigError, match=message):
        find(overrides=overrides, **options)


@pytest.fixture(scope="module")
def case():
    (found,) = [entry.case for entry in _entries(MLP)]
    return found


def test_growth_with_the_width_and_what_the_seeds_leave_of_it(made_up, tmp_path):
    made_up["shift"] = {64: 0.008}
    found = find(None, WIDTHS, runs_dir=tmp_path, within=0.0101)
    assert conclusion(found) == ["from width 16 to 64, in bits: +3"]
    made_up["spread"] = 0.002
    noisy = find(None, WIDTHS, runs_dir=tmp_path, within=0.0101, name="noisy")
    (line,) = conclusion(noisy)
    assert line.startswith("from width 16 to 64, in bits: +3 (by the seeds at least +")


@pytest.mark.parametrize("seeds", [3, 8])
@pytest.mark.parametrize("scale", [0.4, 0.62])
def test_the_interval_holds_the_true_bits(case, seeds, scale):
    """Errors that fall with 2**-bits, 6 bits being the fewest, with seeds that lie as far apart as what is asked."""
    known, held = np.random.default_rng(seeds), 0
    for _ in range(100):
        one = Near(case, seeds, Goal("test_error", 0.01, None))
        one.values[FULL] = known.normal(0.4, 0.01, seeds)
        while wanted := one.wanted():
            for count in wanted:
                one.values[count] = known.normal(0.4 + scale * 2.0**-count, 0.01, seeds)
        low, high = one.interval
        held += low is not None and low <= 6 and (high is None or high >= 6)
    assert held >= 90


@pytest.mark.parametrize("least", [2, 3, 9, 24])
@pytest.mark.parametrize("start", [2, 7, 24])
def test_fewest_ends_with_both_sides_measured(least, start):
    known = {}
    while (bits := fewest(known, 2, 24, start)[2]) is not None:
        known[bits] = bits >= least
    low, high, _ = fewest(known, 2, 24, start)
    assert low == high == least
    assert known[least]
    assert least == 2 or known[least - 1] is False


def test_real_networks_within_a_lot_of_full_precision(tmp_path):
    chosen = {"problem": "mlp", "dataset": "digits", "dimension": 16, "epochs": 4, "even_points": 2}
    texts = [f"{key}={value}" for key, value in chosen.items()]
    (row,) = bits(tmp_path, *texts, "recipe=all", within=0.3, seeds=3).to_dict("records")
    assert row["measured_low"] <= row["measured"] <= row["measured_high"]
    assert 2 <= row["measured"] <= 8
    assert row["difference"] <= 0.3
    full = [lpbench.run(**chosen, algorithm="sgd", seed=seed)["test_error"] for seed in range(3)]
    assert row["full_precision"] == np.mean(full)
