"""The app without a browser: every page, whatever the query string; what leaves by the side doors."""

import csv
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sweep_kinds
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import pages, query_of, state_of
from lpbench.dashboard.server.app import choose, create_app, draw

from lpbench.errors import ConfigError

PAGES = pages()


@pytest.fixture(scope="module")
def app(runs: Path) -> Any:
    return create_app(runs)


@pytest.fixture
def client(app: Any) -> Any:
    return app.server.test_client()


def layout(path: str, **query: str) -> str:
    """The components of a page, as text."""
    import dash

    (page,) = [page for page in dash.page_registry.values() if page["path"] == path]
    return repr(page["layout"](**query).to_plotly_json())


@pytest.fixture(scope="module")
def shown(runs: Path, tmp_path_factory: pytest.TempPathFactory, writing: Callable[..., Path]) -> Any:
    """The sweep that a page is drawn of: of tensors that of networks, which alone have some."""
    networks = tmp_path_factory.mktemp("networks")
    cells = sweep_kinds.networks(2, precision=[4, 6], rounding=["stochastic", "nearest_even"])
    writing(networks, "made", [sweep_kinds.watched(one) for one in cells])
    return lambda page: Store(networks if page.name == "Tensors" else runs).sweep("made")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize("dark", [False, True])
def test_a_page_draws_what_it_says(shown, page, dark):
    sweep = shown(page)
    controls = page.controls(sweep)
    state = state_of(controls, {})
    assert query_of(controls, state) == {}  # defaults are left out
    panels = page.draw(sweep, state, dark)
    assert len(panels) == page.panels
    drawn = [panel for panel in panels if panel.figure is not None]
    assert drawn
    for panel in drawn:
        assert panel.title
        assert panel.figure["data"]
        assert panel.data.rows
        assert all(len(row) == len(panel.data.columns) for row in panel.data.rows)
        assert panel.figure["layout"]["paper_bgcolor"] == ("#1A1B1E" if dark else "#FFFFFF")
    for panel in panels:
        assert panel.figure is not None or panel.notes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_of_every_control_draws(shown, page):
    sweep = shown(page)
    controls = page.controls(sweep)
    for control in controls:
        for value in [value for value, _ in control.options] or ["0", "1", "1e-3"]:
            state = state_of(controls, {control.key: value})
            assert len(page.draw(sweep, state, False)) == page.panels, (control.key, value)
            said = query_of(controls, state)
            assert state_of(controls, said) == state


def test_a_number_of_bits_has_one_colour_on_all_pages(runs):
    sweep = Store(runs).sweep("made")
    colors = {}
    for path, query in (("/convergence", {"color": "precision"}), ("/dimension", {"color": "precision"}),
                        ("/formats", {"bits": "6"})):  # fmt: skip
        (page,) = [page for page in PAGES if page.path == path]
        for panel in page.draw(sweep, state_of(page.controls(sweep), query), False):
            for trace in (panel.figure or {"data": []})["data"]:
                if trace.get("name") == "6 bits":
                    colors.setdefault(trace["line"]["color"], []).append(path)
    assert [set(paths) for paths in colors.values()] == [{"/convergence", "/dimension", "/formats"}]


def random_query(rng: random.Random, keys: list[str]) -> dict[str, str]:
    words = [
        "", "-", "all", "1", "0", "4,6", "lp_sgd", "fixed,float", "nan", "-1", "1e999", "x" * 300,
        "'; DROP TABLE cells;--",
        "../../etc/passwd", "%00", "\x00", "日本", "<script>", "algorithm", "precision", "1e-3", "None",
        "[]", "{}", ",,,",
    ]  # fmt: skip
    chosen = rng.sample([*keys, "sweep", "nobody", "v"], k=rng.randint(0, 3))
    return {key: rng.choice(words) for key in chosen if key.isidentifier()}


