"""Scaled formats against their definitions: scales in exact arithmetic, elements by the casts of ml_dtypes."""

import math

import ml_dtypes
import numpy as np
import pytest
import torch

from lpbench import formats, quantize
from lpbench.arithmetic.jit import in_python
from lpbench.convex.update import new_tally, round_step, round_vector
from lpbench.errors import ConfigError
from lpbench.formats import Scaled
from lpbench.formats.quantize import round_tensor

RULES = ("floor", "ceil", "rceil", "even")
MODES = ("stochastic", "nearest_even", "toward_zero")
# The type of ml_dtypes, the largest number, its exponent, the mantissa bits.
ELEMENTS = {
    "e4m3": (ml_dtypes.float8_e4m3fn, 448.0, 8, 3),
    "e5m2": (ml_dtypes.float8_e5m2, 57344.0, 15, 2),
    "e3m2": (ml_dtypes.float6_e3m2fn, 28.0, 4, 2),
    "e2m3": (ml_dtypes.float6_e2m3fn, 7.5, 2, 3),
    "e2m1": (ml_dtypes.float4_e2m1fn, 6.0, 2, 1),
    "mxint8": (None, 127 / 64, 0, 6),
}
MX = {
    "mxfp8_e4m3": "e4m3", "mxfp8_e5m2": "e5m2", "mxfp6_e3m2": "e3m2", "mxfp6_e2m3": "e2m3", "mxfp4": "e2m1",
    "mxint8": "mxint8",
}  # fmt: skip
# Each is a kernel of its own: those of the others differ in numbers alone.
COMPILED = ("mxfp4", "nvfp4", "int8_tensor")
OTHERS = ("nvfp4", "nvfp4_16x16", "int8_tensor", "int8_channel", "fp8_tensor", "fp8_row")


def form_of(element: str, block: int, rule: str) -> Scaled:
    return Scaled(formats.get("mxint8").element if element == "mxint8" else element, block, "e8m0", rule)


def largest(x: np.ndarray) -> np.ndarray:
    """Of each row, float64; a NaN is none."""
    return np.where(np.isnan(x), 0, np.abs(x)).max(-1).astype(np.float64)


def exponents(m: np.ndarray, element: str, rule: str) -> np.ndarray:
    """Of e8m0, for largest magnitudes m in float64, by comparisons and integers alone."""
    _, reach, top, mantissa = ELEMENTS[element]
    share, power = np.frexp(m)  # m = share 2**power, share in 1/2 .. 1
    e = power - 1 - top
    if rule == "ceil":
        e = e + (share > 0.5)
    elif rule == "rceil":
        e = e + (m > np.ldexp(reach, np.clip(e, -900, 900)))
    elif rule == "even":
        kept = np.floor(share * 2.0 ** (mantissa + 1) + 0.5)  # exact: m has at most 24 bits here
        e = e + (kept == 2.0 ** (mantissa + 1))
    return np.clip(np.where(m == 0, -127, e), -127, 127)


def cast(s: np.ndarray, element: str) -> np.ndarray:
    """s (float64) as elements, to the nearest, ties to even, saturating."""
    kind, reach, _, _ = ELEMENTS[element]
    s = np.clip(s, -reach, reach)
    if kind is None:
        return np.rint(s * 64) / 64
    with np.errstate(under="ignore", invalid="ignore"):
        return s.astype(np.float32).astype(kind).astype(np.float64)


