"""What is rounded when: of recipes that round tensors, and of those that round operands of products."""

import pytest

from lpbench.cells.networks import recipe_of
from lpbench.choices.cell import make_cell
from lpbench.choices.grid import single
from lpbench.networks.table import COLUMNS, rows
from lpbench.registry import problems


def table(**choices):
    cell = make_cell(single({"problem": "mlp", "dataset": "digits", "steps": 1, **choices}))
    net = problems.get("mlp").net(cell.choices)
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows(net, recipe_of(cell.choices, net), True)]


def test_operands_of_products_forward_then_backward():
    found = [row for row in table(recipe="nvfp4") if row["when"] != "never"]
    assert {row["layer"] for row in found} == {"hidden2"}  # the first and the last are in full precision
    assert [(row["tensor"], row["when"], row["rounding"]) for row in found] == [
        ("input", "forward, along inputs", "nearest_even"),
        ("weights", "forward, along inputs", "nearest_even"),
        ("input", "gradient, along samples", "nearest_even"),
        ("errors", "gradient, along samples", "stochastic"),
        ("errors", "backward, along outputs", "stochastic"),
        ("weights", "backward, along outputs", "nearest_even"),
    ]
    assert {row["bits"] for row in found} == {4.5}


def test_what_is_rotated_says_so():
    found = {row["when"] for row in table(recipe="mxfp4", hadamard=16, hadamard_at="backward")}
    assert found == {
        "never", "forward, along inputs", "gradient, along samples, rotated by 16",
        "backward, along outputs, rotated by 16",
    }  # fmt: skip


def test_backward_products_can_have_a_rounding_of_their_own():
    found = [row for row in table(recipe="quartet") if row["when"] != "never"]
    assert {(row["when"].partition(",")[0], row["rounding"]) for row in found} == {
        ("forward", "nearest_even"), ("gradient", "stochastic"), ("backward", "stochastic"),
    }  # fmt: skip
    assert all("rotated by 32" in row["when"] for row in found)


def test_about_a_centre_what_is_rounded_are_offsets_and_deltas():
    found = [row["tensor"] for row in table(algorithm="halp", precision=4) if row["when"] != "never"]
    assert found == ["weights, biases: offsets from the centre"] * 3
    roles = {"activation_format": "block", "error_format": "block", "gradient_format": "block"}
    roles |= {"momentum_format": "block", "offset_format": "bf16"}
    at_centre, *found = table(algorithm="bc_svrg", precision=4, **roles)
    assert [at_centre[name] for name in ("tensor", "format", "bits")] == ["all: at the centre", "bf16", 16]
    assert found[0]["tensor"] == "input"
    assert found[0]["when"] == "never"  # it has no delta
    of_updates = ["gradient: deltas", "momentum", "weights, biases: offsets from the centre"]
    assert [row["tensor"] for row in found if row["when"] != "never"] == [
        *["activations: deltas"] * 2, *["errors: deltas"] * 3, *of_updates * 3,
    ]  # fmt: skip


def test_squares_of_weights_beside_rows_of_all_else():
    found = [row for row in table(recipe="nvfp4_2d") if row["when"] != "never"]
    assert {(row["tensor"], row["bits"]) for row in found} == {
        ("weights", 4.03125),
        ("input", 4.5),
        ("errors", 4.5),
    }
    assert {row["when"] for row in found if "rotated" in row["when"]} == {
        "gradient, along samples, rotated by 16"
    }


@pytest.mark.parametrize("recipe", ["int8_mixed", "ibm8", "wage"])
def test_recipes_of_eight_bits(recipe):
    found = {
        (row["layer"], row["tensor"], row["when"].partition(",")[0]): row["bits"]
        for row in table(recipe=recipe)
    }
    if recipe == "int8_mixed":
        products = {key: bits for key, bits in found.items() if key[2] in ("forward", "backward", "gradient")}
        assert set(products.values()) == {8}
        assert len(products) == 6 + 6 + 4
    else:
        assert found["hidden2", "errors", "before the layer's backward products"] == 8
        assert found["hidden2", "master copy", "with the update"] == {"ibm8": 16, "wage": 8}[recipe]
        assert found["hidden2", "weights, biases", "from the master copy"] == {"ibm8": 8, "wage": 2}[recipe]
        assert ("output", "errors", "never") in found or recipe == "wage"


def test_nothing_goes_back_beyond_the_first_layer():
    found = table(recipe="mxfp8")
    assert not [row for row in found if row["layer"] == "hidden1" and row["when"].startswith("backward")]
    assert {row["format"] for row in found if row["when"] == "never"} == {"float32"}


def test_tensors_once_each():
    found = {(row["layer"], row["tensor"]): row["when"] for row in table(recipe="all", format="block")}
    assert found["", "input"] == "once a step"
    assert found["hidden1", "weights, biases"] == "with the update"
