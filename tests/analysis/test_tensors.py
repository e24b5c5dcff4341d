"""What is wrong with a network's tensors, in words."""

import math

import pandas as pd
import pytest
from fake_results import fake_cell, fake_tensors

from lpbench.analysis.tensors import at_step, by_kind, called, findings, percent

FINE = {
    "saturation_rate": 0.0, "underflow_rate": 0.0, "stall_rate": math.nan, "stall_gradient": math.nan,
    "stall_decay": math.nan, "stall_momentum": math.nan, "snr": 30.0,
}  # fmt: skip


def frame(*rows):
    """Rows of the last step: layer, tensor, role and what is not fine; before them one of a step where all is bad."""
    earlier = {**FINE, "step": 3, "layer": "a", "tensor": "a", "role": "errors", "saturation_rate": 1.0}
    made = [earlier]
    for layer, tensor, role, measured in rows:
        made.append({**FINE, "step": 9, "layer": layer, "tensor": tensor, "role": role, **measured})
    return pd.DataFrame(made)


def test_nothing_is_wrong():
    assert findings(frame(("a", "a", "errors", {"saturation_rate": 0.0099, "snr": 6.0}))) == []
    assert findings(frame(("a", "a.weight", "weights", {"stall_rate": 0.49, "stall_decay": 0.49}))) == []
    assert findings(pd.DataFrame({"step": []})) == []
    assert findings(frame(("a", "a", "errors", dict.fromkeys(FINE, math.nan)))) == []


def test_what_stochastic_rounding_leaves_is_nothing_wrong():
    stalled = {"stall_rate": 0.97, "stall_decay": 1.0}
    found = frame(("in", "in.weight", "weights", stalled), ("out", "out.weight", "master", stalled))
    assert findings(found, "stochastic") == findings(found.drop(index=1), "nearest_even")
    assert len(findings(found, "nearest_even")) == 2


def test_each_kind_in_words():
    found = findings(
        frame(
            ("in", "in", "activations", {"saturation_rate": 0.034}),
            ("in", "in.weight", "gradients", {"underflow_rate": 0.25, "snr": 4.0}),
            ("in", "in.weight", "weights", {"stall_rate": 0.97, "stall_gradient": 0.6, "stall_decay": 1.0}),
            ("out", "out.weight", "weights", {"stall_rate": 0.2, "stall_momentum": 0.8}),
        )
    )
    assert found == [
        "activations of in: 3.4 % of the numbers were clipped: outside the format's range, or its scale's",
        "gradients of in: 25 % of the numbers became 0",
        "weights of in: 97 % of updates left the weight where it was; the gradient lost 60 % and weight decay 100 % of "
        "what they moved",
        "weights of out: momentum lost 80 % of what it moved",
        "gradients of in: what rounding added is 63 % as large as the numbers (4.0 dB)",
    ]


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        (
            (0.93, 0.71, 1.0),
            "the gradient lost 93 %, weight decay 71 % and momentum 100 % of what they moved",
        ),
        ((0.1, 0.71, 1.0), "weight decay lost 71 % and momentum 100 % of what they moved"),
        ((0.5, math.nan, 0.4), "the gradient lost 50 % of what it moved"),
    ],
)
def test_what_is_lost_is_said_of_those_that_lose_much(shares, words):
    causes = dict(zip(("stall_gradient", "stall_decay", "stall_momentum"), shares, strict=True))
    made = frame(("a", "a", "master", causes))
    assert by_kind(made) == {
        "saturation": [], "underflow": [], "stall": [f"master of a: {words}"], "noise": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "values", "order"),
    [
        ("saturation_rate", [0.02, 0.5, 0.0, 0.1], [1, 3, 0]),
        ("underflow_rate", [0.1, 0.05, 0.9, math.nan], [2, 0]),
        ("stall_rate", [0.6, math.nan, 0.7, 0.5], [2, 0, 3]),
        ("snr", [5.0, -3.0, 20.0, math.nan], [1, 0]),
    ],
)
def test_the_worst_comes_first(column, values, order):
    found = findings(frame(*((f"l{i}", f"l{i}", "weights", {column: x}) for i, x in enumerate(values))))
    assert [line.split(":")[0] for line in found] == [f"weights of l{i}" for i in order]


def test_a_tensor_is_called_by_its_layer_unless_there_are_several():
    rows = [
        {"layer": "a", "tensor": "a.weight", "role": "weights"},
        {"layer": "a", "tensor": "a.bias", "role": "weights"},
        {"layer": "a", "tensor": "a.weight", "role": "momentum"},
        {"layer": "b", "tensor": "gain", "role": "weights"},
        {"layer": "b", "tensor": "shift", "role": "weights"},
    ]
    assert called(rows) == ["a.weight", "a.bias", "a", "b.gain", "b.shift"]


def test_the_nearest_step():
    made = pd.DataFrame(fake_tensors(fake_cell(), steps=[1, 10, 100]))
    for asked, found in ((None, 100), (-5, 1), (5, 1), (6, 10), (10**9, 100)):
        rows, step = at_step(made, asked)
        assert step == found
        assert set(rows["step"]) == {found}


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (1, "100 %"), (0.999, "> 99 %"), (0.994, "99 %"), (0.0996, "10 %"), (0.0321, "3.2 %"),
     (0.05, "5 %"), (1e-5, "< 0.01 %"), (0.00034, "0.034 %"), (math.nan, None), (None, None)],
)  # fmt: skip
def test_percent(share, text):
    assert percent(share) == text
