"""Who may ask, what the pages may load, and which files are ever opened."""

import os
from typing import Any

import pytest
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.server import security
from lpbench.dashboard.server.app import create_app

from lpbench.commands import _dashboard
from lpbench.errors import ConfigError

TOKEN = "a-long-secret-word"


@pytest.fixture(scope="module")
def app(runs: Any) -> Any:
    return create_app(runs)


@pytest.fixture
def client(app: Any) -> Any:
    return app.server.test_client()


@pytest.mark.parametrize(
    "path", ["/", "/precision", "/_version?sweep=made", "/_export", "/_dash-layout", "/assets/state.js"]
)
def test_a_foreign_host_is_refused(client, path):
    for host, refused in (("evil.example", True), ("localhost:8050", False)):
        answer = client.get(path, headers={"Host": host})
        assert (answer.status_code == 400) == refused
        answer.close()


def test_a_token_is_asked_for_once(runs):
    server = create_app(runs, token=TOKEN).server
    stranger, reader = server.test_client(), server.test_client()
    assert stranger.get("/").status_code == 401
    assert stranger.get("/?token=wrong").status_code == 401
    assert stranger.get("/_version?sweep=made").status_code == 401
    answer = reader.get("/precision?token=a-long-secret-word&target=1")
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith("/precision?target=1")
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert reader.get("/precision").status_code == 200


def test_the_policy_forbids_what_the_pages_do_not_need(client):
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "unsafe-eval" not in policy
    script = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe-inline" not in script
    assert "http" not in policy
    assert client.get("/").headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name", ["../made", "/etc", "..%2f..%2fetc", "made/../made", "made\x00", "baselines", "", "nobody"]
)
def test_only_sweeps_of_the_folder_are_opened(runs, client, name):
    with pytest.raises(ConfigError):
        Store(runs).sweep(name)
    assert client.get("/_version", query_string={"sweep": name}).json["version"] is None


def test_a_prefix_behind_a_proxy(runs):
    client = create_app(runs, url_prefix="/lp/").server.test_client()
    assert client.get("/lp/precision").status_code == 200
    assert client.get("/lp/_version?sweep=made").json["version"] > 0
    assert client.get("/_version?sweep=made").status_code == 404


def test_the_policy_knows_the_scripts_of_the_page_also_where_the_first_answer_is_no_page(client, runs):
    reader = create_app(runs, token=TOKEN).server.test_client()
    answers = [reader.get(path) for path in (f"/?token={TOKEN}", "/")]
    assert [answer.status_code for answer in answers] == [302, 200]
    policy = "Content-Security-Policy"
    assert answers[1].headers[policy] == client.get("/").headers[policy]
    assert "sha256-" in answers[1].headers[policy]


def test_the_token_leaves_no_trace_in_the_address_and_is_not_read_by_scripts(runs):
    server = create_app(runs, url_prefix="/lp/", token="a-löng-secret-word").server
    reader = server.test_client()
    answer = reader.get("/lp/cells", query_string={"token": "a-löng-secret-word", "cells": "a,b"})
    assert answer.headers["Location"] == "/lp/cells?cells=a%2Cb"
    cookie = answer.headers["Set-Cookie"]
    assert "Path=/lp/" in cookie
    assert "SameSite=Strict" in cookie
    assert reader.get("/lp/_version?sweep=made").json["version"] > 0
    other = server.test_client()
    other.set_cookie("lpbench_token", "a-long-secret-word")
    assert other.get("/lp/").status_code == 401


def test_a_host_that_was_named_is_let_in(runs):
    client = create_app(runs, hosts=["bench.example"]).server.test_client()
    assert client.get("/_version?sweep=made", headers={"Host": "bench.example"}).status_code == 200
    assert client.get("/_version?sweep=made", headers={"Host": "localhost"}).status_code == 400


def test_no_answer_may_be_framed(client):
    for path in ("/", "/_version?sweep=made", "/nowhere"):
        answer = client.get(path)
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["//evil.example/", "///evil.example/", "/\\evil.example/"])
def test_the_way_back_from_the_token_stays_on_this_host(runs, path):
    reader = create_app(runs, token=TOKEN).server.test_client()
    answer = reader.get("/", query_string={"token": TOKEN}, environ_overrides={"PATH_INFO": path})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/evil.example/"


