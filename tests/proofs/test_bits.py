"""How many bits: the formulas against the closed forms of the families, the search against made-up floors."""

import math

import pytest
from fake_results import FakeResult, fake_result

import lpbench
from lpbench import registry
from lpbench.errors import ConfigError, Interrupted
from lpbench.proofs.bits import find
from lpbench.proofs.bits.answer import column
from lpbench.proofs.bits.measured import Bisection
from lpbench.store import load_cells
from lpbench.sweeps.plan import plan_of_sweep
from lpbench.theory.theorem import MEAN_GAP, OTHER, Theorem

TARGET = 0.01
S = "problem=family_s"
SMALL = ["problem=family_q", "dimension=4,8", "steps=50", "limit=1"]


def formulas(target, *overrides):
    return lpbench.bits(target, overrides, measure=False)


def one(target, *overrides):
    (entry,) = find(target, overrides, measure=False).entries
    return entry


@pytest.fixture
def made_up(monkeypatch):
    """Cells that cost nothing: the floor halves with every bit, from `made_up["floor"]` at 0 bits; a count of runs."""
    state = {"floor": 1.0, "ran": 0, "status": {}}

    def run_cell(cell, stop=None, timeout=None):
        state["ran"] += 1
        bits, seed = cell.choices["precision"], cell.choices["seed"]
        value = 100 * state["floor"] * cell.choices["dimension"] * 2.0**-bits * (1 + 0.01 * (seed - 2))
        result = fake_result(cell, state["status"].get((bits, seed), "ok"), value)
        if result.row["status"] == "failed":
            result.row["error"] = "it broke"
        return result

    monkeypatch.setattr("lpbench.cells.run.run_cell", run_cell)
    monkeypatch.setattr("lpbench.cells.run.Result", FakeResult)
    return state


# -- formulas --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "table"),
    [
        (
            "4",
            {
                16: (8, 9, 9, 9, 9),
                256: (8, 9, 9, 11, 11),
                4096: (8, 9, 11, 13, 13),
                65536: (8, 9, 13, 15, 15),
            },
        ),
        (
            "d",
            {
                16: (9, 10, 10, 9, 9),
                256: (11, 12, 12, 11, 11),
                4096: (13, 14, 16, 13, 13),
                65536: (15, 16, 20, 15, 15),
            },
        ),
    ],
)
def test_the_table_of_the_theory(k, table):
    """Target 0.01, sigma = 1, R = 1, alpha = target / 4: at fixed sigma_1 1c stays while the earlier ones grow."""
    rows = formulas(TARGET, S, f"k={k}", f"dimension={','.join(map(str, table))}").to_dict("records")
    assert [row["dimension"] for row in rows] == list(table)
    for row, expected in zip(rows, table.values(), strict=True):
        names = ("1c", "1b", "1b-L1", "1a-ii", "1a-i")
        assert tuple(row[column(name)] for name in names) == expected
        assert row["dimension_free"] == expected[0]
        assert row["earlier"] == min(expected[3:])
        assert row["step_size"] == TARGET / 4


def bits_of(delta, limit):
    return max(2, math.ceil(1 + math.log2(1 + limit / delta)))


@pytest.mark.parametrize("target", [0.3, 0.02, 1e-3, 1e-5])
@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_the_bits_are_the_inverse_of_the_bounds(target, kind):
    """The quantum that each bound allows, solved for by hand."""
    entry = one(target, "problem=family_q", "dimension=64", f"noise_kind={kind}", "noise=0.5", "limit=2")
    c, alpha = entry.case.problem.constants, entry.choices["step_size"]
    assert alpha == min(target / (4 * 0.25), 1 / (4 * c["L"]))
    A, noise = 1 - alpha * c["L"], 2 * alpha * c["sigma"] ** 2
    expected = {
        "1c": (4 * A * target - noise) / (c["sigma_1"] + c["gamma"] * math.sqrt(2 * target)),
        "1a-ii": math.sqrt(4 * alpha * (4 * A * target - noise) / 64),
        "1a-i": 2 * (target - alpha * c["sigma"] ** 2 / 2) / (math.sqrt(64) * c["sigma"]),
    }
    for name, L_1 in (("1b", "L_1_avg"), ("1b-L1", "L_1")):
        q, room = c[L_1] ** 2 / (4 * c["mu"] * A), 2 * A * target - noise
        expected[name] = 2 * room / (c["sigma_1"] + math.sqrt(c["sigma_1"] ** 2 + 4 * q * room))
    assert {name: answer.bits for name, answer in entry.answers.items()} == {
        name: bits_of(delta, 2.0) for name, delta in expected.items()
    }


