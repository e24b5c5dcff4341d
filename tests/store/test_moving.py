"""Renaming and deleting: nothing is lost, nobody's files go, and what is written meanwhile is left alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_results import fake_cell, fake_result

from lpbench.errors import ConfigError, StoreError, SweepBusy
from lpbench.store import SweepWriter, compact, find_sweep, list_sweeps, load_cells, read_manifest
from lpbench.store.about import annotate, read_about
from lpbench.store.catalog import renamed, sweeps
from lpbench.store.lock import SweepLock
from lpbench.store.manifest import write_manifest
from lpbench.store.moving import delete, doomed, rename


def made(folder, seeds=(0, 1), close=True):
    """A sweep with a compacted pair, and with `close=False` with parts beside it."""
    with SweepWriter(folder, [{"overrides": ["seed=0,1"], "config_dir": None}], 2) as store:
        for seed in seeds:
            store.put(fake_result(fake_cell(seed)))
    if not close:
        store = SweepWriter(folder, [], 2)
        store.put(fake_result(fake_cell(9)))
        store.abandon()
    return folder


def test_all_that_says_the_name_says_the_new_one(tmp_path):
    folder = made(tmp_path / "old", close=False)
    annotate(folder, "kept", ["good"])
    assert rename(folder, "new") == tmp_path / "new"
    assert list_sweeps(tmp_path) == ["new"]
    assert read_manifest(tmp_path / "new")["sweep"] == "new"
    for _ in range(2):
        cells = load_cells("new", tmp_path)
        assert set(cells["sweep"]) == {"new"}
        assert len(cells) == 3
        compact(tmp_path / "new")
    assert read_about(tmp_path / "new").tags == ("good",)
    with SweepWriter(tmp_path / "new", [], 2) as store:
        assert set(store.statuses.values()) == {"ok"}  # nothing would run again
    assert renamed("old", tmp_path) == "new"
    rename(tmp_path / "new", "newer")
    assert renamed("old", tmp_path) == renamed("new", tmp_path) == "newer"
    with pytest.raises(ConfigError, match="unknown sweep 'old': it was renamed, to 'newer'"):
        find_sweep("old", tmp_path)
    rename(tmp_path / "newer", "old")
    assert read_manifest(tmp_path / "old")["former"] == ["new", "newer"]
    write_manifest(
        tmp_path / "old", read_manifest(tmp_path / "old") | {"former": ["new", "old"]}
    )  # killed in between
    rename(tmp_path / "old", "last")
    assert read_manifest(tmp_path / "last")["former"] == ["new", "old"]


def test_a_folder_whose_name_is_no_text_is_no_sweep(tmp_path):
    made(tmp_path / "one").rename(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff"))
    made(tmp_path / "good")
    assert list_sweeps(tmp_path) == ["good"]


def test_a_folder_that_was_moved_by_hand_has_the_name_of_its_folder(tmp_path, monkeypatch):
    made(tmp_path / "old").rename(tmp_path / "new")
    assert set(load_cells("new", tmp_path)["sweep"]) == {"new"}
    assert read_manifest(tmp_path / "new")["sweep"] == "new"
    monkeypatch.chdir(tmp_path / "new")
    assert set(load_cells(".")["sweep"]) == {"new"}
    assert doomed(Path(".")).info.name == "new"
    assert rename(Path("."), "newer") == tmp_path / "newer"


@pytest.mark.parametrize(("name", "said"), [("taken", "already"), ("empty", "already"), ("a b", "sweep name"),
                                            ("baselines", "reserved"), ("old", "already")])  # fmt: skip
def test_a_name_that_cannot_be_is_refused(tmp_path, name, said):
    made(tmp_path / "old")
    made(tmp_path / "taken", [])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=said):
        rename(tmp_path / "old", name)
    assert list_sweeps(tmp_path) == ["old", "taken"]


@pytest.mark.parametrize("change", [lambda folder: rename(folder, "new"), delete])
def test_a_sweep_that_is_written_is_left_alone(tmp_path, change):
    folder = made(tmp_path / "busy")
    with SweepWriter(folder, [], 0), pytest.raises(SweepBusy, match="another lpbench"):
        change(folder)
    assert len(load_cells(folder)) == 2


def test_a_writer_that_waited_at_the_door_writes_no_folder_that_is_gone(tmp_path, monkeypatch):
    import fcntl

    folder, flock = made(tmp_path / "old"), fcntl.flock

    def late(*arguments):  # between opening the lock and taking it
        monkeypatch.setattr(fcntl, "flock", flock)
        rename(folder, "new")
        return flock(*arguments)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(SweepBusy, match="renamed or deleted"):
        SweepLock(folder)
    assert not folder.exists()


@pytest.mark.parametrize("step", ["lpbench.store.moving.write_manifest", "lpbench.store.moving._move"])
def test_killed_in_between_a_sweep_has_one_name_and_all_its_cells(tmp_path, step):
    folder = made(tmp_path / "old")
    module, name = step.rsplit(".", 1)
    code = (
        f"import os, signal, {module} as module; from pathlib import Path\n"
        f"real = module.{name}\n"
        f"def killed(*a): real(*a); os.kill(os.getpid(), signal.SIGKILL)\n"
        f"module.{name} = killed\n"
        f"module.rename(Path({str(folder)!r}), 'new')"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    (left,) = list_sweeps(tmp_path)
    assert left == ("new" if name == "_move" else "old")
    assert len(load_cells(left, tmp_path)) == 2
    if left == "old":
        rename(folder, "new")
    assert set(load_cells("new", tmp_path)["sweep"]) == {"new"}


def test_deleting_takes_all_that_is_its_own(tmp_path):
    folder = made(tmp_path / "gone", close=False)
    annotate(folder, "x")
    (folder / "manifest.json.damaged").write_text("{")
    (folder / "parts" / "000007.cells.parquet.2.damaged").write_text("")
    (folder / "cells.parquet.0a1b2c3d.tmp").write_text("half")
    found = doomed(folder)
    assert found.size > 1_000
    assert sum(found.info.counts.values()) == 3
    assert found.files[-1].name == "manifest.json"
    assert found.foreign == ()
    assert delete(folder).files == found.files
    assert list(tmp_path.iterdir()) == []


def test_deleting_leaves_what_is_not_its_own(tmp_path):
    folder = made(tmp_path / "runs" / "gone", close=False)
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "000001.cells.parquet").write_text("mine")
    mine = ["notes.txt", "cells.parquet.bak", "manifest.json.damaged.old", "parts/extra.parquet"]
    for name in mine:
        (folder / name).write_text("mine")
    (folder / "linked.parquet").symlink_to(outside / "000001.cells.parquet")
    (folder / "traces.parquet.damaged").mkdir()
    (folder / "rollup.parquet").unlink()
    (folder / "rollup.parquet").symlink_to(outside / "000001.cells.parquet")
    gone = delete(folder)
    kept = [*mine, "linked.parquet", "traces.parquet.damaged", "rollup.parquet"]
    assert {str(path.relative_to(folder)) for path in gone.foreign} == set(kept)
    left = {str(path.relative_to(folder)) for path in folder.rglob("*")} - {"parts"}
    assert left == set(kept)
    assert (outside / "000001.cells.parquet").read_text() == "mine"
    assert list_sweeps(tmp_path / "runs") == []


def test_parts_that_are_a_link_lead_nowhere(tmp_path):
    folder = made(tmp_path / "gone")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "000001.cells.parquet").write_text("mine")
    (folder / "parts").rmdir()
    (folder / "parts").symlink_to(tmp_path / "elsewhere")
    assert [path.name for path in delete(folder).foreign] == ["parts"]
    assert (tmp_path / "elsewhere" / "000001.cells.parquet").read_text() == "mine"


def test_a_link_to_a_sweep_is_not_followed(tmp_path):
    folder = made(tmp_path / "real")
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(ConfigError, match="is a link, to"):
        delete(tmp_path / "link")
    with pytest.raises(ConfigError, match="is a link, to"):
        rename(tmp_path / "link", "new")
    assert read_manifest(folder)["former"] == []
    assert len(load_cells(folder)) == 2


@pytest.mark.parametrize("text", ['{"manifest_version": 3, "name": "an extension"}', "{"])
def test_a_folder_of_another_program_is_no_sweep(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ConfigError, match="neither a manifest nor cells of lpbench"):
        delete(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_sweep_with_a_damaged_manifest_can_be_deleted_but_not_renamed(tmp_path):
    folder = made(tmp_path / "worn")
    (folder / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match="is damaged"):
        rename(folder, "new")
    delete(folder)
    assert list(tmp_path.iterdir()) == []


def test_lists_know_what_is_hidden_and_what_a_search_finds(tmp_path):
    for name in ("demo", "check-main", "old"):
        annotate(made(tmp_path / name, []), f"{name} of the Paper", ["hidden"] if name == "old" else ["good"])
    found = {one.name: one for one in sweeps(tmp_path)}
    assert [name for name, one in found.items() if one.hidden] == ["check-main", "old"]
    assert [name for name, one in found.items() if one.matches("PAPER good")] == ["check-main", "demo"]
    assert [name for name, one in found.items() if one.matches("demo x")] == []
