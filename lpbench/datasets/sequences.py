"""What datasets of sequences share: tokens in, a class for each of them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lpbench.datasets import values
from lpbench.datasets.base import Data, Dataset
from lpbench.errors import ConfigError
from lpbench.registry import datasets


class Sequences(Dataset):
    """Base of the datasets of sequences: of networks alone, and of those that take tokens."""

    reads = frozenset({"n_samples", "data_seed"})
    tasks = frozenset()
    own_test = True
    sequences = True

    @classmethod
    def serves_networks(cls) -> bool:
        return True

    @classmethod
    def sample_values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "n_samples": values.whole(choices, "n_samples", None),
            "data_seed": values.whole(choices, "data_seed", 0, least=0),
        }

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        fitting = [name for name in datasets.names() if datasets.get(name).tasks]
        raise ConfigError(
            f"{cls.name} has sequences, which are of networks; these have rows: {', '.join(fitting)}"
        )
