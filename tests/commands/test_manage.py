"""annotate, rename, delete, and what `list sweeps` and `show` say of it."""

import json
import sys

import pytest
from fake_results import fake_cell, fake_result

from lpbench import cli
from lpbench.store import SweepWriter, list_sweeps, load_cells
from lpbench.store.about import About, annotate, read_about


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """`demo` of two cells, `other` and `check-main` of none, in ./runs."""
    monkeypatch.chdir(tmp_path)
    for name, seeds in (("demo", 2), ("other", 0), ("check-main", 0)):
        with SweepWriter(tmp_path / "runs" / name, [], seeds) as store:
            for seed in range(seeds):
                store.put(fake_result(fake_cell(seed)))
    return tmp_path / "runs"


@pytest.fixture
def lpbench(capsys):
    """Run a command; (stdout, stderr)."""

    def run(*arguments, code=0):
        assert cli.run([*arguments]) == code
        return capsys.readouterr()

    return run


@pytest.fixture
def answering(monkeypatch):
    """A terminal whose person answers so."""

    def answer(*lines):
        given = iter(lines)
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys.stdin, "readline", lambda: next(given, ""), raising=False)

    return answer


def test_annotations_are_kept_and_shown(runs, lpbench):
    lpbench("annotate", "demo", "other", "--tag", "paper", "--tag", "old")
    lpbench("annotate", "demo", "--note", "Table 2,\nfixed point", "--untag", "old")
    assert read_about(runs / "demo") == About("Table 2,\nfixed point", ("paper",))
    rows = json.loads(lpbench("annotate", "demo", "other", "--json").out)
    assert rows[1] == {"sweep": "other", "tags": ["paper", "old"], "note": ""}
    assert "Table 2" in lpbench("annotate", "demo").out
    shown = lpbench("show", "demo").err.splitlines()
    assert shown[-2:] == ["tags: paper", "note: Table 2, fixed point"]
    assert json.loads(lpbench("show", "demo", "--json").out)["tags"] == ["paper"]
    assert "has no tag 'pape'" in lpbench("annotate", "demo", "--untag", "pape", code=2).err
    assert "Did you mean 'demo'?" in lpbench("annotate", "dmo", "--tag", "x", code=2).err


def test_of_several_of_which_one_cannot_be_none_is_changed(runs, lpbench):
    lpbench("annotate", "demo", "--tag", "paper")
    assert "other has no tag 'paper'" in lpbench("annotate", "demo", "other", "--untag", "paper", code=2).err
    assert read_about(runs / "demo").tags == ("paper",)


def test_lists_leave_out_what_is_hidden_and_find_what_is_asked(runs, lpbench):
    annotate(runs / "demo", "Table 2", ["paper"])
    annotate(runs / "other", None, ["hidden", "paper"])

    def names(*options):
        out, err = lpbench("list", "sweeps", "--json", *options)
        return [row["sweep"] for row in json.loads(out)], err

    assert names() == (["demo"], "2 hidden, --all shows them\n")
    assert names("--all") == (["check-main", "demo", "other"], "")
    assert names("--tag", "paper") == (["demo"], "1 hidden, --all shows it\n")
    assert names("--tag", "hidden") == (["other"], "")
    assert names("--search", "TABLE pap") == (["demo"], "")
    assert names("--search", "main", "--all") == (["check-main"], "")
    assert "Table 2" in lpbench("list", "sweeps").out
    assert "lpbench list sweeps, got 'formats'" in lpbench("list", "formats", "--tag", "x", code=2).err


def test_rename(runs, lpbench):
    assert lpbench("rename", "demo", "kept").out == "demo is kept now\n"
    assert len(load_cells("kept")) == 2
    assert "unknown sweep 'demo': it was renamed, to 'kept'" in lpbench("resume", "demo", code=2).err
    assert "already" in lpbench("rename", "kept", "other", code=2).err


def test_a_sweep_named_by_its_folder_alone_is_called_by_its_name(runs, lpbench, monkeypatch):
    monkeypatch.chdir(runs / "demo")
    assert json.loads(lpbench("annotate", ".", "--json").out)[0]["sweep"] == "demo"
    assert lpbench("rename", ".", "new").out == "demo is new now\n"


def test_delete_asks_twice(runs, lpbench, answering):
    annotate(runs / "demo", "Table 2")
    answering("y\n", "demo\n")
    out, err = lpbench("delete", "demo")
    assert "demo: 2 cells (2 ok), " in err
    assert "note: Table 2" in err
    assert "Delete it for good? [y/N]" in err
    assert "Type 'demo'" in err
    assert out.startswith("deleted: runs/demo (2 cells, ")
    assert not (runs / "demo").exists()


@pytest.mark.parametrize("answers", [["n\n"], [""], ["y\n", "y\n"], ["y\n", ""], ["y\n", "demo\n"]])
def test_without_both_answers_nothing_goes(runs, lpbench, answering, answers):
    answering(*answers)
    assert "nothing was deleted" in lpbench("delete", "demo", "other", code=2).err
    assert list_sweeps(runs) == ["check-main", "demo", "other"]


def test_where_nobody_is_asked_only_yes_deletes(runs, lpbench):
    assert "use --yes" in lpbench("delete", "demo", code=2).err
    (runs / "demo" / "mine.txt").write_text("mine")
    assert "unknown sweep 'nope'" in lpbench("delete", "demo", "nope", "--yes", code=2).err
    assert list_sweeps(runs) == ["check-main", "demo", "other"]
    err = lpbench("delete", "demo", "runs/demo", "other", "--yes").err
    assert "runs/demo stays: lpbench did not write mine.txt" in err
    assert list_sweeps(runs) == ["check-main"]


def test_cells_that_cannot_be_counted_are_not_said_to_be_none(runs, lpbench):
    (runs / "demo" / "manifest.json").write_text("{")
    assert "deleted: runs/demo (cells that cannot be counted, " in lpbench("delete", "demo", "--yes").out


def test_of_several_of_which_one_is_written_none_goes(runs, lpbench):
    with SweepWriter(runs / "other", [], 0):
        assert "another lpbench" in lpbench("delete", "demo", "other", "--yes", code=1).err
    assert list_sweeps(runs) == ["check-main", "demo", "other"]
