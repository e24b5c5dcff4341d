"""`lpbench list`."""

from typing import Annotated, Any

import typer

from lpbench.commands import _options as opt

NEEDS_ARGUMENTS = True
REGISTERED = ("formats", "algorithms", "problems", "datasets", "executors")
KINDS = (*REGISTERED, "bounds", "choices", "experiments", "sweeps")


def command(
    kind: Annotated[
        str,
        typer.Argument(
            help=f"One of {', '.join(KINDS)}.",
            metavar="KIND",
            autocompletion=lambda ctx, args, incomplete: list(KINDS),
        ),
    ],
    config_dir: opt.ConfigDir = None,
    runs_dir: opt.RunsDir = opt.RUNS,
    as_json: opt.Json = False,
    verbose: opt.Verbose = False,
) -> int:
    """Name what there is: formats, algorithms, problems, datasets, executors, bounds, choices, experiments, sweeps."""
    from lpbench.choices.hydra_session import load
    from lpbench.errors import ConfigError, did_you_mean

    if kind not in KINDS:
        raise ConfigError(f"unknown kind {kind!r}.{did_you_mean(kind, KINDS)}")
    if kind == "sweeps":
        table = _sweeps(runs_dir)
    elif kind == "experiments":
        table = _experiments(config_dir)
    else:
        load(config_dir)
        table = {"bounds": _bounds, "choices": _choices}.get(kind, _registered)(kind)
    if kind == "bounds" and not as_json:
        _print_statements(table)
    else:
        table.print(as_json)
    return 0


def _registered(kind: str) -> Any:
    from lpbench import registry
    from lpbench.terminal import Table

    things: registry.Registry = getattr(registry, kind)
    rows = []
    for name in things.names():
        thing = things.get(name)
        lines = (thing.__doc__ or "").strip().splitlines()
        rows.append([name, thing.version, lines[0] if lines else "", ", ".join(sorted(thing.reads))])
    return Table(["name", "version", "description", "reads"], rows)


def _choices(kind: str) -> Any:
    from lpbench.choices import document, keys
    from lpbench.terminal import Table

    rows = [
        [one.name, document.values(one), document.default(one), one.text] for one in keys.every().values()
    ]
    return Table(["name", "values", "default", "description"], rows)


def _bounds(kind: str) -> Any:
    from lpbench import registry
    from lpbench.terminal import Table

    found = [registry.bounds.get(name) for name in registry.bounds.names()]
    rows = [[one.name, one.form, one.judges, ", ".join(sorted(one.algorithms)), one.title] for one in found]
    return Table(["name", "form", "bounds", "algorithms", "statement"], rows)


def _print_statements(table: Any) -> None:
    """Each theorem on lines of its own: statements are too long for a column."""
    import textwrap

    from lpbench.terminal import console

    width = max(len(row[0]) for row in table.rows) + 2
    for name, form, judged, algorithms, statement in table.rows:
        print(f"{name:<{width}}{form}; bounds {judged} of {algorithms}")
        indent = " " * width
        print(textwrap.fill(statement, console().width, initial_indent=indent, subsequent_indent=indent))


def _experiments(config_dir: Any) -> Any:
    from lpbench.commands._completion import group_files
    from lpbench.terminal import Table

    rows = []
    for file in group_files("experiment", config_dir):
        lines = file.read_text(encoding="utf-8").splitlines()
        comments = [line[1:].strip() for line in lines if line.startswith("#")]
        said = [line for line in comments if not line.startswith("@package")]
        rows.append([file.stem, said[0] if said else "", f"lpbench sweep +experiment={file.stem}"])
    return Table(["name", "description", "command"], rows)


def _sweeps(runs_dir: Any) -> Any:
    from lpbench.errors import StoreError
    from lpbench.store.folder import list_sweeps
    from lpbench.store.manifest import new_manifest, read_manifest
    from lpbench.terminal import Table, counted, warning

    rows = []
    for name in list_sweeps(runs_dir):
        try:
            # Not by `find_sweep`: a folder may have a name that no sweep is given.
            manifest = read_manifest(runs_dir / name)
        except StoreError as error:
            warning(str(error))
            continue
        if manifest is None:
            manifest = new_manifest(name) | {"state": "no manifest"}
        counts = manifest["counts"]
        bad = counted(sorted((status, count) for status, count in counts.items() if status != "ok"))
        rows.append([name, sum(counts.values()), bad or "-", manifest["state"], manifest["updated_at"][:19]])
    return Table(["sweep", "cells", "not ok", "state", "updated (UTC)"], rows, numbers=frozenset({"cells"}))
