"""Recipes by name: each trains a network to an error that its bits can be blamed for, and no more."""

import pytest

import lpbench

ASKED = {"problem": "mlp", "dataset": "digits", "dimension": 64, "epochs": 10}
# The most that the test error may be; without rounding it is about 0.05, by chance 0.9.
MOST = {
    "quartet": 0.15,
    "fp8_delayed": 0.12,
    "nvfp4_2d": 0.15,
    "int8_mixed": 0.12,
    "ibm8": 0.12,
    "wage": 0.25,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MOST)
def test_recipes_train(name):
    found = lpbench.run(**ASKED, recipe=name)
    assert found["status"] == "ok", found["error"]
    assert found["test_error"] < MOST[name]
