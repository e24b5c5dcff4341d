"""Networks in a check: judged by test error and training loss, seen when worse by points, silent on noise."""

import json

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
from fake_results import fake_cell, fake_result
from measuring import cell, changed, grid, network, networks
from test_outputs import SCHEMA, check

from lpbench import cli
from lpbench.arithmetic import generator
from lpbench.networks import assembly
from lpbench.regression import baselines, checking, judging, outputs, past
from lpbench.regression.judging import judge
from lpbench.store import history
from lpbench.store.writer import SweepWriter


def verdicts(base, now):
    return [group.verdict for group in judge(base, now)[0]]


def test_points_of_test_error_in_one_group_are_found_and_named():
    known = np.random.default_rng(1)
    base = networks(24, 5, known)
    result = check(base, networks(24, 5, known, lambda i: 6.0 if i == 3 else 0.0))
    (worse,) = result.worse
    assert "step_size=0.003" in worse.label
    assert set(worse.tests) == {"test_error", "train_loss"}
    assert worse.tests["test_error"].worse
    assert worse.tests["test_error"].ratio == pytest.approx(44 / 38, abs=0.05)
    (row,) = outputs.rows([worse])
    assert row[1] == "worse"
    assert row[2] in ("test error", "train loss")
    assert result.exit_code == 4
    assert result.line().startswith("REGRESSION: 1 of 24 configurations worse")


def test_what_is_better_is_no_regression():
    known = np.random.default_rng(2)
    base = networks(24, 5, known)
    found = verdicts(base, networks(24, 5, known, lambda i: -8.0 if i == 3 else 0.0))
    assert found[3] == "better"
    assert "worse" not in found


def test_null_pairs_are_silent():
    """Seeds are not paired in networks: every check is of runs that have nothing in common."""
    known = np.random.default_rng(3)
    alarms = warned = undecided = 0
    for _ in range(200):
        groups, slices = judge(networks(24, 5, known), networks(24, 5, known))
        found = [group.verdict for group in groups]
        assert set(found) <= {"same", "undecided", "better", "worse"}
        alarms += "worse" in found
        warned += any(one.worse for one in slices)
        undecided += found.count("undecided")
    assert alarms <= 4
    assert warned <= 6
    assert undecided < 0.5 * 200 * 24


def test_few_networks_are_silent_too():
    """With few changed configurations the baseline's own seeds say how far noise goes."""
    known = np.random.default_rng(4)
    alarms = sum("worse" in verdicts(networks(3, 5, known), networks(3, 5, known)) for _ in range(300))
    assert alarms <= 6


def test_a_point_everywhere_is_a_slice_of_its_own_problem():
    known = np.random.default_rng(5)
    base = networks(60, 10, known)
    _, slices = judge(base, networks(60, 10, known, lambda i: 3.0))
    (one,) = slices
    assert one.name == "mlp lp_sgd fixed"
    assert one.worse
    assert "slice mlp lp_sgd fixed (60 configurations)" in one.warning


def test_changed_digests_alone_are_no_change():
    base = [network(seed, 0.3 + seed / 100, digest="a" * 16) for seed in range(5)]
    now = [one | {"digest": "b" * 16} for one in base]
    (group,) = judge(base, now)[0]
    assert (group.verdict, group.why) == ("same", "equal numbers")
    assert verdicts(base, base) == ["identical"]


def test_a_group_that_diverges_fails_in_words():
    base = [network(seed) for seed in range(5)]
    now = [network(seed) if seed < 2 else network(seed, None, None, status="diverged") for seed in range(5)]
    (group,) = judge(base, now)[0]
    assert (group.verdict, group.why) == ("failed", "3 of 5 seeds diverged, ok before")


def test_an_error_of_zero_that_comes_back_is_seen():
    known = np.random.default_rng(6)
    base = [network(seed, 0.0, 1e-3 * (1 + known.random())) for seed in range(5)]
    now = [network(seed, 0.05 + 0.01 * known.random(), base[seed]["train_loss"]) for seed in range(5)]
    spread = networks(24, 5, known)
    assert verdicts([*base, *spread], [*now, *spread])[0] == "worse"
    assert judging.value(base[0], "test_error") == -3


def test_the_loss_alone_can_be_worse():
    known = np.random.default_rng(7)
    base = networks(24, 5, known)
    now = [
        network(one["seed"], one["test_error"], one["train_loss"] * (1.5 if one["step_size"] == 0.0 else 1.001),
                step_size=one["step_size"])
        for one in base
    ]  # fmt: skip
    groups, _ = judge(base, now)
    assert groups[0].verdict == "worse"
    assert outputs.rows(groups[:1])[0][2] == "train loss"
    assert not groups[0].tests["test_error"].worse


def test_convex_problems_and_networks_in_one_check():
    known = np.random.default_rng(8)
    convex, nets = grid(24, 5, 0.1, known), networks(24, 5, known)
    result = check([*convex, *nets], [*changed(convex, lambda one: 1.0, known), *networks(24, 5, known)])
    tests = {name for group in result.groups for name in group.tests}
    assert tests == {"noise_floor", "test_error", "train_loss"}
    assert {one.name for one in result.slices} == {"lp_sgd fixed", "mlp lp_sgd fixed"}
    assert result.exit_code == 0


