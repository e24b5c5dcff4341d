"""Who may ask, what the pages may load, and which files are ever opened."""

from typing import Any

import pytest
from lpbench.dashboard.app import create_app
from lpbench.dashboard.data import Store

from lpbench.errors import ConfigError


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
    server = create_app(runs, token="secret").server
    stranger, reader = server.test_client(), server.test_client()
    assert stranger.get("/").status_code == 401
    assert stranger.get("/?token=wrong").status_code == 401
    assert stranger.get("/_version?sweep=made").status_code == 401
    answer = reader.get("/precision?token=secret&target=1")
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


def test_the_token_leaves_no_trace_in_the_address_and_is_not_read_by_scripts(runs):
    server = create_app(runs, url_prefix="/lp/", token="sécret").server
    reader = server.test_client()
    answer = reader.get("/lp/cells", query_string={"token": "sécret", "cells": "a,b"})
    assert answer.headers["Location"] == "/lp/cells?cells=a%2Cb"
    cookie = answer.headers["Set-Cookie"]
    assert "Path=/lp/" in cookie
    assert "SameSite=Strict" in cookie
    assert reader.get("/lp/_version?sweep=made").json["version"] > 0
    other = server.test_client()
    other.set_cookie("lpbench_token", "secret")
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
    reader = create_app(runs, token="secret").server.test_client()
    answer = reader.get("/", query_string={"token": "secret"}, environ_overrides={"PATH_INFO": path})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/evil.example/"
