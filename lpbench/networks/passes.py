"""Forward and backward through a network's layers: products in a fixed order, each tensor rounded as its role says.

Activations are rounded behind the nonlinearity (and the pooling), the input once; errors before the products of the
layer that they leave. Rectified linear units between layers; softmax and cross entropy behind the last.
"""

import numpy as np

from lpbench.arithmetic.elementary import decay, log
from lpbench.arithmetic.jit import apart, inner
from lpbench.arithmetic.ops import like
from lpbench.arithmetic.vectors import add, copy, fill, transpose
from lpbench.networks.architecture import (
    BIAS,
    DIRECT,
    INPUT,
    LINES,
    OUTPUT,
    OUTPUTS,
    PITCH,
    PLACE,
    PLACES,
    POOLED,
    POSITIONS,
    ROWS,
    SAMPLE,
    SEGMENT,
    SOURCE,
    WEIGHT,
    WIDTH,
    WINDOWS,
)
from lpbench.networks.net import ACTIVATIONS, ERRORS, rounded
from lpbench.networks.operands import back_operands, forward_operands, gradient_operands
from lpbench.networks.sums import (
    BACK,
    FORWARD,
    GRADIENT,
    accumulates,
    multiply_columns,
    multiply_rows,
    place_of,
)


@apart
def gather(net, X, chosen, key, step):
    """The samples `chosen` of X (N, n), borders included, become the input of the first layer."""
    line = net.layers[0]
    size, count = line[SAMPLE], chosen.size
    into = net.inputs[line[INPUT] : line[INPUT] + count * size]
    rounds = net.rounders[ACTIVATIONS, 0, 1] != 0
    whole = net.staged[: count * size] if rounds else into
    for i in range(count):
        copy(whole[i * size : (i + 1) * size], X[chosen[i]])
    if rounds:
        rounded(net, ACTIVATIONS, 0, key, step, whole, into, size)


@apart
def forward(net, weights, count, key, step):
    """From the inputs of `count` samples to the outputs of the last layer."""
    last = net.layers.shape[0] - 1
    for layer in range(last + 1):
        line = net.layers[layer]
        rows, width = count * line[POSITIONS], line[WIDTH]
        out = net.outputs[line[OUTPUT] : line[OUTPUT] + rows * width]
        bias, place = weights[line[BIAS] : line[BIAS] + width], place_of(layer, FORWARD)
        in_few_bits = accumulates(net, place)
        for i in range(rows):
            if in_few_bits:
                fill(out[i * width : (i + 1) * width], like(bias[0], 0.0))
            else:
                copy(out[i * width : (i + 1) * width], bias)
        windows = net.offsets[line[WINDOWS] : line[WINDOWS] + rows]
        inputs, first, factor, whole = net.inputs, line[INPUT], weights, line[WEIGHT]
        if net.products == 1:
            forward_operands(net, layer, weights, count, key, step)
            inputs, first, factor, whole = net.operand, 0, net.factor, 0
        for k in range(line[LINES]):
            start, matrix = first + k * line[PITCH], whole + k * line[SEGMENT] * width
            multiply_rows(
                net, place, inputs, start, windows, rows, factor, matrix, width, out, k * line[SEGMENT], line[SEGMENT],
                k + 1 == line[LINES], key, step,
            )  # fmt: skip
        if in_few_bits:
            for i in range(rows):
                add(out[i * width : (i + 1) * width], bias)
        if layer < last:
            _hand_on(net, layer, count, key, step)


@inner
def _hand_on(net, layer, count, key, step):
    """The outputs of a layer, rectified, pooled and rounded, become the inputs of the next."""
    line, below = net.layers[layer], net.layers[layer + 1]
    width, rows = line[WIDTH], count * line[PLACES]
    out = net.outputs[line[OUTPUT] : line[OUTPUT] + count * line[POSITIONS] * width]
    size, into = rows * width, net.inputs[below[INPUT] : below[INPUT] + count * below[SAMPLE]]
    rounds = net.rounders[ACTIVATIONS, layer + 1, 1] != 0
    made = net.staged[:size] if rounds or not line[DIRECT] else into
    if line[POOLED] == 1:
        _rectify(out, made)
    else:
        _pool(net, line, out, made, count)
    if not rounds and line[DIRECT]:
        return
    done = into if line[DIRECT] else net.spread[:size]
    if not rounded(net, ACTIVATIONS, layer + 1, key, step, made, done, width):
        done = made
    if not line[DIRECT]:
        _place(net, line, below, done, into, count)


