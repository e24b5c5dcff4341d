import json
import tracemalloc

import pytest
from fake_results import fake_result

import lpbench
from lpbench.cells.cost import estimate, memory, notes
from lpbench.choices import hydra_session
from lpbench.errors import ConfigError, StoreError, TooLarge
from lpbench.problems.build import build
from lpbench.regression import baselines
from lpbench.store import SweepWriter
from lpbench.sweeps import plan as planning
from lpbench.sweeps.plan import make_plan, plan, plan_of_sweep, union
from lpbench.sweeps.sweep import resume_command

GRID = ["problem=family_q", "dimension=4,8", "precision=4,8", "seed=range(3)", "steps=100"]


def store(made, statuses=("ok",), calls=None):
    """Store the plan's cells, with `statuses` in turn."""
    with SweepWriter(made.folder, calls or [call.as_dict() for call in made.calls], 0) as sweep:
        for i, cell in enumerate(made.cells):
            sweep.put(fake_result(cell, statuses[i % len(statuses)]))


def test_every_cell_is_new_at_first(tmp_path):
    made = make_plan(GRID, "demo", tmp_path)
    assert made.counts == {"new": 12}
    assert made.todo == made.cells
    assert made.folder == tmp_path / "demo"
    assert made.axes == {"dimension": [4, 8], "precision": [4, 8], "seed": [0, 1, 2]}
    assert not made.folder.exists()


def test_why_cells_run(tmp_path):
    store(make_plan(GRID, "demo", tmp_path), ("ok", "diverged", "failed", "timeout"))
    more = [*GRID[:3], "seed=range(4)", "steps=100"]
    made = make_plan(more, "demo", tmp_path)
    assert made.counts == {"stored": 6, "failed before": 3, "timed out before": 3, "new": 4}
    assert make_plan(more, "demo", tmp_path, force=True).counts == {"forced": 12, "new": 4}
    assert make_plan(GRID, "other", tmp_path).counts == {"new": 12}


def test_what_is_not_read_collapses(tmp_path):
    made = make_plan(
        ["problem=family_q", "algorithm=sgd", "precision=4,6,8", "dimension=4"], "demo", tmp_path
    )
    assert len(made.cells) == 1
    assert made.collapsed == 2


def test_combinations_that_make_no_sense_are_kept_and_stop_the_sweep(tmp_path):
    overrides = ["problem=family_s", "dimension=16", "k=4,32"]
    made = make_plan(overrides, "demo", tmp_path)
    assert len(made.cells) == len(made.invalid) == 1
    with pytest.raises(ConfigError, match=r"1 combination makes no sense .*k=32.*k must divide"):
        made.check()
    make_plan(overrides, "demo", tmp_path, skip_invalid=True).check()
    with pytest.raises(ConfigError, match="no cell is left"):
        make_plan(["problem=family_s", "dimension=16", "k=32"], "demo", tmp_path, skip_invalid=True).check()


def test_run_time_choices_are_no_part_of_the_call(tmp_path):
    made = make_plan([*GRID, "workers=3", "timeout=7", f"runs_dir={tmp_path}"], "demo")
    assert made.calls[0].overrides == tuple(GRID)
    assert (made.runtime["workers"], made.runtime["timeout"]) == (3, 7.0)
    assert made.folder == tmp_path / "demo"


def test_a_bad_name_is_said_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "expand", lambda *arguments: pytest.fail("expanded"))
    with pytest.raises(ConfigError, match="sweep name"):
        make_plan(GRID, "a/b", tmp_path)


def test_the_guard_sees_the_size_before_cells_are_made(tmp_path):
    seen = []

    def guard(count):
        seen.append(count)
        raise ConfigError("too many")

    with pytest.raises(ConfigError, match="too many"):
        make_plan(["seed=range(50000)"], "demo", tmp_path, guard=guard)
    assert seen == [50_000]


def test_a_sweep_is_resumed_from_its_manifest(tmp_path):
    first = make_plan(GRID, "demo", tmp_path)
    second = make_plan([*GRID[:3], "seed=range(2,5)", "steps=100"], "demo", tmp_path)
    store(first, calls=[call.as_dict() for call in union([first, second]).calls])
    again = plan_of_sweep("demo", tmp_path)
    assert len(again.cells) == 20
    assert again.counts == {"stored": 12, "new": 8}
    assert [call.overrides for call in again.calls] == [first.calls[0].overrides, second.calls[0].overrides]
    assert again.axes["seed"] == [0, 1, 2, 3, 4]
    with pytest.raises(ConfigError, match=r"unknown sweep 'dmo'\. Did you mean 'demo'\?"):
        plan_of_sweep("dmo", tmp_path)


