"""The report: a folder that needs nothing but itself."""

import csv
import itertools
import re
import shutil
import xml.etree.ElementTree as ET

import pytest
from lpbench.dashboard.page import Panel, pages
from lpbench.dashboard.report import markdown, report
from lpbench.dashboard.report.report import write

from lpbench.errors import ConfigError, LpbenchError
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
        assert (one.question in page) == (one.of_sweep and one.alone)
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
        "my_sweep", "100 cells", [("cpu", "one|two")], ["lpbench sweep"], sections, tmp_path
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


def test_a_folder_in_use_is_not_written_into(runs, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        write(runs / "made", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
    write(runs / "made", tmp_path, force=True)
    assert (tmp_path / "index.html").is_file()
    with pytest.raises(ConfigError, match="html, md, pdf"):
        write(runs / "made", tmp_path / "other", "docx")
