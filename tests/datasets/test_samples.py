"""What every dataset gives networks: training and test samples in their shape."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.datasets

from lpbench.datasets import samples
from lpbench.datasets.base import CLASSIFICATION, Data, Dataset, FileData, Samples, Size
from lpbench.errors import ConfigError
from lpbench.registry import datasets

INSIDE = ["breast_cancer", "digits", "mnist1d", "teacher"]  # what needs no file


class Dots(Dataset):
    """Ten points on a line, of two classes, as somebody's own dataset has them."""

    name = "dots"
    tasks = frozenset({CLASSIFICATION})
    n_labels = 2
    N = 10

    @classmethod
    def size(cls, choices: Mapping[str, Any], task: str) -> Size:
        return Size(cls.N, 2, 2)

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        X = np.stack([np.arange(float(cls.N)), np.full(cls.N, 7.0)], axis=1)
        return Data(X, np.arange(float(cls.N)) % 2, CLASSIFICATION, 2)


class Drawings(Dots):
    """Images of its own, in bytes, with test samples of its own."""

    own_test = True
    PIXELS = np.random.default_rng(0).integers(0, 256, (10, 3, 2, 3), dtype=np.uint8)

    @classmethod
    def split(cls, choices: Mapping[str, Any]) -> Samples:
        y = np.arange(10) % 2
        return Samples(cls.PIXELS[:7], y[:7], cls.PIXELS[7:], y[7:], 2)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "_kept", OrderedDict())


@pytest.mark.parametrize(
    "choices", [{}, {"n_samples": 50, "data_seed": 1, "dimension": 8, "scaling": "none"}]
)
@pytest.mark.parametrize("name", INSIDE)
def test_samples_are_as_promised(name: str, choices: dict) -> None:
    dataset = datasets.get(name)
    found = dataset.samples(choices)
    assert dataset.sample_size(choices) == (len(found.X), found.X.shape[1:], found.n_classes)
    assert len(found.X) == choices.get("n_samples", len(found.X))
    for X, y in ((found.X, found.y), (found.test_X, found.test_y)):
        assert (X.dtype, y.dtype, len(X)) == (np.float32, np.int64, len(y))
        assert X.flags.c_contiguous
        assert (X.flags.writeable, y.flags.writeable) == (False, False)
        assert X.shape[1:] == found.X.shape[1:]
        assert set(y) <= set(range(found.n_classes))
    assert found.content == ()
    assert set(dataset.sample_values(choices)) == dataset.sample_keys(choices)


@pytest.mark.parametrize("name", ["digits", "mnist1d", "mnist", "cifar10"])
def test_with_test_samples_of_its_own_the_seed_decides_a_subsample_alone(name: str) -> None:
    dataset = datasets.get(name)
    own = {"path", "n_samples"} & dataset.reads
    assert dataset.sample_keys({"dimension": 8, "n_samples": None}) == own
    assert dataset.sample_keys({"dimension": 8, "n_samples": 9}) == own | {"data_seed"}


def test_else_a_fifth_is_held_out_in_the_order_of_the_rows() -> None:
    assert Dots.sample_keys({}) == {"n_samples", "data_seed"}
    drawn = set()
    for seed in range(8):
        found = Dots.samples({"data_seed": seed})
        assert (len(found.X), len(found.test_X)) == (8, 2)
        column = np.arange(10.0)
        rows = [int(np.argmin(np.abs(column - x))) for x in _back(found.X[:, 0], found.test_X[:, 0])]
        assert sorted(rows) == list(range(10))
        assert rows[:8] == sorted(rows[:8])
        assert rows[8:] == sorted(rows[8:])
        np.testing.assert_array_equal(found.y, np.array(rows[:8]) % 2)
        assert not found.X[:, 1].any()  # constant
        drawn.add(tuple(rows[8:]))
    assert len(drawn) > 1


def _back(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """0 ... 9 of what they became, in any order: they are evenly spaced."""
    both = np.concatenate([train, test])
    return (both - both.min()) / np.ptp(both) * 9


def test_features_are_standardised_by_the_training_samples() -> None:
    X, y = sklearn.datasets.load_breast_cancer(return_X_y=True)
    found = datasets.get("breast_cancer").samples({"n_samples": 100, "data_seed": 3})
    np.testing.assert_allclose(found.X.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found.X.std(axis=0), 1, rtol=1e-5)
    order = np.random.default_rng([3, 2]).permutation(569)
    test = np.sort(order[:113])
    training = np.setdiff1d(np.arange(569), test)
    chosen = training[np.sort(np.random.default_rng([3, 0]).permutation(456)[:100])]
    expected = (X[test] - X[chosen].mean(axis=0)) / X[chosen].std(axis=0)
    np.testing.assert_allclose(found.test_X, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found.test_y, y[test])
    np.testing.assert_array_equal(found.y, y[chosen])


def test_digits_are_images_permuted_once() -> None:
    X, y = sklearn.datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order] / 16.0, y[order]
    found = datasets.get("digits").samples({})
    np.testing.assert_array_equal(np.concatenate([found.y, found.test_y]), y)
    scaled = (X - X[:1297].mean()) / X[:1297].std()
    for rows, part in ((scaled[:1297], found.X), (scaled[1297:], found.test_X)):
        np.testing.assert_allclose(part.reshape(-1, 64), rows, rtol=1e-5, atol=1e-6)
    few = datasets.get("digits").samples({"n_samples": 200, "data_seed": 1})
    np.testing.assert_array_equal(few.test_y, found.test_y)


