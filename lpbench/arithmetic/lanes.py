"""What kernels do to LANES neighbouring numbers at once, where a loop over so few of them would go one by one.

Arrays are one-dimensional, contiguous, of float32 or float64. How wide the registers are that do it changes no bit.
"""

from typing import Any

import numpy as np

from lpbench.arithmetic.jit import when_loaded
from lpbench.arithmetic.ops import magnitude, where

LANES = 16


def largest(x, start):
    """The largest `magnitude` of LANES numbers of x from `start` on; a NaN is larger than nothing."""
    sizes = magnitude(x[start : start + LANES])
    return where(sizes <= magnitude(x.dtype.type(np.inf)), sizes, sizes.dtype.type(0)).max()


def spread(x, start, value):
    """LANES numbers of x from `start` on become value."""
    x[start : start + LANES] = value


def turn(x, start, width, out, to, length):
    """LANES columns of LANES rows of x, from `start` on and `width` apart, become rows of out, `length` apart."""
    rows = x[start + width * np.arange(LANES)[:, None] + np.arange(LANES)]
    out[to + length * np.arange(LANES)[:, None] + np.arange(LANES)] = rows.T


@when_loaded
def _register() -> None:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic, overload

    from lpbench.arithmetic import inlining

    word = types.int64

    def vector(context: Any, builder: Any, kind: Any, array: Any) -> tuple[Any, Any]:
        """Functions that load LANES numbers of an array, and store them."""
        data = context.make_array(kind)(context, builder, array).data
        lanes = ir.VectorType(context.get_data_type(kind.dtype), LANES)

        def place(start: Any) -> Any:
            return builder.bitcast(builder.gep(data, [start]), lanes.as_pointer())

        def load(start: Any) -> Any:
            return builder.load(place(start), align=kind.dtype.bitwidth // 8)

        def store(start: Any, value: Any) -> None:
            builder.store(value, place(start), align=kind.dtype.bitwidth // 8)

        return load, store

    def constant(kind: Any, value: Any) -> Any:
        return ir.Constant(ir.VectorType(kind, LANES), [value] * LANES)

    def shuffled(builder: Any, one: Any, other: Any, lanes: list[int]) -> Any:
        return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(ir.IntType(32), LANES), lanes))

    @intrinsic
    def reduced(context, x, start):
        bits = x.dtype.bitwidth
        infinite = int(magnitude(np.dtype(str(x.dtype)).type(np.inf)))

        def generate(context, builder, signature, args):
            load, _ = vector(context, builder, x, args[0])
            integer = ir.IntType(bits)
            sizes = builder.bitcast(load(args[1]), ir.VectorType(integer, LANES))
            sizes = builder.and_(sizes, constant(integer, 2 ** (bits - 1) - 1))
            number = builder.icmp_unsigned("<=", sizes, constant(integer, infinite))
            sizes = builder.select(number, sizes, constant(integer, 0))
            kind, name = ir.FunctionType(integer, [sizes.type]), f"llvm.vector.reduce.umax.v{LANES}i{bits}"
            return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [sizes])

        return (types.int32 if bits == 32 else types.int64)(x, word), generate

    @intrinsic
    def filled(context, x, start, value):
        def generate(context, builder, signature, args):
            _, store = vector(context, builder, x, args[0])
            nothing = ir.Constant(ir.VectorType(args[2].type, LANES), ir.Undefined)
            first = builder.insert_element(nothing, args[2], ir.IntType(32)(0))
            store(args[1], shuffled(builder, first, nothing, [0] * LANES))
            return context.get_dummy_value()

        return types.void(x, word, x.dtype), generate

    @intrinsic
    def turned(context, x, start, width, out, to, length):
        def generate(context, builder, signature, args):
            load, _ = vector(context, builder, x, args[0])
            _, store = vector(context, builder, out, args[3])

            def at(first: Any, pitch: Any, i: int) -> Any:
                return builder.add(first, builder.mul(pitch, ir.IntType(64)(i)))

            rows = [load(at(args[1], args[2], i)) for i in range(LANES)]
            for side in (8, 4, 2, 1):  # squares of this side change places, those beside the diagonal
                upper = [j if not j & side else j - side + LANES for j in range(LANES)]
                lower = [j + side if not j & side else j + LANES for j in range(LANES)]
                for i in range(LANES):
                    if not i & side:
                        one, other = rows[i], rows[i + side]
                        rows[i] = shuffled(builder, one, other, upper)
                        rows[i + side] = shuffled(builder, one, other, lower)
            for i, row in enumerate(rows):
                store(at(args[4], args[5], i), row)
            return context.get_dummy_value()

        return types.void(x, word, word, out, word, word), generate

    options = {"strict": False, "jit_options": inlining.options()}
    overload(largest, **options)(lambda x, start: lambda x, start: reduced(x, start))
    overload(spread, **options)(lambda x, start, value: lambda x, start, value: filled(x, start, value))
    overload(turn, **options)(
        lambda x, start, width, out, to, length: (
            lambda x, start, width, out, to, length: turned(x, start, width, out, to, length)
        )
    )
