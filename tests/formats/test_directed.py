"""Directed rounding and rounding to odd, against a search in the list of all numbers."""

import gfloat
import gfloat.formats
import grids
import numpy as np
import pytest
import torch

from lpbench import quantize
from lpbench.arithmetic.jit import in_python
from lpbench.formats import Block, Fixed, Float, Format, Log, Posit, Scaled, get
from lpbench.formats.quantize import round_tensor

MODES = ("up", "down", "away_from_zero", "to_odd")
FORMS = [
    Fixed(5, 0.25), Fixed(5, 0.1), Float(3, 2), Float(2, 1), Float(3, 0), Float(0, 4), Float(3, 2, limit=0.3),
    Float(3, 2, specials="ieee"), Float(8, 3, specials="ieee"), Log(5), Log(8), Log(9, 3), Posit(6, 1), Posit(8, 2),
    Posit(5, 0), get("fp4_e2m1"), get("fp8_e4m3"),
]  # fmt: skip


def expected(form: Format, x: np.ndarray, mode: str) -> np.ndarray:
    """x (float64, within the range of form) to a neighbour."""
    values = form.values()
    below, above = grids.brackets(values, x)
    low, high = values[below], values[above]
    if mode == "to_odd":
        code = grids.codes(values, isinstance(form, Fixed))
        return np.where(code[below] % 2 == 1, low, high)
    away = np.where(x < 0, low, high)
    return {"up": high, "down": low, "away_from_zero": away}[mode]


@pytest.mark.parametrize("form", FORMS, ids=repr)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_number_of_small_formats_and_what_lies_between(form, mode, dtype, by_tensors):
    values = form.values()
    if form.dyadic and np.frexp(form.scale)[0] == 0.5:
        x = grids.probes(values, dtype, beyond=False)
        x = x[(x >= values[0]) & (x <= values[-1])]
    else:  # beside numbers that floats hold only nearly lies what counts as them
        own, gaps = values.astype(dtype), np.diff(values)
        assert np.array_equal(quantize(own, form, mode), own)
        x = np.concatenate([values[:-1] + share * gaps for share in (1e-3, 0.25, 0.5, 0.7, 0.999)]).astype(
            dtype
        )
    found = quantize(x, form, mode)
    reference = expected(form, x.astype(np.float64), mode).astype(dtype)
    assert np.array_equal(found, reference)
    assert np.array_equal(np.signbit(found[found != 0]), np.signbit(reference[found != 0]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_overflow_has_a_direction(mode, dtype, by_tensors):
    inf = np.inf
    ends = {
        "up": (inf, -65504.0),
        "down": (65504.0, -inf),
        "away_from_zero": (inf, -inf),
        "to_odd": (65504.0, -65504.0),
    }
    x = np.array([65505.0, -65505.0, 1e6, -1e6, inf, -inf], dtype)
    assert quantize(x, "fp16", mode).tolist() == [*ends[mode], *ends[mode], inf, -inf]
    assert quantize(x, "fp8_e5m2", mode).tolist() == [57344.0, -57344.0] * 3
    assert quantize(x, Fixed(8, 1.0), mode).tolist() == [127.0, -128.0] * 3
    if dtype == np.float32:
        huge = {"up": (inf, -1.0), "down": (1.0, -inf), "away_from_zero": (inf, -inf), "to_odd": (1.0, -1.0)}[
            mode
        ]
        top = get("bf16").max
        beyond = np.array([3.4e38, -3.4e38], dtype)
        assert quantize(beyond, "bf16", mode).tolist() == [
            end if np.isinf(end) else end * top for end in huge
        ]


@pytest.mark.parametrize("name", ["fp8_e4m3", "fp8_e5m2", "fp6_e3m2", "fp6_e2m3", "fp4_e2m1"])
@pytest.mark.parametrize(("mode", "theirs"), [("up", "TowardPositive"), ("down", "TowardNegative")])
def test_as_gfloat_has_it(name, mode, theirs, by_tensors):
    info = getattr(gfloat.formats, f"format_info_ocp_{name.partition('_')[2]}")
    x = grids.probes(get(name).values(), np.float64, beyond=False)
    x = x[np.abs(x) <= get(name).max]
    reference = gfloat.round_ndarray(info, x, getattr(gfloat.RoundMode, theirs), sat=True)
    assert quantize(x, name, mode).tobytes() == reference.tobytes()


def test_to_odd_first_and_to_nearest_then_is_to_nearest_once(by_tensors):
    """What rounding to odd is for: two more bits, and no double rounding."""
    x = np.random.default_rng(0).standard_normal(20_000)
    x = np.concatenate([x, grids.probes(get("fp8_e4m3").values(), np.float64, beyond=False)])
    through = quantize(quantize(x, Float(5, 5), "to_odd"), "fp8_e4m3", "nearest_even")
    assert np.array_equal(through, quantize(x, "fp8_e4m3", "nearest_even"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "form",
    [Block(4, 4, 7.0), Scaled("e2m1", 32, "e8m0", "rceil"), get("nvfp4"), get("int8_tensor")],
    ids=["block", "mxfp4", "nvfp4", "int8"],
)
def test_formats_with_scales(form, mode):
    x = np.random.default_rng(0).uniform(-7, 7, (6, 64)).astype(np.float32)
    with in_python(), np.errstate(over="ignore"):
        found, low, high = (quantize(x, form, one) for one in (mode, "down", "up"))
    assert np.array_equal(round_tensor(torch.from_numpy(x), form, mode).numpy(), found)
    assert np.all((found == low) | (found == high))
    if form.rule != "exact" if isinstance(form, Scaled) else True:
        assert np.all((low <= x) & (x <= high))
        inside = low != high
        assert np.all((np.abs(found) >= np.abs(x))[inside]) or mode != "away_from_zero"


@pytest.mark.parametrize(
    "mode",
    ["up", "to_odd", *(pytest.param(one, marks=pytest.mark.slow) for one in ("down", "away_from_zero"))],
)
def test_kernels_agree_with_tensors(mode):
    x = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)
    x[0, :4] = 0.0, -0.0, np.nan, 1e30
    for form in (Fixed(5, 0.25), get("fp8_e4m3"), get("mxfp4")):
        found, tensors = quantize(x, form, mode), round_tensor(torch.from_numpy(x), form, mode).numpy()
        assert found.tobytes() == tensors.tobytes()
