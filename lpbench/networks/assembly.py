"""From a cell's choices to what the kernels take: initial weights, rounders for every tensor, scratch, step sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.bound import Bound
from lpbench.arithmetic.elementary import to_cos
from lpbench.arithmetic.generator import INITIAL, stream
from lpbench.arithmetic.tiles import ROOM
from lpbench.formats.quantize import quantize_array
from lpbench.networks.architecture import DIRECT, LINES, OUTPUTS, SAMPLE, SEGMENT, WIDTH, Layer, Layout
from lpbench.networks.passes import (
    ACTIVATIONS,
    ERRORS,
    GRADIENTS,
    MASTER,
    MOMENTUM,
    PLACES_OF_ROLE,
    ROLES,
    SECOND,
    WEIGHTS,
    Net,
)
from lpbench.networks.roles import Recipe
from lpbench.networks.rounding import Rounder, bind
from lpbench.networks.updates import Memory

EPSILON = 1e-8  # of Adam


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


class Tensors:
    """The rounders of one cell, by role and place; alike ones are bound once."""

    def __init__(self, layout: Layout, recipe: Recipe, start: Vector):
        """start   the initial weights, laid out, from which `limit=auto` takes the range of each tensor."""
        self.layout, self.recipe, self.dtype = layout, recipe, start.dtype
        self.table = np.zeros((ROLES, PLACES_OF_ROLE, 2), np.int64)
        self.rounders: dict[tuple[int, int], Rounder] = {}
        self._bound: dict[tuple[Rounder, int], Bound] = {}
        net, lines = layout.net, layout.layers
        self._keep(ACTIVATIONS, 0, recipe.rounder("activations", None), int(lines[0, SAMPLE]))
        for i, layer in enumerate(net):
            if i + 1 < len(net):
                rounder = recipe.rounder("activations", layer.name)
                self._keep(ACTIVATIONS, i + 1, rounder, int(lines[i, WIDTH]))
            self._keep(ERRORS, i, recipe.rounder("errors", layer.name), int(lines[i, WIDTH]))
        for place, (offset, rows, columns) in enumerate(layout.tensors):
            name, own = net[place // 2].name, start[offset : offset + rows * columns]
            for role, word in ((GRADIENTS, "gradients"), (MOMENTUM, "momentum"), (SECOND, "momentum")):
                self._keep(role, place, recipe.rounder(word, name), int(columns))
            for role, word in ((WEIGHTS, "weights"), (MASTER, "master")):
                if role == WEIGHTS or recipe.has_master:
                    self._keep(role, place, recipe.rounder(word, name, own), int(columns))

    def _keep(self, role: int, place: int, rounder: Rounder | None, columns: int) -> None:
        if rounder is None:
            return
        self.rounders[role, place] = rounder
        bound = self._bound.get((rounder, columns))
        if bound is None:
            bound = self._bound[rounder, columns] = bind(rounder, columns, self.dtype)
        self.table[role, place] = bound.address, bound.state

    def nearest(self, role: int, vector: Vector) -> Vector:
        """The weights on the grid of their role, each the nearest; laid out, as `vector` is."""
        found = vector.copy()
        for place, (offset, rows, columns) in enumerate(self.layout.tensors):
            rounder = self.rounders.get((role, place))
            if rounder is not None:
                part = vector[offset : offset + rows * columns].reshape(rows, columns)
                found[offset : offset + rows * columns] = quantize_array(
                    part, rounder.form, "nearest_even"
                ).ravel()
        return found


def new_net(layout: Layout, tensors: Tensors) -> Net:
    """A cell's scratch."""
    real, lines = tensors.dtype, layout.layers
    turned = int((lines[:, OUTPUTS] * lines[:, LINES] * lines[:, SEGMENT])[1:].max(initial=0))
    return Net(
        layers=layout.layers,
        offsets=layout.offsets,
        rounders=tensors.table,
        inputs=np.zeros(layout.inputs, real),
        errors_in=np.zeros(layout.inputs, real),
        outputs=np.zeros(layout.outputs, real),
        errors=np.zeros(layout.outputs, real),
        staged=np.zeros(layout.largest, real),
        spread=np.zeros(max(layout.spread, 0 if lines[:-1, DIRECT].all() else layout.largest), real),
        turned=np.zeros(turned, real),
        winners=np.zeros(layout.outputs, np.uint8),
        nothing=np.zeros(0, real),
        room=np.zeros(ROOM, real),
        powers=np.zeros(int(lines[-1, WIDTH])),
        batch=layout.batch,
    )


def new_memory(
    layout: Layout, tensors: Tensors, start: Vector, momentum: bool, second: bool, kahan: bool
) -> Memory:
    """The state of a cell at step 0, from its initial weights (n,)."""
    real, largest = start.dtype, int((layout.tensors[:, 1] * layout.tensors[:, 2]).max())

    def vector(needed: bool) -> Vector:
        return np.zeros(start.size if needed else 0, real)

    has_master = tensors.recipe.has_master
    master = tensors.nearest(MASTER, start) if has_master else vector(False)
    return Memory(
        weights=tensors.nearest(WEIGHTS, master if has_master else start),
        master=master,
        gradient=vector(True),
        momentum=vector(momentum),
        second=vector(second),
        compensation=vector(kahan),
        update=np.zeros(largest, real),
        staged=np.zeros(largest, real),
        old=np.zeros(largest, real),
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


@dataclass(frozen=True)
class Batches:
    """Which samples a step sees: a function of the seed and the step."""

    key: int
    samples: int
    batch: int
    sampling: str

    def order(self, begin: int, end: int) -> np.ndarray:
        """(end - begin, batch) int64, of the steps begin ... end - 1."""
        each = max(1, self.samples // self.batch)
        parts = [
            self._epoch(epoch, each)[max(0, begin - epoch * each) : end - epoch * each]
            for epoch in range(begin // each, -(-end // each))
        ]
        return np.concatenate(parts)

    def _epoch(self, epoch: int, each: int) -> np.ndarray:
        random = np.random.default_rng([self.key, epoch])
        if self.sampling == "replacement":
            return random.integers(self.samples, size=(each, self.batch))
        return random.permutation(self.samples)[: each * self.batch].reshape(each, self.batch)
