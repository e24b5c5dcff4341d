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
from measured_speed import measured

from lpbench.store import measurements

LAUNCHED = {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser") / "runs"
    sweep(folder, "real", "precision=4,6")
    for day in (1, 2):
        measurements.keep(measured(f"2026-12-0{day}T00:00:00.000+00:00"), measurements.prepare(folder))
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
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture(scope="session")
def browser(chromium: Any) -> Iterator[Any]:
    found = chromium.launch(**LAUNCHED)
    yield found
    found.close()


@pytest.fixture(scope="session")
def desktop(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A profile with a folder, as a reader's: it keeps scripts compiled, without which a page takes twice the time."""
    found = chromium.launch_persistent_context(
        tmp_path_factory.mktemp("profile"), viewport={"width": 1440, "height": 900}, **LAUNCHED
    )
    yield found
    found.close()


@pytest.fixture
def tab(address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page that fails the test on any console error, page error, or request to another host.

    On the desktop, or in a profile of its own with the settings that a test gives.
    """
    wrong: list[str] = []
    settings = getattr(request, "param", None)
    if settings is None:
        context = request.getfixturevalue("desktop")
    else:
        context = request.getfixturevalue("browser").new_context(**settings)
    page = context.new_page()
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
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", kept)
    page.close()
    if settings is not None:
        context.close()
    assert wrong == []