@pytest.mark.parametrize("count", [120, pytest.param(2_000, marks=pytest.mark.slow)])
def test_no_query_string_breaks_a_page(app, runs, client, count):
    rng = random.Random(1)
    sweep = Store(runs).sweep("made")
    keys = {page.path: [control.key for control in page.controls(sweep)] for page in PAGES}
    # Drawing is what may break; the components around it are the same at every query.
    for i in range(count):
        page = PAGES[i % len(PAGES)]
        query = random_query(rng, keys[page.path])
        if i % 20 == 0:
            assert "could not be drawn" not in layout(page.path, **query), query
        elif i % 20 == 1:
            asked = {"page": page.path, "panel": "0", "kind": rng.choice(["csv", "tex", "exe", ""]), **query}
            assert client.get("/_export", query_string=asked).status_code in (200, 404)
        elif i % 20 == 2:
            assert client.get("/_version", query_string=query).status_code == 200
        else:
            query.pop("sweep", None)
            page.draw(sweep, state_of(page.controls(sweep), query), bool(i % 2))


def test_export_is_the_numbers_of_the_figure(client, runs):
    query = {"page": "/precision", "panel": "0", "kind": "csv", "sweep": "made", "algorithm": "halp"}
    answer = client.get("/_export", query_string=query)
    assert answer.status_code == 200
    assert "made-precision-0.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["algorithm"] for row in rows} == {"halp"}
    (page,) = [page for page in PAGES if page.path == "/precision"]
    sweep = Store(runs).sweep("made")
    panel = page.draw(sweep, state_of(page.controls(sweep), query), False)[0]
    assert [float(row["noise floor"]) for row in rows] == [
        record["noise floor"] for record in panel.data.records()
    ]
    assert "tabular" in client.get("/_export", query_string=query | {"kind": "tex"}).text
    assert client.get("/_export", query_string=query | {"kind": "parquet"}).data[:4] == b"PAR1"


def test_version_rises_with_the_sweep(app, client, tmp_path, writing):
    from fake_results import fake_cell, fake_result

    writing(tmp_path, "one", [fake_result(fake_cell(0))])
    mine = create_app(tmp_path).server.test_client()
    before = mine.get("/_version?sweep=one").json["version"]
    writing(tmp_path, "one", [fake_result(fake_cell(1))])
    assert mine.get("/_version?sweep=one").json["version"] > before
    assert len(Store(tmp_path).sweep("one").cells) == 2


# -- stores that cannot be shown -------------------------------------------------------------------------------------
def test_nothing_there_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match=r"holds no sweep yet.*lpbench sweep"):
        choose(Store(tmp_path), None)
    with pytest.raises(ConfigError, match="does not exist"):
        choose(Store(tmp_path / "nowhere"), None)
    create_app(tmp_path)
    assert "holds no sweep yet" in layout("/")


def test_a_page_of_a_folder_that_is_not_there_yet_waits_for_a_sweep(tmp_path, writing):
    from fake_results import fake_cell, fake_result

    runs = tmp_path / "later"
    mine = create_app(runs).server.test_client()
    assert "does not exist yet" in layout("/")
    assert mine.get("/_version").json == {"version": None, "there": False}
    writing(runs, "first", [fake_result(fake_cell(0))])
    assert mine.get("/_version").json == {"version": None, "there": True}
    assert "first: 1 cells (1 ok)" in layout("/")


def test_a_damaged_sweep_is_named_and_the_others_are_shown(tmp_path, writing):
    from fake_results import fake_cell, fake_result

    writing(tmp_path, "good", [fake_result(fake_cell(0))])
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "manifest.json").write_text('{"schema": ')
    (tmp_path / "notes.txt").write_text("mine")
    infos = {info.name: info for info in Store(tmp_path).sweeps()}
    assert "damaged" in infos["half"].problem
    assert infos["good"].counts == {"ok": 1}
    create_app(tmp_path)
    assert "damaged" in layout("/", sweep="half")
    assert "1 cells" in layout("/", sweep="good")


def test_an_error_while_drawing_is_a_sentence(runs, caplog):
    from dataclasses import replace

    def broken(sweep, state, dark):
        raise ZeroDivisionError

    page = replace(PAGES[0], draw=broken)
    panel, *_ = draw(page, Store(runs).sweep("made"), {}, False)
    assert panel.figure is None
    assert "could not be drawn" in panel.notes[0]
    assert "ZeroDivisionError" in caplog.text
