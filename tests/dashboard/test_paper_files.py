"""Files for a paper: what they say of themselves, and the command that makes them again."""

import re
import shlex
import shutil
import struct
import zlib

import pytest
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.paper.files import FIGURES, KINDS, TABLES, Order, kind_of, write
from lpbench.dashboard.paper.metadata import titled
from lpbench.dashboard.paper.printed import Size
from lpbench.dashboard.report import report
from lpbench.dashboard.view import page_called, read

from lpbench.errors import ConfigError

browser = pytest.mark.skipif(
    not any(map(shutil.which, report.BROWSERS)), reason="no chromium: `make browser` installs Debian's"
)
PDF = b"%PDF-1.4\n1 0 obj\n<</Title (x)>>\nendobj\n" + (
    b"trailer\n<</Size 2\n/Root 9 0 R\n/Info 1 0 R>>\nstartxref\n5\n%%EOF\n"
)


@pytest.fixture
def order(runs):
    sweep = Store(runs).sweep("made")
    return Order(
        read(page_called("Precision"), sweep, 0, {"algorithm": "halp"}),
        Size(3.25),
        more=("--runs-dir", "a b"),
    )


def test_a_pgf_and_its_float_name_the_sweep_and_the_command(order, tmp_path):
    target = tmp_path / "fig.pgf"
    assert write(order, target) == [target, tmp_path / "fig.tex"]
    words = [
        "made",
        "--page",
        "Precision",
        "algorithm=halp",
        "--width",
        "3.25",
        "--font-size",
        "8",
        "--runs-dir",
        "a b",
    ]
    for file in tmp_path.iterdir():
        first, second = file.read_text(encoding="utf-8").splitlines()[:2]
        assert re.fullmatch(r"% Sweep made, lpbench \S+ Made by:", first)
        assert shlex.split(second.removeprefix("%")) == ["lpbench", "figure", *words, "--output", str(target)]
    said = (tmp_path / "fig.tex").read_text(encoding="utf-8")
    assert r"\input{fig.pgf}" in said
    assert r"\label{fig:made-precision}" in said
    assert re.search(r"\\caption\{Noise floor against precision\. Points: medians over 4 seeds", said)


def test_a_caption_that_is_there_stays(order, tmp_path):
    mine = tmp_path / "fig.tex"
    mine.write_text("mine")
    target = tmp_path / "fig.pgf"
    assert write(order, target) == write(order, target, False) == [target]
    assert mine.read_text() == "mine"
    assert write(order, target, True) == [target, mine]
    assert mine.read_text() != "mine"
    with pytest.raises(ConfigError, match="--caption is for what LaTeX takes"):
        write(order, tmp_path / "fig.svg", True)


def test_a_table_has_the_columns_that_were_asked_for(order, tmp_path):
    table = Order(order.view, columns=("format", "noise floor"))
    assert write(table, tmp_path / "t.tex") == [tmp_path / "t.tex"]
    text = (tmp_path / "t.tex").read_text(encoding="utf-8")
    assert r"\begin{tabular}{lr@{}l}" in text
    assert "--columns 'format,noise floor'" in text
    write(table, tmp_path / "t.csv")
    lines = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "format,noise floor"
    assert len(lines) == 1 + 2 * 3 * 2
    write(table, tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").read_bytes()[:4] == b"PAR1"


def test_the_ending_says_what_is_written(tmp_path):
    assert {*FIGURES} | {*TABLES} == {*KINDS}
    with pytest.raises(ConfigError, match="Did you mean 'pgf'"):
        kind_of(tmp_path / "fig.pgff")
    with pytest.raises(ConfigError, match="Choose from: csv, html"):
        kind_of(tmp_path / "fig")


def test_a_page_of_its_own_has_a_title(order, tmp_path):
    write(order, tmp_path / "fig.html")
    text = (tmp_path / "fig.html").read_text(encoding="utf-8")
    assert "<title>made: Noise floor against precision</title>" in text
    assert "lpbench figure made --page Precision" in text


def test_a_pdf_is_told_its_title_in_an_update_at_its_end():
    found = titled("pdf", PDF, "made: σ", "a (b")
    assert found.startswith(PDF)
    *_, at = re.findall(rb"startxref\n(\d+)\n%%EOF", found)
    table = re.match(rb"xref\n1 1\n(\d{10}) 00000 n \ntrailer\n(.*)", found[int(at) :], re.DOTALL)
    assert found[int(table[1]) :].startswith(b"1 0 obj\n<</Title <FEFF")
    assert b"/Root 9 0 R" in table[2]
    assert b"/Prev 5>>" in table[2]
    (title,) = re.findall(rb"/Title <FEFF([0-9A-F]+)>", found)
    assert bytes.fromhex(title.decode()).decode("utf-16-be") == "made: σ"


def test_a_png_has_chunks_that_are_whole():
    head = b"\x89PNG\r\n\x1a\n" + bytes(25)
    found = titled("png", head + b"rest", "made", "lpbench")
    assert found.startswith(head)
    assert found.endswith(b"rest")
    body = found[len(head) : -len(b"rest")]
    while body:
        size = struct.unpack(">I", body[:4])[0]
        assert body[4:8] == b"iTXt"
        assert zlib.crc32(body[4 : 8 + size]) == struct.unpack(">I", body[8 + size : 12 + size])[0]
        body = body[12 + size :]


def test_a_svg_says_what_it_is():
    found = titled("svg", b'<svg width="1"><g/></svg>', "a < b", "c")
    assert found == b'<svg width="1"><title>a &lt; b</title><desc>c</desc><g/></svg>'


@browser
def test_a_pdf_has_the_width_in_inches(order, tmp_path):
    write(order, tmp_path / "fig.pdf")
    content = (tmp_path / "fig.pdf").read_bytes()
    wide = [float(found) for found in re.findall(rb"/MediaBox \[0 0 ([\d.]+) [\d.]+\]", content)]
    assert wide == [pytest.approx(3.25 * 72, abs=0.5)]
    assert "made: Noise floor".encode("utf-16-be").hex().upper().encode() in content
    assert r"\includegraphics{fig.pdf}" in (tmp_path / "fig.tex").read_text(encoding="utf-8")
