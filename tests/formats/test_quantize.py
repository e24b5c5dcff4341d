"""`lpbench.quantize`: one definition, executed by kernels, by Python, on numpy arrays and on tensors."""

import numpy as np
import pytest
import scipy.sparse
import torch

from lpbench import quantize
from lpbench.arithmetic import rounding as roundings
from lpbench.arithmetic.generator import random_bits, step_words
from lpbench.errors import ConfigError
from lpbench.formats import Block, Fixed, Float, Log, Posit, Scaled, get, names
from lpbench.formats import base as formats_base
from lpbench.formats import quantize as quantizing
from lpbench.formats.base import block_length, has_blocks, shared_unit
from lpbench.formats.quantize import round_tensor, to_native

FORMS = [
    Fixed(6, 0.25), Fixed(6, 0.1), Float(4, 3), Float(3, 2, limit=0.3), get("fp16"), get("bf16"), get("tf32"),
    Float(8, 0, specials="ieee"), Log(6), Log(8), Log(9, 4), Log(8, 3, 0.7), Block(5, 4, 15.0), Block(5, 4, 0.3),
    get("none"),
]  # fmt: skip
DTYPES = [np.float32, np.float64]
TRUNCATED = [FORMS[0], FORMS[2]]
MODES = ["stochastic", "nearest_even", "toward_zero", "uniforms"]
# Each is a kernel of its own: what differs from others in the dtype alone, or rounds with one line, is slow.
KERNELS = [
    pytest.param(
        form, mode, dtype,
        marks=[pytest.mark.slow]
        * (
            (dtype is np.float64 and mode != "stochastic")
            or (mode == "toward_zero" and form not in TRUNCATED)
        ),
        id=f"{form}-{mode}-{dtype.__name__}",
    )
    for form in FORMS
    for dtype in DTYPES
    for mode in MODES
]  # fmt: skip


def numbers(form, dtype):
    generator = np.random.default_rng(4)
    top = min(form.max, 1e4)
    x = top * generator.standard_normal((6, 37)) * np.exp(generator.uniform(-6, 0, (6, 37)))
    x[0, :6] = [0.0, -0.0, top, -top, 3 * top, form.min_positive if form.max < 1e300 else 1.0]
    return x.astype(dtype)


def by_python(x, form, mode, random):
    """The kernels' own source, without a compiler."""
    out, (work, scaling) = np.empty_like(x), quantizing.arithmetic(form, x.dtype, np.finfo(x.dtype))
    grid, uniforms = form.array_kernel(work), random.astype(work).ravel() if mode == "uniforms" else None
    rounding = roundings.given(work) if mode == "uniforms" else roundings.make(mode, work)
    key = quantizing.key_of(random) if mode == "stochastic" else np.uint32(0)
    units = quantizing.units_of(grid, x.shape[1], scaling)
    with np.errstate(over="ignore"):
        quantizing._round_rows.py_func(grid, rounding, x, key, uniforms, scaling, units, out)
    return out


def by_arrays(x, form, mode, random):
    """The format's definition, called with whole arrays."""
    work, scaling = quantizing.arithmetic(form, x.dtype, np.finfo(x.dtype))
    grid = form.kernel(work)
    rounding = roundings.given(work) if mode == "uniforms" else roundings.make(mode, work)
    s, r = x.astype(work) / work.type(form.scale), np.zeros(x.shape, work)
    if mode == "uniforms":
        r = random.astype(work)
    elif mode == "stochastic":
        with np.errstate(over="ignore"):
            first, second = step_words(quantizing.key_of(random), 0)
            bits = random_bits(first, second, np.arange(x.size, dtype=np.uint32)) & rounding.mask
        r = bits.reshape(x.shape).astype(work) * rounding.unit
    unit = np.ones(x.shape, work)
    if has_blocks(grid):
        length = int(block_length(grid, x.shape[1]))
        for start in range(0, x.shape[1], length):
            sizes = quantizing._extent(scaling, x[:, start : start + length].astype(work))
            unit[:, start : start + length] = shared_unit(grid, np.fmax.reduce(sizes, 1, keepdims=True))
    v = (formats_base.quantize(grid, rounding, s, r, unit) * work.type(form.scale)).astype(x.dtype)
    if isinstance(scaling, quantizing._Inexact):
        near = formats_base.quantize(grid, roundings.NearestEven(), s, r, unit) * work.type(form.scale)
        v = np.where(near.astype(x.dtype) == x, x, v)
    return v


# Every float16; every bfloat16 and what lies next to it and half way to the next one.
HALVES = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
BRAINS = np.concatenate(
    [(np.arange(2**16, dtype=np.uint32) << 16) + np.uint32(o) for o in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF)]
).view(np.float32)


