"""Named formats against the libraries that define them: every code, and what lies between."""

import gfloat.formats
import grids
import ml_dtypes
import numpy as np
import pytest

from lpbench import quantize
from lpbench.formats import Float, get

pytestmark = pytest.mark.usefixtures("by_tensors")

PRESETS = {
    "fp8_e4m3": (ml_dtypes.float8_e4m3fn, gfloat.formats.format_info_ocp_e4m3),
    "fp8_e5m2": (ml_dtypes.float8_e5m2, gfloat.formats.format_info_ocp_e5m2),
    "fp6_e3m2": (ml_dtypes.float6_e3m2fn, gfloat.formats.format_info_ocp_e3m2),
    "fp6_e2m3": (ml_dtypes.float6_e2m3fn, gfloat.formats.format_info_ocp_e2m3),
    "fp4_e2m1": (ml_dtypes.float4_e2m1fn, gfloat.formats.format_info_ocp_e2m1),
}
# The same with what IEEE 754 and OCP leave to the implementation: NaN or inf for what is too large.
NOT_SATURATING = {
    "fp16": (np.float16, gfloat.formats.format_info_binary16, get("fp16")),
    "bf16": (ml_dtypes.bfloat16, gfloat.formats.format_info_bfloat16, get("bf16")),
    "e5m2": (ml_dtypes.float8_e5m2, gfloat.formats.format_info_ocp_e5m2, Float(5, 2, specials="ieee")),
    "e4m3": (
        ml_dtypes.float8_e4m3fn, gfloat.formats.format_info_ocp_e4m3, Float(4, 3, specials="fn", overflow="nan")
    ),
}  # fmt: skip
LARGEST = {
    "fp16": 65504.0, "bf16": 3.3895313892515355e38, "tf32": 3.4011621342146535e38, "fp8_e4m3": 448.0,
    "fp8_e5m2": 57344.0, "fp6_e3m2": 28.0, "fp6_e2m3": 7.5, "fp4_e2m1": 6.0,
}  # fmt: skip
SMALLEST = {
    "fp16": 2.0**-24, "bf16": 2.0**-133, "tf32": 2.0**-136, "fp8_e4m3": 2.0**-9, "fp8_e5m2": 2.0**-16,
    "fp6_e3m2": 2.0**-4, "fp6_e2m3": 2.0**-3, "fp4_e2m1": 0.5,
}  # fmt: skip


def bits(x: np.ndarray) -> bytes:
    """The bits of x, all NaN made one."""
    return np.where(np.isnan(x), np.abs(np.full_like(x, np.nan)), x).tobytes()


@pytest.mark.parametrize("name", PRESETS)
def test_numbers_are_those_of_ml_dtypes(name):
    theirs, _ = PRESETS[name]
    codes = np.arange(2 ** get(name).bits, dtype=np.uint8).view(theirs).astype(np.float64)
    assert np.array_equal(get(name).values(), np.unique(codes[np.isfinite(codes)]))


@pytest.mark.parametrize("name", ["fp16", "bf16"])
def test_numbers_of_the_16_bit_formats(name):
    theirs = NOT_SATURATING[name][0]
    with np.errstate(invalid="ignore"):
        codes = np.arange(2**16, dtype=np.uint16).view(theirs).astype(np.float64)
    assert np.array_equal(get(name).values(), np.unique(codes[np.isfinite(codes)]))


@pytest.mark.parametrize("name", LARGEST)
def test_ends(name):
    form = get(name)
    assert (form.max, form.min_positive) == (LARGEST[name], SMALLEST[name])
    assert form.scale == 1.0


@pytest.mark.parametrize("name", PRESETS)
def test_rounding_between_all_codes(name):
    form, (theirs, info) = get(name), PRESETS[name]
    x = grids.probes(form.values(), np.float32)
    inside = np.clip(x, -form.max, form.max)
    assert bits(quantize(x, form, "nearest_even")) == bits(inside.astype(theirs).astype(np.float32))
    for dtype in (np.float32, np.float64):
        x = np.concatenate([grids.probes(form.values(), dtype), [np.inf, -np.inf, 0.0, -0.0]]).astype(dtype)
        for mode, rounding in (
            ("nearest_even", gfloat.RoundMode.TiesToEven),
            ("toward_zero", gfloat.RoundMode.TowardZero),
        ):
            expected = gfloat.round_ndarray(info, x, rounding, sat=True)
            assert quantize(x, form, mode).tobytes() == expected.astype(dtype).tobytes()


@pytest.mark.parametrize("name", NOT_SATURATING)
def test_overflow_to_inf_or_nan(name):
    theirs, info, form = NOT_SATURATING[name]
    values = form.values()[:: 1 if form.bits == 8 else 13]
    values = np.concatenate([values, [form.max, -form.max]])
    with np.errstate(over="ignore"):
        x = grids.probes(np.unique(values), np.float32)
        x = np.concatenate([x, np.float32([np.inf, -np.inf, 0.0, -0.0, np.nan])])
        assert bits(quantize(x, form, "nearest_even")) == bits(x.astype(theirs).astype(np.float32))
    for mode, rounding in (
        ("nearest_even", gfloat.RoundMode.TiesToEven),
        ("toward_zero", gfloat.RoundMode.TowardZero),
    ):
        for dtype in (np.float32, np.float64):
            with np.errstate(over="ignore"):
                expected = gfloat.round_ndarray(info, x.astype(dtype), rounding, sat=False).astype(dtype)
            assert bits(quantize(x.astype(dtype), form, mode)) == bits(expected)


def test_float64_is_rounded_once():
    # Through float32 these would come out as 1.0.
    assert quantize(1 + 2.0**-8 + 2.0**-30, "bf16", "nearest_even") == 1.0078125
    assert quantize(1 + 2.0**-4 + 2.0**-30, "fp8_e4m3", "nearest_even") == 1.125


def test_all_float32_patterns_of_a_binade_to_bfloat16():
    x = np.arange(0x3F800000, 0x3F800000 + 2**23, 7, dtype=np.uint32).view(np.float32)
    assert np.array_equal(
        quantize(x, "bf16", "nearest_even"), x.astype(ml_dtypes.bfloat16).astype(np.float32)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NOT_SATURATING)
def test_every_251st_float32_of_all(name):
    theirs, _, form = NOT_SATURATING[name]
    x = np.arange(0, 2**32, 251, dtype=np.uint32).view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = x.astype(theirs).astype(np.float32)
    assert bits(quantize(x, form, "nearest_even")) == bits(expected)
