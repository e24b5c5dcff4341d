"""Family Q: a diagonal quadratic with additive gradient noise, sparse or dense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench.datasets import values
from lpbench.problems.base import Problem
from lpbench.problems.family import Family, noisy_quadratic
from lpbench.problems.identity import problem_key
from lpbench.registry import problems

NOISE_KINDS = ("sparse", "dense")


@problems.register("family_q")
class FamilyQ(Family):
    """Quadratic with curvatures max(1/64, 1/j) and noise on one coordinate (sparse) or on all (dense).

    f_i(w) = 1/2 sum_j h_j (w_j - w*_j)^2 + n_i . (w - w*), w* uniform in [-1/2, 1/2]^d. With sigma = `noise`
    (default 1): noise_kind `sparse` n = +-sigma e_j, j uniform, so sigma_1 = sigma; `dense` n_j =
    +-sigma/sqrt(d), so sigma_1 = sigma sqrt(d).
    """

    reads = frozenset({"dimension", "noise", "noise_kind", "data_seed"})

    @classmethod
    def values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        resolved = super().values(choices)
        resolved["noise"] = values.real(choices, "noise", 1.0)
        resolved["noise_kind"] = values.one_of(choices, "noise_kind", NOISE_KINDS, "sparse")
        return resolved

    @classmethod
    def build(cls, choices: Mapping[str, Any]) -> Problem:
        """Draw w* from `data_seed`; constants in closed form."""
        resolved = cls.values(choices)
        d = resolved["dimension"]
        h = np.maximum(1.0 / 64.0, 1.0 / np.arange(1, d + 1))
        w_star = np.random.default_rng(resolved["data_seed"]).uniform(-0.5, 0.5, d)
        return noisy_quadratic(problem_key(choices), h, w_star, resolved["noise"], resolved["noise_kind"])
