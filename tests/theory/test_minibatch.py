"""Averages of B samples: every pair enumerated, and a family where the smoothness of a batch is attained."""

import itertools

import numpy as np
import pytest

from lpbench.theory.minibatch import batch_constants

CONSTANTS = {
    "L": 3.0,
    "L_f": 0.5,
    "mu": 0.1,
    "sigma": 2.0,
    "sigma_1": 5.0,
    "s_1": 6.0,
    "L_1": 7.0,
    "L_1_avg": 4.0,
}


def test_by_hand() -> None:
    assert batch_constants(CONSTANTS, 1) == CONSTANTS
    found = batch_constants(CONSTANTS, 4)
    assert found["L"] == pytest.approx(0.75 + 0.375, rel=1e-12)
    assert found["sigma"] == pytest.approx(1.0, rel=1e-12)
    assert found["sigma_1"] == pytest.approx(3.0, rel=1e-12)
    assert {name for name in found if found[name] != CONSTANTS[name]} == {"L", "sigma", "sigma_1"}
    barely = batch_constants(CONSTANTS | {"s_1": 10.0}, 2)
    assert barely["sigma_1"] == 5.0  # 10 / sqrt(2) is more than that of one sample


def test_what_does_not_average_out() -> None:
    """Away from the optimum ||grad f|| stays in sigma, and sigma_1 as it is."""
    found = batch_constants(CONSTANTS, 3, gradient_norm=1.0)
    assert found["sigma"] ** 2 == pytest.approx((4 - 1) / 3 + 1, rel=1e-12)
    assert found["sigma_1"] == 5.0
    assert batch_constants(CONSTANTS, 10**12, gradient_norm=2.0)["sigma"] == pytest.approx(2.0, rel=1e-12)


def problem(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least squares: rows (N, d), targets, the minimiser."""
    rng = np.random.default_rng([24, seed])
    X, y = rng.standard_normal((9, 3)) * np.exp(rng.standard_normal((9, 1))), rng.standard_normal(9)
    return X, y, np.linalg.lstsq(X, y, rcond=None)[0]


def batches(gradients: np.ndarray, B: int) -> np.ndarray:
    """The mean of every ordered choice of B samples with replacement, (N^B, d)."""
    every = itertools.product(range(len(gradients)), repeat=B)
    return np.array([gradients[list(chosen)].mean(axis=0) for chosen in every])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("B", [1, 2, 3])
@pytest.mark.parametrize("away", [False, True])
def test_every_batch(seed: int, B: int, away: bool) -> None:
    X, y, w_star = problem(seed)
    rng = np.random.default_rng([25, seed])
    reference = w_star + 0.3 * rng.standard_normal(3) if away else w_star
    at_reference = X * (X @ reference - y)[:, None]
    gradient_norm = float(np.linalg.norm(at_reference.mean(axis=0))) if away else 0.0
    found = batch_constants(
        {
            "L": float((X**2).sum(axis=1).max()),
            "L_f": float(np.linalg.eigvalsh(X.T @ X / 9)[-1]),
            "sigma": float(np.sqrt((at_reference**2).sum(axis=1).mean())),
            "sigma_1": float(np.abs(at_reference).sum(axis=1).mean()),
            "s_1": float(np.sqrt((at_reference**2).mean(axis=0)).sum()),
        },
        B,
        gradient_norm,
    )
    means = batches(at_reference, B)
    assert found["sigma"] ** 2 == pytest.approx((means**2).sum(axis=1).mean(), rel=1e-9)
    assert np.abs(means).sum(axis=1).mean() <= found["sigma_1"] * (1 + 1e-12)
    for _ in range(5):
        v = rng.standard_normal(3)
        moved = X * (X @ v)[:, None]  # grad f_i(reference + v) - grad f_i(reference)
        P = float(v @ moved.mean(axis=0))
        assert (batches(moved, B) ** 2).sum(axis=1).mean() <= found["L"] * P * (1 + 1e-12)


@pytest.mark.parametrize("B", [1, 2, 3])
def test_smoothness_of_a_batch_is_attained(B: int) -> None:
    """Orthogonal rows of equal length: L = 2, L_f = 2/3, and E ||g_B||^2 is L_B times <grad f, v> for every v."""
    X = np.sqrt(2.0) * np.eye(3)
    v = np.array([1.0, -0.5, 2.0])
    moved = X * (X @ v)[:, None]
    second = (batches(moved, B) ** 2).sum(axis=1).mean()
    constants = CONSTANTS | {"L": 2.0, "L_f": 2 / 3}
    assert batch_constants(constants, B)["L"] == pytest.approx(second / (v @ moved.mean(axis=0)), rel=1e-12)


@pytest.mark.parametrize("B", [1, 2, 4])
def test_dense_noise_falls_by_root_B_and_sparse_noise_hardly(B: int) -> None:
    """Independent signs in every coordinate, against one coordinate at a time."""
    d = 3
    dense = np.array(list(itertools.product([-1.0, 1.0], repeat=d)))
    sparse = np.concatenate([d * np.eye(d), -d * np.eye(d)])
    for gradients, least in ((dense, 0.7), (sparse, 0.6)):
        constants = CONSTANTS | {
            "sigma_1": float(np.abs(gradients).sum(axis=1).mean()),
            "s_1": float(np.sqrt((gradients**2).mean(axis=0)).sum()),
        }
        exact = np.abs(batches(gradients, B)).sum(axis=1).mean()
        proven = batch_constants(constants, B)["sigma_1"]
        assert least * proven <= exact <= proven * (1 + 1e-12)
