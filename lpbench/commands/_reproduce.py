"""What `lpbench reproduce` runs, prints and draws."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lpbench.commands._progress import Progress
from lpbench.errors import ExitCode, LpbenchError
from lpbench.escaping import markdown as escaped
from lpbench.terminal import Table, counted, duration, note, print_json, shown, warning

if TYPE_CHECKING:
    from lpbench.claims.base import Claim
    from lpbench.claims.reproduce import Result

PICTURES = (".svg", ".png")
FIGURE = "figure"  # with each ending, in the claim's folder


def list_claims(as_json: bool) -> int:
    """The claims, without running any."""
    from lpbench.claims.base import claims

    found = [claims.get(name) for name in claims.names()]
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


def run(chosen: Sequence[Claim], one: Callable[..., Result], quiet: bool, verbose: bool) -> list[Result]:
    """Reproduce the claims one after the other; `one` does it for a claim, and takes what follows its events."""
    results = []
    for number, claim in enumerate(chosen, 1):
        if not quiet:
            note(f"{number}/{len(chosen)} {claim.name}: {claim.statement}")
        # In a log two lines a claim are enough.
        with Progress(quiet or not (verbose or sys.stderr.isatty()), verbose) as progress:
            result = one(claim, on_event=progress)
        results.append(result)
        if not quiet:
            took = duration(result.seconds)
            note(f"{result.verdict}: {result.cells} cells, computed now: {result.ran}, {took}")
    return results


def show(results: Sequence[Result], left: Sequence[str], as_json: bool, quiet: bool) -> None:
    """The statistics, why a claim fails, and what was left out."""
    if as_json:
        counts = Counter(one.verdict for one in results)
        print_json({"counts": counts, "claims": [one.record() for one in results]})
    else:
        table(results).print()
    _say(results, left, quiet, as_json)


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
    verdicts = [one.verdict for one in results]
    counts: dict[str, int] = {
        name: verdicts.count(name) for name in ("PASS", "FAIL", "INCOMPLETE") if name in verdicts
    }
    note(f"{len(results)} claims: {counted(counts)}; {duration(sum(one.seconds for one in results))}")
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
