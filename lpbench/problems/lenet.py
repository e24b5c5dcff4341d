"""LeNet-5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lpbench.errors import ConfigError
from lpbench.networks.architecture import Layer, lenet
from lpbench.problems.network import Network
from lpbench.registry import problems

LEAST = 16  # pixels each way: two convolutions and two poolings leave one of fewer


@problems.register("lenet")
class Lenet(Network):
    """LeNet-5 with rectified linear units and pooling by the largest: convolutions of 6 and 16 channels, two layers.

    Source: LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition", section II.B.
    """

    reads = frozenset({"dataset"})

    @classmethod
    def layers(cls, shape: tuple[int, ...], classes: int, choices: Mapping[str, Any]) -> list[Layer]:
        if len(shape) < 3 or min(shape[:-1]) < LEAST:
            raise ConfigError(
                f"problem=lenet needs images of at least {LEAST} x {LEAST} pixels, and a sample of "
                f"{choices['dataset']} is {' x '.join(map(str, shape))}: use problem=cnn or problem=mlp"
            )
        return lenet(shape, classes)
