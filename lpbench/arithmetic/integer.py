"""A step of training in integers of 8 and 16 bits, and with it the dot product that the next step begins with.

One pass: a group of LANES coordinates of the weights is loaded, updated by the sample at hand, stored, and multiplied
by the next sample. So weights cost a load and a store a step, and samples come from memory once. Written in LLVM's own
language, of which it makes vpmulhw, vpdpwssd and the like where a processor has them; the same bits where not.
"""

from typing import Any

import numpy as np

from lpbench.arithmetic.arrays import LINE, Matrix, Vector, zeros
from lpbench.arithmetic.generator import FIRST, GOLDEN, SECOND, random_bits
from lpbench.arithmetic.jit import when_loaded

LANES = 64
HALF = LANES // 2
MOST_BITS = 12  # of the fraction of an update
MOST_SHIFT = 4  # bits by which an update may be coarser than what z is stored in
LARGEST = 2**15 - 1  # of a coefficient
_FLUSH = 64  # groups after which sums of 32 bits are added to those of 64: they hold 256 of them


def padded(n: int) -> int:
    """n rounded up to whole groups."""
    return -(-n // LANES) * LANES


def stored(X: Matrix) -> Matrix:
    """Rows (N, n) of int8 or int16 as kernels read them: of int8, coordinates j and j + HALF lie side by side.

    So a group of bytes, taken as numbers of 16 bits, has one half of the coordinates in the upper byte of each, and the
    other is a shift away.
    """
    shape = len(X), padded(X.shape[1])
    rows = zeros(shape[0] * shape[1], X.dtype).reshape(shape)
    rows[:, : X.shape[1]] = X
    if X.dtype == np.int8:
        groups = rows.reshape(len(rows), -1, 2, HALF)
        groups[:] = np.swapaxes(groups, 2, 3).reshape(groups.shape).copy()
    return rows


def wide(x: Vector) -> Vector:
    """A stored row as int64, in the units of 16 bits: a byte counts 256."""
    if x.dtype == np.int8:
        return 256 * np.swapaxes(x.reshape(-1, HALF, 2), 1, 2).reshape(-1).astype(np.int64)
    return x.astype(np.int64)


def integer_step(z, h, X, i, j, ahead, first, second, a, b, bits, low, up):
    """z <- z - Q(a x_i + b z + h), saturating; returns z . x_j, int64.

    z        (n,) int16, n a multiple of LANES; of whole quanta, each 2**low.
    h        (n,) int16, in 2**-bits quanta; None: there is none.
    X        (N, n) int8 or int16, as `stored` lays them; int16 without -2**15.
    ahead    int64: the place in X from which on as many numbers as a row has are fetched to the cache.
    a, b     int16: a x_i 2**-16 and b z 2**-16 are in 2**-bits quanta, x_i in units of 16 bits.
    bits     int16, low - MOST_SHIFT ... MOST_BITS: fraction bits of the update, which as many random bits round; fewer
             than low where updates are large: they then come in steps of 2**-bits quanta. Two coordinates share 16
             random bits, one from the lowest and one from the highest: of more than 8, the first of one are the last
             of the other, which correlates their rounding by 0.06 at most.
    low      int16, 0 or 8: what of a number of z is not used.
    up       products are rounded up to 2**-bits quanta, else down: who takes turns loses nothing on average.
    """
    groups = np.arange(z.size // LANES * (LANES // 4), dtype=np.uint32)
    halves = random_bits(first, second, groups).astype("<u4").view("<u2").reshape(-1, HALF).astype(np.int64)
    drawn = max(int(bits), 0)
    r = np.stack([halves & ((1 << drawn) - 1), halves >> (16 - drawn)], 1).reshape(-1)
    w = z.astype(np.int64)
    t = _saturated(r - _product(wide(X[i]), a, up))
    t = _saturated(t - _product(w, b, up))
    if h is not None:
        t = _saturated(t - h)
    shift = int(bits) - int(low)
    t = t >> shift if shift >= 0 else _saturated(t << -shift)
    z[:] = _saturated(w + t) & -(1 << int(low))
    return integer_dot(z, X, j)


def integer_dot(z, X, j):
    """z . x_j, int64; x_j in units of its own bits."""
    product = np.int64(z.astype(np.int64) @ wide(X[j]))
    return product >> np.int64(8) if X.dtype == np.int8 else product


def _product(x: Any, a: Any, up: Any) -> Any:
    a = int(a)
    return -((-a * x) >> 16) if up else (a * x) >> 16


def _saturated(x: Any) -> Any:
    return np.clip(x, -(2**15), 2**15 - 1)


@when_loaded
def _register() -> None:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic, overload

    from lpbench.arithmetic.assembler import Assembler

    word, none = types.int64, types.NoneType

    @intrinsic
    def step(context, z, h, X, i, j, ahead, first, second, a, b, bits, low, up):
        number = types.uint32, types.uint32, types.int16
        signature = word(z, h, X, word, word, word, *number, *[types.int16] * 3, types.boolean)

        def generate(context, builder, signature, args):
            asm = Assembler(context, builder)
            kinds, size = signature.args, X.dtype.bitwidth // 8
            (n,) = cgutils.unpack_tuple(builder, context.make_array(z)(context, builder, args[0]).shape, 1)
            length = builder.mul(n, n.type(size))
            group = Step(asm, size, kinds, args, length)
            groups = builder.udiv(n, n.type(LANES))
            none_drawn = builder.icmp_signed("<=", args[10], args[10].type(0))
            coarse = builder.or_(builder.icmp_signed("<", args[10], args[11]), none_drawn)
            # One factor is the rule, and the fastest; what is coarse has both.
            one = builder.and_(builder.icmp_signed("==", args[9], args[9].type(0)), builder.not_(coarse))
            with builder.if_else(args[12]) as (above, below):
                for branch, up in ((above, True), (below, False)):
                    with branch, builder.if_else(one) as (alone, more):
                        with alone:
                            group.groups(groups, up, ["a"], False)
                        with more, builder.if_else(coarse) as (left, right):
                            with left:
                                group.groups(groups, up, ["a", "b"], True)
                            with right:
                                group.groups(groups, up, ["a", "b"], False)
            return group.total()

        return signature, generate

    @intrinsic
    def product(context, z, X, j):
        def generate(context, builder, signature, args):
            asm, size = Assembler(context, builder), X.dtype.bitwidth // 8
            (n,) = cgutils.unpack_tuple(builder, context.make_array(z)(context, builder, args[0]).shape, 1)
            row = builder.mul(args[2], builder.mul(n, n.type(size)))
            group = Product(asm, size, asm.bytes_of(z, args[0]), asm.bytes_of(X, args[1]), row)
            group.all(builder.udiv(n, n.type(LANES)))
            return group.total()

        return word(z, X, word), generate

    class Product:
        """The instructions of a dot product for one group of coordinates, and the loop over all."""

        def __init__(self, asm, size, z, X, row):
            self.asm, self.builder, self.size, self.z, self.X, self.next = asm, asm.builder, size, z, X, row
            self.half, self.sum = asm.vector(HALF, 16), asm.vector(HALF // 2, 32)
            self.sums = [cgutils.alloca_once(asm.builder, self.sum) for _ in range(2)]
            nothing = asm.constant(HALF // 2, 64, 0)
            self.large = [cgutils.alloca_once_value(asm.builder, nothing) for _ in range(2)]

        def all(self, groups):
            builder, index = self.builder, ir.IntType(64)
            flush = index(_FLUSH)
            parts = builder.udiv(builder.add(groups, index(_FLUSH - 1)), flush)
            with cgutils.for_range(builder, parts) as outer:
                begin = builder.mul(outer.index, flush)
                left = builder.sub(groups, begin)
                count = builder.select(builder.icmp_unsigned("<", left, flush), left, flush)
                for place in self.sums:
                    builder.store(self.asm.constant(HALF // 2, 32, 0), place)
                with cgutils.for_range(builder, count) as loop:
                    self.one(builder.mul(builder.add(begin, loop.index), index(LANES)))
                for place, large in zip(self.sums, self.large, strict=True):
                    more = builder.sext(builder.load(place), self.asm.vector(HALF // 2, 64))
                    builder.store(builder.add(builder.load(large), more), large)

        def one(self, start):
            at = self.builder.mul(start, start.type(self.size))
            following = self.samples(self.next, at)
            for part in range(2):
                w = self.asm.load(self.z, self.place(start, part), self.half)
                self.multiply(w, self.own(following, part), part)

        def place(self, start, part):
            """Where a half of a group of weights is, in bytes."""
            return self.builder.add(self.builder.mul(start, start.type(2)), start.type(part * 2 * HALF))

        def samples(self, row, at):
            """A group of a row: bytes two by two, or the halves one after the other."""
            builder, at = self.builder, self.builder.add(row, at)
            return [
                self.asm.load(self.X, builder.add(at, at.type(LINE * line)), self.half)
                for line in range(self.size)
            ]

        def own(self, x, part):
            """The same in units of its own bits."""
            eight = self.asm.constant(HALF, 16, 8)
            if self.size == 2:
                return x[part]
            return self.builder.ashr(self.builder.shl(x[0], eight) if part == 0 else x[0], eight)

        def multiply(self, w, x, part):
            """Add the products: of bytes to a sum for each half, of 16 bits their upper and lower ones to one each."""
            builder, long = self.builder, self.asm.vector(HALF, 32)
            product = builder.mul(builder.sext(w, long), builder.sext(x, long), flags=("nsw",))
            even, odd = (
                builder.shuffle_vector(
                    product, product, self.asm.constant(HALF // 2, 32, list(range(of, HALF, 2)))
                )
                for of in (0, 1)
            )
            pairs = builder.add(even, odd)
            if self.size == 1:
                return self.gather(pairs, part)
            self.gather(builder.ashr(pairs, self.asm.constant(HALF // 2, 32, 16)), 0)
            return self.gather(builder.and_(pairs, self.asm.constant(HALF // 2, 32, 0xFFFF)), 1)

        def gather(self, more, which):
            place = self.sums[which]
            self.builder.store(self.builder.add(self.builder.load(place), more), place)

        def total(self):
            builder = self.builder
            first, second = (builder.load(place) for place in self.large)
            if self.size == 2:
                first = builder.shl(first, self.asm.constant(HALF // 2, 64, 16))
            name = f"llvm.vector.reduce.add.v{HALF // 2}i64"
            return self.asm.call(name, ir.IntType(64), builder.add(first, second))

    class Step(Product):
        """The same of a step.

        up, names, coarse   how products are rounded, which factors there are, whether bits are fewer than low, or none.
        """

        def __init__(self, asm, size, kinds, args, length):
            z, h, X, i, j, ahead, first, second, a, b, bits, low, _ = args
            builder, index = asm.builder, ir.IntType(64)
            self.up, self.names, self.coarse = False, ["a", "b"], False
            super().__init__(
                asm, size, asm.bytes_of(kinds[0], z), asm.bytes_of(kinds[2], X), builder.mul(j, length)
            )
            self.h = None if isinstance(kinds[1], none) else asm.bytes_of(kinds[1], h)
            self.here = builder.mul(i, length)
            self.ahead = builder.mul(ahead, index(size))
            self.factors = {
                name: [asm.spread(one, HALF) for one in (factor, builder.neg(factor))]
                for name, factor in (("a", a), ("b", b))
            }
            zero, one, sixteen = (ir.IntType(16)(number) for number in (0, 1, 16))
            drawn = builder.select(builder.icmp_signed(">", bits, zero), bits, zero)
            self.mask = asm.spread(builder.sub(builder.shl(one, drawn), one), HALF)
            # By 16 bits nothing can be shifted: where none are drawn, what is left of 1 is masked.
            most = builder.select(builder.icmp_signed(">", bits, zero), bits, one)
            self.drop = asm.spread(builder.sub(sixteen, most), HALF)
            shift = builder.sub(bits, low)
            self.shifts = {False: asm.spread(shift, HALF), True: asm.spread(builder.neg(shift), HALF)}
            self.keep = asm.spread(builder.neg(builder.shl(one, low)), HALF)
            self.second = asm.spread(second, HALF // 2)
            steps = asm.constant(HALF // 2, 32, [int(GOLDEN) * lane for lane in range(HALF // 2)])
            start = builder.add(asm.spread(first, HALF // 2), steps)
            self.counter = cgutils.alloca_once_value(builder, start)

        def groups(self, count, up, names, coarse):
            self.up, self.names, self.coarse = up, names, coarse
            self.all(count)

        def one(self, start):
            builder, asm = self.builder, self.asm
            at = builder.mul(start, start.type(self.size))
            for line in range(self.size):
                asm.fetch(self.X, builder.add(builder.add(self.ahead, at), at.type(LINE * line)))
            random = self.random()
            halves = [builder.and_(random, self.mask), builder.lshr(random, self.drop)]
            if self.coarse:
                halves[1] = builder.and_(halves[1], self.mask)
            x, following = self.samples(self.here, at), self.samples(self.next, at)
            for part in range(2):
                place = self.place(start, part)
                w = asm.load(self.z, place, self.half)
                t = halves[part]
                for name in self.names:
                    t = self.less(t, self.upper(x, part) if name == "a" else w, name)
                if self.h is not None:
                    t = self.limited("ssub", t, asm.load(self.h, place, self.half))
                w = builder.and_(self.limited("sadd", w, self.shifted(t)), self.keep)
                asm.store(w, self.z, place)
                self.multiply(w, self.own(following, part), part)

        def shifted(self, t):
            """An update in what z is stored in."""
            by = self.shifts[self.coarse]
            return self.limited("sshl", t, by) if self.coarse else self.builder.ashr(t, by)

        def upper(self, x, part):
            """Half of a group in units of 16 bits."""
            if self.size == 2:
                return x[part]
            if part == 0:
                return self.builder.shl(x[0], self.asm.constant(HALF, 16, 8))
            return self.builder.and_(x[0], self.asm.constant(HALF, 16, 0xFF00))

        def less(self, t, x, name):
            """t - factor x 2**-16; LLVM finds the one instruction that this is."""
            builder, long = self.builder, self.asm.vector(HALF, 32)
            product = builder.mul(builder.sext(x, long), builder.sext(self.factors[name][self.up], long))
            upper = builder.ashr(product, self.asm.constant(HALF, 32, 16))
            return self.limited("sadd" if self.up else "ssub", t, builder.trunc(upper, self.half))

        def limited(self, what, x, y):
            return self.asm.call(f"llvm.{what}.sat.v{HALF}i16", self.half, x, y)

        def random(self):
            """`random_bits` of the group's words, two numbers of 16 bits each."""
            builder, lanes = self.builder, HALF // 2
            shifts = {by: self.asm.constant(lanes, 32, by) for by in (15, 16)}
            first, second = (self.asm.constant(lanes, 32, int(one)) for one in (FIRST, SECOND))
            count = builder.load(self.counter)
            step = self.asm.constant(lanes, 32, int(GOLDEN) * lanes)
            builder.store(builder.add(count, step), self.counter)
            x = builder.mul(builder.xor(count, builder.lshr(count, shifts[16])), first)
            x = builder.mul(builder.xor(builder.xor(x, builder.lshr(x, shifts[15])), self.second), second)
            return builder.bitcast(builder.xor(x, builder.lshr(x, shifts[16])), self.half)

    @overload(integer_step)
    def _(z, h, X, i, j, ahead, first, second, a, b, bits, low, up):
        return lambda z, h, X, i, j, ahead, first, second, a, b, bits, low, up: step(
            z, h, X, i, j, ahead, first, second, a, b, bits, low, up
        )

    @overload(integer_dot)
    def _(z, X, j):
        return lambda z, X, j: product(z, X, j)
