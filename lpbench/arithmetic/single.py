"""A step of training in float32, and with it the dot product that the next step begins with: what integers are beside.

The same pass as `lpbench.arithmetic.integer` makes, with the same care: weights are loaded and stored once a step, and
samples come from memory before they are needed. Sums have a fixed order, and nothing is a fused multiply-add, which
memory would not let be faster: the bits are those of any machine.
"""

from typing import Any

import numpy as np

from lpbench.arithmetic.arrays import LINE, Matrix, Vector
from lpbench.arithmetic.jit import when_loaded

LANES = 64  # partial sums, and coordinates of a group: rows are whole ones
_VECTORS = 4


def single_step(w, h, X, i, j, ahead, c):
    """w <- w - c x_i - h; returns w . x_j; all float32.

    w, h     (n,), n a multiple of LANES; h None: there is none.       X   (N, n).
    ahead    int64: the place in X from which on as many numbers as a row has are fetched to the cache.
    """
    w[:] = w - c * X[i] if h is None else w - c * X[i] - h
    return single_dot(w, X, j)


def single_dot(w: Vector, X: Matrix, j: Any) -> np.float32:
    """w . x_j: lane l sums the products of the elements j = l (mod LANES), then lanes are added pairwise."""
    sums = np.zeros(LANES, np.float32)
    for x, y in zip(w.reshape(-1, LANES), X[j].reshape(-1, LANES), strict=True):
        sums = sums + x * y
    count = LANES
    while count > 1:
        count //= 2
        sums = sums[:count] + sums[count:]
    return np.float32(sums[0])


@when_loaded
def _register() -> None:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic, overload

    from lpbench.arithmetic.assembler import Assembler

    word, real, none = types.int64, types.float32, types.NoneType

    @intrinsic
    def step(context, w, h, X, i, j, ahead, c):
        signature = real(w, h, X, word, word, word, real)

        def generate(context, builder, signature, args):
            asm, index, width = Assembler(context, builder), ir.IntType(64), LANES // _VECTORS
            ws, xs = asm.bytes_of(w, args[0]), asm.bytes_of(X, args[2])
            hs = None if isinstance(h, none) else asm.bytes_of(h, args[1])
            kind = ir.VectorType(ir.FloatType(), width)
            (n,) = cgutils.unpack_tuple(builder, context.make_array(w)(context, builder, args[0]).shape, 1)
            length = builder.mul(n, index(4))
            here, following = builder.mul(args[3], length), builder.mul(args[4], length)
            ahead, factor = builder.mul(args[5], index(4)), asm.spread(builder.fneg(args[6]), width)
            nothing = ir.Constant(kind, None)
            sums = [cgutils.alloca_once_value(builder, nothing) for _ in range(_VECTORS)]
            with cgutils.for_range(builder, builder.udiv(n, index(LANES))) as loop:
                for part, total in enumerate(sums):
                    at = builder.mul(
                        builder.add(builder.mul(loop.index, index(_VECTORS)), index(part)), index(LINE)
                    )
                    asm.fetch(xs, builder.add(ahead, at))
                    x = asm.load(xs, builder.add(here, at), kind)
                    moved = builder.fadd(asm.load(ws, at, kind), builder.fmul(factor, x))
                    if hs is not None:
                        moved = builder.fsub(moved, asm.load(hs, at, kind))
                    asm.store(moved, ws, at)
                    x = asm.load(xs, builder.add(following, at), kind)
                    more = builder.fadd(builder.load(total), builder.fmul(moved, x))
                    builder.store(more, total)
            parts = [builder.load(total) for total in sums]
            while len(parts) > 1:
                half = len(parts) // 2
                parts = [builder.fadd(parts[q], parts[q + half]) for q in range(half)]
            (total,) = parts
            return asm.added(total)

        return signature, generate

    @overload(single_step)
    def _(w, h, X, i, j, ahead, c):
        return lambda w, h, X, i, j, ahead, c: step(w, h, X, i, j, ahead, c)
