"""What every bound must do: grow with noise and quantum, fall with T, and refuse what its proof does not cover."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theorems import INF, bound, linear_grid, make, make_svrg

from lpbench import registry
from lpbench.theory.evaluation import before_run, evaluate, theorem
from lpbench.theory.spacings import FULL, Spacing
from lpbench.theory.theorem import Refused, Setting

CONSTANT = ("1a-i", "1a-ii", "1b", "1b-L1", "1c", "1d")
UNBIASED = (*CONSTANT, "1e", "4", "5a", "5b", "5c", "5d", "6")
GROWS = ("sigma", "sigma_1", "gamma", "L_1", "L_1_avg", "sigma_w", "L_w", "D_0", "e_0", "n", "G", "L_f")
READS = {  # what each is a function of, besides alpha, the grid and T
    "1a-i": {"n", "D_0", "G"}, "1a-ii": {"n", "D_0", "sigma", "L"},
    "1b": {"D_0", "sigma", "sigma_1", "L_1_avg", "L", "mu"},
    "1b-L1": {"D_0", "sigma", "sigma_1", "L_1", "L", "mu"}, "1c": {"D_0", "sigma", "sigma_1", "gamma", "L"},
    "1d": {"D_0", "sigma_1", "gamma"}, "1e": {"D_0", "sigma", "sigma_1", "L_1_avg", "L", "mu", "L_f"},
    "2": {"D_0", "sigma", "sigma_1", "L_1_avg", "L", "mu"}, "2-old": {"D_0", "sigma", "n", "L", "mu"},
    "4": {"D_0", "sigma", "sigma_1", "L_1_avg", "sigma_w", "L_w", "L", "mu"}, "5a": {"e_0", "n", "L", "mu"},
    "5b": {"e_0", "gamma", "L", "mu"}, "5b-coarse": {"e_0", "gamma", "mu"},
    "5c": {"e_0", "n", "L_f", "L", "mu", "mu_used"},
    "5d": {"e_0", "gamma", "L_f", "L", "mu", "mu_used"}, "7": {"D_0", "sigma", "n", "L_f", "L", "mu"},
    "7-r": {"D_0", "sigma", "sigma_1", "L_1_avg", "n", "L_f", "L", "mu"},
    "6": {"D_0", "e_0", "sigma", "sigma_1", "gamma", "L_1_avg", "n", "L", "mu"},
}  # fmt: skip
FORMS = {  # the earlier forms contain n, the dimension-free ones do not
    "earlier": {"1a-i", "1a-ii", "2-old", "5a", "5c", "7", "7-r"},
    "dimension-free": {"1b", "1b-L1", "1c", "1d", "1e", "2", "4", "5b", "5b-coarse", "5d"},
    "other": {"6"},
}


def run_of(name: str, seed: int) -> Setting:
    """A run that the theorem covers."""
    if name in ("5c", "5d"):
        return make_svrg(seed, "halp")
    if name.startswith("5"):
        return make_svrg(seed, max_update=0.0)
    s = make(seed, G=2.0, max_update=0.0)
    if name.startswith("2"):
        return replace(s, schedule="decreasing")
    if name == "4":
        zeta = 0.3 / np.sqrt(s.L / s.mu)
        return replace(s, grid=Spacing(s.grid.delta, zeta, 0.1, -2.0, 2.0))
    if name == "6":
        return replace(s, algorithm="swalp", quadratic=True)
    if name == "7":
        return replace(s, rounding="nearest_even")
    return replace(s, random_bits=5) if name == "7-r" else s


def test_the_list_is_whole() -> None:
    assert set(registry.bounds.names()) == set(READS)
    assert set().union(*FORMS.values()) == set(READS)


@pytest.mark.parametrize("name", READS)
def test_what_is_said_before_a_run_is_what_is_said_after_it(name: str) -> None:
    """Whatever the run shows, where it saturates, too; and on grids that overflow."""
    for seed, saturates, runs in ((0, True, {}), (1, True, {"loops": np.arange(1, 4)}), (2, False, {})):
        planned = replace(run_of(name, seed), **runs)
        planned = replace(planned, grid=planned.grid._replace(saturates=saturates))
        before = before_run(planned)
        for G, largest, saturated in ((0.5, 0.0, 0.0), (3.0, 1e-3, 0.1), (3.0, 10.0, 1.0), (1e3, None, None)):
            run = replace(planned, G=G, G_certified=False, max_update=largest, saturated=saturated)
            whole, asked = evaluate(run), evaluate(run, before)
            assert (asked.bounds, asked.refused) == (whole.bounds, whole.refused)
            assert list(asked.bounds) == list(whole.bounds)
        if saturates:  # most theorems are asked once for all seeds
            assert before.unknown <= ({"1a-i", "1d", "5b-coarse"} if name != "6" else set(READS))


@pytest.mark.parametrize("name", READS)
def test_form(name: str) -> None:
    assert name in FORMS[theorem(name).form]
    if theorem(name).form == "dimension-free":
        assert "n" not in READS[name]


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("seed", range(4))
def test_a_bound_reads_what_it_says_and_nothing_else(name: str, seed: int) -> None:
    s = run_of(name, seed)
    value = bound(name, s)
    assert value > 0
    for field in (*GROWS, "L", "mu", "mu_used"):
        before = getattr(s, field)
        if before is None:
            continue
        change = 0.999 if field == "mu_used" else 1.001
        moved = bound(name, replace(s, **{field: before + 1 if field == "n" else before * change}))
        if name == "6":  # a minimum: it need not move, but only its own may move it
            assert field in READS[name] or moved == value, field
        elif name in ("5c", "5d") and field == "mu":
            assert moved != value
        elif name == "7-r" and field in ("sigma_1", "sigma", "L_1_avg", "n"):
            assert moved >= value
        else:
            assert (moved != value) == (field in READS[name]), field


@pytest.mark.parametrize("name", READS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.floats(1.0, 3.0), data=st.data())
def test_bounds_grow_with_noise(name: str, seed: int, factor: float, data: st.DataObject) -> None:
    s = run_of(name, seed)
    field = data.draw(st.sampled_from([f for f in GROWS if f in READS[name]]))
    before = getattr(s, field)
    after = int(np.ceil(before * factor)) if field == "n" else before * factor
    changed = replace(s, **{field: after})
    if name == "6" or (name in ("5c", "5d") and factor > 1.05):
        try:
            found = bound(name, changed)
        except Refused:  # HALP no longer contracts
            return
        assert found >= bound(name, s) * (1 - 1e-9)
    else:
        assert bound(name, changed) >= bound(name, s) * (1 - 1e-9)


@pytest.mark.parametrize("name", READS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.floats(1.0, 3.0))
def test_bounds_grow_with_the_quantum(name: str, seed: int, factor: float) -> None:
    s = run_of(name, seed)
    if name in ("5c", "5d"):
        coarser = Spacing(s.grid.delta * factor, 0.0, s.grid.gap * factor, s.grid.low, s.grid.high)
    else:
        zeta = s.grid.zeta * min(factor, 2)
        coarser = s.grid._replace(delta=s.grid.delta * factor, gap=s.grid.gap * factor, zeta=zeta)
    try:
        found = bound(name, replace(s, grid=coarser))
    except Refused:
        assert name in ("5c", "5d")
        return
    assert found >= bound(name, s) * (1 - 1e-9)
    assert name == "6" or factor < 1.001 or found > bound(name, s)


@pytest.mark.parametrize("name", ["1a-i", "1a-ii", "1b", "1b-L1", "1c", "1d", "2", "4", "6"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.floats(1.0, 10.0))
def test_bounds_fall_with_the_steps(name: str, seed: int, factor: float) -> None:
    s = run_of(name, seed)
    steps = [s.steps, int(np.ceil(s.steps * factor)), INF]
    values = [bound(name, replace(s, steps=T)) for T in steps]
    assert values[0] >= values[1] * (1 - 1e-9)
    assert values[1] >= values[2]


@pytest.mark.parametrize("name", ["1e", "7", "7-r"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.floats(1.0, 10.0))
def test_recursions_approach_their_limit(name: str, seed: int, factor: float) -> None:
    s = run_of(name, seed)
    limit = bound(name, replace(s, steps=INF))
    first, later = (bound(name, replace(s, steps=T)) for T in (s.steps, int(np.ceil(s.steps * factor))))
    assert abs(later - limit) <= abs(first - limit) * (1 + 1e-9)


@pytest.mark.parametrize("name", ["5a", "5b", "5b-coarse", "5c", "5d"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.floats(1.0, 10.0))
def test_bounds_fall_with_the_inner_steps(name: str, seed: int, factor: float) -> None:
    s = run_of(name, seed)
    assert s.inner_steps is not None
    longer = replace(s, inner_steps=int(np.ceil(s.inner_steps * factor)))
    assert bound(name, longer) <= bound(name, s) * (1 + 1e-12)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.01, 1.0))
def test_the_average_constant_is_never_worse(seed: int, share: float) -> None:
    s = make(seed)
    s = replace(s, L_1_avg=s.L_1 * share)
    assert bound("1b", s) <= bound("1b-L1", s)
    assert bound("1b", replace(s, L_1_avg=s.L_1)) == bound("1b-L1", s)


AT_OPTIMUM = ("1e", "2", "2-old", "4", "5a", "5b", "5b-coarse", "5c", "5d", "6", "7", "7-r")
INSIDE = "the optimum must lie in the range"
CONVEX = "strongly convex"
REFUSALS: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    (("1b", "1b-L1", *AT_OPTIMUM), {"mu": 0.0}, CONVEX),
    (AT_OPTIMUM, {"inside": False}, INSIDE),
    (("1a-ii", "1b", "1b-L1", "1c", "1e", "7", "7-r"), {"L": 30.0, "alpha": 1 / 30}, "alpha L must be below 1"),
    (("1a-i",), {"G": INF}, "not bounded"),
    (("1d", "5b-coarse"), {"max_update": None}, "not the coarse regime"),
    (("1d", "5b-coarse"), {"max_update": 1.0}, "not the coarse regime"),
    (("1d",), {"grid": Spacing(0.1, 0.1, 0.1, -1.0, 1.0)}, "the grid must be linear"),
    (("7-r",), {"grid": Spacing(0.1, 0.1, 0.1, -1.0, 1.0)}, "the grid must be linear"),
    (("1d", "5b-coarse"), {"grid": FULL}, "no quantum in full precision"),
    (("4",), {"grid": linear_grid(0.1)}, "the grid is linear: 1b says it"),
    (("4",), {"grid": Spacing(0.01, 1.0, 0.1, -1.0, 1.0), "mu": 0.01, "L": 1.0}, "must be below 1, it is"),
    (("1e", "7", "7-r"), {"L": 1.0, "mu": 3.0, "alpha": 0.5}, "2 alpha mu A must be at most 1"),
    (("2-old",), {"steps": INF}, "grows with T without end"),
    (("5a", "5b", "5c", "5d"), {"L": 1.0, "alpha": 0.5}, "alpha L must be below 1/2, it is 0.5"),
    (("5a", "5b", "5c", "5d"), {"inner_steps": 3}, "need not contract"),
    (("5b-coarse",), {"inner_steps": 3}, "more inner_steps"),
    (("5a", "5b", "5c", "5d"), {"snapshot": "last"}, "the last iterate as the snapshot has no proof"),
    (("5b-coarse",), {"snapshot": "last"}, "snapshot=random"),
    (("5b-coarse",), {"snapshot": "average"}, "snapshot=random"),
    (("5b",), {"snapshot": "average"}, "rounding the average costs"),
    (("5c", "5d"), {"grid": linear_grid(0.1, 5)}, "need not contract"),
    (("5c", "5d"), {"mu_used": 100.0}, "mu must be at most the problem's"),
    (("6",), {"quadratic": False}, "f must be quadratic"),
    (("6",), {"saturated": 0.25}, "nothing may saturate; 0.25 of the updates did"),
    (("6",), {"L_f": 2.0, "alpha": 0.51}, "alpha L_f must be at most 1, it is 1.02"),
    ((*UNBIASED, "5b-coarse"), {"rounding": "nearest_even"}, "not nearest_even"),
    (("7",), {"rounding": "stochastic"}, "not stochastic"),
    ((*UNBIASED, "2", "2-old"), {"random_bits": 8}, "few random bits is biased"),
    (("7-r",), {"random_bits": None}, "random_bits is null"),
    ((*CONSTANT, "1e", "4", "6", "7", "7-r"), {"schedule": "decreasing"}, "it is about a constant step size"),
    (("2", "2-old"), {"schedule": "constant"}, "it is about a decreasing step size"),
    ((*CONSTANT, "1e", "2", "2-old", "4", "6", "7", "7-r"), {"algorithm": "halp"}, "not halp"),
    (("5a", "5b", "5b-coarse", "5c", "5d"), {"algorithm": "lp_sgd"}, "not lp_sgd"),
    (("1e", "2", "2-old", "5c", "7", "7-r"), {"algorithm": "swalp"}, "not swalp"),
    ((*CONSTANT, "4", "6"), {"algorithm": "swalp", "averages_all": False}, "the average must hold every iterate"),
    ((*CONSTANT, "5a", "7"), {"grid": Spacing(0.1, 0.0, 0.1, -1.0, 1.0, saturates=False)}, "overflow must saturate"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change", "words"), [(name, *rest) for names, *rest in REFUSALS for name in names]
)
def test_what_the_proof_does_not_cover_is_refused(name: str, change: dict[str, Any], words: str) -> None:
    s = replace(run_of(name, 1), max_update=0.0)
    if name == "1d" and "grid" in change and change["grid"].zeta > 0:
        words = "linear"
    bound(name, s)  # and without the change it is not
    with pytest.raises(Refused) as refused:
        bound(name, replace(s, **change))
    assert words in str(refused.value)
    assert str(refused.value).startswith(f"theorem {name}: ")


@pytest.mark.parametrize("name", ["1a-i", "1a-ii", "1b", "1b-L1", "1c", "1d"])
def test_the_optimum_over_the_range_is_enough_for_item_1(name: str) -> None:
    """With w_B in place of w*: no refusal outside the range, and mu only where it is used."""
    assert bound(name, replace(run_of(name, 1), inside=False)) > 0
    if not name.startswith("1b"):
        assert bound(name, replace(run_of(name, 1), mu=0.0)) > 0


@pytest.mark.parametrize("name", ["1a-ii", "1b", "1c", "4"])
def test_the_edges_of_the_conditions(name: str) -> None:
    """Just inside a condition there is a bound, and it is large."""
    s = run_of(name, 1)
    if name == "4":
        root = np.sqrt(s.L / s.mu)
        edge = (1 - s.grid.zeta * root / 2) / (1 + s.grid.zeta / 4) / s.L
    else:
        edge = 1 / s.L
    near = replace(s, alpha=edge * (1 - 1e-6))
    assert bound(name, near) > 1e3 * bound(name, s)
