"""`lpbench reproduce`: what it prints and its exit codes."""

import json
from pathlib import Path

import pytest

from lpbench import cli
from lpbench.claims.base import Measure, claims
from lpbench.claims.papers.floor_stops import FloorStops


def lpbench(*arguments: str | Path) -> int:
    return cli.run([str(argument) for argument in arguments])


def test_without_names_it_lists_the_claims(capsys: pytest.CaptureFixture) -> None:
    assert lpbench("reproduce", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found] == claims.names()
    assert lpbench("reproduce") == 0
    said = capsys.readouterr()
    assert "floor_halves\n    The noise floor of LP-SGD" in said.out
    assert "lpbench reproduce all" in said.err


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    assert lpbench("reproduce", "floor_stop", "--runs-dir", tmp_path) == 2
    assert "Did you mean 'floor_stops'?" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_pass_with_its_figure(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    asked = ["reproduce", "floor_stops", "bits_flat", "--quick", "--runs-dir", tmp_path]
    assert lpbench(*asked) == 0
    said = capsys.readouterr()
    assert said.out.count("PASS") == 4  # one of floor_stops, three theorems of bits_flat
    assert "2 claims: 2 PASS" in said.err
    folder = tmp_path / "reproduce" / "floor_stops-quick"
    assert "plotly" in (folder / "figure.html").read_text(encoding="utf-8")
    assert (folder / "cells.parquet").is_file()
    assert lpbench(*asked, "--json", "--no-figures") == 0
    said = capsys.readouterr()
    record = json.loads(said.out)
    assert record["counts"] == {"PASS": 2}
    assert [one["ran"] for one in record["claims"]] == [0, 0]


def test_a_failing_claim_gives_exit_code_4(
    capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FloorStops, "measure", lambda self, cells: [Measure("drop", [0.01, 0.2], high=0.05)])
    assert lpbench("reproduce", "floor_stops", "--quick", "--no-figures", "--runs-dir", tmp_path) == 4
    said = capsys.readouterr()
    assert "FAIL" in said.out
    assert "drop: 1 of 2 values miss <= 0.05: 0.2" in said.err


def test_cells_that_fail_give_exit_code_3(
    capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(choices: dict, limit: float) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("lpbench.formats.fixed.Fixed.from_choices", staticmethod(broken))
    assert lpbench("reproduce", "floor_stops", "--quick", "--no-figures", "--runs-dir", tmp_path) == 3
    said = capsys.readouterr()
    assert "INCOMPLETE" in said.out
    assert "6 of 6 cells are not ok" in said.err


def test_the_names_of_claims_are_no_sweeps(tmp_path: Path) -> None:
    assert lpbench("sweep", "steps=10", "--name", "reproduce", "--runs-dir", tmp_path) == 2