@pytest.mark.parametrize(
    ("host", "asked", "code"),
    [
        ("[::1]", "[::1]:8050", 200),
        ("::1", "[::1]:8050", 200),
        ("[::1]", "[0:0:0:0:0:0:0:1]", 200),
        ("fe80::2", "[fe80::2]:80", 200),
        ("[::1]", "[::2]:8050", 400),
        ("[::1]", "[::1]evil", 400),
        ("Bench.Example", "bench.example:80", 200),
        (".example.org", "a.example.org", 200),
        (".example.org", "example.org", 200),
        (".example.org", "badexample.org", 400),
        ("bücher.example", "xn--bcher-kva.example", 200),
    ],
)
def test_host_names_of_every_kind(runs, host, asked, code):
    client = create_app(runs, hosts=[host]).server.test_client()
    assert client.get("/_version?sweep=made", headers={"Host": asked}).status_code == code


def test_an_ipv6_address_to_listen_on_is_one_to_ask_for(runs, monkeypatch):
    monkeypatch.setattr(_dashboard, "check_port", lambda host, port: None)
    monkeypatch.setattr(_dashboard, "_gunicorn", lambda *arguments: 0)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    for host in ("::1", "fe80::2"):
        assert _dashboard.serve(runs, host, 8050, None, [], "/", 1, 8, False) == 0
        client = create_app(runs, hosts=os.environ["LPBENCH_HOSTS"].split(",")).server.test_client()
        assert client.get("/_version?sweep=made", headers={"Host": f"[{host}]:8050"}).status_code == 200


def test_where_sweeps_can_be_changed_there_is_a_token_on_this_machine_too(runs, monkeypatch):
    shown: list[str] = []
    monkeypatch.setattr(_dashboard, "check_port", lambda host, port: None)
    monkeypatch.setattr(_dashboard, "_gunicorn", lambda *arguments: shown.append(arguments[4]) or 0)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    for edit in (False, True):
        assert _dashboard.serve(runs, "127.0.0.1", 8050, None, [], "/", 1, 8, False, edit) == 0
        assert (os.environ["LPBENCH_EDIT"], bool(os.environ["LPBENCH_TOKEN"])) == ("1" if edit else "", edit)
    assert ["?token=" in address for address in shown] == [False, True]


def test_a_token_that_is_easily_guessed_is_refused(runs):
    with pytest.raises(ConfigError, match=r"token: at least 16 characters, got 6"):
        create_app(runs, token="secret")
    with pytest.raises(ConfigError, match="token: at least 16"):
        _dashboard.serve(runs, "127.0.0.1", 8050, "secret", [], "/", 1, 8, False)


def test_who_guesses_waits_longer_each_time(runs, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(security.time, "monotonic", lambda: now[0])
    server = create_app(runs, token=TOKEN).server
    thief, reader = server.test_client(), server.test_client()

    def show(client, token, address):
        return client.get("/_version", query_string={"token": token}, environ_base={"REMOTE_ADDR": address})

    for i in range(security.FREE):
        assert show(thief, f"guess {i}", "10.0.0.9").status_code == 401
    assert show(thief, "guess 0", "10.0.0.9").status_code == 401  # the same again is no guess
    waits = []
    for i in range(4):
        assert show(thief, f"another {i}", "10.0.0.9").status_code == 401
        refused = show(thief, TOKEN, "10.0.0.9")  # not even looked at
        assert refused.status_code == 429
        waits.append(int(refused.headers["Retry-After"]))
        assert show(reader, TOKEN, "10.0.0.7").status_code == 302  # of another address
        now[0] += waits[-1]
    assert waits == [1, 2, 4, 8]
    assert show(thief, TOKEN, "10.0.0.9").status_code == 302


def test_an_open_page_with_an_old_cookie_is_no_guesser(runs):
    server = create_app(runs, token=TOKEN).server
    page = server.test_client()
    page.set_cookie("lpbench_token", "the token of yesterday")
    for _ in range(50):
        assert page.get("/_version?sweep=made").status_code == 401
    assert page.get(f"/?token={TOKEN}").status_code == 302
    assert page.get("/_version?sweep=made").status_code == 200


def test_guesses_are_remembered_of_so_many_addresses(monkeypatch):
    monkeypatch.setattr(security, "MOST_ADDRESSES", 3)
    guesses = security.Guesses()
    for i in range(100):
        guesses.wrong(f"10.0.0.{i}", "x")
    assert len(guesses._seen) == 3
