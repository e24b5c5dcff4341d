"""Tiny problems and cells on them, made by hand: what the tests of kernels run."""

from typing import Any

import numpy as np
import scipy.sparse

from lpbench.algorithms.base import Setup
from lpbench.cells.binding import setup
from lpbench.convex.drive import GAP, ITERATE_GAP, RECORDED
from lpbench.problems.base import LOGISTIC, QUADRATIC, SOFTMAX, SQUARED, SQUARED_HINGE, Problem
from lpbench.registry import algorithms, formats

CHOICES = {
    "algorithm": "lp_sgd", "format": "fixed", "precision": 6, "exponent_bits": None, "block_size": None,
    "subnormals": True, "limit": 1.5, "rounding": "stochastic", "random_bits": None, "compute_dtype": "float64",
    "batch_size": 1, "schedule": "constant", "step_size": 0.1, "seed": 3, "start": "zero", "inner_steps": None,
    "snapshot": None, "mu": None, "average_start": None, "average_every": None,
}  # fmt: skip


def problem(
    loss: str, sparse: bool = False, regularization: float = 0.1, noise_kind: str = "sparse"
) -> Problem:
    """12 samples (5 columns, 3 classes of softmax); w_star is not the optimum: kernels do not ask."""
    generator = np.random.default_rng(1)
    X, n, d = generator.standard_normal((12, 5)), 12, 5
    X[generator.random(X.shape) < 0.4] = 0.0
    classes = 3 if loss == SOFTMAX else 1
    y = {
        SQUARED: generator.standard_normal(n),
        LOGISTIC: generator.choice([-1.0, 1.0], n),
        SQUARED_HINGE: generator.choice([-1.0, 1.0], n),
        SOFTMAX: generator.integers(0, 3, n).astype(np.float64),
        QUADRATIC: np.zeros(0),
    }[loss]
    quadratic = loss == QUADRATIC
    return Problem(
        key="tiny", loss=loss, X=None if quadratic else scipy.sparse.csr_array(X) if sparse else X, y=y,
        n_classes=classes, regularization=0.0 if quadratic else regularization,
        w_star=generator.uniform(-0.7, 0.7, d * classes), f_star=0.0,
        optimum_gradient_norm=0.0, constants={"L": 4.0, "L_f": 2.0, "mu": 0.5, "w_max": 0.7}, n_samples=n, dimension=d,
        h=np.array([1.0, 0.5, 0.3, 0.2, 0.1]) if quadratic else None, noise=0.6 if quadratic else None,
        noise_kind=noise_kind if quadratic else None,
    )  # fmt: skip


def ready(on: Problem, **choices: Any) -> Setup:
    """A cell on the problem; choices as numbers, the format's defaults filled in."""
    chosen = CHOICES | choices
    if chosen["format"] == "none":
        chosen |= {
            "rounding": None,
            "limit": None,
            "precision": 32 if chosen["compute_dtype"] == "float32" else 64,
        }
    else:
        chosen |= formats.get(chosen["format"]).defaults(chosen)
    return setup(chosen, on)


