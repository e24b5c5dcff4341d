"""What a network is made of: layers by name and shape, and where their numbers lie in memory.

Every layer is an affine map over windows of its input: a dense layer has one window, all of its input, a convolution
one at each position. Images are (height, width, channels), signals are images of height 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.tiles import padded

Image = tuple[int, int, int]


@dataclass(frozen=True)
class Layer:
    """One layer, as it is named in tables and globs.

    inputs    (height, width, channels) of a sample.       outputs   channels, or units.
    window    (height, width) of a window; the whole image for a dense layer.
    stride, padding   of the windows, (vertical, horizontal).
    pool      side of the squares whose largest number is kept behind the nonlinearity; 1: none.
    """

    name: str
    inputs: Image
    outputs: int
    window: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    pool: int = 1

    @property
    def positions(self) -> tuple[int, int]:
        """Windows, vertically and horizontally."""
        one, other = (
            (size + 2 * pad - window) // stride + 1
            for size, pad, window, stride in zip(
                self.inputs[:2], self.padding, self.window, self.stride, strict=True
            )
        )
        return one, other

    @property
    def image(self) -> Image:
        """What a sample becomes, behind the pooling."""
        height, width = self.positions
        return max(1, height // self.pool) if height > 1 else 1, width // self.pool, self.outputs

    @property
    def is_dense(self) -> bool:
        """Whether a window is all of the input."""
        return self.window == self.inputs[:2] and self.padding == (0, 0)

    @property
    def fan_in(self) -> int:
        """Inputs of an output."""
        return self.window[0] * self.window[1] * self.inputs[2]

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weight matrix: inputs of an output, outputs."""
        return self.fan_in, self.outputs

    @property
    def weights(self) -> int:
        """How many there are, biases included."""
        return (self.fan_in + 1) * self.outputs


def names(net: Sequence[Any]) -> list[str]:
    """Of the layers, in order."""
    return [layer.name for layer in net]


def dense(name: str, inputs: Image, outputs: int) -> Layer:
    """A layer whose every output sees all of its input."""
    return Layer(name, inputs, outputs, inputs[:2])


def image_of(shape: Sequence[int]) -> Image:
    """The image that a sample of `shape` is: (n,), (length, channels) or (height, width, channels)."""
    return (1,) * (3 - len(shape)) + tuple(shape)  # type: ignore[return-value]


def mlp(shape: Sequence[int], classes: int, width: int, depth: int) -> list[Layer]:
    """`depth` hidden layers of `width` units, and the output."""
    layers, image = [], (1, 1, math.prod(shape))
    for i in range(depth):
        layers.append(dense(f"hidden{i + 1}", image, width))
        image = layers[-1].image
    return [*layers, dense("output", image, classes)]


def cnn(shape: Sequence[int], classes: int, channels: int) -> list[Layer]:
    """Three convolutions, windows of 5, 3 and 3, each of stride 2, and the output."""
    image = image_of(shape)
    flat = image[0] == 1
    layers = []
    for i, side in enumerate((5, 3, 3)):
        window, stride = (1 if flat else side, side), (1 if flat else 2, 2)
        layers.append(Layer(f"conv{i + 1}", image, channels, window, stride, (0 if flat else 1, 1)))
        image = layers[-1].image
    return [*layers, dense("output", image, classes)]


def lenet(shape: Sequence[int], classes: int) -> list[Layer]:
    """LeNet-5 with the nonlinearity and the pooling of today: two convolutions, two hidden layers, the output."""
    image = image_of(shape)
    border = (2, 2) if image[0] <= 28 else (0, 0)
    first = Layer("conv1", image, 6, (5, 5), padding=border, pool=2)
    second = Layer("conv2", first.image, 16, (5, 5), pool=2)
    third = dense("hidden1", second.image, 120)
    fourth = dense("hidden2", third.image, 84)
    return [first, second, third, fourth, dense("output", fourth.image, classes)]


# Columns of `Layout.layers`.
(
    SAMPLE,  # numbers of an input sample, its border included
    INPUT,  # where the inputs of a batch begin
    POSITIONS,  # windows of a sample
    WINDOWS,  # where the offsets of the windows of a batch begin
    LINES,  # rows of a window
    SEGMENT,  # numbers of a row of a window
    PITCH,  # from one row of a window to the next
    WIDTH,  # outputs, rounded up to whole groups
    OUTPUTS,
    OUTPUT,  # where the outputs of a batch begin
    ROWS,  # where the offsets of the outputs' rows begin
    WEIGHT,  # where the weights begin, and the biases
    BIAS,
    PLACES,  # pooled positions of a sample, and where their places in the next layer's sample begin
    PLACE,
    POOLED,  # positions that are pooled into one
    SOURCE,  # where the positions that are pooled begin
    DIRECT,  # whether the (pooled) outputs are the next layer's input as they lie
) = range(18)
FIELDS = 18


