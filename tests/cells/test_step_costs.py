"""Costs of a step of convex problems: number by number, and larger problems and wider formats never cost less."""

import pytest
import scipy.sparse
import tiny
from hypothesis import given
from hypothesis import strategies as st

import lpbench
from lpbench.cells.step_costs import Sizes, Widths, arithmetic, bits, step_costs, widths_of
from lpbench.declared.energy import FULL, floating, integer
from lpbench.problems.base import LOGISTIC, QUADRATIC, SOFTMAX, SQUARED
from lpbench.registry import formats

FLOAT64_MAC = 53 * 66 / 240 + 262 / 130  # pJ
FLOAT64_ADD = 262 / 130


def of(problem, **choices):
    """Columns of a cell on it; by default 12 samples of 5 numbers, LP-SGD in 6 bits, everything else float64."""
    chosen = {
        **tiny.CHOICES,
        "steps": 100,
        "sum_format": None,
        "arithmetic": None,
        "data_bits": None,
        **choices,
    }
    kind = formats.get(chosen["format"])
    if chosen["format"] == "none":
        chosen["precision"] = None
    chosen |= kind.defaults(chosen)
    return step_costs(chosen, problem, kind.from_choices(chosen, 1.5))


def test_sgd_on_dense_rows_by_hand():
    """Each of 5 numbers of the sample twice in 64 bits; 5 weights of 6 bits: read twice and written once."""
    found = of(tiny.problem(SQUARED))
    moved = 2 * 5 * 64 + 3 * 5 * 6
    assert found["bytes_per_step"] == moved / 8
    # The margin, the update and lambda w: 5 multiply-adds each, of float64 since the sample is.
    spent = 3 * 5 * FLOAT64_MAC
    assert found["arithmetic_energy_per_step"] == pytest.approx(spent / 1000)
    assert found["energy_per_step"] == pytest.approx((spent + 20.3 * moved) / 1000)


def test_a_minibatch_and_classes_by_hand():
    """Two samples: their rows, the 15 weights for each of them, and a gradient of 15 numbers that is kept."""
    found = of(tiny.problem(SOFTMAX, regularization=0.0), batch_size=2, format="none")
    assert found["bytes_per_step"] == 64 * (2 * (2 * 5 + 15) + 2 * 15 + 2 * 15) / 8
    macs = 2 * (15 + 15) + 15  # margins and gradients of two samples, the update
    assert found["arithmetic_energy_per_step"] == pytest.approx(macs * FLOAT64_MAC / 1000)


def test_sparse_rows_cost_what_the_kernel_touches():
    sparse = tiny.problem(LOGISTIC, sparse=True, regularization=0.0)
    each = sparse.X.nnz / 12
    alone = of(sparse)
    assert alone["bytes_per_step"] == pytest.approx((2 * each * (64 + 64) + 3 * each * 6) / 8)
    everywhere = of(tiny.problem(LOGISTIC, sparse=True))  # lambda w moves every weight
    assert everywhere["bytes_per_step"] == pytest.approx((2 * each * 128 + each * 6 + 2 * 5 * 6) / 8)
    in_blocks = of(sparse, format="block")
    assert in_blocks["bytes_per_step"] == pytest.approx((2 * each * 128 + (each + 2 * 5) * 6.5) / 8)
    assert isinstance(sparse.X, scipy.sparse.csr_array)


def test_snapshots_are_spread_over_their_loop():
    """T = 4 steps a loop over 12 samples: three gradients of the full one a step."""
    problem = tiny.problem(SQUARED, regularization=0.0)
    found = of(problem, algorithm="halp", inner_steps=4)
    plain = 2 * 5 * 64 + 3 * 5 * 6
    each = 64 + 5 * 64  # the kept product of snapshot and sample; the constant part of the update
    whole = 12 * (2 * 5 * 64 + 5 * 64 + 64)  # rows twice, the snapshot, the product that is kept
    around = 5 * 6 + 2 * 5 * 64  # the offset read; snapshot and full gradient written
    assert found["bytes_per_step"] == pytest.approx((plain + each + (whole + around) / 4) / 8)
    spent = 2 * 5 * FLOAT64_MAC + 5 * FLOAT64_ADD + 12 * 2 * 5 * FLOAT64_MAC / 4
    assert found["arithmetic_energy_per_step"] == pytest.approx(spent / 1000)


