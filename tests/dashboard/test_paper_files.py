"""Files for a paper: what they say of themselves, and the command that makes them again."""

import json
import re
import shlex
import shutil
import struct
import zlib
from pathlib import Path

import lpbench.dashboard
import pytest
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.paper.files import FIGURES, KINDS, TABLES, Order, kind_of, write
from lpbench.dashboard.paper.metadata import titled
from lpbench.dashboard.paper.printed import Size
from lpbench.dashboard.paper.widths import WIDTHS
from lpbench.dashboard.report import report
from lpbench.dashboard.server.app import create_app
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


def test_the_page_offers_the_same_widths():
    script = (Path(lpbench.dashboard.__path__[0]) / "assets" / "dialogs.js").read_text(encoding="utf-8")
    (widths,) = re.findall(r"const WIDTHS = (\[.*?\]);", script)
    assert sorted(json.loads(widths)) == sorted(WIDTHS)


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("page=/precision&kind=pgf&width=icml&font=9", 200, "\\begin{tikzpicture}[font=\\fontsize{9}"),
        ("page=/precision&kind=tex&columns=format,%20precision", 200, "format & precision"),
        ("page=/precision&kind=pgf&width=imcl", 404, "Did you mean 'icml'"),
        ("page=/precision&kind=pgf&font=nine", 404, "font: points, got 'nine'"),
        ("page=/precision&kind=pgf&font=nan", 404, "font size: 4 to 24 points"),
        ("page=/formats&kind=pgf", 404, "cannot be written as pgf"),
        ("page=/precision&kind=pdf", 404, "unknown panel or kind"),
    ],
)
def test_a_page_serves_what_is_text(runs, asked, status, said):
    answer = create_app(runs).server.test_client().get(f"/_export?sweep=made&panel=0&{asked}")
    assert answer.status_code == status
    assert said in answer.text


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
