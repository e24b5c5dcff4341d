"""A small store for the tests of the dashboard: made-up cells in milliseconds, and a running sweep of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_results import fake_cell, fake_result
from measured_speed import measured

from lpbench.claims import reproduce
from lpbench.claims.base import claims
from lpbench.store import history, measurements
from lpbench.store.writer import SweepWriter

CONSTANTS = {
    "L": 1.0, "mu": 0.1, "L_f": 0.5, "L_1": 2.0, "L_1_avg": 1.0, "gamma": 2.0, "sigma": 0.5, "sigma_1": 1.0, "s_1": 1.5,
    "sigma_w": 0.2, "L_w": 0.6, "w_max": 0.5, "w_norm": 1.0, "weights": 16, "quadratic": True,
    "optimum_gradient_norm": 0.0,
}  # fmt: skip


def results(**more: Any) -> list[Any]:
    """96 cells: 2 algorithms, 2 formats, 3 precisions, 2 dimensions, 4 seeds; one has diverged, one failed."""
    found = []
    for algorithm, scale in (("lp_sgd", 1.0), ("halp", 1e-3)):
        for number_format in ("fixed", "float"):
            for precision in (4, 6, 8):
                for dimension in (16, 64):
                    for seed in range(4):
                        cell = fake_cell(
                            seed, precision, algorithm=algorithm, format=number_format, dimension=dimension,
                            exponent_bits=3 if number_format == "float" else None, rounding="stochastic", limit=1.0,
                            step_size=0.01, batch_size=1, schedule="constant", **more,
                        )  # fmt: skip
                        value = scale * 2.0**-precision * (1 + 0.1 * seed)
                        result = fake_result(cell, value=value, steps=[0, 1, 2, 5, 10, 20, 50, 100])
                        result.row |= CONSTANTS | {
                            "mean_gap": value / 50,
                            "bound": value / 10,
                            "bound_ratio": 0.2,
                            "bound_kind": "1c",
                        }
                        result.row |= {
                            "noise_ball": value / 20,
                            "noise_ball_earlier": value / 20 * dimension / 16,
                        }
                        result.row |= {"noise_ball_dimension_free": value / 20, "bound_basis": "certified"}
                        found.append(result)
    found[3].row |= {"status": "diverged", "noise_floor": float("nan")}
    found[7].row |= {"status": "failed", "error": "no such file", "noise_floor": None}
    found[7].trace = {"step": np.zeros(0, np.int64)}
    return found


def write(runs: Path, name: str, cells: list[Any]) -> Path:
    """A finished sweep of these results."""
    folder = runs / name
    call = {"overrides": ["precision=4,6,8"], "config_dir": None, "skip_invalid": False}
    with SweepWriter(folder, [call], len(cells), {}) as store:
        for result in cells:
            store.put(result)
    return folder


def checked(run: int) -> list[dict[str, Any]]:
    """A check of a configuration for each precision, of which one has a noise floor that doubles."""
    told = {"run": f"check-{run}", "checked_at": f"2026-10-0{run + 1}", "platform": "linux", "sweep": "made"}
    found = []
    for precision in (4, 6, 8):
        floor = 2.0**-precision * (1 + run * (precision == 6))
        row = {
            "config_id": f"bits{precision}",
            "precision": precision,
            "algorithm": "halp",
            "format": "fixed",
        }
        found.append(
            {**told, **row, "verdict": "same", "floor": floor, "floor_q10": floor / 2, "floor_q90": 2 * floor}
        )
    return found


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sweep `made`, two checks of it, a claim that was reproduced, and two measurements of speed."""
    folder = tmp_path_factory.mktemp("dashboard") / "runs"
    write(folder, "made", results())
    for run in range(2):
        history.append(folder / history.FOLDER, f"check-{run}", checked(run))
    reproduce.reproduce(claims.get("bits_flat")(), folder)  # formulas alone: nothing is trained
    for day in (1, 2):
        measurements.keep(measured(f"2026-12-0{day}T00:00:00.000+00:00"), measurements.prepare(folder))
    return folder


@pytest.fixture(scope="session")
def writing() -> Callable[..., Path]:
    """`write`, for tests that need stores of their own."""
    return write