@inner
def _rectify(x, out):
    zero = like(x[0], 0.0)
    for j in range(x.size):
        out[j] = x[j] if x[j] > zero else zero


@inner
def _pool(net, line, x, out, count):
    """The largest of the pooled positions, and which it was, the first of equals; not below zero."""
    width, pooled = line[WIDTH], line[POOLED]
    winners = net.winners[line[OUTPUT] : line[OUTPUT] + out.size]
    fill(out, like(x[0], 0.0))
    fill(winners, np.int32(-1))
    for i in range(count):
        for p in range(line[PLACES]):
            to = (i * line[PLACES] + p) * width
            for q in range(pooled):
                at = (i * line[POSITIONS] + net.offsets[line[SOURCE] + p * pooled + q]) * width
                _challenge(x[at : at + width], np.int32(q), out[to : to + width], winners[to : to + width])


@inner
def _challenge(x, q, best, winners):
    """Where x is larger than the best so far, it is the best, and q the winner; all (n,)."""
    for j in range(x.size):
        larger = x[j] > best[j]
        best[j] = x[j] if larger else best[j]
        winners[j] = q if larger else winners[j]


@inner
def _place(net, line, below, x, into, count):
    """x, a row a position, into the samples of the next layer, whose borders are and stay 0."""
    width = line[WIDTH]
    for i in range(count):
        for p in range(line[PLACES]):
            at = (i * line[PLACES] + p) * width
            to = i * below[SAMPLE] + net.offsets[line[PLACE] + p]
            copy(into[to : to + width], x[at : at + width])


@apart
def cross_entropy(net, y, chosen, scale, into):
    """The sum of the losses of the samples `chosen`, and how many are not classified as y (N,) says.

    into   receives the derivative of scale times the sum by the outputs, or is empty.
    """
    line = net.layers[net.layers.shape[0] - 1]
    width, classes, count = line[WIDTH], line[OUTPUTS], chosen.size
    # All samples side by side, as one exponential has to wait for its own multiplications.
    below, powers = net.powers[: count * width], net.powers[count * width : 2 * count * width]
    total, wrong = 0.0, 0
    for i in range(count):
        at = line[OUTPUT] + i * width
        z = net.outputs[at : at + width]
        wrong += _below_largest(z, classes, below[i * width : (i + 1) * width]) != y[chosen[i]]
    _decays(below, powers)
    for i in range(count):
        p, label, mass = powers[i * width : (i + 1) * width], y[chosen[i]], 0.0
        for j in range(classes):
            mass += p[j]
        total += log(mass) - below[i * width + label]
        if into.size:
            e = into[i * width : (i + 1) * width]
            for j in range(classes):
                e[j] = like(e[0], (p[j] / mass - (1.0 if j == label else 0.0)) * scale)
            for j in range(classes, width):
                e[j] = like(e[0], 0.0)
    return total, wrong


@inner
def _below_largest(z, classes, out):
    """out = z - the largest of its classes, float64; which that is, the first of equals: -1 where the first is NaN."""
    best, largest = 0, z[0]
    for j in range(1, classes):
        better = z[j] > largest
        best, largest = j if better else best, z[j] if better else largest
    for j in range(z.size):
        out[j] = np.float64(z[j]) - np.float64(largest)
    return best if largest == largest else -1


@inner
def _decays(x, out):
    """out = exp(x), x at most 0; both (n,)."""
    for j in range(x.size):
        out[j] = decay(x[j])


@apart
def backward(net, weights, gradient, X, y, chosen, scale, key, step):
    """gradient (n,) = the derivative of scale times the sum of the losses; returns that sum, unscaled.

    The inputs and the outputs are those of `forward`.
    """
    last, count = net.layers.shape[0] - 1, chosen.size
    line = net.layers[last]
    size = count * line[WIDTH]
    rounds = net.rounders[ERRORS, last, 1] != 0
    errors = net.errors[line[OUTPUT] : line[OUTPUT] + size]
    made = net.staged[:size] if rounds else errors
    total, _ = cross_entropy(net, y, chosen, scale, made)
    if rounds:
        rounded(net, ERRORS, last, key, step, made, errors, line[WIDTH])
    fill(gradient, like(gradient[0], 0.0))
    for layer in range(last, -1, -1):
        _gradient(net, layer, gradient, count, key, step)
        if layer > 0:
            _back(net, layer, weights, count, key, step)
            _errors(net, layer - 1, count, key, step)
    return total


