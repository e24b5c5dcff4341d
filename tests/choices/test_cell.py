"""Cells: one canonical form, and an identity that holds all that decides the result and nothing else."""

import dataclasses
import json
import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpbench import registry
from lpbench.choices import keys
from lpbench.choices.cell import Cell, CellMaker, make_cell
from lpbench.declared.choices import CHOICES
from lpbench.errors import ConfigError
from lpbench.problems.identity import problem_key

EXTENSION = Path(__file__).parents[1] / "extension"

RAW: dict[str, Any] = {
    "problem": "toy",
    "dataset": None,
    "dimension": 8,
    "n_samples": 1000,
    "regularization": None,
    "scaling": "max_norm",
    "k": 2,
    "noise": 1.0,
    "data_seed": 0,
    "start": "zero",
    "algorithm": "toy_descent",
    "inner_steps": 5,
    "snapshot": "last",
    "mu": None,
    "average_start": 0,
    "average_every": 1,
    "format": "toy_grid",
    "precision": 8,
    "subnormals": True,
    "limit": "auto",
    "rounding": "stochastic",
    "random_bits": 4,
    "step_size": "auto",
    "schedule": "constant",
    "batch_size": 1,
    "epochs": 30,
    "steps": None,
    "seed": 0,
    "compute_dtype": "float64",
    "record_points": 64,
    "even_points": 128,
    "tail": 0.5,
    "timeout": 600,
    "executor": "local",
}


@pytest.fixture(autouse=True, scope="module")
def toys() -> Iterator[None]:
    registry.load_plugins(EXTENSION)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "lpbench.problems.identity.problem_key",
            lambda choices: f"content of {choices['path']}",
            raising=False,
        )
        yield


def cell(**changed: Any) -> Cell:
    return make_cell({**RAW, **changed})


def test_canonical_form() -> None:
    found = make_cell(RAW).choices
    assert list(found) == list(CHOICES)
    assert {key: value for key, value in found.items() if value is not None} == {
        "problem": "toy", "dimension": 8, "k": 2, "noise": 1.0, "data_seed": 0, "start": "zero",
        "algorithm": "toy_descent", "format": "toy_grid", "precision": 8, "exponent_bits": 2, "limit": "auto",
        "rounding": "stochastic", "random_bits": 4, "step_size": "auto", "schedule": "constant",
        "batch_size": 1, "epochs": 30.0, "seed": 0, "compute_dtype": "float64", "record_points": 64,
        "even_points": 128, "tail": 0.5,
    }  # fmt: skip


def test_identity_is_what_it_was() -> None:
    """If this changes, every stored result is orphaned: raise a version instead of editing the hash."""
    assert (cell().cell_id, cell().group_id) == ("675dfb36a27c0a8e", "b2565cda551cab22")


@pytest.mark.parametrize(
    "changed",
    [
        {"timeout": 5},
        {"executor": "other"},
        {"n_samples": 7},
        {"regularization": 0.5},
        {"inner_steps": 9},
        {"snapshot": "random"},
        {"subnormals": False},
        {"dataset": "toy_rows"},
        {"epochs": 30.0},
        {"tail": np.float64(0.5), "precision": np.int64(8)},
        {"exponent_bits": 2},
        {"step_size": "auto", "noise": 1},
    ],
)
def test_same_cell(changed: dict[str, Any]) -> None:
    assert cell(**changed) == cell()


@pytest.mark.parametrize(
    "changed",
    [
        {"dimension": 10},
        {"noise": 2},
        {"k": 4},
        {"data_seed": 1},
        {"start": "optimum"},
        {"algorithm": "toy_centred"},
        {"format": "toy_preset"},
        {"precision": 7},
        {"exponent_bits": 3},
        {"limit": 2},
        {"rounding": "nearest_even"},
        {"random_bits": None},
        {"step_size": "0.1/L"},
        {"schedule": "decreasing"},
        {"batch_size": 2},
        {"epochs": 31},
        {"steps": 30},
        {"compute_dtype": "float32"},
        {"record_points": 65},
        {"even_points": 129},
        {"tail": 0.25},
    ],
)
def test_another_group(changed: dict[str, Any]) -> None:
    assert cell(**changed).group_id != cell().group_id
    assert cell(**changed).cell_id != cell().cell_id