def test_bytes_are_pixels_and_each_channel_is_standardised() -> None:
    found = Drawings.samples({})
    assert found.X.shape == (7, 3, 2, 3)
    np.testing.assert_allclose(found.X.mean(axis=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(found.X.std(axis=(0, 1, 2)), 1, rtol=1e-6)
    train = Drawings.PIXELS[:7].reshape(-1, 3)
    expected = (Drawings.PIXELS[7:] - train.mean(axis=0)) / train.std(axis=0)
    np.testing.assert_allclose(found.test_X, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "diabetes",
            "networks need classes to predict, which diabetes does not have; these datasets serve networks: b",
        ),
        (
            "gaussian",
            "dimension is the width of a network, but of gaussian the number of features; these datasets se",
        ),
    ],
)
def test_what_cannot_serve_networks_names_what_can(name: str, message: str) -> None:
    for ask in ("sample_values", "sample_size", "samples"):
        with pytest.raises(ConfigError) as error:
            getattr(datasets.get(name), ask)({"dataset": name})
        assert str(error.value).startswith(message)
        assert all(other in str(error.value) for other in [*INSIDE, "cifar10", "file", "mnist"])
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "choices", "message"),
    [
        (
            "digits",
            {"n_samples": 1298},
            "n_samples must be at most 1297, the training samples of digits, got 1298",
        ),
        ("digits", {"n_samples": 0}, "n_samples must be a whole number >= 1, got 0"),
        (
            "breast_cancer",
            {"n_samples": 457},
            "n_samples must be at most 456, the training samples of breast_cancer",
        ),
        ("breast_cancer", {"data_seed": -1}, "data_seed must be a whole number >= 0, got -1"),
        ("mnist1d", {"n_samples": 4001}, "n_samples must be at most 4000, the training samples of mnist1d"),
    ],
)
def test_choices_out_of_range(name: str, choices: dict, message: str) -> None:
    for ask in ("sample_size", "samples"):
        with pytest.raises(ConfigError) as error:
            getattr(datasets.get(name), ask)(choices)
        assert message in str(error.value)


def test_training_samples_of_one_class() -> None:
    with pytest.raises(
        ConfigError, match="the 1 training samples taken from dots are all of one class; take more, or"
    ):
        Dots.samples({"n_samples": 1})


def test_too_few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dots, "N", 4)
    with pytest.raises(ConfigError, match="dots: 4 samples are too few to hold one in 5 out for testing"):
        Dots.sample_size({})
    with pytest.raises(ConfigError, match="too few"):
        Dots.samples({})


def test_a_test_sample_beyond_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    (far, *_) = np.flatnonzero(np.isin(np.arange(10), np.random.default_rng([0, 2]).permutation(10)[:2]))
    X = Dots.load({}, CLASSIFICATION).X
    X[far, 0] = 1e200
    monkeypatch.setattr(Dots, "load", lambda choices, task: Data(X, np.arange(10.0) % 2, CLASSIFICATION, 2))
    with pytest.raises(
        ConfigError, match="a number of dots is not finite in float32, once it is standardised"
    ):
        Dots.samples({})


def test_loaded_once_by_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    loads, found = [], []
    load = Dots.load
    monkeypatch.setattr(Dots, "load", lambda *asked: (loads.append(asked), load(*asked))[1])
    threads = [threading.Thread(target=lambda: found.append(Dots.samples({"seed": 3}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len(set(map(id, found))) == 1
    assert Dots.samples({"dimension": 3}) is found[0]  # which decides nothing here
    assert Dots.samples({"data_seed": 1}) is not found[0]


def test_memory_is_bounded_and_holds_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Dots.samples({})
    monkeypatch.setattr(samples, "MAX_BYTES", 2 * first.nbytes)
    Dots.samples({"data_seed": 1})
    assert Dots.samples({}) is first
    Dots.samples({"data_seed": 2})
    assert Dots.samples({}) is first
    assert len(samples._kept) == 2
    monkeypatch.setattr(samples, "MAX_BYTES", 0)
    newest = Dots.samples({"data_seed": 3})
    assert list(samples._kept.values()) == [newest]


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    class Written(Dots):
        reads = Dots.reads | {"path"}

        @classmethod
        def files(cls, choices: Mapping[str, Any]) -> list[Path]:
            return [Path(choices["path"])]

        @classmethod
        def load(cls, choices: Mapping[str, Any], task: str) -> Data:
            factor = float(Path(choices["path"]).read_text())
            data = FileData(*super().load(choices, task))
            data.y[:] = data.y if factor > 0 else 1 - data.y
            data.content = (samples.content_hash(Path(choices["path"])),)
            return data

    file = tmp_path / "sign"
    choices = {"path": str(file)}
    file.write_text("1")
    first = Written.samples(choices)
    assert Written.samples(choices) is first
    file.write_text("-1")
    second = Written.samples(choices)
    assert second.content != first.content
    np.testing.assert_array_equal(second.y, 1 - first.y)
    file.write_text("1")
    assert Written.samples(choices) is first
