"""What the choices of a cell say of each role: one spelling, its formats, the layers left alone."""

import math

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lpbench import conf
from lpbench.arithmetic.rounding import MODES
from lpbench.choices.grid import single
from lpbench.declared.choices import CHOICES
from lpbench.errors import ConfigError
from lpbench.formats import Block, Fixed, Float, get
from lpbench.networks.architecture import mlp, names
from lpbench.networks.roles import KEYS, automatic_limit, canonical, exempt, read, recipe
from lpbench.registry import formats

NET = mlp((4,), 3, 5, 2)
LAYERS = names(NET)
CELL = {
    **dict.fromkeys(CHOICES), "format": "block", "precision": 5, "block_size": 8, "rounding": "nearest_even",
    "limit": "auto", "subnormals": True, "compute_dtype": "float32", "master_format": "same",
}  # fmt: skip
VALUES = {
    "precision": st.integers(4, 8),
    "exponent_bits": st.integers(2, 3),
    "block_size": st.integers(1, 64),
    "scale_rule": st.sampled_from(["floor", "ceil", "rceil", "even"]),
    "subnormals": st.booleans(),
    "limit": st.sampled_from([0.5, 1.0, 3, 16]),
    "rounding": st.sampled_from(MODES),
    "random_bits": st.integers(1, 23),
}


@st.composite
def expressions(draw):
    """A format, its choices as they may be written, and in which order."""
    name = draw(st.sampled_from(["none", "same", *formats.names()]))
    allowed = {"none": [], "same": ["limit", "rounding", "random_bits"]}.get(name)
    keys = sorted(formats.get(name).reads) if allowed is None else allowed
    keys = draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
    return name, [(key, draw(VALUES[key])) for key in keys]


def written(name, given, space=""):
    def word(value):
        return str(value).lower() if isinstance(value, bool) else str(value)

    inside = f",{space}".join(f"{key}{space}={space}{word(value)}" for key, value in given)
    return f"{name}({space}{inside}{space})" if given else name


