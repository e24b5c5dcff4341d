"""The report: a folder that needs nothing but itself."""

import csv
import re

import pytest
from lpbench.dashboard.page import pages
from lpbench.dashboard.report import write

from lpbench.errors import ConfigError


def test_html_opens_offline(runs, tmp_path):
    target = write(runs / "made", tmp_path / "report")
    page = target.read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)=["\']?(?:https?:)?//', page)  # nothing from another place
    for name in re.findall(r'(?:src|href)=["\']([^"\'#]+)', page):
        assert (target.parent / name).is_file(), name
    for one in pages():
        assert one.question in page
    assert "lpbench sweep precision=4,6,8 --name made" in page
    figures = (target.parent / "figures.js").read_text(encoding="utf-8")
    assert "precision-0" in figures
    rows = list(csv.reader((target.parent / "precision-0.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 1 + 2 * 2 * 3 * 2


def test_a_folder_in_use_is_not_written_into(runs, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        write(runs / "made", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
    write(runs / "made", tmp_path, force=True)
    assert (tmp_path / "index.html").is_file()
    with pytest.raises(ConfigError, match="html, md, pdf"):
        write(runs / "made", tmp_path / "other", "docx")
