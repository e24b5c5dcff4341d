"""Formats, algorithms, problems, datasets, executors and bounds by name, found without a list to edit.

A thing registers itself where it is defined (`@formats.register("fixed")`). Looking a name up imports every
module of the package that holds the kind, every entry point of the group `lpbench`, and the modules that the
user put beside a `--config-dir`; so a new file is found by being there.
"""

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lpbench.errors import ConfigError, did_you_mean

_plugins: list[Path] = []
_loading = threading.RLock()


class Registry:
    """The things of one kind, by name."""

    def __init__(self, kind: str, package: str):
        self.kind = kind
        self.package = package
        self._things: dict[str, Any] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[Any], Any]:
        """Decorator: keep the class (or object) under `name`, and tell it its name."""

        def keep(thing: Any) -> Any:
            thing.name = name
            self._things[name] = thing
            _remember(sys.modules.get(getattr(thing, "__module__", "")))
            return thing

        return keep

    def get(self, name: str) -> Any:
        """The thing called `name`; raises ConfigError that names the nearest one."""
        if name not in self._things:
            self._load()
        try:
            return self._things[name]
        except KeyError:
            raise ConfigError(
                f"unknown {self.kind} {name!r}.{did_you_mean(str(name), self._things)}"
            ) from None

    def names(self) -> list[str]:
        """All names, sorted."""
        self._load()
        return sorted(self._things)

    def _load(self) -> None:
        with _loading:  # a second thread waits until everything is there
            if self._loaded:
                return
            self._loaded = True
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self.package}.{module.name}")
            _load_entry_points()


formats = Registry("format", "lpbench.formats")
algorithms = Registry("algorithm", "lpbench.algorithms")
problems = Registry("problem", "lpbench.problems")
datasets = Registry("dataset", "lpbench.datasets")
executors = Registry("executor", "lpbench.executors")
bounds = Registry("bound", "lpbench.theory.bounds")

_entry_points_loaded = False


def _load_entry_points() -> None:
    global _entry_points_loaded
    if _entry_points_loaded:
        return
    _entry_points_loaded = True
    for point in importlib.metadata.entry_points(group="lpbench"):
        try:
            _remember(point.load())
        except (KeyboardInterrupt, ConfigError):
            raise
        except BaseException as error:
            raise ConfigError(
                f"entry point {point.name!r} ({point.value}): cannot be imported: {type(error).__name__}: {error}"
            ) from error


def _remember(module: Any) -> None:
    """Count the source of `module` among the plug-ins, unless it is lpbench's own."""
    source = getattr(module, "__file__", None)
    if source and not module.__name__.startswith("lpbench.") and Path(source) not in _plugins:
        _plugins.append(Path(source))


def load_plugins(folder: Path) -> list[Path]:
    """Import every module that lies in `folder` (a user's --config-dir); returns their files."""
    found = []
    for source in sorted(Path(folder).glob("*.py")):
        name = source.stem
        if name.startswith("_") or name in sys.modules:
            loaded = getattr(sys.modules.get(name), "__file__", None)
            if loaded and Path(loaded).resolve() == source.resolve():
                found.append(source)
                continue
            if name.startswith("_"):
                continue
            raise ConfigError(f"{source}: the module name {name!r} is taken; rename the file")
        spec = importlib.util.spec_from_file_location(name, source)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit would end the command with the code that the module likes
            del sys.modules[name]
            raise ConfigError(f"{source}: cannot be imported: {type(error).__name__}: {error}") from error
        found.append(source)
    _plugins.extend(p for p in found if p not in _plugins)
    return found


def plugin_files() -> list[Path]:
    """The source files of the user's own formats, algorithms and problems (they key the kernel cache)."""
    return list(_plugins)
