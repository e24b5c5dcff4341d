"""Accumulators of few bits: what becomes of long sums."""

from __future__ import annotations

from lpbench.claims.base import Claim, Line, Measure, Plot, claims, predicted
from lpbench.claims.cells import Cells
from lpbench.formats import Float
from lpbench.formats.accumulate import accumulate
from lpbench.proofs.sums import draw, error
from lpbench.theory.accumulation import Sum, stalls_at, stochastic_error, variance_retention

LENGTHS = (4096, 16384, 65536)
LARGEST = 1 + 3**0.5  # of the terms
EXPONENT_BITS = 8  # nothing leaves the range
# Mantissa bits, rounding, chunk; what sum / exact sum is, and how far one set of sums may be from it.
WAYS = {
    "9 bits to nearest": (9, "nearest_even", 1, (0.92, 0.25, 0.0625), (0.02, 0.005, 0.001)),
    "9 bits to nearest, chunks of 64": (9, "nearest_even", 64, (1.0, 1.0, 1.0), (0.005, 0.005, 0.005)),
    "9 bits, stochastic": (9, "stochastic", 1, (1.0, 1.0, 1.0), (0.02, 0.02, 0.02)),
    "7 bits to nearest": (7, "nearest_even", 1, (0.25, 0.0625, 0.0156), (0.005, 0.002, 0.0005)),
}
NUMBERS = 2**22  # that are summed at a time: 64 sums of the longest
RETAINING = (5, 7, 9)  # mantissa bits of sums of mean 0


def kept(length: int, mantissa_bits: int, rounding: str, chunk: int, seed: int) -> float:
    """Sum / exact sum of positive terms, a mean over 64 or more sums."""
    drawn = draw(length, "positive", seed, NUMBERS)
    form = Float(EXPONENT_BITS, mantissa_bits)
    return float((accumulate(drawn, form, rounding, chunk, axis=0, random=seed) / drawn.sum(axis=0)).mean())


def retained(length: int, mantissa_bits: int, seed: int) -> float:
    """The variance of sums of mean 0, to nearest, over that of the exact ones."""
    drawn = draw(length, "products", seed, NUMBERS)
    found = accumulate(drawn, Float(EXPONENT_BITS, mantissa_bits), axis=0)
    return float((found**2).mean() / (drawn.sum(axis=0) ** 2).mean())


@claims.register("accumulation")
class Accumulation(Claim):
    """Sums of up to 65,536 uniform terms of mean 1 and standard deviation 1."""

    statement = (
        "An accumulator of few bits that rounds to nearest loses most of a long sum, which stops where its spacing is "
        "twice the largest term; summed in chunks, or rounded stochastically, the sum comes out right"
    )
    paper = 'Wang et al. 2018, "Training Deep Neural Networks with 8-bit Floating Point Numbers"'
    theory = "8"
    limits = (
        "sum / exact sum of 4,096, 16,384, 65,536 terms: 9 mantissa bits to nearest .92, .25, .0625, in chunks of 64 "
        "or stochastically 1 (within .005, .02), 7 bits .25, .0625, .0156; sums that have stopped lie where theory "
        "says, within 1 %; the error with stochastic rounding is at most what is proven"
    )
    trains = False
    replicates = 1

    def measure(self, cells: Cells) -> list[Measure]:
        """The table, the place where sums stop, and the bound."""
        seed = cells.first_seed
        found = []
        for name, (bits, rounding, chunk, shares, reach) in WAYS.items():
            for length, share, most in zip(LENGTHS, shares, reach, strict=True):
                value = kept(length, bits, rounding, chunk, seed)
                found.append(Measure(f"{name}, {length} terms", [value], share - most, share + most))
        for bits in (7, 9):
            value = kept(LENGTHS[-1], bits, "nearest_even", 1, seed) * LENGTHS[-1] / stalls_at(LARGEST, bits)
            found.append(Measure(f"{bits} bits to nearest: the sum / where it stops", [value], 0.99, 1.01))
        bounds = [
            error(draw(length, terms, seed, NUMBERS), 9, chunk, "stochastic", seed)
            / stochastic_error(Sum(length, mean, chunk), 9)
            for length in LENGTHS
            for terms, mean in (("products", 0.0), ("positive", 1.0))
            for chunk in (1, 64)
        ]
        return [*found, Measure("stochastic: error / proven", bounds, high=1.0)]

    def plot(self, cells: Cells) -> Plot:
        """What is kept over the length; and of sums of mean 0 their variance, beside what is published of it."""
        seed, lines = cells.first_seed, []
        lengths = [4**k for k in range(4, 9)]
        for name, (bits, rounding, chunk, _, _) in WAYS.items():
            values = [kept(length, bits, rounding, chunk, seed) for length in lengths]
            lines.append(Line(name, lengths, values, panel="terms of mean 1: sum / exact sum"))
        panel = "terms of mean 0: variance kept"
        for bits in RETAINING:
            values = [retained(length, bits, seed) for length in lengths]
            lines.append(Line(f"{bits} bits", lengths, values, panel=panel))
            lines.append(
                predicted(f"{bits} bits, VRR", lengths, [variance_retention(n, bits) for n in lengths], panel)
            )
        return Plot("terms of a sum", "", lines, x_log=True, y_log=False)

    def remarks(self, cells: Cells) -> list[str]:
        """What the lines of the second panel are."""
        return [
            "VRR: the variance retention ratio of Sakr et al. 2019, which takes a partial sum beyond 2^m terms to be "
            "lost; rounding to nearest still takes half of a term of that size, so that more is kept"
        ]
