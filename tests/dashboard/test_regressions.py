"""The page Regressions: verdicts by run, steps at the right commit, slow drift since a release, what is missing."""

import itertools
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from fake_results import fake_cell, fake_result
from lpbench.dashboard.data import past
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import query_of, state_of
from lpbench.dashboard.pages import regressions
from lpbench.dashboard.pages.regressions import PAGE
from lpbench.dashboard.server import shell
from lpbench.dashboard.server.site import Site

from lpbench.store import history
from lpbench.store.moving import rename
from lpbench.store.schema import CHOICES

RUNS = 12
STEP, RELEASE, BROKEN = 7, 5, 9  # the runs of the planted step, of a release, and of a broken bound
CONFIGS = {"still": 4, "stepped": 6, "drifting": 8, "broken": 10}  # name: precision


def factor(name, run):
    """What a floor is multiplied by in a run."""
    if name == "stepped":
        return 2.0 if run >= STEP else 1.0
    return 1.05 ** max(0, run - RELEASE + 1) if name == "drifting" else 1.0


def verdict(name, run):
    if name == "broken" and run == BROKEN:
        return "bound broken"
    return {"stepped": "worse" if run >= STEP else "same", "drifting": "same"}.get(name, "identical")


def rows(run, platform="linux-x86_64", names=CONFIGS):
    """A check of the configurations; `run` also makes its commit and its time."""
    known = np.random.default_rng(run)
    found = []
    for name in names:
        cell = fake_cell(0, CONFIGS[name])
        floor = 2.0 ** -CONFIGS[name] * factor(name, run)
        floor *= 1 + 0.002 * known.standard_normal() if name == "stepped" else 1.0
        row = {choice: cell.choices[choice] for choice in CHOICES if choice != "seed"}
        row |= {"run": f"{run:03d}-{platform}", "checked_at": f"2026-10-{run + 1:02d}T04:00:00.000+00:00"}
        row |= {"git_commit": f"{run:07x}" + 33 * "0", "lpbench_version": "2.0" if run >= RELEASE else "1.0"}
        row |= {"platform": platform, "baseline": "main", "sweep": "made", "config_id": name}
        row |= {"cell_id": cell.cell_id, "label": name, "verdict": verdict(name, run), "n": 5}
        row |= {"floor": floor, "floor_q10": floor / 1.2, "floor_q90": floor * 1.2}
        found.append(row)
    return found


def keep(runs, count=RUNS, platform="linux-x86_64"):
    for run in range(count):
        history.append(runs / "history", f"{run:03d}-{platform}", rows(run, platform))


@pytest.fixture
def store(tmp_path, writing):
    """A store with the sweep `made`, of which a history may hold checks."""
    writing(tmp_path / "runs", "made", [fake_result(fake_cell(0, bits)) for bits in CONFIGS.values()])
    return Store(tmp_path / "runs")


def panels(store, dark=False, **query):
    sweep = store.sweep("made")
    return PAGE.draw(sweep, state_of(PAGE.controls(sweep), query), dark)


def table(store, **query):
    """The rows of the table as texts by its columns, with the address of the link under `link`."""
    sweep = store.sweep("made")
    body = PAGE.body(store, sweep, state_of(PAGE.controls(sweep), query), "/lp/").to_plotly_json()
    found = []
    for row in of(body, "Tr")[1:]:
        cells = row["children"]
        said = [one for cell in cells for one in texts(cell)]
        links = of(row, "A")
        found.append(
            dict(zip(regressions.HEAD, said, strict=True)) | {"link": links[0]["href"] if links else None}
        )
    return found


def plain(component):
    from plotly.utils import PlotlyJSONEncoder

    return json.loads(json.dumps(component, cls=PlotlyJSONEncoder))


def of(node, kind):
    node = plain(node)
    if isinstance(node, list):
        return [one for part in node for one in of(part, kind)]
    if not isinstance(node, dict):
        return []
    mine = [node["props"]] if node.get("type") == kind else []
    return mine + of((node.get("props") or node).get("children"), kind)


