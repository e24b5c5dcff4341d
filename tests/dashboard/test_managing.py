"""What readers may change, and who may: notes, names, hidden sweeps, and what a page says of one that is gone."""

from typing import Any

import pytest
from fake_results import fake_cell, fake_result
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import pages, state_of
from lpbench.dashboard.server import shell
from lpbench.dashboard.server.app import choose, create_app
from lpbench.dashboard.server.site import Site

from lpbench.errors import ConfigError
from lpbench.store import SweepWriter, list_sweeps
from lpbench.store.about import About, annotate, read_about
from lpbench.store.moving import delete, rename

TOKEN = "a-long-secret-word"


@pytest.fixture
def runs(tmp_path, writing):
    """`demo` of two cells, an older `other`, a `check-main` that is the newest."""
    for name in ("other", "demo", "check-main"):
        writing(tmp_path, name, [fake_result(fake_cell(seed)) for seed in range(2)])
    return tmp_path


@pytest.fixture
def post(runs):
    """Ask a dashboard that may be changed; (status, answer)."""
    client = create_app(runs, token=TOKEN, edit=True).server.test_client()
    client.get(f"/?token={TOKEN}")

    def ask(asked: Any, **headers: str) -> tuple[int, str]:
        answer = client.post("/_sweep", json=asked, headers=headers)
        return answer.status_code, answer.text

    ask.client = client
    return ask


def test_sweeps_are_annotated_renamed_and_deleted(runs, post):
    change = {"sweep": "demo", "do": "annotate", "note": "Table 2", "tags": ["paper", "old"]}
    assert post(change) == (200, '{"sweep":"demo"}\n')
    assert post({**change, "tags": ["paper"]})[0] == 200
    assert read_about(runs / "demo") == About("Table 2", ("paper",))
    told = post.client.get("/_sweep?sweep=demo").json
    assert {key: told[key] for key in ("sweep", "note", "tags", "stays")} == {
        "sweep": "demo", "note": "Table 2", "tags": ["paper"], "stays": "",
    }  # fmt: skip
    assert told["gone"].startswith("2 cells, ")
    assert post({"sweep": "demo", "do": "rename", "name": "kept"}) == (200, '{"sweep":"kept"}\n')
    assert post({"sweep": "kept", "do": "delete", "typed": "kep"})[0] == 400
    assert list_sweeps(runs) == ["check-main", "kept", "other"]
    assert post({"sweep": "kept", "do": "delete", "typed": "kept"}) == (200, '{"sweep":null}\n')
    assert list_sweeps(runs) == ["check-main", "other"]


REFUSED = [
    (None, "no request of these pages"),
    ([], "no request of these pages"),
    ({"sweep": "demo"}, "no request of these pages"),
    ({"sweep": "demo", "do": "drop"}, "no request of these pages"),
    ({"do": "delete", "typed": "demo"}, "sweep: a text, got None"),
    ({"sweep": "../demo", "do": "delete", "typed": "../demo"}, "there is no sweep '../demo'"),
    ({"sweep": "demo", "do": "rename", "name": "../up"}, "without a path"),
    ({"sweep": "demo", "do": "rename", "name": "other"}, "already"),
    ({"sweep": "demo", "do": "annotate", "note": "", "tags": "a"}, "tags: a list of texts"),
    ({"sweep": "demo", "do": "annotate", "note": "", "tags": ["a b"]}, "got 'a b'"),
    ({"sweep": "demo", "do": "delete", "typed": ["demo"]}, "typed: a text"),
]


def test_what_cannot_be_asked_is_one_line(runs, post):
    for asked, said in REFUSED:
        status, text = post(asked)
        assert (status, text.count("\n")) == (400, 1), asked
        assert said in text
    deep = post.client.post("/_sweep", data="[" * 60_000, content_type="application/json")
    assert (deep.status_code, deep.text) == (400, "this is no request of these pages\n")
    assert list_sweeps(runs) == ["check-main", "demo", "other"]


def test_a_sweep_that_is_written_is_left_alone(runs, post):
    with SweepWriter(runs / "demo", [], 0):
        for asked in ({"do": "rename", "name": "new"}, {"do": "delete", "typed": "demo"}):
            status, said = post({"sweep": "demo", **asked})
            assert (status, "another lpbench" in said) == (409, True)
        assert post({"sweep": "demo", "do": "annotate", "note": "meanwhile", "tags": []})[0] == 200
    assert read_about(runs / "demo").note == "meanwhile"


