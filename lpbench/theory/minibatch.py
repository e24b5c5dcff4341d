"""What averaging B samples drawn with replacement does to the constants."""

from __future__ import annotations

import math
from collections.abc import Mapping


def batch_constants(constants: Mapping[str, float], B: int, gradient_norm: float = 0.0) -> dict[str, float]:
    """The constants of a mean of B sample gradients: smaller L, sigma and sigma_1, the others as they are.

    gradient_norm   ||grad f||_2 at the reference point, which is in sigma and does not average out; 0 at the optimum.
    Source: docs/theory.md, minibatches.
    """
    found = dict(constants)
    found["L"] = constants["L"] / B + (1 - 1 / B) * constants["L_f"]
    noise = max(0.0, constants["sigma"] ** 2 - gradient_norm**2)
    found["sigma"] = math.sqrt(noise / B + gradient_norm**2)
    if gradient_norm == 0.0:
        found["sigma_1"] = min(constants["sigma_1"], constants["s_1"] / math.sqrt(B))
    return found
