"""The columns of the table `tensors`, from what was counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lpbench.arithmetic.arrays import Matrix
from lpbench.networks.net import ROLE_COLUMN
from lpbench.networks.watching import RATES, Tensor


def columns(tensors: Sequence[Tensor], rates: Mapping[int, Matrix]) -> dict[str, np.ndarray]:
    """A row a step and tensor, without those that did not occur in the step; rates   by step, (tensors, RATES)."""
    if not rates:
        return {}
    values = np.concatenate([rates[step] for step in sorted(rates)])
    there = ~np.isnan(values[:, 0])
    names = {
        "layer": [one.layer for one in tensors],
        "tensor": [one.name for one in tensors],
        "role": [ROLE_COLUMN[one.role] for one in tensors],
    }
    found = {"step": np.repeat(np.array(sorted(rates), np.int64), len(tensors))}
    found |= {name: np.tile(np.array(texts, object), len(rates)) for name, texts in names.items()}
    found |= {name: values[:, i] for i, name in enumerate(RATES)}
    return {name: column[there] for name, column in found.items()}