def same(found, expected):
    return (
        np.where(np.isnan(found), np.nan, found).tobytes()
        == np.where(np.isnan(expected), np.nan, expected).tobytes()
    )


def test_a_range_in_units_above_one_loses_nothing_small():
    """Blocks that reach higher are rounded in units of 1: their numbers are those of the smaller range, scaled."""
    x = np.random.default_rng(5).standard_normal((40, 37)).astype(np.float32) * np.float32(30)
    for mode in ("stochastic", "nearest_even"):
        high, low = quantize(x, Block(5, 16, 60.0), mode, 3), quantize(x / 4, Block(5, 16, 15.0), mode, 3)
        assert np.array_equal(high, 4 * low)
    tiny = np.full((1, 16), 1e-44, np.float32)
    assert np.isin(quantize(tiny, Block(5, 16, 60.0), "stochastic", 3), [0, np.float32(2.0**-98)]).all()


def test_every_kind_of_format_is_compiled_here():
    """The other files look at formats by tensors alone."""
    ours = [get(name) for name in names() if not name.startswith("toy")]
    ours = [form for form in ours if not isinstance(form, Posit | Scaled)]  # their own files compile those
    for dtype in DTYPES:
        kinds = {type(form.array_kernel(np.dtype(dtype))) for form in FORMS}
        assert {type(form.array_kernel(np.dtype(dtype))) for form in ours} <= kinds


@pytest.mark.parametrize(("form", "mode", "dtype"), KERNELS)
def test_kernels_follow_the_definition_on_every_short_number(form, mode, dtype):
    for numbers in (HALVES, BRAINS) if dtype is np.float32 else (HALVES,):
        with np.errstate(all="ignore"):
            x = numbers.reshape(-1, 32).astype(dtype)
            random = np.random.default_rng(9).random(x.shape, dtype) if mode == "uniforms" else 12
            expected = by_arrays(x, form, mode, random)
        assert same(quantize(x, form, "stochastic" if mode == "uniforms" else mode, random), expected)


@pytest.mark.parametrize(("form", "mode", "dtype"), KERNELS)
def test_one_definition_four_executions(form, mode, dtype):
    x = numbers(form, dtype)
    random = np.random.default_rng(8).random(x.shape).astype(dtype) if mode == "uniforms" else 12
    name = "stochastic" if mode == "uniforms" else mode
    compiled = quantize(x, form, name, random)
    assert compiled.dtype == dtype
    assert compiled.tobytes() == by_python(x, form, mode, random).tobytes()
    assert compiled.tobytes() == by_arrays(x, form, mode, random).tobytes()
    tensor = torch.from_numpy(x)
    words = torch.from_numpy(random) if mode == "uniforms" else random
    assert compiled.tobytes() == round_tensor(tensor, form, name, words).numpy().tobytes()
    assert compiled.tobytes() == quantize(tensor, form, name, words).numpy().tobytes()


@pytest.mark.parametrize("form", [Fixed(6, 0.25), Float(4, 3), Block(5, 4, 15.0), Log(6)], ids=str)
def test_finer_uniforms_than_numbers_are_kept(form):
    # x is float32 and u float64: u must not be rounded to float32 first.
    x = np.float32([0.3 * form.max, -0.3 * form.max, 0.01 * form.max, -0.7 * form.max]).reshape(4, 1)
    exact = quantize(x.astype(np.float64), form, random=np.full((4, 1), 0.3))
    assert np.array_equal(quantize(x, form, random=np.full((4, 1), 0.3)), exact.astype(np.float32))
    x, u = np.float32([[0.25 * 0.25]]), np.array([[0.25 - 1e-12]])
    assert quantize(x, Fixed(6, 0.25), random=u) == 0.25
    assert round_tensor(torch.from_numpy(x), Fixed(6, 0.25), "stochastic", torch.from_numpy(u)) == 0.25


def test_shapes_kinds_and_dtypes_come_back():
    assert quantize(0.3, "fp8_e4m3", "nearest_even") == 0.3125
    assert isinstance(quantize(0.3, "fp8_e4m3", "nearest_even"), np.float64)
    assert quantize([1, 2, 300], "fp4_e2m1", "nearest_even").tolist() == [1.0, 2.0, 6.0]
    assert quantize(np.zeros((0, 3)), "fp16").shape == (0, 3)
    assert quantize(np.ones((2, 3, 4), np.float32), "log").shape == (2, 3, 4)
    x = np.asfortranarray(np.arange(12.0).reshape(3, 4) / 3)
    assert np.array_equal(quantize(x, Fixed(8, 1.0), "nearest_even"), np.rint(x))
    assert np.array_equal(quantize(x[::2, ::-1], Fixed(8, 1.0), "nearest_even"), np.rint(x[::2, ::-1]))
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        x = torch.tensor([[0.3, -1.7]], dtype=dtype, requires_grad=True)
        out = quantize(x, Float(2, 1), "nearest_even")
        assert out.dtype == dtype
        assert out.shape == x.shape
        assert not out.requires_grad
        assert out.tolist() == [[0.5, -1.5]]
    assert quantize(torch.tensor(2.6), Fixed(4, 1.0), "nearest_even") == torch.tensor(3.0)
    assert quantize(torch.tensor([3, 70]), Fixed(4, 1.0), "nearest_even").tolist() == [3.0, 7.0]