def test_seed_makes_the_cells_of_a_group() -> None:
    cells = [cell(seed=seed) for seed in range(12)]
    assert len({c.group_id for c in cells}) == 1
    assert len({c.cell_id for c in cells}) == 12
    assert [c.choices["seed"] for c in cells] == list(range(12))
    assert all(len(c.cell_id) == 16 and int(c.cell_id, 16) >= 0 for c in cells)


@pytest.mark.parametrize(
    ("things", "name"),
    [
        (registry.algorithms, "toy_descent"),
        (registry.formats, "toy_grid"),
        (registry.problems, "toy"),
    ],
)
def test_a_new_version_is_another_cell(
    things: registry.Registry, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cell().cell_id
    monkeypatch.setattr(things.get(name), "version", 2)
    assert cell().cell_id != before


def test_the_version_of_data_counts_where_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, ignores = cell(problem="toy_labels", dataset="toy_rows"), cell(dataset="toy_rows")
    monkeypatch.setattr(registry.datasets.get("toy_rows"), "version", 2)
    assert cell(problem="toy_labels", dataset="toy_rows").cell_id != reads.cell_id
    assert cell(dataset="toy_rows").cell_id == ignores.cell_id


def test_a_file_counts_by_content(monkeypatch: pytest.MonkeyPatch) -> None:
    on_data = {"problem": "toy_labels", "dataset": "toy_rows"}
    assert cell(**on_data, path="a").cell_id != cell(**on_data, path="b").cell_id
    monkeypatch.setattr("lpbench.problems.identity.problem_key", lambda choices: "same content")
    first, second = cell(**on_data, path="a"), cell(**on_data, path=Path("b"))
    assert first.cell_id == second.cell_id
    assert (first.choices["path"], second.choices["path"]) == ("a", "b")
    assert first.problem_key == "same content"


def test_full_precision_reads_no_format() -> None:
    found = cell(algorithm="toy_exact").choices
    assert (found["format"], found["precision"], found["rounding"], found["limit"]) == (
        "none",
        64,
        None,
        None,
    )
    assert cell(algorithm="toy_exact", compute_dtype="float32").choices["precision"] == 32
    assert cell(algorithm="toy_exact", format="toy_preset", precision=3) == cell(algorithm="toy_exact")


def test_limit_is_read_where_format_and_algorithm_both_do() -> None:
    assert cell(limit=2).choices["limit"] == 2.0
    assert cell(limit=2, algorithm="toy_centred").choices["limit"] is None
    assert cell(limit=2, format="toy_preset").choices["limit"] is None


def test_a_preset_has_its_own_bits() -> None:
    found = cell(format="toy_preset", precision=12).choices
    assert (found["precision"], found["exponent_bits"], found["subnormals"]) == (5, 3, True)
    assert cell(format="toy_preset", precision=12) == cell(format="toy_preset", precision=4)


def test_steps_win_over_epochs() -> None:
    found = cell(steps=50, epochs=3)
    assert (found.choices["steps"], found.choices["epochs"]) == (50, None)
    assert found == cell(steps=50, epochs=None)


def test_random_bits_are_those_of_stochastic_rounding() -> None:
    assert cell(rounding="nearest_even", random_bits=4).choices["random_bits"] is None


def test_the_algorithm_reads_its_own_keys() -> None:
    found = cell(algorithm="toy_centred", mu="mu/2", schedule="decreasing").choices
    assert (found["inner_steps"], found["snapshot"], found["mu"]) == (5, "last", "mu/2")
    assert found["schedule"] is None


def test_data_keys_are_read_by_the_data() -> None:
    rows = cell(problem="toy_labels", dataset="toy_rows", n_samples=20).choices
    assert (rows["dataset"], rows["n_samples"], rows["data_seed"], rows["dimension"]) == (
        "toy_rows",
        20,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("key", "value", "number"),
    [
        ("k", "d", 8),
        ("k", "d/4", 2),
        ("step_size", "0.5/d", 0.0625),
        ("step_size", "1/N", 1 / 16),
        ("steps", "60*d", 480),
        ("steps", "0.3*d", 3),
        ("steps", "1000*0.1*3", 300),
        ("steps", 1e5, 100000),
        ("limit", "2.0", 2.0),
        ("step_size", "2**-5", 2**-5),
    ],
)
def test_expressions_over_the_size_are_numbers(key: str, value: Any, number: float) -> None:
    found = cell(**{key: value}).choices[key]
    assert found == number
    assert type(found) is type(number)


def test_other_expressions_stay_as_one_spelling() -> None:
    assert cell(step_size="0.10 / L").choices["step_size"] == "0.1/L"
    assert cell(step_size="0.10 / L") == cell(step_size="0.1/L")
    assert cell(steps="60*d / alpha").choices["steps"] == "60*d/alpha"


def test_resolve_gives_the_number_of_the_cell() -> None:
    assert keys.resolve("step_size", "0.1/L", {"L": 2.0}) == 0.05
    assert keys.resolve("step_size", 0.25, {}) == 0.25
    assert keys.resolve("steps", "60*d/alpha", {"d": 3, "alpha": 0.7}) == 258
    with pytest.raises(ConfigError, match=r"step_size must be a finite number > 0, got -1.0 from '-1/L'"):
        keys.resolve("step_size", "-1/L", {"L": 1.0})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"step_size": 0}, "step_size must be a finite number > 0, got 0"),
        ({"step_size": -0.1}, "step_size must be a finite number > 0, got -0.1"),
        ({"step_size": float("inf")}, "got inf"),
        ({"step_size": float("nan")}, "got nan"),
        ({"step_size": "auo"}, "'auto' is also allowed"),
        ({"step_size": "1/alpha"}, "alpha is not known here"),
        ({"limit": "delta"}, "delta is not known here"),
        ({"limit": 0}, "limit must be a finite number > 0, got 0"),
        ({"k": "L"}, "k: 'L': L is not known here"),
        ({"k": "d/3"}, "k must be a whole number >= 1"),
        ({"k": 3}, "k must divide dimension"),
        ({"epochs": 0}, "epochs must be"),
        ({"epochs": float("inf")}, "epochs must be"),
        ({"epochs": None}, "give epochs or steps"),
        ({"steps": 0}, "steps must be a whole number >= 1, got 0"),
        ({"steps": 1.5}, "steps must be a whole number >= 1, got 1.5"),
        ({"dimension": 0}, "dimension must be a whole number >= 1, got 0"),
        ({"dimension": "64"}, "dimension must be a whole number >= 1, got '64'"),
        ({"dimension": True}, "got True"),
        ({"regularization": -1}, "regularization must be a finite number >= 0, got -1"),
        ({"tail": 0}, "tail must be a finite number > 0 and <= 1, got 0"),
        ({"tail": 1.01}, "tail must be"),
        ({"precision": 1}, "precision must be a whole number in 2..64, got 1"),
        ({"precision": 8.5}, "precision must be"),
        ({"precision": 24}, "toy_grid: precision must be in 2..16, got 24"),
        ({"precision": None}, "precision is null, but it is read here"),
        ({"exponent_bits": "aut"}, "exponent_bits must be a whole number >= 0, or 'auto', got 'aut'"),
        ({"random_bits": 0}, "random_bits must be a whole number in 1..32, got 0"),
        ({"random_bits": 33}, "random_bits must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"seed": -1}, "seed must be a whole number in 0..4294967295, got -1"),
        ({"seed": 2**32}, "seed must be"),
        ({"seed": None}, "seed is null"),
        ({"rounding": "stochastik"}, "unknown rounding 'stochastik'. Did you mean 'stochastic'"),
        (
            {"schedule": "linear"},
            "unknown schedule 'linear'. Choose from: constant, cosine, decreasing, steps",
        ),
        ({"snapshot": "first"}, "unknown snapshot 'first'"),
        ({"start": "one"}, "unknown start 'one'"),
        ({"compute_dtype": "float16"}, "unknown compute_dtype 'float16'"),
        ({"scaling": "max"}, "unknown scaling 'max'"),
        ({"subnormals": 1}, "subnormals must be true or false, got 1"),
        ({"batch_size": [1, 2]}, "batch_size must be"),
        ({"problem": None}, "problem is null"),
        ({"precison": 8}, "unknown key 'precison'. Did you mean 'precision'"),
        ({"problem": "toy_labels"}, "dataset is null: choose one of"),
        ({"problem": "toy_labels", "dataset": "toy_numbers"}, "toy_numbers has no labels"),
        ({"problem": "toy_labels", "dataset": "toy_rows", "n_samples": 13}, "13 samples are too many"),
    ],
)
def test_refused_in_one_line(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        cell(**changed)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_batch_gives_what_each_gives_alone() -> None:
    raws = [
        {**RAW, "seed": seed, "precision": precision, "algorithm": algorithm}
        for precision in (4, 8.0, 8)
        for algorithm in ("toy_descent", "toy_exact", "toy_centred")
        for seed in range(3)
    ]
    maker = CellMaker()
    assert [maker.cell(raw) for raw in raws] == [make_cell(raw) for raw in raws]


def test_a_remembered_error_is_raised_again() -> None:
    maker = CellMaker()
    for _ in range(2):
        with pytest.raises(ConfigError, match="k must divide"):
            maker.cell({**RAW, "k": 3})
    assert maker.cell(RAW) == make_cell(RAW)
    with pytest.raises(ConfigError, match="got True"):
        maker.cell({**RAW, "batch_size": True})


def test_a_cell_travels() -> None:
    found = cell(step_size="0.1/L")
    assert pickle.loads(pickle.dumps(found)) == found
    assert json.loads(json.dumps(found.choices)) == found.choices
    assert dataclasses.asdict(found)["cell_id"] == found.cell_id


_values: dict[str, list[Any]] = {
    "problem": ["toy", "toy_labels"],
    "dataset": ["toy_rows"],
    "algorithm": ["toy_descent", "toy_exact", "toy_centred"],
    "format": ["toy_grid", "toy_preset"],
    "precision": [2, 8, 16],
    "exponent_bits": [None, 0, 4],
    "limit": ["auto", 2, "4*w_max"],
    "rounding": ["stochastic", "nearest_even", "toward_zero"],
    "random_bits": [None, 1],
    "steps": [None, 7, "2*L"],
    "epochs": [1, 0.5],
    "k": [1, "d", 4],
    "mu": [None, 0.5, "mu/3"],
    "compute_dtype": ["float32", "float64"],
    "seed": [0, 1, 2**32 - 1],
    "schedule": ["constant", "decreasing"],
}


@given(st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in _values.items()}))
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_canonical_choices_are_their_own_canonical_form(changed: dict[str, Any]) -> None:
    once = cell(dataset="toy_rows", **{key: value for key, value in changed.items() if key != "dataset"})
    assert make_cell(once.choices) == once


