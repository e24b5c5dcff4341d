"""What rounding the data costs, and noise floors in integers beside simulated ones."""

import numpy as np
import pytest
from interpreted import interpreted

import lpbench
from lpbench.arithmetic.integer import stored
from lpbench.cells.rounded_data import data_excess
from lpbench.convex.integer import new_samples, quantised
from lpbench.problems.build import build

PROBLEM = {
    "problem": "least_squares",
    "dataset": "gaussian",
    "dimension": 12,
    "n_samples": 80,
    "data_seed": 1,
}


@pytest.fixture
def on_the_grid(tmp_path):
    """A file whose numbers are integers of 8 bits times a power of two: rounding it changes nothing."""
    random = np.random.default_rng(3)
    X = random.integers(-127, 128, (60, 20)) * (random.random((60, 20)) < 0.7)
    X[0, 0] = 127
    y = X @ random.standard_normal(20) / 128 / 20**0.5 + 0.05 * random.standard_normal(60)
    path = tmp_path / "grid.csv"
    rows = [
        ",".join(map(repr, [*map(float, row / 128), float(value)])) for row, value in zip(X, y, strict=True)
    ]
    path.write_text("\n".join([",".join([*(f"x{j}" for j in range(20)), "target"]), *rows]) + "\n")
    return {"problem": "least_squares", "dataset": "file", "path": str(path), "scaling": "none"}


def test_data_in_integers_is_the_nearest(monkeypatch):
    X, y = np.random.default_rng(0).standard_normal((5, 7)), np.zeros(5)
    for bits in (8, 16):
        codes, unit = quantised(X, bits)
        laid = new_samples(X, y, bits)
        with monkeypatch.context() as patch:
            patch.setattr("lpbench.convex.integer.PART", 14)  # two rows
            assert np.array_equal(quantised(X, bits)[0], codes)
            assert np.array_equal(new_samples(X, y, bits).X, laid.X)
        assert np.array_equal(stored(codes), laid.X)
        assert codes.dtype == f"int{bits}"
        assert abs(codes).max() == 2 ** (bits - 1) - 1
        assert abs(codes * unit - X).max() <= unit / 2 * (1 + 1e-9)


def test_the_excess_is_the_gap_of_the_rounded_optimum():
    problem = build(lpbench.run(**PROBLEM, steps=1, epochs=None) | {"path": None})
    X, y, strength = problem.X, problem.y, problem.regularization
    H, n = X.T @ X / len(y) + strength * np.eye(12), len(y)
    for algorithm, bits, read in (("lp_sgd", 8, 8), ("lp_sgd", 16, 16), ("halp", 8, 16)):
        codes, unit = quantised(X, read)
        Q = codes * unit
        off = np.linalg.solve(Q.T @ Q / n + strength * np.eye(12), Q.T @ y / n) - problem.w_star
        choices = {"arithmetic": "integer", "algorithm": algorithm, "data_bits": bits}
        assert data_excess(choices, problem) == pytest.approx(off @ H @ off / 2, rel=1e-4)
    assert data_excess({"arithmetic": None, "algorithm": "lp_sgd"}, problem) is None


@pytest.mark.parametrize(("precision", "limit"), [(8, "auto"), (16, "auto"), (8, "w_max/2"), (16, "w_max/8")])
def test_the_floor_is_the_simulated_one(on_the_grid, precision, limit):
    """Of the same seeds, on data that is not rounded: apart by no more than seeds are, or by 2 %.

    Also where the range clips the weights, and a step moves them by much of it.
    """
    ratios = []
    for seed in range(6):
        cell = {**on_the_grid, "algorithm": "lp_sgd", "precision": precision, "limit": limit, "seed": seed}
        cell |= {"epochs": 40, "record_points": 0, "even_points": 40}
        floors = [lpbench.run(**cell, **more) for more in ({"arithmetic": "integer"}, {})]
        assert floors[0]["data_excess"] < 1e-20
        assert floors[1]["data_excess"] is None
        ratios.append(np.log(floors[0]["noise_floor"] / floors[1]["noise_floor"]))
    assert abs(np.mean(ratios)) < 3 * np.std(ratios, ddof=1) / len(ratios) ** 0.5 + 0.02


def test_halp_goes_below_the_excess_of_its_steps_data():
    """Full gradients read 16 bits: what 8 bits of the samples cost LP-SGD is no floor of it."""
    with interpreted():
        cell = {**PROBLEM, "arithmetic": "integer", "precision": 16, "record_points": 0, "even_points": 4}
        halp = lpbench.run(**cell, algorithm="halp", epochs=14, step_size="0.3/L")
        eight = lpbench.run(**cell, algorithm="lp_sgd", steps=1)["data_excess"]
    assert halp["status"] == "ok"
    assert halp["bound"] is None
    assert halp["final_gap"] < 0.1 * eight
    assert halp["data_excess"] < 1e-3 * eight
