"""Convolutional network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lpbench.errors import ConfigError
from lpbench.networks.architecture import Layer, cnn
from lpbench.problems.network import Network
from lpbench.registry import problems

LEAST = 6  # positions of an image or a signal, each way


@problems.register("cnn")
class Cnn(Network):
    """Three convolutions of `dimension` channels, each of stride 2, over images or signals; softmax, cross entropy."""

    width = 25

    @classmethod
    def layers(cls, shape: tuple[int, ...], classes: int, choices: Mapping[str, Any]) -> list[Layer]:
        if len(shape) < 2 or min(shape[:-1]) < LEAST:
            raise ConfigError(
                f"problem=cnn needs images or signals of at least {LEAST} positions each way, and a sample of "
                f"{choices['dataset']} is {' x '.join(map(str, shape))}: use problem=mlp"
            )
        return cnn(shape, classes, cls._dimension(choices))
