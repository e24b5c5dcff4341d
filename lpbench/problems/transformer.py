"""Causal transformers."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from lpbench.problems.modules import Module
from lpbench.registry import problems


@problems.register("transformer")
class Transformer(Module):
    """Which token comes next: `depth` layers of causal attention, `dimension` numbers a token, up to four heads.

    Source: Vaswani et al. 2017, "Attention Is All You Need".
    """

    width, depth = 64, 2
    sequences = True

    @classmethod
    def make(cls, inputs: Any, tokens: int | None, classes: int, choices: Mapping[str, Any]) -> Any:
        from lpbench.networks.modules.networks import Transformer as Made

        assert tokens is not None
        values = cls.values(choices)
        return functools.partial(Made, tokens, inputs[0], classes, values["dimension"], values["depth"])
