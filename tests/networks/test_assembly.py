"""The ranges that tensors get from a first step in which nothing is rounded."""

import nets
import numpy as np
import pytest
from interpreted import interpreted

from lpbench.formats import Fixed
from lpbench.networks.architecture import INPUT, OUTPUT, POSITIONS, SAMPLE, WIDTH
from lpbench.networks.net import ACTIVATIONS, ERRORS, GRADIENTS, MOMENTUM
from lpbench.networks.roles import automatic_limit


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("name", ["mlp", "pooled"])
def test_ranges_are_those_of_a_first_step(name):
    problem, given = nets.data(name), {"steps": 1, "momentum": 0.5, "loss_scale": 4.0}
    plain = nets.run(nets.training(problem, **nets.PLAIN, **given, record_points=0))
    lines, batch = plain.layout.layers, plain.layout.batch
    cell = nets.training(problem, **nets.ALL, **given, format="fixed", precision=6, limit=None)
    forms = {key: rounder.form for key, rounder in cell.rounded.rounders.items()}
    # The judging behind the last step has gone over the inputs: what a step leaves is in the errors and the gradient.
    for i in range(len(problem.net)):
        start, size = lines[i, OUTPUT], batch * lines[i, POSITIONS] * lines[i, WIDTH]
        errors = plain.net.errors[start : start + size]
        assert forms[ERRORS, i] == Fixed.for_range(6, automatic_limit(errors))
    for place, (offset, rows, columns) in enumerate(plain.layout.tensors):
        gradient = plain.memory.gradient[offset : offset + rows * columns]
        assert forms[GRADIENTS, place] == Fixed.for_range(6, automatic_limit(gradient))
        assert forms[MOMENTUM, place] == Fixed.for_range(6, automatic_limit(gradient / 4.0 / 0.5))
    chosen = plain.batches.order(0, 1)[0]
    assert forms[ACTIVATIONS, 0] == Fixed.for_range(6, automatic_limit(plain.X[chosen]))
    again = nets.training(problem, **nets.PLAIN, **given)
    again._train(0, 1, watching=False)
    for i in range(1, len(problem.net)):
        inputs = again.net.inputs[lines[i, INPUT] : lines[i, INPUT] + batch * lines[i, SAMPLE]]
        assert forms[ACTIVATIONS, i] == Fixed.for_range(6, automatic_limit(inputs))


def test_every_output_has_a_scale_of_its_own(in_python):
    """Of int8_channel each column of the weights reaches its largest code, and is made of its codes."""
    choices = {
        **nets.PLAIN,
        "algorithm": "lp_sgd",
        "format": "int8_channel",
        "rounding": "stochastic",
        "block_size": None,
    }
    cell = nets.run(nets.training(nets.data("wide"), None, **choices))
    for w in nets.weights(cell)[::2]:
        codes = w / np.abs(w).max(0) * 127
        assert np.allclose(codes, np.rint(codes), atol=1e-3)
        assert np.unique(np.abs(w).max(0)).size == w.shape[1]


@pytest.mark.parametrize("dtype", nets.COMPILED)
def test_a_history_is_of_one_cell_and_goes_on_over_pauses(dtype):
    choices = {**nets.ALL, "format": "fp8_tensor", "scale_rule": "delayed", "block_size": None, "steps": 6}
    choices |= {"master_format": "none", "rounding": "nearest_even", "compute_dtype": dtype}
    one, other = (
        nets.run(nets.training(nets.data("mlp"), stride, **choices), pauses)
        for stride, pauses in ((6, 2**31), (1, 1))
    )
    with interpreted():
        slow = nets.run(nets.training(nets.data("mlp"), 2, **choices))
    for cell in (other, slow):
        assert np.array_equal(cell.memory.weights, one.memory.weights)
        assert np.array_equal(cell.losses, one.losses)
    exact = nets.run(nets.training(nets.data("mlp"), 6, **{**choices, "scale_rule": None}))
    assert not np.array_equal(exact.memory.weights, one.memory.weights)
