"""What `lpbench reproduce` runs, prints and draws."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpbench.errors import ConfigError, ExitCode, LpbenchError
from lpbench.escaping import markdown as escaped
from lpbench.store.files import write_bytes
from lpbench.terminal import Table, duration, note, print_json, shown, warning

if TYPE_CHECKING:
    from lpbench.claims.reproduce import Result

PICTURES = (".svg", ".png")
FIGURE = "figure"  # with each ending, in the claim's folder


@dataclass(frozen=True)
class Options:
    """What holds for every claim of a call."""

    runs_dir: Path
    seeds: int | None
    quick: bool
    workers: int | None
    force: bool
    path: str | None
    config_dir: Path | None


def list_claims(as_json: bool) -> int:
    """The claims, without running any."""
    from lpbench.claims import reproduce
    from lpbench.claims.base import claims

    found = [claims.get(name) for name in reproduce.names()]
    columns = ["name", "statement", "paper", "limits", "theory"]
    records = [{column: getattr(claim, column) for column in columns} for claim in found]
    if as_json:
        print_json(records)
        return 0
    for record in records:
        print(
            f"{record['name']}\n    {record['statement']}.\n    {record['paper']}\n    passes: {record['limits']}"
        )
    note("run them: lpbench reproduce all, or lpbench reproduce NAME ...")
    return 0


def run(
    asked: Sequence[str], options: Options, figures: bool, markdown: Path | None, as_json: bool, quiet: bool,
    verbose: bool,
) -> int:  # fmt: skip
    """Run the claims one after the other; returns the exit code."""
    from lpbench.claims import reproduce
    from lpbench.commands._progress import Progress

    if markdown is not None and not markdown.parent.is_dir():
        raise ConfigError(f"cannot write {markdown}: there is no folder {markdown.parent}")
    chosen, left = reproduce.choose(list(asked), options.path)
    results: list[Result] = []
    for number, claim in enumerate(chosen, 1):
        if not quiet:
            note(f"{number}/{len(chosen)} {claim.name}: {claim.statement}")
        # In a log two lines a claim are enough.
        progress = Progress(quiet or not (verbose or sys.stderr.isatty()), verbose)
        try:
            result = reproduce.reproduce(
                claim, options.runs_dir, options.seeds, options.quick, options.workers, options.force, options.path,
                progress, options.config_dir,
            )  # fmt: skip
        finally:
            progress.close()
        results.append(result)
        if not quiet:
            note(
                f"{result.verdict}: {result.cells} cells, computed now: {result.ran}, {duration(result.seconds)}"
            )
    if figures:
        draw(results)
    if markdown is not None:
        write_bytes(markdown, as_markdown(results).encode())
    if as_json:
        print_json(
            {"counts": Counter(one.verdict for one in results), "claims": [one.record() for one in results]}
        )
    else:
        table(results).print()
    _say(results, left, quiet, as_json)
    return exit_code(results)


def as_markdown(results: Sequence[Result]) -> str:
    """For a page: each claim with its statement, and one table of the statistics."""
    lines = ["| claim | statistic | median | min ... max | replicates | passes | |"]
    lines.append("| --- | --- | ---: | --- | ---: | --- | --- |")
    for row in table(results).rows:
        texts = [text if isinstance(text, str) else shown(text) for text in row]
        lines.append("| " + " | ".join(map(escaped, texts)) + " |")
    said = [
        f"**{one.claim.name}**: {one.verdict}. {one.claim.statement}. ({one.claim.paper})"
        + "".join(f" {line}." for line in [*one.why, *one.remarks])
        for one in results
    ]
    return "\n".join([*lines, "", "\n\n".join(said), ""])


def exit_code(results: Sequence[Result]) -> int:
    """4 if a claim fails, else 3 if cells did, else 0."""
    from lpbench.claims.reproduce import FAIL, INCOMPLETE

    verdicts = {one.verdict for one in results}
    if FAIL in verdicts:
        return ExitCode.REGRESSION
    return ExitCode.SOME_BAD if INCOMPLETE in verdicts else ExitCode.DONE


def table(results: Sequence[Result]) -> Table:
    """One row a statistic."""
    rows: list[list[Any]] = []
    red = set()
    for one in results:
        for measure in one.measures:
            record = measure.record()
            if not measure.passed:
                red.add(len(rows))
            ends = f"{shown(record['min'])} ... {shown(record['max'])}"
            verdict = "PASS" if measure.passed else "FAIL"
            name, passes = one.claim.name, measure.threshold
            rows.append([name, measure.name, record["median"], ends, one.replicates, passes, verdict])
        if one.bad:
            red.add(len(rows))
            rows.append([one.claim.name, "-", None, "-", 0, one.claim.limits, one.verdict])
    columns = ["claim", "statistic", "median", "min ... max", "replicates", "threshold", "verdict"]
    return Table(columns, rows, numbers=frozenset({"median", "replicates"}), keys=2, red=frozenset(red))


def _say(results: Sequence[Result], left: Sequence[str], quiet: bool, as_json: bool) -> None:
    for one in results:
        for line in one.why:
            warning(f"{one.claim.name}: {line}")
        if not quiet and not as_json:
            for line in one.remarks:
                note(f"{one.claim.name}: {line}")
    if quiet:
        return
    for line in left:
        note(line)
    counts = Counter(one.verdict for one in results)
    said = ", ".join(
        f"{counts[verdict]} {verdict}" for verdict in ("PASS", "FAIL", "INCOMPLETE") if counts[verdict]
    )
    note(f"{len(results)} claims: {said}; {duration(sum(one.seconds for one in results))}")
    if results:
        note(f"results and figures: {results[0].folder.parent}")


def draw(results: Sequence[Result]) -> None:
    """The figures of all claims as html, and, where there is a browser, as svg and png; all of these in one browser."""
    from lpbench.dashboard.charts.files import standalone, write_panel, write_pictures
    from lpbench.dashboard.pages.reproduction import panel

    panels = {one.folder / FIGURE: panel(one.record()) for one in results if one.plot is not None}
    for path, drawn in panels.items():
        write_panel(drawn, path.with_suffix(".html"))
    pictures = {
        path.with_suffix(ending): standalone(drawn) for path, drawn in panels.items() for ending in PICTURES
    }
    try:
        write_pictures(pictures)
    except LpbenchError as error:
        note(f"figures are html only: {str(error).partition('(')[2].partition(')')[0] or error}")
