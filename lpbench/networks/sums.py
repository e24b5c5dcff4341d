"""The products of a layer, with their sums in an accumulator of few bits where there is one.

A layer has three: outputs = inputs weights, the derivatives by its inputs = errors weights^T, those by its weights =
inputs^T errors. Of each, sums run over their terms in order; an accumulator begins at 0, is brought to its format
after every `chunk` of the terms and behind the last, and what is added to its result (a bias) is added in full.
"""

import numpy as np

from lpbench.arithmetic.bound import call
from lpbench.arithmetic.jit import apart, inner
from lpbench.arithmetic.tiles import columns_into, rows_into
from lpbench.arithmetic.vectors import copy
from lpbench.networks.net import SUMS, tensor_number
from lpbench.networks.rounding import ROUND, tensor_words

# Places of the role: of each layer these three.
FORWARD, BACK, GRADIENT = range(3)
EACH = 3
# What tables call them.
NAMES = ("forward.sum", "back.sum", "gradient.sum")


@inner
def place_of(layer, product):
    """The place of one of a layer's products."""
    return EACH * layer + product


@inner
def accumulates(net, place):
    """Whether the sums of a product are rounded."""
    return net.rounders[SUMS, place, 1] != 0


@inner
def multiply_rows(net, place, A, start, offset, m, B, b, width, C, before, K, last, key, step):
    """C (m, width) += as `rows_into`, its sums in the accumulator of `place`.

    before   terms that the sums have already.     last   whether no more come behind these K.
    """
    address, state = net.rounders[SUMS, place, 0], net.rounders[SUMS, place, 1]
    _by_rows(
        address, state, net.chunk, place, A, start, offset, m, B, b, width, C, before, K, last, key, step, net.partial,
        net.room,
    )  # fmt: skip


@inner
def multiply_columns(net, place, A, start, offset, m, B, b, width, C, part, K, key, step):
    """C (m, width) += as `columns_into`, all of its K terms at once, its sums in the accumulator of `place`.

    part   which of several matrices it is that the product comes in: each has random numbers of its own.
    """
    address, state = net.rounders[SUMS, place, 0], net.rounders[SUMS, place, 1]
    _by_columns(
        address, state, net.chunk, place, A, start, offset, m, B, b, width, C, part, K, key, step, net.partial, net.room
    )  # fmt: skip


@apart
def _by_rows(
    address,
    state,
    chunk,
    place,
    A,
    start,
    offset,
    m,
    B,
    b,
    width,
    C,
    before,
    K,
    last,
    key,
    step,
    partial,
    room,
):
    done = np.int64(0)
    while done < K:
        n = _terms(state, chunk, before + done, K - done)
        rows_into(A, start + done, offset, m, B, b + done * width, width, C, 0, n, room)
        done += n
        if state != 0 and ((before + done) % chunk == 0 or (last and done == K)):
            words = _words(place, (before + done - 1) // chunk, key, step)
            _bring(address, state, words, C, partial, width)


@apart
def _by_columns(
    address, state, chunk, place, A, start, offset, m, B, b, width, C, part, K, key, step, partial, room
):
    done = np.int64(0)
    while done < K:
        n = _terms(state, chunk, done, K - done)
        columns_into(A, start, offset[done:], m, B, b + done * width, width, C, 0, n, room)
        done += n
        if state != 0:
            words = _words(place, part * (-(-K // chunk)) + (done - 1) // chunk, key, step)
            _bring(address, state, words, C, partial, width)


@inner
def _terms(state, chunk, before, left):
    """How many of the terms that are left are summed before the next rounding."""
    return left if state == 0 else min(left, chunk - before % chunk)


@inner
def _words(place, rounding, key, step):
    """The random words of one of the roundings of a product."""
    return tensor_words(key, tensor_number(SUMS, place, rounding), step)


@inner
def _bring(address, state, words, C, partial, width):
    """C, sums, to the format of the accumulator."""
    out = partial[: C.size]
    call(address, state, C, out, width, words.first, words.second, ROUND)
    copy(C, out)
