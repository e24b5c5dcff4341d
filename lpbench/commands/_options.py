"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _completion
from lpbench.errors import LpbenchError, StoreError
from lpbench.store.address import locate

RUNS = Path("runs")


def each_key_once(overrides: list[str] | None) -> list[str] | None:
    """The overrides; raises ConfigError for a key that is given twice."""
    from lpbench.choices.grid import check_once

    check_once(overrides or [])
    return overrides


def check_place(path: Path | None, error: type[LpbenchError] = StoreError) -> None:
    """Raise before the work, not after it, where the file `path` could not be written."""
    if path is not None and not path.parent.is_dir():
        raise error(f"cannot write {path}: there is no folder {path.parent}")


Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        help="KEY=VALUE, KEY=VALUE,VALUE, 'KEY=range(0,5)', +experiment=NAME; none: the default grid.",
        metavar="OVERRIDES",
        autocompletion=_completion.overrides,
        callback=each_key_once,
    ),
]
OverridesOrSweep = Annotated[
    list[str] | None,
    typer.Argument(
        help="As for `lpbench sweep`; or the name of one stored sweep; none: the default grid.",
        metavar="OVERRIDES|SWEEP",
        autocompletion=_completion.overrides_and_sweeps,
        callback=each_key_once,
    ),
]
Sweep = Annotated[
    str, typer.Argument(help="The sweep's name.", metavar="NAME", autocompletion=_completion.sweeps)
]
Sweeps = Annotated[
    list[str], typer.Argument(help="Names of sweeps.", metavar="NAME...", autocompletion=_completion.sweeps)
]
Name = Annotated[
    str, typer.Option("--name", "-n", help="The sweep's name.", autocompletion=_completion.sweeps)
]
ConfigDir = Annotated[
    Path | None,
    typer.Option(
        "--config-dir", help="A folder with your own yamls and modules.", metavar="DIRECTORY", parser=locate
    ),
]
_RUNS_DIR = typer.Option(
    "--runs-dir",
    help="Where sweeps lie, a folder or an address such as s3://bucket/runs (default: runs).",
    metavar="PATH",
    parser=locate,
    show_default=False,
)
RunsDir = Annotated[Path, _RUNS_DIR]
# Where an override, `runs_dir=...`, may say it as well.
RunsDirOrChoice = Annotated[Path | None, _RUNS_DIR]
Workers = Annotated[
    int | None, typer.Option("--workers", "-w", min=1, help="Cells at a time (default: all cores).")
]
Force = Annotated[bool, typer.Option("--force", help="Compute stored cells again.")]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first cell that is not ok.")]
SkipInvalid = Annotated[
    bool, typer.Option("--skip-invalid", help="Leave out combinations that make no sense.")
]
MaxCells = Annotated[int, typer.Option("--max-cells", min=1, help="Ask before running a larger grid.")]
MaxMemory = Annotated[
    float | None,
    typer.Option(
        "--max-memory",
        min=0,
        help="GB of memory that the cells may take; inf: any (default: what this machine has).",
        metavar="GB",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would run, as `lpbench plan` does.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Markdown = Annotated[
    Path | None, typer.Option("--markdown", metavar="FILE", help="Write Markdown, for a comment or a page.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="A line for each cell; tracebacks.")]
