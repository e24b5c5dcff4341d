"""Keep everything that the tests cache out of the user's own cache folder."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One empty cache folder for the whole test session, named by LPBENCH_CACHE; workers share it and its kernels."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "lpbench-cache"
    folder.mkdir(exist_ok=True)
    before = os.environ.get("LPBENCH_CACHE")
    os.environ["LPBENCH_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["LPBENCH_CACHE"]
    else:
        os.environ["LPBENCH_CACHE"] = before


@pytest.fixture(scope="module", autouse=True)
def registries() -> Iterator[None]:
    """What a test module registers is gone after it: lists of all formats or problems must not hold its toys."""
    from lpbench import registry

    kinds = (
        registry.formats,
        registry.algorithms,
        registry.problems,
        registry.datasets,
        registry.executors,
        registry.bounds,
    )
    before = [dict(kind._things) if kind.names() else {} for kind in kinds]
    modules = set(sys.modules)
    yield
    for kind, things in zip(kinds, before, strict=True):
        kind._things.clear()
        kind._things.update(things)
    for name in set(sys.modules) - modules:
        if name in {path.stem for path in registry.plugin_files()}:
            del sys.modules[name]  # so that the next module that loads the plug-in registers it again
