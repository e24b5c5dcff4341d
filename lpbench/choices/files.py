"""The choices that name files: from where they start, and where this process finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def names_file(key: str, value: Any) -> bool:
    """Whether the choice names a file; `module` and `data` may name a package's module instead."""
    return value is not None and (key == "path" or str(value).rpartition(":")[0].endswith(".py"))


def is_relative(key: str, value: Any) -> bool:
    """Whether it names a file by a path that starts in a folder."""
    return names_file(key, value) and not Path(value).expanduser().is_absolute()


def located(key: str, value: Any, folder: str) -> Any:
    """`value`, which starts in `folder` if that is not empty, from where this process is: itself where that is it."""
    if not folder or Path(folder) == Path.cwd() or not names_file(key, value):
        return value
    return str(Path(folder) / value)
