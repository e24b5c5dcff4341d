"""MNIST as its files are: small ones."""

import struct
from pathlib import Path

import numpy as np

from lpbench.datasets.mnist import IMAGES, LABELS, TEST_IMAGES, TEST_LABELS

N = 40
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 3, 2), dtype=np.uint8)
CLASSES = (np.arange(N) % 4).astype(np.uint8)


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def folder_with(
    folder: Path, images: bytes = idx(PIXELS), labels: bytes = idx(CLASSES), suffix: str = ""
) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{IMAGES}{suffix}").write_bytes(images)
    (folder / f"{LABELS}{suffix}").write_bytes(labels)
    return folder


def with_test_files(
    folder: Path, images: bytes = idx(PIXELS[:12]), labels: bytes = idx(CLASSES[:12])
) -> Path:
    """The two files beside them whose samples are for testing."""
    (folder / TEST_IMAGES).write_bytes(images)
    (folder / TEST_LABELS).write_bytes(labels)
    return folder
