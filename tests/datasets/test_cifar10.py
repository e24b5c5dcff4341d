from pathlib import Path

import numpy as np
import pytest

from lpbench.datasets.base import CLASSIFICATION
from lpbench.datasets.cifar10 import FOLDER, TEST, TRAINING, Cifar10
from lpbench.errors import ConfigError
from lpbench.problems.identity import problem_key
from lpbench.registry import problems

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
LABELS = (np.arange(12) % 10).astype(np.uint8)


def records(pixels: np.ndarray, labels: np.ndarray) -> bytes:
    """The file of these images, written plane by plane."""
    return b"".join(
        bytes([label]) + b"".join(image[:, :, channel].tobytes() for channel in range(3))
        for image, label in zip(pixels, labels, strict=True)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images in each training file, two in the test file."""
    for k, name in enumerate((*TRAINING, TEST)):
        part = slice(2 * k, 2 * k + 2)
        (tmp_path / name).write_bytes(records(PIXELS[part], LABELS[part]))
    return tmp_path


def test_images_with_channels_last_each_standardised(folder: Path) -> None:
    found = Cifar10.samples({"path": str(folder)})
    train = PIXELS[:10].reshape(-1, 3)
    expected = (PIXELS - train.mean(axis=0)) / train.std(axis=0)
    np.testing.assert_allclose(np.concatenate([found.X, found.test_X]), expected, rtol=1e-4, atol=1e-5)
    assert np.concatenate([found.y, found.test_y]).tolist() == LABELS.tolist()
    assert (found.n_classes, len(found.content)) == (10, 6)
    assert Cifar10.sample_size({"path": str(folder)}) == (10, (32, 32, 3), 10)
    assert Cifar10.sample_size({"path": str(folder), "n_samples": 4})[0] == 4


def test_convex_problems_take_the_pixels_of_the_training_files(folder: Path) -> None:
    (folder / TEST).unlink()
    data = Cifar10.load({"path": str(folder)}, CLASSIFICATION)
    np.testing.assert_array_equal(data.X, PIXELS[:10].reshape(10, -1))
    assert (data.y.tolist(), data.n_labels) == (LABELS[:10].tolist(), 10)
    choices = {"problem": "logistic_regression", "dataset": "cifar10", "path": str(folder)}
    assert problems.get("logistic_regression").shape(choices) == (10, 3073, 10)


def test_the_folder_may_be_the_one_above(folder: Path) -> None:
    inside = folder / FOLDER
    choices = {"problem": "logistic_regression", "dataset": "cifar10", "path": str(folder)}
    before = problem_key(choices)
    inside.mkdir()
    for name in (*TRAINING, TEST):
        (folder / name).rename(inside / name)
    assert Cifar10.sample_files({"path": str(folder)}) == Cifar10.sample_files({"path": str(inside)})
    assert problem_key(choices | {"path": str(inside)}) == before  # by content


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (TRAINING[1], b"", "data_batch_2.bin: is empty"),
        (
            TRAINING[1],
            records(PIXELS, LABELS)[:-1],
            "must hold whole records of 3073 bytes, but 36875 bytes are 12.00",
        ),
        (TEST, b"\x01" * 10, "test_batch.bin: must hold whole records of 3073 bytes, but 10 bytes are 0.00"),
        (
            TEST,
            records(PIXELS[:2], np.array([9, 10])),
            "record 2 has the label 10: those of CIFAR-10 are 0 to 9",
        ),
        (TRAINING[4], None, "data_batch_5.bin: cannot be read: No such file or directory"),
        (TEST, None, "test_batch.bin: cannot be read: No such file or directory"),
    ],
)
def test_bad_files(folder: Path, name: str, content: bytes | None, message: str) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    for ask in (Cifar10.sample_size, Cifar10.samples):
        with pytest.raises(ConfigError) as error:
            ask({"path": str(folder)})
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def test_a_folder_is_needed(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=f"dataset=cifar10 needs path=FOLDER that holds {TRAINING[0]} or {FOLDER}"
    ):
        Cifar10.sample_values({})
    with pytest.raises(
        ConfigError, match=f"gone: is not a folder; dataset=cifar10 needs the one that holds {TRAINING[0]}"
    ):
        Cifar10.sample_values({"path": str(tmp_path / "gone")})
