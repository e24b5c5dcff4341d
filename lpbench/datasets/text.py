"""Text: which character comes next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.datasets.base import Samples
from lpbench.datasets.reading.files import chosen_path, existing_file, read_all
from lpbench.datasets.sequences import Sequences
from lpbench.errors import ConfigError
from lpbench.registry import datasets

LENGTH = 64  # characters of a sample
TEST = 5  # the last of so many parts of a text is for testing
# The language that is generated: words, each of which has a few that may follow it.
LETTERS, WORDS, LONGEST, FOLLOWERS, SAMPLES = 20, 64, 6, 4, 2500


@datasets.register("text")
class Text(Sequences):
    """Samples of 64 characters, and the character that follows each: of a file, or of a generated language.

    path   a text file; each of its bytes is a character, and its last fifth is for testing. Null: a language of 64
           words of 20 letters, of which each has 4 that may follow it, drawn from `data_seed`: 2000 and 500 samples.
    """

    reads = Sequences.reads | {"path"}

    @classmethod
    def files(cls, choices: Mapping[str, Any]) -> list[Path]:
        return [] if choices.get("path") is None else [chosen_path(choices, "text", "FILE")]

    @classmethod
    def sample_keys(cls, choices: Mapping[str, Any]) -> frozenset[str]:
        if choices.get("path") is None:
            return cls.reads - {"path"}
        return cls.reads if choices.get("n_samples") is not None else cls.reads - {"data_seed"}

    @classmethod
    def sample_values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        for file in cls.files(choices):
            existing_file(file)
        path = None if choices.get("path") is None else "text"
        found = {**super().sample_values(choices), "path": path}
        return {key: found[key] for key in sorted(cls.sample_keys(choices))}

    @classmethod
    def sample_size(cls, choices: Mapping[str, Any]) -> tuple[int, tuple[int, ...], int]:
        samples = cls.samples(choices)
        return len(samples.y), (LENGTH,), samples.n_classes

    @classmethod
    def tokens(cls, choices: Mapping[str, Any]) -> int:
        return cls.samples(choices).n_classes

    @classmethod
    def targets(cls, choices: Mapping[str, Any]) -> tuple[int, ...]:
        return (LENGTH,)

    @classmethod
    def split(cls, choices: Mapping[str, Any]) -> Samples:
        content: tuple[str, ...] = ()
        if choices.get("path") is None:
            raw = generated(choices.get("data_seed") or 0)
        else:
            (held,), content = read_all(cls.files(choices))
            raw = np.frombuffer(held, np.uint8)
        found, tokens = np.unique(raw, return_inverse=True)
        samples = (len(tokens) - 1) // LENGTH
        if samples < TEST or len(found) < 2:
            raise ConfigError(
                f"dataset=text needs {TEST * LENGTH + 1} characters, of more than one kind, got {len(raw)} of "
                f"{len(found)}"
            )
        X = tokens[: samples * LENGTH].reshape(samples, LENGTH)
        y = tokens[1 : samples * LENGTH + 1].reshape(samples, LENGTH)
        training = samples - samples // TEST
        return Samples(X[:training], y[:training], X[training:], y[training:], len(found), content)


def generated(seed: int) -> np.ndarray:
    """Characters of the language, uint8. Whole numbers alone decide it, so that it is the same on every machine."""
    random = np.random.default_rng([seed, 0])
    lengths = random.integers(2, LONGEST + 1, WORDS)
    words = [[*random.integers(ord("a"), ord("a") + LETTERS, length), ord(" ")] for length in lengths]
    followers = random.integers(0, WORDS, (WORDS, FOLLOWERS))
    draws, word = np.random.default_rng([seed, 1]), 0
    text: list[int] = []
    while len(text) <= SAMPLES * LENGTH:
        for choice in draws.integers(0, FOLLOWERS, 4096).tolist():
            word = int(followers[word, choice])
            text += words[word]
    return np.array(text[: SAMPLES * LENGTH + 1], np.uint8)
