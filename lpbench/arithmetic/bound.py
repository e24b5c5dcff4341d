"""Kernels that others call by address: how a tensor is rounded is compiled once, and not in every training loop again.

A kernel here has a first argument of any type, a tuple of what it is to know (a format, a rounding). `Bound` keeps that
in memory of its own, and `call` hands its address on: the caller is compiled without knowing the type.
"""

import weakref
from typing import Any

import numpy as np

from lpbench.arithmetic.jit import Kernel, in_python_now, kernel, when_loaded

_known: weakref.WeakValueDictionary[int, "Bound"] = weakref.WeakValueDictionary()


class Bound:
    """`function(knowledge, x, out, columns, first, second, task)` with its first argument given, for arrays of `dtype`.

    address, state   what `call` takes; they hold while the object lives. 0, 0 stands for nothing to call.
    """

    def __init__(self, function: Kernel, knowledge: tuple[Any, ...], dtype: Any):
        self.function, self.knowledge, self._memory = function, knowledge, np.zeros(0, np.uint8)
        self.address = 0
        if in_python_now():
            self.state = id(self)
        else:
            self._memory = np.zeros(_size(knowledge), np.uint8)
            self.state = self._memory.ctypes.data
            _keep(knowledge, self.state)
            self.address = _address(function, knowledge, dtype)
        _known[self.state] = self


def call(address, state, x, out, columns, first, second, task):
    """What a Bound does with x and out, both (n,), and returns: an int64, as columns and task; first, second uint32."""
    bound = _known[state]
    return bound.function.py_func(bound.knowledge, state, x, out, columns, first, second, task)


def recall(knowledge, state):
    """In a bound kernel: what it was given, from its first two arguments."""
    return knowledge


def _store(knowledge, state):
    """Write `knowledge` to the address `state`."""


def _length(knowledge):
    """Bytes that `_store` writes."""


@kernel
def _keep(knowledge, state):
    _store(knowledge, state)


@kernel
def _size(knowledge):
    return _length(knowledge)


def _address(function: Kernel, knowledge: Any, dtype: Any) -> int:
    from numba import from_dtype, typeof, types

    array = types.Array(from_dtype(np.dtype(dtype)), 1, "C")
    word, half = types.int64, types.uint32
    signature = (types.TypeRef(typeof(knowledge)), word, array, array, word, half, half, word)
    dispatcher = function.compiled
    if signature not in dispatcher.overloads:
        dispatcher.compile(signature)
    made = dispatcher.overloads[signature]
    return int(made.library.get_pointer_to_function(made.fndesc.llvm_func_name))


@when_loaded
def _register() -> None:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic, overload

    from lpbench.arithmetic import inlining

    @intrinsic
    def called(context, address, state, x, out, columns, first, second, task):
        signature = types.int64(address, state, x, out, columns, first, second, task)
        # The TypeRef, which is nothing at run time, is an empty pointer.
        taken = (types.voidptr, types.int64, x, out, types.int64, types.uint32, types.uint32, types.int64)

        def generate(context, builder, signature, args):
            kind = context.call_conv.get_function_type(types.int64, taken)
            function = builder.inttoptr(args[0], kind.as_pointer())
            nothing = ir.Constant(ir.IntType(8).as_pointer(), None)
            _, result = context.call_conv.call_function(
                builder, function, types.int64, taken, [nothing, *args[1:]]
            )
            return result

        return signature, generate

    @intrinsic
    def loaded(context, knowledge, state):
        kind = knowledge.instance_type

        def generate(context, builder, signature, args):
            return builder.load(builder.inttoptr(args[1], context.get_value_type(kind).as_pointer()))

        return kind(knowledge, state), generate

    @intrinsic
    def stored(context, knowledge, state):
        def generate(context, builder, signature, args):
            place = context.get_value_type(signature.args[0]).as_pointer()
            builder.store(args[0], builder.inttoptr(args[1], place))
            return context.get_dummy_value()

        return types.void(knowledge, state), generate

    @intrinsic
    def measured(context, knowledge):
        def generate(context, builder, signature, args):
            size = context.get_abi_sizeof(context.get_value_type(signature.args[0]))
            return context.get_constant(types.int64, size)

        return types.int64(knowledge), generate

    for function, made in ((recall, loaded), (_store, stored)):
        overload(function, strict=False, jit_options=inlining.options())(
            lambda knowledge, state, made=made: lambda knowledge, state: made(knowledge, state)
        )
    overload(_length, strict=False, jit_options=inlining.options())(
        lambda knowledge: lambda knowledge: measured(knowledge)
    )

    @overload(call, strict=False, jit_options=inlining.options())
    def pick(address, state, x, out, columns, first, second, task):
        def to(address, state, x, out, columns, first, second, task):
            return called(
                address,
                state,
                x,
                out,
                np.int64(columns),
                np.uint32(first),
                np.uint32(second),
                np.int64(task),
            )

        return to
