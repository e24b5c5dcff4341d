import json
import math

import pytest

from lpbench.terminal import (
    Table,
    colored,
    counted,
    duration,
    error,
    first,
    print_json,
    print_pairs,
    shown,
    size,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (60, "1 min 0 s"),
        (3599.9, "1 h 0 min"),
        (90061, "1 d 1 h"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (3.3e7, "33 MB"), (5e15, "5e+03 TB")]
)
def test_sizes(count, text):
    assert size(count) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (True, "yes"), (0.123456, "0.1235"), (8, "8"), ("x", "x")]
)
def test_values(value, text):
    assert shown(value) == text


def test_json_has_null_for_what_json_cannot_say(capsys):
    print_json({"a": math.nan, "b": math.inf, "c": 1.5})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": None, "c": 1.5}


def test_a_table_that_is_piped_is_never_cut(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    Table(["a"], [["x" * 500]], "title").print()
    printed = capsys.readouterr().out
    assert "x" * 500 in printed
    assert "title" in printed


def test_columns_is_obeyed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    Table(["a", "b"], [["x" * 100, "[not markup]"]]).print()
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 40
    assert printed.count("x") == 100


def test_a_wide_table_with_keys_is_printed_in_parts(capsys, monkeypatch):
    columns = ["key", *(f"column {i}" for i in range(6))]
    table = Table(
        columns, [[row, *(f"{row}.{i}{i}{i}{i}" for i in range(6))] for row in "ab"], "title", keys=1
    )
    monkeypatch.setenv("COLUMNS", "40")
    table.print()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 40
    assert [line.split() for line in lines if line.startswith("  a")] == [
        ["a", "a.0000", "a.1111", "a.2222"],
        ["a", "a.3333", "a.4444", "a.5555"],
    ]
    assert sum("title" in line for line in lines) == 1
    monkeypatch.setenv("COLUMNS", "100")
    table.print()
    assert capsys.readouterr().out.count(" key ") == 1


def test_rows_that_are_wrong_are_red(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    Table(["x"], [["right"], ["wrong"]], red=frozenset({1})).print()
    assert [
        "\x1b[31m" in line for line in capsys.readouterr().out.splitlines() if "ng" in line or "ri" in line
    ] == [
        False,
        True,
    ]


def test_a_table_as_json_is_its_records(capsys):
    Table(["a", "b"], [[1, math.nan], ["x", None]]).print(as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"a": 1, "b": None}, {"a": "x", "b": None}]


def test_what_is_left_out_of_a_list_is_counted():
    assert first(["a", "b"], 2) == ["a", "b"]
    assert first(["a", "b", "c", "d"], 2, "more reasons") == ["a", "b", "... and 2 more reasons"]


def test_counts_keep_their_order():
    assert counted({"ok": 3, "failed": 1}) == "3 ok, 1 failed"
    assert counted([("failed", 1), ("ok", 3)]) == "1 failed, 3 ok"
    assert counted({}) == ""


def test_pairs_line_up(capsys):
    print_pairs({"a": 1, "long": None})
    assert capsys.readouterr().out == "a     1\nlong  -\n"


def test_an_error_is_one_line_without_colour_in_a_pipe(capsys):
    error("first\nsecond")
    assert capsys.readouterr().err == "error: first second\n"


def test_no_color_is_obeyed(monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colored("x", 31, Terminal()) == "\x1b[31mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert colored("x", 31, Terminal()) == "x"
