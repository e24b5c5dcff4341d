"""Family E: an isotropic quadratic whose optimum spans many scales, where exponent bits pay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench.datasets import values
from lpbench.errors import ConfigError
from lpbench.problems.base import Problem
from lpbench.problems.family import Family, noisy_quadratic
from lpbench.problems.family_q import NOISE_KINDS
from lpbench.problems.identity import problem_key
from lpbench.registry import problems

SOLUTIONS = ("geometric", "uniform")
N_SCALES = 16


@problems.register("family_e")
class FamilyE(Family):
    """Quadratic 1/2 ||w - w*||^2 with noise; w* geometric (16 coordinates .9 * 2^-j, the rest 0) or uniform.

    f_i(w) = 1/2 ||w - w*||^2 + n_i . (w - w*), sigma = `noise` (default 0.1), noise_kind `dense` (default:
    n_j = +-sigma/sqrt(d)) or `sparse` as in family Q. solution `geometric`: random signs and places, j = 0
    ... 15, so dimension >= 16; `uniform`: in [-0.9, 0.9]^d.
    """

    reads = frozenset({"dimension", "noise", "noise_kind", "solution", "data_seed"})

    @classmethod
    def values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        resolved = super().values(choices)
        resolved["noise"] = values.real(choices, "noise", 0.1)
        resolved["noise_kind"] = values.one_of(choices, "noise_kind", NOISE_KINDS, "dense")
        resolved["solution"] = values.one_of(choices, "solution", SOLUTIONS, "geometric")
        if resolved["solution"] == "geometric" and resolved["dimension"] < N_SCALES:
            raise ConfigError(
                f"family_e: solution=geometric has {N_SCALES} non-zero coordinates, so dimension must be at"
                f" least {N_SCALES}, got {resolved['dimension']}"
            )
        return resolved

    @classmethod
    def build(cls, choices: Mapping[str, Any]) -> Problem:
        """Draw w* from `data_seed`; constants in closed form."""
        resolved = cls.values(choices)
        d = resolved["dimension"]
        rng = np.random.default_rng(resolved["data_seed"])
        if resolved["solution"] == "uniform":
            w_star = rng.uniform(-0.9, 0.9, d)
        else:
            w_star = np.zeros(d)
            places = rng.permutation(d)[:N_SCALES]
            w_star[places] = 0.9 * 0.5 ** np.arange(N_SCALES) * rng.choice([-1.0, 1.0], N_SCALES)
        key, h = problem_key(choices), np.ones(d)
        return noisy_quadratic(key, h, w_star, resolved["noise"], resolved["noise_kind"])
