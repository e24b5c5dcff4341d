"""A claim and a page of one's own, as docs/adding.md has them: found in the folder that the command line names."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lpbench import cli

TEXT = (Path(__file__).parents[2] / "docs" / "adding.md").read_text(encoding="utf-8")
SHOW = """
import sys
from pathlib import Path
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import opened, pages
from lpbench.registry import load_plugins

assert "Stalls" not in [page.name for page in pages()]
load_plugins(Path("mine"))
assert "numba" not in sys.modules
(page,) = [page for page in pages() if page.name == "Stalls"]
(panel,) = opened(page, Store(Path("runs/reproduce")).sweep("two_bits"))
print(panel.data.columns, len(panel.data.rows), len(panel.figure["data"]))
"""


@pytest.fixture
def mine(tmp_path):
    for name in ("mine/two_bits.py", "mine/experiment/two_bits.yaml", "mine/stalls.py"):
        found = re.search(rf"^`{name}`\n\n```\w+\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(found[1], encoding="utf-8")
    return tmp_path


def python(folder, *arguments, code=0):
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_a_claim_and_a_page_of_ones_own(mine):
    lpbench = ("-m", "lpbench.cli")
    asked = ("reproduce", "two_bits", "--no-figures")
    assert "unknown claim 'two_bits'" in python(mine, *lpbench, *asked, code=2)
    assert "PASS" in python(mine, *lpbench, *asked, "--config-dir", "mine")
    assert "--config-dir mine" in (mine / "runs/reproduce/two_bits/claim.json").read_text(encoding="utf-8")
    assert python(mine, "-c", SHOW).strip() == "['line', 'precision', 'share'] 2 1"
    (mine / "mine" / "again.py").write_text((mine / "mine" / "stalls.py").read_text(encoding="utf-8"))
    said = python(mine, *lpbench, "report", "two_bits", "--runs-dir", "runs/reproduce", "-o", "out", "--config-dir",
                  "mine", code=2)  # fmt: skip
    assert "page 'Stalls' (/stalls) of stalls: there is 'Stalls' (/stalls)" in said


@pytest.mark.parametrize(
    "words", [["dashboard", "."], ["report", "x", "-o", "out"], ["reproduce"]], ids=" ".join
)
def test_a_folder_that_is_none_is_refused(words, capsys):
    assert cli.run([*words, "--config-dir", "nowhere"]) == 2
    assert "nowhere is not a folder" in capsys.readouterr().err
