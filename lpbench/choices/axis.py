"""One override, read: a key and the values that it is to take."""

from dataclasses import dataclass
from typing import Any

from lpbench.choices import hydra_session, keys
from lpbench.choices.hydra_session import Session
from lpbench.declared.choices import GROUPS
from lpbench.errors import ConfigError


@dataclass(frozen=True)
class Axis:
    """One override: its key, its values (one, where not swept), and each as it would be written alone."""

    key: str
    values: list[Any]
    texts: list[str]
    composed: bool  # a group, or a deletion: Hydra applies it
    added: bool = False  # written with one +: there must be no value yet


def read_axis(override: str, hydra: Session) -> Axis:
    """The axis that one override asks for; raises ConfigError where it, its key or a value of it is wrong."""
    parsed = hydra.parse(override)
    key = parsed.key_or_group
    if not key:
        raise ConfigError(f"cannot read override {override!r}: write KEY=VALUE")
    if parsed.package is not None or parsed.is_hydra_override():
        raise ConfigError(f"{override!r}: packages and Hydra's own settings cannot be overridden here")
    is_group = bool(hydra.options(key))
    if not is_group:
        keys.kind(key, ("experiment",))
    if parsed.is_delete():
        if parsed.is_sweep_override():
            raise ConfigError(f"{override!r}: a deletion cannot be swept")
        return Axis(key, [None], [override], composed=True)
    values = values_of(parsed, override)
    if any(isinstance(value, list | dict) for value in values):
        raise ConfigError(f"{override!r}: a list is no value; to sweep write {key}=VALUE,VALUE")
    if is_group:
        prefix = "+" if key not in GROUPS and override.startswith("+") else ""
        texts = []
        for value in values:
            if value is not None:
                hydra.check_option(key, value)
            texts.append(f"~{key}" if value is None else f"{prefix}{key}={value}")
        return Axis(key, values, texts, composed=True)
    for value in values:
        if not hydra_session.refers(value):
            keys.check(key, value)
    texts = [f"{key}={_shown(value)}" for value in values]
    return Axis(key, values, texts, composed=False, added=parsed.is_add())


def values_of(parsed: Any, override: str) -> list[Any]:
    """The values of one override, plain Python; raises ConfigError where they cannot be enumerated."""
    if not parsed.is_sweep_override():
        return [parsed.value()]
    if not parsed.is_discrete_sweep():
        raise ConfigError(f"{override!r}: an interval has no list of values; write range(start,stop,step)")
    values = [_plain(v) for v in parsed.sweep_iterator()]
    if not values:
        raise ConfigError(f"{override!r}: no value")
    if not all(value is None or isinstance(value, str | int | float | list | dict) for value in values):
        raise ConfigError(f"{override!r}: a function is no value of a list; write the values themselves")
    return values


def _plain(value: Any) -> Any:
    """An element of a sweep without Hydra's mark that it was quoted."""
    return getattr(value, "text", value)


def _shown(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
