"""Two sweeps compared, beside numbers of scipy and by hand."""

from pathlib import Path

import numpy as np
import pytest
from fake_results import fake_cell, fake_result
from scipy import stats

import lpbench
from lpbench.analysis.compare import compare_sweeps
from lpbench.errors import ConfigError
from lpbench.store import SweepWriter


def store(name, floors, **choices):
    """A sweep with noise floors {(precision, seed): value or status}."""
    with SweepWriter(Path(name), [], len(floors)) as writer:
        for (precision, seed), value in floors.items():
            result = fake_result(fake_cell(seed=seed, precision=precision, **choices))
            result.row |= (
                {"status": value, "noise_floor": None} if isinstance(value, str) else {"noise_floor": value}
            )
            writer.put(result)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def floors():
    """Floors of two precisions and five seeds, in A and in B."""
    generator = np.random.default_rng(1)
    keys = [(precision, seed) for precision in (4, 8) for seed in range(5)]
    a = dict(zip(keys, 10 ** generator.normal(-3, 0.2, 10), strict=True))
    b = {key: value * 10 ** generator.normal(0.3, 0.1) for key, value in a.items()}
    return a, b


def test_ratio_and_interval_are_those_of_a_paired_t_test(floors):
    a, b = floors
    store("a", a)
    store("b", b)
    found = compare_sweeps(Path("a"), Path("b"))
    assert (found.by, found.alone_a, found.alone_b, found.statuses) == (["precision"], 0, 0, [])
    assert found.match.differs == {}
    for row in found.rows:
        keys = [(row["precision"], seed) for seed in range(5)]
        test = stats.ttest_rel(np.log10([b[key] for key in keys]), np.log10([a[key] for key in keys]))
        interval = test.confidence_interval(0.95)
        assert (row["low"], row["high"]) == pytest.approx((10**interval.low, 10**interval.high))
        assert row["median_a"] == pytest.approx(np.median([a[key] for key in keys]))
        assert (row["seeds_a"], row["configurations"], row["paired"]) == (5, 1, True)


def test_rows_over_configurations_count_seeds_not_cells(floors):
    a, b = floors
    store("a", a)
    store("b", b)
    (row,) = compare_sweeps(Path("a"), Path("b"), by=["algorithm"]).rows
    d = [np.mean([np.log10(b[p, seed] / a[p, seed]) for p in (4, 8)]) for seed in range(5)]
    interval = stats.ttest_1samp(d, 0).confidence_interval(0.95)
    assert row["ratio"] == pytest.approx(10 ** np.mean(d))
    assert (row["low"], row["high"]) == pytest.approx((10**interval.low, 10**interval.high))
    assert (row["seeds_a"], row["configurations"]) == (5, 2)


def test_other_seeds_are_not_paired_and_said_so(floors):
    a, b = floors
    store("a", a)
    store("b", {(precision, seed + 100): value for (precision, seed), value in b.items()})
    row = compare_sweeps(Path("a"), Path("b")).rows[0]
    x, y = (np.log10([side[4, seed] for seed in range(5)]) for side in (a, b))
    interval = stats.ttest_ind(y, x, equal_var=False).confidence_interval(0.95)
    assert not row["paired"]
    assert (row["low"], row["high"]) == pytest.approx((10**interval.low, 10**interval.high))


def test_sweeps_that_differ_in_the_algorithm_are_compared_in_it(floors):
    a, b = floors
    store("a", a, step_size=0.1)
    store("b", b, algorithm="halp", step_size=0.3, mu=0.5)
    found = compare_sweeps(Path("a"), Path("b"))
    assert found.match.differs == {
        "algorithm": [("lp_sgd", "halp")], "mu": [(None, 0.5)], "step_size": [(0.1, 0.3)],
    }  # fmt: skip
    assert len(found.rows) == 2


def test_cells_without_partner_and_other_status_are_counted(floors):
    a, b = floors
    store("a", a)
    store("b", {key: value for key, value in b.items() if key[0] == 4} | {(4, 0): "diverged", (6, 0): 1.0})
    found = compare_sweeps(Path("a"), Path("b"))
    assert (found.alone_a, found.alone_b) == (5, 1)
    assert [(one["a"], one["b"], one["seeds"]) for one in found.statuses] == [("ok", "diverged", [0])]
    assert found.rows[0]["seeds_a"] == 4


def test_one_seed_has_no_interval():
    store("a", {(4, 0): 1.0})
    store("b", {(4, 0): 2.0})
    (row,) = compare_sweeps(Path("a"), Path("b")).rows
    assert (row["ratio"], row["low"], row["high"]) == (pytest.approx(2.0), None, None)


def test_what_cannot_be_compared_is_said(floors):
    a, _ = floors
    store("a", a)
    store("b", {(5, 0): 1.0, (6, 0): 1.0})
    with pytest.raises(
        ConfigError, match=r"no configuration in common; they differ in precision \(4, 8 in a, 5, 6 in b\)"
    ):
        compare_sweeps(Path("a"), Path("b"))
    with pytest.raises(ConfigError, match="Did you mean 'noise_floor'"):
        compare_sweeps(Path("a"), Path("a"), metric="noise_flor")
    with pytest.raises(ConfigError, match="Did you mean 'precision'"):
        compare_sweeps(Path("a"), Path("a"), by=["precison"])


def test_several_values_that_could_pair_in_many_ways_are_refused():
    for name, steps in (("a", (0.1, 0.2)), ("b", (0.3,))):
        with SweepWriter(Path(name), [], 2) as writer:
            for step in steps:
                writer.put(fake_result(fake_cell(step_size=step)))
    with pytest.raises(ConfigError, match=r"they differ in step_size \(0.1, 0.2 in a, 0.3 in b\)"):
        compare_sweeps(Path("a"), Path("b"))


def test_as_a_function(floors):
    a, b = floors
    store("runs/a", a)
    store("runs/b", b)
    frame = lpbench.compare("a", "b", by=["precision"])
    assert {"precision", "ratio", "low", "high", "seeds_a", "median_b", "paired"} <= set(frame.columns)
    assert frame["ratio"].tolist() == pytest.approx(
        [row["ratio"] for row in compare_sweeps(Path("runs/a"), Path("runs/b")).rows]
    )


def store_expressions(name, scale, data_seed):
    """Two step sizes asked for as expressions, over two dimensions: four numbers."""
    with SweepWriter(Path(name), [], 8) as writer:
        for dimension in (4, 16):
            for factor in (1, 2):
                for seed in (0, 1):
                    choices = {"dimension": dimension, "data_seed": data_seed}
                    cell = fake_cell(seed=seed, **choices, step_size=scale * factor / dimension)
                    result = fake_result(cell, value=float(factor))
                    result.row["asked"] = f"step_size={factor}/L"
                    writer.put(result)


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_expressions_match_and_are_a_row_each_whatever_their_numbers(scale):
    store_expressions("a", 1.0, 0)
    store_expressions("b", scale, 1)
    found = compare_sweeps(Path("a"), Path("b"), by="step_size")
    assert [(row["step_size"], row["configurations"]) for row in found.rows] == [("1/L", 2), ("2/L", 2)]
