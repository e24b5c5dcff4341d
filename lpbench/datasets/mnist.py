"""MNIST and its like, in IDX files."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.datasets.base import CLASSIFICATION, Data, Dataset, FileData, Samples
from lpbench.datasets.reading.files import (
    Read,
    chosen_path,
    classes,
    compression,
    decompressed,
    existing_file,
    labelled,
    parsed,
    read_all,
    read_bytes,
    refuse,
)
from lpbench.errors import ConfigError
from lpbench.registry import datasets

IMAGES = "train-images-idx3-ubyte"
LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
UNSIGNED_BYTES = 8  # the IDX code of the element type


@datasets.register("mnist")
class Mnist(Dataset):
    """MNIST or its like: training images and labels as IDX files in the folder `path`, plain or .gz.

    The features are the pixels, 0 ... 255, row by row. Files: train-images-idx3-ubyte,
    train-labels-idx1-ubyte (also spelt train-images.idx3-ubyte), as at yann.lecun.com/exdb/mnist; networks are
    tested on t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte beside them.
    """

    reads = Dataset.reads | {"path"}
    tasks = frozenset({CLASSIFICATION})
    own_test = True

    @classmethod
    def values(cls, choices: Mapping[str, Any], task: str) -> dict[str, Any]:
        """`path` stands for how the files are read: what they hold is in the identity by content."""
        return {"path": _how(cls.files(choices))}

    @classmethod
    def files(cls, choices: Mapping[str, Any]) -> list[Path]:
        folder = _folder(choices)
        return [find_idx(folder, IMAGES), find_idx(folder, LABELS)]

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        files = cls.files(choices)

        def read(*raw: bytes) -> FileData:
            images, labels = _pair(files, raw)
            X = images.reshape(len(images), -1).astype(np.float64)
            return labelled(files[1], Read(X, labels.astype(np.float64), ()), task)

        return parsed(files, (cls.values(choices, task)["path"],), read)

    @classmethod
    def sample_values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        return super().sample_values(choices) | {"path": _how(cls.sample_files(choices))}

    @classmethod
    def sample_files(cls, choices: Mapping[str, Any]) -> list[Path]:
        folder = _folder(choices)
        return [*cls.files(choices), find_idx(folder, TEST_IMAGES), find_idx(folder, TEST_LABELS)]

    @classmethod
    def sample_size(cls, choices: Mapping[str, Any]) -> tuple[int, tuple[int, ...], int]:
        samples = cls.samples(choices)
        return len(samples.y), samples.X.shape[1:], samples.n_classes

    @classmethod
    def split(cls, choices: Mapping[str, Any]) -> Samples:
        files = cls.sample_files(choices)
        raw, content = read_all(files)
        images, labels = _pair(files[:2], raw[:2])
        test_images, test_labels = _pair(files[2:], raw[2:])
        if test_images.shape[1:] != images.shape[1:]:
            there, here = (" x ".join(map(str, one.shape[1:])) for one in (images, test_images))
            refuse(files[2], f"its images have {here} pixels, those of {files[0].name} {there}")
        known, y = classes(files[1], labels)
        unknown = test_labels[~np.isin(test_labels, known)]
        if len(unknown):
            refuse(files[3], f"holds the label {unknown[0]}, which none in {files[1].name} has")
        test_y = np.searchsorted(known, test_labels)
        return Samples(images[..., None], y, test_images[..., None], test_y, len(known), content)


def _folder(choices: Mapping[str, Any]) -> Path:
    folder = chosen_path(choices, "mnist", f"FOLDER that holds {IMAGES} and {LABELS}")
    if not folder.is_dir():
        raise ConfigError(f"{folder}: is not a folder; dataset=mnist needs the one that holds {IMAGES}")
    return folder


def _how(files: list[Path]) -> str:
    return "idx" + "".join(map(compression, files))


def _pair(files: Sequence[Path], raw: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, height, width) and their labels (N,), both uint8, of what two files hold."""
    images, labels = (read_idx(path, axes, held) for path, axes, held in zip(files, (3, 1), raw, strict=True))
    if len(images) != len(labels):
        refuse(files[1], f"holds {len(labels)} labels for {len(images)} images")
    return images, labels


def read_idx(path: Path, n_axes: int, raw: bytes | None = None) -> np.ndarray:
    """The uint8 array of an IDX file with `n_axes` axes; raises ConfigError where it is anything else.

    Format: two zero bytes, the type code, the number of axes, each length as a big-endian 32-bit number, the
    bytes. raw: what the file holds, where it has been read.
    """
    content = decompressed(path, read_bytes(path) if raw is None else raw)
    start = 4 + 4 * n_axes
    if len(content) < start or content[:2] != b"\0\0":
        refuse(path, "is not an IDX file: two zero bytes, a type and the axes come first")
    kind, axes = content[2], content[3]
    if kind != UNSIGNED_BYTES or axes != n_axes:
        refuse(path, f"must hold unsigned bytes (type 8) with {n_axes} axes, got type {kind} with {axes}")
    lengths = struct.unpack(f">{n_axes}I", content[4:start])
    expected = int(np.prod(lengths, dtype=np.int64))
    if expected == 0:
        refuse(path, "holds no samples")
    if len(content) - start != expected:
        shape = " x ".join(str(length) for length in lengths)
        refuse(path, f"its header promises {shape} = {expected} bytes, but {len(content) - start} follow")
    return np.frombuffer(content, np.uint8, offset=start).reshape(lengths)


def find_idx(folder: Path, name: str) -> Path:
    """The IDX file `name` in `folder`, however it is spelt, plain or .gz; raises ConfigError."""
    stem, kind = name.rsplit("-idx", 1)
    for spelling in (name, f"{stem}.idx{kind}"):
        for candidate in (folder / spelling, folder / f"{spelling}.gz"):
            if candidate.exists():
                return existing_file(candidate)
    raise ConfigError(f"{folder}: holds neither {name} nor {name}.gz")