def test_the_input_is_left_alone_and_out_is_filled():
    x = np.array([0.3, 0.6])
    out = np.empty(2)
    assert quantize(x, Fixed(4, 0.5), "nearest_even", out=out) is not None
    assert out.tolist() == [0.5, 0.5]
    assert x.tolist() == [0.3, 0.6]
    quantize(x, Fixed(4, 0.5), "nearest_even", out=x)
    assert x.tolist() == [0.5, 0.5]
    for wrong in (np.empty(3), np.empty(2, np.float32), np.empty(4)[::2]):
        with pytest.raises(ConfigError, match="out must be"):
            quantize(x, Fixed(4, 0.5), "nearest_even", out=wrong)


def test_randomness_is_a_seed_a_generator_or_uniforms():
    x = np.full(2000, 0.5)
    form = Fixed(4, 1.0)
    assert np.array_equal(quantize(x, form, random=3), quantize(x, form, random=np.int64(3)))
    one, two = (quantize(x, form, random=np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(one, two)
    generator = np.random.default_rng(1)
    assert not np.array_equal(quantize(x, form, random=generator), quantize(x, form, random=generator))
    uniforms = np.linspace(0, 1, 2000, endpoint=False)
    assert np.array_equal(quantize(x, form, random=uniforms), (uniforms < 0.5).astype(float))


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"fmt": "fp8_e4m4"}, "fp8_e4m3"),
        ({"fmt": 8}, "fmt must be a format"),
        ({"rounding": "nearest"}, "nearest_even"),
        ({"random": np.zeros(4)}, "shape"),
        ({"random": np.ones(3)}, r"\[0, 1\)"),
        ({"random": np.full(3, np.nan)}, r"\[0, 1\)"),
        ({"random": -1}, "seed"),
    ],
)
def test_bad_arguments_are_named(arguments, part):
    with pytest.raises(ConfigError, match=part):
        quantize(np.zeros(3), **({"fmt": "fp16"} | arguments))


@pytest.mark.parametrize(
    "form", [Fixed(6, 0.1), Float(3, 2, limit=0.3), Log(6, limit=2.0), Block(5, 4, 0.3)], ids=str
)
def test_native_numbers_are_the_nearest_in_units_of_the_scale(form):
    x = np.random.default_rng(0).uniform(-form.max, form.max, 20)
    for dtype in DTYPES:
        native = to_native(form, x, dtype)
        assert native.dtype == dtype
        rounded = quantize(x, form, "nearest_even")
        assert np.allclose(native * form.scale, rounded, rtol=1e-6, atol=0)


LIMITS = [0.3, 1 / 3, 1e-30, 7.0]
SCALED = {
    "fixed": lambda limit: Fixed.for_range(6, limit),
    "float": lambda limit: Float(3, 2, limit=limit),
    "log": lambda limit: Log(6, limit=limit),
    "block 2": lambda limit: Block(2, 4, limit),
    "block 5": lambda limit: Block(5, 4, limit),
}
CASTS = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize("dtype", CASTS)
def test_numbers_of_the_format_stay_in_every_dtype_on_every_path(name, limit, dtype):
    form = SCALED[name](limit)
    values = form.values()
    generator = np.random.default_rng(5)
    wild = limit * generator.standard_normal(240) * np.exp(generator.uniform(-4, 0, 240))
    # Whole blocks of the largest exponent, so that all of values() are numbers of theirs.
    own = np.stack([values, np.full(values.size, form.max)], 1)
    for x in (torch.from_numpy(own).to(CASTS[dtype]), torch.from_numpy(wild).reshape(60, 4).to(CASTS[dtype])):
        once = x if x.shape[1] == 2 else quantize(x, form, random=1)
        for mode in ("stochastic", "nearest_even", "toward_zero"):
            assert torch.equal(quantize(once, form, mode, 2), once)
            if dtype != "bfloat16":
                assert np.array_equal(quantize(once.numpy(), form, mode, 2), once.numpy())
            if dtype in ("float32", "float64"):
                assert torch.equal(round_tensor(once, form, mode, 2), once)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "form", [Fixed(4, 4.0), Fixed(4, 3.0), Float(2, 1, limit=600.0), Float(2, 1, bias=-8)], ids=str
)
def test_what_vanishes_in_units_of_the_scale_is_not_zero(form, dtype):
    x = np.array([np.finfo(dtype).smallest_subnormal, -np.finfo(dtype).smallest_subnormal, 0.0], dtype)
    for u, expected in ((0.0, [form.min_positive, 0.0, 0.0]), (1 - 2.0**-24, [0.0, 0.0, 0.0])):
        random = np.full(3, u, dtype)
        assert quantize(x, form, random=random).tolist() == expected
        tensor = round_tensor(torch.from_numpy(x), form, "stochastic", torch.from_numpy(random))
        assert tensor.tolist() == expected


