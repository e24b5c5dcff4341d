"""What is counted of tensors, against numpy; that counting changes nothing; and that planted faults are found."""

import math

import nets
import numpy as np
import pytest
from interpreted import interpreted

import lpbench
from lpbench.formats import Fixed
from lpbench.networks.flat import Flat, count_all, count_all_updates, count_one
from lpbench.networks.operands import NAMES
from lpbench.networks.rounding import Rounder, bind
from lpbench.networks.watching import RATES, SAMPLE, Tensor, new_watch, settle

WATCHED = [Tensor("a", "a", 0, 1), Tensor("b", "b.weight", 1, 0)]


def rates(watch):
    found = np.zeros((len(WATCHED), len(RATES)))
    settle(watch, found)
    return [dict(zip(RATES, row, strict=True)) for row in found.tolist()]


def by_hand(x, rounded, low, high):
    """The same of one tensor, a number at a time."""
    some = [(float(a), float(b)) for a, b in zip(x, rounded, strict=True) if a != 0]
    exponents = [-1023 if abs(a) < 2.0**-1022 else math.frexp(a)[1] - 1 for a, _ in some if math.isfinite(a)]
    signal, noise = sum(a * a for a, _ in some), sum((a - b) ** 2 for a, b in some)
    return {
        "numbers": len(some),
        "saturation_rate": sum(not low <= a <= high for a, _ in some) / len(some),
        "underflow_rate": sum(b == 0 for _, b in some) / len(some),
        "snr": 10 * math.log10(signal / noise) if noise > 0 else math.nan,
        "exponent_min": min(exponents),
        "exponent_max": max(exponents),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 7, 1000, 2500])
def test_counts_of_a_tensor(dtype, size):
    random = np.random.default_rng(size)
    x = (random.standard_normal(size) * 2.0 ** random.integers(-9, 4, size)).astype(dtype)
    x[random.random(size) < 0.2] = 0
    x[0] = 3.0
    form = Fixed(6, 2.0**-4)
    bound = bind(Rounder(form, "nearest_even"), size, np.dtype(dtype))
    rounded = lpbench.quantize(x, form, "nearest_even")
    watch = new_watch(WATCHED, (2, 2), dtype)
    count_one(watch, 1, x, rounded, size, bound.address, bound.state)
    nothing, found = rates(watch)
    assert math.isnan(nothing["numbers"])  # it did not occur
    wanted = by_hand(x, rounded, -2.0, form.max)
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-12, nan_ok=True)
    if size <= SAMPLE:
        exponents = np.sort(np.floor(np.log2(np.abs(x[x != 0].astype(float)))))
        for name, share in (("q10", 0.1), ("q50", 0.5), ("q90", 0.9)):
            at = max(0, math.ceil(share * exponents.size) - 1)
            assert found[f"exponent_{name}"] == exponents[at]
    assert math.isnan(rates(watch)[1]["numbers"])  # nothing is left


def test_parts_of_a_tensor_count_together_and_zeros_not():
    watch = new_watch(WATCHED, (2, 2), "float64")
    for part in ([0.0, 4.0], [0.0, 0.0], [1.0, -16.0]):
        x = np.array(part)
        count_one(watch, 0, x, np.zeros(2), 2, 0, 0)
    count_one(watch, 1, np.zeros(3), np.zeros(3), 3, 0, 0)
    some, zeros = rates(watch)
    assert (some["numbers"], some["underflow_rate"], some["saturation_rate"], some["snr"]) == (
        3,
        1.0,
        0.0,
        0.0,
    )
    assert (some["exponent_min"], some["exponent_q50"], some["exponent_max"]) == (0, 2, 4)
    assert zeros["numbers"] == 0  # it occurred, and was zero
    assert all(math.isnan(value) for name, value in zeros.items() if name != "numbers")


@pytest.mark.parametrize("value", [np.inf, np.nan, 5e-324, 1e308])
def test_numbers_at_the_ends(value):
    watch = new_watch(WATCHED, (2, 2), "float64")
    x = np.array([1.0, value])
    with np.errstate(all="ignore"):
        count_one(watch, 0, x, x, x.size, 0, 0)
        found = rates(watch)[0]
    assert found["numbers"] == 2
    wanted = {5e-324: (-1023, 0), 1e308: (0, 1023)}.get(value, (0, 1024))
    assert (found["exponent_min"], found["exponent_max"]) == wanted