def expected(x: np.ndarray, element: str, rule: str) -> np.ndarray:
    """Rows of x, each a block."""
    m = largest(x)
    e = exponents(np.where(np.isinf(m), 1, m), element, rule)
    scale = np.ldexp(1.0, e)
    assert np.array_equal(scale.astype(ml_dtypes.float8_e8m0fnu).astype(np.float64), scale)
    v = cast(np.where(np.isfinite(x), x, 0).astype(np.float64) / scale[:, None], element) * scale[:, None]
    v[np.isnan(x) | np.isinf(m)[:, None]] = np.nan
    with np.errstate(over="ignore", under="ignore"):
        return v.astype(x.dtype)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether all bits are equal, but for those of NaN."""
    return bool(np.all((a == b) & (np.signbit(a) == np.signbit(b)) | np.isnan(a) & np.isnan(b)))


def blocks(size: int) -> dict[str, np.ndarray]:
    """float32, in rows of `size`: all of bfloat16, in order and mixed; normal, spread, subnormal and huge ones."""
    generator = np.random.default_rng(size)
    every = np.arange(2**16, dtype=np.uint16).view(ml_dtypes.bfloat16)
    with np.errstate(invalid="ignore"):
        every = every.astype(np.float32)
    finite = every[np.isfinite(every)]
    mixed = generator.permutation(finite)[: finite.size // size * size]
    normal = generator.standard_normal(2**14).astype(np.float32)
    ends = np.concatenate([[0.0] * size, [-0.0] * size, [2.0**-149] * size, normal[: size * 9] * 2.0**-140])
    huge = np.concatenate(
        [normal[: 8 * size] * 2.0**125, [np.finfo(np.float32).max] * size, [2.0**127] * size]
    )
    holes = normal[: 4 * size].copy()
    holes[[0, size, 2 * size + 1]] = np.nan, np.inf, -np.inf
    holes[3 * size :] = np.nan
    sets = {
        "in order": every, "mixed": mixed, "normal": normal, "ends": ends, "huge": huge, "holes": holes,
        "spread": normal * 2.0 ** generator.integers(-100, 100, normal.size // size).repeat(size),
    }  # fmt: skip
    return {name: np.asarray(x, np.float32).reshape(-1, size) for name, x in sets.items()}


BLOCKS = {size: blocks(size) for size in (16, 32)}


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("rule", RULES)
def test_codes_and_scales_are_those_of_ml_dtypes(element, rule, by_tensors):
    for size, sets in BLOCKS.items():
        form = form_of(element, size, rule)
        for name, x in sets.items():
            with np.errstate(over="ignore", invalid="ignore"):
                found = quantize(x, form, "nearest_even")
                wide = quantize(x.astype(np.float64), form, "nearest_even").astype(np.float32)
            assert same(found, expected(x, element, rule)), (size, name)
            assert same(wide, found), (size, name)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [*MX, *OTHERS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_tensors_and_plain_python_agree(name, mode, dtype):
    generator = np.random.default_rng(3)
    x = generator.standard_normal((5, 70)) * 10.0 ** generator.integers(-5, 5, (5, 1))
    x[0, :40] *= 1e-42
    x[1, 3], x[2] = np.nan, 0.0
    for infinite in (False, True):
        x[4, 5] = np.inf if infinite else x[4, 5]
        y = x.astype(dtype)
        with np.errstate(under="ignore", invalid="ignore"), in_python():
            plain = quantize(y, name, mode, 1)
        assert same(round_tensor(torch.from_numpy(y), formats.get(name), mode, 1).numpy(), plain)
        u = generator.random(y.shape)
        with np.errstate(under="ignore", invalid="ignore"), in_python():
            given = quantize(y, name, mode, u)
        assert same(
            round_tensor(torch.from_numpy(y), formats.get(name), mode, torch.from_numpy(u)).numpy(), given
        )


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=[pytest.mark.slow] * (one not in COMPILED)) for one in (*MX, *OTHERS)],
)
@pytest.mark.parametrize("mode", MODES)
def test_kernels_agree_with_tensors(name, mode):
    form = formats.get(name)
    for sets in BLOCKS.values():
        for x in sets.values():
            for y in (x, x.ravel(), x.ravel()[: x.size // 4 * 4].reshape(4, -1)[:, :-5]):
                assert same(
                    quantize(y, form, mode, 1),
                    round_tensor(torch.from_numpy(y.copy()), form, mode, 1).numpy(),
                )


def nvfp4(x: np.ndarray) -> np.ndarray:
    """x float32 in blocks of 16: two scales, by the casts of ml_dtypes."""
    parts, f32 = x.reshape(-1, 16), np.float32
    m = largest(parts).astype(f32)
    tensor = max(m.max() / f32(6 * 448), f32(2.0**-126))
    small = np.minimum(m / f32(6) / tensor, f32(448)).astype(ml_dtypes.float8_e4m3fn).astype(f32)
    unit = np.maximum(np.maximum(small, f32(2.0**-9)) * tensor, f32(2.0**-126))[:, None]
    v = cast((np.where(np.isnan(parts), 0, parts) / unit).astype(np.float64), "e2m1").astype(f32) * unit
    return np.where(np.isnan(parts), parts, v).reshape(x.shape)


@pytest.mark.parametrize("name", ["in order", "mixed", "normal", "ends", "huge", "spread"])
def test_nvfp4_has_a_scale_for_a_block_and_one_for_the_tensor(name, by_tensors):
    x = BLOCKS[32][name]
    x = np.where(np.isinf(x), 1, x)
    assert same(quantize(x, "nvfp4", "nearest_even"), nvfp4(x))


def squares(x: np.ndarray, side: int) -> np.ndarray:
    """(n, side * side): the squares of a matrix, those at its ends filled up with zeros."""
    rows, columns = x.shape
    whole = np.pad(x, ((0, -rows % side), (0, -columns % side)))
    parts = whole.reshape(whole.shape[0] // side, side, -1, side).swapaxes(1, 2)
    return parts.reshape(-1, side * side)


@pytest.mark.parametrize("shape", [(16, 16), (40, 50), (3, 17), (1, 40), (70, 16)])
def test_a_scale_for_a_square(shape, by_tensors):
    x = np.random.default_rng(6).standard_normal(shape).astype(np.float32)
    x *= np.exp(np.random.default_rng(7).standard_normal((shape[0], 1))).astype(np.float32)
    found = quantize(x, "nvfp4_16x16", "nearest_even")
    f32, parts = np.float32, squares(x, 16)
    m = np.abs(parts).max(-1)
    tensor = m.max() / f32(6 * 448)
    small = (m / f32(6) / tensor).astype(ml_dtypes.float8_e4m3fn).astype(f32)
    unit = (np.maximum(small, f32(2.0**-9)) * tensor)[:, None]
    assert np.array_equal(
        squares(found, 16), cast((parts / unit).astype(np.float64), "e2m1").astype(f32) * unit
    )
    assert np.array_equal(found.T, quantize(np.ascontiguousarray(x.T), "nvfp4_16x16", "nearest_even"))
    assert np.array_equal(found, quantize(x, "nvfp4_16x16", "nearest_even", axis=0))
    powers = quantize(x, Scaled("e2m1", "4x4", "e8m0", "rceil"), "nearest_even")
    assert np.array_equal(
        squares(powers, 4), quantize(squares(x, 4), Scaled("e2m1", 16, "e8m0", "rceil"), "nearest_even")
    )


def test_squares_are_squares():
    for block in ("16x8", "1x1", "x", "16x", "0x0"):
        with pytest.raises(ConfigError, match="a square"):
            Scaled("e2m1", block)
    assert Scaled("e2m1", "16x16", "e4m3").facts["scale_shared_by"] == "16 x 16 numbers"
    assert Scaled("e2m1", "4x4").clipped() == Scaled("e2m1", 16).clipped()


@pytest.mark.parametrize("name", ["normal", "ends", "huge", "spread", "mixed"])
@pytest.mark.parametrize("shape", ["tensor", "row", "channel"])
def test_scales_of_float32_make_the_largest_number_the_largest_element(name, shape, by_tensors):
    x, f32 = BLOCKS[32][name], np.float32
    x = x[: len(x) // 4 * 4].reshape(4, -1, 32)
    rows = {"tensor": (1, -1), "row": (-1, 32), "channel": (4, x.shape[1] * 32)}[shape]
    y = x.reshape(rows)
    for element, reach in (("int8", 127.0), ("e4m3", 448.0)):
        unit = np.maximum(largest(y).astype(f32) / f32(reach), f32(2.0**-126))[:, None]
        s = (y / unit).astype(np.float64)
        codes = np.rint(np.clip(s, -127, 127)) if element == "int8" else cast(s, "e4m3")
        with np.errstate(over="ignore"):
            reference = (codes.astype(f32) * unit).reshape(x.shape)
            assert same(quantize(x, Scaled(element, shape, "float32"), "nearest_even"), reference)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_of_the_format_stay(name, mode, dtype, by_tensors):
    """Beside a scale of float32 to its last bits, then for good: no code is lost to rounding again."""
    if name.startswith("nvfp4") and mode != "nearest_even":
        return  # the largest number of a block may become the next smaller element, and its scale another
    for seed in range(20):
        x = np.random.default_rng(seed).standard_normal((8, 48)).astype(dtype)
        once = quantize(x, name, mode, seed)
        twice = quantize(once, name, mode, seed + 1)
        assert np.all(np.abs(twice - once) <= np.abs(once) * 2.0**-22)
        assert np.array_equal(quantize(twice, name, mode, seed + 2), twice)


@pytest.mark.parametrize("name", MX)
@pytest.mark.parametrize("mode", MODES)
def test_numbers_of_mx_stay(name, mode, by_tensors):
    for rule in RULES:
        stays(name, mode, rule)


def stays(name, mode, rule):
    x = np.random.default_rng(1).standard_normal((64, 96)).astype(np.float32)
    form = form_of(MX[name], 32, rule)
    once = quantize(x, form, mode, 1)
    again = quantize(once, form, mode, 2)
    if rule in ("floor", "rceil"):
        assert np.array_equal(again, once)
    else:  # the largest number may have come to another binade, and its block to a coarser scale
        assert np.mean(again == once) > 0.9


@pytest.mark.parametrize(
    ("element", "block", "rule", "percent"),
    [("e2m1", 32, "floor", 29.6), ("e2m1", 16, "floor", 41.7), ("e4m3", 32, "floor", 16.9), ("e2m1", 32, "rceil", 0.0),
     ("e4m3", 32, "rceil", 0.0), ("e2m1", 16, "ceil", 0.0)],
)  # fmt: skip
def test_how_many_blocks_are_clipped(element, block, rule, percent, by_tensors):
    form, n = Scaled(element, block, "e8m0", rule), 40_000
    share = form.clipped()
    assert round(100 * share, 1) == percent
    x = np.random.default_rng(0).standard_normal((n, block))
    m = largest(x)
    clipped = m > ELEMENTS[element][1] * np.ldexp(1.0, exponents(m, element, rule))
    assert abs(clipped.mean() - share) <= 4 * math.sqrt(share * (1 - share) / n)
    beyond = np.abs(quantize(x, form, "toward_zero")).max(-1)
    assert np.all(
        beyond[clipped] == ELEMENTS[element][1] * np.ldexp(1.0, exponents(m, element, rule))[clipped]
    )


def test_the_share_of_two_scales_is_measured():
    x = np.random.default_rng(1).standard_normal(2**20).astype(np.float32)
    m = largest(x.reshape(-1, 16)).astype(np.float32)
    tensor = m.max() / np.float32(6 * 448)
    small = (m / np.float32(6) / tensor).astype(ml_dtypes.float8_e4m3fn).astype(np.float32)
    assert abs(np.mean(m > 6 * small * tensor * (1 + 1e-6)) - formats.get("nvfp4").clipped()) < 0.02
    assert formats.get("fp8_row").clipped() is None
    assert Scaled("e4m3", 128, "float32").clipped() == 0.0


def test_nan_zero_and_infinity():
    x = np.ones((4, 32), np.float32)
    x[0, 3], x[1], x[2, 5] = np.nan, 0.0, np.inf
    for name in (*MX, *OTHERS):
        with in_python(), np.errstate(invalid="ignore"):
            alone = quantize(x[:2], name, "nearest_even")
            assert np.isnan(alone).sum() == 1
            assert np.isnan(alone[0, 3])
            assert np.array_equal(alone[1], np.zeros(32))
            out = quantize(x, name, "nearest_even")
        assert np.isnan(out[2]).all()
        whole = name in (
            "nvfp4",
            "nvfp4_16x16",
            "int8_tensor",
            "fp8_tensor",
        )  # what the tensor shares, all of it loses
        assert np.isnan(out[3]).all() == whole


def test_ends_of_e8m0_are_kept():
    with in_python():
        tiny = quantize(np.full(32, 2.0**-140, np.float32), "mxfp4", "nearest_even")
        huge = quantize(np.full(32, 1e300), "mxfp4", "nearest_even")
    assert np.array_equal(
        tiny, np.zeros(32)
    )  # the smallest scale is 2**-127, half of its smallest element 2**-129
    assert np.array_equal(huge, np.full(32, 6 * 2.0**127))
    assert formats.get("mxfp4").max == 6 * 2.0**127
    assert formats.get("mxfp4").min_positive == 2.0**-128


def test_integers_of_a_row(in_python):
    x = np.random.default_rng(4).standard_normal((5, 30)).astype(np.float32)
    scale = np.abs(x).max(-1, keepdims=True) / np.float32(127)
    found = quantize(x, "int8_row", "nearest_even")
    assert np.allclose(found, np.rint(x / scale) * scale, rtol=1e-6)
    assert len(set(np.abs(found).max(-1))) == 5


def test_bits_count_the_scales():
    counted = {name: formats.get(name).bits_per_value for name in (*MX, *OTHERS, "int8_row")}
    assert counted == {
        "mxfp8_e4m3": 8.25, "mxfp8_e5m2": 8.25, "mxfp6_e3m2": 6.25, "mxfp6_e2m3": 6.25, "mxfp4": 4.25, "mxint8": 8.25,
        "nvfp4": 4.5, "nvfp4_16x16": 4.03125, "int8_tensor": 8.0, "int8_channel": 8.0, "fp8_tensor": 8.0,
        "fp8_row": 8.0, "int8_row": 8.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["mxfp4", "nvfp4", "fp8_row", "int8_channel", "int8_tensor", "block", "fp8_e4m3"]
)
def test_along_an_axis(name, by_tensors):
    x = np.random.default_rng(0).standard_normal((6, 34, 5)) * 10.0 ** np.arange(-2, 4)[:, None, None]
    u = np.random.default_rng(1).random(x.shape)
    usual = quantize(x, name, random=u)
    first = 0 if name == "int8_channel" else -1
    assert np.array_equal(quantize(x, name, random=u, axis=first), usual)
    for axis in (0, 1, -2, -3):
        turned = np.moveaxis(
            quantize(np.moveaxis(x, axis, first), name, random=np.moveaxis(u, axis, first)), first, axis
        )
        found, into = quantize(x, name, random=u, axis=axis), np.empty_like(x)
        quantize(x, name, random=u, axis=axis, out=into)
        tensor = quantize(torch.from_numpy(x), name, random=torch.from_numpy(u), axis=axis)
        for one in (found, into, tensor.numpy()):
            assert np.array_equal(one, turned), axis
        assert tensor.is_contiguous()
    for axis in (3, -4, 1.0, "1"):
        with pytest.raises(ConfigError, match="axis must be one of the 3"):
            quantize(x, name, axis=axis)


def test_bfloat16_and_float16_are_taken_as_they_are():
    x = torch.randn(8, 64, generator=torch.Generator().manual_seed(0))
    x[0, 0], x[1, :32] = 4.0, 2.0**-3  # a power of two is the largest of its block
    for dtype in (torch.bfloat16, torch.float16):
        y = x.to(dtype)
        wide = round_tensor(y.float(), formats.get("mxfp4"), "nearest_even")
        with in_python():
            assert torch.equal(quantize(y, "mxfp4", "nearest_even").float(), wide)


def test_stochastic_rounding_is_unbiased_where_nothing_is_clipped():
    x = np.array([[1.0, 0.71, -0.3, 0.044] * 8], np.float32)
    for form in (form_of("e2m1", 32, "rceil"), formats.get("nvfp4"), formats.get("int8_tensor")):
        rows = round_tensor(torch.from_numpy(np.repeat(x, 20_000, 0)), form, "stochastic", 0).double().numpy()
        sigma = rows.std(0) / math.sqrt(len(rows))
        assert np.all(np.abs(rows.mean(0) - x[0]) <= 4.5 * sigma + 1e-6)


@pytest.mark.parametrize("name", ["mxfp4", "nvfp4", "int8_tensor", "fp8_row", "int8_channel"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_vector_of_weights_is_one_row(name, dtype):
    from types import SimpleNamespace

    from lpbench.arithmetic import rounding

    generator = np.random.default_rng(2)
    w, v = generator.standard_normal(40).astype(dtype), generator.standard_normal(40).astype(dtype)
    form, mode, tally = formats.get(name), rounding.make("nearest_even"), new_tally(40, dtype)
    keys = SimpleNamespace(samples=np.uint32(1), rounding=np.uint32(2))
    run = SimpleNamespace(model=None, fmt=form.step_kernel(dtype), rounding=mode, keys=keys, tally=tally)
    with in_python(), np.errstate(over="ignore"):
        moved = w.astype(np.float64) - (dtype(0.5) * v).astype(np.float64)
        reference, once = quantize(moved, form, "nearest_even"), np.empty(40)
        round_vector(run.fmt, mode, moved, np.uint32(0), np.uint32(0), once)
        round_step(run, w, v, dtype(0.5), dtype(0), None, 1, 1.0, 1.0)
    assert np.array_equal(once, reference)
    assert np.array_equal(w, reference.astype(dtype))
    beyond = np.abs(moved).reshape(1, -1)
    if name == "mxfp4":  # the blocks of 32 and 8, whose largest numbers may be clipped
        parts = [beyond[0, :32], beyond[0, 32:]]
        limits = [6 * np.ldexp(1.0, exponents(part.max(keepdims=True), "e2m1", "floor")) for part in parts]
        assert tally.counts[0] == sum(
            int((part > limit).sum()) for part, limit in zip(parts, limits, strict=True)
        )
    elif name != "nvfp4":
        assert tally.counts[0] == 0


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("e2m2",), "Did you mean"), (("e2m1", 0), "block must be"), (("e2m1", "colum"), "unknown block"),
        (("e2m1", 32, "e8m1"), "Did you mean .e8m0"), (("e2m1", 32, "e8m0", "flor"), "Did you mean .floor"),
        (("e2m1", 32, "float32", "floor"), "unknown rule"),
        (("block",), "scale 1"), (("e2m1", "row", "e4m3"), "blocks"),
        (("int1",), "unknown element"), ((8,), "one range"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(arguments, part):
    with pytest.raises(ConfigError, match=part):
        Scaled(*arguments)


def test_elements_of_any_format():
    assert Scaled("fp16", 16, "e8m0", "rceil").bits_per_value == 16.5
    assert Scaled("e4m3", rule="FLOOR") == formats.get("mxfp8_e4m3")
    assert np.array_equal(Scaled("int4", "row", "float32").values(), np.arange(-7, 8))
    assert np.array_equal(formats.get("mxint8").values(), np.arange(-127, 128) / 64)
    x = np.random.default_rng(0).standard_normal((4, 32))
    with in_python():
        found = quantize(x, Scaled(formats.Log(6, 2), 32, "e8m0", "ceil"), "nearest_even")
    assert np.all(np.abs(found - x) <= 0.5 * np.abs(x).max(-1, keepdims=True))