def test_what_overflows_in_units_of_the_scale_is_finite_still():
    for limit in (2.0**-1000 * 240, 1e-300):
        form = Float(4, 3, limit, specials="ieee")
        x = np.array([1e300, -1e300, np.inf])
        for found in (
            quantize(x, form, "toward_zero"),
            round_tensor(torch.from_numpy(x), form, "toward_zero"),
        ):
            assert found.tolist() == [form.max, -form.max, np.inf]
        assert quantize(x, form, "nearest_even").tolist() == [np.inf, -np.inf, np.inf]
    assert quantize(np.array([1e300, -1e300]), Fixed(4, 1e-300), random=0).tolist() == [7e-300, -8e-300]


def test_narrow_dtypes_come_back():
    for random in (3, np.full((2, 2), 0.4, np.float16)):
        x = np.array([[0.3, -1.7], [2.2, 300.0]], np.float16)
        out = np.empty_like(x)
        found = quantize(x, Fixed(6, 0.1), random=random, out=out)
        assert found.dtype == np.float16
        assert out.tobytes() == found.tobytes()
        words = random if isinstance(random, int) else torch.from_numpy(random)
        assert np.array_equal(quantize(torch.from_numpy(x), Fixed(6, 0.1), random=words).numpy(), found)
    assert quantize(np.float16(6e4), Float(5, 2, limit=1e5), "nearest_even") < 65504
    assert quantize(np.float16(6.5e4), Fixed(3, 3e4), "nearest_even") == 6e4


def test_every_layout_and_gradient_is_taken():
    form = Fixed(6, 0.1)
    x = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(4, 6)
    for view in (x.T, x[::2, 1::2], x.clone().requires_grad_(), x[1, 2], x[:0], x[:, :0]):
        found = quantize(view, form, "nearest_even")
        assert found.shape == view.shape
        assert not found.requires_grad
        assert torch.allclose(found, view.detach(), atol=0.05 + 1e-12)
        random = torch.full_like(view.detach(), 0.4).requires_grad_()
        again = quantize(view, form, random=random)
        assert np.array_equal(again.numpy(), quantize(view.detach().numpy(), form, random=random))
    fixed = np.array([0.31, 0.4])
    fixed.flags.writeable = False
    assert np.allclose(quantize(fixed, form, "nearest_even"), [0.3, 0.4])
    assert quantize(np.array([True, False]), form).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("x", "arguments", "part"),
    [
        (None, {}, "got NoneType"),
        ("0.3", {}, "x must be"),
        ([0.3, None], {}, "x must be"),
        (np.array([1j]), {}, "x.real and x.imag"),
        (torch.tensor([1j]), {}, "real and imag"),
        (torch.eye(2).to_sparse(), {}, r"sparse tensor of float32; quantize its values\(\)"),
        (scipy.sparse.eye_array(2), {}, "of a sparse matrix x.data"),
        (np.ma.masked_array([0.3, 0.4], [True, False]), {}, "masked array"),
        (np.zeros(2), {"out": [0.0, 0.0]}, "got list"),
        (np.zeros(2), {"out": np.broadcast_to(0.0, 2)}, "writeable"),
        (torch.zeros(2), {"out": torch.zeros(2)}, "out is for numpy arrays"),
        (torch.zeros(2), {"random": torch.zeros(3)}, "shape of x"),
        (torch.zeros(2), {"random": torch.ones(2)}, r"\[0, 1\)"),
        (np.zeros(2), {"random": "seed"}, "random must be None"),
        (np.zeros(0), {"rounding": "nearest"}, "nearest_even"),
        (np.zeros(0), {"random": np.zeros(2)}, "shape of x"),
    ],
)  # fmt: skip
def test_what_cannot_be_rounded_is_named(x, arguments, part):
    with pytest.raises(ConfigError, match=part):
        quantize(x, **({"fmt": Fixed(6, 0.1)} | arguments))
