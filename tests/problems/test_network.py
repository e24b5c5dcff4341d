"""Networks as problems: what makes no sense is one line, said before anything runs."""

import pytest

import lpbench
from lpbench import cli
from lpbench.cells.cost import warnings
from lpbench.choices.cell import make_cell
from lpbench.choices.grid import expand, single
from lpbench.errors import ConfigError
from lpbench.terminal import size

HERE = {"problem": "mlp", "dataset": "digits", "steps": 1}
REFUSED = [
    ({"activation_format": "blok"}, "activation_format: unknown format 'blok'. Did you mean 'block'?"),
    ({"activation_format": "block(precison=8)"}, "unknown choice 'precison' of block. Did you mean 'precision'?"),
    ({"recipe": "alll"}, "unknown recipe 'alll'. Did you mean 'all'?"),
    ({"full_precision": "hiden1"}, "no layer is called 'hiden1'; this network has hidden1, hidden2, output. Did you"),
    ({"dataset": "diabetes"}, "diabetes does not have; these datasets serve networks: "),
    ({"dataset": "gaussian"}, "of gaussian the number of features; these datasets serve networks: "),
    ({"problem": "cnn", "dataset": "breast_cancer"}, "a sample of breast_cancer is 30: use problem=mlp"),
    ({"problem": "lenet"}, "at least 16 x 16 pixels, and a sample of digits is 8 x 8 x 1: use problem=cnn or"),
    ({"dimension": "wide"}, "dimension must be a whole number >= 1, got 'wide'"),
    ({"algorithm": "halp", "recipe": "all"}, "algorithm=halp rounds weights alone, recipe=weights, and"),
    ({"algorithm": "lp_svrg", "compensation": "kahan"}, "rounds weights alone, recipe=weights, and compensation=kahan"),
    ({"algorithm": "halp", "snapshot": "random"}, "snapshot=random: of networks the centre is the last point"),
    ({"algorithm": "halp", "mu": "0.1*L"}, "mu=0.1*L: what it says is not known of a network; give mu a number"),
    ({"algorithm": "bc_svrg", "engine": "compiled"}, "algorithm=bc_svrg is of the engine torch: leave engine out"),
    ({"algorithm": "bc_svrg", "recipe": "mxfp8"}, "round_at=products: algorithm=bc_svrg rounds deltas where tensors"),
    ({"algorithm": "bc_svrg", "recipe": "all", "format": "fixed"}, "activation_format=same: deltas grow within a loop"),
    ({"algorithm": "bc_sgd", "recipe": "master"}, "master_format=none: the centre is the copy of the weights that"),
    ({"algorithm": "bc_sgd", "recipe": "bf16_kahan"}, "compensation=kahan: the centre is the copy of the weights"),
    ({"algorithm": "bc_sgd", "offset_format": "fixed"}, "offset_format=fixed: one range does not fit all tensors"),
    ({"algorithm": "bc_sgd", "offset_format": "int8_tensor(scale_rule=delayed)"}, "scaled by their own numbers"),
    ({"algorithm": "bc_sgd", "offset_format": "bf17"}, "offset_format: unknown format 'bf17'. Did you mean 'bf16'?"),
    ({"algorithm": "bc_sgd", "offset_format": "block(rounding=stochastic)"}, "offsets are read to the nearest; leave"),
    ({"algorithm": "bc_sgd", "centre_cache": "stored"}, "the same batches in every epoch: sampling=in_order"),
    ({"algorithm": "bc_sgd", "centre_cache": "kept"}, "unknown centre_cache 'kept'"),
    ({"algorithm": "bc_svrg", "mu": "0.1*L"}, "mu=0.1*L: what it says is not known of a network; give mu a number"),
    ({"algorithm": "halp", "centre_scale": "two"}, "unknown centre_scale 'two'"),
    ({"schedule": "decreasing"}, "schedule=decreasing is for convex problems; networks take constant, cosine, steps"),
    ({"step_size": "auto"}, "step_size=auto: what it says is not known of a network; give step_size a number"),
    ({"step_size": "0.1/L"}, "step_size=0.1/L: what it says is not known of a network"),
    ({"steps": "10/L"}, "steps=10/L: what it says is not known of a network; give steps a number"),
    ({"batch_size": 5000}, "batch_size must be at most 1297, the training samples, got 5000"),
    ({"format": "float", "exponent_bits": "auto"}, "exponent_bits=auto: nothing is proven of networks; give a number"),
    ({"depth": 0}, "depth must be a whole number in 1..64, got 0"),
    ({"momentum": 1}, "momentum must be "),
    ({"limit": "4*w_max"}, "limit=4*w_max: what it says is not known of a network; give a number, or auto"),
    ({"problem": "lstm", "dataset": "tags", "recipe": "mxfp4"}, "lstm is of the class LSTM: full_precision=first+"),
    ({"recipe": "nvfp4", "master_format": "same"}, "master_format says what updates are added to; give it none or a"),
    ({"recipe": "mxfp8", "round_at": "product"}, "unknown round_at 'product'. Did you mean 'products'?"),
    ({"recipe": "mxfp8", "hadamard": 12}, "hadamard must be a power of two, got 12: 8 and 16 are"),
    ({"recipe": "all", "hadamard": 16}, "hadamard=16 rotates operands of products: it needs round_at=products"),
    ({"recipe": "all", "backward_rounding": "up"}, "backward_rounding=up is of operands of products: "),
    ({"recipe": "quartet", "round_at": "tensors"}, "hadamard=32 rotates operands of products: it needs round_at="),
    ({"recipe": "mxfp8", "hadamard_at": "forward"}, "unknown hadamard_at 'forward'."),
    ({"recipe": "fp8_delayed", "engine": "torch"}, "scale_rule=delayed: the engine torch scales tensors by their own"),
    ({"recipe": "fp8_delayed", "compensation": "kahan"}, "scale_rule=delayed: Kahan's compensation rounds sums"),
    ({"recipe": "mxfp8", "scale_rule": "delayed"}, "scaled: unknown rule 'delayed' of scale e8m0."),
    ({"problem": "least_squares", "dataset": "diabetes", "format": "int8_tensor", "scale_rule": "delayed"},
     "scale_rule=delayed is for networks; problem=least_squares scales weights by their own numbers"),
    ({"engine": "torsh"}, "unknown engine 'torsh'. Did you mean 'torch'"),
    ({"problem": "least_squares", "dataset": "diabetes", "algorithm": "adamw"}, "adamw trains networks, and problem="),
    ({"problem": "least_squares", "dataset": "diabetes", "schedule": "cosine"}, "schedule=cosine is for networks; "),
]  # fmt: skip


