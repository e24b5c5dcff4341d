"""The dot product, summed in one fixed order: the same bits on every machine, in compiled code and in Python.

Lane l sums the products of the elements j = l (mod LANES), without fused multiply-adds; then lanes are added pairwise,
halving their number. The compiled version says so in vector instructions of LLVM, which no optimiser may reorder; it
is as fast as one that lets the compiler choose the order.
"""

from typing import Any

import numpy as np

from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.jit import when_loaded

_VECTORS = 4  # accumulators, to hide the latency of the addition
_VECTOR_BITS = 512


def lanes(dtype: Any) -> int:
    """How many partial sums there are: 64 in float32, 32 in float64."""
    return _VECTORS * _VECTOR_BITS // (8 * np.dtype(dtype).itemsize)


def dot(x: Vector, w: Vector) -> Any:
    """x . w for two C-contiguous arrays of one length and dtype; x may be int16: its numbers are then w's dtype."""
    count = lanes(w.dtype)
    sums = np.zeros(count, w.dtype)
    whole = x.size - x.size % count
    for start in range(0, whole, count):
        sums += x[start : start + count] * w[start : start + count]
    sums[: x.size - whole] += x[whole:] * w[whole:]
    while count > 1:
        count //= 2
        sums[:count] += sums[count : 2 * count]
    return sums[0]


@when_loaded
def _register() -> None:
    from llvmlite import ir
    from numba.core import cgutils
    from numba.extending import intrinsic, overload

    @intrinsic
    def vector_dot(typing_context, x, w):
        def generate(context, builder, signature, args):
            real = context.get_value_type(signature.return_type)
            bits = signature.return_type.bitwidth
            width, align = _VECTOR_BITS // bits, bits // 8
            whole = ir.VectorType(ir.IntType(16), width)
            vector, step = ir.VectorType(real, width), _VECTORS * width
            xs = context.make_array(signature.args[0])(context, builder, args[0])
            ws = context.make_array(signature.args[1])(context, builder, args[1])
            (size,) = cgutils.unpack_tuple(builder, xs.shape, 1)
            index = size.type

            def load(base, at):
                value = builder.load(builder.bitcast(builder.gep(base, [at]), vector.as_pointer()))
                value.align = align
                return value

            def sample(at):
                if x.dtype == w.dtype:
                    return load(xs.data, at)
                value = builder.load(builder.bitcast(builder.gep(xs.data, [at]), whole.as_pointer()))
                value.align = 2
                return builder.sitofp(value, vector)

            sums = cgutils.alloca_once(builder, ir.ArrayType(real, step))
            base = builder.bitcast(sums, real.as_pointer())
            places = [ir.Constant(index, width * q) for q in range(_VECTORS)]
            registers = [cgutils.alloca_once_value(builder, ir.Constant(vector, None)) for _ in places]
            blocks = builder.udiv(size, ir.Constant(index, step))
            with cgutils.for_range(builder, blocks) as loop:
                start = builder.mul(loop.index, ir.Constant(index, step))
                for register, place in zip(registers, places, strict=True):
                    at = builder.add(start, place)
                    product = builder.fmul(sample(at), load(ws.data, at))
                    builder.store(builder.fadd(builder.load(register), product), register)
            for register, place in zip(registers, places, strict=True):
                target = builder.bitcast(builder.gep(base, [place]), vector.as_pointer())
                builder.store(builder.load(register), target).align = align
            done = builder.mul(blocks, ir.Constant(index, step))
            with cgutils.for_range(builder, builder.sub(size, done)) as loop:
                at, lane = builder.add(done, loop.index), builder.gep(base, [loop.index])
                x_value = builder.load(builder.gep(xs.data, [at]))
                if x.dtype != w.dtype:
                    x_value = builder.sitofp(x_value, real)
                w_value = builder.load(builder.gep(ws.data, [at]))
                builder.store(builder.fadd(builder.load(lane), builder.fmul(x_value, w_value)), lane)
            parts = [load(base, place) for place in places]
            while len(parts) > 1:
                half = len(parts) // 2
                parts = [builder.fadd(parts[q], parts[q + half]) for q in range(half)]
            (total,) = parts
            while width > 1:
                width //= 2
                nothing, mask = ir.Constant(total.type, ir.Undefined), ir.VectorType(ir.IntType(32), width)
                halves = [ir.Constant(mask, list(range(start, start + width))) for start in (0, width)]
                low, high = (builder.shuffle_vector(total, nothing, half) for half in halves)
                total = builder.fadd(low, high)
            return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

        return w.dtype(x, w), generate

    @overload(dot)
    def _(x, w):
        return lambda x, w: vector_dot(x, w)