def test_no_problem_is_built_for_formulas_alone(monkeypatch):
    monkeypatch.setattr("lpbench.problems.family_s.hadamard_rows", None)
    assert formulas(TARGET, S, "dimension=256")["bits_1c"].tolist() == [8]


def test_a_step_size_that_is_too_large_is_named_and_the_advice_works():
    entry = one(TARGET, S, "step_size=0.1")
    assert entry.answers["1c"].bits is None
    assert entry.answers["1c"].hopeless
    for name in ("1c", "1b", "1a-ii", "1a-i"):
        advised = float(entry.answers[name].reason.rpartition("below ")[2])
        assert one(TARGET, S, f"step_size={0.97 * advised}").answers[name].bits is not None
        assert one(TARGET, S, f"step_size={1.05 * advised}").answers[name].bits is None


def test_a_range_that_is_too_narrow_is_named():
    answer = one(1e-3, S, "dimension=64", "limit=0.3").answers["1c"]
    assert answer.hopeless
    assert "raise limit" in answer.reason
    cost = find(1.0, [S, "dimension=64", "limit=0.3"], measure=False).entries[0].proof.at.excess
    assert 0 < cost < 0.01
    assert find(1.0, [S, "dimension=64", "limit=0.3"], measure=False).entries[0].proof.room == 1.0 - cost


def test_floats_have_the_best_split_unless_the_user_splits():
    free = one(1e-3, "problem=family_e", "format=float")
    exponent, mantissa = free.answers["4"].split
    assert 1 + exponent + mantissa == free.answers["4"].bits
    assert free.best_split is None
    fixed = one(1e-3, "problem=family_e", "format=float", "exponent_bits=5")
    assert fixed.answers["4"].split == (5, fixed.answers["4"].bits - 6)
    assert fixed.best_split == free.answers["4"]
    assert fixed.answers["4"].bits >= free.answers["4"].bits
    assert one(1e-3, "problem=family_e").answers["1c"].bits > free.answers["4"].bits


def test_every_format_has_what_is_proven_of_it():
    assert one(1e-3, "problem=family_e", "format=log").answers["4"].bits is not None
    assert one(1e-3, "problem=family_e", "format=block").answers == {}


def test_each_algorithm_has_its_theorems():
    svrg = one(1e-3, "algorithm=lp_svrg", "dimension=16")
    assert list(svrg.answers) == ["5b", "5a"]
    c, alpha, T = svrg.case.problem.constants, svrg.choices["step_size"], svrg.choices["inner_steps"]
    slack = 1 - 2 * alpha * c["L"]
    rho = (1 / (alpha * c["mu"] * T) + 2 * alpha * c["L"]) / slack
    delta = slack * (1 - rho) * math.sqrt(2e-3) / (3 * c["gamma"])
    assert svrg.answers["5b"].bits == bits_of(delta, svrg.choices["limit"])
    halp = one(1e-3, "algorithm=halp", "dimension=16")
    spare = c["L_f"] * 16 / (4 * alpha * c["mu"] ** 2 * slack * (1 - rho))
    assert halp.answers["5c"].bits == math.ceil(1 + math.log2(1 + math.sqrt(spare)))
    assert halp.answers["5d"].bits >= 2
    assert list(one(1e-3, "algorithm=swalp", "dimension=16").answers) == ["6"]
    assert list(one(1e-3, "rounding=nearest_even").answers) == ["7"]
    decreasing = one(1e-3, "schedule=decreasing", "dimension=16").answers
    assert decreasing["2"].bits is not None
    assert decreasing["2-old"].hopeless


@pytest.mark.parametrize(
    ("schedule", "coarse_only"), [("constant", False), ("constant", True), ("decreasing", False)]
)
def test_a_theorem_of_ones_own_is_asked_where_its_traits_say_so(monkeypatch, schedule, coarse_only):
    stochastic = frozenset({"stochastic"})
    mine = Theorem(
        lambda s: 2 * s.delta,
        OTHER,
        frozenset({"lp_sgd"}),
        MEAN_GAP,
        stochastic,
        schedule,
        False,
        coarse_only,
        "mine",
    )
    monkeypatch.setitem(registry.bounds._things, "mine", mine)
    entry = one(TARGET, S, "dimension=16")
    if coarse_only or schedule == "decreasing":
        assert "mine" not in entry.answers
    else:
        assert entry.answers["mine"].bits == bits_of(TARGET / 2, entry.choices["limit"])
        assert entry.row(["mine"])["bits_mine"] == entry.answers["mine"].bits


