"""What a file brought is shown in full, and obeyed by nobody."""

import csv
import io
import re

import pyarrow as pa
import pytest

from lpbench.commands.export import _without_formulas
from lpbench.escaping import csv_of_records, csv_text, markdown, one_line
from lpbench.terminal import Table, colored, error, note, print_pairs, warning

EVIL = "a\n::error::b\r\x1b[31mc\x9b2J\u202ed\u2028e%0A::set-output f\x00 ##[error]g"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain λ ≥ 1, 100 %", "plain λ ≥ 1, 100 %"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\u202eabc\u2066", r"\u202eabc\u2066"),
        ("::error::x", r"\::error::x"),
        ("  ::error::x", r"\  ::error::x"),
        ("x ##[group]", r"x ##\[group]"),
        ("\ud800", r"\ud800"),
    ],
)
def test_a_line_stays_one_and_starts_nothing(text, shown):
    assert one_line(text) == shown


def lines_of(printed):
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", printed)
    assert "##[" not in printed
    found = printed.splitlines()
    assert not any(line.strip().startswith("::") for line in found)
    return found


@pytest.mark.parametrize("say", [note, error, warning])
def test_every_line_on_stderr_is_one(say, capsys):
    say(EVIL)
    assert len(lines_of(capsys.readouterr().err)) == 1


def test_tables_and_pairs_hold_what_they_are_given(capsys):
    Table([EVIL, "b"], [[EVIL, 1], ["::error::", None]], EVIL).print()
    print_pairs({EVIL: EVIL, "n": 1})
    lines = lines_of(capsys.readouterr().out)
    assert sum("set-output" in line for line in lines) >= 4


def test_a_color_is_ours_and_not_the_texts(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colored("a\x1b[0mb", 31, Terminal()) == "\x1b[31ma\\x1b[0mb\x1b[0m"


@pytest.mark.parametrize(
    "text",
    ["@team", "see #12", "GH-12", "owner/repo#3", "https://evil.example", "www.evil.example", "a@b.example",
     "&#64;team", "&commat;team"],
)  # fmt: skip
def test_no_mention_and_no_link_reaches_a_comment(text):
    shown = markdown(text)
    assert not re.search(r"@\w|#\d|GH-\d|https?://|www\.|&(?!amp;)", shown)
    assert shown.replace("\u200b", "").replace("&amp;", "&") == text  # and one reads what it says


def test_markup_is_shown_as_text():
    assert markdown("[x](y) <img> ![i](j) `c` **b** a|b ~s~\n# h") == (
        r"\[x\](y) \<img\> \!\[i\](j) \`c\` \*\*b\*\* a\|b \~s\~ #" + "\u200b h"
    )


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]
TEXTS = ["", "-", "+", "-0.5", "+1e-3", "1e5", "-.5", "lp_sgd", "a=b", "'=1", "2-3"]


def test_no_text_of_a_csv_is_a_formula_and_all_else_stays():
    read = list(csv.reader(io.StringIO(csv_text(["x", "n"], [[text, -1.5] for text in [*FORMULAS, *TEXTS]]))))
    assert [row[0] for row in read[1:]] == [*("'" + text for text in FORMULAS[:4]), r"\t=1", r"\r=1", *TEXTS]
    assert {row[1] for row in read[1:]} == {"-1.5"}
    assert csv_of_records([{"a": None, "b": 1}, {"c": "=x"}]) == "a,b,c\n,1,\n,,'=x\n"


def test_the_export_of_a_sweep_agrees_with_it():
    table = pa.table({"x": [*FORMULAS, *TEXTS, None], "n": [-1.5] * (len(FORMULAS) + len(TEXTS) + 1)})
    made = _without_formulas(table)
    assert made["x"].to_pylist() == [*("'" + text for text in FORMULAS), *TEXTS, None]
    assert made["n"].equals(table["n"])
    assert made.schema == table.schema
