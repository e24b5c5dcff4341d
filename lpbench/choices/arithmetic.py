"""What integer arithmetic takes: refused in one line where there is none of it, with what there is instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lpbench import registry
from lpbench.errors import ConfigError

VERSION = 1  # raised where stored results of integer arithmetic change
INTEGER = "integer"
_LOSSES = ("least_squares", "logistic_regression", "squared_hinge")
_BITS = (8, 16)


def is_integer(choices: Mapping[str, Any]) -> bool:
    """Whether a cell is computed in integer arithmetic."""
    return choices.get("arithmetic") == INTEGER


def settled(
    choices: Mapping[str, Any], asked: Mapping[str, Any], algorithm: Any, shape: Callable[[], Any]
) -> dict[str, Any]:
    """The arithmetic and its choices in their one spelling: null where it is simulated.

    choices   all others, as far as they are read;  asked: what was chosen, read or not
    shape     called for the sizes of the problem, where a file may have to be read
    Raises ConfigError for what integer arithmetic does not have.
    """
    if asked["arithmetic"] != INTEGER:
        return {"arithmetic": None, "data_bits": None}
    _check_problem(choices)
    if not getattr(algorithm, "integer", False):
        names = [
            name
            for name in registry.algorithms.names()
            if getattr(registry.algorithms.get(name), "integer", False)
        ]
        near = f"lp_{algorithm.name}"
        better = near if near in names else ", ".join(names)
        raise _refused("algorithm", algorithm.name, better)
    if choices["format"] != "fixed":
        raise _refused("format", choices["format"], "fixed")
    for key, value in (("precision", choices["precision"]), ("data_bits", asked["data_bits"] or 8)):
        if value not in _BITS:
            raise _refused(key, value, min(_BITS, key=lambda bits: abs(bits - value)))
    if choices["rounding"] != "stochastic" or choices["random_bits"] is not None:
        raise _refused("rounding", choices["rounding"], "stochastic with random_bits=null")
    if choices["batch_size"] != 1:
        raise _refused("batch_size", choices["batch_size"], 1)
    if asked["sum_format"] not in (None, "none"):
        raise _refused("sum_format", asked["sum_format"], "none, as sums are exact")
    if choices["snapshot"] not in (None, "last"):
        raise _refused("snapshot", choices["snapshot"], "last")
    if shape().n_classes > 1:
        raise ConfigError(
            "arithmetic=integer needs two classes or a number to predict, and this data has more classes; "
            "arithmetic=simulated takes any number"
        )
    return {"arithmetic": INTEGER, "data_bits": asked["data_bits"] or 8}


def _check_problem(choices: Mapping[str, Any]) -> None:
    if choices["problem"] not in _LOSSES:
        raise _refused("problem", choices["problem"], ", ".join(_LOSSES))
    if is_sparse(choices):
        raise ConfigError(
            "arithmetic=integer reads dense data, and an svmlight file is kept sparse; a dimension draws dense random "
            "features of it, and arithmetic=simulated takes it as it is"
        )


def is_sparse(choices: Mapping[str, Any]) -> bool:
    """Whether the data of a cell stays sparse: an svmlight file without random features."""
    if choices["dataset"] != "file" or choices["dimension"] is not None:
        return False
    dataset = registry.datasets.get("file")
    try:
        return bool(dataset.values(choices, next(iter(dataset.tasks)))["path"].startswith("svmlight"))
    except ConfigError:  # the file is gone since the plan was made
        return False


def _refused(key: str, value: Any, better: Any) -> ConfigError:
    return ConfigError(f"arithmetic=integer does not have {key}={value}: choose {key}={better}")