def walk(cell: Setup, steps: int, stride: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cell's output and iterate after every `stride` steps, each (points, n), and the recorded rows."""
    stops = np.arange(0, steps + 1, stride)
    rows, outputs, iterates = np.zeros((stops.size, RECORDED)), [], []
    with np.errstate(over="ignore"):
        advance = algorithms.get(cell.choices["algorithm"])().prepare(cell)
        for p in range(stops.size):
            advance(stops, np.arange(stops.size), p, p + 1, rows)
            outputs.append(cell.run.look.output.copy())
            apart = rows[p, GAP] != rows[p, ITERATE_GAP]
            iterates.append((cell.run.look.iterate if apart else cell.run.look.output).copy())
    return np.array(outputs), np.array(iterates), rows


# One line a compiled kernel; each brings variants that change nothing but values.
FIXED, FLOAT, LOG, BLOCK = (
    {"format": "fixed", "precision": 6}, {"format": "float", "precision": 6}, {"format": "log", "precision": 7},
    {"format": "block", "precision": 5, "block_size": 2},
)  # fmt: skip
SVRG = {"inner_steps": 7, "snapshot": "last"}
SWALP = {"average_start": 3, "average_every": 2}
F32, F64 = {"compute_dtype": "float32"}, {"compute_dtype": "float64"}
BATCH = {"batch_size": 3}
SUMS = {"sum_format": "float(precision=8,exponent_bits=5)", "sum_chunk": 2, "sum_rounding": "stochastic"}
KERNELS: dict[str, tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = {
    "lp_sgd squared fixed": ({"loss": SQUARED}, {**FIXED, **F64}, [{}, BATCH, {"limit": 0.2}, {"random_bits": 4}]),
    "lp_sgd squared fixed 32": ({"loss": SQUARED}, {**FIXED, **F32}, [{}, BATCH]),
    "lp_sgd logistic sparse float": (
        {"loss": LOGISTIC, "sparse": True, "regularization": 0.0}, {**FLOAT, **F64}, [{}, BATCH, {"limit": 0.3}],
    ),
    "lp_sgd softmax block 32": ({"loss": SOFTMAX}, {**BLOCK, **F32}, [{}, BATCH]),
    "swalp quadratic log": ({"loss": QUADRATIC}, {"algorithm": "swalp", **SWALP, **LOG, **F64}, [{}, BATCH]),
    "halp squared fixed": (
        {"loss": SQUARED}, {"algorithm": "halp", **SVRG, **FIXED, **F64},
        [{}, {"snapshot": "random"}, {"snapshot": "average"}, {"mu": 2.0} | BATCH],
    ),
    "lp_sgd logistic sums": ({"loss": LOGISTIC}, {**FIXED, **F64, **SUMS}, [{}, BATCH, {"sum_chunk": 1}]),
    "halp softmax sparse sums": (
        {"loss": SOFTMAX, "sparse": True}, {"algorithm": "halp", **SVRG, **FIXED, **F64, **SUMS}, [{}, BATCH],
    ),
}  # fmt: skip
SLOW: dict[str, tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = {
    "sgd hinge decreasing": (
        {"loss": SQUARED_HINGE}, {"algorithm": "sgd", "format": "none", "schedule": "decreasing", **F64}, [{}, BATCH],
    ),
    "lp_svrg logistic fixed": (
        {"loss": LOGISTIC, "regularization": 2.0}, {"algorithm": "lp_svrg", **SVRG, **FIXED, **F64},
        [{}, {"snapshot": "random"}, {"snapshot": "average"} | BATCH],
    ),
    "svrg softmax 32": ({"loss": SOFTMAX}, {"algorithm": "svrg", **SVRG, "format": "none", **F32}, [{}, BATCH]),
    "halp logistic sparse float 32": (
        {"loss": LOGISTIC, "sparse": True}, {"algorithm": "halp", **SVRG, **FLOAT, **F32}, [{}, BATCH],
    ),
    "lp_sgd quadratic log": ({"loss": QUADRATIC}, {**LOG, **F64}, [{}, BATCH]),
    "swalp squared float 32": ({"loss": SQUARED}, {"algorithm": "swalp", **SWALP, **FLOAT, **F32}, [{}, BATCH]),
    "lp_sgd squared nearest 32": ({"loss": SQUARED}, {**FIXED, "rounding": "nearest_even", **F32}, [{}]),
    "lp_sgd squared nearest": ({"loss": SQUARED}, {**FIXED, "rounding": "nearest_even", **F64}, [{}]),
    "lp_sgd hinge toward zero float": ({"loss": SQUARED_HINGE}, {**FLOAT, "rounding": "toward_zero", **F64}, [{}]),
    "lp_sgd squared block": ({"loss": SQUARED}, {**BLOCK, **F64}, [{}, BATCH]),
    "lp_sgd softmax sparse fixed": ({"loss": SOFTMAX, "sparse": True}, {**FIXED, **F64}, [{}, BATCH]),
    "lp_sgd logistic sparse regularised": ({"loss": LOGISTIC, "sparse": True}, {**FIXED, **F64}, [{}, BATCH]),
    "lp_sgd quadratic dense noise": ({"loss": QUADRATIC, "noise_kind": "dense"}, {**FIXED, **F64}, [{}, BATCH]),
    "lp_sgd squared fp16 32": ({"loss": SQUARED}, {"format": "fp16", "limit": None, **F32}, [{}]),
    "sgd squared": ({"loss": SQUARED}, {"algorithm": "sgd", "format": "none", **F64}, [{}, BATCH]),
    "swalp logistic fixed": ({"loss": LOGISTIC}, {"algorithm": "swalp", **SWALP, **FIXED, **F64}, [{}, BATCH]),
    "lp_svrg softmax float": (
        {"loss": SOFTMAX}, {"algorithm": "lp_svrg", **SVRG, **FLOAT, **F64}, [{}, {"snapshot": "average"} | BATCH],
    ),
    "lp_svrg squared log": (
        {"loss": SQUARED}, {"algorithm": "lp_svrg", **SVRG, **LOG, **F64}, [{}, {"snapshot": "random"}],
    ),
    "svrg hinge": ({"loss": SQUARED_HINGE}, {"algorithm": "svrg", **SVRG, "format": "none", **F64}, [{}, BATCH]),
    "halp quadratic block": (
        {"loss": QUADRATIC}, {"algorithm": "halp", **SVRG, **BLOCK, **F64}, [{}, {"snapshot": "average"}],
    ),
    "halp softmax log": ({"loss": SOFTMAX}, {"algorithm": "halp", **SVRG, **LOG, **F64}, [{}, BATCH]),
}  # fmt: skip
