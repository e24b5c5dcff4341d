"""The engine of networks that torch trains: any module, every step with random numbers of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np

from lpbench import registry
from lpbench.arithmetic.arrays import Matrix
from lpbench.arithmetic.generator import GOLDEN, INITIAL, ROUNDING, SAMPLES, stream
from lpbench.cells.networks import Judged, Networks, recipe_of
from lpbench.cells.points import Points
from lpbench.cells.run import CALL_SECONDS
from lpbench.errors import LpbenchError, last_line
from lpbench.isolation import drawn_from, seed
from lpbench.networks import assembly
from lpbench.networks.cost import Work, work
from lpbench.networks.modules import MKL, sizes
from lpbench.networks.roles import has_centre, of_offsets
from lpbench.networks.rounding import JUDGED
from lpbench.problems.network import TrainingSet


class Modules(Networks):
    """The engine `torch`: of `resnet`, `lstm`, `transformer`, `module`, and of the others where it is asked for."""

    def start(self, choices: dict[str, Any], problem: TrainingSet, points: Points) -> Judged:
        """The cell at step 0."""
        return ModuleTraining(choices, problem, points)


MODULES = Modules()
STEPS = 4  # at most so many between two chances to stop


def promise(device: str) -> str:
    """What a digest holds for: the machines and settings on which the same cell gives the same bits."""
    import torch

    where = torch.cuda.get_device_name() if device == "cuda" else torch.backends.cpu.get_cpu_capability()
    return f"torch {torch.__version__}, {where}, 1 thread, {MKL}={os.environ.get(MKL, 'unset')}"


class ModuleTraining(Judged):
    """A cell under way."""

    def __init__(self, choices: dict[str, Any], problem: TrainingSet, points: Points):
        import torch

        super().__init__(choices, problem, points)
        self.torch = torch
        with drawn_from(int(stream(choices["seed"], INITIAL))):
            self._make()
        self.draws = stream(choices["seed"], SAMPLES)
        self.sizes = assembly.step_sizes(
            choices["schedule"], choices["step_size"], choices["steps"], choices["warmup"]
        )
        self.expect(_cost(problem, choices))
        # How long a user's module takes nobody knows: it is asked to stop after a few steps, however short they look.
        self.step_seconds = max(self.step_seconds, CALL_SECONDS / STEPS)

    def _make(self) -> None:
        """Module, optimizer and samples, on their device."""
        from lpbench.networks.modules.centres import Offsets
        from lpbench.networks.modules.networks import Built
        from lpbench.networks.modules.optimizer import optimizer
        from lpbench.networks.modules.quantizing import attach

        torch, choices, problem = self.torch, self.choices, self.problem
        kind, device = getattr(torch, choices["compute_dtype"]), torch.device(choices["device"])
        if problem.make is None:
            self.model = Built(problem.net).to(kind)
            self.model.start(assembly.initial(problem.net, choices["seed"]))
        else:
            self.model = problem.make().to(kind)
        self.model.to(device)
        recipe = recipe_of(choices, problem.net)
        scale, compensation = choices["loss_scale"], choices["compensation"] or "none"
        self.made = attach(self.model, recipe, stream(choices["seed"], ROUNDING), compensation, scale)
        rate, decay, mu = choices["step_size"], choices["weight_decay"], choices["momentum"]
        self.centre = self._centre() if has_centre(choices) else None
        if self.centre is not None and recipe.centred:
            shared = choices.get("centre_scale") == "one"
            self.optimizer: Any = Offsets(self.made, self.centre, mu, decay, choices["mu"] or 1.0, shared)
        elif registry.algorithms.get(choices["algorithm"]).adam:
            kept = (mu, choices["second_momentum"])
            self.optimizer = optimizer(
                self.model, torch.optim.AdamW, lr=rate, betas=kept, eps=assembly.EPSILON, weight_decay=decay
            )
        else:
            self.optimizer = optimizer(self.model, torch.optim.SGD, lr=rate, momentum=mu, weight_decay=decay)
        self.watching = self.made.new_watching()
        self.watched = self.watching.tensors
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.average: list[Any] | None = None
        self.taken = 0

        def on_device(X: np.ndarray) -> Any:
            found = torch.from_numpy(np.array(X))  # read-only ones are the dataset's
            return (found.to(kind) if found.is_floating_point() else found).to(device)

        self.sets = [
            (on_device(X), on_device(y))
            for X, y in ((problem.X, problem.y), (problem.test_X, problem.test_y))
        ]

    def advance(self, stops: np.ndarray, rows: np.ndarray, first: int, last: int) -> bool:
        """Go on to stops[first:last], in as many calls as large sets take to be judged."""
        with drawn_from(0):
            return super().advance(stops, rows, first, last)

    def _train(self, begin: int, end: int, watching: bool) -> None:
        self.model.train()
        for step, chosen in zip(range(begin, end), self.batches.order(begin, end), strict=True):
            watched = watching and step + 1 == end
            with self.made.watched(self.watching) if watched else nullcontext():
                self._step(step, self.torch.from_numpy(chosen))

    def _rates(self) -> Matrix:
        return self.watching.rates()

    def _centre(self) -> Any:
        from lpbench.networks.modules.bit_centres import BitCentre
        from lpbench.networks.modules.centres import Centre

        choices, algorithm = self.choices, registry.algorithms.get(self.choices["algorithm"])
        given = self.model, self._loss, self.problem.n_samples, choices["batch_size"], choices["inner_steps"]
        if not algorithm.bit_centred:
            return Centre(*given)
        return BitCentre(
            *given, algorithm.own_gradient, choices.get("centre_cache") == "stored", of_offsets(choices)
        )

    def _step(self, step: int, chosen: Any) -> None:
        from lpbench.networks.modules.probing import failing

        for group in self.optimizer.param_groups:
            group["lr"] = float(self.sizes[step])
        gradient = self._gradient if self.centre is None else self.centre.gradient
        try:
            self.losses[step] = gradient(step, chosen)
        except LpbenchError:
            raise
        except Exception as error:
            where = failing(self.model, error)
            raise LpbenchError(
                f"step {step}{f', layer {where}' if where else ''}: {last_line(error)}"
            ) from error
        self.optimizer.step()
        self._average(step)

    def _gradient(self, step: int, chosen: Any) -> float:
        """The mean loss of a batch; the parameters receive its derivatives."""
        self.optimizer.zero_grad()
        loss = self._loss(step, chosen)
        loss.backward()
        return float(loss.detach())

    def _loss(self, step: int, chosen: Any, part: int = 0) -> Any:
        """The mean loss of a batch; what is drawn for it is a function of step and part."""
        seed(self._word(step) ^ part)
        X, y = self.sets[0]
        logits, targets = self._logits(X[chosen]), y[chosen].reshape(-1)
        return self.torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets)

    def _word(self, step: int) -> int:
        """What the generators give in a step."""
        return (int(self.draws) + step * int(GOLDEN)) % 2**32

    def _logits(self, x: Any) -> Any:
        from lpbench.networks.modules.probing import logits_of

        return logits_of(self.model(x))

    def _average(self, step: int) -> None:
        every = self.choices.get("average_every")
        past = step + 1 - (self.choices.get("average_start") or 0)
        if every is None or past < 0 or past % every:
            return
        self.taken += 1
        if self.average is None:
            self.average = [p.detach().double().clone() for p in self.parameters]
            return
        for kept, p in zip(self.average, self.parameters, strict=True):
            kept += (p.detach().double() - kept) / self.taken

    def _give_out(self) -> None:
        from lpbench.networks.modules.centres import put

        squares = sum(float((p.grad.double() ** 2).sum()) for p in self.parameters if p.grad is not None)
        self.norm[0] = squares**0.5 / self.choices["loss_scale"]
        self.model.eval()
        self.own = None
        if self.average is not None:
            self.own = [p.detach().clone() for p in self.parameters]
            put(self.parameters, self.average)

    def _sum_up(self, X: Any, y: Any, first: int, last: int, found: np.ndarray) -> None:
        batch, loss = self.choices["batch_size"], self.torch.nn.functional.cross_entropy
        word = self._word(JUDGED + self.now)
        with self.torch.no_grad():
            for start in range(first, last, batch):
                seed(word ^ (start // batch))  # whichever batches are judged in one call
                chosen = slice(start, min(start + batch, last))
                logits, targets = self._logits(X[chosen]), y[chosen].reshape(-1)
                flat = logits.reshape(-1, logits.shape[-1])
                found[0] += float(loss(flat.double(), targets, reduction="sum"))
                found[1] += int((flat.argmax(1) != targets).sum())

    def _go_on(self) -> None:
        from lpbench.networks.modules.centres import put

        if self.own is not None:
            put(self.parameters, self.own)

    def _counts(self) -> np.ndarray:
        return self.optimizer.counts

    def metrics(self, trace: Mapping[str, np.ndarray], row: Mapping[str, Any]) -> dict[str, Any]:
        """What came of it, and what its digest holds for."""
        return {**super().metrics(trace, row), "digest_holds": promise(self.choices["device"])}


def _cost(problem: TrainingSet, choices: Mapping[str, Any]) -> Work:
    samples, steps = len(problem.y) + len(problem.test_y), choices["steps"]
    if problem.make is None:
        found = work(problem.net, recipe_of(choices, problem.net), choices, samples, steps)
        return sizes.by_torch(found, len(problem.net), choices, samples)
    numbers, targets = float(np.prod(problem.X.shape[1:])), int(np.prod(problem.y.shape[1:]))
    return sizes.work(problem.net, choices, samples, steps, numbers, targets)