def texts(node):
    node = plain(node)
    if isinstance(node, list):
        return [one for part in node for one in texts(part)]
    return (
        texts((node.get("props") or {}).get("children")) if isinstance(node, dict) else [node] if node else []
    )


def traces(panel, name):
    return [trace for trace in panel.figure["data"] if trace.get("name") == name and len(trace["x"]) > 1]


@pytest.mark.parametrize("dark", [False, True])
def test_bars_hold_every_configuration_of_every_run_the_worst_at_the_bottom(store, dark):
    keep(store.runs_dir)
    panel = panels(store, dark)[0]
    bars = panel.figure["data"]
    assert [bar["name"] for bar in bars] == ["bound broken", "worse", "same", "identical"]
    assert np.sum([bar["y"] for bar in bars], axis=0).tolist() == [4] * RUNS
    assert [run for run, count in enumerate(bars[0]["y"]) if count] == [BROKEN]
    assert bars[1]["y"] == [0] * STEP + [1] * (RUNS - STEP)
    looks = {(bar["marker"]["color"], bar["marker"]["pattern"]["shape"]) for bar in bars}
    assert len(looks) == len(bars)
    assert panel.figure["layout"]["xaxis"]["ticktext"][-1] == f"{RUNS - 1:07x}"
    assert panel.data.records()[0] == {
        "run": "011-linux-x86_64", "commit": f"{11:07x}" + 33 * "0", "checked at": "2026-10-12T04:00:00.000+00:00",
        "lpbench": "2.0", "baseline": "main", "bound broken": 0, "worse": 1, "same": 1, "identical": 2,
            "slices warned of": 0,
    }  # fmt: skip
    quiet = panels(store, dark, quiet="1")[0].figure["data"]
    assert [bar["name"] for bar in quiet] == ["bound broken", "worse"]


def test_a_release_is_marked_where_it_happened(store):
    keep(store.runs_dir)
    for panel in panels(store):
        (line,) = panel.figure["layout"]["shapes"]
        assert line["x0"] == line["x1"] == RELEASE - 0.5
    (label,) = [one for one in panels(store)[0].figure["layout"]["annotations"] if one["text"] == "2.0"]
    assert label["x"] == RELEASE - 0.5


def test_the_planted_step_is_found_at_its_commit(store):
    keep(store.runs_dir)
    (row,) = [row for row in table(store) if "6 bits" in row["configuration"]]
    assert row["steps at"] == f"{STEP:07x}, 2026-10-0{STEP + 1}"
    assert float(row["across the last"].removeprefix("× ")) == pytest.approx(2.0, rel=0.01)
    assert row["now"] == "worse"
    floors = panels(store)[1]
    (fit,) = [one for one in floors.figure["data"] if one.get("name") == "lp_sgd, fixed, 6 bits: level"]
    jumps = [
        x for x, y, after in zip(fit["x"], fit["y"], fit["y"][1:], strict=False) if abs(after / y - 1) > 0.5
    ]
    assert jumps == [STEP - 0.5]


def test_slow_drift_since_a_release_is_seen_though_no_check_was_worse(store):
    keep(store.runs_dir)
    (row,) = [row for row in table(store) if "8 bits" in row["configuration"]]
    ratio = 1.05 ** (RUNS - RELEASE)
    assert row["since the last release"] == f"× {ratio:.3g} (1.0)"
    assert row["since the first run"] == f"× {ratio:.3g}"
    assert row["now"] == "same"


def test_drift_without_a_step_is_listed_too(store, monkeypatch):
    keep(store.runs_dir)
    monkeypatch.setattr(past.statistics, "steps", lambda series: [])
    past._read.cache_clear()
    found = {row["configuration"]: row["steps at"] for row in table(store)}
    assert set(found.values()) == {"no step"}
    assert len(found) == 2
    past._read.cache_clear()


def test_rows_are_sorted_by_the_larger_change_and_still_ones_are_left_out(store):
    keep(store.runs_dir)
    changes = [float(row["since the first run"].removeprefix("× ")) for row in table(store)]
    assert changes == sorted(changes, reverse=True)
    assert len(changes) == 2  # neither what never moved nor the broken bound, whose floor did not


