"""Files that a user names: links lead on, devices and pipes are written to, all else is whole or not at all."""

import ast
import os
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_results import fake_cell, fake_result
from lpbench.dashboard.charts.curves import Axes, Curve, figure
from lpbench.dashboard.charts.files import write_panel
from lpbench.dashboard.page import Panel

import lpbench
from lpbench import cli
from lpbench.errors import StoreError
from lpbench.store import SweepWriter
from lpbench.store.files import append_bytes, write_atomic, write_bytes, write_named, write_table

TABLE = pa.table({"a": [1, 2, 3]})


def through(pipe: Path, write):
    """What `write` sends through a pipe (little enough for it to hold), which must still be one."""
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write()
        assert stat.S_ISFIFO(pipe.lstat().st_mode)
        return os.read(reader, 1 << 16)
    finally:
        os.close(reader)


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path):
    path = tmp_path / "out"
    write_bytes(path, b"first")
    path.chmod(0o640)
    with open(path, "rb") as before:
        write_bytes(path, b"second")
        assert before.read() == b"first"  # another file now
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["out"]


def test_what_fails_on_the_way_leaves_what_was_there(tmp_path):
    def write(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    (tmp_path / "out").write_bytes(b"whole")
    (tmp_path / "link").symlink_to("out")
    with pytest.raises(StoreError, match="No space left"):
        write_named(tmp_path / "link", write)
    assert (tmp_path / "out").read_bytes() == b"whole"
    assert sorted(os.listdir(tmp_path)) == ["link", "out"]


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(tmp_path, there):
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "target"
    if there:
        target.write_bytes(b"old")
    (tmp_path / "near").symlink_to("folder/target")
    (tmp_path / "far").symlink_to("near")
    write_bytes(tmp_path / "far", b"new")
    assert target.read_bytes() == b"new"
    assert (tmp_path / "far").readlink() == Path("near")
    assert (tmp_path / "near").is_symlink()


def test_links_in_a_circle_and_folders_are_one_line(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(StoreError, match=r"cannot write .*circle"):
        write_bytes(tmp_path / "a", b"x")
    assert (tmp_path / "a").is_symlink()
    with pytest.raises(StoreError, match="cannot write"):
        write_bytes(tmp_path, b"x")


def test_a_link_to_a_pipe_and_a_table_into_one(tmp_path, pipe):
    (tmp_path / "link").symlink_to("pipe")
    assert through(pipe, lambda: write_bytes(tmp_path / "link", b"all of it")) == b"all of it"
    sent = through(pipe, lambda: write_table(pipe, TABLE, write_named))
    assert pq.read_table(pa.BufferReader(sent)).equals(TABLE)
    assert through(pipe, lambda: append_bytes(pipe, b"more")) == b"more"


def test_a_device_stays_one(tmp_path):
    null = tmp_path / "null"
    try:
        os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.close(os.open(null, os.O_WRONLY))
    except OSError:
        pytest.skip("this user, or this file system, makes no devices")
    write_bytes(null, b"gone")
    assert stat.S_ISCHR(null.stat().st_mode)
    assert null.read_bytes() == b""


def test_output_that_the_shell_leads_into_a_file_goes_on_there(tmp_path):
    code = (
        "from pathlib import Path; from lpbench.store.files import write_bytes; print('before', flush=True); "
        "write_bytes(Path('/dev/stdout'), b'between\\n'); print('after')"
    )
    with open(tmp_path / "log", "wb") as log:
        subprocess.run([sys.executable, "-c", code], stdout=log, check=True)
    assert (tmp_path / "log").read_text().split() == ["before", "between", "after"]


def test_the_stores_own_files_follow_no_link(tmp_path):
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "manifest.json").symlink_to("precious")
    write_atomic(tmp_path / "manifest.json", lambda file: file.write(b"{}") and None)
    assert (tmp_path / "precious").read_bytes() == b"mine"
    assert not (tmp_path / "manifest.json").is_symlink()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    with SweepWriter(folder / "demo", [], 2) as store:
        for seed in range(2):
            store.put(fake_result(fake_cell(seed=seed)))
    return folder


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (["export", "demo", "-o", "pipe"], b'"problem"'),
        (["export", "demo", "-o", "pipe", "--format", "parquet"], b"PAR1"),
        (["compare", "demo", "demo", "--csv", "pipe", "--quiet"], b"ratio,"),
        (["bounds", "demo", "--output", "pipe", "--csv", "--quiet"], b"problem,"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_commands_write_into_a_pipe_and_leave_it(runs, pipe, monkeypatch, capsys, words, start):
    monkeypatch.chdir(pipe.parent)
    assert through(pipe, lambda: cli.run([*words, "--runs-dir", str(runs)])).startswith(start)


def test_a_figure_follows_a_link(tmp_path):
    drawn = figure([Curve([1], [1], "", "a", "#000000")], Axes("x", "y"), False)
    (tmp_path / "figure.html").symlink_to("elsewhere.html")
    write_panel(Panel("A title", drawn), tmp_path / "figure.html")
    assert "A title" in (tmp_path / "elsewhere.html").read_text(encoding="utf-8")


# What opens files to write by itself: files with names of its own, in folders that lpbench makes.
OWN = {
    "lpbench/store/files.py", "lpbench/store/lock.py", "lpbench/store/lease.py", "lpbench/problems/solving/cache.py",
    "lpbench/executors/ray_task.py", "lpbench/regression/workers.py", "lpbench/arithmetic/jit.py",
}  # fmt: skip


METHODS = ("write_text", "to_csv", "to_parquet", "write_html")
MODES = ("w", "wb", "a", "ab", "x", "xb", "w+", "a+")


def opens_to_write(node):
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
        return getattr(node.args[0], "id", "") != "target" if node.args else True  # a buffer in memory
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    given = [*node.args, *(one.value for one in node.keywords)]
    return name in ("open", "fdopen") and any(getattr(one, "value", None) in MODES for one in given)


def test_whoever_writes_what_a_user_named_goes_through_here():
    root = Path(lpbench.__file__).parents[1]
    found = {
        str(file.relative_to(root))
        for folder in ("lpbench", "dashboard")
        for file in (root / folder).rglob("*.py")
        if any(map(opens_to_write, ast.walk(ast.parse(file.read_text(encoding="utf-8")))))
    }
    assert found <= OWN
