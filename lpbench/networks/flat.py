"""Tensors of modules on the CPU: rounded by the bound kernels, one at a time or all of a flat vector in one call."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.bound import call
from lpbench.arithmetic.jit import inner, kernel
from lpbench.arithmetic.vectors import copy
from lpbench.networks.rounding import OUTSIDE, ROUND, tensor_words
from lpbench.networks.updates import SATURATED, count_moves
from lpbench.networks.watching import count, count_updates

# A tensor's number in the stream of its seed: its role, its place in the role, and which of the roundings of one step.
ROLE_BITS, PLACE_BITS = 3, 16


class Flat(NamedTuple):
    """Tensors that lie one behind the other in vectors.

    tensors    (n, 3) int64: where each begins, its rows and its columns.
    places     (n,) int64: its place in its role.
    rounders   (n, 2) int64: address and state of what rounds it, or 0.
    """

    tensors: Any
    places: Vector
    rounders: Any


@inner
def number(role, place, part):
    """The number of a tensor's rounding, by which its random words are drawn."""
    return (part << (ROLE_BITS + PLACE_BITS)) + (role << PLACE_BITS) + place


@kernel
def round_one(address, state, x, out, columns, role, place, part, key, step):
    """out = x, both (n,), rounded in rows of `columns` numbers."""
    words = tensor_words(key, number(role, place, part), step)
    call(address, state, x, out, columns, words.first, words.second, ROUND)


@kernel
def round_all(flat, x, out, role, part, key, step):
    """out = x, both (n,), each tensor as it is rounded; those that are not, as they are."""
    for i in range(flat.tensors.shape[0]):
        start, columns = flat.tensors[i, 0], flat.tensors[i, 2]
        end = start + flat.tensors[i, 1] * columns
        if flat.rounders[i, 1] == 0:
            copy(out[start:end], x[start:end])
            continue
        words = tensor_words(key, number(role, flat.places[i], part), step)
        call(
            flat.rounders[i, 0], flat.rounders[i, 1], x[start:end], out[start:end], columns, words.first,
            words.second, ROUND,
        )  # fmt: skip


@kernel
def count_one(watch, i, x, out, columns, address, state):
    """Count that tensor i of those watched was x, in rows of `columns`, and `out` became of it, both (n,)."""
    count(watch, i, x, out, columns, address, state)


@kernel
def count_all(flat, watch, x, out, role, whole):
    """Count what became of tensors that lie in x and out, both (n,): whole   1: of those, too, that nothing rounds."""
    for i in range(flat.tensors.shape[0]):
        start, place = flat.tensors[i, 0], watch.index[role, flat.places[i]]
        end = start + flat.tensors[i, 1] * flat.tensors[i, 2]
        if end > start and (whole == 1 or flat.rounders[i, 1] != 0):
            address, state = flat.rounders[i, 0], flat.rounders[i, 1]
            count(watch, place, x[start:end], out[start:end], flat.tensors[i, 2], address, state)


@kernel
def count_all_updates(flat, watch, parts, updates, before, after, role):
    """Count what updates did, all (n,): of which `parts` (3, n) are by cause."""
    for i in range(flat.tensors.shape[0]):
        start, place = flat.tensors[i, 0], watch.index[role, flat.places[i]]
        end = start + flat.tensors[i, 1] * flat.tensors[i, 2]
        if end > start:
            count_updates(
                watch, place, parts[:, start:end], updates[start:end], before[start:end], after[start:end]
            )


@kernel
def audit(flat, before, updated, after, updates, counts):
    """Add to counts (3,) what an update did: `before` became `updated`, by `updates`, and `after` once it was rounded.

    flat   with the rounders of the weights.
    """
    for i in range(flat.tensors.shape[0]):
        start = flat.tensors[i, 0]
        end = start + flat.tensors[i, 1] * flat.tensors[i, 2]
        if flat.rounders[i, 1] != 0:
            counts[SATURATED] += call(
                flat.rounders[i, 0], flat.rounders[i, 1], updated[start:end], updates[start:end],
                flat.tensors[i, 2], np.uint32(0), np.uint32(0), OUTSIDE,
            )  # fmt: skip
    count_moves(counts, updates, before, after)
