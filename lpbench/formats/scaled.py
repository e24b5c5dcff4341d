"""Scaled formats: small elements times a scale that neighbours share. MX of OCP, NVFP4, one scale a tensor or a row."""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from lpbench.declared.energy import Operand
from lpbench.errors import ConfigError, did_you_mean
from lpbench.formats.base import Format
from lpbench.formats.fixed import FixedGrid
from lpbench.formats.floating import Float
from lpbench.formats.scales import BlockedGrid, FittedGrid, Products, Singles, SquareGrid, powers
from lpbench.registry import formats

ELEMENTS = {
    "e4m3": "fp8_e4m3",
    "e5m2": "fp8_e5m2",
    "e3m2": "fp6_e3m2",
    "e2m3": "fp6_e2m3",
    "e2m1": "fp4_e2m1",
}
E8M0, FLOAT32 = "e8m0", "float32"
SPANS = ("row", "channel", "tensor")
EXACT, DELAYED = "exact", "delayed"
# Of a rule, beyond which multiple of its own power of two a block's largest magnitude has the next scale; from the
# largest element, in units of its power of two, and the mantissa bits of the elements.
RULES: Mapping[str, Callable[[float, int], float]] = {
    "floor": lambda reach, mantissa: 2.0,
    "ceil": lambda reach, mantissa: 1.0,
    "rceil": lambda reach, mantissa: reach,
    "even": lambda reach, mantissa: math.nextafter(2.0 - 2.0 ** -(mantissa + 1), 0.0),
}
_RULES_IN_WORDS = {
    "floor": "2^(floor(log2 m) - t), m the largest magnitude, 2^t the power of two of the largest element",
    "ceil": "2^(ceil(log2 m) - t), m the largest magnitude, 2^t the power of two of the largest element",
    "rceil": "2^ceil(log2(m / largest element)), m the largest magnitude",
    "even": "2^(floor(log2 m') - t), m' the largest magnitude rounded to the mantissa of an element",
}
_LEAST, _MOST = 2.0**-127, 2.0**127  # of e8m0
_SMALLEST, _LARGEST = 2.0**-126, float(np.finfo(np.float32).max)  # normal numbers of float32
_ALIKE = 2.0**-22  # beside a scale of float32 a product is known to so much of itself


