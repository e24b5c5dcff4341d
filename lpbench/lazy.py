"""Names of a package that are loaded when they are asked for, so that importing the package costs nothing."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def attributes(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of `package`; places: of each name, where it is, `lpbench.cells.run.run` (or a module)."""

    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = places[name].rpartition(".")
        home = importlib.import_module(module)
        return getattr(home, attribute) if hasattr(home, attribute) else importlib.import_module(places[name])

    return get