def test_a_sweep_without_a_call_cannot_be_resumed(tmp_path):
    SweepWriter(tmp_path / "demo", [], 0).close()
    with pytest.raises(ConfigError, match="names no call"):
        plan_of_sweep("demo", tmp_path)


# -- what a manifest or a baseline may ask for ---------------------------------------------------------------------
CALL = {"overrides": GRID, "config_dir": None, "skip_invalid": False}


@pytest.fixture
def trap(tmp_path):
    """A folder whose module leaves a mark when it is imported."""
    folder = tmp_path / "trap"
    folder.mkdir()
    (folder / "trap_module.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w').close()\n")
    return folder


def stored(tmp_path, *calls, runtime=None):
    with SweepWriter(tmp_path / "demo", list(calls), 0, runtime or {}):
        pass


def test_a_manifest_imports_nothing_that_the_user_did_not_name(tmp_path, trap, monkeypatch):
    stored(tmp_path, {**CALL, "config_dir": str(trap)})
    with pytest.raises(ConfigError, match=r"sweep demo .*trap.* --config-dir DIR"):
        plan_of_sweep("demo", tmp_path)
    assert not (tmp_path / "sprung").exists()
    named = tmp_path / "named"
    named.mkdir()
    again = plan_of_sweep("demo", tmp_path, named)  # the folder that was named, and no other
    assert not (tmp_path / "sprung").exists()
    assert {call.config_dir for call in again.calls} == {str(named)}
    assert resume_command(again) == f"lpbench resume demo --config-dir {named} --runs-dir {tmp_path}"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("path=${oc.env:LPBENCH_SECRET}", "only ${KEY} is resolved"),
        ("path='${oc.env:LPBENCH_SECRET}'", "only ${KEY} is resolved"),
        ("+path=a,'x${oc.decode:${oc.env:LPBENCH_SECRET}}'", "only ${KEY} is resolved"),
        ("~path=${oc.env:LPBENCH_SECRET}", "only ${KEY} is resolved"),
        ("seed=range(0,600000)", "2,400,000 cells, and 2,000,000 are the most"),
        ("executor=ray", "executor, which is no part"),
        ("runs_dir=/somewhere", "runs_dir, which is no part"),
    ],
)
def test_a_stored_call_asks_for_a_grid_and_nothing_else(tmp_path, monkeypatch, override, said):
    monkeypatch.setenv("LPBENCH_SECRET", "s3cret")
    stored(tmp_path, {**CALL, "overrides": [*GRID[:3], override]})
    with pytest.raises(ConfigError) as refused:
        plan_of_sweep("demo", tmp_path)
    assert str(refused.value).startswith("the stored call of sweep demo asks for ")
    assert said in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_key_that_refers_to_another_one_is_still_resolved(tmp_path):
    plan = planning.Stored("sweep demo", "").plan(
        [{"overrides": ["problem=family_q", "dimension=4", "steps=${dimension}"]}], "demo", tmp_path
    )
    assert plan.cells[0].choices["steps"] == 4


def test_the_limit_is_of_all_calls_together_and_comes_before_composing(tmp_path, monkeypatch):
    keeper = planning.Stored("sweep demo", "lpbench sweep", most=20)
    calls = [{"overrides": [*GRID[:3], f"seed={seeds}"]} for seeds in ("0,1", "2,3")]
    assert len(keeper.plan(calls, "demo", tmp_path).cells) == 16
    with pytest.raises(ConfigError, match="24 cells, and 20 are the most"):
        keeper.plan([*calls, {"overrides": [*GRID[:3], "seed=4,5"]}], "demo", tmp_path)
    monkeypatch.setattr(hydra_session.Session, "bases", lambda *arguments: pytest.fail("composed"))
    with pytest.raises(ConfigError, match="400 cells"):
        keeper.plan([{"overrides": [f"{key}={','.join(['lp_sgd'] * 20)}" for key in ("algorithm", "target")]}],
                    "demo", tmp_path)  # fmt: skip


