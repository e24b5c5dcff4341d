"""Sequences: text of a file or of the generated language, and tags that ask for memory."""

import hashlib
import itertools

import numpy as np
import pytest

from lpbench.datasets.tags import MARKERS, STATES, TAGS, TOKENS, Tags
from lpbench.datasets.text import LENGTH, Text, generated
from lpbench.declared.choices import CHOICES
from lpbench.errors import ConfigError

TEXT, TAGGED = "e65a7f926fc0247b", "81b8add2020b1614"
NONE = dict.fromkeys(CHOICES)


def choices(**more):
    return {**NONE, "data_seed": 0, **more}


def digest(*arrays):
    return hashlib.blake2b(b"".join(array.tobytes() for array in arrays), digest_size=8).hexdigest()


def test_what_follows_each_character_is_the_next():
    samples = Text.samples(choices())
    assert samples.X.shape == samples.y.shape == (2000, LENGTH)
    assert samples.test_X.shape == samples.test_y.shape == (500, LENGTH)
    assert np.array_equal(samples.X[:, 1:], samples.y[:, :-1])
    assert np.array_equal(samples.X[1:, 0], samples.y[:-1, -1])
    assert samples.test_X[0, 0] == samples.y[-1, -1]
    assert samples.n_classes == Text.tokens(choices()) == len(np.unique(samples.X))
    assert samples.X.dtype == np.int64


def test_generated_data_are_those_of_every_machine():
    text, tags = Text.samples(choices()), Tags.samples(choices(noise=0.25))
    assert digest(text.X, text.test_y) == TEXT
    assert digest(tags.X, tags.y, tags.test_y) == TAGGED


def test_the_language_has_few_words_that_follow_each_other():
    words = bytes(generated(0)).decode().split(" ")[:-1]
    pairs = set(itertools.pairwise(words))
    assert len(set(words)) <= 64
    assert len(pairs) <= 4 * 64
    assert bytes(generated(0)) != bytes(generated(1))


def test_a_text_of_ones_own(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_bytes(b"ab\xff" * 400)
    samples = Text.samples(choices(path=str(file)))
    assert samples.n_classes == 3
    assert len(samples.y) + len(samples.test_y) == (1200 - 1) // LENGTH
    assert len(samples.test_y) == 3
    assert samples.content
    assert len(Text.samples(choices(path=str(file), n_samples=5)).y) == 5


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"ab" * 100, "needs 321 characters"), (b"a" * 1000, "of more than one kind, got 1000 of 1")],
)
def test_a_text_that_does_not_do(tmp_path, content, said):
    file = tmp_path / "mine.txt"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        Text.samples(choices(path=str(file)))


def test_a_text_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        Text.sample_values(choices(path=str(tmp_path / "absent.txt")))


def test_a_tag_is_that_of_the_token_in_its_state():
    """By walking: the table of states and tags is found from the data, and never contradicts itself."""
    samples = Tags.samples(choices())
    tables = np.random.default_rng([0, 0])
    moves, tags = tables.integers(0, STATES, (STATES, MARKERS)), tables.integers(0, TAGS, (STATES, TOKENS))
    for x, y in zip(samples.test_X.tolist(), samples.test_y.tolist(), strict=True):
        state = 0
        for token, tag in zip(x, y, strict=True):
            assert tag == tags[state, token]
            if token < MARKERS:
                state = moves[state, token]
    assert len(np.unique(samples.test_y)) > 4


def test_noise_is_a_share_of_the_training_tags():
    clean, noisy = Tags.samples(choices(noise=0.0)), Tags.samples(choices(noise=0.4))
    assert np.array_equal(clean.X, noisy.X)
    assert np.array_equal(clean.test_y, noisy.test_y)
    assert np.mean(clean.y != noisy.y) == pytest.approx(0.4 * 7 / 8, abs=0.01)


@pytest.mark.parametrize(
    ("more", "said"), [({"noise": 1.5}, "at most 1, got 1.5"), ({"n_samples": 9999}, "must be at most 2000")]
)
def test_what_tags_do_not_take(more, said):
    with pytest.raises(ConfigError, match=said):
        Tags.sample_size(choices(**more))
