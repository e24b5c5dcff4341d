"""Residual networks."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from lpbench.errors import ConfigError
from lpbench.problems.modules import Module
from lpbench.registry import problems


@problems.register("resnet")
class ResNet(Module):
    """Three stages of `depth` residual blocks with batch normalisation, of d, 2d and 4d channels, d = `dimension`.

    Source: He et al. 2016, "Deep Residual Learning for Image Recognition".
    """

    width = 16
    sequences = False

    @classmethod
    def make(cls, inputs: Any, tokens: int | None, classes: int, choices: Mapping[str, Any]) -> Any:
        if len(inputs) < 2:
            raise ConfigError(
                f"problem=resnet needs images or signals, and a sample of {choices['dataset']} is {inputs[0]} numbers: "
                "use problem=mlp"
            )
        from lpbench.networks.modules.networks import ResNet as Made

        values = cls.values(choices)
        return functools.partial(Made, inputs, classes, values["dimension"], values["depth"])
