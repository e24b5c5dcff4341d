"""Hydra at work: parse overrides, and compose what the groups of `conf/` set.

Everything that knows Hydra's interface is here. A `Session` holds Hydra's process-wide state, under a lock,
and gives it back; what it hands out (`Base`) is plain and outlives it. Hydra takes 60 to 100 ms to compose
one choice of groups, and a sweep over groups has hundreds. So where yamls do nothing but set keys, their keys
are laid over one another in the order of Hydra's defaults list; the first choice of groups is composed both
ways, and the short way is taken only if the two agree.
"""

import copy
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from lpbench import registry
from lpbench.choices import keys
from lpbench.choices.hydra_errors import translated, why
from lpbench.choices.hydra_functions import functions
from lpbench.errors import ConfigError, did_you_mean

CONFIG = "config"
SCHEMA = "lpbench_schema"

_lock = threading.RLock()
_first: list[Path] = []  # searched before lpbench's own yamls: the user's --config-dir
_last: list[Path] = []  # searched after them: the conf/ folders of installed extensions


@dataclass(frozen=True)
class Base:
    """What one choice of groups sets; `config` is Hydra's own, where Hydra composed it."""

    values: dict[str, Any]
    config: Any = None

    @cached_property
    def refers(self) -> bool:
        """Whether a value is an interpolation (`${k}`), so that setting one key may change another."""
        return any(map(refers, self.values.values()))

    def with_values(self, patch: Mapping[str, Any]) -> dict[str, Any]:
        """All keys, with those of `patch` set on top: what Hydra composes with these overrides."""
        if not self.refers and not any(map(refers, patch.values())):
            return {**self.values, **patch}
        from omegaconf import OmegaConf

        with translated():
            if self.config is None:
                config = OmegaConf.merge(OmegaConf.structured(keys.structured()), self.values)
            else:
                config = copy.deepcopy(self.config)
            for key, value in patch.items():
                OmegaConf.update(config, key, value, force_add=True)
            values = dict(OmegaConf.to_container(config, resolve=True))  # type: ignore[arg-type]
        values.pop("grid", None)
        return {str(key): value for key, value in values.items()}


def load(config_dir: Path | None) -> Path | None:
    """Import the modules that lie in `config_dir`, and those of entry points; returns the absolute folder."""
    registry.load_plugins(config_dir)
    registry._load_entry_points()
    return None if config_dir is None else Path(config_dir).absolute()


@contextmanager
def session(config_dir: Path | None = None) -> Iterator["Session"]:
    """Hydra, initialised from lpbench's own yamls and, before them, those in `config_dir`.

    Imports the modules that lie in `config_dir`. Raises ConfigError if it is no folder, and for all that
    Hydra refuses while the session lasts.
    """
    config_dir = load(config_dir)

    from hydra import initialize_config_module
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins

    with _lock, translated():
        _first[:] = [config_dir] if config_dir is not None else []
        _last[:] = [folder for file in registry.plugin_files() if (folder := file.parent / "conf").is_dir()]
        Plugins.instance().register(_search_path_plugin())
        ConfigStore.instance().store(name=SCHEMA, node=keys.structured())
        # A program that uses Hydra itself keeps its own configuration.
        hydra, theirs = GlobalHydra.instance(), GlobalHydra.instance().hydra
        hydra.clear()
        try:
            initialize_config_module("lpbench.conf", version_base="1.3")
            yield Session()
        finally:
            hydra = GlobalHydra.instance()
            hydra.clear()
            hydra.hydra = theirs


