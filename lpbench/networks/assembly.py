"""From a cell's choices to what the kernels take: initial weights, rounders for every tensor, scratch, step sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpbench.arithmetic.arrays import Vector, zeros
from lpbench.arithmetic.bound import Bound
from lpbench.arithmetic.elementary import to_cos
from lpbench.arithmetic.generator import INITIAL, stream
from lpbench.arithmetic.tiles import ROOM
from lpbench.formats.quantize import quantize_array
from lpbench.networks import centres, operands, sums, training, updates
from lpbench.networks.architecture import (
    DIRECT,
    INPUT,
    LINES,
    OUTPUT,
    POSITIONS,
    SAMPLE,
    SEGMENT,
    WIDTH,
    Layer,
    Layout,
)
from lpbench.networks.net import (
    ACTIVATIONS,
    ERRORS,
    GRADIENTS,
    MASTER,
    MOMENTUM,
    OPERANDS,
    PLACES_OF_ROLE,
    ROLES,
    SECOND,
    SUMS,
    WEIGHTS,
    Net,
)
from lpbench.networks.roles import NONE, ROLE_NAMES, Recipe, Spec
from lpbench.networks.rounding import Rounder, bind, delays
from lpbench.networks.updates import Memory
from lpbench.networks.watching import Tensor, new_watch

EPSILON = 1e-8  # of Adam
INPUT_NAME, KINDS = "input", ("weight", "bias")  # of tensors, as torch calls them


def initial(net: Sequence[Layer], seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each layer its weights (fan_in, outputs) and biases (outputs,), float64: uniform in +-1/sqrt(fan_in).

    A function of the seed and of nothing else: every engine starts from the same numbers.
    """
    random, found = np.random.default_rng(int(stream(seed, INITIAL))), []
    for layer in net:
        bound = 1.0 / np.sqrt(layer.fan_in)
        found.append(
            (random.uniform(-bound, bound, layer.shape), random.uniform(-bound, bound, layer.outputs))
        )
    return found


@dataclass(frozen=True)
class Extents:
    """The numbers of a first step in which nothing is rounded, laid out as the kernels have them.

    inputs, errors   activations and errors of all layers.      gradient   with the loss scale divided out.
    outputs, errors_in   sums of products: in front of the nonlinearity, and the derivatives by inputs.
    """

    inputs: Vector
    errors: Vector
    gradient: Vector
    outputs: Vector
    errors_in: Vector


NOTHING = Extents(*(np.zeros(0) for _ in range(5)))


def extents(layout: Layout, start: Vector, X: np.ndarray, y: Vector, first: Vector, scale: float) -> Extents:
    """What `Tensors` takes ranges from: the step on the samples `first` of X (N, n), y (N,) with the initial weights.

    scale   by which the loss is multiplied.
    """
    unrounded = Tensors(layout, Recipe(dict.fromkeys(ROLE_NAMES, Spec(NONE)), {}, frozenset()), start)
    net = new_net(layout, unrounded.table, start.dtype)
    memory = new_memory(layout, unrounded, start, momentum=False, second=False, kahan=False)
    rule, still = updates.Rule(updates.SGD, 0.0, 0.0, EPSILON, 0.0, scale, False), np.zeros(1)
    training.train(
        net, memory, rule, training.Schedule(still, still, still), no_average(), no_centre(layout, start.dtype), X, y,
        first[None], np.int64(0), np.uint32(0), np.zeros(1), np.zeros(1), 0,
    )  # fmt: skip
    gradient = memory.gradient / np.asarray(scale, start.dtype)
    return Extents(net.inputs, net.errors, gradient, net.outputs, net.errors_in)


def no_average() -> training.Average:
    """Nothing is averaged."""
    return training.Average(np.zeros(0), np.zeros(1, np.int64), 0, 1)


def no_centre(layout: Layout, real: Any) -> centres.Centre:
    """Of algorithms without one."""
    return centres.new_centre(0, len(layout.tensors), 0, real)


