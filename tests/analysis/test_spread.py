"""Spreads over seeds, beside numpy one group at a time and the binomial of scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lpbench.analysis.spread import QUANTILES, least_count, median_rank, spread


def test_the_interval_of_the_median_has_its_level_and_none_within_it_has():
    for n in range(1, 80):
        k = median_rank(n)
        assert stats.binom.cdf(k - 1, n, 0.5) <= 0.025 < stats.binom.cdf(k, n, 0.5), n
    assert [median_rank(n) for n in (5, 6, 8, 9, 20)] == [0, 1, 1, 2, 6]
    assert (least_count(), least_count(0.99)) == (6, 8)


def test_a_spread_is_that_of_each_group_alone():
    random = np.random.default_rng(0)
    counts = {"a": 1, "b": 5, "c": 6, "d": 21}
    parts = {name: random.standard_normal(n) for name, n in counts.items()}
    rows = [(name, value) for name, values in parts.items() for value in [*values, np.nan]]
    random.shuffle(rows)
    found = spread(pd.DataFrame(rows, columns=["group", "floor"]), "group", "floor")
    for name, values in parts.items():
        row, ordered, k = found.loc[name], sorted(values), {"c": 1, "d": 6}.get(name)
        assert row["n"] == counts[name]
        assert (row["min"], row["max"]) == (ordered[0], ordered[-1])
        assert [row[one] for one in QUANTILES] == pytest.approx(np.quantile(values, [*QUANTILES.values()]))
        ends = (ordered[k - 1], ordered[-k]) if k else (np.nan, np.nan)
        assert (row["low"], row["high"]) == pytest.approx(ends, nan_ok=True)


def test_no_number_no_row():
    assert spread(pd.DataFrame({"group": ["a"], "floor": [np.nan]}), "group", "floor").empty