@pytest.mark.parametrize("size", [3, 1500])
def test_what_updates_did_by_cause(size):
    random = np.random.default_rng(1)
    old = random.standard_normal(size)
    parts = random.standard_normal((3, size))
    parts[1] = 0
    updates = parts.sum(0) * (random.random(size) < 0.9)
    new = np.where(random.random(size) < 0.4, old, old - updates)
    watch = new_watch(WATCHED, (2, 2), "float64")
    flat = Flat(np.array([[0, 1, size]]), np.array([1]), np.zeros((1, 2), np.int64))
    count_all_updates(flat, watch, parts, updates, old, new, 0)
    count_all(flat, watch, new, new, 0, 0)
    found = rates(watch)[0]
    assert math.isnan(found["numbers"])  # nothing rounds it, and it was not asked for all the same
    lost = (updates != 0) & (old == new)
    assert found["stall_rate"] == pytest.approx(lost.sum() / (updates != 0).sum())
    for name, part in zip(("stall_gradient", "stall_decay", "stall_momentum"), parts, strict=True):
        sizes = np.abs(part)
        wanted = sizes[lost].sum() / sizes.sum() if sizes.any() else math.nan
        assert found[name] == pytest.approx(wanted, nan_ok=True)


@pytest.mark.parametrize("dtype", nets.COMPILED)
@pytest.mark.parametrize("given", [{}, {"algorithm": "lp_adamw", "step_size": 0.01, "second_momentum": 0.9}])
def test_compiled_and_python_count_the_same(given, dtype):
    chosen = {**nets.ALL, "precision": 4, "weight_decay": 0.01, "steps": 2, "compute_dtype": dtype, **given}
    cells = [nets.run(nets.training(nets.data("mlp"), 1, **chosen))]
    with interpreted():
        cells.append(nets.run(nets.training(nets.data("mlp"), 1, **chosen)))
    one, other = (cell.tensors(9) for cell in cells)
    assert list(one) == ["step", "layer", "tensor", "role", *RATES]
    for name in one:
        assert np.array_equal(one[name], other[name]) or np.allclose(
            one[name].astype(float), other[name].astype(float), rtol=1e-12, equal_nan=True
        )


@pytest.mark.parametrize("dtype", nets.COMPILED)
def test_watching_changes_no_bit(dtype):
    chosen = {**nets.ALL, "compute_dtype": dtype, "steps": 6}
    watched, alone = (nets.run(nets.training(nets.data("cnn 1-d"), stride, **chosen)) for stride in (1, None))
    assert np.array_equal(watched.memory.weights, alone.memory.weights)
    assert np.array_equal(watched.losses, alone.losses)
    assert sorted(set(watched.tensors(99)["step"])) == [1, 2, 3, 4, 5, 6]
    assert sorted(set(alone.tensors(99)["step"])) == [6]
    assert np.array_equal(
        alone.tensors(99)["snr"], watched.tensors(99)["snr"][watched.tensors(99)["step"] == 6], equal_nan=True
    )
    assert watched.tensors(1) == {}  # at step 0 nothing has been rounded


def test_operands_are_watched_too(in_python):
    chosen = {**nets.ALL, "gradient_format": "none", "momentum_format": "none", "master_format": "none"}
    cell = nets.run(
        nets.training(nets.data("mlp"), 1, **chosen, round_at="products", full_precision="output")
    )
    found = cell.tensors(99)
    mine = found["role"] == "operands"
    names = [f"{layer}.{one}" for layer in ("hidden1", "hidden2") for one in NAMES]
    names.remove("hidden1.back.error")  # nothing goes back beyond the first layer
    names.remove("hidden1.back.weight")
    assert sorted(set(found["tensor"][mine])) == sorted(names)
    assert set(found["role"]) == {"operands", "master"}
    assert (found["snr"][mine][found["numbers"][mine] > 4] > 0).all()
