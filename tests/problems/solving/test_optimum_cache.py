from pathlib import Path

import numpy as np
import pytest

from lpbench.arithmetic import jit
from lpbench.problems import empirical
from lpbench.problems.solving import cache
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
    assert list((folder / "optima").rglob("*.*")) == [cache.optimum_file(first.key)]
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
    build()
    assert len(solves) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: {"w_star": np.zeros(4)},
        lambda kept: {"w_star": kept["w_star"].astype(np.float32)},
        lambda kept: {"w_star": np.full(5, np.nan)},
        lambda kept: {"w_star": kept["w_star"] * (1 + 1e-6)},  # beside the norm of the true optimum
        lambda kept: {"w_star": np.nextafter(kept["w_star"], 1.0)},  # optimal to 1e-12, not to the last digit
        lambda kept: {"scalars": kept["scalars"] * [1 + 1e-15, 1]},
        lambda kept: {"kinds": kept["kinds"][1:]},
        lambda kept: {"constants": kept["constants"] * np.nan},
        lambda kept: {"constants": kept["constants"][1:]},
    ],
)
def test_what_is_not_the_optimum_is_computed_anew(
    folder: Path, solves: list[int], change, caplog: pytest.LogCaptureFixture
) -> None:
    first = build()
    with np.load(cache.optimum_file(first.key)) as stored:
        kept = dict(stored)
    np.savez(cache.optimum_file(first.key), **(kept | change(kept)))
    second = build()
    assert len(solves) == 2
    assert f"problem {first.key} is not used" in caplog.text
    np.testing.assert_array_equal(second.w_star, first.w_star)
    assert second.constants == first.constants
    assert (second.f_star, second.optimum_gradient_norm) == (first.f_star, first.optimum_gradient_norm)


def test_what_a_wrong_solver_left_is_solved_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its gradient norm is that of its weights, but they are no optimum."""
    solve = empirical.solve
    with monkeypatch.context() as wrong:
        wrong.setattr(empirical, "solve", lambda *given: (solve(*given)[0] + 1e-3, 0.0))
        assert build().optimum_gradient_norm > 1e-6
    assert build().optimum_gradient_norm <= 1e-12
    assert "its weights are no optimum" in caplog.text


def test_what_other_sources_left_is_not_read(
    folder: Path, solves: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plug-in may be the problem or the dataset: an edit of it is another version, as one of lpbench's own is."""
    build()
    plugin = tmp_path / "mine.py"
    monkeypatch.setattr(jit.registry, "plugin_files", lambda: [plugin])
    for count, text in enumerate(("x = 1", "x = 2"), start=2):
        plugin.write_text(text)
        build()
        assert len(solves) == count
    build()
    assert len(solves) == 3


def test_a_folder_that_cannot_be_made_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "file")
    assert build().optimum_gradient_norm <= 1e-12
    assert "not cached" in caplog.text


def test_a_failed_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(cache.np, "savez", full)
    build()
    assert [path for path in (folder / "optima").rglob("*") if path.is_file()] == []
