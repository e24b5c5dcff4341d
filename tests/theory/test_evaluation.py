"""All theorems on one run: the tightest, the columns, and on what each rests."""

from dataclasses import replace

import pytest
from theorems import INF, bound, make, make_svrg

from lpbench import registry
from lpbench.errors import ConfigError
from lpbench.theory import evaluation
from lpbench.theory.evaluation import ball_columns, basis, columns, evaluate
from lpbench.theory.spacings import FULL
from lpbench.theory.theorem import Bound

COLUMNS = {
    "1a-i": "bound_1a_i", "1a-ii": "bound_1a_ii", "1b": "bound_1b", "1b-L1": "bound_1b_l1", "1c": "bound_1c",
    "1d": "bound_1d", "1e": "bound_1e", "2": "bound_2", "2-old": "bound_2_old", "4": "bound_4", "5a": "bound_5a",
    "5b": "bound_5b", "5b-coarse": "bound_5b_coarse", "5c": "bound_5c", "5d": "bound_5d", "6": "bound_6",
    "7": "bound_7", "7-r": "bound_7_r",
}  # fmt: skip


def test_every_theorem_answers() -> None:
    found = evaluate(make(1, G=2.0))
    assert set(found.bounds) | set(found.refused) == set(COLUMNS)
    assert not set(found.bounds) & set(found.refused)
    assert set(found.bounds) == {"1a-i", "1a-ii", "1b", "1b-L1", "1c", "1e"}
    assert all(reason.startswith(f"theorem {name}: ") for name, reason in found.refused.items())
    assert found.refused["5a"].endswith("it is about lp_svrg and svrg, not lp_sgd")


def test_the_tightest() -> None:
    found = evaluate(make(1, G=2.0))
    judging = [name for name in found.bounds if name != "1e"]  # 1e is about the last iterate
    assert found.tightest() == min(judging, key=lambda name: found.bounds[name].value)
    assert found.tightest("earlier") == min(("1a-i", "1a-ii"), key=lambda name: found.bounds[name].value)
    assert found.tightest("dimension-free") in ("1b", "1c")
    assert found.tightest("other") is None
    low = evaluate(replace(make(1, G=2.0), L_f=1e-9))
    assert low.bounds["1e"].value < min(low.bounds[name].value for name in judging)
    assert low.tightest() != "1e"
    assert evaluation.Evaluation({}, {}).tightest() is None


def test_columns() -> None:
    s = make(1, G=2.0, G_certified=False)
    found = evaluate(s)
    row = columns(found)
    assert set(row) == {
        *COLUMNS.values(),
        "bound",
        "bound_kind",
        "bound_basis",
        "bound_earlier",
        "bound_dimension_free",
    }
    for name, column in COLUMNS.items():
        assert row[column] == (bound(name, s) if name in found.bounds else None)
    assert row["bound_kind"] == found.tightest()
    assert row["bound"] == bound(row["bound_kind"], s)
    assert row["bound_earlier"] == min(bound("1a-i", s), bound("1a-ii", s))
    assert row["bound_dimension_free"] == min(bound("1b", s), bound("1c", s))


def test_the_excess_of_the_range_is_added_to_every_bound() -> None:
    found = evaluate(make(1, G=2.0))
    plain, shifted = columns(found), columns(found, 0.25)
    for name, value in plain.items():
        if isinstance(value, float):
            assert shifted[name] == pytest.approx(value + 0.25, rel=1e-12)
        else:
            assert shifted[name] == value


def test_columns_of_the_noise_ball() -> None:
    s = make(1, G=2.0, steps=INF)
    found = ball_columns(evaluate(s), 0.25)
    assert set(found) == {"noise_ball", "noise_ball_earlier", "noise_ball_dimension_free"}
    assert found["noise_ball_earlier"] == min(bound("1a-i", s), bound("1a-ii", s)) + 0.25
    assert found["noise_ball_dimension_free"] == min(bound("1b", s), bound("1c", s)) + 0.25
    assert found["noise_ball"] == min(found["noise_ball_earlier"], found["noise_ball_dimension_free"])
    assert set(ball_columns(evaluate(make(1, algorithm="other"))).values()) == {None}


