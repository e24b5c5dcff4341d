"""Choices as typed values: each reader fills the default and refuses, in one line, what cannot be meant."""

import math
from collections.abc import Mapping
from typing import Any, overload

from lpbench.errors import ConfigError, did_you_mean


@overload
def whole(choices: Mapping[str, Any], key: str, default: int, least: int = 1) -> int: ...
@overload
def whole(choices: Mapping[str, Any], key: str, default: None, least: int = 1) -> int | None: ...
def whole(choices: Mapping[str, Any], key: str, default: int | None, least: int = 1) -> int | None:
    """The whole number under `key` (a float without fraction counts), or `default` when it is null."""
    value = choices.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or value < least:
        raise ConfigError(f"{key} must be a whole number of at least {least}, got {value!r}")
    if not math.isfinite(value) or int(value) != value:
        raise ConfigError(f"{key} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def real(choices: Mapping[str, Any], key: str, default: float | None, positive: bool = False) -> float | None:
    """The finite number under `key`, at least 0 (above 0 if `positive`), or `default` when it is null."""
    value = choices.get(key)
    if value is None:
        return default
    allowed = "a positive finite number" if positive else "a finite number of at least 0"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigError(f"{key} must be {allowed}, got {value!r}")
    if value < 0 or (positive and value == 0):
        raise ConfigError(f"{key} must be {allowed}, got {value!r}")
    return float(value)


def one_of(choices: Mapping[str, Any], key: str, allowed: tuple[str, ...], default: str) -> str:
    """The name under `key`, or `default` when it is null."""
    value = choices.get(key)
    if value is None:
        return default
    if value not in allowed:
        raise ConfigError(f"unknown {key} {value!r}.{did_you_mean(str(value), allowed)}")
    return str(value)
