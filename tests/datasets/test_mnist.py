import gzip
from pathlib import Path

import numpy as np
import pytest
from mnist_files import CLASSES, PIXELS, N, folder_with, idx

from lpbench.datasets.base import CLASSIFICATION
from lpbench.datasets.mnist import IMAGES, LABELS, Mnist
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
