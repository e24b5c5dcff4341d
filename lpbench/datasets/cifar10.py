"""CIFAR-10, in its own binary files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.datasets.base import CLASSIFICATION, Data, Dataset, FileData, Samples
from lpbench.datasets.reading.files import chosen_path, existing_file, parsed, read_all, refuse
from lpbench.errors import ConfigError
from lpbench.registry import datasets

FOLDER = "cifar-10-batches-bin"
TRAINING = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
TEST = "test_batch.bin"
CLASSES = 10
SIDE = 32
RECORD = 1 + 3 * SIDE * SIDE  # bytes: the label, and a plane each of red, green and blue


@datasets.register("cifar10")
class Cifar10(Dataset):
    """CIFAR-10, colour images of ten classes, in its binary files: `path` is their folder, or the one that holds it.

    Files: data_batch_1.bin to data_batch_5.bin and test_batch.bin of the "binary version" (cifar-10-binary.tar.gz at
    www.cs.toronto.edu/~kriz/cifar.html), unpacked. Convex problems take the training images, pixels 0 ... 255, row by
    row and channels last.
    """

    reads = Dataset.reads | {"path"}
    tasks = frozenset({CLASSIFICATION})
    n_labels = CLASSES
    own_test = True

    @classmethod
    def values(cls, choices: Mapping[str, Any], task: str) -> dict[str, Any]:
        """`path` stands for how the files are read: what they hold is in the identity by content."""
        cls.files(choices)
        return {"path": "cifar10"}

    @classmethod
    def files(cls, choices: Mapping[str, Any]) -> list[Path]:
        folder = _folder(choices)
        return [existing_file(folder / name) for name in TRAINING]

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        files = cls.files(choices)

        def read(*raw: bytes) -> FileData:
            pixels, labels = _together(files, raw)
            X = pixels.reshape(len(pixels), -1).astype(np.float64)
            return FileData(X, labels.astype(np.float64), CLASSIFICATION, CLASSES)

        return parsed(files, ("cifar10", task), read)

    @classmethod
    def sample_files(cls, choices: Mapping[str, Any]) -> list[Path]:
        return [*cls.files(choices), existing_file(_folder(choices) / TEST)]

    @classmethod
    def sample_size(cls, choices: Mapping[str, Any]) -> tuple[int, tuple[int, ...], int]:
        return len(cls.samples(choices).y), (SIDE, SIDE, 3), CLASSES

    @classmethod
    def split(cls, choices: Mapping[str, Any]) -> Samples:
        files = cls.sample_files(choices)
        raw, content = read_all(files)
        X, y = _together(files[:-1], raw[:-1])
        return Samples(X, y, *read_records(files[-1], raw[-1]), CLASSES, content)


def read_records(path: Path, raw: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Pixels, (N, 32, 32, 3) uint8, and labels, (N,) uint8, of one file; raises ConfigError for anything else."""
    if len(raw) % RECORD:
        refuse(
            path,
            f"must hold whole records of {RECORD} bytes, but {len(raw)} bytes are {len(raw) / RECORD:.2f}",
        )
    records = np.frombuffer(raw, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0]
    if labels.max() >= CLASSES:
        wrong = int(np.argmax(labels >= CLASSES))
        refuse(
            path,
            f"record {wrong + 1} has the label {labels[wrong]}: those of CIFAR-10 are 0 to {CLASSES - 1}",
        )
    return records[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1), labels


def _together(files: list[Path], raw: tuple[bytes, ...] | list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    parts = [read_records(path, held) for path, held in zip(files, raw, strict=True)]
    return np.concatenate([pixels for pixels, _ in parts]), np.concatenate([labels for _, labels in parts])


def _folder(choices: Mapping[str, Any]) -> Path:
    folder = chosen_path(choices, "cifar10", f"FOLDER that holds {TRAINING[0]} or {FOLDER}")
    if not folder.is_dir():
        raise ConfigError(
            f"{folder}: is not a folder; dataset=cifar10 needs the one that holds {TRAINING[0]}"
        )
    return folder / FOLDER if (folder / FOLDER).is_dir() else folder
