"""Sweeps as things that a reader keeps: to find, to note, to rename and to delete in the browser."""

import shlex
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import MARKS, WAIT, followed, ready, until
from fake_results import fake_cell, fake_result
from lpbench.dashboard.server.app import create_app
from werkzeug.serving import make_server

from lpbench import cli
from lpbench.store import SweepWriter, list_sweeps
from lpbench.store.about import About, annotate, read_about
from lpbench.store.moving import rename

pytestmark = MARKS
TOKEN = "a-long-secret-word"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("check-main", "other", "demo"):
        with SweepWriter(tmp_path / name, [], 4) as store:
            for seed in range(4):
                store.put(fake_result(fake_cell(seed // 2, 4 + 4 * (seed % 2))))
    return tmp_path


@pytest.fixture
def address(runs: Path) -> Iterator[str]:
    """A dashboard of this process that may be changed."""
    server = make_server("127.0.0.1", 0, create_app(runs, token=TOKEN, edit=True).server, threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def listed(tab: Any) -> list[str]:
    return [one.split("\n")[0] for one in tab.get_by_role("option").all_inner_texts()]


def test_sweeps_are_found_and_changed(tab: Any, address: str, runs: Path) -> None:
    annotate(runs / "other", "the second table", ["paper"])
    tab.goto(f"{address}/precision?token={TOKEN}")
    ready(tab)
    for width in (1700, 1600, 1440, 1240):  # the navigation is one row, with all buttons beside it
        tab.set_viewport_size({"width": width, "height": 800})
        until(tab, "document.querySelector('header nav').offsetHeight < 40")
    chooser = tab.locator("#sweep")
    chooser.click()
    tab.get_by_role("option").first.wait_for(timeout=WAIT)
    assert listed(tab) == ["demo", "other", "show 1 hidden"]
    chooser.fill("TABLE pap")
    tab.get_by_role("option", name="demo").wait_for(state="hidden", timeout=WAIT)
    assert listed(tab) == ["other", "show 1 hidden"]
    assert "paper · the second table" in tab.get_by_role("option").first.inner_text()
    tab.get_by_role("option", name="show 1 hidden").click()
    tab.wait_for_url("**/precision?sweep=demo&all=1", timeout=WAIT)
    ready(tab)
    chooser.click()
    tab.get_by_role("option", name="check-main").click()
    tab.wait_for_url("**/precision?sweep=check-main&all=1", timeout=WAIT)
    ready(tab)

    tab.goto(f"{address}/precision?sweep=demo&target=0.5")
    ready(tab)
    tab.get_by_role("button", name="Edit").click()
    tab.get_by_label("Note", exact=True).fill("Table 2")
    tab.get_by_label("Tags").fill("good, old")
    tab.get_by_role("button", name="Save").click()
    tab.get_by_role("dialog").wait_for(state="hidden", timeout=WAIT)
    assert read_about(runs / "demo") == About("Table 2", ("good", "old"))

    ready(tab)
    tab.get_by_role("button", name="Edit").click()
    tab.get_by_label("Note", exact=True).fill("Table 3")  # which a new name does not lose, nor the view
    tab.get_by_label("Name", exact=True).fill("kept")
    tab.get_by_role("button", name="Rename").click()
    tab.wait_for_url("**/precision?sweep=kept&target=0.5", timeout=WAIT)
    assert read_about(runs / "kept") == About("Table 3", ("good", "old"))
    tab.goto(f"{address}/?sweep=kept")
    ready(tab)
    assert tab.get_by_text("tags: good, old").is_visible()
    tab.get_by_role("button", name="Edit").click()
    tab.get_by_role("button", name="Delete …").click()
    gone = tab.get_by_role("button", name="Delete for good")
    assert gone.is_disabled()
    assert tab.get_by_text("4 cells, ").is_visible()
    tab.get_by_label("Type its name").fill("kep")
    assert gone.is_disabled()
    tab.get_by_label("Type its name").fill("kept")
    gone.click()
    tab.wait_for_url(f"{address}/?sweep=other", timeout=WAIT)
    assert list_sweeps(runs) == ["check-main", "other"]


def test_the_report_of_a_view_is_a_command(tab: Any, address: str, runs: Path, tmp_path: Path) -> None:
    tab.goto(f"{address}/precision?token={TOKEN}&sweep=demo&target=0.001&precision=4,8&all=1")
    ready(tab)
    tab.get_by_role("button", name="Report").click()
    command = tab.locator("dialog pre").inner_text()
    view = "'/precision?target=0.001&precision=4,8'"
    assert command == f"lpbench report demo --view {view} -o report --runs-dir {runs}"
    words = [str(tmp_path / "report") if word == "report" else word for word in shlex.split(command)[2:]]
    assert cli.run(["report", *words]) == 0
    assert "target=0.001" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    tab.keyboard.press("Escape")
    until(tab, "!document.querySelector('dialog')")

    tab.get_by_role("button", name="For a paper").click()
    tab.get_by_label("File").select_option("pgf")
    tab.get_by_label("Width").select_option("icml")
    command = tab.locator("dialog pre").inner_text()
    view = "'/precision?target=0.001&precision=4,8'"
    words = f"lpbench figure demo {view} --width icml --font-size 8 -o precision.pgf --runs-dir {runs}"
    assert command == words
    words = [
        str(tmp_path / "a.pgf") if word == "precision.pgf" else word for word in shlex.split(command)[1:]
    ]
    assert cli.run(words) == 0
    with tab.expect_download(timeout=WAIT) as taken:
        tab.get_by_role("button", name="Download").click()
    mine, theirs = (Path(one).read_text(encoding="utf-8") for one in (tmp_path / "a.pgf", taken.value.path()))
    assert mine.splitlines()[2:] == theirs.splitlines()[2:]  # behind the name of the file and its command


def test_an_open_page_says_where_its_sweep_went(tab: Any, address: str, runs: Path) -> None:
    tab.goto(f"{address}/precision?token={TOKEN}&sweep=demo")
    ready(tab)
    followed(tab)
    rename(runs / "demo", "kept")
    until(tab, "document.querySelector('#status').innerText.includes(\"renamed, to 'kept'\")")
    rename(runs / "kept", "demo")
    until(tab, "document.querySelector('#status').innerText.includes('demo: 4 cells')")
