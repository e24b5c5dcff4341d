"""Steps of networks: batch 64, every tensor rounded stochastically to 8 bits, beside torch and qtorch; one core."""

from __future__ import annotations

import statistics
import threading
import time
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.report import Figure
from benchmarks.timing import Times, in_turns

STEPS, REPETITIONS = 300, 7
# Name: shape of a sample, dimension.
NETWORKS: dict[str, tuple[tuple[int, ...], int | None]] = {
    "mlp": ((40,), 100),
    "cnn": ((40, 1), 25),
    "lenet": ((28, 28, 1), None),
}
ALL = dict.fromkeys(
    ("activation_format", "error_format", "gradient_format", "momentum_format", "master_format"), "same"
)
WAYS: dict[str, dict[str, Any]] = {
    "float32": {"algorithm": "sgd"},
    "block8, all tensors": {"format": "block", "block_size": 16, **ALL},
    "e4m3, all tensors": {"format": "fp8_e4m3", **ALL},
}
CHOICES: dict[str, Any] = {
    "algorithm": "lp_sgd", "format": "none", "precision": 8, "exponent_bits": None, "block_size": None,
    "subnormals": True, "limit": None, "rounding": "stochastic", "random_bits": None, "step_size": 0.01,
    "schedule": "constant",
    "warmup": 0, "momentum": 0.9, "second_momentum": None, "weight_decay": 0.0, "loss_scale": 1.0,
    "compensation": "none", "full_precision": None, "batch_size": 64, "sampling": "shuffled",
    "compute_dtype": "float32", "seed": 0, "average_every": None, "average_start": None,
}  # fmt: skip
TORCH = {"mlp": 0.25, "cnn": 0.25, "lenet": 0.6}  # targets: of a step of torch in float32
QTORCH = {"mlp": 40.0, "cnn": 20.0}  # times as fast as qtorch
OWN, TWO, SEEDS = (
    1.5,
    1.8,
    8.0,
)  # of its own float32; two threads over one; seconds of 64 seeds of 1,500 steps
WIDE = 2048


def cell(name: str, steps: int, **changes: Any) -> Any:
    """A cell under way, on random data."""
    from lpbench.cells.networks import Training
    from lpbench.cells.points import points
    from lpbench.problems.network import TrainingSet
    from lpbench.registry import problems

    shape, dimension = NETWORKS[name]
    random = np.random.default_rng(0)
    X = random.standard_normal((4000, *shape)).astype(np.float32)
    y = random.integers(10, size=4000)
    choices = {**CHOICES, "dataset": "random", "dimension": dimension, "depth": 2, "steps": steps, **changes}
    net = _layers(problems.get(name), shape, choices)
    problem = TrainingSet("benchmark", tuple(net), X, y, X[:1000], y[:1000], 10, dimension or 1)
    return Training(choices, problem, points(steps, 0, 1, 0))


def _layers(problem: Any, shape: tuple[int, ...], choices: dict[str, Any]) -> list[Any]:
    from lpbench.networks.architecture import cnn, lenet, mlp

    if problem.name == "mlp":
        return mlp(shape, 10, choices["dimension"], choices["depth"])
    return cnn(shape, 10, choices["dimension"]) if problem.name == "cnn" else lenet(shape, 10)


def going(name: str, steps: int, repetitions: int, **changes: Any) -> Any:
    """A function that carries a cell on by so many steps."""
    found, now = cell(name, steps * (repetitions + 2), **changes), 0

    def run() -> None:
        nonlocal now
        now += steps
        found.advance(np.array([now]), np.array([-1]), 0, 1)

    return run


def measure(python: str, smoke: bool) -> list[Figure]:
    """A step of each network in each way, beside the same step of torch and of qtorch; two threads; the product."""
    steps, repetitions = (3, 1) if smoke else (STEPS, REPETITIONS)
    asked, reason = peers.ask(python, "networks", {"steps": steps, "repetitions": repetitions})
    peer = {name: statistics.median(seconds) for name, seconds in (asked or {}).items() if seconds}
    figures: list[Figure] = []
    for name in NETWORKS:
        actions = {way: going(name, steps, repetitions, **changes) for way, changes in WAYS.items()}
        times = in_turns(actions, repetitions)
        figures += _steps(name, times, steps, peer, reason)
    # Long enough that the start of a thread, and what else the machine does in a moment, do not count.
    return [*figures, *_threads(20 * steps), *_seeds(smoke), *_product(smoke)]


