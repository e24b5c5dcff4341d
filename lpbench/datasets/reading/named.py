"""Things of the user's own by name: `FILE.py:NAME` or `package.module:NAME`."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from lpbench.datasets.reading.files import content_hash
from lpbench.errors import ConfigError, did_you_mean, last_line

_loaded: dict[tuple[str, str], ModuleType] = {}
_neighbours: set[str] = set()  # names of modules that such files have imported from their folders


def split(key: str, text: str) -> tuple[str, str]:
    """The place and the name; raises ConfigError."""
    place, colon, name = text.rpartition(":")
    if not (colon and place and name.isidentifier()):
        raise ConfigError(f"{key}={text}: give FILE.py:NAME or package.module:NAME")
    return place, name


def file_of(key: str, text: str) -> Path:
    """The file that makes it, whose content stands for it; raises ConfigError."""
    place, _ = split(key, text)
    if place.endswith(".py"):
        path = Path(place).expanduser()
        if not path.is_file():
            raise ConfigError(f"{key}={text}: there is no file {place}")
        return path
    try:
        spec = importlib.util.find_spec(place)
    except (Exception, SystemExit) as error:  # the packages that it lies in are imported
        raise ConfigError(f"{key}={text}: {last_line(error)}") from error
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise ConfigError(f"{key}={text}: there is no module {place}")
    return Path(spec.origin)


def load(key: str, text: str) -> Any:
    """What is called so; raises ConfigError where it does not import or has no such name."""
    place, name = split(key, text)
    path = file_of(key, text)
    try:
        module = _from_file(path) if place.endswith(".py") else importlib.import_module(place)
    except BaseException as error:  # what is run is the user's, and may do anything
        if isinstance(error, KeyboardInterrupt):
            raise
        raise ConfigError(f"{key}={text}: {place} does not import: {last_line(error)}") from error
    if not hasattr(module, name):
        known = [one for one, value in vars(module).items() if callable(value) and not one.startswith("_")]
        raise ConfigError(f"{key}={text}: {place} has no {name}.{did_you_mean(name, known)}")
    return getattr(module, name)


def _from_file(path: Path) -> ModuleType:
    """The module of a file, once for each content, with its neighbours to import."""
    where = str(path.resolve()), content_hash(path)
    if where not in _loaded:
        spec = importlib.util.spec_from_file_location(f"lpbench_own_{path.stem}_{where[1][:8]}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # what is defined there can be pickled
        folder, before = path.resolve().parent, set(sys.modules)
        for name in _neighbours:  # another folder's, where this one has its own of that name
            if (folder / name).is_dir() or (folder / f"{name}.py").is_file():
                sys.modules.pop(name, None)
        sys.path.insert(0, str(folder))
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[spec.name]
            raise
        finally:
            if str(folder) in sys.path:
                sys.path.remove(str(folder))
            _neighbours.update(
                name for name in set(sys.modules) - before if _lies_in(sys.modules[name], folder)
            )
        _loaded[where] = module
    return _loaded[where]


def _lies_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).is_relative_to(folder)


def called(key: str, text: str, offered: Mapping[str, Any]) -> Any:
    """What is called so, called with those of `offered` that its signature names; raises ConfigError."""
    function = load(key, text)
    if not callable(function):
        raise ConfigError(f"{key}={text} is no class and no function")
    parameters = inspect.signature(function).parameters
    any_name = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    needed = [
        name
        for name, one in parameters.items()
        if one.default is inspect.Parameter.empty
        and one.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        and name not in offered
    ]
    if needed:
        raise ConfigError(
            f"{key}={text} needs {', '.join(needed)}; it is called with those of {', '.join(offered)} that it names"
            if offered
            else f"{key}={text} needs {', '.join(needed)}; it is called without arguments"
        )
    return function(**{name: value for name, value in offered.items() if any_name or name in parameters})
