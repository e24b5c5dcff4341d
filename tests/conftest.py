"""Keep everything that the tests cache out of the user's own cache folder."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from interpreted import interpreted

# The files that wait longest, for a browser or for Ray, or compute longest: `make test` gives a worker one at a time.
# In turns, since browsers that draw at one time wait for each other.
LONG = (
    "browser/test_access", "claims/test_reproduce", "browser/test_pages", "executors/test_ray", "browser/test_links",
    "cells/test_theorems", "browser/", "formats/test_quantize", "cells/test_networks", "networks/",
    "proofs/", "test_cli", "test_docs", "regression/test_defects", "algorithms/test_pure_python", "choices/test_grid",
    "claims/test_held_out", "declared/test_plugins", "commands/test_check", "store/test_object_store",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those files come first, so that the other workers are not done while one is at its last long file."""

    def rank(item: pytest.Item) -> int:
        name = item.path.relative_to(Path(__file__).parent).as_posix()
        return next((i for i, start in enumerate(LONG) if name.startswith(start)), len(LONG))

    items.sort(key=rank)
    # What is imported by now stays: without it a collection takes a fraction of its time, and compiling asks for many.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


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
    """What a test module registers is gone after it: lists of all formats or problems must not hold its toys.

    Its plug-ins, too: they name the folder of compiled kernels, which all modules of all workers are to share.
    """
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
    held = (registry._plugins, registry.choices, registry.metrics)
    declared, folders = [dict(one) for one in held], list(registry._folders)
    modules = set(sys.modules)
    yield
    stems = {path.stem for path in registry.plugin_files()}
    for things, kept in zip([*(kind._things for kind in kinds), *held], [*before, *declared], strict=True):
        things.clear()
        things.update(kept)
    registry._folders[:] = folders
    for name in set(sys.modules) - modules:
        if name in stems:
            del sys.modules[name]  # so that the next module that loads the plug-in registers it again


@pytest.fixture
def in_python() -> Iterator[None]:
    """Kernels run in pure Python; see tests/interpreted.py."""
    with interpreted():
        yield


@pytest.fixture(scope="module")
def module_in_python() -> Iterator[None]:
    """`in_python` for a whole module, its fixtures included."""
    with interpreted():
        yield


@pytest.fixture(scope="session")
def object_store() -> Iterator[Any]:
    """An S3 server with the empty bucket `bench`; s3fs of this process and of those that it starts talk to it."""
    from object_store import ObjectStore

    with ObjectStore() as store:
        before = {name: os.environ.get(name) for name in store.environment}
        os.environ.update(store.environment)
        from upath import UPath

        UPath("s3://bench", use_listings_cache=False).fs.mkdir("bench")
        yield store
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@pytest.fixture
def bucket(object_store: Any, request: pytest.FixtureRequest) -> str:
    """An address of its own in the object store, such as `s3://bench/test_x/runs`."""
    return f"s3://bench/{request.node.name.partition('[')[0]}/runs"
