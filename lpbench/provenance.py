"""Where a result came from: version, commit, host and processor, as columns of `cells`."""

import functools
import importlib.metadata
import platform
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path

PROVENANCE_COLUMNS = ("lpbench_version", "git_commit", "started_at", "host", "cpu")


def now() -> str:
    """The time now in UTC, ISO 8601 to the millisecond, for example `2026-11-23T20:07:00.123+00:00`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@functools.cache
def provenance() -> dict[str, str | None]:
    """The columns `lpbench_version git_commit host cpu`; constant for a process, so asked for once.

    `git_commit` is the commit of the checkout that lpbench runs from, with `-dirty` where tracked files
    differ from it, and None where lpbench is not run from a checkout of its own.
    """
    return {
        "lpbench_version": version(),
        "git_commit": git_commit(Path(__file__).resolve().parent),
        "host": socket.gethostname(),
        "cpu": cpu(),
    }


@functools.cache
def version() -> str:
    """The installed version of lpbench, or `unknown` when it runs from a folder that was never installed."""
    try:
        return importlib.metadata.version("lpbench")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def git_commit(folder: Path) -> str | None:
    """The commit that tracks `folder`, `-dirty` added where its files differ from it; None without one."""
    # A package in a virtual environment inside somebody's repository is not tracked there: its commit would
    # lie.
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return f"{commit}-dirty" if _git(folder, "status", "--porcelain", "--untracked-files=no") else commit


def cpu() -> str:
    """The processor's model name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
