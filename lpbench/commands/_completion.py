"""What the shell offers after TAB: keys, values, sweeps; cheap, so from file names and the schema alone."""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

GROUPS_AND_EXPERIMENT = ("problem", "dataset", "algorithm", "format", "recipe", "executor", "experiment")


def group_files(group: str, config_dir: Path | None = None) -> list[Path]:
    """The yamls of a Hydra group, by folder and name; those in `config_dir` last."""
    import lpbench.conf

    bases = [*map(Path, lpbench.conf.__path__), *([] if config_dir is None else [config_dir])]
    return [file for base in bases for file in sorted((base / group).glob("*.yaml"))]


def group_options(group: str, config_dir: Path | None = None) -> list[str]:
    """The names of the yamls of a Hydra group, sorted; those in `config_dir` included."""
    return sorted({file.stem for file in group_files(group, config_dir)})


def overrides(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Completions of `KEY=VALUE,VALUE`."""
    from lpbench.choices import keys

    key, equals, values = incomplete.partition("=")
    bare = key.lstrip("+~")
    if not equals:
        lead = key[: len(key) - len(bare)]
        names = [*keys.every(), *GROUPS_AND_EXPERIMENT] if lead else keys.every()
        return [f"{lead}{name}=" for name in sorted(set(names)) if name.startswith(bare)]
    before, comma, last = values.rpartition(",")
    found = _starting(_values(bare, _config_dir(ctx)), last)
    return [f"{key}={before}{comma}{value}" for value in found]


def sweeps(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Completions of a sweep's name."""
    base = Path(_parameter(ctx, "runs_dir") or "runs")
    found = base.glob("*/manifest.json") if base.is_dir() else []
    return sorted(_starting((file.parent.name for file in found), incomplete))


def tags(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Completions of a tag: those that sweeps have."""
    base = Path(_parameter(ctx, "runs_dir") or "runs")
    found: set[str] = set()
    for file in base.glob("*/about.json") if base.is_dir() else []:
        with suppress(OSError, ValueError, LookupError, TypeError):  # whoever reads it for good says so
            found.update(map(str, json.loads(file.read_text(encoding="utf-8"))["tags"]))
    return sorted(_starting(found, incomplete))


def pages(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Completions of a page of the dashboard, by the files of those that lpbench has."""
    import lpbench.dashboard

    folders = [Path(base) / "pages" for base in lpbench.dashboard.__path__]
    names = {file.stem.capitalize() for folder in folders for file in folder.glob("[a-z]*.py")}
    return sorted(name for name in names if name.lower().startswith(incomplete.lower()))


def widths(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Completions of the width of a figure."""
    from lpbench.dashboard.paper.widths import WIDTHS

    return _starting(WIDTHS, incomplete)


def metrics_of_networks(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Completions of a column that networks are judged by."""
    from lpbench.declared.columns import OF_NETWORKS

    return _starting(OF_NETWORKS, incomplete)


def costs(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Completions of a cost that results are set against."""
    from lpbench.declared.columns import COST_UNITS

    return _starting(COST_UNITS, incomplete)


def baselines(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Completions of a baseline's name."""
    base = Path(_parameter(ctx, "runs_dir") or "runs") / "baselines"
    found = base.glob("*/*/meta.json") if base.is_dir() else []
    return sorted(_starting({file.parent.parent.name for file in found}, incomplete))


def overrides_and_sweeps(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Completions of what `lpbench bounds` takes."""
    return [*sweeps(ctx, args, incomplete), *overrides(ctx, args, incomplete)]


def sweeps_and_formats(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Completions of what `lpbench show` takes."""
    return [*sweeps(ctx, args, incomplete), *_starting(group_options("format"), incomplete)]


def _values(key: str, config_dir: Path | None) -> list[str]:
    from lpbench.choices import keys

    if key in GROUPS_AND_EXPERIMENT:
        return group_options(key, config_dir)
    choice = keys.every().get(key)
    if choice is not None and choice.stored is bool:
        return ["false", "true"]
    return sorted(getattr(choice.kind, "words", ())) if choice is not None else []


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _config_dir(ctx: Any) -> Path | None:
    folder = _parameter(ctx, "config_dir")
    return Path(folder) if folder else None


def _parameter(ctx: Any, name: str) -> Any:
    return getattr(ctx, "params", {}).get(name)
