"""The user's own data, by path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lpbench.datasets.base import CLASSIFICATION, REGRESSION, Data, Dataset, FileData
from lpbench.datasets.reading import svmlight, tables
from lpbench.datasets.reading.files import (
    chosen_path,
    compression,
    decompressed,
    existing_file,
    labelled,
    parsed,
    stem,
    text,
)
from lpbench.errors import ConfigError
from lpbench.registry import datasets

TARGET = "target"


@datasets.register("file")
class File(Dataset):
    """A file at `path`: .csv, .tsv or .parquet with a target column; anything else is svmlight / LIBSVM.

    `target` names the column (default: target); an svmlight file has its label first, and stays sparse.
    Classes are the labels in their order. Any of them may be compressed (.gz, .bz2, .xz, .zst).
    """

    version = 2
    reads = Dataset.reads | {"path", "target"}
    tasks = frozenset({REGRESSION, CLASSIFICATION})

    @classmethod
    def values(cls, choices: Mapping[str, Any], task: str) -> dict[str, Any]:
        """`path` stands for how the file is read: what it holds comes into the identity with its content."""
        (path,) = cls.files(choices)
        existing_file(path)
        how, target = _reader(path), choices.get("target")
        if how == "svmlight":
            if target not in (None, TARGET):
                raise ConfigError(
                    f"target={target} names a column of a .csv or .parquet file, but {path.name} is read as"
                    " svmlight, whose label comes first"
                )
            return {"path": how + compression(path), "target": None}
        return {"path": how + compression(path), "target": TARGET if target is None else str(target)}

    @classmethod
    def files(cls, choices: Mapping[str, Any]) -> list[Path]:
        return [chosen_path(choices, "file", "FILE (.csv, .tsv, .parquet, or svmlight)")]

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        resolved = cls.values(choices, task)
        how, target = resolved["path"], resolved["target"]
        (path,) = cls.files(choices)

        def read(raw: bytes) -> FileData:
            content = decompressed(path, raw)
            if how.startswith("svmlight"):
                found = svmlight.read(path, text(path, content))
            elif how.startswith("csv"):
                found = tables.read_csv(path, text(path, content), target, task)
            else:
                found = tables.read_parquet(path, content, target, task)
            return labelled(path, found, task)

        return parsed([path], (how, target, task), read)


def _reader(path: Path) -> str:
    kinds = {".csv": "csv", ".tsv": "csv", ".tab": "csv", ".parquet": "parquet", ".pq": "parquet"}
    return kinds.get(stem(path).suffix.lower(), "svmlight")
