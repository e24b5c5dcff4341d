"""`lpbench list`."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from lpbench.commands import _completion
from lpbench.commands import _options as opt

NEEDS_ARGUMENTS = True
REGISTERED = ("formats", "algorithms", "problems", "datasets", "executors")
KINDS = (*REGISTERED, "recipes", "bounds", "choices", "experiments", "sweeps")


# Of what lies in files of conf: the folder, what to do with one, and how many lines at its head say what it is.
_FILES: dict[str, tuple[str, str, int | None]] = {
    "experiments": ("experiment", "lpbench sweep +experiment={}", 1),
    "recipes": ("recipe", "lpbench show recipe={} problem=mlp", None),
}


def command(
    kind: Annotated[
        str,
        typer.Argument(
            help=f"One of {', '.join(KINDS)}.",
            metavar="KIND",
            autocompletion=lambda ctx, args, incomplete: list(KINDS),
        ),
    ],
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag",
            "-t",
            metavar="TAG",
            help="sweeps: those that have it; repeatable.",
            autocompletion=_completion.tags,
        ),
    ] = None,
    search: Annotated[
        str,
        typer.Option("--search", metavar="WORDS", help="sweeps: those whose name, tags and note have them."),
    ] = "",
    every: Annotated[
        bool, typer.Option("--all", help="sweeps: also check-* and what has the tag hidden.")
    ] = False,
    config_dir: opt.ConfigDir = None,
    runs_dir: opt.RunsDir = opt.RUNS,
    as_json: opt.Json = False,
    verbose: opt.Verbose = False,
) -> int:
    """Name what there is: formats, algorithms, problems, datasets, recipes, bounds, choices, experiments, sweeps ..."""
    from lpbench.choices.hydra_session import load
    from lpbench.errors import ConfigError, did_you_mean

    if kind not in KINDS:
        raise ConfigError(f"unknown kind {kind!r}.{did_you_mean(kind, KINDS)}")
    if kind != "sweeps" and (tag or search or every):
        raise ConfigError(f"--tag, --search and --all choose among sweeps: lpbench list sweeps, got {kind!r}")
    if kind == "sweeps":
        table = _sweeps(runs_dir, tag or (), search, every)
    elif kind in _FILES:
        table = _described(kind, config_dir)
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


def _described(kind: str, config_dir: Any) -> Any:
    """What lies in files, with what the comment at the head of each says."""
    from lpbench.commands._completion import group_files
    from lpbench.terminal import Table

    group, command, most = _FILES[kind]
    rows = []
    for file in sorted(group_files(group, config_dir), key=lambda file: file.stem):
        lines = file.read_text(encoding="utf-8").splitlines()
        comments = [line[1:].strip() for line in lines if line.startswith("#")]
        said = [line for line in comments if not line.startswith("@package")]
        rows.append([file.stem, " ".join(said[:most]), command.format(file.stem)])
    return Table(["name", "description", "command"], rows)


def _sweeps(runs_dir: Any, tags: Sequence[str], search: str, every: bool) -> Any:
    from lpbench.store.about import HIDDEN
    from lpbench.store.catalog import sweeps
    from lpbench.terminal import Table, counted, note, warning

    every = every or HIDDEN in tags  # who asks for them is shown them
    rows, hidden = [], 0
    for one in sweeps(runs_dir):
        if not set(tags) <= set(one.about.tags) or not one.matches(search):
            continue
        if one.hidden and not every:
            hidden += 1
            continue
        if one.problem:
            warning(one.problem)
            continue
        bad = counted(sorted((status, count) for status, count in one.counts.items() if status != "ok"))
        told = [", ".join(one.about.tags) or "-", one.about.note or "-"]
        rows.append([one.name, sum(one.counts.values()), bad or "-", one.state, one.updated_at[:19], *told])
    if hidden:
        note(f"{hidden} hidden, --all shows {'it' if hidden == 1 else 'them'}")
    columns = ["sweep", "cells", "not ok", "state", "updated (UTC)", "tags", "note"]
    return Table(columns, rows, numbers=frozenset({"cells"}))
