"""Weights of stored cells, and their error on samples that they did not see."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lpbench.cells.run import run_cell
from lpbench.choices.cell import make_cell
from lpbench.choices.grid import single
from lpbench.claims import reproduce
from lpbench.claims.base import claims
from lpbench.claims.cells import Cells
from lpbench.claims.papers import held_out
from lpbench.errors import ConfigError, LpbenchError
from lpbench.problems.build import build

CHOICES = {
    "problem": "logistic_regression", "dataset": "breast_cancer", "n_samples": 400, "algorithm": "lp_sgd", "epochs": 2,
    "record_points": 4, "even_points": 4,
}  # fmt: skip


def stored(folder: Path, **more) -> tuple[Cells, dict]:
    cell = make_cell(single({**CHOICES, **more}))
    row = run_cell(cell).row
    return Cells([row], 1, folder, lambda cell_id: {}, {cell.cell_id: cell.choices}), row


@pytest.mark.usefixtures("in_python")
def test_the_weights_are_those_of_the_cell(tmp_path: Path) -> None:
    cells, row = stored(tmp_path)
    epochs, errors = held_out.errors_of(cells, [row])
    assert (epochs[0], epochs[-1], errors.shape) == (0, 2, (1, held_out.POINTS))
    problem = build(CHOICES)
    samples = held_out.held_out(cells.choices[row["cell_id"]], problem)
    assert samples.X.shape == (569 - 400, problem.dimension)
    # Trained weights err rarely, and the optimum's own error is what they come near to.
    assert errors[0, -1] < 0.15
    assert abs(errors[0, -1] - held_out.error(problem.w_star, 1, samples)) < 0.05


@pytest.mark.usefixtures("in_python")
def test_errors_are_kept_and_another_run_is_refused(tmp_path: Path) -> None:
    cells, row = stored(tmp_path, n_samples=100)
    first = held_out.errors_of(cells, [row])[1]
    (tmp_path / held_out.KEPT).write_text(
        (tmp_path / held_out.KEPT).read_text().replace(str(first[0, -1]), "0.5")
    )
    assert held_out.errors_of(cells, [row])[1][0, -1] == 0.5
    changed = {**row, "final_gap": row["final_gap"] * 2, "digest": "another"}
    with pytest.raises(LpbenchError, match="run again it ends elsewhere"):
        held_out.errors_of(cells, [changed])


def test_the_largest_of_three_margins_decides() -> None:
    samples = held_out.Samples(np.eye(3), np.array([0.0, 1.0, 0.0]))
    assert held_out.error(np.eye(3).ravel(), 3, samples) == pytest.approx(1 / 3)
    assert held_out.error(np.array([1.0, 1.0, -1.0]), 1, samples) == pytest.approx(1 / 3)


def test_something_must_be_held_out(tmp_path: Path) -> None:
    whole = {**CHOICES, "n_samples": None, "data_seed": 0}
    with pytest.raises(ConfigError, match="no sample is held out"):
        held_out.held_out(whole, build(whole))


def test_test_samples_are_scaled_as_the_training_samples() -> None:
    problem = build(CHOICES)
    moved = replace(problem, X=problem.X * 1.01)
    with pytest.raises(LpbenchError, match="cannot be scaled"):
        held_out.held_out({**CHOICES, "data_seed": 0}, moved)


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def mnist_folder(folder: Path, with_test: bool = True) -> Path:
    """Two classes of 4 x 4 images that a linear model tells apart, as MNIST's files."""
    random = np.random.default_rng(0)
    for part, count in (("train", 150), ("t10k", 60))[: 1 + with_test]:
        classes = (np.arange(count) % 2).astype(np.uint8)
        images = random.integers(0, 60, (count, 4, 4), dtype=np.uint8)
        images[np.arange(count), classes] += 120
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(classes))
    return folder


@pytest.mark.usefixtures("in_python")
def test_mnist_from_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = mnist_folder(tmp_path)
    monkeypatch.setattr(claims.get("mnist"), "quick", ("epochs=1",))
    result = reproduce.reproduce(claims.get("mnist")(), tmp_path / "runs", 1, True, path=str(data))
    assert (result.cells, result.bad) == (4, [])
    assert result.command == f"lpbench reproduce mnist --quick --seeds 1 --path {data}"
    assert "HALP, 8 bits 0.00 %" in result.remarks[0]


def test_mnist_without_test_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds neither t10k-images-idx3-ubyte nor"):
        held_out.read_test(mnist_folder(tmp_path, with_test=False))