@pytest.mark.parametrize(("choices", "said"), REFUSED)
def test_what_makes_no_sense(choices, said):
    with pytest.raises(ConfigError) as refused:
        make_cell(single({**HERE, **choices}))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "choices", [{"activation_format": "blok(precision=8)"}, {"batch_size": 5000}, {"depth": 0}]
)
def test_a_sweep_of_it_ends_before_it_begins(choices, tmp_path, capsys):
    overrides = [f"{key}={value}" for key, value in {**HERE, **choices}.items()]
    assert cli.run(["sweep", *overrides, "--runs-dir", str(tmp_path)]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_formats_with_choices_are_values_on_the_command_line():
    written = [
        "block(block_size=32,precision=8,rounding=nearest_even)",
        "float(exponent_bits=4,precision=8)",
        "none",
    ]
    overrides = [*(f"{key}={value}" for key, value in HERE.items()), f"error_format={','.join(written)}"]
    found = [cell.choices["error_format"] for cell in expand(overrides).cells]
    assert found == [
        "block(precision=8,block_size=32,rounding=nearest_even)",
        "float(precision=8,exponent_bits=4)",
        "none",
    ]
    again = [f"{key}={value}" for key, value in HERE.items()] + [f"error_format={found[0]}"]
    assert expand(again).cells[0].cell_id == expand(overrides).cells[0].cell_id
    with pytest.raises(ConfigError, match=r"precision must be a whole number .* got 'block"):
        expand([*again, "precision=block(precision=8)"])


def test_choices_of_a_network_that_are_not_read_are_null():
    plain = make_cell(
        single({**HERE, "algorithm": "sgd", "recipe": "all", "activation_format": "block", "k": 3})
    )
    names = (
        "recipe",
        "activation_format",
        "master_format",
        "rounding",
        "limit",
        "k",
        "second_momentum",
        "start",
        "tail",
    )
    assert [plain.choices[name] for name in names] == [None] * len(names)
    assert plain.choices["format"] == "none"
    assert plain.cell_id == make_cell(single({**HERE, "algorithm": "sgd"})).cell_id
    convex = {"problem": "least_squares", "momentum": 0.5, "activation_format": "same", "depth": 3}
    assert make_cell(single(convex)).cell_id == make_cell(single({"problem": "least_squares"})).cell_id


def test_where_it_is_rounded_is_null_where_that_is_as_always():
    plain, told, other = (
        make_cell(single({**HERE, "recipe": "master", "round_at": at}))
        for at in (None, "tensors", "products")
    )
    assert plain.cell_id == told.cell_id != other.cell_id
    assert (told.choices["round_at"], other.choices["round_at"]) == (None, "products")


def test_rules_of_scales_are_null_where_they_are_not_read():
    plain, told, waiting = (
        make_cell(single({**HERE, "format": "int8_tensor", "scale_rule": rule}))
        for rule in (None, "rceil", "delayed")
    )
    assert plain.cell_id == told.cell_id != waiting.cell_id
    assert (told.choices["scale_rule"], waiting.choices["scale_rule"]) == (None, "delayed")


def test_rotations_are_null_where_there_are_none():
    plain, told, turned, every, some = (
        make_cell(single({**HERE, "recipe": "mxfp4", **more}))
        for more in (
            {}, {"hadamard_at": "gradient"}, {"hadamard": 16}, {"hadamard": 16, "hadamard_at": "all"},
            {"hadamard": 16, "hadamard_at": "gradient"},
        )
    )  # fmt: skip
    assert plain.cell_id == told.cell_id
    assert turned.cell_id == every.cell_id
    assert len({plain.cell_id, turned.cell_id, some.cell_id}) == 3
    free = make_cell(single({**HERE, "algorithm": "sgd", "hadamard": 16}))
    assert (free.choices["hadamard"], free.choices["hadamard_at"]) == (None, None)


@pytest.mark.parametrize("recipe", ["mxfp8", "mxfp6", "mxfp4", "nvfp4"])
def test_errors_in_blocks_that_are_clipped_are_warned_of(recipe):
    def said(**choices):
        return warnings([make_cell(single({**HERE, "recipe": recipe, **choices}))])

    assert said() == []
    if recipe != "nvfp4":
        (line,) = said(scale_rule="floor")
        assert "scale_rule=floor clips the largest number of " in line
        assert said(scale_rule="floor", error_format="none") == []


def test_one_spelling_is_one_cell():
    one, other = (
        make_cell(single({**HERE, "error_format": text}))
        for text in ("block( block_size = 32 , precision=8 )", "block(precision=8,block_size=32)")
    )
    assert one.cell_id == other.cell_id
    assert one.choices["error_format"] == "block(precision=8,block_size=32)"


def test_what_a_cell_costs_grows_with_what_it_computes():
    from lpbench.cells.cost import Estimator

    def seconds(**choices):
        cell = make_cell(single({**HERE, "format": "block", "steps": 100, **choices}))
        estimator = Estimator()
        return estimator.cost(cell.located, cell.problem_key).seconds, estimator.run_bytes(
            cell.located, cell.problem_key
        )

    usual, wide, rounded = seconds(), seconds(dimension=1000), seconds(recipe="all")
    assert 20 < wide[0] / usual[0] < 100
    assert 20 < wide[1] / usual[1] < 100
    assert usual[0] < rounded[0] < 3 * usual[0]
    assert 3e9 < seconds(dimension=10**4)[1] < 1e10  # 10**8 weights
    assert seconds(steps=None, epochs=2)[0] < seconds(steps=2 * (1297 // 64))[0] * 1.001


def test_a_network_that_does_not_fit_is_too_large():
    with pytest.raises(lpbench.errors.TooLarge, match="problem=mlp dimension=20000 depth=2 batch_size=64"):
        lpbench.run(**HERE, dimension=20000, max_memory=4)


def test_a_plan_says_what_is_kept_of_the_centre(tmp_path, capsys):
    """Of a multilayer perceptron of 64 - 8 - 8 - 10: six operations a sample, their values and derivatives."""
    asked = [f"{key}={value}" for key, value in HERE.items()] + [
        "dimension=8", "algorithm=bc_svrg", "precision=8", "sampling=in_order", "centre_cache=none,stored",
        "n_samples=128", "batch_size=64",
    ]  # fmt: skip
    assert cli.run(["plan", *asked, "--runs-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "centre_cache: null, stored" in said
    each = 2 * (8 + 8 + 8 + 8 + 10)  # products and what comes behind their nonlinearities
    weights = 64 * 8 + 8 + 8 * 8 + 8 + 8 * 10 + 10
    assert f"a cell keeps {size(4.0 * 2 * (64 * each + weights))} for a loop" in said
