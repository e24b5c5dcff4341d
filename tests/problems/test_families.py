import numpy as np
import pytest
from scipy import sparse

from lpbench.errors import ConfigError
from lpbench.problems.build import build
from lpbench.problems.solving.objective import Risk
from lpbench.registry import problems


@pytest.mark.parametrize(("d", "k"), [(16, 1), (64, 4), (64, 16), (64, 64), (48, 16), (2, 2)])
def test_family_s_is_what_it_says(d: int, k: int) -> None:
    p = build({"problem": "family_s", "dimension": d, "k": k, "noise": 0.5, "data_seed": 3})
    X = p.X.toarray() if sparse.issparse(p.X) else p.X
    assert X.shape == (2 * d, d) == (p.n_samples, p.dimension)
    assert ((X != 0).sum(axis=1) == k).all()
    np.testing.assert_allclose(np.abs(X[X != 0]), k**-0.5)
    np.testing.assert_allclose(X.T @ X / (2 * d), np.eye(d) / d, atol=1e-15)
    assert (np.abs(p.w_star) <= 0.5).all()
    np.testing.assert_allclose(np.abs(X @ p.w_star - p.y), 0.5, atol=1e-14)
    assert p.f_star == 0.125
    assert p.optimum_gradient_norm <= 1e-14
    assert p.regularization == 0.0
    assert p.loss == "squared"


def test_family_s_is_sparse_only_where_that_pays() -> None:
    thin = build({"problem": "family_s", "dimension": 64, "k": 16}).X
    assert sparse.issparse(thin)
    assert thin.has_sorted_indices
    assert thin.indices.dtype == thin.indptr.dtype == np.int32
    thick = build({"problem": "family_s", "dimension": 64, "k": 32}).X
    assert isinstance(thick, np.ndarray)
    assert thick.flags.c_contiguous


@pytest.mark.parametrize("noise_kind", ["sparse", "dense"])
def test_family_q(noise_kind: str) -> None:
    p = build({"problem": "family_q", "dimension": 100, "noise": 2.0, "noise_kind": noise_kind})
    np.testing.assert_allclose(p.h, np.maximum(1 / 64, 1 / np.arange(1, 101)))
    assert (p.loss, p.X, p.y.size, p.noise, p.noise_kind) == ("quadratic", None, 0, 2.0, noise_kind)
    assert (p.n_samples, p.dimension, p.f_star, p.n_classes) == (200, 100, 0.0, 1)
    assert (p.constants["L"], p.constants["mu"]) == (1.0, 1 / 64)
    assert p.constants["sigma_1"] == pytest.approx(2.0 if noise_kind == "sparse" else 20.0)
    assert -0.5 <= p.w_star.min() < p.w_star.max() <= 0.5


def test_family_e() -> None:
    p = build({"problem": "family_e", "data_seed": 1})
    assert p.dimension == 256
    assert sorted(np.abs(p.w_star[p.w_star != 0]), reverse=True) == [0.9 * 0.5**j for j in range(16)]
    assert {-1.0, 1.0} == set(np.sign(p.w_star)) - {0.0}
    assert (p.noise, p.noise_kind) == (0.1, "dense")
    assert (p.h == 1).all()
    uniform = build({"problem": "family_e", "solution": "uniform", "dimension": 500})
    assert 0.85 < np.abs(uniform.w_star).max() <= 0.9


@pytest.mark.parametrize("name", ["family_s", "family_q", "family_e"])
def test_drawn_from_data_seed_alone(name: str) -> None:
    kind = problems.get(name)
    first, again = (kind.build({"problem": name, "data_seed": 5}) for _ in range(2))
    other = kind.build({"problem": name, "data_seed": 6})
    np.testing.assert_array_equal(first.w_star, again.w_star)
    np.testing.assert_array_equal(first.y, again.y)
    assert first.key == again.key != other.key
    assert (first.w_star != other.w_star).any()
    assert kind.shape({}) == (first.n_samples, first.dimension, first.n_classes)


def test_gap_of_family_s() -> None:
    p = build({"problem": "family_s", "dimension": 32, "k": 4})
    w = p.w_star + np.linspace(-1, 1, 32)
    gap = Risk(p.loss, p.X, p.y, 1, 0.0).value_and_gradient(w)[0] - p.f_star
    assert gap == pytest.approx(np.sum((w - p.w_star) ** 2) / 64)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            {"problem": "family_s", "dimension": 100, "k": 8},
            "k must divide dimension, got k=8 and dimension=100",
        ),
        ({"problem": "family_s", "dimension": 96, "k": 6}, "k must be a power of two, got 6"),
        ({"problem": "family_s", "k": 0}, "k must be a whole number >= 1, got 0"),
        ({"problem": "family_s", "k": 2.5}, "k must be a whole number"),
        ({"problem": "family_s", "dimension": -4}, "dimension must be a whole number >= 1, got -4"),
        ({"problem": "family_q", "dimension": float("nan")}, "dimension must be a whole number"),
        (
            {"problem": "family_q", "noise": float("inf")},
            "noise must be a finite number >= 0, got inf",
        ),
        ({"problem": "family_q", "noise": -1}, "noise must be a finite number >= 0, got -1"),
        ({"problem": "family_q", "noise": True}, "noise must be"),
        (
            {"problem": "family_q", "noise_kind": "spars"},
            "unknown noise_kind 'spars'. Did you mean 'sparse'?",
        ),
        ({"problem": "family_e", "solution": "geo"}, "unknown solution 'geo'"),
        ({"problem": "family_e", "dimension": 8}, "dimension must be at least 16, got 8"),
        ({"problem": "family_e", "data_seed": -1}, "data_seed must be a whole number >= 0, got -1"),
    ],
)
def test_bad_choices(choices: dict, message: str) -> None:
    kind = problems.get(choices["problem"])
    for refuse in (kind.check, kind.shape, kind.build):
        with pytest.raises(ConfigError) as error:
            refuse(choices)
        assert message in str(error.value)
        assert "\n" not in str(error.value)