def test_the_average_of_swalp_counts_where_it_is_taken():
    problem = tiny.problem(SQUARED)
    plain = of(problem)["bytes_per_step"]
    each = 5 * (6 + 2 * 64) / 8
    always = of(problem, algorithm="swalp", average_start=0, average_every=1)
    assert always["bytes_per_step"] == plain + each
    late = of(problem, algorithm="swalp", average_start=50, average_every=10)
    assert late["bytes_per_step"] == pytest.approx(plain + each / 20)


def test_quadratics_read_curvatures_and_optimum_for_rows():
    found = of(tiny.problem(QUADRATIC))
    assert found["bytes_per_step"] == (2 * 5 * 64 + 3 * 5 * 6) / 8


def test_accumulators_are_those_of_the_margins():
    problem = tiny.problem(SQUARED, regularization=0.0)
    full, few = of(problem), of(problem, sum_format="float(precision=16,exponent_bits=5)", sum_chunk=1)
    less = 5 * (FLOAT64_ADD - 0.4)  # of a float with 16 bits, as published
    difference = full["arithmetic_energy_per_step"] - few["arithmetic_energy_per_step"]
    assert difference == pytest.approx(less / 1000)
    assert few["bytes_per_step"] == full["bytes_per_step"]


def test_integers_are_counted_as_integers(in_python):
    row = lpbench.run(
        problem="least_squares", dimension=16, n_samples=20, regularization=0.5, arithmetic="integer", steps=8,
        even_points=1, precision=8, data_bits=8,
    )  # fmt: skip
    assert row["bytes_per_step"] == (2 * 16 * 8 + 3 * 16 * 16) / 8  # weights lie in 16 bits
    mac = 0.0029948 * 256 + 0.0010417 * 16 + 0.1
    assert row["arithmetic_energy_per_step"] == pytest.approx(3 * 16 * mac / 1000, rel=1e-4)


def test_an_algorithm_of_the_users_own_has_none(monkeypatch):
    from lpbench.registry import algorithms

    monkeypatch.setattr(algorithms, "get", lambda name: type("Mine", (), {"reads": frozenset()}))
    assert of(tiny.problem(SQUARED), algorithm="mine") == {}


FORMATS = st.sampled_from(["fixed", "float", "log", "block"])
SIZES = st.builds(
    lambda n, classes, batch, inner, whole, regularized, averaged: Sizes(
        n * classes, classes, batch, n, 0, n * classes, regularized, averaged, inner, whole if inner else 0.0
    ),
    st.integers(1, 50), st.integers(1, 4), st.integers(1, 9), st.none() | st.integers(1, 40),
    st.floats(0.1, 4.0), st.booleans(), st.floats(0, 1),
)  # fmt: skip


def widths(name, precision):
    kind = formats.get(name)
    chosen = {**tiny.CHOICES, "format": name, "precision": precision, "sum_format": None, "arithmetic": None}
    chosen |= kind.defaults(chosen)
    return widths_of(chosen, kind.from_choices(chosen, 1.0))


@given(FORMATS, st.integers(4, 14), st.integers(0, 2), SIZES)
def test_more_bits_never_cost_less(name, precision, more, sizes):
    few, many = widths(name, precision), widths(name, precision + more)
    assert bits(sizes, few) <= bits(sizes, many)
    assert arithmetic(sizes, few) <= arithmetic(sizes, many)
    # Where data is rounded, too, weights decide on products.
    data = (8.0, integer(8))
    few, many = (one._replace(data=data, update=data) for one in (few, many))
    assert arithmetic(sizes, few) <= arithmetic(sizes, many)


@given(SIZES, st.integers(1, 20), st.integers(4, 16))
def test_a_larger_dimension_never_costs_less(sizes, more, width):
    n = sizes.weights // sizes.classes + more
    larger = sizes._replace(weights=n * sizes.classes, entries=n, touched=n * sizes.classes)
    single = (32.0, FULL["float32"])
    held = Widths(single, single, (float(width), floating(width)), single, single)
    assert 0 < bits(sizes, held) < bits(larger, held)
    assert 0 < arithmetic(sizes, held) < arithmetic(larger, held)


@given(SIZES, st.integers(1, 5))
def test_shorter_loops_never_cost_less(sizes, times):
    held = widths("fixed", 8)
    if sizes.inner is None:
        sizes = sizes._replace(inner=7, whole=2.0)
    shorter = sizes._replace(inner=sizes.inner / times, whole=sizes.whole * times)
    assert bits(sizes, held) <= bits(shorter, held)
    assert arithmetic(sizes, held) <= arithmetic(shorter, held)
