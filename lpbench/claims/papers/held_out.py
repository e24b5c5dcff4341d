"""The test error of a stored cell: the same run once more, judged on samples that it did not see.

A sweep keeps no weights. But a cell has the same bits wherever it runs, so its weights come from running it again, and
the stored final gap says that they are the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lpbench import registry
from lpbench.cells.binding import resolve, setup
from lpbench.claims.cells import Cells, Row
from lpbench.convex.drive import GAP, RECORDED
from lpbench.datasets.base import CLASSIFICATION
from lpbench.datasets.mnist import TEST_IMAGES, TEST_LABELS, find_idx, read_idx
from lpbench.errors import ConfigError, LpbenchError
from lpbench.problems.base import Problem
from lpbench.problems.build import build
from lpbench.store.files import replace_bytes

POINTS = 31  # at which the test error is taken, evenly spaced over the run
CALL_UPDATES = 10_000_000  # coordinates times steps of one kernel call, so that Ctrl-C is answered
KEPT = "errors_of.json"


class Samples(NamedTuple):
    """Features, (n, d), and class indices, (n,)."""

    X: np.ndarray
    y: np.ndarray


def errors_of(cells: Cells, rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Epochs (POINTS,) and test errors (rows, POINTS), from 0 to 1, of cells of one problem.

    What was computed once is kept beside the cells. Raises ConfigError for test files that cannot be read.
    """
    path = cells.folder / KEPT
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    samples: Samples | None = None
    for row in rows:
        if row["digest"] not in kept:
            choices = cells.choices[row["cell_id"]]
            samples = samples or held_out(choices, build(choices))
            kept[row["digest"]] = _again(choices, row, samples)
            replace_bytes(path, json.dumps(kept).encode())
    found = [kept[row["digest"]] for row in rows]
    return np.array(found[0]["epochs"]), np.array([one["errors"] for one in found])


def _again(choices: Mapping[str, Any], row: Row, samples: Samples) -> dict[str, list[float]]:
    """Run a cell again, and take the error on `samples` on the way; raises LpbenchError if it is not the same run."""
    problem = build(choices)
    ready = setup(resolve(dict(choices), problem), problem)
    advance = registry.algorithms.get(choices["algorithm"])().prepare(ready)
    steps = row["steps"]
    wanted = np.unique(np.linspace(0, steps, POINTS).astype(np.int64))
    between = np.arange(0, steps, max(1, CALL_UPDATES // ready.start.size), dtype=np.int64)
    stops = np.union1d(wanted, between)
    rows = np.where(np.isin(stops, wanted), 0, -1)
    trace, errors = np.zeros((1, RECORDED)), []
    advance(stops, rows, 0, 0, trace)
    for i in range(stops.size):
        advance(stops, rows, i, i + 1, trace)
        if rows[i] == 0:
            errors.append(error(ready.run.look.output, problem.n_classes, samples))
    if trace[0, GAP] != row["final_gap"]:
        raise LpbenchError(
            f"{row['cell_id']}: run again it ends elsewhere; it was stored by another lpbench (--force)"
        )
    return {"epochs": (wanted * (choices["batch_size"] / problem.n_samples)).tolist(), "errors": errors}


def error(w: np.ndarray, n_classes: int, samples: Samples) -> float:
    """The share of samples whose largest margin (of two classes: the sign) is not that of their class; w (K d,)."""
    margins = samples.X @ w.reshape(n_classes, -1).T
    predicted = margins[:, 0] > 0 if n_classes == 1 else margins.argmax(axis=1)
    return float(np.mean(predicted != samples.y))


def held_out(choices: Mapping[str, Any], problem: Problem) -> Samples:
    """The test samples: of mnist its test files, of other data those that `n_samples` leaves out.

    Scaled by what the training samples say of mean, spread and norm; raises LpbenchError where that does not make the
    problem's own rows of the training samples.
    """
    data = registry.datasets.get(choices["dataset"]).load(choices, CLASSIFICATION)
    drawn = np.zeros(len(data.y), bool)
    chosen = np.random.default_rng([choices["data_seed"] or 0, 0]).permutation(len(data.y))
    drawn[chosen[: choices["n_samples"] or len(data.y)]] = True
    if choices["dataset"] == "mnist":
        test = read_test(Path(choices["path"]))
    elif drawn.all():
        raise ConfigError("no sample is held out: n_samples must be less than the data have")
    else:
        test = Samples(data.X[~drawn], data.y[~drawn])
    training, rows = data.X[drawn], np.asarray(problem.X)
    if not np.allclose(scaled(training, training), rows, rtol=1e-9, atol=1e-12):
        raise LpbenchError(
            "test samples cannot be scaled as the training samples were: choose scaling=max_norm"
        )
    return Samples(scaled(test.X, training), test.y)


def scaled(X: np.ndarray, training: np.ndarray) -> np.ndarray:
    """X (n, d) as scaling=max_norm makes it of `training`: (n, d + 1), the last column that of ones."""
    mean, spread = training.mean(axis=0), training.std(axis=0)
    varies = spread > 1e-12 * np.abs(training).max(axis=0)

    def standardised(rows: np.ndarray) -> np.ndarray:
        columns = np.where(varies, (rows - mean) / np.where(varies, spread, 1.0), 0.0)
        return np.column_stack([columns, np.ones(len(rows))])

    largest = np.sqrt(np.square(standardised(training)).sum(axis=1).max())
    return np.ascontiguousarray(standardised(X) / largest)


def read_test(folder: Path) -> Samples:
    """MNIST's test images and labels, from IDX files, plain or .gz; raises ConfigError."""
    images, labels = read_idx(find_idx(folder, TEST_IMAGES), 3), read_idx(find_idx(folder, TEST_LABELS), 1)
    if len(images) != len(labels):
        raise ConfigError(f"{folder}: {len(images)} test images and {len(labels)} labels")
    return Samples(images.reshape(len(images), -1).astype(np.float64), labels.astype(np.float64))
