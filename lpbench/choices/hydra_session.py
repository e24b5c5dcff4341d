"""Hydra at work: parse overrides, and compose what the groups of `conf/` set.

Everything that knows Hydra's interface is here. A `Session` holds Hydra's process-wide state, under a lock,
and gives it back; what it hands out (`Base`) is plain and outlives it. Hydra takes 60 to 100 ms to compose
one choice of groups, and a sweep over groups has hundreds. So where yamls do nothing but set keys, their keys
are laid over one another in the order of Hydra's defaults list; the first choice of groups is composed both
ways, and the short way is taken only if the two agree. What lpbench's own yamls give is kept for the next session.
"""

import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpbench import registry
from lpbench.choices import keys
from lpbench.choices.hydra_errors import translated, why
from lpbench.choices.hydra_functions import functions
from lpbench.errors import ConfigError, did_you_mean

CONFIG = "config"
SCHEMA = "lpbench_schema"

_lock = threading.RLock()
_Found = dict[tuple[Any, ...], Any]  # what a session was asked, and its answers
_own: dict[tuple[Any, ...], _Found] = {}  # of lpbench's own yamls, by the keys that there were


@dataclass(frozen=True)
class Base:
    """What one choice of groups sets."""

    values: dict[str, Any]

    @functools.cached_property
    def refers(self) -> bool:
        """Whether a value is an interpolation (`${k}`), so that setting one key may change another."""
        return any(map(refers, self.values.values()))

    def with_values(self, patch: Mapping[str, Any]) -> dict[str, Any]:
        """All keys, with those of `patch` set on top: what Hydra composes with these overrides."""
        chosen = {**self.values, **patch}
        if not any(map(refers, chosen.values())):
            return chosen
        from omegaconf import OmegaConf

        with translated():
            return _container(OmegaConf.create(chosen), resolve=True)


def load(config_dir: Path | None) -> Path | None:
    """Import the modules that lie in `config_dir`, and those of entry points; returns the absolute folder."""
    registry.load_plugins(config_dir)
    registry._load_entry_points()
    return None if config_dir is None else Path(config_dir).absolute()


@contextmanager
def session(config_dir: Path | None = None) -> Iterator["Session"]:
    """Hydra, initialised from lpbench's own yamls, before them those in `config_dir`, and after them those in the
    conf/ folders of installed extensions.

    Imports the modules that lie in `config_dir`. Raises ConfigError if it is no folder, and for all that
    Hydra refuses while the session lasts.
    """
    config_dir = load(config_dir)

    from hydra import version
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_config_search_path
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra

    with _lock, translated():
        path = create_config_search_path("pkg://lpbench.conf")
        if config_dir is not None:
            path.prepend("user", f"file://{config_dir}")
        folders = (file.parent / "conf" for file in registry.plugin_files())
        extensions = [folder for folder in folders if folder.is_dir()]
        for folder in extensions:
            path.prepend("extension", f"file://{folder}", "schema")  # which Hydra wants to be the last
        ConfigStore.instance().store(name=SCHEMA, node=keys.structured())
        # A program that uses Hydra itself keeps its own configuration.
        hydra, theirs = GlobalHydra.instance(), GlobalHydra.instance().hydra
        hydra.clear()
        try:
            version.setbase("1.3")
            Hydra.create_main_hydra2("lpbench", path)
            foreign = config_dir is not None or extensions  # yamls that may be edited before the next session
            yield Session({} if foreign else _own.setdefault(tuple(keys.every().items()), {}))
        finally:
            hydra = GlobalHydra.instance()
            hydra.clear()
            hydra.hydra = theirs


def _once(method: Callable[..., Any]) -> Any:
    """Decorator: a method of Session whose answer is kept, by its arguments; what it raises is not."""

    @functools.wraps(method)
    def answer(self: "Session", *arguments: Any) -> Any:
        asked = (method.__name__, *arguments)
        if asked not in self._found:
            self._found[asked] = method(self, *arguments)
        return self._found[asked]

    return answer