def _steps(
    name: str, times: dict[str, Times], steps: int, peer: dict[str, float], reason: str
) -> list[Figure]:
    figures = []
    torch = peer.get(f"{name}: torch")
    per = 1e6 / steps
    figures.append(
        Figure("networks", f"{name}: torch, float32", torch and torch * per, "us a step", note=reason)
    )
    own = times["float32"].median
    for way, found in times.items():
        label = f"{name}: {way}"
        figures.append(Figure("networks", label, found.median * per, "us a step", found.best * per))
        if torch:
            target = None if way == "float32" else TORCH[name]
            figures.append(Figure("networks", f"{label}, of torch", found.median / torch, "", target=target))
        if way != "float32":
            figures.append(Figure("networks", f"{label}, of its float32", found.median / own, "", target=OWN))
            theirs = peer.get(f"{name}: qtorch, {way.partition(',')[0]}")
            if theirs:
                few = max(1, steps // 10)
                times_as_fast = theirs / few / (found.median / steps)
                figures.append(
                    Figure(
                        "networks",
                        f"{label}, times as fast as qtorch",
                        times_as_fast,
                        "",
                        target=QTORCH.get(name),
                        least=True,
                    )
                )
    return figures


def _threads(steps: int) -> list[Figure]:
    """Two cells on two threads, over one cell on one."""
    ratios = []
    for _ in range(3):
        alone, together = going("mlp", steps, 3), [going("mlp", steps, 3) for _ in range(2)]
        for one in (alone, *together):
            one()
        start = time.perf_counter()
        alone()
        middle = time.perf_counter()
        threads = [threading.Thread(target=one) for one in together]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ratios.append(2 * (middle - start) / (time.perf_counter() - middle))
    return [
        Figure("networks", "mlp: two threads over one", statistics.median(ratios), "", max(ratios), TWO, True)
    ]


def _seeds(smoke: bool) -> list[Figure]:
    """64 seeds of the MLP, 1,500 steps each with what is judged, block8 in all tensors: seconds of one core."""
    from lpbench.cells.points import stops

    seeds, steps = (2, 3) if smoke else (64, 1500)
    start = time.process_time()
    for seed in range(seeds):
        found = cell("mlp", steps, seed=seed, **WAYS["block8, all tensors"])
        where, rows = stops(found.points.steps, steps)
        found.advance(where, rows, 0, where.size)
    return [
        Figure(
            "networks",
            f"{seeds} seeds of the mlp, {steps} steps",
            time.process_time() - start,
            "s",
            target=SEEDS,
        )
    ]


def _product(smoke: bool) -> list[Figure]:
    """The product of a wide layer, 64 x 2048 by 2048 x 2048, beside numpy's."""
    from lpbench.arithmetic.jit import kernel
    from lpbench.arithmetic.tiles import ROOM, rows_into

    width = 64 if smoke else WIDE
    random = np.random.default_rng(0)
    A, B = (random.standard_normal((rows, width)).astype(np.float32) for rows in (64, width))
    C, offset, room = np.zeros(64 * width, np.float32), np.arange(64) * width, np.zeros(ROOM, np.float32)

    def product(A: Any, offset: Any, B: Any, width: Any, C: Any, room: Any) -> None:
        rows_into(A, 0, offset, offset.size, B, 0, width, C, 0, width, room)

    compiled = kernel(product)
    times = in_turns(
        {
            "ours": lambda: compiled(A.ravel(), offset, B.ravel(), width, C, room),
            "numpy": lambda: np.matmul(A, B),
        },
        3 if smoke else 15,
    )
    work = 2e-9 * 64 * width * width
    return [
        Figure(
            "networks",
            f"product, 64 x {width} by {width} x {width}: {name}",
            work / found.median,
            "GFLOP/s",
            work / found.best,
        )
        for name, found in times.items()
    ]
