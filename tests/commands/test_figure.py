"""`lpbench figure`: a figure of the dashboard as a file, by words or by the address of its page."""

import pytest
from fake_results import fake_cell, fake_result

from lpbench import cli
from lpbench.commands import _completion
from lpbench.store.writer import SweepWriter


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    cells = [fake_cell(seed, bits, rounding="stochastic") for seed in range(2) for bits in (4, 6)]
    with SweepWriter(folder / "demo", [], len(cells), {}) as store:
        for cell in cells:
            store.put(fake_result(cell))
    return folder


def run(folder, capsys, *words, code=0):
    assert cli.run(["figure", *map(str, words), "--runs-dir", str(folder)]) == code
    return capsys.readouterr().err


def test_words_and_the_address_make_the_same_file(folder, tmp_path, capsys):
    words = (
        "demo",
        "--page",
        "convergence",
        "x=epoch",
        "zoom=0:xaxis:0:1",
        "--width",
        "icml",
        "--font-size",
        "9",
    )
    said = run(folder, capsys, *words, "-o", tmp_path / "a.pgf")
    assert f"figure: {tmp_path / 'a.pgf'}" in said
    assert f"caption: {tmp_path / 'a.tex'}" in said
    first = (tmp_path / "a.pgf").read_text(encoding="utf-8")
    assert r"\fontsize{9}{10.8}" in first
    address = "http://127.0.0.1:8050/lpbench/convergence?sweep=demo&x=epoch&zoom=0:xaxis:0:1"
    said = run(folder, capsys, address, "--width", "3.25", "--font-size", "9", "-o", tmp_path / "a.pgf")
    assert (tmp_path / "a.pgf").read_text(encoding="utf-8") == first
    assert "was there and stays" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["demo", "-o", "a.pgf"], "name the page"),
        (["demo", "--page", "Precisoin", "-o", "a.pgf"], "Did you mean 'Precision'"),
        (["demo", "--page", "Precision", "-o", "a.doc"], "ending"),
        (["demo", "--page", "Precision", "--width", "nurips", "-o", "a.pdf"], "Did you mean 'neurips'"),
        (["demo", "--page", "Precision", "--width", "3", "-o", "a.tex"], "--width is for a figure"),
        (["demo", "--page", "Precision", "--columns", "a", "-o", "a.pdf"], "--columns is for a table"),
        (["demo", "--page", "Precision", "--columns", "forma", "-o", "a.csv"], "no column 'forma'"),
        (["demo", "--page", "Precision", "colour=format", "-o", "a.pgf"], "no control 'colour'"),
        (["demo", "/precision?sweep=other", "-o", "a.pgf"], "of the sweep other, and not of demo"),
        (["/precision", "-o", "a.pgf"], "the address names no sweep"),
        (["demo", "/precision", "/cells", "-o", "a.pgf"], "one address is enough"),
        (["demo", "/precision", "--page", "Cells", "-o", "a.pgf"], "the address is of the page Precision"),
        (["demo", "--page", "Cells", "--panel", "7", "-o", "a.pgf"], "panels 0 to 1, got 7"),
        (
            ["demo", "--page", "Cells", "--panel", "1", "-o", "a.pgf"],
            "parallel coordinates cannot be written as pgf",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(
    folder, tmp_path, monkeypatch, capsys, words, said
):
    monkeypatch.chdir(tmp_path)
    error = run(folder, capsys, *words, code=2)
    assert said in error
    assert len(error.splitlines()) == 1
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_is_not_there_is_said_before_anything_is_drawn(folder, tmp_path, capsys):
    assert "there is no folder" in run(folder, capsys, "demo", "-o", tmp_path / "no" / "a.pdf", code=1)


def test_completion_knows_the_pages_and_the_widths():
    assert _completion.pages(None, [], "pre") == ["Precision"]
    assert "icml-text" in _completion.widths(None, [], "icml")
