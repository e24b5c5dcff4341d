"""Requests of the callbacks, whatever they hold: an answer, or 400 in one line; never a traceback."""

import copy
import json
import random

import pytest
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import SWITCH, pages
from lpbench.dashboard.server import callbacks
from lpbench.dashboard.server.app import create_app

from lpbench.errors import StoreError

PAGES = {page.path: page for page in pages()}
URL = "/_dash-update-component"


@pytest.fixture(scope="module")
def app(runs):
    return create_app(runs)


@pytest.fixture
def client(app):
    return app.server.test_client()


def requests_of(app, runs):
    """A request as the browser sends it, for each callback of the server and each page."""
    found = []
    for path, page in PAGES.items():
        controls = page.controls(Store(runs).sweep("made"))
        values = {
            "dark": False, "version": 3, "view": {"page": path, "sweep": "made", "prefix": "/"},
            "_pages_location": {"pathname": path, "search": "?sweep=made"},
            "grid": {"startRow": 0, "endRow": 10, "sortModel": [], "filterModel": {}},
        }  # fmt: skip

        def part(known, page=page, controls=controls, values=values):
            if not known["id"].startswith("{"):
                value = values.get(known["id"])
                value = value[known["property"]] if known["id"] == "_pages_location" else value
                return {"id": known["id"], "property": known["property"], "value": value}
            name = json.loads(known["id"])
            if name["type"] in ("control", "switch") and ["ALL"] in name.values():
                kept = [one for one in controls if (one.kind == SWITCH) == (name["type"] == "switch")]
                return [
                    {
                        "id": {"type": name["type"], "key": one.key},
                        "property": known["property"],
                        "value": one.default,
                    }
                    for one in kept
                ]
            several = ["ALL"] in name.values()
            there = range(page.panels) if several else [0]
            listed = [
                {"id": {key: i if isinstance(word, list) else word for key, word in name.items()},
                 "property": known["property"], "value": 1}
                for i in there
            ]  # fmt: skip
            return listed if several else listed[0]

        for output, known in app.callback_map.items():
            if "callback" not in known:
                continue
            asked = output.strip(".").split("...") if output.startswith("..") else [output]
            outputs = [
                part(dict(zip(("id", "property"), one.partition("@")[0].rsplit(".", 1), strict=True)))
                for one in asked
            ]
            inputs = [part(one) for one in known["inputs"]]
            flat = [one for each in inputs for one in (each if isinstance(each, list) else [each])]
            name = flat[0]["id"] if flat else ""
            first = name if isinstance(name, str) else json.dumps(name, sort_keys=True, separators=(",", ":"))
            found.append(
                {
                    "output": output, "outputs": outputs if output.startswith("..") else outputs[0], "inputs": inputs,
                    "state": [part(one) for one in known["state"]],
                    "changedPropIds": [f"{first}.{flat[0]['property']}"] if flat else [],
                }
            )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def bodies(app, runs):
    app.server.test_client().get("/_dash-layout")  # when Dash's own callbacks come in
    return requests_of(app, runs)


def test_what_the_pages_send_is_answered(client, bodies, caplog):
    codes = [client.post(URL, json=body).status_code for body in bodies]
    assert set(codes) <= {200, 204}
    assert codes.count(200) >= 3 * len(PAGES)
    assert "Traceback" not in caplog.text


ODD = [None, True, -1, 10**400, 1e308, "", "x" * 3000, "\ud800", [], [[]], {}, {"a": {"b": []}}, [None], "made", "/",
       {"page": "/", "sweep": 7}, {"page": [], "sweep": "made"}, {"key": "algorithm", "type": "control"}, 0.5,
]  # fmt: skip