class Tensors:
    """The rounders of one cell, by role and place; alike ones are bound once."""

    def __init__(
        self, layout: Layout, recipe: Recipe, start: Vector, first: Extents = NOTHING, momentum: float = 0.0,
        loss_scale: float = 1.0,
    ):  # fmt: skip
        """start, first   the initial weights, laid out, and what a first step with them is: `limit=auto` takes the
        range of each tensor from them. The momentum of SGD may grow to 1 / (1 - `momentum`) gradients.
        """
        self.layout, self.recipe, self.dtype = layout, recipe, start.dtype
        self.table = np.zeros((ROLES, PLACES_OF_ROLE, 2), np.int64)
        self.rounders: dict[tuple[int, int], Rounder] = {}
        self.rotated = np.zeros((len(layout.net), 3), np.int64)  # as `Net` has it
        self._bound: dict[tuple[Any, ...], Bound] = {}
        net, lines, batch = layout.net, layout.layers, layout.batch
        for i, (layer, line) in enumerate(zip(net, lines, strict=True)):
            start_of, size = line[INPUT], batch * line[SAMPLE]
            inputs, errors_in = (x[start_of : start_of + size] for x in (first.inputs, first.errors_in))
            start_of, size = line[OUTPUT], batch * line[POSITIONS] * line[WIDTH]
            outputs, errors = (x[start_of : start_of + size] for x in (first.outputs, first.errors))
            offset, rows, columns = layout.tensors[2 * i]
            gradient = first.gradient[offset : offset + rows * columns] * loss_scale
            for product, numbers, length in (
                (sums.FORWARD, outputs, columns), (sums.BACK, errors_in, rows), (sums.GRADIENT, gradient, columns),
            ):  # fmt: skip
                rounder = recipe.rounder("sums", layer.name, numbers)
                self._keep(SUMS, sums.place_of(i, product), rounder, int(length))
            if recipe.at_products:
                self._keep_operands(i, inputs, errors, start)
                self.rotated[i] = self._rotated(i)
                continue
            rounder = recipe.rounder("activations", net[i - 1].name if i else None, inputs)
            self._keep(ACTIVATIONS, i, rounder, int(lines[i - 1, WIDTH] if i else lines[0, SAMPLE]))
            self._keep(ERRORS, i, recipe.rounder("errors", layer.name, errors), int(lines[i, WIDTH]))
        for place, (offset, rows, columns) in enumerate(layout.tensors):
            name, where = net[place // 2].name, slice(offset, offset + rows * columns)
            own, gradient = start[where], first.gradient[where]
            for role, word, numbers in (
                (GRADIENTS, "gradients", gradient * loss_scale),
                (MOMENTUM, "momentum", gradient / (1.0 - momentum)),
                (SECOND, "momentum", gradient * gradient),
                (WEIGHTS, "weights", own),
                (MASTER, "master", own),
            ):
                if (role != MASTER or recipe.has_master) and not (role == WEIGHTS and recipe.at_products):
                    rounder = recipe.rounder(word, name, numbers)
                    turned = int(rows) if _by_columns(rounder, place) else None
                    self._keep(role, place, rounder, int(columns), turned)

    def _keep_operands(self, i: int, inputs: Vector, errors: Vector, start: Vector) -> None:
        """The six operands of layer i."""
        layers, name = self.layout.layers, self.layout.net[i].name
        offset, rows, columns = self.layout.tensors[2 * i]
        weights, positions = start[offset : offset + rows * columns], self.layout.batch * layers[i, POSITIONS]
        channels = operands.across(layers, i)
        gathered = self.layout.batch * layers[i, SAMPLE] // channels
        for which, numbers, length in (
            (operands.FORWARD_INPUT, inputs, channels),
            (operands.FORWARD_WEIGHT, weights, rows),
            (operands.BACK_ERROR, errors, columns),
            (operands.BACK_WEIGHT, weights, columns),
            (operands.GRADIENT_INPUT, inputs, gathered),
            (operands.GRADIENT_ERROR, errors, positions),
        ):
            backward = operands.is_backward(which)
            rounder = self.recipe.rounder(operands.OF_ROLE[which], name, numbers, backward)
            self._keep(OPERANDS, operands.EACH * i + which, rounder, int(length))

    def _rotated(self, i: int) -> list[int]:
        """Of the three products of layer i what `Net.rotated` says: those whose operands both are rounded."""
        layer, lengths = self.layout.net[i], []
        summed = layer.inputs[2], layer.outputs, self.layout.batch
        for product, (name, length) in enumerate(zip(operands.PRODUCTS, summed, strict=True)):
            place = operands.EACH * i + 2 * product
            both = all((OPERANDS, place + j) in self.rounders for j in range(2))
            lengths.append(length if both and self.recipe.rotates(name) else 0)
        return lengths

    def watched(self, states: int) -> list[Tensor]:
        """The tensors that are worth watching, in the network's order: those that something rounds, and those that
        updates are added to, which may stall whatever they are kept in. states   vectors of the optimizer's, 0 to 2.
        """
        kept = (GRADIENTS, *(MOMENTUM, SECOND)[:states], MASTER, WEIGHTS)
        names, added = (
            [layer.name for layer in self.layout.net],
            MASTER if self.recipe.has_master else WEIGHTS,
        )
        found = [Tensor(INPUT_NAME, INPUT_NAME, ACTIVATIONS, 0)]
        for i, name in enumerate(names):
            found += [Tensor(name, name, ACTIVATIONS, i + 1), Tensor(name, name, ERRORS, i)]
            found += [
                Tensor(name, f"{name}.{operand}", OPERANDS, operands.EACH * i + which)
                for which, operand in enumerate(operands.NAMES)
            ]
            for role in kept:
                found += [Tensor(name, f"{name}.{kind}", role, 2 * i + j) for j, kind in enumerate(KINDS)]
        return [one for one in found if one.role == added or (one.role, one.place) in self.rounders]

    def _keep(
        self, role: int, place: int, rounder: Rounder | None, columns: int, rows: int | None = None
    ) -> None:
        if rounder is None:
            return
        self.rounders[role, place] = rounder
        own = (role, place) if delays(rounder.form) else None  # what remembers is of one tensor alone
        key = (rounder, columns, rows, own)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bound[key] = bind(rounder, columns, self.dtype, rows)
        self.table[role, place] = bound.address, bound.state

    def nearest(self, role: int, vector: Vector) -> Vector:
        """The weights on the grid of their role, each the nearest; laid out, as `vector` is."""
        found = zeros(vector.size, vector.dtype)
        found[:] = vector
        for place, (offset, rows, columns) in enumerate(self.layout.tensors):
            rounder = self.rounders.get((role, place))
            if rounder is not None:
                part = vector[offset : offset + rows * columns].reshape(rows, columns)
                axis = 1 if _by_columns(rounder, place) else None
                near = quantize_array(part, rounder.form, "nearest_even", axis=axis)
                found[offset : offset + rows * columns] = near.ravel()
        return found


def _by_columns(rounder: Rounder | None, place: int) -> bool:
    """Whether the columns of the weights at this place, its outputs, are what its format calls channels.

    Matrices are stored (inputs, outputs), and a format's channels are along the first axis of (outputs, inputs), as
    others store them. Of biases, a vector, there is one.
    """
    return rounder is not None and rounder.form.axis == 0 and place % 2 == 0


def new_net(
    layout: Layout, rounders: np.ndarray, real: Any, watched: Sequence[Tensor] = (), hadamard: int = 0,
    rotated: np.ndarray | None = None, chunk: int = 1,
) -> Net:  # fmt: skip
    """A cell's scratch; rounders, rotated: those of `Tensors`; watched: of them those that steps may be watched for.

    hadamard   the order of rotations.      chunk   terms of a sum between two roundings of an accumulator.
    """
    lines = layout.layers
    turned = int((lines[:, WIDTH] * lines[:, LINES] * lines[:, SEGMENT])[1:].max(initial=0))
    products = bool(rounders[OPERANDS].any())
    largest_errors = layout.batch * int((lines[:, POSITIONS] * lines[:, WIDTH]).max())
    largest_weights = int((lines[:, WIDTH] * lines[:, LINES] * lines[:, SEGMENT]).max())
    largest_inputs = layout.batch * int(lines[:, SAMPLE].max())
    slope = max(largest_errors, largest_weights, largest_inputs) if products else 0
    sides = lines[:, LINES] * lines[:, SEGMENT]  # what lies behind windows, side by side
    largest_sums = max(
        largest_errors, largest_weights, layout.batch * int((lines[:, POSITIONS] * sides).max())
    )
    return Net(
        layers=layout.layers,
        offsets=layout.offsets,
        rounders=rounders,
        inputs=zeros(layout.inputs, real),
        errors_in=zeros(layout.inputs, real),
        outputs=zeros(layout.outputs, real),
        errors=zeros(layout.outputs, real),
        staged=zeros(layout.largest, real),
        spread=zeros(max(layout.spread, 0 if lines[:-1, DIRECT].all() else layout.largest), real),
        turned=zeros(turned, real),
        winners=zeros(layout.outputs, np.int32),
        nothing=zeros(0, real),
        watch=new_watch(watched, rounders.shape[:2], real),
        room=zeros(ROOM, real),
        operand=zeros(largest_inputs if products else 0, real),
        other=zeros(largest_errors if products else 0, real),
        factor=zeros(largest_weights if products else 0, real),
        slopes=zeros(2 * slope, real).reshape(2, slope),
        products=int(products),
        chunk=chunk,
        partial=zeros(largest_sums if rounders[SUMS].any() else 0, real),
        hadamard=hadamard,
        rotated=np.zeros((len(lines), 3), np.int64) if rotated is None else rotated,
        powers=zeros(2 * layout.batch * int(lines[-1, WIDTH]), np.float64),
        batch=layout.batch,
    )


def new_memory(
    layout: Layout, tensors: Tensors, start: Vector, momentum: bool, second: bool, kahan: bool
) -> Memory:
    """The state of a cell at step 0, from its initial weights (n,)."""
    real, largest = start.dtype, int((layout.tensors[:, 1] * layout.tensors[:, 2]).max())

    def vector(needed: bool) -> Vector:
        return zeros(start.size if needed else 0, real)

    has_master = tensors.recipe.has_master
    master = tensors.nearest(MASTER, start) if has_master else vector(False)
    return Memory(
        weights=start.copy()
        if tensors.recipe.centred
        else tensors.nearest(WEIGHTS, master if has_master else start),
        master=master,
        gradient=vector(True),
        momentum=vector(momentum),
        second=vector(second),
        compensation=vector(kahan),
        update=zeros(largest, real),
        staged=zeros(largest, real),
        old=zeros(largest, real),
        parts=zeros(3 * largest, real).reshape(3, largest),
        tensors=layout.tensors,
        counts=np.zeros(3, np.int64),
    )


def step_sizes(schedule: str, step_size: float, steps: int, warmup: int) -> Vector:
    """By step, (steps,): `constant`; `cosine`, alpha (1 + cos(pi t / T)) / 2; `steps`, a tenth from half of the run on
    and a hundredth from three quarters on. The first `warmup` steps rise linearly to the first of these.
    """
    t = np.arange(steps)
    share: Vector = np.ones(steps)
    if schedule == "cosine":
        share = t * (np.pi / steps)
        to_cos(share)
        share = 0.5 * (1.0 + share)
    elif schedule == "steps":
        share = np.where(4 * t >= 3 * steps, 0.01, np.where(2 * t >= steps, 0.1, 1.0))
    if warmup:
        share = share * np.minimum(1.0, (t + 1) / warmup)
    return step_size * share


def corrections(decay: float, steps: int) -> Vector:
    """1 - decay**(t + 1) by step, (steps,): by products, which are the same on every machine."""
    return 1.0 - np.cumprod(np.full(steps, decay))


def bordered(images: np.ndarray, layer: Layer, dtype: Any) -> np.ndarray:
    """Samples (N, *shape) as the first layer takes them: (N, n), borders included."""
    height, width, channels = layer.inputs
    down, right = layer.padding
    whole = np.zeros((len(images), height + 2 * down, width + 2 * right, channels), dtype)
    whole[:, down : down + height, right : right + width] = images.reshape(len(images), *layer.inputs)
    return whole.reshape(len(images), -1)


def epoch_steps(samples: int, batch: int) -> int:
    """Steps of an epoch: its whole batches."""
    return max(1, samples // batch)


@dataclass(frozen=True)
class Batches:
    """Which samples a step sees: a function of the seed and the step."""

    key: int
    samples: int
    batch: int
    sampling: str

    def order(self, begin: int, end: int) -> np.ndarray:
        """(end - begin, batch) int64, of the steps begin ... end - 1."""
        each = epoch_steps(self.samples, self.batch)
        parts = [
            self._epoch(epoch, each)[max(0, begin - epoch * each) : end - epoch * each]
            for epoch in range(begin // each, -(-end // each))
        ]
        return np.concatenate(parts)

    def _epoch(self, epoch: int, each: int) -> np.ndarray:
        if self.sampling == "in_order":
            return np.arange(each * self.batch).reshape(each, self.batch)
        random = np.random.default_rng([self.key, epoch])
        if self.sampling == "replacement":
            return random.integers(self.samples, size=(each, self.batch))
        return random.permutation(self.samples)[: each * self.batch].reshape(each, self.batch)
