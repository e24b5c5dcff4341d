"""`lpbench export`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lpbench.commands import _options as opt

FORMATS = ("csv", "parquet")


def command(
    name: opt.Sweep,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file (csv: default stdout).")
    ] = None,
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="csv or parquet (default: by the file's ending, else csv).",
            autocompletion=lambda ctx, args, incomplete: list(FORMATS),
        ),
    ] = None,
    traces: Annotated[bool, typer.Option("--traces", help="The traces, in place of the cells.")] = False,
    tensors: Annotated[
        bool,
        typer.Option("--tensors", help="What rounding did to each tensor of its networks, in their place."),
    ] = False,
    runs_dir: opt.RunsDir = opt.RUNS,
    verbose: opt.Verbose = False,
) -> int:
    """Write the cells (or traces, or tensors) of a sweep as one csv or Parquet file.

    In csv, a text that a spreadsheet would compute has a ' before it.
    """
    import sys

    import pyarrow.csv

    from lpbench.analysis.tensors import NONE
    from lpbench.errors import ConfigError, StoreError, did_you_mean
    from lpbench.store import find_sweep, read_cells, read_tensors, read_traces
    from lpbench.store.files import write_named, write_table
    from lpbench.terminal import note

    ending = output.suffix.lstrip(".") if output is not None else ""
    kind = format_name or (ending if ending in FORMATS else "csv")
    if kind not in FORMATS:
        raise ConfigError(f"unknown export format {kind!r}.{did_you_mean(kind, FORMATS)}")
    if kind == "parquet" and output is None:
        raise ConfigError("a Parquet file needs --output FILE")
    if traces and tensors:
        raise ConfigError("--traces and --tensors are two tables: export one after the other")
    folder = find_sweep(name, runs_dir)
    table = (read_tensors if tensors else read_traces if traces else read_cells)(folder)
    if tensors and not table.num_rows:
        raise ConfigError(f"{folder.name} has no tensors: {NONE}")
    if kind == "csv":
        table = _without_formulas(table)
    if output is None:
        text = sys.stdout.buffer
        pyarrow.csv.write_csv(table, text)
        text.flush()
        return 0
    if not output.parent.is_dir():
        raise StoreError(f"cannot write {output}: no folder {output.parent}")
    if kind == "csv":
        write_named(output, lambda file: pyarrow.csv.write_csv(table, file))
    else:
        write_table(output, table, write_named)
    note(f"{output}: {table.num_rows} rows, {table.num_columns} columns")
    return 0


def _without_formulas(table: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    from lpbench.escaping import FORMULA, NUMBER

    for i, field in enumerate(table.schema):
        if not pa.types.is_string(field.type):
            continue
        column = table[i]
        computed = pc.and_not(
            pc.match_substring_regex(column, FORMULA), pc.match_substring_regex(column, NUMBER)
        )
        if pc.any(computed).as_py():
            quoted = pc.binary_join_element_wise("'", column, "")
            table = table.set_column(i, field, pc.if_else(computed, quoted, column))
    return table
