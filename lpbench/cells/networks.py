"""The compiled engine of networks: from one record point to the next in one call, judged by held-out samples."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lpbench import registry
from lpbench.arithmetic.arrays import Matrix, Vector
from lpbench.arithmetic.generator import ORDER, ROUNDING, stream
from lpbench.cells.described import described
from lpbench.cells.points import Points, check_length
from lpbench.cells.run import CALL_SECONDS
from lpbench.declared.costs import gradient_evaluations
from lpbench.declared.energy import columns as costs
from lpbench.networks import assembly, training, updates
from lpbench.networks.architecture import Layout, layout, names
from lpbench.networks.bits import bits_per_step
from lpbench.networks.centres import Centre, new_centre
from lpbench.networks.cost import Work, work
from lpbench.networks.energy import arithmetic_per_step
from lpbench.networks.roles import Recipe, has_centre, loop_steps, recipe, rounds_of, states
from lpbench.networks.tensors import columns
from lpbench.networks.watching import RATES, Tensor, settle
from lpbench.problems.network import Network, TrainingSet
from lpbench.problems.solving.memory import by_group

RESULT = "test_error"
# Columns of the record of a cell.
TRAIN_LOSS, TEST_LOSS, TEST_ERROR, GRADIENT_NORM, MOVED, SATURATED, STALLED = range(7)
RECORDED = 7
SLOWEST = 3.0  # times what a step is expected to take


class Networks:
    """The engine of `mlp`, `cnn` and `lenet`."""

    result = RESULT

    def resolve(self, choices: dict[str, Any], problem: TrainingSet) -> dict[str, Any]:
        """Steps for epochs, and the sizes."""
        chosen = {**choices, "dimension": problem.dimension, "n_samples": problem.n_samples, "limit": None}
        chosen["steps"] = Network.run_length(choices, problem.n_samples)
        check_length(chosen["steps"])
        if has_centre(choices):
            chosen["inner_steps"] = loop_steps(choices, problem.n_samples)
        if isinstance(choices["limit"], int | float):
            chosen["limit"] = choices["limit"]
        return chosen

    @staticmethod
    @by_group
    def describe(choices: dict[str, Any], problem: TrainingSet) -> dict[str, Any]:
        """What the weights' format is, and what a step stores and moves."""
        found = recipe_of(choices, problem.net)
        rounder = found.rounder("weights", problem.net[-1].name)
        form = (
            rounder.form if rounder is not None else registry.formats.get("none").from_choices(choices, None)
        )
        moved = bits_per_step(problem.tensors(choices["batch_size"]), found, choices)
        return {
            **described(choices, problem, form),
            "weights": sum(layer.weights for layer in problem.net),
            "bits_per_step": moved,
            **costs(moved, arithmetic_per_step(problem.products(), found, choices)),
        }

    def start(self, choices: dict[str, Any], problem: TrainingSet, points: Points) -> "Judged":
        """The cell at step 0."""
        return Training(choices, problem, points)


NETWORKS = Networks()


def recipe_of(choices: Mapping[str, Any], net: Sequence[Any]) -> Recipe:
    """The recipe of a cell, its choices resolved or not."""
    limit = "auto" if choices["limit"] is None else choices["limit"]
    return recipe({**choices, "limit": limit}, names(net), rounds_of(choices))


