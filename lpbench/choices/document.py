"""The tables of the documents that are made from what is declared: python -m lpbench.choices.document docs/*.md."""

import itertools
import sys
from collections.abc import Iterable
from pathlib import Path

from lpbench.choices import keys
from lpbench.declared import columns
from lpbench.declared.declarations import Choice, Metric
from lpbench.declared.words import TERMS
from lpbench.store.files import write_bytes


def values(choice: Choice) -> str:
    """What a choice may be, in words."""
    return choice.kind.allowed().removeprefix("a ")


def default(choice: Choice) -> str:
    """The default as an override has it."""
    return "null" if choice.default is None else f"{choice.default}".lower().removesuffix(".0")


def choices_table() -> str:
    """Every key."""
    rows = [
        f"| `{one.name}` | {values(one)} | `{default(one)}` | {one.text} |" for one in keys.every().values()
    ]
    return "\n".join(["| key | values | default | meaning |", "| --- | --- | --- | --- |", *rows])


def columns_table(declared: Iterable[Metric]) -> str:
    """Columns; those beside each other of which the same is said in one row."""
    rows = [
        f"| {' '.join(f'`{one.name}`' for one in same)} | {text} |"
        for text, same in itertools.groupby(declared, key=lambda one: one.text)
    ]
    return "\n".join(["| column | meaning |", "| --- | --- |", *rows])


def terms_table() -> str:
    """The glossary, each term with an anchor, in the order of their names."""
    rows = [
        f'| <a id="{one.anchor}"></a>{one.name} | {one.text} |'
        for one in sorted(TERMS, key=lambda one: one.name.lower())
    ]
    return "\n".join(["| term | meaning |", "| --- | --- |", *rows])


TABLES = {
    "choices": choices_table,
    "columns": lambda: columns_table([*columns.COLUMNS, *columns.FURTHER]),
    "tensors": lambda: columns_table(columns.TENSORS),
    "costs": lambda: columns_table(columns.COSTS),
    "terms": terms_table,
}


def written(page: str) -> str:
    """`page` with the tables between its marks as they are to be."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name}: written by lpbench.choices.document -->\n", "<!-- end -->"
        before, mark, rest = page.partition(start)
        if mark:
            page = f"{before}{start}\n{table()}\n\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    for file in map(Path, sys.argv[1:]):
        page = file.read_text(encoding="utf-8")
        if written(page) != page:
            write_bytes(file, written(page).encode())
