"""MNIST and its like, in IDX files."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.datasets.base import CLASSIFICATION, Data, Dataset, FileData
from lpbench.datasets.reading.files import (
    Read,
    chosen_path,
    compression,
    decompressed,
    existing_file,
    labelled,
    parsed,
    read_bytes,
    refuse,
)
from lpbench.errors import ConfigError
from lpbench.registry import datasets

IMAGES = "train-images-idx3-ubyte"
LABELS = "train-labels-idx1-ubyte"
UNSIGNED_BYTES = 8  # the IDX code of the element type


@datasets.register("mnist")
class Mnist(Dataset):
    """MNIST or its like: training images and labels as IDX files in the folder `path`, plain or .gz.

    The features are the pixels, 0 ... 255, row by row. Files: train-images-idx3-ubyte,
    train-labels-idx1-ubyte (also spelt train-images.idx3-ubyte), as at yann.lecun.com/exdb/mnist.
    """

    reads = Dataset.reads | {"path"}
    tasks = frozenset({CLASSIFICATION})

    @classmethod
    def values(cls, choices: Mapping[str, Any], task: str) -> dict[str, Any]:
        """`path` stands for how the files are read: what they hold is in the identity by content."""
        return {"path": "idx" + "".join(map(compression, cls.files(choices)))}

    @classmethod
    def files(cls, choices: Mapping[str, Any]) -> list[Path]:
        folder = chosen_path(choices, "mnist", f"FOLDER that holds {IMAGES} and {LABELS}")
        if not folder.is_dir():
            raise ConfigError(f"{folder}: is not a folder; dataset=mnist needs the one that holds {IMAGES}")
        return [find_idx(folder, IMAGES), find_idx(folder, LABELS)]

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        images_file, labels_file = cls.files(choices)

        def read(*raw: bytes) -> FileData:
            images, labels = read_idx(images_file, 3, raw[0]), read_idx(labels_file, 1, raw[1])
            if len(images) != len(labels):
                refuse(labels_file, f"holds {len(labels)} labels for {len(images)} images")
            X = images.reshape(len(images), -1).astype(np.float64)
            return labelled(labels_file, Read(X, labels.astype(np.float64), ()), task)

        return parsed([images_file, labels_file], (cls.values(choices, task)["path"],), read)


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
