"""How often a layer is used between two steps, and a tensor that is rounded while derivatives pass as they are."""

from __future__ import annotations

from typing import NamedTuple

import torch

from lpbench.networks.modules.rounding import Rounding
from lpbench.networks.rounding import JUDGED


class Use(NamedTuple):
    """A use of a layer: step and part of its random numbers, and whether ranges are taken from what it is given."""

    step: int
    part: int
    measures: bool


class Uses:
    """How often a layer was used since the last step: each use has random numbers of its own.

    In evaluation the numbers are others, which no count of training depends on; and no range is taken from it, unless
    gradients are asked for: layers in the mode of evaluation may train, and those before them.
    """

    def __init__(self, rounding: Rounding, place: int):
        self.rounding, self.place = rounding, place
        self._step, self._trained, self._judged = -1, 0, 0

    def next(self, training: bool) -> Use:
        """Of a layer that is in the mode of training, or not."""
        step = self.rounding.step
        if step != self._step:
            self._step, self._trained, self._judged = step, 0, 0
        if training:
            self._trained += 1
            return Use(step, self._trained, True)
        self._judged += 1
        return Use(JUDGED + step, self._judged, torch.is_grad_enabled())

    def rounded(self, x: torch.Tensor, role: int, use: Use) -> torch.Tensor:
        """Q(x) of a tensor of the layer."""
        return rounded(x, self.rounding, role, self.place, use)


def rounded(x: torch.Tensor, rounding: Rounding, role: int, place: int, use: Use) -> torch.Tensor:
    """Q(x); the derivative passes as it is: that of a copy, whose numbers are then others."""
    found = rounding.round(role, place, use.part, use.step, x, use.measures)
    if found is x or not (x.requires_grad and torch.is_grad_enabled()):
        return found
    given = x.clone()
    given.data = found
    return given
