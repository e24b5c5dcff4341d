"""Sequences whose tags ask for memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench.datasets import values
from lpbench.datasets.base import Samples
from lpbench.datasets.sequences import Sequences
from lpbench.errors import ConfigError
from lpbench.registry import datasets

LENGTH, TOKENS, TAGS, STATES, MARKERS = 16, 24, 8, 4, 4
TRAINING, TEST = 2000, 500


@datasets.register("tags")
class Tags(Sequences):
    """Sequences of 16 out of 24 tokens with one of eight tags each: that of its token in the state of the sequence.

    Four of the tokens move the state, of which there are four; what a tag is, a table says of state and token. Table
    and tokens are drawn from `data_seed`; a share `noise` of the training tags is drawn anew. Defaults: 2000 training
    samples (at most as many), noise 0; 500 test samples, without noise.
    """

    reads = Sequences.reads | {"noise"}

    @classmethod
    def sample_keys(cls, choices: Mapping[str, Any]) -> frozenset[str]:
        return cls.reads

    @classmethod
    def sample_values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        noise = values.real(choices, "noise", 0.0)
        assert noise is not None
        if noise > 1.0:
            raise ConfigError(
                f"noise of dataset=tags is the share of tags drawn anew: at most 1, got {noise:g}"
            )
        return {**super().sample_values(choices), "noise": noise}

    @classmethod
    def sample_size(cls, choices: Mapping[str, Any]) -> tuple[int, tuple[int, ...], int]:
        return cls.n_training(choices, TRAINING), (LENGTH,), TAGS

    @classmethod
    def tokens(cls, choices: Mapping[str, Any]) -> int:
        return TOKENS

    @classmethod
    def targets(cls, choices: Mapping[str, Any]) -> tuple[int, ...]:
        return (LENGTH,)

    @classmethod
    def split(cls, choices: Mapping[str, Any]) -> Samples:
        chosen = cls.sample_values(choices)
        tables, tokens, noise = (np.random.default_rng([chosen["data_seed"], part]) for part in range(3))
        moves, tags = (
            tables.integers(0, STATES, (STATES, MARKERS)),
            tables.integers(0, TAGS, (STATES, TOKENS)),
        )
        X = tokens.integers(0, TOKENS, (TRAINING + TEST, LENGTH))
        y, state = np.empty_like(X), np.zeros(len(X), np.int64)
        for t in range(LENGTH):
            y[:, t] = tags[state, X[:, t]]
            moved = X[:, t] < MARKERS
            state[moved] = moves[state[moved], X[moved, t]]
        redrawn = noise.random((2, TRAINING, LENGTH))
        training = np.where(redrawn[0] < chosen["noise"], (TAGS * redrawn[1]).astype(np.int64), y[:TRAINING])
        return Samples(X[:TRAINING], training, X[TRAINING:], y[TRAINING:], TAGS)
