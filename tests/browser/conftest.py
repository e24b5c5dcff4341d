"""The dashboard under gunicorn over a small real sweep, and a browser tab that fails on whatever goes wrong in it."""

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import CHROMIUM, WAIT, sweep


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser") / "runs"
    sweep(folder, "real", "precision=4,6")
    return folder


@pytest.fixture(scope="session")
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
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
            assert answer.status == 200
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=60)
        if server.stdout is not None:
            server.stdout.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def profiles(browser: Any) -> Iterator[Any]:
    """A function of settings: the browser's profile with them, in which scripts are loaded once for all tests."""
    found: dict[str, Any] = {}

    def profile(**settings: Any) -> Any:
        name = repr(sorted(settings.items()))
        if name not in found:
            found[name] = browser.new_context(accept_downloads=True, **settings)
        return found[name]

    yield profile
    for one in found.values():
        one.close()


@pytest.fixture
def tab(profiles: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page that fails the test on any console error, page error, or request to another host."""
    wrong: list[str] = []
    settings = getattr(request, "param", {"viewport": {"width": 1440, "height": 900}})
    page = profiles(**settings).new_page()
    page.set_default_timeout(WAIT)
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            wrong.append(asked.url) if not asked.url.startswith((address, "data:", "blob:")) else None
        ),
    )
    yield page
    page.goto("about:blank")  # what the page still asks for would lack the cookies
    kept = {
        "origin": address,
        "storageTypes": "cookies,local_storage,indexeddb",
    }  # what a visitor brings along
    page.context.new_cdp_session(page).send("Storage.clearDataForOrigin", kept)
    page.close()
    assert wrong == []
