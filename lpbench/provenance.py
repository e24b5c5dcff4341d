"""Where a result came from: version, commit, host and processor, as columns of `cells`."""

import functools
import os
import platform
import socket
import subprocess
import tomllib
from datetime import UTC, datetime
from pathlib import Path


def now() -> str:
    """The time now in UTC, ISO 8601 to the millisecond, for example `2026-11-23T20:07:00.123+00:00`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@functools.cache
def provenance() -> dict[str, str | None]:
    """The columns `lpbench_version git_commit host cpu`; constant for a process, so asked for once.

    `git_commit` is the commit of lpbench's own sources, with `-dirty` where tracked files differ from it, and
    None where lpbench is not run from a checkout of its own: then `lpbench_version` says which code it was. The
    repository that lpbench is used in has no part in it.
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
    import importlib.metadata  # 30 ms, for those who ask

    try:
        return importlib.metadata.version("lpbench")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def git_commit(folder: Path) -> str | None:
    """The commit of lpbench's own repository, which tracks the package in `folder`; None without one.

    `-dirty` is added where files differ from it.
    """
    # A package in a virtual environment inside somebody's repository is not tracked there, one that was copied
    # into it is: that repository's commit would say nothing of lpbench.
    root = _git(folder, "rev-parse", "--show-toplevel")
    if root is None or _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    if Path(root).resolve() != folder.resolve() and not _is_ours(Path(root), folder):
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return f"{commit}-dirty" if _git(folder, "status", "--porcelain", "--untracked-files=no") else commit


def _is_ours(root: Path, folder: Path) -> bool:
    """Whether the repository at `root` is that of the distribution lpbench, with its package at `folder`."""
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError):
        return False
    return folder.resolve().parent == root.resolve() and project.get("name") == "lpbench"


def cpu() -> str:
    """The processor's model name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(folder: Path, *arguments: str) -> str | None:
    # In a hook of another repository, GIT_DIR and its like name that one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