class Session:
    """Hydra initialised: use it inside `session()` only."""

    def __init__(self) -> None:
        from hydra.core.global_hydra import GlobalHydra
        from hydra.core.override_parser.overrides_parser import OverridesParser
        from omegaconf import OmegaConf

        self.loader = GlobalHydra.instance().config_loader()
        self._parser = OverridesParser(functions(), self.loader)
        self._typed = OmegaConf.structured(keys.structured())
        self._bases: dict[tuple[str, ...], Base] = {}
        self._layers: dict[str, dict[str, Any] | None] = {}
        self._agrees: bool | None = None  # whether laying yamls over one another gives what Hydra composes

    def parse(self, override: str) -> Any:
        """Hydra's Override of one `key=value`; raises ConfigError that shows it and says what to quote."""
        from hydra.errors import HydraException

        try:
            return self._parser.parse_overrides([override])[0]
        except HydraException as error:
            raise ConfigError(f"cannot read override {override!r}: {why(override, error)}") from None

    def options(self, group: str) -> list[str]:
        """The names that a group has, sorted; empty if there is no such group."""
        from hydra.core.object_type import ObjectType

        return self.loader.get_group_options(group, results_filter=ObjectType.CONFIG)

    def check_option(self, group: str, name: Any) -> None:
        """Raise ConfigError, with the nearest name, if the group has none of this name."""
        options = self.options(group)
        if name not in options:
            raise ConfigError(f"unknown {group} {name!r}.{did_you_mean(str(name), options)}")

    def convert(self, key: str, value: Any) -> Any:
        """`value` as Hydra's schema types it: 30 is 30.0 for a key that holds a float."""
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException

        annotation = keys.kind(key).annotation
        if annotation is Any or type(value) in get_args(annotation) or refers(value):
            return value
        try:
            OmegaConf.update(self._typed, key, value)
        except OmegaConfBaseException:
            return keys.check(key, value)
        return self._typed[key]

    def base(self, overrides: Sequence[str]) -> Base:
        """What `overrides` of groups (and other overrides that Hydra must apply itself) compose to."""
        wanted = tuple(overrides)
        if wanted not in self._bases:
            self._bases[wanted] = self._compose(wanted)
        return self._bases[wanted]

    def bases(self, choices: Sequence[Sequence[str]]) -> list[Base]:
        """`base` of each of `choices`, which all choose from the same groups in the same order."""
        order = self._order(choices[0])
        for wanted in map(tuple, choices):
            values = self._lay(_swap(order, choices[0], wanted)) if order is not None else None
            if values is None or wanted in self._bases:
                continue
            if self._agrees is None:
                self._agrees = self.base(wanted).values == values
            if self._agrees:
                self._bases.setdefault(wanted, Base(values))
        return [self.base(wanted) for wanted in choices]

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

    def _compose(self, overrides: tuple[str, ...]) -> Base:
        from hydra import compose

        with translated():
            config = compose(CONFIG, overrides=list(overrides))
            values = {str(key): value for key, value in _container(config).items()}
        values.pop("grid", None)
        return Base(values, config)

    def _order(self, overrides: Sequence[str]) -> list[str] | None:
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

    def _layer(self, path: str) -> dict[str, Any] | None:
        """The keys that one yaml sets, typed; None if it does more (a defaults list, interpolation)."""
        if path not in self._layers:
            self._layers[path] = self._read_layer(path)
        return self._layers[path]

    def _read_layer(self, path: str) -> dict[str, Any] | None:
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
        try:
            return {key: self.convert(key, value) for key, value in values.items()}
        except ConfigError:
            return None  # Hydra's compose says what is wrong with it

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


def _container(config: Any) -> Any:
    from omegaconf import OmegaConf

    return OmegaConf.to_container(config, resolve=False)


def _search_path_plugin() -> type:
    from hydra.core.config_search_path import ConfigSearchPath
    from hydra.plugins.search_path_plugin import SearchPathPlugin

    global _plugin
    if _plugin is None:

        class LpbenchSearchPath(SearchPathPlugin):
            def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
                for folder in _first:
                    search_path.prepend("user", f"file://{folder}")
                for folder in _last:
                    search_path.append("extension", f"file://{folder}")

        _plugin = LpbenchSearchPath
    return _plugin


_plugin: type | None = None