def test_only_a_page_of_this_server_that_has_the_token_changes_anything(runs, post):
    asked = {"sweep": "demo", "do": "delete", "typed": "demo"}
    assert post(asked, **{"Sec-Fetch-Site": "same-site"})[0] == 403
    assert post(asked, Host="evil.example")[0] == 400
    form = post.client.post(
        "/_sweep", data='{"sweep": "demo"}', content_type="text/plain"
    )  # as forms send it
    assert form.status_code == 400
    stranger = create_app(runs, token=TOKEN, edit=True).server.test_client()
    assert stranger.post("/_sweep", json=asked).status_code == 401
    for reading in (create_app(runs), create_app(runs, token=TOKEN)):
        client = reading.server.test_client()
        client.get(f"/?token={TOKEN}")
        assert client.get("/_sweep?sweep=demo").status_code == 403
        answer = client.post("/_sweep", json=asked)
        assert (answer.status_code, "lpbench dashboard --edit" in answer.text) == (403, True)
    assert list_sweeps(runs) == ["check-main", "demo", "other"]
    with pytest.raises(ConfigError, match="needs a token"):
        create_app(runs, edit=True)


def chooser(site: Site, name: str | None, every: bool = False) -> Any:
    """(values of the chooser, ids of the buttons, addresses of the links) of the bar on top."""
    parts = shell.header(site, site.pages[0], name, every).children
    (select,) = [part for part in parts if getattr(part, "id", None) == "sweep"]
    links = [parts[0].href, *(link.href for link in parts[1].children)]
    return select.data, [part.id for part in parts if type(part).__name__ == "Button"], links


def test_what_is_hidden_is_a_line_of_the_chooser_and_opens_all_the_same(runs):
    annotate(runs / "demo", "Table 2", ["paper"])
    annotate(runs / "other", None, ["hidden"])
    site = Site(Store(runs), pages(), "/")
    shown, buttons, _ = chooser(site, "demo")
    assert [one["value"] for one in shown] == ["demo", ":hidden"]
    assert shown[0] == {
        "value": "demo",
        "label": "demo",
        "said": "demo paper Table 2",
        "more": "paper · Table 2",
    }
    assert shown[1]["label"] == "show 2 hidden"
    assert "edit" not in buttons
    every, buttons, links = chooser(Site(Store(runs), pages(), "/", edit=True), "demo", True)
    assert [one["value"] for one in every] == ["check-main", "demo", "other", ":hidden"]
    assert every[-1]["label"] == "hide 2 hidden"
    assert "edit" in buttons
    assert all(link.endswith("?sweep=demo&all=1") for link in links)
    named, *_ = chooser(site, "other")
    assert [one["value"] for one in named] == ["demo", "other", ":hidden"]
    assert choose(site.store, "other").name == "other"
    assert choose(site.store, None).name == "demo"  # not the newest, which is hidden
    delete(runs / "demo")
    assert choose(site.store, None).name == "check-main"


def test_overview_says_what_is_kept_with_the_sweep_and_how_many_are_hidden(runs):
    annotate(runs / "demo", "Table 2", ["paper"])
    store = Store(runs)
    (page,) = [page for page in pages() if page.path == "/"]
    sweep = store.sweep("demo")
    body = str(page.body(store, sweep, state_of(page.controls(sweep), {}), "/"))
    assert "tags: paper" in body
    assert "note: Table 2" in body
    assert "And 1 hidden sweep" in body
    assert "check-main" not in body


def test_an_old_address_leads_to_the_new_name_and_an_open_page_is_told(runs):
    client = create_app(runs).server.test_client()
    rename(runs / "demo", "kept")
    assert Store(runs).sweep("demo").name == "kept"
    told = client.get("/_version?sweep=demo").json
    assert told == {"version": None, "gone": True, "error": "sweep 'demo' was renamed, to 'kept'"}
    delete(runs / "kept")
    assert "there is no sweep 'demo'" in client.get("/_version?sweep=demo").json["error"]


def test_a_name_that_is_given_again_is_another_sweep(runs, writing):
    store = Store(runs)
    before = store.sweep("demo")
    assert len(before.cells) == 2
    delete(runs / "demo")
    writing(runs, "demo", [fake_result(fake_cell(seed)) for seed in range(3)])
    assert store.version("demo") == before.version
    assert len(store.sweep("demo").cells) == 3
