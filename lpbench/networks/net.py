"""A network and one cell's scratch, and the rounding of a tensor by its role: what all passes share."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.bound import call
from lpbench.arithmetic.jit import inner
from lpbench.networks.rounding import JUDGE, JUDGED, OUTSIDE, ROUND, tensor_words
from lpbench.networks.watching import count

# Roles of tensors: rows of the table of rounders. A tensor's random numbers are those of its role and its place in it.
WEIGHTS, ACTIVATIONS, ERRORS, GRADIENTS, MOMENTUM, MASTER, SECOND, OPERANDS, SUMS = range(9)
ROLE_COLUMN = (
    "weights",
    "activations",
    "errors",
    "gradients",
    "momentum",
    "master",
    "second_momentum",
    "operands",
    "sums",
)
ROLES = 9
PLACES_OF_ROLE = 1024
_PARTS_OF_SUMS = 1024  # of a tensor's number: no other role rounds a tensor so many times in a step


class Net(NamedTuple):
    """A network and one cell's scratch, as kernels take them; all numbers of one dtype.

    layers, offsets, batch   of the layout.
    rounders    (ROLES, places, 2) int64: address and state of what rounds a tensor, or 0. Activation 0 is the input,
                i + 1 what leaves layer i; error i what enters it from behind; operands as `operands` counts them; of
                the others, place i is tensor i.
    inputs, errors_in   of all layers, and the derivatives by them.
    outputs, errors     the same in front of the nonlinearity.
    staged, spread, turned   scratch.
    winners     int32: which of the pooled it was, or -1; as wide as float32, so that loops over both vectorise.
    nothing     empty.
    watch       what is counted of the tensors of a step that is watched.
    room        scratch of products.
    powers      float64, scratch of two numbers an output.
    operand, other, factor, slopes   where operands of products are rounded: the inputs and the errors of a layer, its
                weights, and scratch (2, n) for any of them turned; empty else.
    products    1: operands of products are rounded.
    chunk       terms of a sum between two roundings of an accumulator.
    partial     where there are accumulators, scratch for the largest product; else empty.
    hadamard    the order of the matrix by which they are rotated before; 0: they are not.
    rotated     (layers, 3) int64: of the products of a layer, how many numbers of what is summed are rotated together
                with those that lie beside them (channels, outputs, samples); 0: the product is not rotated.
    """

    layers: Any
    offsets: Vector
    rounders: Any
    inputs: Vector
    errors_in: Vector
    outputs: Vector
    errors: Vector
    staged: Vector
    spread: Vector
    turned: Vector
    winners: Vector
    nothing: Vector
    watch: Any
    room: Vector
    powers: Vector
    operand: Vector
    other: Vector
    factor: Vector
    slopes: Any
    products: int
    chunk: int
    partial: Vector
    hadamard: int
    rotated: Any
    batch: int


@inner
def tensor_number(role, place, part):
    """The number of a part of a tensor among all that a step rounds: its random words are those of this number."""
    if role == SUMS:
        role, part = WEIGHTS, _PARTS_OF_SUMS + part
    return (part * SUMS + role) * PLACES_OF_ROLE + place


@inner
def rounded(net, role, place, key, step, x, out, columns):
    """out = x as the role rounds it, both (n,); False where it does not, and nothing is written."""
    return rounded_part(net, role, place, 0, key, step, x, out, columns)


@inner
def rounded_part(net, role, place, part, key, step, x, out, columns):
    """The same with random numbers of their own for each `part`, where a tensor is rounded more than once in a step."""
    address, state = net.rounders[role, place, 0], net.rounders[role, place, 1]
    if state == 0:
        return False
    words = tensor_words(key, tensor_number(role, place, part), step)
    call(address, state, x, out, columns, words.first, words.second, JUDGE if step >= JUDGED else ROUND)
    if part == 0 and net.watch.on[0] == 1:
        count(net.watch, net.watch.index[role, place], x, out, columns, address, state)
    return True


@inner
def outside(net, role, place, x, updates, columns):
    """How many of x (n,) the role's format clips, in rows of `columns`, of those with an update; 0: rounds nothing."""
    address, state = net.rounders[role, place, 0], net.rounders[role, place, 1]
    if state == 0:
        return 0
    return call(address, state, x, updates, columns, np.uint32(0), np.uint32(0), OUTSIDE)
