"""What the synthetic families share: no dataset, no regulariser, optimum and constants in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from lpbench.arithmetic.arrays import Vector
from lpbench.datasets import values
from lpbench.problems.base import QUADRATIC, Problem, Shape
from lpbench.theory import constants


class Family:
    """Base of the families; used as classes, never instantiated."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    reads: ClassVar[frozenset[str]]

    @classmethod
    def values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        """The choices that decide the problem, typed, with defaults filled in; raises ConfigError."""
        return {
            "dimension": values.whole(choices, "dimension", 256),
            "data_seed": values.whole(choices, "data_seed", 0, least=0),
        }

    @classmethod
    def check(cls, choices: Mapping[str, Any]) -> None:
        """Raise ConfigError for choices that cannot be run."""
        cls.values(choices)

    @classmethod
    def shape(cls, choices: Mapping[str, Any]) -> Shape:
        """2 d samples: those of family S; in families Q and E, whose noise has no end, an epoch."""
        d = cls.values(choices)["dimension"]
        return Shape(2 * d, d, 1)


def noisy_quadratic(key: str, h: Vector, w_star: Vector, sigma: float, noise_kind: str) -> Problem:
    """f_i(w) = 1/2 sum_j h_j (w_j - w*_j)^2 + n_i . (w - w*), h (d,), w_star (d,); f* = 0."""
    found = constants.quadratic(h, sigma, noise_kind, w_star)
    return without_data(key, QUADRATIC, w_star, found, h=h, noise=sigma, noise_kind=noise_kind)


def without_data(
    key: str, loss: str, w_star: Vector, found: constants.Constants, f_star: float = 0.0, **noise: Any
) -> Problem:
    """A problem of 2 d samples by its optimum w_star (d,) and its constants alone; noise: fields of `Problem`."""
    d = len(w_star)
    return Problem(
        key=key,
        loss=loss,
        X=None,
        y=np.empty(0),
        n_classes=1,
        regularization=0.0,
        w_star=w_star,
        f_star=f_star,
        optimum_gradient_norm=0.0,
        constants=found.values,
        constant_kinds=found.kinds,
        n_samples=2 * d,
        dimension=d,
        **noise,
    )