def test_the_worst_of_the_newest_run_are_shown_first_and_others_can_be_chosen(store):
    keep(store.runs_dir, BROKEN + 1)
    sweep = store.sweep("made")
    known = PAGE.controls(sweep)
    assert state_of(known, {})["config"] == ("broken", "stepped")
    assert query_of(known, state_of(known, {})) == {}
    shown = panels(store)[1]
    assert "the worst of the newest run" in shown.notes[0]
    assert shown.figure["layout"]["meta"]["panels"] == 2
    chosen = panels(store, config="still,nobody,drifting")[1]
    assert {row[0] for row in chosen.data.rows} == {"lp_sgd, fixed, 4 bits", "lp_sgd, fixed, 8 bits"}
    assert chosen.notes[0] == "2 of 2 chosen configurations."


def test_where_none_is_worse_those_that_moved_furthest_are_shown(store):
    keep(store.runs_dir, STEP)
    state = state_of(PAGE.controls(store.sweep("made")), {})
    assert state["config"][:2] == ("drifting", "stepped")
    assert "moved furthest" in panels(store)[1].notes[0]


def test_floors_are_relative_to_the_first_run_with_their_spread(store):
    keep(store.runs_dir)
    panel = panels(store, config="drifting")[1]
    (line,) = traces(panel, "lp_sgd, fixed, 8 bits")
    assert np.asarray(line["y"], float) == pytest.approx([factor("drifting", run) for run in range(RUNS)])
    row = panel.data.records()[-1]
    assert (row["noise floor"] / row["10 %"], row["90 %"] / row["noise floor"]) == pytest.approx((1.2, 1.2))
    assert panel.figure["layout"]["yaxis"]["type"] == "log"
    (band,) = [one for one in panel.figure["data"] if one.get("fill") == "toself"]
    assert max(band["y"]) == pytest.approx(1.2 * factor("drifting", RUNS - 1))


def test_links_lead_to_the_cells_of_the_newest_run(store, tmp_path):
    keep(store.runs_dir)
    (link,) = [row["link"] for row in table(store) if "6 bits" in row["configuration"]]
    assert link.startswith("/lp/cells?sweep=made&")
    assert "precision=6" in link
    assert f"cells={fake_cell(0, 6).cell_id}" in link
    assert {cell["href"] for cell in of(body(store), "A")} == {row["link"] for row in table(store)}
    assert all(cell["aria-label"].startswith("Cells of ") for cell in of(body(store), "A"))
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(store.runs_dir / "history", tmp_path / "elsewhere" / "history")
    shutil.copytree(store.runs_dir / "made", tmp_path / "elsewhere" / "made")
    rename(tmp_path / "elsewhere" / "made", "kept")  # the history says the name of then
    moved = regressions._moved(Store(tmp_path / "elsewhere"), "linux-x86_64", "/")
    assert {cell["href"].partition("&")[0] for cell in of(moved, "A")} == {"/cells?sweep=kept"}
    shutil.rmtree(tmp_path / "elsewhere" / "kept")
    gone = regressions._moved(Store(tmp_path / "elsewhere"), "linux-x86_64", "/")
    assert len(of(gone, "Tr")) == 3
    assert of(gone, "A") == []


def body(store, **query):
    sweep = store.sweep("made")
    return PAGE.body(store, sweep, state_of(PAGE.controls(sweep), query), "/lp/")


def test_the_table_can_be_read_aloud_and_scrolled_by_keys(store):
    keep(store.runs_dir)
    found = body(store)
    assert [one["aria-label"] for one in of(found, "Table")] == ["Where it moved"]
    assert [one["scope"] for one in of(found, "Th")] == ["col"] * len(regressions.HEAD) + ["row"] * 2
    (region,) = of(found, "Div")
    assert (region["tabIndex"], region["role"], region["aria-label"]) == ("0", "region", "Where it moved")


