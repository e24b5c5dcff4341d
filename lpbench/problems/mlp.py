"""Multilayer perceptron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lpbench.networks.architecture import Layer, mlp
from lpbench.problems.network import Network
from lpbench.registry import problems


@problems.register("mlp")
class Mlp(Network):
    """`depth` hidden layers of `dimension` rectified linear units, softmax and cross entropy."""

    reads = frozenset({"dataset", "dimension", "depth"})
    width = 100

    @classmethod
    def values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        return {**super().values(choices), "depth": choices.get("depth") or 2}

    @classmethod
    def layers(cls, shape: tuple[int, ...], classes: int, choices: Mapping[str, Any]) -> list[Layer]:
        found = cls.values(choices)
        return mlp(shape, classes, found["dimension"], found["depth"])