def test_what_is_written_of_networks_keeps_its_schema():
    known = np.random.default_rng(9)
    result = check(networks(24, 3, known), networks(24, 3, known, lambda i: 9.0 * (i < 2)))
    jsonschema.validate(json.loads(json.dumps(outputs.verdict(result), allow_nan=False)), SCHEMA)
    text = outputs.markdown(result)
    assert "test error" in text
    assert "floor" not in text
    assert b"mlp lp_sgd fixed" in outputs.junit(result)
    assert any(line.startswith("undecided: ") for line in outputs.lines(result))
    assert any("test error" in line or "train loss" in line for line in outputs.workflow_commands(result))


def test_one_seed_and_no_numbers_are_told_apart():
    assert judge([network()], [network(0, 0.5)])[0][0].why == "one seed: its noise is not known"
    nothing = {"result": "accuracy"}
    (group,) = judge([network() | nothing], [network(0, 0.5) | nothing])[0]
    assert (group.verdict, group.why) == ("untested", "no accuracy to compare")


def test_the_history_says_what_it_holds(tmp_path):
    known = np.random.default_rng(10)
    result = check(networks(2, 5, known), [*networks(2, 5, known), cell(7)])
    rows = past.rows(result)
    assert [row["metric"] for row in rows] == ["test_error", "test_error", "noise_floor"]
    assert rows[0]["floor"] == pytest.approx(0.38, abs=0.02)
    assert rows[0]["ratio"] is not None
    history.append(tmp_path, "one", rows)
    found, problems = history.read(tmp_path)
    assert problems == []
    assert found["metric"].to_pylist().count("test_error") == 2


def test_a_history_of_before_networks_is_read(tmp_path):
    history.append(tmp_path, "one", past.rows(check([cell(0)], [cell(0)])))
    path = tmp_path / "one.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["metric", "warned", "recipe", "momentum", "teacher_width"]), path)
    found, problems = history.read(tmp_path)
    assert problems == []
    assert (found["recipe"].to_pylist(), found["metric"].to_pylist()) == ([None], [None])


def test_a_baseline_holds_what_networks_are_judged_by(tmp_path, capsys):
    one = fake_cell(0, problem="mlp")
    result = fake_result(one)
    result.row |= {"result": "test_error", "noise_floor": None, "test_error": 0.25, "train_loss": 0.5}
    result.row |= {"config_id": "c" * 16, "definition": "one 1"}
    with SweepWriter(tmp_path / "nets", [], 1, {}) as store:
        store.put(result)
    made = baselines.create("main", "nets", tmp_path)
    (held,) = baselines.read(made.folder).cells
    assert (held["result"], held["test_error"], held["train_loss"]) == ("test_error", 0.25, 0.5)
    assert cli.run(["baseline", "show", "main", "--runs-dir", str(tmp_path)]) == 0
    assert "test error (median over seeds)" in capsys.readouterr().out


SMALL = [
    "problem=mlp",
    "dataset=digits",
    "dimension=16",
    "epochs=3",
    "even_points=2",
    "precision=6,8",
    "seed=range(5)",
]


@pytest.fixture(scope="module")
def measured_once(tmp_path_factory):
    """A baseline of real networks, and its folder of sweeps."""
    runs = tmp_path_factory.mktemp("networks") / "runs"
    assert cli.run(["baseline", "create", "main", *SMALL, "--quiet", "--runs-dir", str(runs)]) == 0
    return baselines.load("main", runs), runs


def measure_again(held, runs):
    plan = checking.plan_of(held, (), runs)
    return checking.check_cells(held, plan.folder, checking.measure(plan))


def test_the_same_code_is_identical(measured_once, capsys):
    assert cli.run(["check", "--baseline", "main", "--runs-dir", str(measured_once[1])]) == 0
    assert "2 identical, 0 missing" in capsys.readouterr().out


def test_other_noise_in_real_networks_is_no_regression(measured_once):
    with generator.salted(1):
        result = measure_again(*measured_once)
    assert {group.verdict for group in result.groups} <= {"same", "undecided", "better"}
    assert result.exit_code == 0
    assert all(group.tests.keys() == {"test_error", "train_loss"} for group in result.groups)


def test_a_planted_defect_in_real_networks_is_a_regression(measured_once, monkeypatch):
    """A step size of a third."""
    right = assembly.step_sizes
    monkeypatch.setattr(assembly, "step_sizes", lambda *asked: right(*asked) / 3)
    result = measure_again(*measured_once)
    assert [group.verdict for group in result.groups] == ["worse", "worse"]
    assert result.exit_code == 4


def test_a_real_network_that_diverges_is_a_regression(measured_once, monkeypatch):
    right = assembly.initial
    monkeypatch.setattr(
        assembly, "initial", lambda *asked: [(matrix * np.nan, bias) for matrix, bias in right(*asked)]
    )
    result = measure_again(*measured_once)
    assert [group.verdict for group in result.groups] == ["failed", "failed"]
    assert "5 of 5 seeds diverged, ok before" in result.groups[0].why
    assert result.exit_code == 4
