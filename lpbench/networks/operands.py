"""Operands of products, each rounded along the axis that is summed: as hardware for MX and NVFP4 multiplies.

A layer has three products of two operands: outputs = inputs weights, summed along inputs; the derivatives by its inputs
= errors weights^T, along outputs; those by its weights = inputs^T errors, along samples (and positions). Inputs of a
convolution are rounded along the channels of a position, where they have several; those of the network along a sample.

Both operands of a product can be rotated alike before (`lpbench.arithmetic.hadamard`): along the channels of a
position, along the outputs, and of the derivatives by the weights along the samples, each position by itself.
"""

from lpbench.arithmetic.hadamard import rotate
from lpbench.arithmetic.jit import inner
from lpbench.arithmetic.vectors import copy, transpose
from lpbench.networks.architecture import (
    INPUT,
    LINES,
    OUTPUT,
    POSITIONS,
    SAMPLE,
    SEGMENT,
    WEIGHT,
    WIDTH,
)
from lpbench.networks.net import OPERANDS, rounded, tensor_number
from lpbench.networks.rounding import tensor_words

# Places of the role: of each layer these six.
FORWARD_INPUT, FORWARD_WEIGHT, BACK_ERROR, BACK_WEIGHT, GRADIENT_INPUT, GRADIENT_ERROR = range(6)
EACH = 6
PRODUCTS = ("forward", "back", "gradient")
# What tables call them: the product, and which of its operands.
NAMES = ("forward.input", "forward.weight", "back.error", "back.weight", "gradient.input", "gradient.error")
# Of each, the role whose format it has.
OF_ROLE = ("activations", "weights", "errors", "weights", "activations", "errors")


def is_backward(which: int) -> bool:
    """Whether it is an operand of one of the two backward products."""
    return which not in (FORWARD_INPUT, FORWARD_WEIGHT)


@inner
def across(layers, layer):
    """How many numbers of a layer's input are summed together: a sample, or the channels of a position."""
    line = layers[layer]
    if layer == 0 or (line[POSITIONS] == 1 and line[LINES] == 1):
        return line[SAMPLE]
    return layers[layer - 1, WIDTH]


@inner
def forward_operands(net, layer, weights, count, key, step):
    """net.operand, net.factor = the inputs and the weights of the outputs of a layer for `count` samples."""
    line = net.layers[layer]
    size, length = count * line[SAMPLE], line[LINES] * line[SEGMENT]
    x, w = (
        net.inputs[line[INPUT] : line[INPUT] + size],
        weights[line[WEIGHT] : line[WEIGHT] + length * line[WIDTH]],
    )
    columns, period, width = across(net.layers, layer), position(net, layer), line[WIDTH]
    operand, factor = net.operand[:size], net.factor[: w.size]
    _along_rows(net, layer, FORWARD_INPUT, key, step, x, columns, period, operand)
    _along_columns(net, layer, FORWARD_WEIGHT, key, step, w, length, width, period, width, factor)


@inner
def back_operands(net, layer, w, count, key, step):
    """net.other, net.factor = the errors and the weights w of the derivatives by a layer's inputs."""
    line = net.layers[layer]
    size = count * line[POSITIONS] * line[WIDTH]
    errors = net.errors[line[OUTPUT] : line[OUTPUT] + size]
    _along_rows(net, layer, BACK_ERROR, key, step, errors, line[WIDTH], line[WIDTH], net.other[:size])
    _along_rows(net, layer, BACK_WEIGHT, key, step, w, line[WIDTH], line[WIDTH], net.factor[: w.size])


@inner
def gradient_operands(net, layer, count, key, step):
    """net.operand, net.other = the inputs and the errors of the derivatives by a layer's weights."""
    line, columns = net.layers[layer], across(net.layers, layer)
    size, rows = count * line[SAMPLE], count * line[POSITIONS]
    x = net.inputs[line[INPUT] : line[INPUT] + size]
    errors = net.errors[line[OUTPUT] : line[OUTPUT] + rows * line[WIDTH]]
    one, other = net.operand[:size], net.other[: errors.size]
    sample, outputs = line[SAMPLE], line[POSITIONS] * line[WIDTH]
    _along_columns(net, layer, GRADIENT_INPUT, key, step, x, size // columns, columns, count, sample, one)
    _along_columns(net, layer, GRADIENT_ERROR, key, step, errors, rows, line[WIDTH], count, outputs, other)


@inner
def position(net, layer):
    """How many numbers of a layer's input lie beside each other at a position."""
    return net.rotated[layer, 0] if layer == 0 else net.layers[layer - 1, WIDTH]


@inner
def _rotate(net, layer, which, key, step, x, period, width):
    """In place: an operand, rows of `width` numbers, of which `period` belong together, as the other of its product."""
    product = which // 2
    words = tensor_words(key, tensor_number(OPERANDS, EACH * layer + 2 * product, 1), step)
    rotate(x, period, width, net.rotated[layer, product], net.hadamard, words.first, words.second)


@inner
def _along_rows(net, layer, which, key, step, x, columns, period, out):
    """out = x, both (n,), rotated in rows of `period`, and rounded along rows of `columns` numbers."""
    source = x
    if net.rotated[layer, which // 2] > 0:
        # On their side: a loop over the rows then takes many at once, with the same bits.
        source, turned, rows = net.slopes[0, : x.size], net.slopes[1, : x.size], x.size // period
        transpose(x, rows, period, turned)
        _rotate(net, layer, which, key, step, turned, period, rows)
        transpose(turned, period, rows, source)
    if not rounded(net, OPERANDS, EACH * layer + which, key, step, source, out, columns):
        copy(out, x)


@inner
def _along_columns(net, layer, which, key, step, x, rows, columns, period, width, out):
    """out = x (rows, columns), rounded along its columns: number i of column j has random number j * rows + i.

    period, width   how many rows of how many numbers are rotated together.
    """
    turned, done = net.slopes[0, : x.size], net.slopes[1, : x.size]
    if net.rounders[OPERANDS, EACH * layer + which, 1] == 0:
        copy(out, x)
        return
    source = x
    if net.rotated[layer, which // 2] > 0:
        source = out
        copy(source, x)
        _rotate(net, layer, which, key, step, source, period, width)
    transpose(source, rows, columns, turned)
    rounded(net, OPERANDS, EACH * layer + which, key, step, turned, done, rows)
    transpose(done, columns, rows, out)