def test_what_has_no_proof_says_why():
    answer = one(1e-3, "algorithm=halp", "snapshot=last", "dimension=16").answers["5d"]
    assert not answer.hopeless
    assert "last iterate" in answer.reason


def test_a_step_size_in_quanta_is_resolved_at_each_precision():
    entry = one(TARGET, S, "step_size=delta/4")
    bits = entry.answers["1b"].bits
    for b, reaches in ((bits, True), (bits - 1, False)):
        assert (entry.proof.ball("1b", entry.proof.grid(b), b) <= TARGET) == reaches
    assert entry.proof.setting(entry.proof.grid(bits), bits).alpha == 2.0 ** (1 - bits) / 4


# -- what is asked ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["precision=4,8"], "precision is what is searched for"),
        (["seed=range(3)"], "--seeds"),
        (["algorithm=sgd"], "does not round"),
        (["format=fp16"], "bits of its own"),
        (["format=none"], "bits of its own"),
        (["problem=family_s", "k=3"], "power of two"),
        (["algorithm=lp_sdg"], "Did you mean 'lp_sgd'"),
    ],
)
def test_a_question_that_makes_no_sense(overrides, message):
    with pytest.raises(ConfigError, match=message):
        formulas(TARGET, *overrides)


@pytest.mark.parametrize("target", [0.0, -1.0, math.nan, math.inf])
def test_a_target_is_a_positive_number(target):
    with pytest.raises(ConfigError, match="target must be a positive number"):
        formulas(target)


def test_what_the_user_chooses_stays():
    entry = one(TARGET, S, "start=zero", "steps=100", "step_size=0.001")
    assert (entry.choices["start"], entry.choices["steps"], entry.choices["step_size"]) == (
        "zero",
        100,
        0.001,
    )
    assert entry.choices["tail"] == 0.5
    assert one(TARGET, S).choices["steps"] == math.ceil(13 * 256 / 0.0025 * 1000 / 256)


def test_an_experiment_may_sweep_precision_and_seeds():
    found = find(
        TARGET,
        ["+experiment=demo", "dataset=gaussian", "problem=least_squares", "dimension=8"],
        measure=False,
    )
    assert {entry.choices["algorithm"] for entry in found.entries} == {"lp_sgd", "swalp", "lp_svrg", "halp"}
    assert len(found.entries) == 19  # its parts have step sizes of their own


# -- the search ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def case():
    return one(TARGET, S).case


@pytest.mark.parametrize("proven", [None, 2, 5, 9, 24, 40])
@pytest.mark.parametrize("least", [2, 3, 7, 9, 10, 24])
def test_bisection_ends_with_both_sides_measured(case, proven, least):
    search = Bisection(case, 1, proven, lambda bits: None, 1.0)
    while (bits := search.state()[2]) is not None:
        assert bits not in search.floors
        search.floors[bits] = 2.0 ** (least - bits)
    assert search.bits == least
    assert search.reaches(least)
    assert least == 2 or not search.reaches(least - 1)


def test_a_target_that_no_precision_reaches(case):
    search = Bisection(case, 1, 9, lambda bits: None, 1.0)
    while (bits := search.state()[2]) is not None:
        search.floors[bits] = 2.0
    assert search.bits is None
    assert 24 in search.floors


def test_measured_bits_of_made_up_cells(made_up, tmp_path):
    frame = lpbench.bits(TARGET, SMALL, runs_dir=tmp_path)
    expected = {d: math.ceil(math.log2(d / TARGET)) for d in (4, 8)}
    assert frame.set_index("dimension")["measured"].to_dict() == expected
    assert (frame["measured_gap"] <= TARGET).all()
    assert (frame["gap_below"] > TARGET).all()
    stored = load_cells("bits", runs_dir=tmp_path)
    assert made_up["ran"] == len(stored)
    assert stored.groupby(["dimension", "precision"])["seed"].nunique().eq(5).all()


def test_a_second_call_computes_nothing_and_more_seeds_only_what_is_new(made_up, tmp_path):
    first = lpbench.bits(TARGET, SMALL, runs_dir=tmp_path)
    ran = made_up["ran"]
    assert lpbench.bits(TARGET, SMALL, runs_dir=tmp_path).equals(first)
    assert made_up["ran"] == ran
    lpbench.bits(TARGET, SMALL, seeds=6, runs_dir=tmp_path)
    assert made_up["ran"] <= ran * 6 / 5 + 6


