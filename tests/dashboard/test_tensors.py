"""The page Tensors on made-up networks: what is drawn is what was recorded, of one setting at a time."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sweep_kinds
from fake_results import FakeResult, fake_cell, fake_network
from lpbench.dashboard.charts import style
from lpbench.dashboard.charts.grid import narrowed
from lpbench.dashboard.data import tensors
from lpbench.dashboard.data.sweeps import Store, Sweep
from lpbench.dashboard.data.union import union
from lpbench.dashboard.page import Panel, state_of
from lpbench.dashboard.pages.tensors import ABOVE, CONVEX, PAGE
from lpbench.dashboard.panels import exponents, rates

from lpbench import formats
from lpbench.analysis import tensors as analysis
from lpbench.store import read_tensors

BITS, ROUNDINGS = (4, 6, 8), ("stochastic", "nearest_even")
STEPS = (0, 10, 20, 50, 100)


def rows(step: int, **told: Any) -> list[dict[str, Any]]:
    """Of two layers: activations and errors of each, gradients and weights of their parameters, nothing wrong."""
    clean = dict.fromkeys(tensors.RATES, math.nan) | {"saturation_rate": 0.0, "underflow_rate": 0.0}
    sizes = dict(zip(tensors.EXPONENTS, (-20, -9, -6, -3, 1), strict=True))
    found = []
    for layer in ("hidden1", "output"):
        for role, tensor in (("activations", layer), ("errors", layer), ("gradients", f"{layer}.weight")):
            found.append({"layer": layer, "tensor": tensor, "role": role, **clean})
        moved = dict.fromkeys(("stall_rate", "stall_gradient", "stall_momentum"), 0.0)
        found.append({"layer": layer, "tensor": f"{layer}.weight", "role": "weights", **clean, **moved})
    for row in found:
        row |= {"step": step, "numbers": 64, **sizes, **told.get(f"{row['role']} {row['tensor']}", {})}
    return found


def planted(
    at: Callable[..., dict[str, Any]],
    steps: Callable[[int], Any] = lambda seed: STEPS,
    seeds: int = 3,
    **axes: Any,
) -> list[FakeResult]:
    """Networks whose tensors are those of `rows`, with what `at` says of a step, a seed and the choices."""
    found = []
    for result in sweep_kinds.networks(seeds, **axes):
        seed = int(result.row["seed"])
        told = [one for step in steps(seed) for one in rows(step, **at(step, seed, result.row))]
        result.tensors = {
            name: np.array([one[name] for one in told], object if isinstance(told[0][name], str) else None)
            for name in told[0]
        }
        found.append(result)
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, writing: Callable[..., Path]) -> Store:
    """`failing`, of several settings; `apart`, whose seeds record steps of their own; sweeps without tensors."""
    folder = tmp_path_factory.mktemp("tensors") / "runs"

    def fails(step: int, seed: int, row: dict[str, Any]) -> dict[str, Any]:
        nearest = row["rounding"] == "nearest_even"
        decay = 1.0 if nearest else 0.0
        stall = (0.9 if nearest else 0.3) if row["precision"] == 4 else 0.1
        return {
            "weights output.weight": {"stall_rate": stall, "stall_decay": decay},
            "errors hidden1": {"underflow_rate": step / 100 * (0.5 + 0.1 * seed), "snr": 12.0 - seed},
            "activations output": {"saturation_rate": 0.02},
        }

    writing(folder, "failing", planted(fails, precision=BITS, rounding=ROUNDINGS))
    own = {0: (0, 30, 60, 100), 1: (0, 40, 80, 100), 2: (0, 20, 50)}
    rising = {"errors hidden1": lambda step, seed: {"underflow_rate": step / 200}}
    apart = planted(
        lambda step, seed, row: {name: one(step, seed) for name, one in rising.items()}, own.__getitem__
    )
    apart[2].row |= {"status": "diverged", "test_error": math.nan}
    writing(folder, "apart", apart)
    writing(folder, "old", list(sweep_kinds.networks(2, precision=[4, 6])))
    writing(folder, "convex", list(sweep_kinds.cells(1, precision=[4, 6])))
    kept = planted(lambda *_: {}, seeds=2, precision=[4])
    writing(folder, "mixed", [*kept, *sweep_kinds.networks(2, precision=[6])])
    return Store(folder)


@pytest.fixture(scope="module")
def failing(store: Store) -> Sweep:
    return store.sweep("failing")


def panels(sweep: Sweep, dark: bool = False, **query: str) -> list[Panel]:
    return PAGE.draw(sweep, state_of(PAGE.controls(sweep), query), dark)


def boxes(panel: Panel) -> dict[tuple[str, str], str]:
    """The texts of the map by tensor and role, without empty boxes."""
    assert panel.figure is not None
    heat, layout = panel.figure["data"][0], panel.figure["layout"]
    names = layout["yaxis"]["ticktext"], layout["xaxis"]["ticktext"]
    texts = itertools.chain.from_iterable(heat["text"])
    return {cell: text for cell, text in zip(itertools.product(*names), texts, strict=True) if text}


def lines(panel: Panel) -> list[dict[str, Any]]:
    assert panel.figure is not None
    return [one for one in panel.figure["data"] if one["mode"] == "lines"]


def test_the_map_is_of_the_worst_setting_and_says_what_its_largest_share_is_of(failing):
    heat, *_ = panels(failing)
    assert "4 bits, nearest_even, the worst of 6 settings (test error 36.2 %)" in heat.notes[0]
    assert "step 100; means over 3 seeds." in heat.notes[0]
    found = boxes(heat)
    assert found["output.weight", "weights"] == "100 % decay lost"
    assert found["hidden1", "errors"] == "60 % underflow"
    assert found["output", "activations"] == "2 % saturated"
    assert found["hidden1", "activations"] == "0 %"
    assert ("hidden1", "weights") not in found  # no such tensor: empty, not 0
    names = heat.figure["layout"]["yaxis"]["ticktext"][::-1]  # from the top, layer by layer
    assert list(names) == ["hidden1", "hidden1.weight", "output", "output.weight"]
    assert list(heat.figure["layout"]["xaxis"]["ticktext"]) == [
        "weights",
        "activations",
        "errors",
        "gradients",
    ]


@pytest.mark.parametrize(
    ("rate", "there", "absent"),
    [
        ("saturation_rate", {("output", "activations"): "2 %", ("hidden1", "errors"): "0 %"}, ()),
        ("stall_rate", {("output.weight", "weights"): "90 %"}, (("hidden1", "errors"),)),
        ("stall_decay", {("output.weight", "weights"): "100 %"}, (("hidden1.weight", "weights"),)),
        ("snr", {("hidden1", "errors"): "11 dB"}, (("output", "activations"),)),
    ],
)
def test_one_rate_alone(failing, rate, there, absent):
    found = boxes(panels(failing, rate=rate)[0])
    assert there.items() <= found.items()
    assert not {*absent} & {*found}


def test_colours_mean_the_same_in_every_sweep(failing):
    for dark in (False, True):
        heat = panels(failing, dark)[0].figure["data"][0]
        assert (heat["zmin"], heat["zmax"], heat["reversescale"]) == (0.0, 1.0, False)
        assert heat["colorscale"] == style.scale(dark)
    noise = panels(failing, rate="snr")[0].figure["data"][0]
    assert (noise["zmin"], noise["zmax"], noise["reversescale"]) == (0.0, 60.0, True)


def test_a_hover_has_all_rates_with_the_range_of_the_seeds(failing):
    heat = panels(failing)[0].figure["data"][0]
    (said,) = [one for row in heat["hovertext"] for one in row if "<b>hidden1, errors</b>" in one]
    assert "rounded to 0: 60 % (seeds 50 % to 70 %)" in said
    assert "signal to rounding noise: 11 dB (seeds 10 dB to 12 dB)" in said
    assert "of 64 numbers that are not 0" in said
    assert "stall" not in said


def test_the_numbers_of_the_map_are_all_rates_that_apply(failing):
    found = {(row["tensor"], row["role"], row["rate"]): row for row in panels(failing)[0].data.records()}
    assert found["output.weight", "weights", "stall_decay"]["mean"] == 1.0
    row = found["hidden1", "errors", "underflow_rate"]
    assert [row[name] for name in ("mean", "least", "largest", "seeds")] == [
        pytest.approx(x) for x in (0.6, 0.5, 0.7, 3)
    ]
    assert row["numbers"] == 64
    assert ("hidden1", "errors", "stall_rate") not in found


def test_a_setting_a_step_and_tensors_are_chosen(failing):
    settings = dict(PAGE.controls(failing)[0].options)
    (other,) = [key for key, name in settings.items() if name == "8 bits, stochastic"]
    heat, over, _ = panels(failing, setting=other, step="18", tensors="hidden1*")
    assert heat.notes[0].startswith("8 bits, stochastic (test error")
    assert "step 20, the recorded one next to 18; means" in heat.notes[0]
    assert boxes(heat)["hidden1", "errors"] == "12 % underflow"
    assert {tensor for tensor, _ in boxes(heat)} == {"hidden1", "hidden1.weight"}
    (mark,) = [one for one in over.figure["layout"]["shapes"] if one["xref"] == "x"]
    assert mark["x0"] == mark["x1"] == 20
    assert panels(failing, setting="best")[0].notes[0].startswith("8 bits, nearest_even, the best of 6")
    gone = panels(failing, setting=other, rounding="nearest_even")[0]
    assert "The setting that was asked for is none that the filters leave." in gone.notes
    assert gone.notes[0].startswith("4 bits, nearest_even, the worst of 3")
    none = panels(failing, tensors="hiden*")
    assert none[0].notes[0].startswith("No tensor is called hiden*: there are hidden1, ")
    assert none[1].notes == (ABOVE,)


def test_a_figure_never_mixes_settings(failing):
    _, over, _ = panels(failing, beside="-", role="errors")
    (line,) = [one for one in lines(over) if one["name"].startswith("hidden1")]
    np.testing.assert_allclose(line["x"], STEPS)
    np.testing.assert_allclose(line["y"], [step / 100 * 0.6 for step in STEPS], rtol=1e-6)
    (band,) = [one for one in over.figure["data"] if one["mode"] == "none"][:1]
    np.testing.assert_allclose(band["y"][:5], [step / 100 * 0.7 for step in STEPS], rtol=1e-6)
    assert "seeds 5 % to 7 %" in line["customdata"]
    told = [row for row in over.data.records() if row["tensor"] == "hidden1" and row["step"] == 50]
    assert [(row["precision"], row["rounding"], row["seeds"]) for row in told] == [("4", "nearest_even", 3)]
    assert [(row["mean"], row["least"], row["largest"]) for row in told] == [pytest.approx((0.3, 0.25, 0.35))]


def test_the_same_setting_with_another_rounding_or_precision_stands_beside_it(failing):
    def titles(panel: Panel) -> list[str]:
        return [one["text"] for one in panel.figure["layout"]["annotations"]]

    over = panels(failing)[1]
    assert titles(over) == ["<b>nearest_even</b>", "<b>stochastic</b>"]
    assert over.notes[0] == "By rounding: all else is 4 bits."
    worst = {one["xaxis"]: one["y"][-1] for one in lines(over) if "decay lost" in one["name"]}
    assert worst == {"x": 1.0, "x2": 0.0}
    assert titles(panels(failing, beside="precision")[1]) == [
        "<b>4 bits</b>",
        "<b>6 bits</b>",
        "<b>8 bits</b>",
    ]


def test_lines_that_are_one_to_the_eye_are_one_and_those_of_0_are_counted(failing):
    _, over, _ = panels(failing)
    names = {one["name"] for one in lines(over)}
    assert names == {
        "output.weight, weights: decay lost", "hidden1, errors: underflow", "output, activations: saturated",
    }  # fmt: skip
    assert "5 tensors of 0 at all steps: not drawn." in over.notes
    _, over, _ = panels(failing, rate="saturation_rate", role="gradients")
    assert {one["name"] for one in lines(over)} == {"hidden1.weight and 1 more, gradients"}
    assert over.figure["layout"]["showlegend"]
    assert {row["tensor"] for row in over.data.records()} == {"hidden1.weight", "output.weight"}


def test_the_worst_lines_come_first_and_the_others_are_named(failing, monkeypatch):
    monkeypatch.setattr(rates, "MOST_LINES", 2)
    _, over, _ = panels(failing)
    assert {one["name"] for one in lines(over)} == {
        "output.weight, weights: decay lost", "hidden1, errors: underflow",
    }  # fmt: skip
    assert any(
        note.startswith(
            "The worst 2 lines at the step of the map; 1 more tensor not drawn: output, activations: saturated."
        )
        for note in over.notes
    )
    monkeypatch.setattr(rates, "MOST_ROWS", 2)
    heat, *_ = panels(failing)
    assert {tensor for tensor, _ in boxes(heat)} == {"output.weight", "hidden1"}
    assert "2 of 4 tensors, the worst: the field Tensors chooses others." in heat.notes


def test_on_a_phone_boxes_have_numbers_without_words(failing):
    heat = panels(failing)[0]
    narrow = narrowed(heat.figure)
    texts = {text for row in narrow["data"][0]["text"] for text in row}
    assert texts == {"", "0 %", "2 %", "60 %", "100 %"}
    assert narrow["data"][0]["z"] == heat.figure["data"][0]["z"]
    widths = [one["layout"]["meta"]["least_width"] for one in (narrow, heat.figure)]
    assert widths[0] < widths[1]


def test_steps_are_logarithmic_where_it_is_asked_for(failing):
    layout = panels(failing, log="1")[1].figure["layout"]
    assert layout["xaxis"]["type"] == "log"
    assert all(0 not in one["x"] for one in lines(panels(failing, log="1")[1]))


def test_seeds_with_steps_of_their_own_are_linear_between_them_and_end_where_they_ended(store):
    sweep = store.sweep("apart")
    heat, over, sizes = panels(sweep, role="errors")
    assert "the last step that each seed recorded, 50 to 100; means over 3 seeds." in heat.notes[0]
    assert "1 cell diverged; it counts up to the end." in heat.notes
    found = boxes(heat)["hidden1", "errors"]
    assert found == "42 % underflow"  # of 0.5, 0.5 and 0.25
    (line,) = [one for one in lines(over) if one["name"].startswith("hidden1")]
    np.testing.assert_allclose(line["y"], line["x"] / 200, rtol=1e-6)
    seeds = {row["step"]: row["seeds"] for row in over.data.records()}
    assert seeds[0] == 3
    assert seeds[100] == 2
    assert "the last step that each seed recorded" in sizes.notes[0]


def test_exponents_stand_before_the_range_of_the_format(failing):
    _, _, sizes = panels(failing, role="gradients")
    by_name = {one["name"]: one for one in sizes.figure["data"]}
    assert by_name["least to largest"]["x"][:2].tolist() == [-20.0, 2.0]  # up to 2^(1 + 1)
    assert by_name["10 % to 90 %"]["x"][:2].tolist() == [-9.0, -2.0]
    assert by_name["median"]["x"].tolist() == [-5.5, -5.5]
    assert "what the format holds" not in by_name
    assert sizes.notes[-1] == "The range of gradients is not drawn: they are not rounded."
    assert panels(failing)[2].data.records()[0]["role"] == "weights"  # that of the worst tensor
    missing = panels(failing, role="master")[2]
    assert missing.figure is None
    assert missing.notes[-1] == "No numbers of master were recorded at this step."


CHOICES: dict[str, Any] = {
    "format": "fixed", "precision": 8, "exponent_bits": None, "subnormals": None, "limit": 2.0,
    "activation_format": "same", "error_format": "fp8_e5m2", "gradient_format": None, "momentum_format": "none",
    "master_format": "same",
}  # fmt: skip


@pytest.mark.parametrize(
    ("role", "choices", "held"),
    [
        ("weights", {}, formats.Fixed(8, 2.0 / 128)),
        ("activations", {"activation_format": "same(rounding=nearest_even)"}, formats.Fixed(8, 2.0 / 128)),
        ("errors", {}, formats.get("fp8_e5m2")),
        (
            "errors",
            {"error_format": "float(precision=6,exponent_bits=3,limit=4.0)"},
            formats.Float(3, 2, 4.0),
        ),
        ("weights", {"format": "bf16", "precision": 16, "limit": None}, formats.get("bf16")),
        ("errors", {"error_format": "float(precision=8,exponent_bits=4)"}, formats.Float(4, 3)),
    ],
)
def test_the_range_that_a_row_tells_is_that_of_the_format(role, choices, held):
    found, why = exponents.representable(CHOICES | choices, role)
    least, largest = (float(held.scale * one) for one in (held.native_min, held.native_max))
    assert found == pytest.approx((math.log2(least), math.log2(largest)))
    assert why == ""


@pytest.mark.parametrize(
    ("role", "choices", "why"),
    [
        ("weights", {"limit": None}, "each tensor has one of its own (limit=auto)"),
        ("gradients", {}, "they are not rounded"),
        ("momentum", {}, "they are not rounded"),
        ("master", {}, "they are not rounded"),
        ("weights", {"format": "none"}, "they are not rounded"),
        ("weights", {"format": "block"}, "the format block follows its numbers"),
        ("errors", {"error_format": "float(precision=6,limit=4.0)"}, "nobody knows that of float"),
        (
            "weights",
            {"format": "float", "exponent_bits": 4, "limit": None},
            "each tensor has one of its own (limit=auto)",
        ),
        ("weights", {"format": "mine"}, "nobody knows that of mine"),
    ],
)
def test_a_range_that_a_row_does_not_tell_is_not_made_up(role, choices, why):
    assert exponents.representable(CHOICES | choices, role) == (None, why)


def test_the_sentences_are_those_of_the_command_line(failing, store):
    (said,) = PAGE.summary(failing, state_of(PAGE.controls(failing), {}))
    assert said.title == "4 bits, nearest_even"
    told = [sentence for (sentence,) in said.data.rows]
    assert (
        "weights of output: 90 % of updates left the weight where it was; weight decay lost 100 % of what it moved"
        in told
    )
    assert "errors of hidden1: 60 % of the numbers became 0" in told
    one = failing.cells[(failing.cells["precision"] == 4) & (failing.cells["rounding"] == "nearest_even")]
    (cell,) = one["cell_id"][one["seed"] == 1]  # the middle seed is the mean of the three
    assert sorted(told) == sorted(analysis.findings(read_tensors(failing.folder, [cell]).to_pandas()))
    body = PAGE.body(store, failing, state_of(PAGE.controls(failing), {}), "/")
    assert "60 % of the numbers became 0" in str(body)


def test_where_nothing_is_wrong_the_largest_shares_are_said(store):
    sweep = store.sweep("mixed")
    (said,) = PAGE.summary(sweep, state_of(PAGE.controls(sweep), {}))
    assert said.data.rows == [["No tensor is beyond a limit. All shares are 0."]]
    assert (
        panels(sweep)[0].notes[0].startswith("4 bits (test error")
    )  # the only setting of which anything is known


def test_a_small_share_is_no_finding_and_said_all_the_same(tmp_path, writing):
    small = {"errors hidden1": {"underflow_rate": 0.05}, "gradients output.weight": {"underflow_rate": 0.012}}
    writing(tmp_path, "small", planted(lambda *_: small, seeds=1))
    sweep = Store(tmp_path).sweep("small")
    (said,) = PAGE.summary(sweep, state_of(PAGE.controls(sweep), {}))
    assert said.title == "all cells"
    assert said.data.rows == [
        ["No tensor is beyond a limit. The largest shares: errors of hidden1 5 % underflow; "
         "gradients of output.weight 1.2 % underflow."]
    ]  # fmt: skip
    heat, over, _ = panels(sweep)
    assert "one seed" in heat.notes[0]
    assert not any(one["mode"] == "none" for one in over.figure["data"])  # no band over one seed


def test_a_sweep_without_tensors_says_why_and_what_to_do(store):
    for name, said in (("old", "lpbench sweep precision=4,6,8 --name old-tensors"), ("convex", CONVEX)):
        sweep = store.sweep(name)
        assert PAGE.controls(sweep) == []
        first, *others = panels(sweep)
        assert said in first.notes[0]
        assert [one.notes for one in others] == [(ABOVE,)] * 2
        assert PAGE.summary(sweep, {}) == []
        assert PAGE.body(store, sweep, {}, "/") == []


def test_filters_that_leave_nothing_say_so(store):
    first = panels(store.sweep("mixed"), precision="6")[0]
    assert first.notes[0].startswith("No cell of this choice keeps what rounding does")


def test_cells_that_keep_tensors_are_found_also_in_files_that_cannot_be_asked(store, monkeypatch):
    sweep = Store(store.runs_dir).sweep("mixed")
    kept = sweep.watched
    assert kept == {*sweep.cells["cell_id"][sweep.cells["precision"] == 4]}

    import duckdb

    def broken(*_: Any) -> Any:
        raise duckdb.IOException("no such file")

    ids = sorted(kept)
    columns = ["cell_id", "step", "layer", "tensor", "role", *tensors.COLUMNS]
    table = sweep.tensors(ids, columns)
    monkeypatch.setattr("lpbench.dashboard.data.database.cursor", broken)
    again = Store(store.runs_dir).sweep("mixed")
    assert again.watched == kept
    assert again.tensors(ids, columns).to_pylist() == table.to_pylist()


def test_tensors_of_several_sweeps_are_those_of_each(store, failing):
    both = union(failing, ["mixed"])
    assert len(both.watched) == len(failing.watched) + 2
    name = next(one for one in both.watched if one.startswith("mixed"))
    table = both.tensors([name], ["cell_id", "step"])
    assert table["cell_id"].unique().to_pylist() == [name]
    assert len(both.tensors([], ["cell_id", "step"])) == 0


def test_a_click_names_the_control_that_it_sets(failing):
    heat, over, _ = panels(failing)
    assert heat.figure["layout"]["meta"]["click"] == {
        "key": "role", "values": ["weights", "activations", "errors", "gradients"],
    }  # fmt: skip
    assert over.figure["layout"]["meta"]["click"] == {"key": "step"}
    assert {"role", "step"} <= {one.key for one in PAGE.controls(failing)}


def test_tensors_of_one_name_in_two_layers_are_two(tmp_path, writing):
    writing(tmp_path, "alike", [fake_network(fake_cell(seed)) for seed in range(2)])
    heat, over, sizes = panels(Store(tmp_path).sweep("alike"))
    found = {tensor for tensor, _ in boxes(heat)}
    assert found == {f"{layer}.{name}" for layer in ("hidden1", "output") for name in ("matrix", "values")}
    assert {row["tensor"] for row in heat.data.records()} == {"matrix", "values"}
    assert len({one["name"] for one in lines(over)}) == 8
    assert list(sizes.figure["layout"]["yaxis"]["ticktext"]) == ["hidden1.matrix", "output.matrix"]
