"""A torch module of the user's own."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lpbench.datasets.loaders import Loaders
from lpbench.datasets.reading.files import content_hash
from lpbench.datasets.reading.named import called, file_of, split
from lpbench.errors import ConfigError
from lpbench.problems.modules import Module
from lpbench.registry import problems


@problems.register("module")
class Own(Module):
    """`module=FILE.py:NAME` or `package.module:NAME`: a class of `torch.nn.Module`, or a function that makes one.

    It is called with those of `inputs` (the number of features, or the shape of a sample where it is no vector),
    `tokens` (where samples are tokens), `classes`, `dimension` and `depth` that its signature names, and gives logits:
    a number for each class. `data=FILE.py:NAME` gives it data of the user's own in place of `dataset`.
    """

    reads = frozenset({"module", "data", "dataset", "dimension", "depth"})
    sequences = None

    @classmethod
    def keys(cls, choices: Mapping[str, Any]) -> frozenset[str]:
        if choices.get("data") is None:
            return super().keys(choices) - {"data"}
        return cls.reads - {"dataset"}

    @classmethod
    def values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        if choices.get("module") is None:
            raise ConfigError("problem=module needs module=FILE.py:NAME or module=package.module:NAME")
        found = {**super().values(choices), "depth": choices.get("depth")}
        for key in ("module", "data"):  # files count by content
            found[key] = split(key, choices[key])[1] if choices.get(key) is not None else None
        return found

    @classmethod
    def files(cls, choices: Mapping[str, Any]) -> list[Path]:
        return [*super().files(choices), file_of("module", choices["module"])]

    @classmethod
    def contents(cls, choices: Mapping[str, Any]) -> tuple[str, ...]:
        return (content_hash(file_of("module", choices["module"])),)

    @classmethod
    def make(cls, inputs: Any, tokens: int | None, classes: int, choices: Mapping[str, Any]) -> Any:
        offered = {
            "inputs": inputs[0] if len(inputs) == 1 else tuple(inputs),
            "tokens": tokens,
            "classes": classes,
        }
        offered |= {"dimension": choices.get("dimension"), "depth": choices.get("depth")}
        given = {name: value for name, value in offered.items() if value is not None}
        return functools.partial(called, "module", choices["module"], given)

    @classmethod
    def _dataset(cls, choices: Mapping[str, Any]) -> Any:
        return super()._dataset(choices) if choices.get("data") is None else Loaders
