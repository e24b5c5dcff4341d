"""What one operation of arithmetic, and one bit from memory, cost: the published table, and how it goes on.

Source: Horowitz 2014, "Computing's energy problem (and what we can do about it)", ISSCC, figure 1.1.9; 45 nm, 0.9 V:

    pJ            integer, 8 bits   32 bits   float, 16 bits   32 bits
    addition                 0.03       0.1              0.4       0.9
    multiplication           0.2        3.1              1.1       3.7
    DRAM          1.3 nJ for 64 bits: 20.3 pJ a bit

Other widths, b bits of an integer and p bits of a significand, its leading one included (11 of 16 bits, 24 of 32):

    integer   addition b / 320, through 32 bits and 0 (0.025 of 8 bits); multiplication b (23 b + 8) / 7680, through
              both and 0.
    float     addition (5 p - 3) / 130, the line through both; multiplication p (p + 13) / 240, through both and 0.
              Exponents are not counted by their width: what they cost is in the numbers of 16 and 32 bits.
    log       a multiplication is the addition of two exponents, integers of b bits. An addition is that of floats whose
              significand has as many bits as the logarithm's fraction, and a leading one; what it costs to turn a
              logarithm into such a number is not counted.

Operands of one kind and two widths: the wider decides. Of two kinds: both are taken as floats of the wider significand.
Above 32 bits (float64) and below 8 these are extrapolated.
"""

from __future__ import annotations

from typing import NamedTuple

INTEGER, FLOAT, LOG = "integer", "float", "log"
DRAM = 20.3  # pJ a bit
SINGLE = 24  # bits of the significand of float32
_NANO = 1e-3  # nJ in a pJ
_MOVED = (
    "Counted, not measured (docs/costs.md): every number as often as a step reads or writes it, in the format that "
    "holds it, with no cache"
)
_SPENT = (
    "Horowitz 2014, 45 nm: multiply-adds at the width of the wider operand, sums in 32 bits or sum_format; other "
    "widths by lines and parabolas through the published ones"
)


class Operand(NamedTuple):
    """A number as arithmetic takes it.

    kind          INTEGER, FLOAT or LOG.      bits   of an integer, sign included, or of the code of a logarithm.
    significand   bits of the float that holds it, leading one included.
    """

    kind: str
    bits: int
    significand: int


def integer(bits: int) -> Operand:
    """An integer of so many bits, sign included."""
    return Operand(INTEGER, bits, bits)


def floating(significand: int) -> Operand:
    """A float whose significand has so many bits, the leading one included."""
    return Operand(FLOAT, 0, significand)


def logarithm(bits: int, fraction: int) -> Operand:
    """A logarithmic number of so many bits, `fraction` of which are those of its logarithm's fraction."""
    return Operand(LOG, bits, fraction + 1)


# A number that nobody rounded, by `compute_dtype`.
FULL = {"float64": floating(53), "float32": floating(SINGLE)}


def wider(*operands: Operand) -> Operand:
    """What holds all of them: the widest of one kind; of several kinds a float."""
    kinds = {one.kind for one in operands}
    bits, significand = max(one.bits for one in operands), max(one.significand for one in operands)
    return Operand(kinds.pop() if len(kinds) == 1 else FLOAT, bits, significand)


def addition(a: Operand) -> float:
    """pJ of a sum of two numbers."""
    return a.bits / 320 if a.kind == INTEGER else (5 * a.significand - 3) / 130


def multiplication(a: Operand) -> float:
    """pJ of a product of two numbers."""
    if a.kind == INTEGER:
        return a.bits * (23 * a.bits + 8) / 7680
    return a.bits / 320 if a.kind == LOG else a.significand * (a.significand + 13) / 240


def accumulator(product: Operand) -> Operand:
    """What terms of a kind are summed in where nothing else is asked for: 32 bits, or as many as an operand has."""
    if product.kind == INTEGER:
        return integer(max(32, product.bits))
    return floating(max(SINGLE, product.significand))


def multiply_add(a: Operand, b: Operand, total: Operand | None = None) -> float:
    """pJ of a product of a and b and its addition to a sum, in the format `total` where that is given."""
    product = wider(a, b)
    return multiplication(product) + addition(accumulator(product) if total is None else total)


def columns(bits: float, arithmetic: float) -> dict[str, float]:
    """The columns of `cells` of a step that stores and moves so many bits, and spends so many pJ on arithmetic."""
    return {
        "bytes_per_step": bits / 8,
        "energy_per_step": (arithmetic + DRAM * bits) * _NANO,
        "arithmetic_energy_per_step": arithmetic * _NANO,
    }


def assumptions(cost: str) -> list[str]:
    """What a number of a column of costs rests on, as sentences to stand beside it."""
    moved, spent = f"{_MOVED}.", f"Energy: {_SPENT}."
    if cost.startswith("arithmetic_energy"):
        return [spent, "Traffic is left out, as if everything stayed on the chip (docs/costs.md)."]
    if cost.startswith("energy"):
        return [moved, f"{spent[:-1]}; {DRAM} pJ for each bit moved, as if from DRAM."]
    return [moved] if cost.startswith("bytes") else []
