"""C += A B with the sums in one fixed order, at the speed of the processor: the product that networks are trained by.

Each sum runs over k ascending, a fused multiply-add each, and begins with what C holds. How many rows and columns are
computed side by side is the processor's business and changes no bit. Rows of A lie anywhere (a convolution's windows
overlap): `rows_into` finds row i at offset[i], `columns_into` sums over them instead. Arrays are one-dimensional,
contiguous, of float32 or float64; matrices start at an offset and have a row length, a multiple of LANES in B and C.
"""

import functools
import math
from fractions import Fraction
from typing import Any

import numpy as np

from lpbench.arithmetic.jit import inner, when_loaded
from lpbench.arithmetic.lanes import LANES
from lpbench.arithmetic.vectors import copy

# Rows of B that are gone through at a time: a few columns of them stay in the fastest cache. Where rows of B are WIDE
# they would push each other out, and SPAN columns are copied first, to rows of a length that spreads them over it.
DEPTH, WIDE, SPAN = 256, 512, 256
PITCH = SPAN + LANES
ROOM = DEPTH * PITCH


def padded(n: int) -> int:
    """n rounded up to whole groups of columns."""
    return -(-n // LANES) * LANES


def rows_into(A, start, offset, m, B, b, width, C, c, K, room):
    """C[i, j] += sum_k A[start + offset[i] + k] B[k, j], for i < m and j < width, k = 0 ... K - 1.

    B (K, width) at b, C (m, width) at c; offset (m,) int64; room: scratch, ROOM numbers.
    """
    _in_order(lambda i, k: A[start + offset[i] + k], m, B, b, width, C, c, K)


def columns_into(A, start, offset, m, B, b, width, C, c, K, room):
    """C[i, j] += sum_k A[start + offset[k] + i] B[k, j], for i < m and j < width, k = 0 ... K - 1.

    B (K, width) at b, C (m, width) at c; offset (K,) int64; room: scratch, ROOM numbers.
    """
    _in_order(lambda i, k: A[start + offset[k] + i], m, B, b, width, C, c, K)


def _in_order(of_A, m, B, b, width, C, c, K):
    for i in range(m):
        at = c + i * width
        for k in range(K):
            row = B[b + k * width : b + (k + 1) * width]
            C[at : at + width] = fused(of_A(i, k), row, C[at : at + width])


@inner
def _pack(B, b, width, n, columns, room):
    """`columns` columns of n rows of B, from b on, into rows of PITCH numbers."""
    for k in range(n):
        copy(room[k * PITCH : k * PITCH + columns], B[b + k * width : b + k * width + columns])


def fused(a, x, c):
    """a x + c, rounded once; a a number, x and c (n,), all of one dtype.

    In float64 by Boldo & Melquiond 2008, "Emulation of a FMA and Correctly Rounded Sums", algorithm 5.
    """
    if x.dtype == np.float32:
        return _odd_sum(np.float64(a) * x.astype(np.float64), c.astype(np.float64)).astype(np.float32)
    if not (_is_tame(a) and _is_tame(x).all() and _is_tame(c).all()):
        return np.array([_fused(float(a), float(one), float(other)) for one, other in zip(x, c, strict=True)])
    product, rest = _product(a, x)
    top, more = _sum(c, rest)
    total, last = _sum(product, top)
    return np.where(product == 0, product + c, total + _odd_sum(more, last))


def _is_tame(x):
    """Whether errors of products and sums are numbers themselves."""
    return (x == 0) | ((abs(x) > 2.0**-400) & (abs(x) < 2.0**400))


def _sum(a, b):
    """a + b, and what rounding took."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


def _product(a, b):
    """a b, and what rounding took."""
    product, (high, low), (top, rest) = a * b, _halves(a), _halves(b)
    return product, low * rest - (((product - high * top) - low * top) - high * rest)


def _halves(x):
    big = (2.0**27 + 1) * x
    high = big - (big - x)
    return high, x - high


def _odd_sum(a, b):
    """a + b in float64, rounded to odd: rounded again, in half the bits or beside a larger number, it is the sum."""
    total, rest = _sum(a, b)
    bits = total.view(np.int64)
    even = (bits & 1 == 0) & (rest != 0) & np.isfinite(total)
    away = (rest > 0) == (total > 0)
    return np.where(even, np.where(away, bits + 1, bits - 1), bits).view(np.float64)


def _fused(a: float, x: float, c: float) -> float:
    if not (math.isfinite(a) and math.isfinite(x) and math.isfinite(c)):
        return a * x + c
    exact = Fraction(a) * Fraction(x) + Fraction(c)
    if exact == 0:
        return a * x + c
    try:
        return float(exact)
    except OverflowError:
        return math.copysign(math.inf, exact)


@when_loaded
def _register() -> None:
    from numba.core.registry import cpu_target
    from numba.extending import overload, register_jitable

    from lpbench.arithmetic import inlining

    # Of C, two registers of columns by as many rows as leave registers to the rows of B and the numbers of A.
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    rows, register = (8, 512) if "+avx512f" in features else (6, 256)

    def panel(columns: int, by_rows: bool) -> Any:
        """All rows of so many columns."""
        whole, rest, few = (_tile(*of, columns, by_rows) for of in ((rows, True), (rows, False), (4, False)))

        @register_jitable(**inlining.options())
        def into(A, start, offset, m, B, b, length, C, c, width, K):
            left = m % rows
            for i in range(0, m - left, rows):
                whole(A, start, offset, i, m, B, b, length, C, c, width, K)
            if left > 4:
                rest(A, start, offset, m - left, m, B, b, length, C, c, width, K)
            elif left > 0:
                few(A, start, offset, m - left, m, B, b, length, C, c, width, K)

        return into

    @functools.cache
    def product(bits: int, by_rows: bool) -> Any:
        columns = 2 * register // bits
        full, odd = panel(columns, by_rows), columns > LANES
        half = panel(LANES, by_rows) if odd else full

        def into(A, start, offset, m, B, b, width, C, c, K, room):
            pack = width >= WIDE and m > rows
            for begin in range(0, K, DEPTH):
                n = min(DEPTH, K - begin)
                first = start + begin if by_rows else start
                offsets = offset if by_rows else offset[begin:]
                for j in range(0, width, columns):
                    D, d, length = B, b + begin * width + j, width
                    if pack:
                        if j % SPAN == 0:
                            _pack(B, d, width, n, min(SPAN, width - j), room)
                        D, d, length = room, j % SPAN, PITCH
                    if odd and j + columns > width:
                        half(A, first, offsets, m, D, d, length, C, c + j, width, n)
                        continue
                    full(A, first, offsets, m, D, d, length, C, c + j, width, n)

        return into

    for function, by_rows in ((rows_into, True), (columns_into, False)):
        overload(function, strict=False, jit_options=inlining.options())(
            lambda A, start, offset, m, B, b, width, C, c, K, room, by_rows=by_rows: product(
                A.dtype.bitwidth, by_rows
            )
        )


def _tile(rows: int, whole: bool, columns: int, by_rows: bool) -> Any:
    """`rows` rows and `columns` columns of C from row i on, in registers from the first k to the last.

    whole   so many rows are there; else the last of m takes the places of those that are not, and comes out the same in
            all of them: the sums of few rows wait for each other, and take no less time.
    """
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    @intrinsic
    def tile(context, A, start, offset, i, m, B, b, length, C, c, width, K):
        word = types.int64
        signature = types.void(A, word, offset, word, word, B, word, word, C, word, word, word)

        def generate(context, builder, signature, args):
            arrays = {
                n: context.make_array(signature.args[n])(context, builder, args[n]).data for n in (0, 2, 5, 8)
            }
            start, i, m, b, length, c, width, K = (args[n] for n in (1, 3, 4, 6, 7, 9, 10, 11))
            real = context.get_data_type(A.dtype)
            vector, index = ir.VectorType(real, columns), ir.IntType(64)
            size = A.dtype.bitwidth // 8
            name = f"llvm.fma.v{columns}f{A.dtype.bitwidth}"
            multiply_add = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(vector, [vector] * 3), name
            )

            def place(array, at):
                return builder.bitcast(builder.gep(array, [at]), vector.as_pointer())

            def load(array, at):
                loaded = builder.load(place(array, at))
                loaded.align = size
                return loaded

            def spread(number):
                first = builder.insert_element(ir.Constant(vector, ir.Undefined), number, index(0))
                every = ir.Constant(ir.VectorType(ir.IntType(32), columns), [0] * columns)
                return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), every)

            steps = [index(row) for row in range(rows)]
            if not whole:
                last = builder.sub(builder.sub(m, index(1)), i)
                steps = [builder.select(builder.icmp_signed("<", row, last), row, last) for row in steps]
            places = [builder.add(i, row) for row in steps]
            targets = [builder.add(c, builder.mul(at, width)) for at in places]
            sums = []
            for target in targets:
                total = cgutils.alloca_once(builder, vector)
                builder.store(load(arrays[8], target), total)
                sums.append(total)
            # By rows, row r of A starts at offset[i + r]; else it is column i + r, from offset[k] on.
            first = start if by_rows else builder.add(start, i)
            if by_rows:
                steps = [builder.load(builder.gep(arrays[2], [at])) for at in places]
            with cgutils.for_range(builder, K) as loop:
                k = loop.index
                line = load(arrays[5], builder.add(b, builder.mul(k, length)))
                at = k if by_rows else builder.load(builder.gep(arrays[2], [k]))
                numbers = builder.gep(arrays[0], [builder.add(first, at)])
                for step, total in zip(steps, sums, strict=True):
                    number = spread(builder.load(builder.gep(numbers, [step])))
                    builder.store(builder.call(multiply_add, [number, line, builder.load(total)]), total)
            for target, total in zip(targets, sums, strict=True):
                stored = builder.store(builder.load(total), place(arrays[8], target))
                stored.align = size
            return context.get_dummy_value()

        return signature, generate

    return tile
