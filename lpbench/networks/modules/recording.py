"""`record`: a training loop of one's own writes a sweep, with what rounding does to each tensor."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import orjson
import torch

from lpbench.arithmetic.arrays import Matrix
from lpbench.declared.choices import CHOICES
from lpbench.errors import ConfigError, SweepBusy, did_you_mean, last_line
from lpbench.networks.modules.optimizer import Optimizer
from lpbench.networks.tensors import columns
from lpbench.provenance import now, provenance
from lpbench.store import SweepWriter
from lpbench.store.folder import sweep_folder

LOGGED = ("train_loss", "test_loss", "test_error")
# What is shown and compared of the run: the first of these that was logged.
RESULTS = ("test_error", "test_loss", "train_loss")
ALGORITHMS = {torch.optim.SGD: "lp_sgd", torch.optim.Adam: "lp_adamw", torch.optim.AdamW: "lp_adamw"}
PATIENCE = 60.0  # seconds that a run which has ended waits for another one that writes the same sweep


def record(
    steps: Optimizer,
    sweep: str,
    *,
    every: int = 100,
    runs_dir: str | Path = "runs",
    **choices: Any,
) -> Recording:
    """Let a training loop write a cell of the sweep `sweep`, which the dashboard and all commands then show.

        with lpbench.networks.record(steps, "mine", dataset="mine") as run:
            for x, y in batches:
                ...
                steps.step()
                run.log(train_loss=loss.item())
            run.log(test_loss=..., test_error=...)

    steps      what `lpbench.networks.optimizer` made.
    every      optimizer steps between two in which it is counted what rounding does to each tensor.
    choices    columns of `cells` that say what the run was, where the model does not: `dataset="mine"`,
               `dimension=512`; `batch_size=64` and `n_samples=10000`, by which epochs are counted. Runs that differ in
               none but the seed are a group.

    The cell is written when the block ends, also by an error, which it then names; a run with the same choices and seed
    takes its place. Raises ConfigError for an impossible name, an unknown choice and `every` below 1.
    """
    return Recording(steps, sweep, every, Path(runs_dir), choices)


@dataclass(frozen=True)
class _Finished:
    row: Mapping[str, Any]
    trace: Mapping[str, np.ndarray]
    tensors: Mapping[str, np.ndarray]


class Recording:
    """A run under way, as `record` gives it; a context manager."""

    def __init__(self, steps: Optimizer, sweep: str, every: int, runs_dir: Path, choices: Mapping[str, Any]):
        if not isinstance(steps, Optimizer):
            raise ConfigError(
                f"record takes what lpbench.networks.optimizer made, got {type(steps).__name__}"
            )
        if not isinstance(every, int) or every < 1:
            raise ConfigError(f"every must be a whole number from 1 on, got {every!r}")
        self.folder = sweep_folder(sweep, runs_dir)
        self._steps, self._made, self._every = steps, steps.made, every
        self._choices = {key: _checked(key, value) for key, value in choices.items()}
        self._watching = self._made.new_watching()
        self._rates: dict[int, Matrix] = {}
        self._shares: dict[int, tuple[float, float]] = {}
        self._logged: dict[str, dict[int, float]] = {name: {} for name in LOGGED}
        self._seconds: dict[int, float] = {}
        self._started_at, self._began = now(), time.perf_counter()
        self._hook = steps.register_step_post_hook(lambda *_: self._after())
        self._watch_next()

    @property
    def step(self) -> int:
        """Optimizer steps so far."""
        return self._steps.taken

    def log(self, **metrics: float) -> None:
        """What the loop knows of the weights as they are by now: `train_loss`, of the minibatch; `test_loss`; and
        `test_error`, the share of wrong answers. Raises ConfigError for another name and for what is no number.
        """
        for name, value in metrics.items():
            if name not in LOGGED:
                raise ConfigError(f"unknown metric {name!r}.{did_you_mean(name, LOGGED)}")
            try:
                self._logged[name][self.step] = float(value)
            except (TypeError, ValueError):
                raise ConfigError(f"{name} must be a number, got {value!r}") from None
            if name != "train_loss":
                self._note()

    def close(self, error: BaseException | None = None) -> None:
        """Write the cell; error   what ended the run before its time."""
        self._hook.remove()
        self._made.rounding.watching = None
        self._note()
        row = self._row(error)
        finished = _Finished(row, self._trace(), columns(self._watching.tensors, self._rates))
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with SweepWriter(self.folder, [], 1) as writer:
                    writer.expect([row["cell_id"]])
                    writer.put(finished)
                return
            except SweepBusy:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(error)

    def _watch_next(self) -> None:
        """Before a step: whether it is watched."""
        watched = (self.step + 1) % self._every == 0
        self._made.rounding.watching = self._watching if watched else None

    def _after(self) -> None:
        """Behind each step."""
        if self._made.rounding.watching is not None:
            self._rates[self.step] = self._watching.rates()
            self._note()
        self._watch_next()

    def _note(self) -> None:
        """This is a point of the trace."""
        self._seconds[self.step] = time.perf_counter() - self._began
        self._shares[self.step] = self._steps.saturation_rate, self._steps.stall_rate

    def _trace(self) -> dict[str, np.ndarray]:
        points = sorted(self._seconds)
        losses = self._logged["train_loss"]  # by step, ascending
        ends = np.searchsorted(list(losses), points, side="right")
        between = np.split(np.array(list(losses.values())), ends)[: len(points)]
        means = [float(part.mean()) if part.size else math.nan for part in between]
        seen = {}
        if (batch := self._choices.get("batch_size")) is not None:
            seen["gradient_evaluations"] = np.array(points, np.int64) * batch
            if (samples := self._choices.get("n_samples")) is not None:
                seen["epoch"] = seen["gradient_evaluations"] / samples
        return {
            "step": np.array(points, np.int64),
            **seen,
            "saturation_rate": np.array([self._shares[step][0] for step in points]),
            "stall_rate": np.array([self._shares[step][1] for step in points]),
            "seconds": np.array([self._seconds[step] for step in points]),
            "train_loss": np.array(means),
            **{
                name: np.array([self._logged[name].get(step, math.nan) for step in points])
                for name in ("test_loss", "test_error")
            },
        }

    def _row(self, error: BaseException | None) -> dict[str, Any]:
        choices = self._all_choices()
        hashed = {key: value for key, value in choices.items() if value is not None and key != "seed"}
        shapes = [[tensor.name, *tensor.parameter.shape] for tensor in self._made.tensors]
        text = orjson.dumps({"choices": hashed, "shapes": shapes}, option=orjson.OPT_SORT_KEYS)
        group, cell = (
            hashlib.blake2b(text + seed, digest_size=8).hexdigest()
            for seed in (b"", b"seed %d" % choices["seed"])
        )
        last = {name: list(values.values())[-1] for name, values in self._logged.items() if values}
        diverged = not all(map(math.isfinite, last.values()))
        seconds = self._seconds[self.step]
        rounder = self._made.rounding.recipe.rounder("weights", None)
        form = {} if rounder is None else {
            "precision": rounder.form.bits, "mantissa_bits": rounder.form.mantissa_bits,
            "bits_per_value": rounder.form.bits_per_value, "format_policy": rounder.form.policy,
        }  # fmt: skip
        errors = self._logged["test_error"]
        return {
            **choices, **form, **last, **provenance(),
            "limit": choices["limit"] if isinstance(choices["limit"], int | float) else None,
            "cell_id": cell, "group_id": group, "config_id": group,
            "definition": f"recorded by a loop of {type(self._made.model).__name__}",
            "status": "failed" if error is not None else "diverged" if diverged else "ok",
            "error": None if error is None else last_line(error),
            "result": next((name for name in RESULTS if name in last), None),
            "best_test_error": min(errors.values()) if errors else None,
            "weights": sum(tensor.parameter.numel() for tensor in self._made.tensors),
            "saturation_rate": self._steps.saturation_rate, "stall_rate": self._steps.stall_rate,
            "seconds": seconds, "steps_per_second": self.step / seconds if seconds > 0 else None,
            "started_at": self._started_at,
        }  # fmt: skip

    def _all_choices(self) -> dict[str, Any]:
        """What the model, its optimizer and the user say of the run."""
        kind, group = self._steps.kind, self._steps.param_groups[0]
        betas = group.get("betas", (group.get("momentum"), None))
        return {
            "problem": "module",
            "module": type(self._made.model).__name__,
            "engine": "torch",
            "device": self._made.tensors[0].parameter.device.type,
            **self._made.choices,
            "algorithm": ALGORITHMS.get(kind, kind.__name__.lower()),
            "step_size": float(group["lr"]),
            "momentum": betas[0],
            "second_momentum": betas[1],
            "weight_decay": group.get("weight_decay"),
            **self._choices,
            "steps": self.step,
        }


def _checked(key: str, value: Any) -> Any:
    if key not in CHOICES:
        raise ConfigError(f"unknown choice {key!r} of record.{did_you_mean(key, list(CHOICES))}")
    return None if value is None else CHOICES[key].kind.normal(key, value)
