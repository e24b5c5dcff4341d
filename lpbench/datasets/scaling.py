"""Standardising: mean 0 and variance 1, of columns and of pixels; the same bits on every machine."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

LARGEST = 2.0**480  # the squares of numbers between this and its inverse neither overflow nor vanish
_LEVELS = 256  # of a pixel


class Columns(NamedTuple):
    """How columns were standardised, so that other rows can be: (d,) each.

    A number x became (x / 2^exponents - mean) / spread, and 0 where `constant`.
    """

    exponents: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    constant: np.ndarray

    def apply(self, X: np.ndarray, out: np.ndarray) -> None:
        """The same to X (N, d); into `out`, which may be X."""
        np.subtract(_shifted(X, self.exponents), self.mean, out=out)
        self._divide(out)

    def _divide(self, out: np.ndarray) -> None:
        out /= self.spread
        out[:, self.constant] = 0.0


def standardise(X: np.ndarray, out: np.ndarray) -> Columns:
    """The columns of X (N, d) float64 with mean 0 and variance 1, constant ones 0, into `out`, which may be X.

    Columns of very large or very small numbers are first multiplied by a power of two, which changes no bit of what
    comes out.
    """
    largest = np.abs(X).max(axis=0)
    exponents = exponents_of(largest)
    X = _shifted(X, exponents)
    mean = X.mean(axis=0)
    np.subtract(X, mean, out=out)
    spread = np.sqrt(np.einsum("ij,ij->j", out, out) / len(X))
    constant = spread <= 1e-12 * np.ldexp(largest, -exponents)
    columns = Columns(exponents, mean, np.where(constant, 1.0, spread), constant)
    columns._divide(out)
    return columns


def exponents_of(largest: np.ndarray | float) -> np.ndarray:
    """Of each number the e with largest / 2^e in [0.5, 1) where its square overflows or vanishes, else 0."""
    ordinary = (largest <= LARGEST) & (largest >= 1.0 / LARGEST)
    return np.where(ordinary, 0, np.frexp(largest)[1])


def _shifted(X: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    return np.ldexp(X, -exponents) if exponents.any() else X


def pixel_levels(pixels: np.ndarray) -> np.ndarray:
    """(channels, 256) float32: what a pixel of each value becomes where each channel is standardised.

    pixels   (N, ..., channels) uint8. Sums of whole numbers are exact, so that no order of them changes a bit. A
             channel that is constant becomes 0.
    """
    table = np.zeros((pixels.shape[-1], _LEVELS), np.float32)
    for channel, levels in enumerate(table):
        counts = np.bincount(pixels[..., channel].reshape(-1), minlength=_LEVELS).tolist()
        n, first = sum(counts), sum(k * count for k, count in enumerate(counts))
        second = sum(k * k * count for k, count in enumerate(counts))
        variance = (n * second - first * first) / (n * n)
        if variance > 0.0:
            levels[:] = (np.arange(_LEVELS) - first / n) / math.sqrt(variance)
    return table


def in_levels(pixels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """`pixels`, (N, ..., channels) uint8, as `table` of `pixel_levels` has them: float32."""
    out = np.empty(pixels.shape, np.float32)
    for channel, levels in enumerate(table):
        out[..., channel] = levels[pixels[..., channel]]
    return out
