"""What `lpbench bits` prints, and how it shows the rounds of the bisection."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lpbench.commands._progress import Progress
from lpbench.errors import ExitCode
from lpbench.escaping import csv_of_records
from lpbench.terminal import first, note, print_json, warning

if TYPE_CHECKING:
    from lpbench.proofs.bits.answer import Answers
    from lpbench.proofs.bits.near import NearAnswers

    Found = Answers | NearAnswers

_LISTED = 10


class Rounds:
    """Says what each round measures, and follows its sweep; call it with the text of a round."""

    def __init__(self, quiet: bool, verbose: bool):
        self._progress = Progress(quiet, verbose)
        self._options, self._count = (quiet, verbose), 0

    def __call__(self, text: str) -> Progress:
        """A progress display for the next round."""
        self.close()
        self._count += 1
        if not self._options[0]:
            note(f"round {self._count}: {text}")
        self._progress = Progress(*self._options)
        return self._progress

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._progress.close()


def report(found: "Found", figure: Path | None, as_json: bool, as_csv: bool, quiet: bool) -> int:
    """Print the answer and draw the figure; returns the exit code."""
    from lpbench.proofs.bits import near_words, said, words
    from lpbench.proofs.bits.answer import Answers

    if isinstance(found, Answers):
        title, table = words.title(found), words.table(found)
        notes, ends = words.footnotes(found), words.conclusion(found)
    else:
        title, table = near_words.title(found), near_words.table(found)
        notes, ends = near_words.footnotes(found), near_words.conclusion(found)
    if as_json:
        answer = {
            **found.asked(), "seeds": found.seeds, "folder": None if found.folder is None else str(found.folder),
            "ran": found.ran, "rows": found.rows(), "notes": notes, "conclusion": ends,
        }  # fmt: skip
        print_json(answer)
    elif as_csv:
        sys.stdout.write(csv_of_records(found.rows()))
    else:
        print(title)
        table.print()
        for line in ends:
            print(line)
        print()
    if not quiet:
        for line in notes:
            note(line)
        if found.folder is not None:
            note(f"cells: {found.folder}; computed now: {found.ran}")
            if figure is None and not (as_json or as_csv):
                note("next: --figure bits.html draws it; more seeds, dimensions or formats reuse these cells")
    if figure is not None:
        _draw(found, figure, quiet)
    bad = said.bad(found)
    for line in first(bad, _LISTED):
        warning(line)
    return ExitCode.SOME_BAD if bad else ExitCode.DONE


def _draw(found: "Found", path: Path, quiet: bool) -> None:
    from lpbench.dashboard.charts.files import write_panel
    from lpbench.dashboard.panels.answers import answers, near
    from lpbench.proofs.bits.answer import Answers
    from lpbench.proofs.bits.near_words import wanted
    from lpbench.proofs.bits.said import about

    if isinstance(found, Answers):
        panel = answers(found.rows(), found.target, found.axes, about(found))
    else:
        panel = near(found.rows(), wanted(found), found.axes, about(found))
    write_panel(panel, path)
    if not quiet:
        note(f"figure: {path}")
