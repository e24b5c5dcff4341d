"""Hydra's functions of override values (`range`, `sort`, `shuffle`, casts ...), with every range as a list; and formats
with choices of their own, `block(precision=8)`, which are no functions but values as they are written.

Hydra keeps a range as start, stop and step, and sorts and casts these three in place of the values: its
`sort(range(12,3,-4))` is 7, 11, 15, and its `int(range(0,3,0.5))` has a step of 0.
"""

import inspect
import math
from fractions import Fraction
from typing import Any, Union

from lpbench import registry
from lpbench.declared.kinds import called

MAX_VALUES = 1_000_000  # of one key; a longer list is a slip that would fill the memory before any question

FUNCTIONS = {
    "choice": "choice(4,8)",
    "range": "range(start,stop,step)",
    "glob": "glob(fp8_*)",
    "sort": "sort(8,4,reverse=true)",
    "shuffle": "shuffle(4,8)",
    "tag": "tag(name,choice(4,8))",
    **{cast: f"{cast}(...)" for cast in ("int", "float", "str", "bool")},
}


def functions() -> Any:
    """The functions for Hydra's parser of overrides; what they raise becomes its HydraException."""
    from hydra._internal.grammar import grammar_functions
    from hydra._internal.grammar.functions import Functions
    from hydra.core.override_parser.overrides_parser import create_functions
    from hydra.core.override_parser.types import ChoiceSweep

    def listed(
        start: Union[int, float],  # noqa: UP007 (Hydra checks arguments by annotations of this kind)
        stop: Union[int, float, None] = None,  # noqa: UP007
        step: Union[int, float] = 1,  # noqa: UP007
    ) -> Any:
        return ChoiceSweep(list=values(*((0, start) if stop is None else (start, stop)), step))

    def ordered(*arguments: Any, **named: Any) -> Any:
        found = grammar_functions.sort(*arguments, **named)
        if isinstance(found, ChoiceSweep):
            found.shuffle = False  # of what was sorted, where that was shuffled
        return found

    class WithFormats(Functions):
        def eval(self, func: Any) -> Any:
            # A format, or a slip of one, which who reads the key can name; `float` is both.
            known = func.name in self.definitions and func.name not in registry.formats.names()
            return super().eval(func) if known or func.args or not func.kwargs else _written(func)

    made = create_functions()
    found = WithFormats(made.definitions, made.functions)
    found.functions |= {"range": listed, "sort": ordered}
    found.definitions["range"] = inspect.signature(listed)
    return found


def _written(call: Any) -> str:
    return called(call.name, {key: getattr(value, "text", value) for key, value in call.kwargs.items()})


def values(start: int | float, stop: int | float, step: int | float) -> list[Any]:
    """start, start + step ... before stop; decimals are taken as they are written, so 0.1 three times is 0.3.

    Raises ValueError for a step of 0, for what is not finite, and for more than MAX_VALUES values.
    """
    if not all(map(math.isfinite, (start, stop, step))):
        raise ValueError("start, stop and step must be finite")
    if step == 0:
        raise ValueError("the step must not be 0")
    first, last, stride = (Fraction(x if isinstance(x, int) else repr(x)) for x in (start, stop, step))
    count = max(0, math.ceil((last - first) / stride))
    if count > MAX_VALUES:
        raise ValueError(f"more than {MAX_VALUES:,} values of one key")
    if all(isinstance(x, int) for x in (start, stop, step)):
        return list(range(int(start), int(stop), int(step)))
    return [float(first + i * stride) for i in range(count)]