def test_data_taken_whole_needs_no_seed_to_be_its_own_canonical_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lpbench.problems.identity.problem_key", problem_key)
    once = cell(
        problem="logistic_regression", dataset="digits", dimension=None, n_samples=None, scaling="none"
    )
    assert once.choices["data_seed"] is None
    assert make_cell(once.choices) == once


@pytest.mark.parametrize(("number_format", "most"), [("float", 7), ("log", 6)])
def test_float32_is_refused_to_formats_whose_numbers_it_does_not_hold(number_format, most):
    asked = {**RAW, "format": number_format, "precision": 12, "compute_dtype": "float32"}
    assert make_cell({**asked, "exponent_bits": most}).choices["exponent_bits"] == most
    with pytest.raises(ConfigError, match=f"use compute_dtype=float64 or exponent_bits <= {most}"):
        make_cell({**asked, "exponent_bits": most + 1})
    assert make_cell({**asked, "exponent_bits": most + 1, "compute_dtype": "float64"})


@pytest.mark.parametrize("key", keys.every())
def test_nothing_written_for_a_key_is_more_than_an_error_of_one_line(key: str) -> None:
    odd: list[Any] = [
        "",
        " ",
        [],
        {},
        (),
        b"",
        math.nan,
        math.inf,
        -math.inf,
        -1,
        2**63,
        10**400,
        1e300,
        -1e300,
    ]
    odd += [True, "nan", "inf", "-0", "1e400", object(), np.float64("nan"), np.int64(-1)]
    said = []
    for value in odd:
        try:
            found = keys.check(key, value)
        except ConfigError as error:
            said.append(str(error))
        else:
            assert not isinstance(found, int) or found < 2**63
            assert found == keys.check(key, found)
    assert said
    assert all(key in text and "\n" not in text and len(text) < 300 for text in said)


def test_negative_zero_is_zero() -> None:
    assert cell(noise=-0.0) == cell(noise=0.0) == cell(noise=0)
    assert math.copysign(1.0, keys.check("noise", -0.0)) == 1.0
    assert cell(seed=-0.0) == cell(seed=0)


def test_what_was_asked_for_stands_beside_the_numbers() -> None:
    asked = cell(step_size="0.1 / L", limit="auto", k="d")
    assert asked.identity["asked"] == "k=d limit=auto step_size=0.1/L"
    assert cell(step_size=0.1, limit=1.0).identity["asked"] is None
