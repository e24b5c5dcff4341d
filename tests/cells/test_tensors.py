"""The table `tensors` of cells: both engines say the same, and what was planted shows where it was planted."""

import nets
import numpy as np
import pandas as pd
import pytest

from lpbench.networks.watching import RATES

# Momentum is rounded before its use in one engine, behind it in the other.
NEAREST = {
    **nets.ALL,
    "momentum_format": "none",
    "rounding": "nearest_even",
    "weight_decay": 0.05,
    "steps": 3,
}


def table(cell):
    return pd.DataFrame(cell.tensors(99)).set_index(["step", "tensor", "role"])


def both(name, **choices):
    problem = nets.data(name)
    return table(nets.run(nets.training(problem, 1, **choices))), table(
        nets.run(nets.by_torch(problem, **choices))
    )


ROUNDED = {
    "fixed": {"format": "fixed", "precision": 6, "limit": 0.5},
    "e4m3": {"format": "fp8_e4m3", "loss_scale": 16.0, "master_format": "none"},
    "kahan": {"format": "bf16", "precision": 16, "compensation": "kahan"},
    "adamw": {
        "algorithm": "lp_adamw", "step_size": 0.01, "second_momentum": 0.99, "format": "bf16", "precision": 16,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "more"),
    [
        *(("mlp", more) for more in ROUNDED),
        ("cnn 1-d", "e4m3"),  # counts of convolutions, whatever rounds and updates
        *(pytest.param("cnn 1-d", more, marks=pytest.mark.slow) for more in ROUNDED if more != "e4m3"),
    ],
)
def test_both_engines_say_the_same(name, more, in_python):
    compiled, torched = both(name, **NEAREST, **ROUNDED[more])
    # An activation is of the layer that it leaves in one engine, of the one that it enters in the other.
    mine, theirs = (one[one.index.get_level_values("role") != "activations"] for one in (compiled, torched))
    assert set(mine.index) == set(theirs.index)
    theirs = theirs.loc[mine.index]
    for column in RATES:
        assert np.allclose(
            mine[column].astype(float), theirs[column].astype(float), rtol=1e-6, atol=1e-9, equal_nan=True
        ), column


def test_decay_that_bfloat16_loses_shows_in_the_layer_that_has_it(in_python):
    planted = {
        **NEAREST,
        "format": "bf16",
        "precision": 16,
        "step_size": 1e-4,
        "full_precision": "hidden1+output",
    }
    for found in both("mlp", **planted):
        last = found.loc[3][found.loc[3].index.get_level_values("role") == "weights"]["stall_decay"]
        assert last["hidden2.weight", "weights"] > 0.99
        assert (last.drop(index=[("hidden2.weight", "weights"), ("hidden2.bias", "weights")]) == 0).all()


@pytest.mark.parametrize("role", ["activations", "errors"])
def test_a_range_too_small_shows_as_saturation_where_it_is(role, in_python):
    keys = {"activations": "activation_format", "errors": "error_format"}
    planted = {
        "format": "none", "steps": 3, "full_precision": "hidden1+output",
        keys[role]: "fixed(precision=8,limit=0.0001,rounding=nearest_even)",
    }  # fmt: skip
    for found in both("mlp", **planted):
        rows = found[found["saturation_rate"] > 0.5]
        assert set(rows.index.get_level_values("role")) == {role}
        assert {"hidden2"} <= set(rows["layer"]) <= {"hidden2", "input"}  # the network's input is of no layer
        assert (found.drop(rows.index)["saturation_rate"] == 0).all()
