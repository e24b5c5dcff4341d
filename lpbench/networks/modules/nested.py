"""What modules are given and give: tensors in tuples, dicts and dataclasses, however deep."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any


def mapped(change: Callable[[Any], Any], x: Any) -> Any:
    """x with all that is in it and holds nothing itself as `change` gives it; what holds it stays of its kind."""
    if isinstance(x, Mapping):
        found = copy.copy(x) if isinstance(x, MutableMapping) else dict(x)
        for key, value in x.items():
            found[key] = mapped(change, value)
        return found
    if isinstance(x, tuple | list):
        parts = [mapped(change, one) for one in x]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    if _is_dataclass(x):
        other = copy.copy(x)
        for one in dataclasses.fields(x):
            object.__setattr__(other, one.name, mapped(change, getattr(x, one.name)))  # it may be frozen
        return other
    return change(x)


def leaves(x: Any) -> Iterator[Any]:
    """What is in x and holds nothing itself, in its order."""
    if isinstance(x, Mapping):
        parts: Iterable[Any] = x.values()
    elif isinstance(x, tuple | list):
        parts = x
    elif _is_dataclass(x):
        parts = [getattr(x, one.name, None) for one in dataclasses.fields(x)]
    else:
        yield x
        return
    for part in parts:
        yield from leaves(part)


def _is_dataclass(x: Any) -> bool:
    return dataclasses.is_dataclass(x) and not isinstance(x, type)