@settings(deadline=None)  # the first looks for all formats
@given(expressions(), st.randoms(), st.sampled_from(["", " "]))
def test_one_spelling(expression, random, space):
    name, given = expression
    text = read("error_format", written(name, given)).text
    random.shuffle(given)
    assert read("error_format", written(name, given, space)).text == text
    assert read("error_format", text).text == text
    assert canonical({"error_format": written(name, given, space), "master_format": None}) == {
        "error_format": text
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("blok", "unknown format 'blok'. Did you mean 'block'?"),
        ("blok(precision=8)", "unknown format 'blok'. Did you mean 'block'?"),
        ("block(precison=8)", "unknown choice 'precison' of block. Did you mean 'precision'?"),
        ("same(precision=8)", "unknown choice 'precision' of same. Choose from: limit, random_bits, rounding."),
        ("none(precision=8)", "unknown choice 'precision' of none. It takes none."),
        ("block(precision=8", "does not end with its bracket"),
        ("block(precision=8)x", "does not end with its bracket"),
        ("block(precision)", "precision is to be given once, as precision=VALUE"),
        ("block(precision=8,precision=8)", "precision is to be given once"),
        ("block(precision=99)", "precision must be a whole number in 2..64, got 99"),
        ("block(precision=[8])", "precision must be a whole number"),
        ("block(rounding=nearst_even)", "unknown rounding 'nearst_even'. Did you mean 'nearest_even'?"),
        ("fixed(limit=auto)", "limit is a number here, got auto"),
        ("fixed(limit=4*w_max)", "limit is a number here"),
        ("float(exponent_bits=auto)", "exponent_bits is a number here"),
    ],
)  # fmt: skip
def test_what_no_role_takes(text, said):
    with pytest.raises(ConfigError) as refused:
        read("error_format", text)
    assert str(refused.value).startswith("error_format: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_each_role_has_its_own_format():
    found = recipe(
        {**CELL, "activation_format": "same", "error_format": "block(precision=8)", "gradient_format": "fp8_e5m2",
         "momentum_format": "float(precision=8,exponent_bits=4,rounding=stochastic,random_bits=3)"}, LAYERS, True,
    )  # fmt: skip
    free = 2.0**20
    expected = {
        "weights": (Block(5, 8, 15 * free), "nearest_even", None),
        "activations": (Block(5, 8, 15 * free), "nearest_even", None),
        "errors": (Block(8, 16, 127 * free), "nearest_even", None),
        "gradients": (get("fp8_e5m2"), "nearest_even", None),
        "momentum": (Float(4, 3), "stochastic", 3),
    }
    for role, one in expected.items():
        assert tuple(found.rounder(role, "hidden1", np.ones(1) if role == "weights" else None)) == one
    assert not found.has_master
    assert found.rounder("activations", None) is not None


def test_a_range_is_that_of_each_tensor_of_weights():
    found = recipe({**CELL, "format": "fixed", "master_format": "fixed(precision=12)"}, LAYERS, True)
    for role, bits in (("weights", 5), ("master", 12)):
        for largest in (0.3, 1.0, 5.0):
            form = found.rounder(role, "hidden1", np.array([0.1, -largest])).form
            assert form == Fixed.for_range(bits, automatic_limit(np.array([largest])))
    assert found.has_master
    given = recipe({**CELL, "format": "fixed", "limit": 2.0}, LAYERS, True)
    assert given.rounder("weights", "hidden1", np.ones(1)).form == Fixed.for_range(5, 2.0)


@given(st.floats(1e-30, 1e30))
def test_limit_auto_is_the_least_power_of_two_with_room(largest):
    limit = automatic_limit(np.array([largest, -largest / 3]))
    assert math.frexp(limit)[0] == 0.5
    assert limit >= 4 * largest > limit / 2


def test_limit_auto_of_zeros_is_one():
    assert automatic_limit(np.zeros(3)) == 1.0


def test_ranges_that_are_measured():
    """Of formats with one range, in roles whose numbers are not there before something is computed."""
    for role, key in KEYS.items():
        for form, ranged in (
            ("fixed", True),
            ("log", True),
            ("float", False),
            ("block", False),
            ("fp8_e4m3", False),
        ):
            found = recipe(
                {**CELL, "format": form, "limit": "auto", key: "same(rounding=stochastic)"}, LAYERS, True
            )
            assert found.measures(role) == (ranged and role != "master"), (role, form)
            found = recipe({**CELL, "format": form, "limit": 2.0, key: "same"}, LAYERS, True)
            assert not found.measures(role)


@pytest.mark.parametrize(
    ("globs", "left"),
    [
        (None, set()), ("first", {"hidden1"}), ("last", {"output"}), ("first+last", {"hidden1", "output"}),
        ("hidden*", {"hidden1", "hidden2"}), ("hidden[2] + out*", {"hidden2", "output"}),
        ("*", {"hidden1", "hidden2", "output"}),
    ],
)  # fmt: skip
def test_layers_left_alone(globs, left):
    assert exempt(globs, LAYERS) == left
    found = recipe({**CELL, "full_precision": globs, "error_format": "same"}, LAYERS, True)
    for layer in NET:
        assert (found.rounder("errors", layer.name) is None) == (layer.name in left)


def test_a_layer_that_is_not_there():
    with pytest.raises(ConfigError, match=r"no layer is called 'hiden1'; .* Did you mean 'hidden1'"):
        exempt("first+hiden1", LAYERS)


def test_recipes_are_their_table():
    rows = {
        "weights": ("none", "none", "none", "none", "same"),
        "master": ("same", "same", "same", "same", "none"),
        "all": ("same", "same", "same", "same", "same"),
        "swalp": ("same", "same", "same", "same", "same"),
        "bf16": ("same", "same", "same", "same", "same"),
        "bf16_kahan": ("same", "same", "same", "same", "same"),
        "fp8": ("same", "fp8_e5m2", "fp8_e5m2", "none", "none"),
    }
    more = {
        "swalp": {"algorithm": "swalp"},
        "bf16": {"format": "bf16", "rounding": "nearest_even"},
        "bf16_kahan": {"format": "bf16", "rounding": "nearest_even", "compensation": "kahan"},
        "fp8": {"format": "fp8_e4m3", "loss_scale": 256},
    }
    folder = next(iter(conf.__path__))
    for name, row in rows.items():
        with open(f"{folder}/recipe/{name}.yaml", encoding="utf-8") as file:
            assert yaml.safe_load(file) == {
                "recipe": name,
                **dict(zip(KEYS.values(), row, strict=True)),
                **more.get(name, {}),
            }
        found = single({"problem": "mlp", "dataset": "digits", "recipe": name, "format": "block"})
        assert [found[key] for key in KEYS.values()] == list(row)


def test_room_of_automatic_ranges():
    largest, choices = np.array([0.3, -0.1]), {**CELL, "format": "fixed", "precision": 8, "limit": "auto"}
    for room, limit in ((None, 2.0), (1.0, 0.5), (8.0, 4.0)):
        rounder = recipe({**choices, "room": room}, LAYERS, True).rounder("weights", LAYERS[0], largest)
        assert rounder.form == Fixed.for_range(8, limit)
