"""Numbers that number-format libraries are known to get wrong, one case each."""

import numpy as np
import pytest

from lpbench import quantize
from lpbench.formats import Block, Fixed, Float, Log, get

pytestmark = pytest.mark.usefixtures("by_tensors")

MODES = ("stochastic", "nearest_even", "toward_zero")
F32 = np.float32
E4M3_IEEE = Float(4, 3, specials="ieee")
E5M2 = Float(5, 2, specials="ieee")
SMALL = [
    Fixed(8, 2.0**-7), Fixed(8, 0.1), Float(3, 2), Float(3, 2, limit=0.3), get("fp8_e4m3"), get("fp16"), get("bf16"),
    Log(8), Block(8, 4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("x", "form", "expected"),
    [
        # ties go to the even code
        (F32(0.016601562), "fp8_e4m3", 0.015625),
        (F32(-2.5), Fixed(8, 1.0), -2.0),
        (F32(2.5), Fixed(8, 1.0), 2.0),
        (F32(3.5), Fixed(8, 1.0), 4.0),
        # one unit in the last place beside half of the smallest subnormal
        (F32(0.00097656244), "fp8_e4m3", 0.0),
        (F32(0.0009765625), "fp8_e4m3", 0.0),
        (F32(0.0009765626), "fp8_e4m3", 0.001953125),
        # adding a half in float32 would lose these
        (F32(0.50000006), Fixed(8, 1.0), 1.0),
        (F32(0.49999997), Fixed(8, 1.0), 0.0),
        (F32(8388609.0), Fixed(24, 1.0), 8388607.0),
        (F32(4194303.5), Fixed(24, 1.0), 4194304.0),
        # the top of the range
        (F32(448.0), "fp8_e4m3", 448.0),
        (F32(449.0), "fp8_e4m3", 448.0),
        (F32(480.0), "fp8_e4m3", 448.0),
        (F32(3.4028235e38), "fp8_e4m3", 448.0),
        (F32(np.inf), "fp8_e4m3", 448.0),
        (F32(-np.inf), "fp8_e4m3", -448.0),
        (F32(4 * 57344.0), "fp8_e5m2", 57344.0),
        (F32(4 * 57344.0), E5M2, np.inf),
        (F32(57344.0 + 4095), E5M2, 57344.0),
        (F32(57344.0 + 4096), E5M2, np.inf),
        (F32(70000.0), "fp16", np.inf),
        (F32(-70000.0), "fp16", -np.inf),
        (F32(65519.0), "fp16", 65504.0),
        (F32(65520.0), "fp16", np.inf),
        (F32(256.0), E4M3_IEEE, np.inf),
        (F32(3.4028235e38), "bf16", np.inf),
        # rounding up into the smallest normal number; subnormals of the format and of float32 itself
        (np.float64(2.0**-14 * (1 - 2.0**-20)), "fp16", 2.0**-14),
        (F32(9.18e-41), "bf16", 2.0**-133),
        (F32(1e-45), Float(8, 23, specials="ieee"), 2.0**-149),
        (F32(3.0), Float(8, 23, specials="ieee"), 3.0),
        (F32(3.0), Float(8, 23), 3.0),
    ],
    ids=str,
)
def test_nearest_even(x, form, expected):
    for sign in (1, -1):
        if isinstance(form, Fixed) and abs(x) > form.max:
            sign = 1  # fixed point reaches one quantum further below zero
        assert quantize(sign * np.array([x]), form, "nearest_even") == sign * expected


@pytest.mark.parametrize("mode", MODES)
def test_finite_numbers_beyond_the_range_by_mode(mode):
    x = np.array([1e30, -1e30])
    to_inf = np.inf if mode != "toward_zero" else 65504.0
    assert quantize(x, "fp16", mode, 0).tolist() == [to_inf, -to_inf]
    assert quantize(x, "fp8_e5m2", mode, 0).tolist() == [57344.0, -57344.0]
    assert quantize(x, Fixed(8, 1.0), mode, 0).tolist() == [127.0, -128.0]
    assert quantize(x, Log(8, limit=3.0), mode, 0).tolist() == [3.0, -3.0]
    assert quantize(np.array([np.inf, -np.inf]), "fp16", mode, 0).tolist() == [np.inf, -np.inf]


def test_overflow_to_nan():
    form = Float(4, 3, specials="fn", overflow="nan")
    assert quantize(464.0, form, "nearest_even") == 448.0
    assert np.isnan(quantize(np.array([464.001, np.inf, 1e9]), form, "nearest_even")).all()
    assert quantize(1e9, form, "toward_zero") == 448.0


@pytest.mark.parametrize("form", SMALL, ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_every_nan_stays_nan(form, mode):
    payloads = np.array([0x7FC00000, 0x7FFFFFFF, 0x7F800001, 0xFFC00000, 0xFFFFFFFF], np.uint32).view(
        np.float32
    )
    for payload in payloads:  # one at a time: in a block the others' rounding is undefined beside NaN
        assert np.isnan(quantize(payload, form, mode, 1))
    assert np.isnan(quantize(np.array([np.nan]), form, mode, np.array([0.3]))).all()


@pytest.mark.parametrize("form", SMALL, ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_minus_zero_stays(form, mode):
    for dtype in (np.float32, np.float64):
        out = quantize(np.array([-0.0, 0.0], dtype), form, mode, 1)
        assert np.array_equal(out, [0, 0])
        assert np.array_equal(np.signbit(out), [True, False])


@pytest.mark.parametrize("code", [101.0, 1001.0, 32001.0, 2.0**20, -101.0, -32001.0])
def test_stochastic_rounding_never_moves_a_number_of_the_grid(code):
    for dtype in (np.float32, np.float64):
        x = np.full(200_000, code, dtype)
        assert np.array_equal(quantize(x, Fixed(24, 1.0), random=1), x)
    last = np.nextafter(np.float32(1), np.float32(0))
    assert quantize(np.float32(code), Fixed(24, 1.0), random=np.array(last)) == code


@pytest.mark.parametrize("whole", [32000.0, 2.0**20, -32001.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stochastic_mean_is_right_far_from_zero(whole, dtype):
    n = 400_000
    mean = np.mean(
        quantize(np.full(n, whole + 0.25, dtype), Fixed(24, 1.0), random=7) - whole, dtype=np.float64
    )
    assert abs(mean - 0.25) < 4 * np.sqrt(0.25 * 0.75 / n)


@pytest.mark.parametrize("name", ["fp8_e4m3", "fp8_e5m2", "fp16", "bf16"])
@pytest.mark.parametrize("share", [0.3, 2.0**-7])
def test_stochastic_below_the_smallest_subnormal(name, share):
    n, smallest = 400_000, get(name).min_positive
    for sign in (1, -1):
        out = quantize(np.full(n, sign * share * smallest), name, random=3)
        assert set(np.unique(out)) == {0.0, sign * smallest}
        assert abs(np.mean(out != 0) - share) < 4 * np.sqrt(share / n)


def test_block_exponent_just_below_a_power_of_two():
    # 127 * 2**-4 = 7.9375 is too little for 7.9999995, whose float32 logarithm rounds to 3.
    x = np.zeros(32, np.float32)
    x[:3] = [7.9999995, 0.0625, 0.1875]
    assert quantize(x, Block(8, 32, 127.0), "nearest_even")[:3].tolist() == [8.0, 0.0, 0.25]
    x[0] = 7.9375
    assert np.array_equal(quantize(x, Block(8, 32, 127.0), "nearest_even"), x)


def test_toward_zero_keeps_every_multiple_of_a_tenth():
    # floor(k * 0.1 / 0.1) is k - 1 for some k: numbers of the format are recognised first.
    for dtype in (np.float32, np.float64):
        numbers = (np.arange(-128, 128) * 0.1).astype(dtype)
        for _ in range(3):
            assert np.array_equal(quantize(numbers, Fixed(8, 0.1), "toward_zero"), numbers)


def test_seeds_reproduce_and_differ():
    x = np.full(100_000, 0.5)
    one, again, two = (quantize(x, Fixed(8, 1.0), random=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    agreement = np.mean(one == two)
    assert abs(agreement - 0.5) < 4 * 0.5 / np.sqrt(x.size)
    first, second = (quantize(x, Fixed(8, 1.0)) for _ in range(2))
    assert abs(np.mean(first == second) - 0.5) < 5 * 0.5 / np.sqrt(x.size)
