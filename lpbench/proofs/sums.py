"""How many mantissa bits an accumulator needs for sums of so many terms: by proof, by the rule of VRR, measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lpbench.arithmetic.rounding import MODES
from lpbench.errors import ConfigError, did_you_mean
from lpbench.formats import Float
from lpbench.formats.accumulate import accumulate
from lpbench.theory.accumulation import Sum, proven_bits, retaining_bits

if TYPE_CHECKING:
    import pandas as pd

WITHIN = 0.01
# What is summed, of standard deviation 1, and its mean: products of two normal numbers, as between weights and errors;
# uniform ones around 1, as where activations meet weights of one sign.
TERMS = {"products": 0.0, "positive": 1.0}
COLUMNS = (
    "sum", "length", "terms", "sum_chunk", "sum_rounding", "within", "proven_bits", "retaining_bits", "measured_bits",
    "error", "error_with_one_fewer",
)  # fmt: skip
_NUMBERS = 2**24  # that are drawn for the sums of one length
_FEWEST, _MOST_SUMS = 32, 1024
_EXPONENT_BITS, _MOST_BITS = 8, 23  # of the accumulator, which is float32 at most: nothing leaves its range
LONGEST = _NUMBERS // _FEWEST


class Asked(NamedTuple):
    """What is asked of sums: the choices of `sum_bits`."""

    within: float
    chunks: Sequence[int]
    roundings: Sequence[str]
    terms: Sequence[str]
    seed: int
    measure: bool


def sum_bits(
    lengths: Iterable[int] | Mapping[str, int],
    within: float = WITHIN,
    chunks: Sequence[int] = (1,),
    roundings: Sequence[str] = ("nearest_even", "stochastic"),
    terms: Sequence[str] = tuple(TERMS),
    seed: int = 0,
    measure: bool = True,
) -> pd.DataFrame:
    """The fewest mantissa bits with which sums of so many terms stray by at most `within`, a row a combination.

    lengths    numbers of terms; by name where the sums have one.
    within     of the error: its root mean square over that of the exact sums.
    chunks     terms between two roundings.     roundings, terms   which; `products` of two normal numbers, of mean 0,
               and `positive` ones, uniform, of mean 1.
    measure    False: formulas only.
    Columns: `proven_bits` suffice by a bound (theory.accumulation), null where nothing is proven; `retaining_bits` by
    the variance retention ratio, which is about terms of mean 0 and rounding to nearest; `measured_bits` of
    32 to 1024 sums, null where 23 do not suffice, with their `error`, and that with one bit fewer.
    Raises ConfigError for impossible values.
    """
    import pandas as pd

    asked = Asked(within, chunks, roundings, terms, seed, measure)
    return pd.DataFrame(rows(lengths, asked), columns=list(COLUMNS))


def rows(
    lengths: Iterable[int] | Mapping[str, int],
    asked: Asked,
    said: Callable[[str], Any] = lambda text: None,
) -> list[dict[str, Any]]:
    """`sum_bits` as dictionaries; said: hears of each length before it is measured."""
    named = dict(lengths) if isinstance(lengths, Mapping) else {"": list(lengths)}
    pairs = [(name, n) for name, one in named.items() for n in (one if isinstance(one, list) else [one])]
    _check([n for _, n in pairs], asked)
    known: dict[int, list[dict[str, Any]]] = {}
    for _, length in pairs:
        if length not in known:
            if asked.measure:
                said(f"sums of {length} terms")
            known[length] = [row for terms in asked.terms for row in _of_terms(length, terms, asked)]
    return [{"sum": name or None, **row} for name, length in pairs for row in known[length]]


def _check(lengths: Sequence[int], asked: Asked) -> None:
    for length in lengths:
        if not 1 <= length <= LONGEST:
            raise ConfigError(f"sums have 1 to {LONGEST} terms here, got {length}")
    if not 0 < asked.within < 1:
        raise ConfigError(f"within is a share of the sum, between 0 and 1, got {asked.within:g}")
    for chunk in asked.chunks:
        if chunk < 1:
            raise ConfigError(f"sum_chunk must be a whole number from 1 on, got {chunk}")
    for name, known in ((asked.roundings, MODES), (asked.terms, tuple(TERMS))):
        for one in name:
            if one not in known:
                what = "sum_rounding" if known is MODES else "terms"
                raise ConfigError(f"unknown {what} {one!r}.{did_you_mean(one, known)}")


def _of_terms(length: int, terms: str, asked: Asked) -> list[dict[str, Any]]:
    within, seed = asked.within, asked.seed
    drawn = draw(length, terms, seed) if asked.measure else None
    found = []
    for chunk in asked.chunks:
        for rounding in asked.roundings:
            published = terms == "products" and rounding == "nearest_even"
            row: dict[str, Any] = {
                "length": length,
                "terms": terms,
                "sum_chunk": chunk,
                "sum_rounding": rounding,
                "within": within,
                "proven_bits": proven_bits(Sum(length, TERMS[terms], chunk), rounding, within),
                "retaining_bits": retaining_bits(length, chunk) if published else None,
                "measured_bits": None,
                "error": None,
                "error_with_one_fewer": None,
            }
            found.append(row | (measured(drawn, chunk, rounding, within, seed) if drawn is not None else {}))
    return found


def draw(length: int, terms: str, seed: int, numbers: int = _NUMBERS) -> np.ndarray:
    """(length, sums) float64: the terms of some sums, of standard deviation 1; about so many numbers in all."""
    random = np.random.default_rng([seed, length])
    size = length, int(np.clip(numbers // length, _FEWEST, _MOST_SUMS))
    if terms == "products":
        return random.standard_normal(size) * random.standard_normal(size)
    reach = np.sqrt(3.0)
    return random.uniform(TERMS[terms] - reach, TERMS[terms] + reach, size)


def error(drawn: np.ndarray, mantissa_bits: int, chunk: int, rounding: str, seed: int) -> float:
    """Of sums along the first axis: the root mean square of their errors over that of the sums themselves."""
    exact = drawn.sum(axis=0)
    form = Float(_EXPONENT_BITS, mantissa_bits)
    kept = accumulate(drawn, form, rounding, chunk, axis=0, random=seed)
    return float(np.sqrt(np.mean((kept - exact) ** 2) / np.mean(exact**2)))


def measured(drawn: np.ndarray, chunk: int, rounding: str, within: float, seed: int) -> dict[str, Any]:
    """The fewest bits with which these sums stray by at most `within`, by bisection, and what they stray by."""
    seen: dict[int, float] = {}

    def strays(bits: int) -> bool:
        if bits not in seen:
            seen[bits] = error(drawn, bits, chunk, rounding, seed)
        return seen[bits] > within

    low, high = 0, 4  # low strays, or is none at all
    while strays(high):
        if high == _MOST_BITS:
            return {}
        low, high = high, min(2 * high, _MOST_BITS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if strays(middle) else (low, middle)
    return {"measured_bits": high, "error": seen[high], "error_with_one_fewer": seen.get(high - 1)}


def lengths_of(net: Sequence[Any], batch: int) -> dict[str, int]:
    """How many terms the sums of a network's products have: forward, and both backward."""
    found = {}
    for i, layer in enumerate(net):
        found[f"{layer.name} forward"] = layer.fan_in
        if i:
            found[f"{layer.name} back"] = layer.outputs
        found[f"{layer.name} gradient"] = batch * int(np.prod(layer.positions))
    return found
