"""Bits and energy of a step of a network, number by number; wider formats and networks never cost less."""

import nets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpbench.cells.networks import NETWORKS, recipe_of
from lpbench.networks.architecture import cnn, mlp
from lpbench.networks.bits import bits_per_step, tensors
from lpbench.networks.energy import Product, arithmetic_per_step, products
from lpbench.networks.modules import sizes

FLOAT32_MAC, FLOAT32_ADD = 3.7 + 0.9, 0.9
INT8_MAC = 0.2 + 0.1  # sums of 32 bits
SMALL = {**nets.SET, "compute_dtype": "float32", "batch_size": 2, "precision": 8, "block_size": 8, "steps": 10,
         "n_samples": 20}  # fmt: skip
BLOCK8 = 9.0  # bits a number: 8, and 8 bits for 8 of them


def net():
    """3 inputs, 4 hidden units, 2 classes: 16 + 10 weights."""
    return mlp((3,), 2, 4, 1)


def costs(layers, **choices):
    """(bits, pJ) of a step of a cell on these layers."""
    chosen = {**SMALL, **choices}
    found = recipe_of(chosen, layers)
    moved = bits_per_step(tensors(layers, chosen["batch_size"]), found, chosen)
    return moved, arithmetic_per_step(products(layers), found, chosen)


# Multiply-adds of a step on two samples: forward, by the weights, and by the inputs of the second layer alone.
FORWARD, GRADIENT, BACK = (2 * n for n in (3 * 4 + 4 * 2, 3 * 4 + 4 * 2, 4 * 2))
WEIGHTS = 3 * 4 + 4 + 4 * 2 + 2


def test_full_precision_by_hand():
    moved, spent = costs(net(), **nets.PLAIN)
    # Weights 4 times, gradient and momentum twice; the input once, hidden activations and both errors 3 times.
    assert moved == 32 * (WEIGHTS * (4 + 2 + 2) + 2 * 3 + 3 * 2 * 4 + 3 * 2 * (4 + 2))
    assert spent == pytest.approx(FLOAT32_MAC * (FORWARD + GRADIENT + BACK + 2 * WEIGHTS))


def test_weights_alone_are_multiplied_by_floats():
    moved, spent = costs(net())
    assert spent == pytest.approx(costs(net(), **nets.PLAIN)[1])
    assert moved == BLOCK8 * WEIGHTS * 4 + 32 * (WEIGHTS * 4 + 2 * 3 + 3 * 2 * 4 + 3 * 2 * (4 + 2))


def test_every_role_in_blocks_is_arithmetic_of_integers():
    moved, spent = costs(net(), **nets.ALL)
    assert moved == BLOCK8 / 32 * costs(net(), **nets.PLAIN)[0]
    assert spent == pytest.approx(INT8_MAC * (FORWARD + GRADIENT + BACK + 2 * WEIGHTS))


def test_each_product_has_the_wider_of_its_operands():
    chosen = {"activation_format": "fp8_e4m3", "error_format": "bf16", "format": "fp8_e4m3", "momentum": 0.0}
    _, spent = costs(net(), **chosen)
    e4m3, bf16 = 4 * 17 / 240 + 0.9, 8 * 21 / 240 + 0.9  # significands of 4 and 8 bits
    assert spent == pytest.approx(FORWARD * e4m3 + (GRADIENT + BACK) * bf16 + WEIGHTS * FLOAT32_MAC)


def test_layers_left_alone_are_in_full():
    _, spent = costs(net(), **nets.ALL, full_precision="output")
    # Of the output layer its weights and errors are full; what comes into it was rounded, and is multiplied by them.
    alone = 2 * 4 * 2 * 3
    hidden = 2 * 3 * 4 * 2
    assert spent == pytest.approx(FLOAT32_MAC * (alone + 2 * 10) + INT8_MAC * (hidden + 2 * 16))


def test_accumulators_weight_decay_and_compensation():
    plain = costs(net())[1]
    sums = costs(net(), sum_format="fixed(precision=16)", sum_chunk=1, sum_rounding="nearest_even")[1]
    assert plain - sums == pytest.approx((FORWARD + GRADIENT + BACK) * (0.9 - 0.05))
    assert costs(net(), weight_decay=0.1)[1] - plain == pytest.approx(FLOAT32_MAC * WEIGHTS)
    moved, spent = costs(net(), compensation="kahan")
    assert spent - plain == pytest.approx(3 * FLOAT32_ADD * WEIGHTS)
    assert moved - costs(net())[0] == 2 * BLOCK8 * WEIGHTS
    adam = costs(net(), algorithm="lp_adamw", second_momentum=0.999)[1]
    assert adam - plain == pytest.approx(5 * FLOAT32_MAC * WEIGHTS)


def test_the_average_of_swalp_is_moved():
    moved, _ = costs(net(), algorithm="swalp", average_start=5, average_every=1)
    assert moved - costs(net())[0] == pytest.approx(0.5 * WEIGHTS * (BLOCK8 + 2 * 64))