def test_resume_knows_the_cells(made_up, tmp_path):
    for overrides in (SMALL, [S, "dimension=8", "format=float"]):
        lpbench.bits(TARGET, overrides, runs_dir=tmp_path)
    plan = plan_of_sweep("bits", tmp_path)
    assert {cell.cell_id for cell in plan.cells} == set(load_cells("bits", runs_dir=tmp_path)["cell_id"])
    assert plan.counts == {"stored": len(plan.cells)}


def test_all_combinations_advance_together(made_up, tmp_path):
    rounds = []
    made_up["floor"] = 0.01
    lpbench.bits(
        TARGET,
        ["problem=family_q", "dimension=2,4,8,16,32", "steps=50", "limit=1"],
        runs_dir=tmp_path,
        on_round=rounds.append,
    )
    assert len(rounds) <= 5
    assert rounds[0].startswith("5 combinations at ")
    assert rounds[0].endswith(" bits, 25 cells")


def test_a_proof_that_does_not_hold_is_not_believed(made_up, tmp_path):
    made_up["floor"] = 1000.0
    frame = lpbench.bits(TARGET, SMALL, runs_dir=tmp_path)
    assert (frame["measured"] > frame["dimension_free"]).all()
    assert (frame["gap_below"] > TARGET).all()


def test_cells_that_end_badly_do_not_reach_the_target(made_up, tmp_path):
    fewest = math.ceil(math.log2(4 / TARGET))
    made_up["status"] = {(fewest, 3): "diverged", (fewest + 1, 0): "failed"}
    found = find(TARGET, [*SMALL, "dimension=4"], runs_dir=tmp_path)
    assert found.entries[0].measured == fewest + 2
    assert sorted(row["status"] for row in found.entries[0].search.bad) == ["diverged", "failed"]
    made_up["status"] = {}
    again = find(
        TARGET, [*SMALL, "dimension=4"], runs_dir=tmp_path
    )  # what failed runs again, what diverged stays
    assert again.entries[0].measured == fewest + 1


def test_what_takes_long_is_left_out_and_said(made_up, tmp_path):
    overrides = ["problem=family_s", "dimension=8,4096", "limit=1"]
    small, large = find(TARGET, overrides, minutes=0.2, runs_dir=tmp_path).entries
    assert small.measured is not None
    assert large.measured is None
    assert "it takes about" in dict(large.remarks())["measured"]
    assert find(TARGET, overrides, minutes=None, runs_dir=tmp_path).entries[1].measured is not None
    assert (
        find(TARGET, overrides, minutes=0.0, runs_dir=tmp_path).entries[1].measured is not None
    )  # it is stored


def test_data_that_does_not_fit_is_never_made(made_up, tmp_path, monkeypatch):
    monkeypatch.setattr("lpbench.proofs.bits.cases._MEMORY", 1e-9)
    (entry,) = find(TARGET, ["problem=family_s", "k=d", "dimension=256"], runs_dir=tmp_path).entries
    assert "GB of memory" in dict(entry.remarks())["measured"]
    assert made_up["ran"] == 0


def test_a_run_that_would_be_too_long_is_said_and_its_proof_stands(made_up, tmp_path):
    (entry,) = find(1e-6, [S, "dimension=65536"], runs_dir=tmp_path).entries
    assert "a whole number in 1..4294967295" in dict(entry.remarks())["measured"]
    assert entry.answers["1c"].bits is not None
    with pytest.raises(ConfigError, match=r"a whole number in 1..4294967295, got 8589934592"):
        find(1e-6, [S, "steps=2**33"], runs_dir=tmp_path)


def test_ctrl_c_says_that_the_same_command_goes_on(made_up, tmp_path, monkeypatch):
    from lpbench.proofs.bits import measured

    def interrupted(*arguments, **options):
        outcome = run_plan(*arguments, **options)
        outcome.interrupted = True
        return outcome

    run_plan = measured.run_plan
    monkeypatch.setattr(measured, "run_plan", interrupted)
    with pytest.raises(Interrupted, match="the same command goes on"):
        lpbench.bits(TARGET, SMALL, runs_dir=tmp_path)


def test_measured_bits_of_real_cells_are_at_or_below_the_proof(tmp_path):
    (row,) = lpbench.bits(
        0.05, [S, "dimension=16", "steps=40000", "step_size=1/32", "even_points=400"], runs_dir=tmp_path
    ).to_dict("records")
    assert 2 < row["measured"] <= row["dimension_free"] <= row["earlier"]
    assert row["measured_gap"] <= 0.05 < row["gap_below"]