class Judged:
    """A cell under way that keeps what whole sets say of it, a row of `record` a point; engines train and judge.

    losses   (steps,) of the minibatches.      norm   (1,) of the last gradient.      now   the step it has come to.
    sets     the training and the test samples, each X and y.      at_once   samples that are judged in one call.
    watched  tensors, in the network's order.      rates   by point (tensors, RATES), what its last step made of them.
    """

    sets: Sequence[tuple[Any, Any]]
    watched: Sequence[Tensor]

    def __init__(self, choices: dict[str, Any], problem: TrainingSet, points: Points):
        self.choices, self.problem, self.points = choices, problem, points
        self.batches = assembly.Batches(
            int(stream(choices["seed"], ORDER)), problem.n_samples, choices["batch_size"], choices["sampling"]
        )
        self.losses, self.norm = np.zeros(choices["steps"]), np.zeros(1)
        self.record = np.zeros((points.steps.size, RECORDED))
        self.rates: dict[int, Matrix] = {}
        self.now = 0
        self._way: Iterator[None] | None = None

    def expect(self, work: Work) -> None:
        """What steps and looks are expected to cost: a call is to be short."""
        self.step_seconds, self.look_seconds = SLOWEST * work.step + 1e-6, SLOWEST * work.look + 1e-6
        samples, batch = sum(len(y) for _, y in self.sets), self.choices["batch_size"]
        # Whole batches.
        self.at_once = max(1, int(samples * CALL_SECONDS / self.look_seconds) // batch) * batch

    def advance(self, stops: np.ndarray, rows: np.ndarray, first: int, last: int) -> bool:
        """Go on to stops[first:last], in as many calls as large sets take to be judged."""
        if first == last:
            self._compile()
            return False
        self._way = self._way or self._walk(stops[first:last].tolist(), rows[first:last].tolist())
        for _ in self._way:
            return True
        self._way = None
        return False

    def _walk(self, stops: list[int], rows: list[int]) -> Iterator[None]:
        for stop, row in zip(stops, rows, strict=True):
            if stop > self.now:
                self._train(self.now, stop, row >= 0)
                self.now = stop
                if row >= 0:
                    self.rates[row] = self._rates()
            if row >= 0:
                yield from self._judge(self.record[row])

    def _judge(self, record: np.ndarray) -> Iterator[None]:
        """The whole training and test sets, by the weights that the algorithm gives out; a pause between two calls."""
        means = []
        self._give_out()
        for X, y in self.sets:
            found = np.zeros(2)
            for first in range(0, len(y), self.at_once):
                if first:
                    yield
                self._sum_up(X, y, first, min(first + self.at_once, len(y)), found)
            means.append(found / math.prod(y.shape))
        self._go_on()
        record[TRAIN_LOSS], (record[TEST_LOSS], record[TEST_ERROR]) = means[0][0], means[1]
        record[GRADIENT_NORM] = self.norm[0] if self.now else np.nan
        record[MOVED:] = self._counts()

    def _compile(self) -> None:
        """Whatever costs time before the first step."""

    def _train(self, begin: int, end: int, watching: bool) -> None:
        """The steps begin ... end - 1; watching: of the last it is counted what becomes of the tensors `watched`."""
        raise NotImplementedError

    def _give_out(self) -> None:
        """Judge by the weights that the algorithm gives out from here on."""

    def _sum_up(self, X: Any, y: Any, first: int, last: int, found: Vector) -> None:
        """Add to found (2,) the losses of the samples first ... last - 1, and how many targets are said wrongly."""
        raise NotImplementedError

    def _go_on(self) -> None:
        """Train from the algorithm's own weights from here on."""

    def _counts(self) -> Vector:
        """(3,): updates, of them those that were clipped, and those that changed nothing."""
        raise NotImplementedError

    def _rates(self) -> Matrix:
        """(tensors, RATES): of the step that was watched."""
        raise NotImplementedError

    def tensors(self, count: int) -> dict[str, np.ndarray]:
        """The columns of the table `tensors` at the points seen; at step 0 nothing has been rounded."""
        steps = self.points.steps
        return columns(self.watched, {int(steps[row]): one for row, one in self.rates.items() if row < count})

    def diverged(self, first: int, count: int) -> int | None:
        """The first point at which a loss is not finite."""
        bad = ~np.isfinite(self.record[first:count, [TRAIN_LOSS, TEST_LOSS]]).all(axis=1)
        return first + int(np.argmax(bad)) if bad.any() else None

    def observe(self, count: int) -> dict[str, np.ndarray]:
        """Losses, error and rates at the points seen."""
        record, steps = self.record[:count], self.points.steps[:count]
        moved = np.maximum(record[:, MOVED], 1)
        return {
            "epoch": steps / assembly.epoch_steps(self.problem.n_samples, self.choices["batch_size"]),
            "gradient_evaluations": gradient_evaluations(
                steps, self.choices["batch_size"], self.problem.n_samples, self.choices.get("inner_steps")
            ),
            "gradient_norm": record[:, GRADIENT_NORM].copy(),
            "saturation_rate": record[:, SATURATED] / moved,
            "stall_rate": record[:, STALLED] / moved,
            "train_loss": record[:, TRAIN_LOSS].copy(),
            "test_loss": record[:, TEST_LOSS].copy(),
            "test_error": record[:, TEST_ERROR].copy(),
        }

    def metrics(self, trace: Mapping[str, np.ndarray], row: Mapping[str, Any]) -> dict[str, Any]:
        """What came of it."""
        each = assembly.epoch_steps(self.problem.n_samples, self.choices["batch_size"])
        last = self.losses[max(0, self.now - each) : self.now]
        return {
            "train_loss": float(last.mean()) if last.size else float(trace["train_loss"][-1]),
            "test_loss": float(trace["test_loss"][-1]),
            "test_error": float(trace["test_error"][-1]),
            "best_test_error": float(trace["test_error"].min()),
            "gradient_norm": float(trace["gradient_norm"][-1]),
            "saturation_rate": float(trace["saturation_rate"][-1]),
            "stall_rate": float(trace["stall_rate"][-1]),
        }


class Training(Judged):
    """A cell of the compiled engine under way."""

    def __init__(self, choices: dict[str, Any], problem: TrainingSet, points: Points):
        super().__init__(choices, problem, points)
        real, steps = np.dtype(choices["compute_dtype"]), choices["steps"]
        self.layout = _layout(choices, problem)
        start = np.zeros(self.layout.parameters, real)
        for i, (matrix, bias) in enumerate(assembly.initial(problem.net, choices["seed"])):
            self.layout.place(matrix, bias, i, start)
        self.X, self.test_X = problem.laid(real)
        adam, momentum = registry.algorithms.get(choices["algorithm"]).adam, choices["momentum"]
        kahan, scale = choices["compensation"] == "kahan", choices["loss_scale"]
        found, first = recipe_of(choices, problem.net), assembly.NOTHING
        if any(map(found.measures, found.specs)):
            batch = self.batches.order(0, 1)[0]
            first = assembly.extents(self.layout, start, self.X, problem.y, batch, scale)
        self.rounded = assembly.Tensors(self.layout, found, start, first, 0.0 if adam else momentum, scale)
        self.watched = self.rounded.watched(states(choices))
        self.net = assembly.new_net(
            self.layout, self.rounded.table, real, self.watched, choices.get("hadamard") or 0, self.rounded.rotated,
            found.chunk,
        )  # fmt: skip
        self.memory = assembly.new_memory(self.layout, self.rounded, start, adam or momentum > 0, adam, kahan)
        self.rule = updates.Rule(
            kind=updates.ADAM if adam else updates.SGD,
            mu=momentum,
            nu=choices["second_momentum"] or 0.0,
            epsilon=assembly.EPSILON,
            weight_decay=choices["weight_decay"],
            loss_scale=scale,
            kahan=kahan,
        )
        self.schedule = _schedule(choices, problem)
        self.average = assembly.no_average()
        if choices.get("average_every") is not None:
            start_of, every = choices["average_start"], choices["average_every"]
            self.average = training.Average(np.zeros(start.size), np.zeros(1, np.int64), start_of, every)
        self.centre = self._centre(start)
        self.key = stream(choices["seed"], ROUNDING)
        self.sets = [(self.X, problem.y), (self.test_X, problem.test_y)]
        samples = len(problem.y) + len(problem.test_y)
        self.expect(work(problem.net, self.rounded.recipe, choices, samples, steps))

    def _centre(self, start: Vector) -> Centre:
        if not has_centre(self.choices):
            return assembly.no_centre(self.layout, start.dtype)
        recipe = self.rounded.recipe
        rounder = recipe.rounder("weights", None)
        return new_centre(
            start.size, len(self.layout.tensors), len(self.problem.y), start.dtype,
            every=self.choices["inner_steps"], offset=recipe.centred,
            reach=1.0 if rounder is None else rounder.form.reach, mu=self.choices["mu"] or 1.0,
            shared=self.choices.get("centre_scale") == "one",
        )  # fmt: skip

    def _compile(self) -> None:
        self._train(0, 0, watching=False)
        self._give_out()
        self._sum_up(self.X, self.problem.y, 0, 0, np.zeros(2))

    def _train(self, begin: int, end: int, watching: bool) -> None:
        order = self.batches.order(begin, end) if end > begin else np.zeros((0, self.layout.batch), np.int64)
        training.train(
            self.net, self.memory, self.rule, self.schedule, self.average, self.centre, self.X, self.problem.y, order,
            np.int64(begin), self.key, self.losses[begin:end], self.norm, int(watching),
        )  # fmt: skip

    def _give_out(self) -> None:
        average, own = self.average, self.memory.weights
        self.given = average.weights.astype(own.dtype) if average.taken[0] else own

    def _sum_up(self, X: Any, y: Any, first: int, last: int, found: Vector) -> None:
        begin = np.int64(first // self.layout.batch)
        training.judge(self.net, self.given, X, y, np.arange(first, last), begin, self.key, found)

    def _counts(self) -> Vector:
        return self.memory.counts

    def _rates(self) -> Matrix:
        rates = np.zeros((len(self.watched), len(RATES)))
        settle(self.net.watch, rates)
        return rates


@by_group
def _layout(choices: dict[str, Any], problem: TrainingSet) -> Layout:
    return layout(problem.net, choices["batch_size"])


@by_group
def _schedule(choices: dict[str, Any], problem: TrainingSet) -> training.Schedule:
    steps = choices["steps"]
    ones = np.ones(steps)
    adam = registry.algorithms.get(choices["algorithm"]).adam
    return training.Schedule(
        assembly.step_sizes(
            choices["schedule"] or "constant", choices["step_size"], steps, choices["warmup"]
        ),
        assembly.corrections(choices["momentum"], steps) if adam else ones,
        assembly.corrections(choices["second_momentum"], steps) if adam else ones,
    )
