"""The report: a folder that needs nothing but itself."""

import csv
import html
import itertools
import json
import re
import shutil
import xml.etree.ElementTree as ET

import pytest
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import Panel, pages
from lpbench.dashboard.report import markdown, report
from lpbench.dashboard.report.report import write
from lpbench.dashboard.view import of_address

from lpbench import cli
from lpbench.errors import ConfigError, LpbenchError
from lpbench.store.about import annotate
from lpbench.terminal import Table

browser = pytest.mark.skipif(
    not any(map(shutil.which, report.BROWSERS)), reason="no chromium: `make browser` installs Debian's"
)


def test_html_opens_offline(runs, tmp_path):
    target = write(runs / "made", tmp_path / "report")
    page = target.read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)=["\']?(?:https?:)?//', page)  # nothing from another place
    for name in re.findall(r'(?:src|href)=["\']([^"\'#]+)', page):
        assert (target.parent / name).is_file(), name
    for one in pages():
        assert (html.escape(one.question) in page) == (one.name not in ("Compare", "Regressions", "Speed"))
    assert "The claims: 1 PASS" in page
    assert "lpbench sweep precision=4,6,8 --name made" in page
    figures = (target.parent / "figures.js").read_text(encoding="utf-8")
    assert "precision-0" in figures
    rows = list(csv.reader((target.parent / "precision-0.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 1 + 2 * 2 * 3 * 2


def test_html_has_one_title_and_headings_in_order(runs, tmp_path):
    page = write(runs / "made", tmp_path / "report").read_text(encoding="utf-8")
    levels = [int(level) for level in re.findall(r"<h([1-6])>", page)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert '<html lang="en">' in page
    assert "Pick rows" not in page  # nobody picks in a report


def test_what_a_sweep_is_called_is_text(runs, tmp_path, writing):
    from fake_results import fake_cell, fake_result

    writing(tmp_path / "runs", "a_b", [fake_result(fake_cell(seed, dataset="<b>x</b>")) for seed in range(2)])
    page = write(tmp_path / "runs" / "a_b", tmp_path / "report").read_text(encoding="utf-8")
    assert "<b>x</b>" not in page


@browser
def test_markdown_shows_tables_and_pictures_that_are_there(runs, tmp_path):
    target = write(runs / "made", tmp_path / "report", "md")
    text = target.read_text(encoding="utf-8")
    assert text.startswith("# Sweep made\n")
    assert "```sh\nlpbench sweep precision=4,6,8 --name made\n```" in text
    pictures = re.findall(r"^!\[[^\]]+\]\(([^)]+)\)$", text, re.MULTILINE)
    assert "precision-0.svg" in pictures
    assert len(pictures) == len(set(pictures)) == len(list(target.parent.glob("*.svg")))
    for name in pictures:
        assert ET.parse(target.parent / name).getroot().tag.endswith("svg")
    for name in re.findall(r"(?<!!)\[[^\]]+\]\(([^)]+)\)", text):
        assert (target.parent / name).is_file()
    blocks = [block for block in text.split("\n\n") if block.startswith("| ")]
    assert len(blocks) > len(pictures)  # the facts, and a table a figure
    for block in blocks:
        lines = [re.findall(r"(?<!\\)\|", line) for line in block.splitlines()]
        assert len({len(line) for line in lines}) == 1  # every row has the columns of its head


def test_markdown_tables_are_folded_and_spread(tmp_path):
    rows = [[f"a|b_{i}", i / 3] for i in range(100)]
    panel = Panel("A *title*", None, Table(["na_me", "value"], rows), ("A <note> on\ntwo lines.",))
    sections = [markdown.Section("s", "S", "What?", [("s-0", panel)])]
    text = markdown.markdown(
        "Sweep my_sweep", "100 cells", [("cpu", "one|two")], ["lpbench sweep"], sections, tmp_path
    )
    assert "# Sweep my\\_sweep" in text
    assert "### A \\*title\\*" in text
    assert "- A \\<note\\> on two lines." in text
    assert "| cpu | one\\|two |" in text
    assert "<summary>40 of 100 rows, evenly spread</summary>\n\n| na\\_me | value |\n| --- | --- |\n" in text
    assert "| a\\|b\\_0 | 0 |" in text
    assert "| a\\|b\\_99 | 33 |\n\n</details>" in text
    few = Panel("t", None, Table(["a"], rows[:3]))
    assert "All 3 rows" in markdown.markdown(
        "s", "", [], [], [markdown.Section("s", "S", "?", [("s-0", few)])], tmp_path
    )


@browser
def test_pdf_is_one_and_the_numbers_lie_beside_it(runs, tmp_path):
    target = write(runs / "made", tmp_path / "report", "pdf")
    assert target.read_bytes()[:5] == b"%PDF-"
    assert target.stat().st_size > 50_000
    assert (target.parent / "precision-0.csv").is_file()


def test_pdf_without_a_browser_says_what_to_do(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "BROWSERS", ("no-such-browser",))
    with pytest.raises(LpbenchError, match="--format html"):
        write(runs / "made", tmp_path / "report", "pdf")


@pytest.fixture(scope="module")
def several(tmp_path_factory, writing):
    """Sweeps `a` and `b`, of which b has twice the floors."""
    from fake_results import fake_cell, fake_result

    folder = tmp_path_factory.mktemp("several") / "runs"
    for name, factor in (("a", 1.0), ("b", 2.0)):
        cells = [(seed, bits) for seed in range(3) for bits in (4, 6)]
        writing(folder, name, [fake_result(fake_cell(*one), value=factor * 2.0 ** -one[1]) for one in cells])
    annotate(folder / "b", "Table 2", ["paper"])
    return folder


def figures(target):
    """The figures of a report by their names."""
    written = (target.parent / "figures.js").read_text(encoding="utf-8").splitlines()[0]
    return json.loads(written.removeprefix("window.figures = ").removesuffix(";"))


def test_several_sweeps_are_compared_and_then_shown_one_by_one(several, tmp_path):
    target = write(several / "a", tmp_path / "report", others=[several / "b", several / "a"])
    page = target.read_text(encoding="utf-8")
    assert "<h1>Sweeps a, b</h1>" in page
    assert "a: 6 cells (6 ok); b: 6 cells (6 ok)" in page
    assert '<th scope="row">b: note</th><td>Table 2</td>' in page
    assert "noise floor, b / a: 2 rows, 2 worse" in page
    assert "--name a\n" in page
    assert "--name b" in page
    drawn = figures(target)
    assert list(drawn)[:2] == ["compare-0", "compare-1"]
    assert {trace["name"] for trace in drawn["compare-0"]["data"] if "xaxis" in trace} >= {"a", "b"}
    assert {"a-precision-0", "b-precision-0"} < drawn.keys()
    with pytest.raises(ConfigError, match="sweeps of one folder"):
        write(several / "a", tmp_path / "other", others=[tmp_path / "b"])


def test_a_view_is_drawn_as_its_address_says(runs, tmp_path):
    copied = "http://127.0.0.1:8050/lpbench/precision?sweep=made&algorithm=halp&target=1e-4&zoom=0:xaxis:4:6,0:yaxis:-6:-2"
    explore = "/explore?x=noise_floor&y=mean_gap&xscale=linear"
    target = write(
        runs / "made", tmp_path / "report", views=[*map(of_address, (copied, explore, "explore?y=bound"))]
    )
    drawn = figures(target)
    assert list(drawn) == ["precision-0", "explore-0", "explore-view2-0"]
    layout = drawn["precision-0"]["layout"]
    assert (layout["xaxis"]["range"], layout["yaxis"]["range"]) == ([4, 6], [-6, -2])
    assert layout["xaxis"]["title"]  # the rest of the axis stays
    page = target.read_text(encoding="utf-8")
    assert "The view: /precision?sweep=made&amp;algorithm=halp&amp;target=1e-4&amp;zoom=0" in page
    rows = list(csv.DictReader((target.parent / "precision-0.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["algorithm"] for row in rows} == {"halp"}
    assert drawn["explore-0"]["layout"]["xaxis"]["title"]["text"] == "noise floor"


def test_a_of_address_what_nobody_picked_and_of_what_somebody_did(runs, tmp_path):
    (cell, *_) = Store(runs).sweep("made").cells["cell_id"]
    target = write(runs / "made", tmp_path / "picked", views=[of_address(f"/cells?cells={cell}")])
    assert "cells-0" in figures(target)
    assert "cells-0" not in figures(write(runs / "made", tmp_path / "none", views=[of_address("/cells")]))
    target = write(runs / "made", tmp_path / "claim", views=[of_address("/reproduction?claim=bits_flat")])
    assert list(figures(target)) == ["reproduction-0"]
    assert "bits_flat" in (target.parent / "reproduction-said0.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("/precison?sweep=made", "there is no page /precison. Did you mean '/precision'?"),
        ("/precision?targt=1", "has no control 'targt'. Did you mean 'target'?"),
        ("/precision?sweep=other", "the view is one of other, the report of made: name other as well"),
        ("/precision?target=1&target=2", "target is given twice"),
        ("/?target=1", "page Overview has no control 'target'."),
        ("/precision?target=abc", "target must be a number above 0, got 'abc'"),
        ("/precision?algorithm=halp,lp_sg", "algorithm has no value 'lp_sg'. Did you mean 'lp_sgd'?"),
        ("/explore?x=precison", "x has no value 'precison'. Did you mean 'precision'?"),
        ("/precision?zoom=9:xaxis:1:2", "'9:xaxis:1:2' is not PANEL:AXIS:LOW:HIGH of this page"),
        ("/precision?zoom=0:title:1:2", "'0:title:1:2' is not PANEL:AXIS"),
    ],
)
def test_a_view_that_there_is_not_is_refused(runs, tmp_path, asked, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        write(runs / "made", tmp_path / "report", views=[of_address(asked)])
    assert not (tmp_path / "report").exists()


def test_the_command_takes_the_sweep_of_the_address(several, tmp_path, capsys):
    where = ["--runs-dir", str(several), "-o"]
    view = "http://127.0.0.1:8050/compare?sweep=a&with=b"
    assert cli.run(["report", "--view", view, *where, str(tmp_path / "one")]) == 0
    assert list(figures(tmp_path / "one" / "index.html")) == ["compare-0", "compare-1"]
    assert cli.run(["report", "a", "b", "--view", "precision?target=1", *where, str(tmp_path / "two")]) == 0
    assert "a-precision-0" in figures(tmp_path / "two" / "index.html")
    assert cli.run(["report", "--view", "/precision", *where, str(tmp_path / "three")]) == 2
    assert "of which sweep?" in capsys.readouterr().err


def test_a_folder_in_use_is_not_written_into(runs, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        write(runs / "made", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
    write(runs / "made", tmp_path, force=True)
    assert (tmp_path / "index.html").is_file()
    with pytest.raises(ConfigError, match="html, md, pdf"):
        write(runs / "made", tmp_path / "other", "docx")
