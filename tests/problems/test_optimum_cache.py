from pathlib import Path

import numpy as np
import pytest

from lpbench.problems import cache, empirical
from lpbench.registry import problems

CHOICES = {"problem": "squared_hinge", "dataset": "gaussian", "dimension": 5, "n_samples": 60}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LPBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def solves(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever an optimum is computed."""
    calls: list[int] = []
    original = empirical.solve

    def counted(*args, **kwargs):
        calls.append(1)
        return original(*args, **kwargs)

    monkeypatch.setattr(empirical, "solve", counted)
    return calls


def build():
    return problems.get(CHOICES["problem"]).build(CHOICES)


def test_second_build_reads_the_first_one(folder: Path, solves: list[int]) -> None:
    first, second = build(), build()
    assert len(solves) == 1
    assert [path.name for path in (folder / "optima").iterdir()] == [f"{first.key}.npz"]
    np.testing.assert_array_equal(first.w_star, second.w_star)
    assert first.constants == second.constants
    assert first.constant_kinds == second.constant_kinds
    assert (first.f_star, first.optimum_gradient_norm) == (second.f_star, second.optimum_gradient_norm)
    assert all(type(value) is float for value in second.constants.values())


def flip(content: bytes) -> bytes:
    middle = content.index(b"w_star") + 200
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage", [lambda c: b"", lambda c: c[: len(c) // 2], lambda c: b"not an archive", flip, lambda c: c[:-1]]
)
def test_damaged_file_is_computed_anew(folder: Path, solves: list[int], damage) -> None:
    first = build()
    path = cache.optimum_file(first.key)
    path.write_bytes(damage(path.read_bytes()))
    np.testing.assert_array_equal(build().w_star, first.w_star)
    assert len(solves) == 2
    assert cache.load(first.key, 5) is not None


def test_file_of_another_version_or_shape_is_computed_anew(folder: Path, solves: list[int]) -> None:
    first = build()
    with np.load(cache.optimum_file(first.key)) as stored:
        kept = dict(stored)
    for change in (
        {"version": -1},
        {"w_star": np.zeros(4)},
        {"w_star": np.full(5, np.nan)},
        {"kinds": kept["kinds"][1:]},
    ):
        np.savez(cache.optimum_file(first.key), **(kept | change))
        np.testing.assert_array_equal(build().w_star, first.w_star)
    assert len(solves) == 5


def test_a_folder_that_cannot_be_made_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LPBENCH_CACHE", str(tmp_path / "file"))
    assert build().optimum_gradient_norm <= 1e-12
    assert "not cached" in caplog.text


def test_a_failed_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(cache.np, "savez", full)
    build()
    assert list((folder / "optima").iterdir()) == []