@pytest.mark.parametrize(
    "call", [None, 7, "precision=4", {}, {"overrides": "precision=4"}, {"overrides": [4]}]
)
def test_a_damaged_call_is_one_line(tmp_path, call):
    stored(tmp_path, CALL)
    manifest = json.loads((tmp_path / "demo" / "manifest.json").read_text())
    (tmp_path / "demo" / "manifest.json").write_text(json.dumps(manifest | {"calls": [CALL, call]}))
    with pytest.raises(StoreError, match="is damaged"):
        plan_of_sweep("demo", tmp_path)


def test_a_data_file_inside_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("a,b\n" + "".join(f"{i},{i * i % 7}\n" for i in range(20)))
    overrides = ["dataset=file", "problem=least_squares", "path=mine.csv", "target=b"]
    keeper = planning.Stored("baseline main", "", inside=tmp_path)
    assert keeper.plan([{"overrides": overrides}], "demo", tmp_path).cells[0].choices["path"] == "mine.csv"


@pytest.mark.parametrize("key", ["module", "data", "+module", "++module"])
def test_a_baseline_runs_no_code_that_it_names(tmp_path, key):
    code = tmp_path / "evil.py"
    code.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    keeper = planning.Stored("baseline main", "", inside=tmp_path)
    with pytest.raises(ConfigError, match="which is code that would be run"):
        keeper.plan([{"overrides": ["problem=module", f"{key}={code}:Net"]}], "demo", tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_manifest_names_no_cluster_by_itself(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    stored(tmp_path, CALL, runtime={"executor": "ray", "ray_address": "ray://evil:10001"})
    with pytest.raises(ConfigError, match="set RAY_ADDRESS=ray://evil:10001"):
        plan_of_sweep("demo", tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", "ray://evil:10001")
    plan = plan_of_sweep("demo", tmp_path)
    assert plan.runtime["ray_address"] == "ray://evil:10001"
    assert resume_command(plan).startswith("RAY_ADDRESS=ray://evil:10001 lpbench resume demo")


def test_the_frame_has_a_row_for_each_cell(tmp_path):
    frame = plan(GRID, "demo", tmp_path)
    assert len(frame) == 12
    assert set(frame["reason"]) == {"new"}
    assert {"cell_id", "precision", "step_size", "seed"} <= set(frame.columns)


def test_the_estimate_grows_with_the_work_and_says_what_it_cannot_know(tmp_path):
    def of(*overrides):
        return estimate(make_plan(["problem=family_q", "dimension=64", *overrides], "demo", tmp_path).cells)

    small, large, log = of("steps=1000"), of("steps=1000000"), of("steps=1000000", "format=log")
    assert 0 < small.seconds < large.seconds < log.seconds
    assert small.bytes > of("steps=50").bytes > 0
    assert of("steps=60*d/alpha", "seed=range(3)").unknown == 3
    assert of("steps=60*d/alpha").seconds == 0
    assert small.unknown == 0


@pytest.mark.parametrize(("overrides", "dense"), [(["regularization=0"], 0), (["regularization=0.1"], 1)])
def test_sparse_data_with_dense_steps_is_noted(tmp_path, overrides, dense):
    data = tmp_path / "data.svm"
    data.write_text("1 1:0.5 3:1\n-1 2:1\n1 1:1\n-1 3:2\n")
    made = make_plan(["dataset=file", f"path={data}", *overrides], "demo", tmp_path)
    made.check()
    assert len(notes(made.cells)) == dense


def test_dense_data_is_not_noted(tmp_path):
    assert notes(make_plan(["dimension=4", "regularization=0.1"], "demo", tmp_path).cells) == []


def test_a_hundred_thousand_cells_are_planned_in_little_memory(tmp_path):
    tracemalloc.start()
    made = make_plan(["problem=family_q", "dimension=range(4,24)", "precision=4,6,8,10,12", "seed=range(1000)"],
                     "demo", tmp_path)  # fmt: skip
    estimate(made.todo)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(made.cells) == 100_000
    assert peak < 500e6


def test_memory_grows_with_the_cells_that_run_side_by_side(tmp_path):
    def needed(workers, *overrides):
        made = make_plan(overrides, "demo", tmp_path)
        return memory(made.cells, workers)[0]

    one = needed(1, "dimension=1000", "n_samples=1000")
    assert 8e6 < one < 10e6
    assert needed(2, "dimension=1000,2000") > needed(1, "dimension=1000,2000") > 1.9 * one
    assert needed(1, "dimension=1000", "seed=range(50)") == one
    assert needed(1, "problem=family_q", "dimension=1000", "record_points=1e6") > 48e6
    digits = ["problem=logistic_regression", "dataset=digits"]
    assert needed(1, *digits) < needed(1, *digits, "dimension=4096")


def test_sparse_data_needs_what_its_entries_do(tmp_path):
    data = tmp_path / "data.svm"
    data.write_text("1 1:0.5 200000:1\n-1 2:1\n" * 50)
    made = make_plan(["problem=logistic_regression", "dataset=file", f"path={data}"], "demo", tmp_path)
    made.check_needs(max_memory=0.03)  # as a dense table it would take 0.16 GB
    with pytest.raises(TooLarge, match=r"about .* of memory are needed .*max_memory allows 1 MB"):
        made.check_needs(max_memory=0.001)


def test_what_does_not_fit_is_refused_by_the_functions_too(tmp_path, monkeypatch):
    monkeypatch.setattr("lpbench.cells.cost.machine_memory", lambda: 1e6)
    grid = ["problem=family_q", "record_points=1e5", "executor=local"]
    for refuse in (
        lambda **more: plan(grid, "demo", tmp_path, **more),
        lambda **more: lpbench.sweep(grid, "demo", tmp_path, **more),
        lambda **more: lpbench.run(problem="family_q", record_points=100_000, **more),
    ):
        with pytest.raises(TooLarge, match=r"about .* but this machine has 1 MB"):
            refuse()
        with pytest.raises(TooLarge, match=r"but max_memory allows 2 MB"):
            refuse(max_memory=0.002)
    assert not (tmp_path / "demo").exists()
    assert len(plan(grid, "demo", tmp_path, max_memory=1)) == 1
    elsewhere = make_plan([*grid[:2], "executor=ray"], "demo", tmp_path)
    elsewhere.check_needs()  # on machines that this one knows nothing of
    with pytest.raises(ConfigError, match=r"steps must be below 2\*\*32"):
        lpbench.run(problem="family_q", epochs=1e9)


def test_calls_that_gave_a_key_twice_still_resume(tmp_path):
    made = make_plan(GRID, "demo", tmp_path)
    twice = {"overrides": ["precision=6", *GRID], "config_dir": None, "skip_invalid": False}
    store(made, calls=[twice])
    assert plan_of_sweep("demo", tmp_path).counts == {"stored": 12}


def test_relative_data_is_found_from_everywhere(tmp_path, monkeypatch):
    for name, rows in (("first", 20), ("moved", 20), ("other", 30)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "own.csv").write_text(
            "a,target\n" + "".join(f"{i},{i % 2}\n" for i in range(rows))
        )
    grid = ["problem=logistic_regression", "dataset=file", "path=own.csv", "seed=range(2)", "steps=d*40"]
    monkeypatch.chdir(tmp_path / "first")
    made = make_plan(grid, "demo", tmp_path / "runs")
    store(made)
    (cell, *_) = made.cells
    assert cell.choices["path"] == cell.located["path"] == "own.csv"
    monkeypatch.chdir(tmp_path / "other")  # where another file has the same name
    again = plan_of_sweep("demo", tmp_path / "runs")
    assert again.cells == made.cells
    assert again.counts == {"stored": 2}
    assert again.calls == made.calls
    assert cell.located["path"] == str(tmp_path / "first" / "own.csv")
    assert build(cell.located, cell.problem_key).n_samples == 20
    (tmp_path / "first").rename(tmp_path / "gone")
    monkeypatch.chdir(tmp_path / "moved")  # the project, with its data, lies elsewhere now
    assert plan_of_sweep("demo", tmp_path / "runs").counts == {"stored": 2}


def test_sweeps_stored_before_folders_were_kept_resume_where_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.csv").write_text("a,target\n1,0\n2,1\n")
    made = make_plan(
        ["problem=logistic_regression", "dataset=file", "path=own.csv"], "demo", tmp_path / "runs"
    )
    call = made.calls[0].as_dict()
    assert call.pop("folder") == str(tmp_path)
    store(made, calls=[call])
    assert plan_of_sweep("demo", tmp_path / "runs").counts == {"stored": 1}
    absolute = make_plan(["dataset=file", f"path={tmp_path}/own.csv"], "demo", tmp_path / "runs")
    assert "folder" not in absolute.calls[0].as_dict()


def test_a_baseline_keeps_no_folder_of_this_machine():
    call = {"overrides": ["path=own.csv"], "skip_invalid": False, "folder": "/home/me"}
    assert baselines._portable(call) == {
        "overrides": ["path=own.csv"],
        "config_dir": None,
        "skip_invalid": False,
    }
