import numpy as np
import pytest
from scipy import sparse

from lpbench.theory import moments as module
from lpbench.theory.moments import moments, row_blocks, row_sums


def rows(n: int, d: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    X[rng.random((n, d)) < 0.5] = 0.0
    return X


@pytest.mark.parametrize(("n", "d"), [(40, 7), (7, 40), (9, 9), (1, 1)])
def test_exact_moments_enclose_the_eigenvalues_tightly(n: int, d: int) -> None:
    X = rows(n, d) + 0.1
    found = moments(X)
    values = np.linalg.svd(X, compute_uv=False) ** 2 / n
    assert found.exact
    assert found.largest >= values[0]
    assert found.largest == pytest.approx(values[0], rel=1e-9)
    smallest = values[-1] if n >= d else 0.0
    assert found.smallest <= smallest
    assert found.smallest == pytest.approx(smallest, abs=1e-9 * values[0])
    np.testing.assert_allclose(found.r1, np.abs(X).sum(axis=1), rtol=1e-14)
    np.testing.assert_allclose(found.r2_squared, (X**2).sum(axis=1), rtol=1e-14)


@pytest.mark.parametrize("n", [1, 3, 20, 70])
def test_the_solver_s_last_digits_do_not_matter(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where an eigenvalue lies on a number of the grid, or a rounding error beside it."""
    import scipy.linalg

    solver, moved = scipy.linalg.eigh, np.zeros(2)

    def other_machine(*arguments, **keywords):
        values = solver(*arguments, **keywords)
        values[[0, -1]] += moved * values[-1]
        return values

    monkeypatch.setattr(scipy.linalg, "eigh", other_machine)
    for seed in range(3):
        H = np.cov(rows(3 * n, n, seed).T).reshape(n, n) + 0.1 * np.eye(n)
        low, high = np.linalg.eigvalsh(H)[[0, -1]]
        for target in (low, high):
            for wanted in (target, np.ldexp(np.round(np.ldexp(target, 20)), -20), 0.25):
                A = H * (wanted / target)
                found = set()
                for low_sign in (-1, 0, 1):
                    for high_sign in (-1, 0, 1):
                        moved[:] = np.array([low_sign, high_sign]) * 2.0**-50 * n
                        found.add(module._extremes(A))
                assert len(found) == 1
                smallest, largest = found.pop()
                assert smallest <= low * (wanted / target) * (1 + 1e-15)
                assert largest >= high * (wanted / target) * (1 - 1e-15)
                assert largest <= high * (wanted / target) * (1 + 1e-9)


def test_sparse_moments_equal_dense_ones_where_both_are_exact() -> None:
    X = rows(60, 8)
    dense, thin = moments(X), moments(sparse.csr_array(X))
    assert thin.exact
    np.testing.assert_allclose(thin.r1, dense.r1, rtol=1e-14)
    np.testing.assert_allclose(thin.r2_squared, dense.r2_squared, rtol=1e-14)
    np.testing.assert_allclose(thin.gram, dense.gram, rtol=1e-12, atol=1e-14)
    assert thin.largest == pytest.approx(dense.largest, rel=1e-12)
    assert thin.smallest == pytest.approx(dense.smallest, rel=1e-9)


@pytest.mark.parametrize("make", [np.ascontiguousarray, sparse.csr_array])
@pytest.mark.parametrize("seed", range(5))
def test_bounds_without_eigenvalues_are_valid(make, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT_SIDE", 2)
    monkeypatch.setattr(module, "EXACT_SPARSE_SIDE", 2)
    X = rows(30, 6, seed)
    found = moments(make(X))
    largest = np.linalg.eigvalsh(X.T @ X / 30)[-1]
    assert not found.exact
    assert found.gram is None
    assert found.smallest == 0.0
    assert largest <= found.largest <= np.mean(found.r2_squared) * (1 + 1e-9)


def test_bound_is_attained_by_disjoint_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT_SPARSE_SIDE", 2)
    assert moments(sparse.csr_array(np.eye(6))).largest == pytest.approx(1 / 6, rel=1e-11)


def test_row_sums_and_blocks() -> None:
    X = sparse.csr_array(np.array([[0, 0, 0], [1, 0, 2], [0, 0, 0], [0, 5, 0], [0, 0, 0]], dtype=float))
    assert row_sums(X.data, X.indptr).tolist() == [0, 3, 0, 5, 0]
    for n, d, entries in [(10, 3, 9), (10, 100, 9), (0, 3, 9), (5, 1, 100)]:
        blocks = list(row_blocks(n, d, entries))
        assert [i for block in blocks for i in range(block.start, block.stop)] == list(range(n))
