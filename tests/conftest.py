"""Keep everything that the tests cache out of the user's own cache folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One empty cache folder for the whole test session, named by LPBENCH_CACHE."""
    folder = tmp_path_factory.mktemp("lpbench-cache")
    before = os.environ.get("LPBENCH_CACHE")
    os.environ["LPBENCH_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["LPBENCH_CACHE"]
    else:
        os.environ["LPBENCH_CACHE"] = before