@inner
def _gradient(net, layer, gradient, count, key, step):
    """The derivatives by a layer's weights and biases, sample after sample."""
    line = net.layers[layer]
    rows, width = count * line[POSITIONS], line[WIDTH]
    windows = net.offsets[line[WINDOWS] : line[WINDOWS] + rows]
    inputs, first, errors, begin = net.inputs, line[INPUT], net.errors, line[OUTPUT]
    if net.products == 1:
        gradient_operands(net, layer, count, key, step)
        inputs, first, errors, begin = net.operand, 0, net.other, 0
    place = place_of(layer, GRADIENT)
    for k in range(line[LINES]):
        start, matrix = first + k * line[PITCH], line[WEIGHT] + k * line[SEGMENT] * width
        into = gradient[matrix : matrix + line[SEGMENT] * width]
        multiply_columns(
            net, place, inputs, start, windows, line[SEGMENT], errors, begin, width, into, k, rows, key, step
        )
    bias = gradient[line[BIAS] : line[BIAS] + width]
    for i in range(rows):
        at = line[OUTPUT] + i * width
        add(bias, net.errors[at : at + width])


@inner
def _back(net, layer, weights, count, key, step):
    """The derivatives by a layer's inputs."""
    line = net.layers[layer]
    rows, width, units = count * line[POSITIONS], line[WIDTH], line[OUTPUTS]
    length = line[LINES] * line[SEGMENT]
    turned, errors, begin = net.turned[: width * length], net.errors, line[OUTPUT]
    matrix = weights[line[WEIGHT] : line[WEIGHT] + length * width]
    if net.products == 1:
        back_operands(net, layer, matrix, count, key, step)
        matrix, errors, begin = net.factor[: length * width], net.other, 0
    transpose(matrix, length, width, turned)
    into = net.errors_in[line[INPUT] : line[INPUT] + count * line[SAMPLE]]
    fill(into, like(into[0], 0.0))
    offsets = net.offsets[line[ROWS] : line[ROWS] + rows]
    alone = line[POSITIONS] == 1 and line[LINES] == 1  # no two windows overlap
    spread = into if alone else net.spread[: rows * length]
    if not alone:
        fill(spread, like(into[0], 0.0))
    place = place_of(layer, BACK)
    multiply_rows(
        net, place, errors, begin, offsets, rows, turned, 0, length, spread, 0, units, True, key, step
    )
    if alone:
        return
    segment = line[SEGMENT]
    for i in range(rows):
        for k in range(line[LINES]):
            at, to = i * length + k * segment, net.offsets[line[WINDOWS] + i] + k * line[PITCH]
            add(into[to : to + segment], spread[at : at + segment])


@inner
def _errors(net, layer, count, key, step):
    """From the derivatives by the next layer's inputs to those by a layer's outputs, rounded."""
    line, below = net.layers[layer], net.layers[layer + 1]
    width, size = line[WIDTH], count * line[POSITIONS] * line[WIDTH]
    errors = net.errors[line[OUTPUT] : line[OUTPUT] + size]
    made = net.staged[:size] if net.rounders[ERRORS, layer, 1] != 0 else errors
    out = net.outputs[line[OUTPUT] : line[OUTPUT] + size]
    if line[POOLED] > 1:
        fill(made, like(made[0], 0.0))
    for i in range(count):
        for p in range(line[PLACES]):
            at, place = i * line[PLACES] + p, below[INPUT] + i * below[SAMPLE] + net.offsets[line[PLACE] + p]
            d = net.errors_in[place : place + width]
            if line[POOLED] == 1:
                _where_positive(d, out[at * width : (at + 1) * width], made[at * width : (at + 1) * width])
            else:
                winners = net.winners[line[OUTPUT] + at * width : line[OUTPUT] + (at + 1) * width]
                for q in range(line[POOLED]):
                    to = (i * line[POSITIONS] + net.offsets[line[SOURCE] + p * line[POOLED] + q]) * width
                    _where_winner(d, winners, np.int32(q), made[to : to + width])
    rounded(net, ERRORS, layer, key, step, made, errors, width)


@inner
def _where_positive(d, x, out):
    zero = like(d[0], 0.0)
    for j in range(d.size):
        out[j] = d[j] if x[j] > zero else zero


@inner
def _where_winner(d, winners, q, out):
    zero = like(d[0], 0.0)
    for j in range(d.size):
        out[j] = d[j] if winners[j] == q else zero