def test_platforms_are_not_mixed(store):
    keep(store.runs_dir, 6)
    for run in range(RUNS, RUNS + 3):
        history.append(
            store.runs_dir / "history", f"{run}-arm", rows(run, "linux-aarch64", ("still", "stepped"))
        )
    (platform, *_) = PAGE.controls(store.sweep("made"))
    assert platform.default == "linux-aarch64"  # that of the newest run
    bars = panels(store)[0]
    assert len(bars.data.rows) == 3
    assert "3 runs on linux-aarch64, 6 on others." in bars.notes
    assert table(store) == []  # both steps lie between the platforms
    other = panels(store, platform="linux-x86_64")
    assert len(other[0].data.rows) == 6
    assert {row[3] for row in other[1].data.rows} <= {"same", "identical"}


def test_without_a_history_one_sentence_says_what_to_do(store):
    assert PAGE.controls(store.sweep("made")) == []
    checks, floors = panels(store)
    assert checks.figure is floors.figure is None
    assert "`lpbench check --baseline main --history" in checks.notes[0]
    assert str(store.runs_dir / "history") in checks.notes[0]
    assert texts(body(store)) == []


@pytest.mark.parametrize("count", [0, 3])
def test_a_damaged_file_is_named_and_the_others_are_shown(store, count):
    keep(store.runs_dir, count)
    (store.runs_dir / "history").mkdir(exist_ok=True)
    (store.runs_dir / "history" / "torn.parquet").write_bytes(b"PAR1")
    checks = panels(store)[0]
    assert len(checks.data.rows) == count
    (said,) = [note for note in checks.notes if "torn.parquet" in note]
    assert said.startswith("Not read: torn.parquet cannot be read")


def test_one_run_is_drawn(store):
    keep(store.runs_dir, 1)
    checks, floors = panels(store)
    assert [sum(bar["y"]) for bar in checks.figure["data"]] == [2, 2]
    assert len(floors.data.rows) == 4
    low, high = floors.figure["layout"]["yaxis"]["range"]
    assert low < 0 < high
    assert texts(body(store))[1].startswith("Nowhere: no floor has a step")


def test_a_new_run_is_seen_at_once(store):
    keep(store.runs_dir, 3)
    assert len(panels(store)[0].data.rows) == 3
    assert past.read(store.runs_dir) is past.read(store.runs_dir)  # read once
    keep(store.runs_dir, 4)
    assert len(panels(store)[0].data.rows) == 4


def test_a_configuration_without_a_floor_is_counted_and_not_drawn(store):
    lost = [row | {"floor": None, "verdict": "failed"} for row in rows(0)]
    history.append(store.runs_dir / "history", "000", lost)
    checks, floors = panels(store)
    assert [bar["y"] for bar in checks.figure["data"]] == [[4]]
    assert floors.figure is None
    assert "None of these configurations" in floors.notes[0]


def test_a_floor_of_zero_is_counted_and_not_drawn(store):
    for run in range(3):
        kept = [row | ({"floor": 0.0} if run == 1 else {}) for row in rows(run)]
        history.append(store.runs_dir / "history", f"{run:03d}", kept)
    _, floors = panels(store)
    assert "4 points of 0: not drawn on a logarithmic axis." in floors.notes


def test_of_a_long_history_the_newest_runs_are_drawn_and_the_first_is_remembered(store):
    many = past.LATEST + 5
    for run in range(many):
        kept = [
            row | {"run": f"{run:03d}", "checked_at": f"2026-{run:04d}"} for row in rows(0, names=("still",))
        ]
        grown = [row | {"floor": row["floor"] * (1 if run < 3 else 3)} for row in kept]
        history.append(store.runs_dir / "history", f"{run:03d}", grown)
    checks, floors = panels(store)
    assert len(checks.data.rows) == len(floors.data.rows) == past.LATEST
    assert f"The newest {past.LATEST} of {many} runs" in checks.notes[1]
    assert {row[-1] for row in floors.data.rows} == {3.0}
    assert [row["since the first run"] for row in table(store)] == ["× 3"]


def test_configurations_with_one_name_are_told_apart():
    same = [{**rows(0)[0], "config_id": f"{i}abcdefgh"} for i in range(2)]
    names = past.labels(same)
    assert names == ["lp_sgd, fixed, 4 bits, 0abcdef", "lp_sgd, fixed, 4 bits, 1abcdef"]
    assert all(a != b for a, b in itertools.pairwise(names))


