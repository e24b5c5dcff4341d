"""Random numbers that depend on nothing but (seed, purpose, step, coordinate).

A counter-based generator: no state, so a cell gives the same bits with any number of workers, in any order and after
a resume, and two versions of an algorithm share their noise seed by seed. A 32-bit hash of two multiplications; two
random words a step enter it, one before and one between them. (A step counter put there unmixed would give
neighbouring steps a correlation of -0.45, and so a wrong noise floor.)
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.jit import inner

GOLDEN = np.uint32(0x9E3779B9)
FIRST = np.uint32(0x7FEB352D)
SECOND = np.uint32(0x846CA68B)
_OTHER = np.uint32(0x5BD1E995)

# What random numbers are for: each purpose has a stream of its own.
SAMPLES, ROUNDING, SNAPSHOT, POINTS, NOISE, INITIAL, ORDER, SUMS = range(8)
SCHEME = 1  # raised with every change of the bits: seeds of two schemes share no noise


class Words(NamedTuple):
    """The two uint32 words of one step of a stream."""

    first: Any
    second: Any


@inner
def mix(x):
    """A bijection of 32-bit words in which every input bit reaches every output bit. uint32."""
    x = np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(16))) * FIRST)
    x = np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(15))) * SECOND)
    return np.uint32(x ^ np.uint32(x >> np.uint32(16)))


@inner
def step_words(key, step):
    """The Words of one step of a stream; key uint32, step an integer.

    The key is in both: two streams that meet in the first word, as long ones do somewhere, differ in the second.
    """
    first = mix(key_from(key, step))
    return Words(first, mix(np.uint32(np.uint32(first ^ key) ^ _OTHER)))


@inner
def key_from(key, start):
    """The word with which number 0 is number `start` of `key`. uint32."""
    return np.uint32(key + np.uint32(np.uint32(start) * GOLDEN))


@inner
def random_bits(first, second, j):
    """32 random bits of coordinate j, for the two words of a step. uint32."""
    x = np.uint32(first + np.uint32(np.uint32(j) * GOLDEN))
    x = np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(16))) * FIRST)
    x = np.uint32(np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(15))) ^ second) * SECOND)
    return np.uint32(x ^ np.uint32(x >> np.uint32(16)))


@inner
def random_index(words, j, n):
    """An integer uniform in 0 .. n-1 (bias below n / 2**32), number j of a step. int64."""
    return np.int64((np.uint64(random_bits(words.first, words.second, j)) * np.uint64(n)) >> np.uint64(32))


_salt = 0


@contextmanager
def salted(salt: int) -> Iterator[None]:
    """All streams that are keyed within are other ones, of this salt; 0 is none.

    The same code with other noise: what a check of regressions must not call one. For the whole process.
    """
    global _salt
    before, _salt = _salt, salt
    try:
        yield
    finally:
        _salt = before


def stream(seed: int, purpose: int) -> np.uint32:
    """The key of one purpose of one seed."""
    return _stream(seed, purpose, _salt)


@functools.lru_cache(maxsize=4096)
def _stream(seed: int, purpose: int, salt: int) -> np.uint32:
    entropy = [seed, purpose, salt] if salt else [seed, purpose]
    return np.uint32(np.random.SeedSequence(entropy).generate_state(1, np.uint32)[0])
