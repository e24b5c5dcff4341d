"""Formats, algorithms, problems, datasets, executors and bounds by name, found without a list to edit.

A thing registers itself where it is defined (`@formats.register("fixed")`). Looking a name up imports every
module of the package that holds the kind, every entry point of the group `lpbench`, and the modules that the
user put beside a `--config-dir`; so a new file is found by being there.
"""

import ast
import functools
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lpbench.declared import columns
from lpbench.declared.choices import CHOICES, RUNTIME, SHARED
from lpbench.declared.declarations import Choice, Metric
from lpbench.errors import ConfigError, did_you_mean

# What plug-ins declare: choices, each with the kind of thing that reads it, and metrics.
choices: dict[str, tuple[str, Choice]] = {}
metrics: dict[str, Metric] = {}
_plugins: dict[Path, str] = {}  # the files of the user's own modules, and the modules' names
_folders: list[Path] = []  # of `load_plugins`
_installed: set[Path] = set()  # what entry points brought, which every machine has to install
_loading = threading.RLock()


class Registry:
    """The things of one kind, by name."""

    def __init__(self, kind: str, package: str):
        self.kind = kind
        self.package = package
        self._things: dict[str, Any] = {}
        self._homes: dict[str, str] = {}  # the module that registered each
        self._loaded = self._loaded_own = False

    def register(self, name: str) -> Callable[[Any], Any]:
        """Decorator: keep the class (or object) under `name`, and tell it its name.

        Raises ConfigError where another module has the name: under it, and so under the same identity, cells would
        then be something else.
        """

        def keep(thing: Any) -> Any:
            # Of an object, where it is registered: its class may be one of ours.
            module = vars(thing).get("__module__") or sys._getframe(1).f_globals["__name__"]
            if not _is_ours(module):
                self._load_own()  # so that the name is taken, if it is one of ours
            there = self._homes.get(name, module) if name in self._things else module
            if there != module:
                raise ConfigError(
                    f"{self.kind} {name!r} of module {module}: the name is taken by {there}; choose another"
                )
            _declare(self.kind, name, thing)
            thing.name = name
            self._things[name], self._homes[name] = thing, module
            _remember(sys.modules.get(module))
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
            self._load_own()
            _load_entry_points()

    def _load_own(self) -> None:
        with _loading:
            if self._loaded_own:
                return
            self._loaded_own = True
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self.package}.{module.name}")


def _declare(kind: str, name: str, thing: Any) -> None:
    """Take up the `choices` and the `records` that a thing declares; raises ConfigError for a name that is taken."""
    own, records = tuple(getattr(thing, "choices", ())), tuple(getattr(thing, "records", ()))
    if (own or records) and kind not in ("problem", "dataset", "algorithm", "format"):
        raise ConfigError(f"{kind} {name!r}: {kind}s declare no choices and record no metrics")
    for one in (*own, *records):
        there = choices.get(one.name, (kind, one))
        same = there == (kind, one) and metrics.get(one.name, one) == one
        free = one.name not in _TAKEN or _SHARED.get(one.name) == (type(one), one.stored)
        if not (same and free) or one.name.startswith("bound_") or not one.name.isidentifier():
            raise ConfigError(f"{kind} {name!r}: the name {one.name!r} is taken, or none; choose another")
    choices.update((choice.name, (kind, choice)) for choice in own)
    metrics.update((metric.name, metric) for metric in records)
    if own:
        thing.reads = frozenset(getattr(thing, "reads", ())) | {choice.name for choice in own}


# Names that networks use: the same words of a plug-in's own fill the same columns, where they hold such values.
_SHARED: dict[str, tuple[type, type]] = {name: (Choice, CHOICES[name].stored) for name in SHARED}
_SHARED |= {metric.name: (Metric, metric.stored) for metric in columns.NETWORK}
_TAKEN = {
    *CHOICES,
    *RUNTIME,
    *columns.NAMES,
    "experiment",
    "grid",
    "trace",
    "tensors",
    "max_memory",
    "config_dir",
}

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
    before = set(_plugins)
    for point in importlib.metadata.entry_points(group="lpbench"):
        try:
            point.load()
            _remember(sys.modules.get(point.module))
        except (KeyboardInterrupt, ConfigError):
            raise
        except BaseException as error:
            raise ConfigError(
                f"entry point {point.name!r} ({point.value}): cannot be imported: {type(error).__name__}: {error}"
            ) from error

    _installed.update(set(_plugins) - before)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "lpbench"