def test_the_page_is_there_without_any_sweep(tmp_path):
    import dash
    from lpbench.dashboard.server.app import create_app

    keep(tmp_path)
    client = create_app(tmp_path).server.test_client()
    (layout,) = [one["layout"] for one in dash.page_registry.values() if one["path"] == PAGE.path]
    page = layout()
    assert "no sweep yet" in texts(page)
    titles = [regressions.CHECKS, "Noise floor by commit"]
    assert [one["aria-label"] for one in of(page, "Figure")] == titles
    assert len(of(page, "Tr")) == 3
    assert "nobody" in " ".join(texts(layout(sweep="nobody")))
    answer = client.get("/_export", query_string={"page": PAGE.path, "panel": "0", "kind": "csv"})
    assert len(answer.text.splitlines()) == 1 + RUNS
    assert (
        client.get("/_export", query_string={"page": "/cells", "panel": "0", "kind": "csv"}).status_code
        == 404
    )


def test_what_the_newest_check_warned_of_is_said_and_older_files_are_read(store):
    keep(store.runs_dir, 2)
    old = store.runs_dir / "history" / "000-linux-x86_64.parquet"
    table = pq.read_table(old)
    pq.write_table(table.drop_columns(["warned"]).replace_schema_metadata(table.schema.metadata), old)
    warned = "slice lp_sgd fixed (4 configurations) is 1.100 times worse"
    newest = [row | {"warned": warned} for row in rows(2)]
    history.append(store.runs_dir / "history", "002-linux-x86_64", newest)
    sweep = store.sweep("made")
    panel = PAGE.draw(sweep, state_of(PAGE.controls(sweep), {}), False)[0]
    assert f"It warned: {warned}." in panel.notes
    assert [row["slices warned of"] for row in panel.data.records()] == [1, 0, 0]


def test_every_step_is_listed_and_not_the_last_alone(store, monkeypatch):
    keep(store.runs_dir)
    monkeypatch.setattr(past.statistics, "steps", lambda series: [3, 6])
    past._read.cache_clear()
    (row,) = [row for row in table(store) if "6 bits" in row["configuration"]]
    assert row["steps at"] == "0000003, 2026-10-04; 0000006, 2026-10-07"


def test_no_sweep_is_named_beside_checks_that_are_not_its(store):
    keep(store.runs_dir)
    sweep = store.sweep("made")
    page = shell.page(Site(store, [PAGE], "/"), PAGE, sweep, [], {}, [], None)
    assert shell.ABOUT_ALL in texts(page)
    assert not [text for text in texts(page) if text.startswith("made: ")]


def networks(run):
    """A check of two networks, whose test error has a step."""
    found = rows(run, names=["still", "stepped"])
    for row in found:
        row |= {"metric": "test_error", "problem": "mlp", "floor": 0.3 * (1.4 if run >= STEP else 1.0)}
        row |= {"floor_q10": row["floor"] - 0.01, "floor_q90": row["floor"] + 0.01}
    return found


def test_networks_are_called_by_their_test_error(store):
    for run in range(RUNS):
        history.append(store.runs_dir / "history", f"{run:03d}", networks(run))
    _, results = panels(store)
    assert results.title == "Test error by commit"
    assert results.data.columns[4] == "test error"
    layout = str(results.figure["layout"])
    assert "test error / first test error" in layout
    names = {trace.get("name") for trace in results.figure["data"]}
    assert "test error, 10-90 % over the seeds" in names
    sweep = store.sweep("made")
    controls = PAGE.controls(sweep)
    body = " ".join(texts(PAGE.body(store, sweep, state_of(controls, {}), "/")))
    said = [results.title, *results.notes, layout, str(results.figure["data"]), body, *map(str, controls)]
    assert "whose test error has a step" in body
    assert "floor" not in " ".join(said)


def test_both_kinds_together_are_results(store):
    for run in range(RUNS):
        found = rows(run, names=["drifting", "broken"]) + networks(run)
        history.append(store.runs_dir / "history", f"{run:03d}", found)
    _, results = panels(store, config="stepped,drifting")
    assert results.title == "Result by commit"
    assert results.data.columns[4] == "result"