def test_nothing_applies() -> None:
    row = columns(evaluate(make(1, algorithm="other")))
    assert set(row.values()) == {None}


@pytest.mark.parametrize("algorithm", ["sgd", "lp_sgd", "swalp"])
def test_full_precision_of_sgd(algorithm: str) -> None:
    """Every theorem answers or refuses; what has no quantum is not about a coarse one, nor about biased rounding."""
    s = make(1, algorithm=algorithm, grid=FULL, rounding=None, G=2.0)
    found = evaluate(s)
    assert {"1a-i", "1a-ii", "1b", "1b-L1", "1c"} <= set(found.bounds)
    assert {"1d", "4", "7-r"} <= set(found.refused)
    assert evaluate(replace(s, schedule="decreasing")).refused["1b"].endswith("a constant step size")


@pytest.mark.parametrize("algorithm", ["svrg", "lp_svrg", "halp"])
def test_full_precision_of_svrg(algorithm: str) -> None:
    """Without rounding all are SVRG: the gap falls by rho = [1/(alpha mu T) + 2 alpha L]/(1 - 2 alpha L)."""
    s = make_svrg(1, algorithm, grid=FULL, rounding=None)
    slack = 1 - 2 * s.alpha * s.L
    rho = (1 / (s.alpha * s.mu * s.inner_steps) + 2 * s.alpha * s.L) / slack
    found = evaluate(s)
    assert set(found.bounds) <= ({"5c", "5d"} if algorithm == "halp" else {"5a", "5b"})
    for proven in found.bounds.values():
        assert proven.value == pytest.approx(s.e_0 * sum(rho**k for k in s.loops) / len(s.loops), rel=1e-9)


@pytest.mark.parametrize("algorithm", ["lp_sgd", "swalp", "lp_svrg", "halp"])
def test_a_start_at_the_optimum_without_noise(algorithm: str) -> None:
    """Nothing divides by the distance or the noise."""
    start = make_svrg if algorithm in ("lp_svrg", "halp") else make
    s = start(
        1,
        algorithm=algorithm,
        quadratic=True,
        D_0=0.0,
        e_0=0.0,
        sigma=0.0,
        sigma_1=0.0,
        G=0.0,
        max_update=0.0,
    )
    for run in (s, replace(s, gamma=0.0, L_1=0.0, L_1_avg=0.0)):
        values = {name: found.value for name, found in evaluate(run).bounds.items()}
        assert values
        assert min(values.values()) >= 0.0
        if algorithm == "halp":
            assert set(values.values()) == {0.0}


def test_basis() -> None:
    assert basis(Bound(1.0, True)) == "certified"
    assert basis(Bound(1.0, False)) == "on this path"
    coarse = make(1, algorithm="lp_sgd", sigma=100.0, max_update=0.0)
    assert columns(evaluate(coarse))["bound_kind"] == "1d"
    assert columns(evaluate(coarse))["bound_basis"] == "on this path"
    assert (
        columns(evaluate(replace(coarse, max_update=None, largest_gradient=0.0)))["bound_basis"]
        == "certified"
    )


@pytest.mark.parametrize("certified", [True, False])
def test_what_rests_on_the_path(certified: bool) -> None:
    s = make(1, G=2.0, G_certified=certified, max_update=0.0, largest_gradient=0.0 if certified else 1e9)
    found = evaluate(s).bounds
    assert found["1a-i"].certified is certified
    assert found["1d"].certified is certified
    assert all(found[name].certified for name in ("1a-ii", "1b", "1b-L1", "1c", "1e"))
    svrg = make_svrg(1, max_update=0.0, largest_gradient=0.0 if certified else 1e9)
    assert evaluate(svrg).bounds["5b-coarse"].certified is certified
    average = make(1, algorithm="swalp", quadratic=True)
    assert not evaluate(average).bounds["6"].certified  # that nothing clips is seen on the path


def test_names() -> None:
    assert sorted(COLUMNS) == registry.bounds.names()
    for name, column in COLUMNS.items():
        found = evaluation.theorem(name)
        assert (found.name, found.column) == (name, column)
        assert "docs/theory.md" in (found.__doc__ or "")
    with pytest.raises(ConfigError, match="1b-L1"):
        evaluation.theorem("1b-l1")