def _remember(module: Any) -> None:
    """Count the source of `module` among the plug-ins, unless it is lpbench's own."""
    source = getattr(module, "__file__", None)
    if source and not _is_ours(module.__name__):
        _plugins.setdefault(Path(source), module.__name__)


def load_plugins(folder: Path | None) -> list[Path]:
    """Import every module that lies in `folder` (a user's --config-dir; None: nothing); returns their files.

    They may import each other, and what else lies beside them: modules that begin with `_`, packages. Raises
    ConfigError for what is no folder, and for a module that cannot be imported, or has the name of another one.
    """
    if folder is None:
        return []
    folder = Path(folder).absolute()
    if not folder.is_dir():
        raise ConfigError(f"--config-dir {folder} is not a folder")
    if folder not in _folders:
        _folders.append(folder)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: a helper takes no module away from others
    found = []
    for source in sorted(folder.glob("[!_]*.py")):
        name = source.stem
        if name not in sys.modules:
            _import(name, source)
        found.append(source)
    for source in [*found, *folder.glob("_*.py")]:
        if source.stem not in sys.modules or source.stem.startswith("__"):
            continue
        loaded = getattr(sys.modules[source.stem], "__file__", None)
        if loaded is None or Path(loaded).resolve() != source.resolve():
            raise ConfigError(f"{source}: the module name {source.stem!r} is taken; rename the file")
    _plugins.update({source: source.stem for source in found})
    return found


def _import(name: str, source: Path) -> None:
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
        said = (
            error
            if isinstance(error, ConfigError)
            else f"cannot be imported: {type(error).__name__}: {error}"
        )
        raise ConfigError(f"{source}: {said}") from error


def plugin_modules() -> list[Any]:
    """The user's own modules: of `load_plugins`, and of entry points."""
    _load_entry_points()
    return [sys.modules[name] for name in dict.fromkeys(_plugins.values()) if name in sys.modules]


def plugin_files() -> list[Path]:
    """The sources of the user's own formats, algorithms and problems, and of the modules that they import.

    They key the kernel cache: a kernel holds the code of whatever its plug-in calls.
    """
    return list(_closure(tuple(_plugins.items())))


def plugin_sources() -> tuple[tuple[str, str], ...]:
    """(path, text) of the plug-ins that another machine has to be given; those of entry points are installed there."""
    skipped = _closure(tuple((path, name) for path, name in _plugins.items() if path in _installed))
    return tuple(
        (_inside(path), path.read_text(encoding="utf-8")) for path in plugin_files() if path not in skipped
    )


def _inside(path: Path) -> str:
    """Where `path` lies in the folder that it was loaded from."""
    inside = [path.relative_to(folder) for folder in _folders if path.is_relative_to(folder)]
    return str(inside[0] if inside else path.name)


@functools.lru_cache(maxsize=8)
def _closure(plugins: tuple[tuple[Path, str], ...]) -> dict[Path, str]:
    """Files and names of the modules `plugins`, and of all that they import.

    Without the standard library, lpbench, and what is installed (but for the package of a plug-in itself).
    """
    tops = {name.partition(".")[0] for _, name in plugins}
    found: dict[Path, str] = {}
    waiting = list(plugins)
    while waiting:
        path, name = waiting.pop()
        if path in found:
            continue
        found[path] = name
        for other in _imports(path, name):
            top = other.partition(".")[0]
            if top in sys.stdlib_module_names or top == "lpbench":
                continue
            for end in [i for i, letter in enumerate(other) if letter == "."] + [len(other)]:
                source = _source(other[:end])  # `import a.b` runs both
                if source is not None and (top in tops or not _is_installed(source)):
                    waiting.append((source, other[:end]))
    return dict(sorted(found.items()))


def _imports(path: Path, name: str) -> Iterator[str]:
    """The names of the modules that the source `path` of module `name` may import."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError):
        return
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [base])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)  # which may be a module


def _source(name: str) -> Path | None:
    """The source file of a module, which need not be imported and will not be."""
    above, _, last = name.rpartition(".")
    if above:
        package = _source(above)
        if package is None or package.name != "__init__.py":
            return None
        files = (package.parent / f"{last}.py", package.parent / last / "__init__.py")
        return next((file for file in files if file.is_file()), None)
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _is_installed(path: Path) -> bool:
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts) or path.is_relative_to(
        sysconfig.get_path("stdlib")
    )
