"""Vector instructions in LLVM's own language: what a processor has no matching one for, LLVM takes apart."""

from typing import Any

from lpbench.arithmetic.jit import when_loaded

PREFETCH = "llvm.prefetch.p0"


def instructions() -> str:
    """The vector instructions that kernels are compiled to on this machine, the widest first."""
    from numba.core.registry import cpu_target

    _, name, features = cpu_target.target_context.codegen().magic_tuple()
    named = {"+avx512vnni": "AVX-512 VNNI", "+avx512bw": "AVX-512", "+avx2": "AVX2", "+sse4.2": "SSE4.2"}
    return (
        ", ".join(name for feature, name in named.items() if feature in features.split(","))
        or f"those of {name}"
    )


def fetch(x: Any, i: Any) -> None:
    """Have x[i] in the fastest cache soon, x (n,): nothing waits for it."""


@when_loaded
def _register() -> None:
    from numba import types
    from numba.extending import intrinsic, overload

    @intrinsic
    def prefetch(context, x, i):
        def generate(context, builder, signature, args):
            asm = Assembler(context, builder)
            size = args[1].type(x.dtype.bitwidth // 8)
            asm.fetch(asm.bytes_of(x, args[0]), builder.mul(args[1], size))
            return context.get_dummy_value()

        return types.void(x, types.int64), generate

    @overload(fetch)
    def _(x, i):
        return lambda x, i: prefetch(x, i)


class Assembler:
    """Writes instructions where `builder` stands; numbers of `bits` bits, vectors of `lanes` of them."""

    def __init__(self, context: Any, builder: Any):
        from llvmlite import ir
        from numba.core import cgutils

        self.ir, self._functions, self._context, self.builder = ir, cgutils, context, builder

    def vector(self, lanes: int, bits: int) -> Any:
        """The type of a vector of integers."""
        return self.ir.VectorType(self.ir.IntType(bits), lanes)

    def constant(self, lanes: int, bits: int, number: int | list[int]) -> Any:
        """A vector of one number, or of several; what goes beyond the signed range is wrapped around."""
        half, size = 1 << (bits - 1), 1 << bits
        numbers = [number] * lanes if isinstance(number, int) else number
        return self.ir.Constant(self.vector(lanes, bits), [(one + half) % size - half for one in numbers])

    def spread(self, number: Any, lanes: int) -> Any:
        """A vector of a number that is known when it runs."""
        kind = self.ir.VectorType(number.type, lanes)
        nothing = self.ir.Constant(kind, self.ir.Undefined)
        first = self.builder.insert_element(nothing, number, self.ir.Constant(self.ir.IntType(32), 0))
        return self.builder.shuffle_vector(first, nothing, self.constant(lanes, 32, 0))

    def bytes_of(self, kind: Any, array: Any) -> Any:
        """Where the numbers of an array begin."""
        data = self._context.make_array(kind)(self._context, self.builder, array).data
        return self.builder.bitcast(data, self.ir.IntType(8).as_pointer())

    def load(self, base: Any, at: Any, kind: Any) -> Any:
        """The vector `at` so many bytes behind base."""
        place = self.builder.bitcast(self.builder.gep(base, [at]), kind.as_pointer())
        loaded = self.builder.load(place)
        loaded.align = 1
        return loaded

    def store(self, value: Any, base: Any, at: Any) -> None:
        """Put a vector there."""
        place = self.builder.bitcast(self.builder.gep(base, [at]), value.type.as_pointer())
        self.builder.store(value, place).align = 1

    def fetch(self, base: Any, at: Any) -> None:
        """Have the line of memory `at` so many bytes behind base in the fastest cache soon, an array's or not."""
        number = self.ir.IntType(32)
        kinds = [self.ir.IntType(8).as_pointer(), number, number, number]
        told = [self.ir.Constant(number, one) for one in (0, 3, 1)]  # to be read, and again; data
        function = self._declared(PREFETCH, self.ir.VoidType(), kinds)
        self.builder.call(function, [self.builder.gep(base, [at]), *told])

    def call(self, name: str, result: Any, *values: Any, flags: tuple[str, ...] = ()) -> Any:
        """LLVM's function `name` of values."""
        function = self._declared(name, result, [value.type for value in values])
        return self.builder.call(function, values, fastmath=flags)

    def added(self, vector: Any) -> Any:
        """The sum of a vector of floating-point numbers: its halves are added, and again."""
        count = vector.type.count
        while count > 1:
            count //= 2
            halves = [self.constant(count, 32, list(range(start, start + count))) for start in (0, count)]
            low, high = (self.builder.shuffle_vector(vector, vector, half) for half in halves)
            vector = self.builder.fadd(low, high)
        return self.builder.extract_element(vector, self.ir.Constant(self.ir.IntType(32), 0))

    def _declared(self, name: str, result: Any, kinds: list[Any]) -> Any:
        kind = self.ir.FunctionType(result, kinds)
        return self._functions.get_or_insert_function(self.builder.module, kind, name)
