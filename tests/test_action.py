"""The GitHub Action: its scripts run as a runner would run them, with a stand-in for GitHub's own command."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lpbench import cli
from lpbench.regression.outputs import MARKER

ROOT = Path(__file__).parent.parent
GRID = ["problem=family_s", "k=4", "dimension=8", "precision=6", "steps=200", "seed=range(3)"]
# Answers as GitHub's command does, with real jq where it asks for a part of an answer.
GH = """#!/bin/sh
echo "$@" >> calls
case "$*" in
  *graphql*) echo 'github-actions[bot]' ;;
  *--jq*) for last; do :; done; jq -r "$last" comments ;;
esac
"""
MINE, OTHER = "github-actions[bot]", "mallory"


def step(name: str) -> dict[str, Any]:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return next(one for one in action["runs"]["steps"] if one.get("name") == name)


def run(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As a runner does: bash --noprofile --norc -e -o pipefail."""
    path = f"{folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
        cwd=folder, env={**os.environ, "PATH": path, **environment}, capture_output=True, text=True,
    )  # fmt: skip


def check(folder: Path, arguments: str = "") -> tuple[subprocess.CompletedProcess[str], str]:
    output, summary = folder / "output", folder / "summary.md"
    output.unlink(missing_ok=True)
    done = run(
        step("lpbench check")["run"], folder, BASELINE="main", ARGUMENTS=arguments, HISTORY="runs/history",
        FOLDER=str(folder / "temp"), GITHUB_OUTPUT=str(output), GITHUB_STEP_SUMMARY=str(summary),
    )  # fmt: skip
    return done, output.read_text(encoding="utf-8")


def test_the_check_writes_its_files_and_hands_on_its_exit_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["baseline", "create", "main", *GRID, "--quiet"]) == 0
    done, output = check(tmp_path, "--seeds 2")
    assert done.returncode == 0, done.stderr
    assert output == f"exit-code=0\nverdict={tmp_path}/temp/verdict.json\n"
    assert json.loads((tmp_path / "temp" / "verdict.json").read_text())["counts"] == {"identical": 1}
    assert (tmp_path / "summary.md").read_text() == (tmp_path / "temp" / "comment.md").read_text()
    assert len(list((tmp_path / "runs" / "history").iterdir())) == 1
    done, output = check(tmp_path, "problem=family_s k=4 dimension=12 steps=200")
    assert done.returncode == 6
    assert output.startswith("exit-code=6\n")


NEW, REPLACED = "POST repos/o/r/issues/7/comments", "PATCH repos/o/r/issues/comments/42"


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq, which GitHub's runners have")
@pytest.mark.parametrize(
    ("comments", "method"),
    [
        ([], NEW),
        ([(41, MINE, "hello"), (42, MINE, f"{MARKER}\nold"), (43, MINE, f"{MARKER}\nolder")], REPLACED),
        ([(7, OTHER, f"{MARKER}\nall is well")], NEW),  # a comment that the marker alone makes look like ours
        ([(7, OTHER, f"{MARKER}\nall is well"), (42, MINE, f"{MARKER}\nold")], REPLACED),
    ],
)
def test_only_ones_own_comment_is_replaced(tmp_path, comments, method):
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(GH)
    gh.chmod(0o755)
    listed = [{"id": number, "user": {"login": who}, "body": body} for number, who, body in comments]
    (tmp_path / "comments").write_text(json.dumps(listed))
    (tmp_path / "comment.md").write_text(f"{MARKER}\n### lpbench: no regression\n")
    script, file = step("Comment")["run"], str(tmp_path / "comment.md")
    done = run(script, tmp_path, GH_TOKEN="t", REPOSITORY="o/r", NUMBER="7", FILE=file)
    assert done.returncode == 0, done.stderr
    _, _, wrote = (tmp_path / "calls").read_text().splitlines()
    assert f"--method {method} --field body=@{file}" in wrote


def test_inputs_reach_the_scripts_by_the_environment_alone():
    """A branch or a baseline with a quote in its name must not become code."""
    for one in yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]:
        assert "${{" not in one.get("run", "")
