"""The choices of a cell: every key, its type and its range.

`KEYS` are the columns that a cell declares, in order; `RUNTIME` are choices that say how a sweep runs and
never what it computes. Each kind of key has an `annotation`, its type in Hydra's schema, and `normal`, which
gives the one spelling of an allowed value. `check` holds for every way in: the command line, a yaml,
`lpbench.run`.
"""

import dataclasses
import math
import numbers
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from lpbench.choices import expressions
from lpbench.errors import ConfigError, did_you_mean

GROUPS = ("problem", "dataset", "algorithm", "format", "executor")


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`, or one of `words`.

    top   where there is no `high`: the largest that can be stored, or that random numbers can be drawn for.
    """

    low: int
    high: int | None = None
    words: tuple[str, ...] = ()
    top: int = 2**63 - 1

    @property
    def annotation(self) -> Any:
        return Any if self.words else int | None

    def normal(self, key: str, value: Any) -> Any:
        if value in self.words:
            return value
        number = _number(value)
        if number is None or number != int(number) or int(number) < self.low:
            raise _refused(key, self._allowed(), value)
        if self.high is not None and number > self.high:
            raise _refused(key, self._allowed(), value)
        if int(number) > self.top:
            raise _refused(key, f"a whole number in {self.low}..{self.top}", value)
        return int(number)

    def _allowed(self) -> str:
        words = "".join(f", or {word!r}" for word in self.words)
        if self.high is not None:
            return f"a whole number in {self.low}..{self.high}{words}"
        return f"a whole number >= {self.low}{words}"


@dataclass(frozen=True)
class Real:
    """A finite number above `low` (or equal to it, where `closed`), and not above `high`."""

    low: float
    closed: bool = False
    high: float = math.inf
    annotation: ClassVar[Any] = float | None

    def normal(self, key: str, value: Any) -> float:
        number = _number(value)
        inside = number is not None and (number > self.low or (self.closed and number == self.low))
        if number is None or not inside or number > self.high:
            raise _refused(key, self._allowed(), value)
        return float(number) + 0.0  # -0.0 is 0

    def _allowed(self) -> str:
        low = f"{'>=' if self.closed else '>'} {self.low:g}"
        return f"a finite number {low}" + (f" and <= {self.high:g}" if self.high < math.inf else "")


@dataclass(frozen=True)
class Formula:
    """A number that `number` allows, an expression over `names`, or one of `words`."""

    number: Whole | Real
    names: tuple[str, ...]
    words: tuple[str, ...] = ()
    annotation: ClassVar[Any] = Any

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
    annotation: ClassVar[Any] = str | None

    def normal(self, key: str, value: Any) -> str:
        free = not self.words and _number(value) is not None  # target=3
        text = str(value) if free or isinstance(value, str) or hasattr(value, "__fspath__") else ""
        if not text:
            raise _refused(key, f"one of {', '.join(self.words)}" if self.words else "a text", value)
        if self.words and text not in self.words:
            raise ConfigError(f"unknown {key} {text!r}.{did_you_mean(text, self.words)}")
        return text


@dataclass(frozen=True)
class Flag:
    """true or false."""

    annotation: ClassVar[Any] = bool | None

    def normal(self, key: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise _refused(key, "true or false", value)
        return value


Kind = Whole | Real | Formula | Word | Flag

_CONSTANTS = ("L", "L_f", "N", "d", "kappa", "mu", "w_max")  # known once the problem is built
_SEED = Whole(0, 2**32 - 1)
_COUNTED = 2**32 - 1  # the generator counts steps, and what it draws in one, in words of 32 bits

KEYS: dict[str, Kind] = {
    "problem": Word(),
    "dataset": Word(),
    "dimension": Whole(1, top=_COUNTED),
    "n_samples": Whole(1, top=_COUNTED),
    "regularization": Real(0, closed=True),
    "scaling": Word(("max_norm", "standard", "none")),
    "k": Formula(Whole(1), ("d",)),
    "noise": Real(0, closed=True),
    "noise_kind": Word(),
    "solution": Word(),
    "path": Word(),
    "target": Word(),
    "start": Word(("zero", "optimum")),
    "algorithm": Word(),
    "inner_steps": Whole(1, top=_COUNTED),
    "snapshot": Word(("last", "random", "average")),
    "mu": Formula(Real(0), _CONSTANTS),
    "average_start": Whole(0),
    "average_every": Whole(1),
    "format": Word(),
    "precision": Whole(2, 64),
    "exponent_bits": Whole(0, words=("auto",)),
    "block_size": Whole(1),
    "subnormals": Flag(),
    "limit": Formula(Real(0), _CONSTANTS, words=("auto",)),
    "rounding": Word(("stochastic", "nearest_even", "toward_zero")),
    "random_bits": Whole(1, 32),
    "step_size": Formula(Real(0), (*_CONSTANTS, "delta"), words=("auto",)),
    "schedule": Word(("constant", "decreasing")),
    "batch_size": Whole(1, top=_COUNTED // 2),
    "epochs": Real(0),
    "steps": Formula(Whole(1, top=_COUNTED), (*_CONSTANTS, "delta", "alpha")),
    "seed": _SEED,
    "data_seed": _SEED,
    "compute_dtype": Word(("float64", "float32")),
    "record_points": Whole(1),
    "even_points": Whole(1),
    "tail": Real(0, high=1),
}
# What executor=ray takes besides; no columns, the manifest keeps them.
RAY: dict[str, Kind] = {
    "ray_address": Word(),
    "ray_cpus": Real(0, closed=True),
    "ray_gpus": Real(0, closed=True),
    "shard_seconds": Real(0),
}
RUNTIME: dict[str, Kind] = {
    "timeout": Real(0),
    "workers": Whole(1),
    "runs_dir": Word(),
    "executor": Word(),
    **RAY,
}
ALL = {**KEYS, **RUNTIME}


def check(key: str, value: Any) -> Any:
    """The one spelling of `value` for `key` (null stays null); raises ConfigError with one line."""
    if value is None:
        return None
    return kind(key).normal(key, value)


def kind(key: str, also: Collection[str] = ()) -> Kind:
    """What `key` takes; raises ConfigError that suggests the nearest key (or one of `also`)."""
    try:
        return ALL[key]
    except KeyError:
        raise ConfigError(f"unknown key {key!r}.{did_you_mean(key, {*ALL, *also})}") from None


def resolve(key: str, value: Any, values: dict[str, float]) -> Any:
    """The number of a key that takes an expression, once the constants in `values` are known.

    `steps` is rounded up to a whole number; everything else must lie in the key's range. Raises ConfigError.
    """
    formula = ALL[key]
    assert isinstance(formula, Formula)
    if not isinstance(value, str):
        return formula.number.normal(key, value)
    expression = expressions.parse(value, formula.names)
    number = expression.evaluate(values)
    if key == "steps":
        near = round(number)
        number = near if math.isclose(number, near, rel_tol=1e-12) else math.ceil(number)
    try:
        return formula.number.normal(key, number)
    except ConfigError as error:
        raise ConfigError(f"{error} from {expression.text!r}") from None


def structured() -> type:
    """The dataclass that gives Hydra the keys and their types; everything may be null."""
    fields = [(key, kind.annotation, dataclasses.field(default=None)) for key, kind in ALL.items()]
    # An experiment holds its grid of overrides beside the keys.
    fields.append(("grid", Any, dataclasses.field(default=None)))
    return dataclasses.make_dataclass("Choices", fields)


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
