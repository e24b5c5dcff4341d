"""Choices as typed values: each reader fills the default and refuses, in one line, what cannot be meant."""

from collections.abc import Mapping
from typing import Any, overload

from lpbench.declared.kinds import Real, Whole, Word


@overload
def whole(choices: Mapping[str, Any], key: str, default: int, least: int = 1) -> int: ...
@overload
def whole(choices: Mapping[str, Any], key: str, default: None, least: int = 1) -> int | None: ...
def whole(choices: Mapping[str, Any], key: str, default: int | None, least: int = 1) -> int | None:
    """The whole number under `key` (a float without fraction counts), or `default` when it is null."""
    value = choices.get(key)
    return default if value is None else int(Whole(least).normal(key, value))


def real(choices: Mapping[str, Any], key: str, default: float | None, positive: bool = False) -> float | None:
    """The finite number under `key`, at least 0 (above 0 if `positive`), or `default` when it is null."""
    value = choices.get(key)
    return default if value is None else Real(0, closed=not positive).normal(key, value)


def one_of(choices: Mapping[str, Any], key: str, allowed: tuple[str, ...], default: str) -> str:
    """The name under `key`, or `default` when it is null."""
    value = choices.get(key)
    return default if value is None else Word(allowed).normal(key, value)
