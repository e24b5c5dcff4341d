import subprocess
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from lpbench import provenance
from lpbench.declared.columns import PROVENANCE
from lpbench.regression import past


def git(folder, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def test_the_columns():
    found = provenance.provenance()
    assert {*found, "started_at"} == {metric.name for metric in PROVENANCE}
    assert found["host"]
    assert found["cpu"]


def test_now_is_utc():
    assert datetime.fromisoformat(provenance.now()).utcoffset() == timedelta(0)


def test_the_commit_says_whether_files_differ_from_it(tmp_path):
    git(tmp_path, "init", "-q")
    source = tmp_path / "__init__.py"
    source.write_text("")
    assert provenance.git_commit(tmp_path) is None
    git(tmp_path, "add", "__init__.py")
    git(tmp_path, "commit", "-qm", "first")
    commit = provenance.git_commit(tmp_path)
    assert len(commit) == 40
    (tmp_path / "untracked").write_text("")
    assert provenance.git_commit(tmp_path) == commit
    source.write_text("changed")
    assert provenance.git_commit(tmp_path) == f"{commit}-dirty"


def test_an_installed_copy_inside_another_repository_has_no_commit(tmp_path):
    git(tmp_path, "init", "-q")
    package = tmp_path / ".venv" / "lpbench"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    assert provenance.git_commit(package) is None


def repository(folder, package, name):
    """A repository that tracks `package` in itself; the name in its pyproject.toml, if any."""
    (folder / package).mkdir(parents=True)
    (folder / package / "__init__.py").write_text("")
    if name is not None:
        (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder / package


@pytest.mark.parametrize(
    ("package", "name"),
    [("vendor/lpbench", "theirs"), ("lpbench", "theirs"), ("lpbench", None), ("x/lpbench", "lpbench")],
)
def test_a_copy_that_another_repository_tracks_has_no_commit(tmp_path, package, name):
    assert provenance.git_commit(repository(tmp_path, package, name)) is None


def test_the_commit_is_that_of_lpbench_wherever_it_is_used(tmp_path, monkeypatch):
    ours = repository(tmp_path / "ours", "lpbench", "lpbench")
    theirs = repository(tmp_path / "theirs", "package", "theirs")
    (theirs.parent / "__init__.py").write_text("")
    git(theirs.parent, "add", ".")
    commit = provenance.git_commit(ours)
    assert len(commit) == 40
    monkeypatch.chdir(theirs)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "theirs" / ".git"))  # as git sets it in a hook
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "theirs" / ".git" / "index"))
    assert provenance.git_commit(ours) == commit


def test_a_run_of_the_history_is_named_by_the_version_where_there_is_no_commit(monkeypatch):
    made = {"git_commit": 40 * "a", "lpbench_version": "2.1.0"}
    monkeypatch.setattr(past, "provenance", lambda: made)
    check = SimpleNamespace(checked_at="2026-11-24T10:15:00.123+00:00", baseline=SimpleNamespace(name="main"))
    assert past.run_name(check) == "20261124T101500123-aaaaaaa-main"
    made["git_commit"] = None
    assert past.run_name(check) == "20261124T101500123-2.1.0-main"


def test_no_git_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_commit(tmp_path) is None
