"""Kinds of values: which are allowed, their one spelling, and how they are stored.

Each kind has `stored`, the type of its column, and `normal`, which gives the one spelling of an allowed value and
raises ConfigError for any other.
"""

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lpbench.declared import expressions
from lpbench.errors import ConfigError, did_you_mean


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`, or one of `words`.

    top   where there is no `high`: the largest that can be stored, or that random numbers can be drawn for.
    """

    low: int
    high: int | None = None
    words: tuple[str, ...] = ()
    top: int = 2**63 - 1
    stored: ClassVar[type] = int

    def normal(self, key: str, value: Any) -> Any:
        if value in self.words:
            return value
        number, high = _number(value), math.inf if self.high is None else self.high
        if number is None or number != int(number) or not self.low <= number <= high:
            raise _refused(key, self.allowed(), value)
        if int(number) > self.top:
            raise _refused(key, f"a whole number in {self.low}..{self.top}", value)
        return int(number)

    def allowed(self) -> str:
        words = "".join(f", or {word!r}" for word in self.words)
        if self.high is not None:
            return f"a whole number in {self.low}..{self.high}{words}"
        return f"a whole number >= {self.low}{words}"


@dataclass(frozen=True)
class Real:
    """A finite number above `low` (or equal to it, where `closed`), and not above `high`."""

    low: float
    high: float = math.inf
    closed: bool = False
    stored: ClassVar[type] = float

    def normal(self, key: str, value: Any) -> float:
        number = _number(value)
        inside = number is not None and (number > self.low or (self.closed and number == self.low))
        if number is None or not inside or number > self.high:
            raise _refused(key, self.allowed(), value)
        return float(number) + 0.0  # -0.0 is 0

    def allowed(self) -> str:
        low = f"{'>=' if self.closed else '>'} {self.low:g}"
        return f"a finite number {low}" + (f" and <= {self.high:g}" if self.high < math.inf else "")


@dataclass(frozen=True)
class Formula:
    """A number that `number` allows, an expression over `names`, or one of `words`."""

    number: Whole | Real
    names: tuple[str, ...]
    words: tuple[str, ...] = ()

    @property
    def stored(self) -> type:
        return self.number.stored

    def allowed(self) -> str:
        words = "".join(f", or {word!r}" for word in self.words)
        return f"{self.number.allowed()}, or an expression{words}"

    def normal(self, key: str, value: Any) -> Any:
        if not isinstance(value, str):
            return self.number.normal(key, value)
        if value in self.words:
            return value
        try:
            expression = expressions.parse(value, self.names)
            number = None if expression.names else expression.evaluate({})
        except ConfigError as error:
            words = "".join(f" ({word!r} is also allowed)" for word in self.words)
            raise ConfigError(f"{key}: {error}{words}") from None
        return expression.text if number is None else self.number.normal(key, number)


@dataclass(frozen=True)
class Word:
    """One of `words`; any text where there are none (the thing that reads it then knows what it allows)."""

    words: tuple[str, ...] = ()
    stored: ClassVar[type] = str

    def allowed(self) -> str:
        return f"one of {', '.join(self.words)}" if self.words else "a text"

    def normal(self, key: str, value: Any) -> str:
        free = not self.words and _number(value) is not None  # target=3
        text = str(value) if free or isinstance(value, str) or hasattr(value, "__fspath__") else ""
        if not text:
            raise _refused(key, self.allowed(), value)
        if self.words and text not in self.words:
            raise ConfigError(f"unknown {key} {text!r}.{did_you_mean(text, self.words)}")
        return text


@dataclass(frozen=True)
class Flag:
    """true or false."""

    stored: ClassVar[type] = bool

    def allowed(self) -> str:
        return "true or false"

    def normal(self, key: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise _refused(key, self.allowed(), value)
        return value


Kind = Whole | Real | Formula | Word | Flag


def _number(value: Any) -> float | int | None:
    """A finite int or float, also numpy's; None for anything else (a bool is no number here)."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        finite = math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        finite = False
    return None if not finite else int(value) if isinstance(value, numbers.Integral) else float(value)


def _refused(key: str, allowed: str, value: Any) -> ConfigError:
    came = "null" if value is None else repr(value)
    return ConfigError(f"{key} must be {allowed}, got {came if len(came) <= 60 else came[:57] + '...'}")


def called(name: str, given: Mapping[str, Any]) -> str:
    """`block(precision=8,subnormals=true)`: a name with choices of its own, in the one spelling."""
    parts = (
        f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in given.items()
    )
    return f"{name}({','.join(parts)})"
