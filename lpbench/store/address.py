"""Where results lie: a folder of this machine, or an address that fsspec reads, such as `s3://bucket/runs`.

A remote folder is a `upath.UPath`, which has the interface of `pathlib.Path`; only what differs between disks and
object stores (writing at once, folders, locks) asks which of the two it has.
"""

from pathlib import Path
from typing import Any

from lpbench.errors import ConfigError, StoreError


def locate(address: Path | str) -> Path:
    """The folder at `address`; raises ConfigError for an empty address, and one that nothing installed reads."""
    if address == "":
        raise ConfigError("the path is empty: name a folder, or an address such as s3://bucket/runs")
    if isinstance(address, Path) or is_remote(address):
        return address  # type: ignore[return-value]
    if "://" not in address:
        return Path(address)
    try:
        from upath import UPath

        # Without a memory of what a folder held: other machines write into it.
        path: Any = UPath(address, use_listings_cache=False)
        path.fs  # noqa: B018 (imports what reads it)
    except (ImportError, ValueError) as error:
        protocol = address.partition("://")[0]
        extra = "lpbench[s3]" if protocol in ("s3", "s3a") else "universal-pathlib and what fsspec asks for"
        raise ConfigError(f"cannot read {address}: {error}; install {extra}") from None
    return path


def is_remote(path: Any) -> bool:
    """Whether `path` lies in an object store."""
    return hasattr(path, "storage_options") and hasattr(path, "fs")


def make_folder(folder: Path) -> None:
    """Make `folder` where disks need that; raises StoreError."""
    if is_remote(folder):
        return  # an object's name makes its folders
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be made: {error.strerror or error}") from error


def is_folder(folder: Path) -> bool:
    """Whether `folder` is there; raises StoreError for an object store that does not answer."""
    if not is_remote(folder):
        return folder.is_dir()
    try:
        return folder.is_dir()
    except Exception as error:  # each kind of store has its own
        raise StoreError(f"{folder} cannot be reached: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """What `error` says, in one line."""
    return (str(error) or type(error).__name__).splitlines()[0]
