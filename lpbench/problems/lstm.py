"""Sequence labelling by an LSTM."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from lpbench.problems.modules import Module
from lpbench.registry import problems


@problems.register("lstm")
class Lstm(Module):
    """A tagger: an embedding, `depth` LSTM layers of `dimension` units, and a class for each token.

    Source: Hochreiter and Schmidhuber 1997, "Long Short-Term Memory".
    """

    width = 64
    sequences = True

    @classmethod
    def make(cls, inputs: Any, tokens: int | None, classes: int, choices: Mapping[str, Any]) -> Any:
        from lpbench.networks.modules.networks import Tagger

        assert tokens is not None
        values = cls.values(choices)
        return functools.partial(Tagger, tokens, classes, values["dimension"], values["depth"])