@dataclass(frozen=True, repr=False, init=False)
class Scaled(Format):
    """Elements of a small format, times a scale that a block of them shares.

    element   of each number: a format without a range of its own (`Float(2, 1)`), the name of a preset, its last part
              alone ("e2m1"), or "int8" for the integers -127 .. 127; any number of bits from 2 to 24.
    block     how many consecutive numbers share a scale; or "16x16" (squares of the matrix whose rows lie along the
              last axis), "row" (all along the last axis), "channel" (all with one index along the first), "tensor".
    scale     "e8m0": a power of two, 2**-127 .. 2**127. "float32". Or a small format, "e4m3": then its numbers are
              times one of float32 for the tensor, by which the largest number of the tensor has the largest scale.
    rule      how e8m0 follows from the block's largest magnitude m, with 2**t the power of two of the largest element:
              "floor" 2**(floor(log2 m) - t), "ceil" 2**(ceil(log2 m) - t), "rceil" 2**ceil(log2(m / largest element)),
              "even" floor of m rounded to the mantissa bits of an element, halves up. Of the others "exact": the
              nearest number of the scale's format to m / largest element. Of a tensor's scale in float32 "delayed": m
              is the largest of the steps before, in training; elsewhere nothing came before, and it is "exact".
    A NaN has no part in m and stays; a block of zeros stays zero; where m is infinite, the scale is NaN and so are all
    numbers that share it. Scales beyond the ends of their format become the ends, and elements saturate.
    Source: OCP Microscaling Formats (MX) Specification 1.0, 5.3 and 6.3 ("floor"; what an infinity makes is left
    open there); torchao, prototype/mx_formats, ScaleCalculationMode (the four rules; NaN for an infinity); Abecassis
    and others 2025, arXiv 2509.25149, appendix on NVFP4 (two scales). Raises ConfigError for other values.
    """

    name = "scaled"
    adapts = literal = True
    ns_rounding = 1.0

    element: Format
    block: int | str
    scales: str
    rule: str

    def __init__(
        self, element: Format | str, block: int | str = 32, scale: str = E8M0, rule: str | None = None
    ):
        form, small = _element(element), _small(scale)
        usual, allowed = ("floor", tuple(RULES)) if small == E8M0 else (EXACT, (EXACT,))
        if small == FLOAT32 and block == "tensor":
            allowed = (EXACT, DELAYED)
        chosen = usual if rule is None else str(rule).lower()
        if chosen not in allowed:
            raise ConfigError(
                f"scaled: unknown rule {rule!r} of scale {scale}.{did_you_mean(chosen, allowed)}"
            )
        square = _side(block) is not None
        if isinstance(block, str) and block not in SPANS and not square:
            raise ConfigError(
                f"scaled: unknown block {block!r}: a whole number, a square (16x16), or one of {', '.join(SPANS)}"
            )
        if not isinstance(block, str) and not (type(block) is int and block >= 1):
            raise ConfigError(
                f"scaled: block must be a whole number >= 1 or one of {', '.join(SPANS)}, got {block}"
            )
        if chosen == "even" and form.mantissa_bits is None:
            raise ConfigError(
                f"scaled: rule even needs elements with mantissa bits, {type(form).__name__} has none"
            )
        if isinstance(block, str) and not square and small not in (E8M0, FLOAT32):
            raise ConfigError(f"scaled: scales of {scale} are those of blocks, and {block!r} is none")
        for field, value in {"element": form, "block": block, "scales": small, "rule": chosen}.items():
            object.__setattr__(self, field, value)

    @property
    def bits(self) -> int:  # type: ignore[override]
        """Of one element."""
        return self.element.bits

    @property
    def mantissa_bits(self) -> int | None:  # type: ignore[override]
        """Of one element."""
        return self.element.mantissa_bits

    @property
    def operand(self) -> Operand:
        """An element."""
        return self.element.operand

    @property
    def bits_per_value(self) -> float:
        """Bits of an element, and its share of those of a block's scale; not what a row or a tensor shares."""
        shared = {E8M0: 8, FLOAT32: 32}.get(self.scales) or formats.get(self.scales).example().bits
        return self.bits + (0.0 if self.sharing is None else shared / self.sharing)

    @property
    def sharing(self) -> int | None:
        """How many numbers share a scale; None where that is a row's, a channel's or a tensor's business."""
        side = _side(self.block)
        return side * side if side is not None else self.block if isinstance(self.block, int) else None

    @property
    def scale(self) -> float:  # type: ignore[override]
        """1: scales are those of blocks."""
        return 1.0

    @property
    def reach(self) -> float:
        """The largest element: bit centering brings what it needs to a scale of 1."""
        return self.element.native_max

    @property
    def native_max(self) -> float:
        """The largest element times the largest scale; beside scales of float32 the largest of float32."""
        return self.element.native_max * _MOST if self.scales == E8M0 else _LARGEST

    @property
    def native_min(self) -> float:
        """The smallest positive element times the smallest scale."""
        return self.element.native_min * (_LEAST if self.scales == E8M0 else _SMALLEST)

    @property
    def policy(self) -> str:
        """One line on scales, overflow and NaN."""
        shared = self._shared_by
        named = self.scales.rpartition("_")[2]
        second = "" if self.scales in (E8M0, FLOAT32) else " times a float32 for the tensor"
        return (
            f"{named} scale{second} for {shared}, rule {self.rule}; elements saturate; a NaN has no part in the scale "
            "and stays NaN; an infinity makes the scale NaN"
        )

    @property
    def _shared_by(self) -> str:
        """`32 numbers`, `16 x 16 numbers`, `a row`."""
        if self.sharing is None:
            return f"a {self.block}"
        return f"{str(self.block).replace('x', ' x ')} numbers"

    def native_values(self) -> np.ndarray:
        """The elements: the numbers of a block whose scale is 1."""
        return self.element.native_values()

    @property
    def axis(self) -> int | None:
        """The last, along which blocks and rows lie; the first, of channels."""
        return {"tensor": None, "channel": 0}.get(str(self.block), -1)

    def columns(self, shape: tuple[int, ...]) -> int:
        """Of a channel: all that has one index along the first axis. A vector is one channel."""
        return math.prod(shape[1:]) if self.block == "channel" and len(shape) > 1 else super().columns(shape)

    def kernel(self, dtype: Any = np.float64) -> NamedTuple:
        """Elements in units in which integers are integers, and their scales, for arithmetic in dtype."""
        real = np.dtype(dtype).type
        element, spacing = _element_kernel(self.element, dtype)
        reach = self.element.native_max / spacing
        scales = self._scales(real, reach, spacing)
        room = 1.0 if self.scales == E8M0 else 1 + _ALIKE
        common = element, scales, real(reach * room), np.float64(self.native_max)
        side = _side(self.block)
        if side is not None:
            return SquareGrid(*common, np.int64(side))
        if isinstance(self.block, int):
            return BlockedGrid(*common, np.int64(self.block))
        return FittedGrid(*common, np.bool_(self.block != "tensor"), real(spacing))

    def _scales(self, real: Any, reach: float, spacing: float) -> NamedTuple:
        if self.scales == E8M0:
            top, turn = self._top_and_turn(reach)
            # From twice the smallest scale to twice that of the largest magnitude of float32.
            held = real is np.float64 or (spacing == 2 and top * spacing >= 4)
            return powers(turn, top, (_LEAST * spacing, _MOST * spacing), np.nan, real, not held)
        common = [real(number) for number in (reach, _SMALLEST * spacing, _LARGEST, _ALIKE)]
        if self.scales == FLOAT32:
            return Singles(*common)
        small = formats.get(self.scales).example()
        own = [small.kernel(real), *map(real, (small.native_min, small.native_max * reach, 1.0))]
        return Products(*common, *own)

    def _top_and_turn(self, reach: float) -> tuple[float, float]:
        """The power of two of the largest element `reach`, and the turn of `Powers`."""
        top = 2.0 ** (math.frexp(reach)[1] - 1)
        mantissa = self.mantissa_bits or 0
        # Of evenly spaced numbers the first bit of the largest is none of a fraction.
        even = isinstance(self.element, Float) and self.element.exponent_bits == 0
        return top, RULES[self.rule](reach / top, mantissa - even)

    def step_kernel(self, dtype: Any = np.float64) -> NamedTuple:
        """The same numbers, in float64."""
        return self.kernel(np.float64)

    def scaled(self, largest: float) -> "Scaled":
        """Itself: its scales follow the numbers."""
        return self

    @property
    def facts(self) -> dict[str, Any]:
        """Element, block, scale and rule, and how many blocks of normal numbers are clipped."""
        share = self.clipped()
        rules = {
            EXACT: "nearest to largest / largest element",
            DELAYED: "the same, largest that of the steps before",
            **_RULES_IN_WORDS,
        }
        return {
            "element": _short(self.element),
            "largest_element": self.reach,
            "smallest_element": self.element.native_min,
            "scale_shared_by": self._shared_by,
            "scale_format": self.scales,
            "scale_rule": f"{self.rule}: {rules[self.rule]}",
            "blocks_clipped": "none" if share is None else f"{100 * share:.1f} % of blocks of N(0, 1)",
        }

    def clipped(self, numbers: int = 2**20) -> float | None:
        """Share of the blocks of standard normal numbers whose largest is beyond the largest element times the scale.

        numbers   in a tensor: of two scales, one is that of its largest number, here the median one.
        None where blocks are rows, channels or tensors.
        """
        if self.sharing is None:
            return None
        if self.scales == E8M0:
            top, turn = self._top_and_turn(self.reach)
            return sum(self._share(2.0**k * self.reach / top, 2.0**k * turn) for k in range(-30, 6))
        if self.scales == FLOAT32:
            return 0.0
        # Between two neighbours of the scale's format the nearest is the smaller one up to their middle.
        values = formats.get(self.scales).example().values()
        values = values[values > 0] * _median_largest(numbers) / values[-1]
        return sum(self._share(a, (a + b) / 2) for a, b in itertools.pairwise(values))

    def _share(self, low: float, high: float) -> float:
        """Share of the blocks whose largest magnitude is in low .. high."""
        if high <= low:
            return 0.0
        assert self.sharing is not None
        a, b = (math.erf(m / math.sqrt(2)) ** self.sharing for m in (low, high))
        return float(b - a)