def places(value, path=()):
    """Where something stands in a body."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from places(one, (*path, key))


def spoiled(body, rng):
    body = copy.deepcopy(body)
    for _ in range(rng.randint(1, 2)):
        path = rng.choice(list(places(body)))
        if not path:
            return copy.deepcopy(rng.choice(ODD))
        holder = body
        for key in path[:-1]:
            holder = holder[key]
        what = rng.random()
        if what < 0.3:
            del holder[path[-1]]
        elif what < 0.4 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[path[-1]]))
        else:
            holder[path[-1]] = copy.deepcopy(rng.choice(ODD))
    return body


@pytest.mark.parametrize("count", [400, pytest.param(5_000, marks=pytest.mark.slow)])
def test_json_of_another_shape_is_400_and_no_traceback(client, bodies, caplog, count):
    rng = random.Random(1)
    refused = 0
    for i in range(count):
        body = spoiled(bodies[i % len(bodies)], rng)
        answer = client.post(URL, json=body)
        assert answer.status_code in (200, 204, 400), (answer.status_code, body)
        refused += answer.status_code == 400
    assert refused > count / 10
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b"[" * 100_000, b'{"output": ' + b"9" * 5000 + b"}", b"null", b'{"a":' * 20_000],
)
def test_what_is_no_json_is_400(client, caplog, data):
    answer = client.post(URL, data=data, content_type="application/json")
    assert answer.status_code == 400
    assert len(answer.text.splitlines()) == 1
    assert caplog.text == ""


def test_a_key_that_stands_twice_in_an_address_is_left_out(client, bodies, app):
    (body,) = [
        one
        for one in bodies
        if "_pages_content" in one["output"] and one["inputs"][0]["value"] == "/precision"
    ]
    body = copy.deepcopy(body)
    body["inputs"][1]["value"] = "?algorithm=halp&algorithm=sgd&sweep=made&sweep=other&target=1"
    answer = client.post(URL, json=body)
    assert answer.status_code == 200
    assert "made: 96 cells" in answer.text


def test_half_a_character_is_400(client, bodies, caplog):
    for body in bodies:
        if body["inputs"] and isinstance(body["inputs"][0], dict):
            spoilt = copy.deepcopy(body)
            spoilt["inputs"][0]["value"] = "\ud800"
            assert client.post(URL, json=spoilt).status_code == 400
    assert caplog.text == ""


def test_an_address_outside_of_the_prefix_is_400(client, bodies, caplog):
    (body,) = [
        one
        for one in bodies
        if "_pages_content" in one["output"] and one["inputs"][0]["value"] == "/precision"
    ]
    body = copy.deepcopy(body)
    body["inputs"][0]["value"] = "precision"
    answer = client.post(URL, json=body)
    assert (answer.status_code, len(answer.text.splitlines())) == (400, 1)
    assert caplog.text == ""


def test_half_a_character_in_a_filter_finds_nothing(runs):
    model = {"status": {"filterType": "text", "type": "equals", "filter": "\ud800"}}
    assert Store(runs).sweep("made").rows(0, 10, [], model) == ([], 0)


def test_a_sweep_that_cannot_be_read_is_one_line(client, bodies, monkeypatch, caplog):
    def broken(self, name):
        raise StoreError("made/cells.parquet cannot be read")

    monkeypatch.setattr(Store, "sweep", broken)
    (body,) = [
        one
        for one in bodies
        if "status.children" in one["output"] and one["state"][3]["value"]["page"] == "/"
    ]
    answer = client.post(URL, json=body)
    assert (answer.status_code, answer.text) == (500, "made/cells.parquet cannot be read\n")
    assert caplog.text == ""


def test_new_cells_replace_the_data_of_a_figure_and_the_whole_of_one_that_was_another(client, bodies):
    """Where nothing was drawn before, the axes are hidden: data alone would be a lone point."""
    (body,) = [
        copy.deepcopy(one)
        for one in bodies
        if "status.children" in one["output"] and one["state"][3]["value"]["page"] == "/"
    ]
    styles = body["state"][-1]
    whole = client.post(URL, json=body).json["response"]
    heights = [part["style"] for part in whole.values() if "style" in part]
    assert any("layout" in part.get("figure", {}) for part in whole.values())
    for style, height in zip(styles, heights, strict=True):
        style["value"] = height
    patched = client.post(URL, json=body)
    assert "__dash_patch_update" in patched.text
    assert not any("layout" in part.get("figure", {}) for part in patched.json["response"].values())


def test_a_large_body_is_refused_before_the_token_is_looked_at(runs):
    client = create_app(runs, token="a-long-secret-word").server.test_client()
    assert client.post(URL, data=b"x" * 300_000).status_code == 413
    assert client.post(URL, data=b"x").status_code == 401


def test_the_shape_of_a_request():
    known = {"a.b": {"callback": None, "inputs": [{"id": "i", "property": "p"}], "state": []}}
    fine = {
        "output": "a.b",
        "outputs": {"id": "a", "property": "b"},
        "inputs": [{"id": "i", "property": "p", "value": 1}],
    }
    assert callbacks.is_request(fine, known)
    for wrong in (
        {"inputs": []},
        {"inputs": 7},
        {"output": "a"},
        {"outputs": []},
        {"changedPropIds": [1]},
        {"state": [1]},
    ):
        assert not callbacks.is_request(fine | wrong, known)
