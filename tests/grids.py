"""The tests' own definition of rounding: search in a sorted list of numbers. It shares no code with lpbench."""

from fractions import Fraction

import numpy as np


def codes(values: np.ndarray, signed_codes: bool = False) -> np.ndarray:
    """The integer code of each number; its parity breaks ties.

    Sign and magnitude: the rank of the magnitude, zero first. signed_codes: the number over the spacing (fixed point).
    """
    if signed_codes:
        return np.rint(values / np.diff(values).min()).astype(np.int64)
    return np.unique(np.abs(values), return_inverse=True)[1]


def brackets(values: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the neighbours of x below and above; the same one for numbers of the grid. x within the grid."""
    above = np.searchsorted(values, x, side="left")
    return above - (values[above] != x), above


def nearest_even(values: np.ndarray, x: np.ndarray, parities: np.ndarray) -> np.ndarray:
    """x (float64, within the grid) to the nearest number, ties to the even code. Sums must be exact in float64."""
    below, above = brackets(values, x)
    middle, twice = values[below] + values[above], 2 * x
    up = (twice > middle) | ((twice == middle) & (parities[above] % 2 == 0))
    return np.where(up, values[above], values[below])


def toward_zero(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """x (float64, within the grid) to the neighbour of smaller magnitude."""
    below, above = brackets(values, x)
    return np.where(x < 0, values[above], values[below])


def stochastic(values: np.ndarray, x: float, u: float) -> float:
    """Up if and only if u < (x - lo) / (hi - lo), in exact arithmetic."""
    below, above = (values[i] for i in brackets(values, np.array([x])))
    lo, hi = Fraction(float(below[0])), Fraction(float(above[0]))
    up = lo < hi and Fraction(u) < (Fraction(float(x)) - lo) / (hi - lo)
    return float(above[0] if up else below[0])


def probes(values: np.ndarray, dtype: type, beyond: bool = True) -> np.ndarray:
    """Numbers, midpoints, quarter points, and what lies next to each of them in dtype; also beyond the ends."""
    gaps = np.diff(values)
    inner = np.concatenate([values, values[:-1] + gaps / 2, values[:-1] + gaps / 4, values[:-1] + 0.7 * gaps])
    x = inner.astype(dtype)
    x = np.concatenate([x, np.nextafter(x, dtype(np.inf)), np.nextafter(x, dtype(-np.inf)), -x])
    if beyond:
        far = np.array([1.01, 1.5, 4.0, 1e6]) * np.abs(values).max()
        x = np.concatenate([x, far.astype(dtype), (-far).astype(dtype)])
    return np.unique(x)
