"""The generator: is it random over coordinates, over steps and over keys; is it the same compiled and in Python."""

import numpy as np
import pytest

from lpbench.arithmetic import generator
from lpbench.arithmetic.generator import (
    FIRST,
    GOLDEN,
    SECOND,
    key_from,
    mix,
    random_bits,
    random_index,
    step_words,
    stream,
)
from lpbench.arithmetic.jit import kernel

KEYS = [stream(seed, purpose) for seed in range(4) for purpose in range(3)]


def draw(key: np.uint32, steps: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """(steps, coordinates) words."""
    with np.errstate(over="ignore"):
        first, second = vector_words(key, steps)
        return vector_bits(first[:, None], second[:, None], coordinates[None, :])


# The definition once more, on arrays.
def scramble(x: np.ndarray, between: object = 0) -> np.ndarray:
    x = ((x ^ (x >> np.uint32(16))) * FIRST).astype(np.uint32)
    x = ((x ^ (x >> np.uint32(15)) ^ np.asarray(between, np.uint32)) * SECOND).astype(np.uint32)
    return x ^ (x >> np.uint32(16))


def vector_words(key: np.uint32, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first = scramble((key + steps.astype(np.uint32) * GOLDEN).astype(np.uint32))
    return first, scramble(first ^ key ^ np.uint32(0x5BD1E995))


def vector_bits(first: object, second: object, j: np.ndarray) -> np.ndarray:
    return scramble((first + j.astype(np.uint32) * GOLDEN).astype(np.uint32), second)


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Correlation times the square root of the count: standard normal if x and y are independent."""
    x, y = x.ravel() / 2**32 - 0.5, y.ravel() / 2**32 - 0.5
    return float(12 * np.dot(x, y) / np.sqrt(x.size))


def test_scalar_functions_are_the_array_definition():
    with np.errstate(over="ignore"):
        for key in KEYS[:3]:
            steps = np.array([0, 1, 2, 1000, 2**31, 2**32 - 1])
            first, second = vector_words(key, steps)
            for i, step in enumerate(steps):
                assert step_words(key, step) == (first[i], second[i])
            for j in (0, 1, 17, 2**31 + 5):
                assert (
                    random_bits(first[0], second[0], j) == vector_bits(first[0], second[0], np.array([j]))[0]
                )
                assert random_bits(key_from(first[0], 5), second[0], j) == random_bits(
                    first[0], second[0], j + 5
                )


@kernel
def _compiled(key, steps, coordinates, n, out, indices, mixed):
    for t in range(steps):
        words = first, second = step_words(key, t)
        mixed[t] = mix(np.uint32(t))
        for j in range(coordinates):
            out[t, j] = random_bits(key_from(first, 3), second, j)
            indices[t, j] = random_index(words, j, n)


def test_kernel_is_python():
    found = []
    for run in (_compiled, _compiled.py_func):
        out, indices = np.zeros((5, 70), np.uint32), np.zeros((5, 70), np.int64)
        mixed = np.zeros(5, np.uint32)
        with np.errstate(over="ignore"):
            run(KEYS[0], 5, 70, 1000, out, indices, mixed)
        found.append((out, indices, mixed))
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)


def test_every_bit_is_balanced_and_flips_alone():
    words = np.concatenate([draw(key, np.arange(40), np.arange(500)).ravel() for key in KEYS])
    bits = (words[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    sigma = 0.5 / np.sqrt(words.size)
    assert np.all(np.abs(bits.mean(0) - 0.5) < 5 * sigma)
    together = np.corrcoef(bits[:100_000].T) - np.eye(32)
    assert np.abs(together).max() < 5 / np.sqrt(100_000)


def test_bytes_are_uniform():
    words = np.concatenate([draw(key, np.arange(50), np.arange(500)).ravel() for key in KEYS])
    for shift in (0, 8, 16, 24):
        counts = np.bincount((words >> np.uint32(shift)) & np.uint32(255), minlength=256)
        chi2 = np.sum((counts - words.size / 256) ** 2) / (words.size / 256)
        assert abs(chi2 - 255) < 5 * np.sqrt(2 * 255)


LAGS = (1, 2, 3, 4, 7, 8, 16, 64)


@pytest.mark.parametrize("lag", LAGS)
def test_no_correlation_over_coordinates(lag):
    x = np.stack([draw(key, np.arange(20), np.arange(1000)) for key in KEYS])
    assert abs(correlation(x[..., :-lag], x[..., lag:])) < 5


@pytest.mark.parametrize("lag", LAGS)
def test_no_correlation_over_steps_of_one_coordinate(lag):
    x = np.stack([draw(key, np.arange(2000), np.arange(16)) for key in KEYS])
    assert abs(correlation(x[:, :-lag], x[:, lag:])) < 5
    one = x[:, :, 0]
    assert abs(correlation(one[:, :-lag], one[:, lag:])) < 5


def test_a_plain_step_counter_would_have_been_caught():
    # The step itself between the two multiplications: neighbouring steps differ in low bits of one multiplication.
    steps = np.arange(2000, dtype=np.uint32)
    with np.errstate(over="ignore"):
        naive = np.stack(
            [
                scramble((key + np.arange(16, dtype=np.uint32) * GOLDEN)[None, :], steps[:, None])
                for key in KEYS
            ]
        )
    assert abs(correlation(naive[:, :-1], naive[:, 1:])) > 50


def test_no_correlation_between_neighbouring_keys():
    for difference in (1, 2, 2**16, int(GOLDEN)):
        with np.errstate(over="ignore"):
            others = [np.uint32((int(key) + difference) % 2**32) for key in KEYS]
        one = np.stack([draw(key, np.arange(40), np.arange(300)) for key in KEYS])
        two = np.stack([draw(key, np.arange(40), np.arange(300)) for key in others])
        assert abs(correlation(one, two)) < 5
        assert np.mean(one == two) < 1e-4


def test_streams_that_meet_in_the_first_word_differ_in_the_second():
    """All keys walk one cycle of 2**32 first words, so two long runs meet on it: there they must not share numbers."""
    with np.errstate(over="ignore"):
        others = [np.uint32(key + np.uint32(7) * GOLDEN) for key in KEYS]
    one = np.stack([draw(key, np.arange(7, 407), np.arange(300)) for key in KEYS])
    two = np.stack([draw(key, np.arange(400), np.arange(300)) for key in others])
    assert np.mean(one == two) < 1e-4
    assert abs(correlation(one, two)) < 5


def test_seeds_and_purposes_have_streams_of_their_own():
    purposes = (generator.SAMPLES, generator.ROUNDING, generator.SNAPSHOT, generator.POINTS, generator.NOISE)
    keys = [int(stream(seed, purpose)) for seed in range(500) for purpose in purposes]
    assert len(set(keys)) >= len(keys) - 1
    for one in purposes:
        for two in purposes:
            if one < two:
                x = np.stack([draw(stream(seed, one), np.arange(40), np.arange(100)) for seed in range(5)])
                y = np.stack([draw(stream(seed, two), np.arange(40), np.arange(100)) for seed in range(5)])
                assert abs(correlation(x, y)) < 5


def reference(key: int, step: int, j: int) -> list[int]:
    """The same in Python's own integers."""

    def turn(x: int, between: int = 0) -> int:
        x = ((x ^ x >> 16) * 0x7FEB352D) % 2**32
        x = ((x ^ x >> 15 ^ between) * 0x846CA68B) % 2**32
        return x ^ x >> 16

    first = turn((key + step * 0x9E3779B9) % 2**32)
    second = turn(first ^ key ^ 0x5BD1E995)
    return [first, second, turn((first + j * 0x9E3779B9) % 2**32, second)]


def test_known_words():
    # Written down, so that a change of the generator is noticed: it changes every stored result.
    with np.errstate(over="ignore"):
        first, second = step_words(np.uint32(1), 2)
        found = [int(first), int(second), int(random_bits(first, second, 3))]
    assert found == reference(1, 2, 3) == [1136996714, 559205722, 1095459767]
    assert int(stream(7, 1)) == 369571992


@pytest.mark.parametrize("n", [2, 3, 7, 100])
def test_index_is_uniform_and_in_range(n):
    counts = np.zeros(n)
    with np.errstate(over="ignore"):
        for t in range(20_000):
            counts[random_index(step_words(KEYS[0], t), 0, n)] += 1
    chi2 = np.sum((counts - 20_000 / n) ** 2) / (20_000 / n)
    assert abs(chi2 - (n - 1)) < 5 * np.sqrt(2 * (n - 1))


def test_index_of_the_largest_word_is_the_last():
    with np.errstate(over="ignore"):
        for t in range(1000):
            words = step_words(KEYS[1], t)
            word = int(random_bits(*words, 0))
            for n in (1, 3, 2**31, 2**32 - 1):
                assert random_index(words, 0, n) == word * n >> 32
