"""`lpbench annotate`."""

from typing import Annotated

import typer

from lpbench.commands import _completion
from lpbench.commands import _options as opt

NEEDS_ARGUMENTS = True


def command(
    names: opt.Sweeps,
    note: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="The note; '' takes it away.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", "-t", metavar="TAG", help="A further tag; repeatable.", autocompletion=_completion.tags
        ),
    ] = None,
    untag: Annotated[
        list[str] | None,
        typer.Option(
            "--untag", metavar="TAG", help="A tag less; repeatable.", autocompletion=_completion.tags
        ),
    ] = None,
    runs_dir: opt.RunsDir = opt.RUNS,
    as_json: opt.Json = False,
    verbose: opt.Verbose = False,
) -> int:
    """Keep a note and tags with sweeps; without options, print them.

    lpbench annotate first second --tag paper --note "Table 2". The tag `hidden` takes a sweep out of lists.
    """
    from lpbench.store import find_sweep
    from lpbench.store.about import annotate, check, read_about
    from lpbench.store.folder import name_of
    from lpbench.terminal import Table

    folders = [find_sweep(name, runs_dir) for name in names]
    rows = []
    asked = note is not None or tag or untag
    for folder in folders if asked else ():
        check(folder, note, tag or (), untag or ())  # all of them, before any is changed
    for folder in folders:
        about = annotate(folder, note, tag or (), untag or ()) if asked else read_about(folder)
        rows.append(
            [name_of(folder), list(about.tags) if as_json else ", ".join(about.tags) or "-", about.note]
        )
    Table(["sweep", "tags", "note"], rows).print(as_json)
    return 0
