"""How numba compiles what only kernels call: to LLVM's code, which is optimised once, in the kernel that it ends in.

numba makes of each function something that Python may call too: optimised by itself, with machine code and an entry
that unpacks the arguments, and all of it again for whatever it calls: a third of the time that a kernel takes.
"""

import functools
from typing import Any


@functools.cache
def options(copied: bool = True) -> Any:
    """The options of numba's for such a function; copied: to wherever it is called, else it stands in a kernel once."""
    from numba import _dynfunc
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler import Compiler
    from numba.core.compiler_machinery import register_pass
    from numba.core.typed_passes import NativeLowering

    class Part(JITCodeLibrary):
        """LLVM's code of a function and of all that it calls, to be linked into a kernel."""

        def _optimize_functions(self, ll_module: Any) -> None:
            ll_module.data_layout = self._codegen._data_layout

        def _optimize_final_module(self) -> None:
            pass

        def _finalize_final_module(self) -> None:
            self._finalized = True

    @register_pass(mutates_CFG=True, analysis_only=False)
    class Lowering(NativeLowering):
        _name = f"lpbench_lowering_{copied}"

        def run_pass(self, state: Any) -> bool:
            context, flags = state.targetctx, state.flags
            flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
            state.library = Part(context.codegen(), state.func_id.func_qualname)
            super().run_pass(state)
            made = state.cr
            if not copied:
                state.library._final_module.get_function(made.fndesc.llvm_func_name).add_function_attribute(
                    "noinline"
                )
            module, name = made.fndesc.lookup_module(), made.fndesc.qualname
            # What stands for the function where calls of it are compiled. Python has nothing to call: its address is 0.
            handle = _dynfunc.make_function(module, name, "", 0, made.env, (state.library,))
            context.insert_user_function(handle, made.fndesc, [state.library])
            state.cr = made._replace(cfunc=handle)
            return True

    class Inlined(Compiler):
        def define_pipelines(self) -> list[Any]:
            managers = super().define_pipelines()
            for manager in managers:
                manager.passes = [
                    (Lowering if found is NativeLowering else found, why) for found, why in manager.passes
                ]
            return managers

    return {"forceinline": copied, "pipeline_class": Inlined}