def test_about_a_centre_everything_passes_twice_and_all_samples_once_a_loop():
    plain, spent = costs(net())
    centred = costs(net(), algorithm="lp_svrg", inner_steps=5)
    passing = 2 * 3 + 3 * 2 * 4 + 3 * 2 * (4 + 2)
    batches = 20 / (2 * 5)
    assert centred[0] - plain == pytest.approx(
        32 * (6 * WEIGHTS + passing + batches * (4 * WEIGHTS + passing))
    )
    assert centred[1] - spent == pytest.approx((1 + batches) * FLOAT32_MAC * (FORWARD + GRADIENT + BACK))


def test_bit_centred_layers_multiply_twice_and_read_offsets():
    deltas = {
        **nets.ALL,
        "gradient_format": "none",
        "momentum_format": "none",
        "inner_steps": 5,
        "momentum": 0.0,
    }
    deltas["algorithm"] = "bc_svrg"
    halp = costs(net(), **deltas | {"algorithm": "halp"})
    # Weights, hidden activations, errors, and the input, which counts for a third of its numbers and has no delta.
    offsets = WEIGHTS + 2 * 4 + 2 * (4 + 2) + 2 * 3 / 3
    moved, spent = costs(net(), **deltas)
    assert moved - halp[0] == pytest.approx(32 * 2 * offsets + (32 - BLOCK8) * 2 * 3)
    # Both products of a pair have an operand in full; HALP's are of integers of 8 bits, but for the input's.
    first = 2 * 2 * 3 * 4
    pairs = FORWARD + GRADIENT + BACK - first
    assert spent - halp[1] == pytest.approx((2 * pairs + first) * FLOAT32_MAC - (pairs + first) * INT8_MAC)
    read, cheaper = costs(net(), **deltas, offset_format="block(precision=8,block_size=8)")
    assert moved - read == pytest.approx((32 - BLOCK8) * 2 * offsets)
    assert spent - cheaper == pytest.approx(pairs * 2 * (FLOAT32_MAC - INT8_MAC))
    stored, least = costs(net(), **deltas, centre_cache="stored")
    assert moved - stored == 32 * (2 * 3 + 3 * 2 * 4 + 3 * 2 * (4 + 2))
    assert spent - least == pytest.approx((pairs + first) * FLOAT32_MAC)


def test_convolutions_multiply_at_every_position():
    layers = cnn((8, 1), 3, 2)
    first = products(layers)[0]
    assert first == Product("conv1", None, 3 * 5 * 2, 5 * 2 + 2, goes_back=False)  # 3 windows of 5 numbers


def test_what_a_cell_says():
    for name in ("mlp", "pooled"):
        problem = nets.data(name)
        chosen = {**SMALL, "n_samples": 5}
        found = NETWORKS.describe(chosen, problem)
        assert found["bytes_per_step"] == found["bits_per_step"] / 8
        spent = found["energy_per_step"] - found["arithmetic_energy_per_step"]
        assert spent == pytest.approx(found["bits_per_step"] * 20.3e-3)


def test_modules_of_torch_have_the_products_of_their_sizes():
    linear = sizes.Sizes("one", (4, 3), 16, 3, 4, sizes.PRODUCT)
    sequence = sizes.Sizes("two", (4, 3), 16, 3 * 7, 4 * 7, sizes.PRODUCT)
    convolution = sizes.Sizes("three", (6, 2, 3, 3), 114, 2 * 25, 6 * 9, sizes.PRODUCT)
    lstm = sizes.Sizes("four", (32, 8), 576, 8 * 5, 8 * 5, "LSTM")
    lookup = sizes.Sizes("five", (21, 8), 168, 0, 8 * 5, sizes.LOOKUP)
    norm = sizes.Sizes("six", (8,), 16, 0, 0)
    found = sizes.products([linear, sequence, convolution, lstm, lookup, norm])
    assert [one.multiply_adds for one in found] == [12, 12 * 7, 6 * 2 * 9 * 9, 576 * 5, 0, 0]
    assert [one.goes_back for one in found] == [False, *[True] * 5]


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["fixed", "float", "log", "block"]), st.integers(4, 14), st.integers(0, 2), st.integers(1, 9),
    st.integers(0, 9), st.booleans(),
)  # fmt: skip
def test_more_bits_and_wider_networks_never_cost_less(name, precision, more, width, wider, every):
    roles = nets.ALL if every else {}
    small, large = mlp((3,), 2, width, 2), mlp((3,), 2, width + wider, 2)
    few = costs(small, format=name, precision=precision, **roles)
    assert all(
        a <= b
        for a, b in zip(few, costs(small, format=name, precision=precision + more, **roles), strict=True)
    )
    assert all(
        a <= b for a, b in zip(few, costs(large, format=name, precision=precision, **roles), strict=True)
    )