@dataclass(frozen=True)
class Layout:
    """Where the numbers of a network lie, for batches of `batch` samples.

    layers   (n, FIELDS) int64, a row a layer.
    offsets  int64: windows in the inputs, rows in the outputs, places in the next layer's sample, positions to pool.
    tensors  (2 n, 3) int64: offset, rows and columns of each weight matrix and each bias in the vector of weights.
    inputs, outputs, parameters   lengths of the vectors that hold them.
    """

    net: tuple[Layer, ...]
    batch: int
    layers: np.ndarray
    offsets: Vector
    tensors: np.ndarray
    inputs: int
    outputs: int
    parameters: int

    @property
    def largest(self) -> int:
        """The length of scratch that holds the outputs of any layer, and of its windows side by side."""
        rows = self.layers[:, POSITIONS] * self.batch
        sizes = [rows * self.layers[:, WIDTH], self.layers[:, SAMPLE] * self.batch]
        return int(max(size.max() for size in sizes))

    @property
    def spread(self) -> int:
        """The length of scratch for the errors of all windows side by side, of layers that overlap theirs."""
        lines = self.layers[1:]
        several = lines[lines[:, POSITIONS] * lines[:, LINES] > 1]
        if not len(several):
            return 0
        return int((several[:, POSITIONS] * several[:, LINES] * several[:, SEGMENT]).max()) * self.batch

    def place(self, matrix: np.ndarray, bias: np.ndarray, layer: int, into: Vector) -> None:
        """Lay the weights (fan_in, outputs) and the biases (outputs,) of a layer into the vector `into`."""
        one, line = self.net[layer], self.layers[layer]
        whole = np.zeros((*one.window, self._channels(layer), line[WIDTH]), into.dtype)
        whole[:, :, : one.inputs[2], : one.outputs] = matrix.reshape(*one.window, one.inputs[2], one.outputs)
        into[line[WEIGHT] : line[BIAS]] = whole.reshape(-1)
        into[line[BIAS] : line[BIAS] + one.outputs] = bias

    def take(self, layer: int, vector: Vector) -> tuple[np.ndarray, np.ndarray]:
        """The inverse of `place`: (fan_in, outputs) and (outputs,)."""
        one, line = self.net[layer], self.layers[layer]
        whole = vector[line[WEIGHT] : line[BIAS]].reshape(*one.window, self._channels(layer), line[WIDTH])
        matrix = whole[:, :, : one.inputs[2], : one.outputs].reshape(one.fan_in, one.outputs)
        return matrix, vector[line[BIAS] : line[BIAS] + one.outputs]

    def _channels(self, layer: int) -> int:
        """Of a layer's inputs, rounded up to whole groups where a layer stands before it."""
        return self.net[0].inputs[2] if layer == 0 else padded(self.net[layer].inputs[2])


def layout(net: Sequence[Layer], batch: int) -> Layout:
    """The layout of a network for batches of `batch` samples."""
    table = np.zeros((len(net), FIELDS), np.int64)
    offsets: list[np.ndarray] = []
    tensors, inputs, outputs, parameters, used = [], 0, 0, 0, 0

    def keep(values: np.ndarray) -> int:
        nonlocal used
        offsets.append(np.ascontiguousarray(values, np.int64).ravel())
        used += offsets[-1].size
        return used - offsets[-1].size

    for i, (layer, line) in enumerate(zip(net, table, strict=True)):
        channels = layer.inputs[2] if i == 0 else padded(layer.inputs[2])
        (height, width), (down, right) = layer.inputs[:2], layer.padding
        across = (width + 2 * right) * channels
        whole = layer.is_dense
        line[SAMPLE] = (height + 2 * down) * across
        line[LINES], line[SEGMENT] = (
            (1, line[SAMPLE]) if whole else (layer.window[0], layer.window[1] * channels)
        )
        line[PITCH], line[WIDTH], line[OUTPUTS] = across, padded(layer.outputs), layer.outputs
        rows, columns = layer.positions
        line[POSITIONS] = rows * columns
        starts = (
            np.arange(rows)[:, None] * layer.stride[0] * across
            + np.arange(columns) * layer.stride[1] * channels
        ).ravel()
        samples = np.arange(batch)[:, None]
        line[WINDOWS] = keep(samples * line[SAMPLE] + starts)
        line[ROWS] = keep(np.arange(batch * line[POSITIONS]) * line[WIDTH])
        line[INPUT], line[OUTPUT] = inputs, outputs
        inputs += batch * line[SAMPLE]
        outputs += batch * line[POSITIONS] * line[WIDTH]
        line[WEIGHT] = parameters
        line[BIAS] = parameters + line[LINES] * line[SEGMENT] * line[WIDTH]
        parameters = line[BIAS] + line[WIDTH]
        tensors += [
            (line[WEIGHT], line[LINES] * line[SEGMENT], line[WIDTH]),
            (line[BIAS], 1, line[WIDTH]),
        ]
        tall, wide, _ = layer.image
        line[PLACES] = tall * wide
        side_down = layer.pool if rows > 1 else 1
        line[POOLED] = side_down * layer.pool
        corners = (np.arange(tall)[:, None] * side_down * columns + np.arange(wide) * layer.pool).ravel()
        inside = (np.arange(side_down)[:, None] * columns + np.arange(layer.pool)).ravel()
        line[SOURCE] = keep(corners[:, None] + inside)
        below = net[i + 1] if i + 1 < len(net) else None
        (pad_down, pad_right) = below.padding if below else (0, 0)
        step = (wide + 2 * pad_right) * line[WIDTH]
        line[PLACE] = keep(
            (np.arange(tall)[:, None] + pad_down) * step + (np.arange(wide) + pad_right) * line[WIDTH]
        )
        line[DIRECT] = pad_down == pad_right == 0
    every = np.concatenate(offsets)
    return Layout(
        tuple(net), batch, table, every, np.array(tensors, np.int64), inputs, outputs, int(parameters)
    )
