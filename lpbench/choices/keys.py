"""The keys that may be chosen: those of lpbench (`lpbench.declared.choices`), and those that loaded plug-ins declare.

`check` holds for every way in: the command line, a yaml, `lpbench.run`.
"""

import dataclasses
import math
from collections.abc import Collection
from typing import Any

from lpbench import registry
from lpbench.declared import expressions
from lpbench.declared.choices import ALGORITHM, CHOICES, FORMAT, PROBLEM, RUNTIME
from lpbench.declared.declarations import Choice
from lpbench.declared.kinds import Formula, Kind
from lpbench.errors import ConfigError, did_you_mean

_OF = {"problem": PROBLEM, "dataset": (), "format": FORMAT, "algorithm": ALGORITHM}


def of_cells() -> dict[str, Choice]:
    """Every key that decides a cell: the columns of choices, those of plug-ins last."""
    return CHOICES | further()


def every() -> dict[str, Choice]:
    """Every key that an override may have, but the name of a group that is none of ours."""
    return of_cells() | RUNTIME


def further(*kinds: str) -> dict[str, Choice]:
    """The choices that plug-ins declare: of the given kinds of things, or all."""
    return {name: found for name, (kind, found) in registry.choices.items() if not kinds or kind in kinds}


def read_by(*kinds: str) -> list[str]:
    """The keys that things of these kinds may read."""
    return [*(name for kind in kinds for name in _OF[kind]), *further(*kinds)]


def check(key: str, value: Any) -> Any:
    """The one spelling of `value` for `key` (null stays null); raises ConfigError with one line."""
    if value is None:
        return None
    return kind(key).normal(key, value)


def kind(key: str, also: Collection[str] = ()) -> Kind:
    """What `key` takes; raises ConfigError that suggests the nearest key (or one of `also`)."""
    _, own = registry.choices.get(key, (None, None))
    found = own or CHOICES.get(key) or RUNTIME.get(key)
    if found is None:
        raise ConfigError(f"unknown key {key!r}.{did_you_mean(key, {*every(), *also})}")
    return found.kind


def names_in(key: str, value: Any) -> frozenset[str]:
    """The names that an expression of `key` reads; none for a number, a word and null."""
    formula = kind(key)
    assert isinstance(formula, Formula)
    is_expression = isinstance(value, str) and value not in formula.words
    return expressions.parse(value, formula.names).names if is_expression else frozenset()


def resolve(key: str, value: Any, values: dict[str, float]) -> Any:
    """The number of a key that takes an expression, once the constants in `values` are known; a word stays, and null.

    `steps` is rounded up to a whole number; everything else must lie in the key's range. Raises ConfigError.
    """
    if not names_in(key, value):
        return check(key, value)
    formula = kind(key)
    assert isinstance(formula, Formula)
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
    """The dataclass that gives Hydra the keys and their defaults; what they may be, `check` says of each cell."""
    defaults = {name: choice.default for name, choice in every().items()}
    defaults["grid"] = None  # an experiment holds its grid of overrides beside the keys
    fields = [(name, Any, dataclasses.field(default=default)) for name, default in defaults.items()]
    return dataclasses.make_dataclass("Choices", fields)