class Session:
    """Hydra initialised: use it inside `session()` only. `found`: what sessions before it were asked, and answered."""

    def __init__(self, found: _Found) -> None:
        from hydra.core.global_hydra import GlobalHydra
        from hydra.core.override_parser.overrides_parser import OverridesParser

        self.loader = GlobalHydra.instance().config_loader()
        self._parser = OverridesParser(functions(), self.loader)
        self._found = found
        self._agrees: bool | None = None  # whether laying yamls over one another gives what Hydra composes

    def parse(self, override: str) -> Any:
        """Hydra's Override of one `key=value`; raises ConfigError that shows it and says what to quote."""
        from hydra.errors import HydraException

        try:
            return self._parser.parse_overrides([override])[0]
        except HydraException as error:
            raise ConfigError(f"cannot read override {override!r}: {why(override, error)}") from None

    @_once
    def options(self, group: str) -> list[str]:
        """The names that a group has, sorted; empty if there is no such group."""
        from hydra.core.object_type import ObjectType

        return self.loader.get_group_options(group, results_filter=ObjectType.CONFIG)

    def check_option(self, group: str, name: Any) -> None:
        """Raise ConfigError, with the nearest name, if the group has none of this name."""
        options = self.options(group)
        if name not in options:
            raise ConfigError(f"unknown {group} {name!r}.{did_you_mean(str(name), options)}")

    def bases(self, choices: Sequence[Sequence[str]]) -> list[Base]:
        """`base` of each of `choices`, which all choose from the same groups in the same order."""
        order, found = self._order(tuple(choices[0])), []
        for wanted in map(tuple, choices):
            values = self._lay(_swap(order, choices[0], wanted)) if order is not None else None
            if values is not None and self._agrees is None:
                self._agrees = self.base(wanted).values == values
            found.append(Base(values) if values is not None and self._agrees else self.base(wanted))
        return found

    def grid(self, experiment: str) -> list[list[str]]:
        """The lists of overrides that an experiment's `grid` holds."""
        self.check_option("experiment", experiment)
        content = _container(self._load(f"experiment/{experiment}").config)
        grid = content.get("grid") if isinstance(content, dict) else None
        parts = [grid] if _is_overrides(grid) else grid
        if not isinstance(parts, list) or not parts or not all(map(_is_overrides, parts)):
            allowed = "a list of overrides or a list of such lists"
            raise ConfigError(f"experiment {experiment!r}: grid must be {allowed}, got {grid!r}")
        return parts

    @_once
    def base(self, overrides: tuple[str, ...]) -> Base:
        """What Hydra composes with these overrides."""
        from hydra import compose

        with translated():
            values = _container(compose(CONFIG, overrides=list(overrides)))
        values.pop("grid", None)
        for key, value in values.items():
            if isinstance(value, dict):
                hint = "is the first line of the yaml `# @package _global_`?"
                raise ConfigError(f"{key} is one value, got {value}: {hint}")
        return Base(values)

    @_once
    def _order(self, overrides: tuple[str, ...]) -> list[str] | None:
        """The yamls behind `overrides`, as Hydra orders them; None if there is more to it than yamls."""
        from hydra.types import RunMode

        with translated():
            found = self.loader.compute_defaults_list(CONFIG, list(overrides), RunMode.RUN)
        ours = [item for item in found.defaults if not str(item.config_path).startswith("hydra/")]
        if found.config_overrides or any(item.package or not item.config_path for item in ours):
            return None
        return [str(item.config_path) for item in ours]

    def _lay(self, order: list[str] | None) -> dict[str, Any] | None:
        """The keys that the yamls of `order` set together; None if one of them does more than set keys."""
        values: dict[str, Any] = {}
        for path in order or ():
            layer = self._layer(path)
            if layer is None:
                return None
            values.update(layer)
        return values or None

    @_once
    def _layer(self, path: str) -> dict[str, Any] | None:
        """The keys that one yaml sets; None if it does more (a defaults list, interpolation)."""
        if path == SCHEMA:
            return {name: choice.default for name, choice in keys.every().items()}
        found = self._load(path)
        values = None if found is None else _container(found.config)
        if found is None or not isinstance(values, dict):
            return None
        if path != CONFIG and (found.header.get("package") != "_global_" or "defaults" in values):
            return None
        values = {key: value for key, value in values.items() if key not in ("defaults", "grid")}
        if not values.keys() <= keys.every().keys() or any(map(refers, values.values())):
            return None
        return values

    def _load(self, path: str) -> Any:
        with translated():
            for source in self.loader.get_sources():
                if source.is_config(path):
                    return source.load_config(path)
        return None


def _swap(order: list[str], first: Sequence[str], wanted: Sequence[str]) -> list[str] | None:
    """`order` with the yamls of `first` replaced by those of `wanted`; None if they are not all in it."""
    replaced = {_path(old): _path(new) for old, new in zip(first, wanted, strict=True)}
    if not replaced.keys() <= set(order):
        return None
    return [replaced.get(path, path) for path in order]


def _is_overrides(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(line, str) for line in value)


def _path(override: str) -> str:
    return override.lstrip("+").replace("=", "/", 1)


def refers(value: Any) -> bool:
    """Whether a value holds an interpolation."""
    return isinstance(value, str) and "${" in value


def _container(config: Any, resolve: bool = False) -> Any:
    from omegaconf import OmegaConf

    return OmegaConf.to_container(config, resolve=resolve)
