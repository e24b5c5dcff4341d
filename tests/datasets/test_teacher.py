from fractions import Fraction

import numpy as np
import pytest

from lpbench.datasets.base import CLASSIFICATION, Size
from lpbench.datasets.teacher import CLASSES, INPUTS, TEST, WEIGHT_GRID, Teacher, _drawn
from lpbench.errors import ConfigError


def test_labels_are_those_of_the_network() -> None:
    """In exact arithmetic, number by number."""
    width = 3
    rng = np.random.default_rng([5, 0])
    hidden, out = _drawn(rng, (INPUTS + 1, width), WEIGHT_GRID), _drawn(rng, (width, CLASSES), WEIGHT_GRID)
    found = Teacher.split({"teacher_width": width, "n_samples": 20, "noise": 0, "data_seed": 5})

    def dot(a: np.ndarray, b: np.ndarray | list[Fraction]) -> Fraction:
        return sum((Fraction(float(x)) * Fraction(y) for x, y in zip(a, b, strict=True)), Fraction(0))

    def outputs(x: np.ndarray) -> list[Fraction]:
        units = [max(Fraction(0), Fraction(hidden[0, k]) + dot(x, hidden[1:, k])) for k in range(width)]
        return [dot(out[:, c], units) for c in range(CLASSES)]

    numbers = np.maximum(found.test_X.astype(np.float64) @ hidden[1:] + hidden[0], 0.0) @ out
    assert [Fraction(z) for z in numbers[0]] == outputs(found.test_X[0])
    means = [sum(map(Fraction, column)) / TEST for column in numbers.T.tolist()]
    for x, y in zip(found.X, found.y, strict=True):
        centred = [z - mean for z, mean in zip(outputs(x), means, strict=True)]
        assert centred.index(max(centred)) == y


def test_noise_redraws_a_share_of_the_training_labels_alone() -> None:
    choices = {"n_samples": 20_000, "data_seed": 1}
    clean, some, more = (Teacher.split(choices | {"noise": noise}) for noise in (0, 0.2, 1))
    for noisy in (some, more):
        np.testing.assert_array_equal(noisy.X, clean.X)
        np.testing.assert_array_equal(noisy.test_X, clean.test_X)
        np.testing.assert_array_equal(noisy.test_y, clean.test_y)
    assert (some.y != clean.y).mean() == pytest.approx(0.2 * 0.9, abs=0.015)
    assert ((some.y == clean.y) | (some.y == more.y)).all()
    np.testing.assert_allclose(np.bincount(more.y, minlength=10) / 20_000, 0.1, atol=0.01)


def test_what_a_choice_does_not_decide_stays() -> None:
    base = Teacher.split({})
    more = Teacher.split({"n_samples": 5000})
    np.testing.assert_array_equal(more.X[:4000], base.X)
    np.testing.assert_array_equal(more.y[:100] == base.y[:100], True)
    np.testing.assert_array_equal(more.test_y, base.test_y)
    wider = Teacher.split({"teacher_width": 64})
    np.testing.assert_array_equal(wider.X, base.X)
    assert (wider.y != base.y).mean() > 0.5
    assert not np.array_equal(Teacher.split({"data_seed": 1}).X, base.X)


def test_every_class_is_there() -> None:
    for seed in range(5):
        counts = np.bincount(
            Teacher.split({"teacher_width": 64, "data_seed": seed}).test_y, minlength=CLASSES
        )
        assert counts.min() > TEST / 50


def test_a_classification_for_convex_problems() -> None:
    data = Teacher.load({"n_samples": 50}, CLASSIFICATION)
    assert (
        Teacher.size({"n_samples": 50}, CLASSIFICATION) == Size(*data.X.shape, data.n_labels) == (50, 32, 10)
    )
    assert data.X.dtype == data.y.dtype == np.float64


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"noise": 1.5}, "noise of dataset=teacher is the share of labels drawn anew: at most 1, got 1.5"),
        ({"noise": -0.5}, "noise must be a finite number >= 0, got -0.5"),
        ({"teacher_width": 0}, "teacher_width must be a whole number >= 1, got 0"),
    ],
)
def test_choices_out_of_range(choices: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Teacher.sample_values(choices)