def _median_largest(numbers: int) -> float:
    """The median of the largest magnitude of so many standard normal numbers."""
    low, high, n = 0.0, 40.0, numbers
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erf(middle / math.sqrt(2)) ** n < 0.5 else (low, middle)
    return low


def _element(element: Format | str) -> Format:
    """The format of one element; raises ConfigError for one that has scales or a range of its own."""
    if isinstance(element, str):
        word = element.removeprefix("int")
        if element.startswith("int") and word.isdecimal() and 2 <= int(word) <= 24:
            return integers(int(word))
        try:
            element = formats.get(ELEMENTS.get(element, element)).example()
        except ConfigError:
            known = [*formats.names(), *ELEMENTS, "int8"]
            raise ConfigError(
                f"scaled: unknown element {element!r}.{did_you_mean(str(element), known)}"
            ) from None
    if not isinstance(element, Format) or element.adapts or element.scale != 1:
        raise ConfigError(f"scaled: an element is a format with one range and scale 1, got {element!r}")
    return element


def _side(block: int | str) -> int | None:
    """The side of a square block, "16x16"; None of others."""
    one, times, other = str(block).partition("x")
    square = times and one == other and one.isdecimal() and int(one) >= 2
    return int(one) if square else None


def _short(element: Format) -> str:
    """What `_element` makes it of, where there is such a word."""
    words = [*ELEMENTS, f"int{element.bits}"]
    return next((word for word in words if _element(word) == element), repr(element))


def _small(scale: str) -> str:
    """The name of the scale's format."""
    name = ELEMENTS.get(str(scale), str(scale))
    known = [E8M0, FLOAT32, *ELEMENTS, *ELEMENTS.values()]
    if name not in known:
        raise ConfigError(f"scaled: unknown scale {scale!r}.{did_you_mean(str(scale), known)}")
    return name


