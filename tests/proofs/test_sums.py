"""How many bits accumulators need: the bisection, and that what is proven is not broken by what is measured."""

import numpy as np
import pytest

from lpbench.errors import ConfigError
from lpbench.networks.architecture import cnn, mlp
from lpbench.proofs import sums

WAYS = ("nearest_even", "stochastic")


def test_measured_bits_are_the_fewest_and_never_more_than_proven():
    frame = sums.sum_bits([1, 50, 700], 0.02, chunks=(1, 8), seed=3)
    assert list(frame.columns) == list(sums.COLUMNS)
    assert len(frame) == 3 * 2 * 2 * 2
    assert (frame["measured_bits"] <= frame["proven_bits"]).all()
    assert (frame["error"] <= 0.02).all()
    assert (frame["error_with_one_fewer"].dropna() > 0.02).all()
    assert frame["retaining_bits"].notna().sum() == 3 * 2  # products to nearest
    for row in frame.itertuples():
        drawn = sums.draw(row.length, row.terms, 3)
        again = [
            sums.error(drawn, bits, row.sum_chunk, row.sum_rounding, 3)
            for bits in range(1, row.measured_bits)
        ]
        assert all(error > 0.02 for error in again)


def test_other_seeds_give_about_the_same_bits():
    found = [sums.sum_bits([256], roundings=WAYS, seed=seed)["measured_bits"].tolist() for seed in range(4)]
    assert np.ptp(found, axis=0).max() <= 1


def test_directed_rounding_is_measured_and_nothing_proven():
    (row,) = sums.rows([100], sums.Asked(0.1, (1,), ("toward_zero",), ("positive",), 0, True))
    assert row["proven_bits"] is None
    assert row["measured_bits"] >= 3


def test_what_no_accumulator_reaches_is_null():
    (row,) = sums.rows([4096], sums.Asked(1e-7, (1,), ("nearest_even",), ("positive",), 0, True))
    assert (row["measured_bits"], row["error"]) == (None, None)


def test_formulas_alone():
    frame = sums.sum_bits({"one": 10, "other": 20}, measure=False)
    assert frame["sum"].tolist() == ["one"] * 4 + ["other"] * 4
    assert frame["measured_bits"].isna().all()


@pytest.mark.parametrize("terms", sums.TERMS)
def test_terms_have_the_moments_that_theory_takes(terms):
    drawn = sums.draw(1024, terms, 0)
    assert drawn.mean() == pytest.approx(sums.TERMS[terms], abs=0.01)
    assert drawn.std() == pytest.approx(1.0, abs=0.01)


def test_lengths_of_networks():
    assert sums.lengths_of(mlp((5,), 3, 4, 2), 64) == {
        "hidden1 forward": 5, "hidden1 gradient": 64, "hidden2 forward": 4, "hidden2 back": 4, "hidden2 gradient": 64,
        "output forward": 4, "output back": 3, "output gradient": 64,
    }  # fmt: skip
    found = sums.lengths_of(cnn((40, 1), 10, 8), 2)
    assert (found["conv1 forward"], found["conv1 gradient"]) == (5, 2 * 19)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([0],), "sums have 1 to"),
        (([10**9],), "sums have 1 to"),
        (([10], 1.5), "within is a share of the sum"),
        (([10], 0.1, (0,)), "sum_chunk must be a whole number from 1 on, got 0"),
        (([10], 0.1, (1,), ("nearest",)), "unknown sum_rounding 'nearest'. Did you mean 'nearest_even'?"),
        (([10], 0.1, (1,), ("up",), ("product",)), "unknown terms 'product'. Did you mean 'products'?"),
    ],
)
def test_what_cannot_be_is_one_line(arguments, said):
    with pytest.raises(ConfigError) as raised:
        sums.sum_bits(*arguments)
    assert said in str(raised.value)
