"""Texts that a file brought (labels, errors, names), for those who read them: terminals, logs, Markdown, spreadsheets.

A sweep or a baseline may come from someone else. What it holds is shown in full, and obeyed by nobody: it starts no
line of its own, moves no cursor, is no command of a CI's log, no link, no mention, no formula.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Controls, ends of lines, marks that turn the direction of writing, halves of characters, and what is none.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
# Halves of characters, and bytes of a name or a command line that are no text: no UTF-8, no JSON, no page holds them.
HALF = re.compile("[\ud800-\udfff]")
_MARKS = re.compile(r"[\\`*_\[\]<>|~!]")
_APPEAR = "\u200b"  # has no width: what it stands in is no mention and no link any more
_LINKS = re.compile(r"[@#]|:(?=//)|\bwww(?=\.)|\bGH(?=-\d)", re.IGNORECASE)
FORMULA = r"^[=+\-@\t\r]"  # how a cell begins that a spreadsheet computes ...
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)?([eE][+-]?\d+)?$"  # ... unless it is a number, or a lone sign


def one_line(text: str) -> str:
    r"""`text` on one line, controls written out (`\n`, `\x1b`), and no workflow command of GitHub: `::` and `##[`."""
    plain = _UNSEEN.sub(lambda mark: repr(mark[0])[1:-1], text)
    start = "\\" if plain.lstrip().startswith("::") else ""
    return start + plain.replace("##[", "##\\[")


def markdown(text: str) -> str:
    """`text` as Markdown shows it, also in a cell of a table: nothing in it is markup, a link, or a mention."""
    plain = _MARKS.sub(r"\\\g<0>", one_line(" ".join(text.split())).replace("&", "&amp;"))
    return _LINKS.sub(lambda found: found[0] + _APPEAR, plain)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV: null is empty, numbers in full, texts as `one_line`, with `'` before what a spreadsheet would compute."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return target.getvalue()


def csv_of_records(rows: Sequence[Mapping[str, Any]]) -> str:
    """`csv_text` of rows by name, with every column that one of them has."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return csv_text(names, ([row.get(name) for name in names] for row in rows))


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return "" if value is None else value
    text = one_line(value)
    return "'" + text if re.search(FORMULA, text) and not re.search(NUMBER, text) else text