def integers(bits: int, unit: float = 1.0) -> Float:
    """-(2**(bits-1) - 1) .. 2**(bits-1) - 1 times unit, a power of two, with sign and magnitude."""
    return Float(0, bits - 1, bias=2 - bits - round(math.log2(unit)))


def _element_kernel(element: Format, dtype: Any) -> tuple[NamedTuple, float]:
    """The grid of the elements, and what is 1 in its units: numbers that are evenly spaced become integers."""
    if isinstance(element, Float) and element.exponent_bits == 0:
        real, levels = np.dtype(dtype).type, 2.0**element.mantissa_bits - 1
        return FixedGrid(real(-levels), real(levels)), element.native_min
    if isinstance(element, Float):
        # Of half the size, so that twice the smallest scale is a normal number of float32.
        assert element.bias is not None
        return replace(element, bias=element.bias + 1).kernel(dtype), 2.0
    return element.kernel(dtype), 1.0


class Preset:
    """A named scaled format: its block and its rule can be chosen where it has any."""

    version: ClassVar[int] = 1
    name: str

    def __init__(self, description: str, form: Scaled):
        self.__doc__, self.form = description, form
        own = {"block_size"} if isinstance(form.block, int) else set()
        self.reads = frozenset(
            {"rounding", "random_bits"}
            | own
            | ({"scale_rule"} if form.rule in RULES or self._may_wait else set())
        )

    @property
    def _may_wait(self) -> bool:
        """Whether its scale can be that of the steps before; no other rule is read then."""
        return self.form.scales == FLOAT32 and self.form.block == "tensor"

    def defaults(self, choices: dict) -> dict:
        """The bits of an element, whatever was asked for; block and rule of the standard where none is."""
        element, own = self.form.element, {"block_size": self.form.block, "scale_rule": self.form.rule}
        found: dict[str, Any] = {
            "precision": element.bits,
            "exponent_bits": getattr(element, "exponent_bits", None),
        }
        found["subnormals"] = getattr(element, "subnormals", None)
        for key in own.keys() & self.reads:
            found[key] = own[key] if choices.get(key) is None else choices[key]
        if self._may_wait:
            found["scale_rule"] = DELAYED if choices.get("scale_rule") == DELAYED else None
        return found

    def from_choices(self, choices: dict, limit: float | None) -> Scaled:
        """The format, with the block and the rule of the choices."""
        form = self.form
        block = choices["block_size"] if "block_size" in self.reads else form.block
        rule = choices["scale_rule"] if form.rule in RULES else form.rule
        if self._may_wait and choices.get("scale_rule") == DELAYED:
            rule = DELAYED
        return Scaled(form.element, block, form.scales, rule)

    def example(self) -> Scaled:
        """The format as its standard has it."""
        return self.form


for _name, _description, *_parts in (
    ("mxfp8_e4m3", "OCP MXFP8: E4M3 elements, a power of two for 32.", "e4m3", 32, E8M0),
    ("mxfp8_e5m2", "OCP MXFP8: E5M2 elements, a power of two for 32.", "e5m2", 32, E8M0),
    ("mxfp6_e3m2", "OCP MXFP6: E3M2 elements, a power of two for 32.", "e3m2", 32, E8M0),
    ("mxfp6_e2m3", "OCP MXFP6: E2M3 elements, a power of two for 32.", "e2m3", 32, E8M0),
    ("mxfp4", "OCP MXFP4: E2M1 elements, a power of two for 32.", "e2m1", 32, E8M0),
    ("mxint8", "OCP MXINT8: multiples of 1/64, a power of two for 32.", integers(8, 2.0**-6), 32, E8M0),
    ("nvfp4", "NVFP4: E2M1 elements, an E4M3 scale for 16, a float32 for the tensor.", "e2m1", 16, "e4m3"),
    ("nvfp4_16x16", "NVFP4 with one E4M3 scale for a square of 16 x 16.", "e2m1", "16x16", "e4m3"),
    ("int8_tensor", "Integers -127 .. 127, a float32 scale for the tensor.", "int8", "tensor", FLOAT32),
    (
        "int8_channel",
        "Integers -127 .. 127, a float32 scale for each index of axis 0.",
        "int8",
        "channel",
        FLOAT32,
    ),
    (
        "int8_row",
        "Integers -127 .. 127, a float32 scale for each row along the last axis.",
        "int8",
        "row",
        FLOAT32,
    ),
    ("fp8_tensor", "E4M3, a float32 scale for the tensor.", "e4m3", "tensor", FLOAT32),
    ("fp8_row", "E4M3, a float32 scale for each row along the last axis.", "e4m3", "row", FLOAT32),
):
    formats.register(_name)(Preset(_description, Scaled(*_parts)))
