import gzip
from pathlib import Path

import numpy as np
import pytest
from mnist_files import CLASSES, PIXELS, N, folder_with, idx, with_test_files

from lpbench.datasets.base import CLASSIFICATION
from lpbench.datasets.mnist import IMAGES, LABELS, TEST_IMAGES, TEST_LABELS, Mnist
from lpbench.errors import ConfigError
from lpbench.problems.build import build
from lpbench.problems.identity import problem_key
from lpbench.registry import problems


def choices(folder: Path) -> dict:
    return {"problem": "logistic_regression", "dataset": "mnist", "path": str(folder)}


@pytest.mark.parametrize("compressed", [False, True])
def test_idx_files(tmp_path: Path, compressed: bool) -> None:
    if compressed:
        folder = folder_with(tmp_path, gzip.compress(idx(PIXELS)), gzip.compress(idx(CLASSES)), ".gz")
    else:
        folder = folder_with(tmp_path)
    data = Mnist.load({"path": str(folder)}, CLASSIFICATION)
    np.testing.assert_array_equal(data.X, PIXELS.reshape(N, 6))
    np.testing.assert_array_equal(data.y, CLASSES)
    assert (data.n_labels, data.X.dtype) == (4, np.float64)
    problem = build(choices(folder))
    assert (problem.loss, problem.dimension, problem.n_classes) == ("softmax", 7, 4)
    assert problems.get("logistic_regression").shape(choices(folder)) == (N, 7, 4)
    assert problem.optimum_gradient_norm <= 1e-12


def test_dotted_spelling(tmp_path: Path) -> None:
    (tmp_path / "train-images.idx3-ubyte").write_bytes(idx(PIXELS))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx(CLASSES))
    assert Mnist.size({"path": str(tmp_path)}, CLASSIFICATION) == (N, 6, 4)


def test_identity_is_by_content(tmp_path: Path) -> None:
    first = problem_key(choices(folder_with(tmp_path / "a")))
    assert problem_key(choices(folder_with(tmp_path / "b"))) == first
    assert problem_key(choices(folder_with(tmp_path / "c", labels=idx(CLASSES[::-1].copy())))) != first


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"images": b""}, f"{IMAGES}: is empty"),
        ({"images": b"\0\0\x08"}, f"{IMAGES}: is not an IDX file"),
        ({"images": b"PK" + idx(PIXELS)[2:]}, "is not an IDX file"),
        (
            {"images": idx(PIXELS, kind=13)},
            "must hold unsigned bytes (type 8) with 3 axes, got type 13 with 3",
        ),
        ({"images": idx(PIXELS.reshape(N, 6))}, "with 3 axes, got type 8 with 2"),
        ({"images": idx(PIXELS)[:-1]}, "its header promises 40 x 3 x 2 = 240 bytes, but 239 follow"),
        ({"images": idx(PIXELS) + b"!"}, "promises 40 x 3 x 2 = 240 bytes, but 241 follow"),
        ({"images": idx(PIXELS[:0])}, "holds no samples"),
        ({"labels": idx(CLASSES[:-1])}, "holds 39 labels for 40 images"),
        ({"labels": idx(np.zeros(N, np.uint8))}, "all 40 samples have the label 0"),
        (
            {"images": gzip.compress(idx(PIXELS), mtime=0)[:-9], "suffix": ".gz"},
            "cannot be read: Compressed file ended",
        ),
        ({"images": idx(PIXELS), "suffix": ".gz"}, "cannot be read: Not a gzipped file"),
    ],
)
def test_bad_files(tmp_path: Path, files: dict, message: str) -> None:
    folder = folder_with(tmp_path, **files)
    for refuse in (problems.get("logistic_regression").shape, build):
        with pytest.raises(ConfigError) as error:
            refuse(choices(folder))
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def test_missing_folder_and_files_are_seen_before_reading(tmp_path: Path) -> None:
    check = problems.get("logistic_regression").check
    with pytest.raises(ConfigError, match=f"dataset=mnist needs path=FOLDER that holds {IMAGES}"):
        check(choices(tmp_path) | {"path": None})
    with pytest.raises(ConfigError, match="gone: is not a folder"):
        check(choices(tmp_path / "gone"))
    with pytest.raises(ConfigError, match=f"holds neither {IMAGES} nor {IMAGES}.gz"):
        check(choices(tmp_path))
    (tmp_path / IMAGES).write_bytes(idx(PIXELS))
    with pytest.raises(ConfigError, match=f"holds neither {LABELS} nor"):
        check(choices(tmp_path))


def test_images_for_networks(tmp_path: Path) -> None:
    path = {"path": str(with_test_files(folder_with(tmp_path)))}
    found = Mnist.samples(path)
    scaled = (PIXELS - PIXELS.mean()) / PIXELS.std()
    np.testing.assert_allclose(found.X[..., 0], scaled, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.test_X[..., 0], scaled[:12], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found.y, CLASSES)
    np.testing.assert_array_equal(found.test_y, CLASSES[:12])
    assert (found.n_classes, len(found.content)) == (4, 4)
    assert Mnist.sample_size(path) == (N, (3, 2, 1), 4)
    assert Mnist.sample_values(path) == {"n_samples": None, "path": "idx"}
    few = Mnist.samples(path | {"n_samples": 9, "data_seed": 2})
    rows = np.sort(np.random.default_rng([2, 0]).permutation(N)[:9])
    np.testing.assert_array_equal(few.y, CLASSES[rows])
    assert few.X.std() == pytest.approx(1)
    assert len(few.test_X) == 12


def test_labels_of_any_numbers_are_classes_in_their_order(tmp_path: Path) -> None:
    folder = with_test_files(folder_with(tmp_path, labels=idx(3 * CLASSES)), labels=idx(3 * CLASSES[:12]))
    found = Mnist.samples({"path": str(folder)})
    np.testing.assert_array_equal(found.y, CLASSES)
    np.testing.assert_array_equal(found.test_y, CLASSES[:12])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"images": idx(PIXELS[:12, :2])},
            f"{TEST_IMAGES}: its images have 2 x 2 pixels, those of {IMAGES} 3 x 2",
        ),
        ({"labels": idx(CLASSES[:11])}, f"{TEST_LABELS}: holds 11 labels for 12 images"),
        ({"labels": idx(CLASSES[:12] + 4)}, f"{TEST_LABELS}: holds the label 4, which none in {LABELS} has"),
        (
            {"images": idx(PIXELS[:12])[:-1]},
            f"{TEST_IMAGES}: its header promises 12 x 3 x 2 = 72 bytes, but 71 foll",
        ),
    ],
)
def test_bad_test_files(tmp_path: Path, files: dict, message: str) -> None:
    folder = with_test_files(folder_with(tmp_path), **files)
    for ask in (Mnist.sample_size, Mnist.samples):
        with pytest.raises(ConfigError) as error:
            ask({"path": str(folder)})
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def test_missing_test_files_are_named_and_only_networks_need_them(tmp_path: Path) -> None:
    path = {"path": str(folder_with(tmp_path))}
    Mnist.load(path, CLASSIFICATION)
    with pytest.raises(ConfigError, match=f"holds neither {TEST_IMAGES} nor {TEST_IMAGES}.gz"):
        Mnist.sample_values(path)
    (tmp_path / TEST_IMAGES).write_bytes(idx(PIXELS))
    with pytest.raises(ConfigError, match=f"holds neither {TEST_LABELS} nor {TEST_LABELS}.gz"):
        Mnist.sample_values(path)
