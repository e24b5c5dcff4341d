import subprocess
from datetime import datetime, timedelta

from lpbench import provenance


def git(folder, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def test_the_columns():
    found = provenance.provenance()
    assert {*found, "started_at"} == set(provenance.PROVENANCE_COLUMNS)
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


def test_no_git_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_commit(tmp_path) is None
