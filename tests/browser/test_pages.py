"""The dashboard in a real browser, served by gunicorn: what a reader clicks, and that nothing leaves the machine."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lpbench.dashboard.page import pages

import lpbench

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: `make browser` installs Debian's"),
    pytest.mark.xdist_group("browser"),
]
GRID = [
    "dimension=8,16",
    "n_samples=60",
    "algorithm=lp_sgd,swalp",
    "epochs=3",
    "record_points=20",
    "even_points=16",
]
WAIT = 60_000  # ms; a loaded machine draws slowly


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser") / "runs"
    lpbench.sweep([*GRID, "precision=4,6", "seed=range(2)"], name="real", runs_dir=folder)
    return folder


@pytest.fixture(scope="module")
def address(runs: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "lpbench.cli", "dashboard", str(runs), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    try:
        assert server.stdout is not None
        said = server.stdout.readline()
        assert said == f"dashboard: http://127.0.0.1:{port}/\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            assert answer.status == 200
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)
        if server.stdout is not None:
            server.stdout.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def tab(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page that fails the test on any console error, page error, or request to another host."""
    wrong: list[str] = []
    settings = getattr(request, "param", {"viewport": {"width": 1440, "height": 900}})
    context = browser.new_context(accept_downloads=True, **settings)
    page = context.new_page()
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            wrong.append(asked.url) if not asked.url.startswith((address, "data:", "blob:")) else None
        ),
    )
    yield page
    context.close()
    assert wrong == []


def until(tab: Any, expression: str) -> None:
    """Wait until a JavaScript expression is true; playwright's own waiting is what the page's policy forbids: eval."""
    end = time.monotonic() + WAIT / 1000
    while not tab.evaluate(expression):
        assert time.monotonic() < end, f"{expression} did not become true"
        tab.wait_for_timeout(100)


def ready(tab: Any) -> None:
    """All figures of the page are drawn."""
    tab.wait_for_selector(".js-plotly-plot .main-svg", timeout=WAIT)
    until(tab, "!document.querySelector('._dash-loading, [data-dash-is-loading=true]')")


@pytest.mark.parametrize("path", [page.path for page in pages()])
def test_every_page_draws(tab, address, path):
    tab.goto(address + path)
    ready(tab)
    assert tab.locator("h1").count() == 1
    assert tab.locator("nav [aria-current=page]").count() == 1
    assert "could not be drawn" not in tab.content()


def test_a_control_changes_figure_and_address_and_back_restores_both(tab, address):
    tab.goto(address + "/precision")
    ready(tab)
    titles = "[...document.querySelectorAll('.js-plotly-plot .annotation-text')].map((one) => one.textContent).join()"
    before = tab.evaluate(titles)
    tab.get_by_label("Panels by").first.click()
    tab.get_by_role("option", name="dimension").first.click()
    tab.wait_for_url("**facet=dimension**", timeout=WAIT)
    until(tab, f"{titles}.includes('dimension 16')")
    link, after = tab.url, tab.evaluate(titles)
    assert after != before
    tab.go_back()
    until(tab, "!location.search.includes('facet')")
    until(tab, f"{titles} === {before!r}")
    tab.goto(link)  # the link alone reproduces the view
    ready(tab)
    assert tab.evaluate(titles) == after


def test_numbers_and_pictures_can_be_taken_along(tab, address):
    tab.goto(address + "/precision?algorithm=swalp")
    ready(tab)
    with tab.expect_download(timeout=WAIT) as taken:
        tab.get_by_role("button", name="CSV").first.click()
    text = Path(taken.value.path()).read_text()
    assert "swalp" in text
    assert "lp_sgd" not in text
    with tab.expect_download(timeout=WAIT) as taken:
        tab.get_by_role("button", name="PNG").first.click()
    assert Path(taken.value.path()).read_bytes()[:4] == b"\x89PNG"


def test_a_running_sweep_is_followed(tab, address, runs):
    tab.goto(address + "/precision?sweep=real")
    ready(tab)
    tab.wait_for_timeout(2500)  # the first look at the version
    assert "16 cells" in tab.locator("#status").inner_text()
    lpbench.sweep([*GRID, "precision=8", "seed=range(2)"], name="real", runs_dir=runs)
    until(tab, "document.querySelector('#status').innerText.includes('24 cells')")


def test_picked_rows_are_drawn_and_in_the_address(tab, address):
    tab.goto(address + "/cells")
    tab.wait_for_selector(".ag-row .ag-checkbox-input", timeout=WAIT)
    for i in range(2):
        tab.locator(".ag-row .ag-checkbox-input").nth(i).click()
    tab.wait_for_url("**cells=**,**", timeout=WAIT)
    tab.wait_for_selector("text=2 cells; the numbers", timeout=WAIT)


@pytest.mark.parametrize(
    "tab", [{"viewport": {"width": 1200, "height": 800}, "color_scheme": "dark"}], indirect=True
)
def test_dark_follows_the_system_and_can_be_switched(tab, address):
    tab.goto(address + "/precision")
    ready(tab)
    paper = "getComputedStyle(document.body).backgroundColor"
    until(tab, f"{paper} === 'rgb(26, 27, 30)'")
    until(tab, "document.querySelector('.js-plotly-plot').layout.paper_bgcolor === '#1A1B1E'")
    tab.get_by_role("button", name="Light / dark").click()
    until(tab, f"{paper} === 'rgb(255, 255, 255)'")
    until(tab, "document.querySelector('.js-plotly-plot').layout.paper_bgcolor === '#FFFFFF'")


@pytest.mark.parametrize("tab", [{"viewport": {"width": 390, "height": 800}}], indirect=True)
@pytest.mark.parametrize("path", [page.path for page in pages()])
def test_a_phone_shows_it_without_scrolling_sideways(tab, address, path):
    tab.goto(address + path)
    ready(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
