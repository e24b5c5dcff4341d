"""`lpbench check`: exit codes kept apart, bounds, missing cells, files, history, more seeds."""

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from planting import DEFECTS, forget

from lpbench import cli
from lpbench.arithmetic import generator
from lpbench.regression import baselines, checking, golden, outputs
from lpbench.store import history, load_cells

ALL = golden.cases()
GRID = ["problem=family_s", "k=4", "dimension=8", "precision=6,8", "steps=400", "seed=range(5)"]
FOLDER = Path("runs/baselines/main") / baselines.platform_class()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the sweep `demo` and its baseline."""
    folder = tmp_path_factory.mktemp("made")
    where = ["--runs-dir", str(folder / "runs"), "--quiet"]
    assert cli.run(["sweep", *GRID, "--name", "demo", *where]) == 0
    assert cli.run(["baseline", "create", "main", "--from", "demo", *where]) == 0
    return folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch, made):
    """A copy of it to run in."""
    shutil.copytree(made / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(golden, "cases", list)  # a second each time; those that ask for some get them


def run(capsys, *arguments, code=0):
    assert cli.run([str(argument) for argument in arguments]) == code
    return capsys.readouterr()


def check(capsys, *arguments, code=0):
    return run(capsys, "check", "--baseline", "main", *arguments, code=code)


def edit(change):
    """Write the baseline's cells as `change` makes them of each row."""
    rows = [change(dict(row)) for row in pq.read_table(FOLDER / "cells.parquet").to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, baselines.COLUMNS), FOLDER / "cells.parquet")


def edit_meta(**entries):
    """Write the baseline's meta.json with other entries."""
    meta = json.loads((FOLDER / "meta.json").read_text())
    (FOLDER / "meta.json").write_text(json.dumps(meta | entries))


def floor(factor):
    return lambda row: row | {"noise_floor": row["noise_floor"] * factor, "digest": "0"}


# -- what it finds -----------------------------------------------------------------------------------------------


def test_the_same_code_is_identical(capsys):
    out, _ = check(capsys)
    assert out.strip().splitlines()[-1] == (
        "no regression: 0 of 2 configurations worse, 0 bounds broken, 2 identical, 0 missing; 5 seeds; baseline main"
    )
    out, _ = check(capsys, "demo")
    assert "2 identical" in out


def test_the_grid_runs_again_although_it_is_stored(capsys):
    check(capsys)
    first = load_cells("runs/check-main").started_at.max()
    check(capsys)
    assert load_cells("runs/check-main").started_at.min() > first


def test_a_worse_floor_is_a_regression_and_is_shown(capsys):
    edit(floor(0.5))
    out, err = check(capsys, "demo", code=4)
    assert "worse" in out
    assert "2.0" in out
    assert "REGRESSION: 2 of 2 configurations worse" in out
    assert "one of them again: lpbench sweep" in err
    command = next(line for line in err.splitlines() if "one of them again" in line).partition("lpbench ")[2]
    run(capsys, *command.replace("'", "").split(), "--quiet")
    assert set(load_cells("runs/again").seed) == set(range(5))


def test_an_improvement_is_told_and_passes(capsys):
    edit(floor(2.0))
    out, _ = check(capsys, "demo", "--all")
    assert "2 better" in out


def test_ok_to_diverged_is_a_regression(capsys):
    cells = pq.read_table("runs/demo/cells.parquet")
    rows = cells.to_pylist()
    rows[0] |= {"status": "diverged", "noise_floor": None, "digest": "1"}
    pq.write_table(pa.Table.from_pylist(rows, cells.schema), "runs/demo/cells.parquet")
    out, _ = check(capsys, "demo", code=4)
    assert "failed" in out
    assert "diverged, ok before" in out


def test_a_broken_bound_outranks_a_regression(capsys):
    edit(floor(0.5))
    cells = pq.read_table("runs/demo/cells.parquet")
    rows = [row | {"bound": row["mean_gap"] / 1e4} for row in cells.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, cells.schema), "runs/demo/cells.parquet")
    out, err = check(capsys, "demo", code=5)
    assert "BOUND BROKEN" in out
    assert "broken bound: " in err


def test_another_definition_is_not_compared(capsys):
    edit(lambda row: row | {"definition": "algorithm lp_sgd 0", "noise_floor": 1e-30})
    out, _ = check(capsys, "demo")
    assert "2 definition changed" in out
    assert "algorithm lp_sgd 0 ->" in out


# -- golden paths ------------------------------------------------------------------------------------------------


def some(monkeypatch, *names):
    """A check compares these golden paths alone."""
    chosen = [case for case in ALL if case.name in names]
    monkeypatch.setattr(golden, "cases", lambda: chosen)


def test_golden_paths_are_compared_and_another_salt_is_no_other_path(capsys, monkeypatch):
    some(monkeypatch, "lp_sgd fixed stochastic", "random rounding", "halp fixed stochastic")
    with generator.salted(1):
        out, _ = check(capsys, "--json")
    assert json.loads(out)["golden"] == {"compared": 2, "findings": []}  # no cell here uses HALP
    assert json.loads(check(capsys, "demo", "--json")[0])["golden"] is None


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_a_regression_by_name(capsys, monkeypatch, name):
    """Of a stored sweep, with the paths of the code as it is now: nothing may be compiled while a defect is planted."""
    defect = DEFECTS[name]
    forget(monkeypatch)
    defect.plant(monkeypatch)
    chosen = [case for case in ALL if case.name in defect.moved]
    result = checking.check_sweep(baselines.load("main", Path("runs")), "demo", Path("runs"))
    assert (result.exit_code, result.counts) == (0, {"identical": 2})
    result.golden = golden.compare(chosen)
    forget(monkeypatch)
    assert result.exit_code == 4
    assert result.line().startswith("REGRESSION: 0 of 2 configurations worse")
    assert f"{len(chosen)} of {len(chosen)} golden paths moved" in result.line()
    for moved in defect.moved:
        assert f"golden path {moved}: moved, first seen at" in "\n".join(outputs.lines(result))


def test_a_path_that_moved_is_exit_code_4_in_every_file(capsys, monkeypatch):
    some(monkeypatch, "lp_sgd fixed stochastic", "lp_sgd fixed nearest_even")
    kept = golden.load()
    definition, path = kept["lp_sgd fixed stochastic"]
    changed = " ".join(["0000" if i > 5 else mark for i, mark in enumerate(path.split())])
    monkeypatch.setattr(golden, "load", lambda: kept | {"lp_sgd fixed stochastic": (definition, changed)})
    files = ["--verdict", "verdict.json", "--junit", "junit.xml", "--markdown", "comment.md", "--github"]
    out, err = check(capsys, *files, code=4)
    said = (
        "golden path lp_sgd fixed stochastic: moved, first seen at step 21, not at step 13; algorithm lp_sgd"
    )
    assert said in err
    assert "REGRESSION: 0 of 2 configurations worse" in out
    assert "1 of 2 golden paths moved" in out
    assert said in Path("comment.md").read_text().replace("\\", "")
    assert f"::error title=lpbench::{said}" in err
    verdict = json.loads(Path("verdict.json").read_text())
    assert [one["state"] for one in verdict["golden"]["findings"]] == ["moved"]
    failed = [
        case.attrib for case in ET.parse("junit.xml").iter("testcase") if case.find("failure") is not None
    ]
    assert failed == [{"classname": "lpbench.golden", "name": "lp_sgd fixed"}]


def test_a_version_that_rose_is_no_regression_and_is_told(capsys, monkeypatch):
    some(monkeypatch, "lp_sgd fixed stochastic")
    kept = {"lp_sgd fixed stochastic": ("algorithm lp_sgd 1", "0000")}
    monkeypatch.setattr(golden, "load", lambda: kept)
    _, err = check(capsys)
    assert "note: 1 golden paths of other versions are not compared, the first lp_sgd fixed stochastic" in err
    assert golden.RENEW in err


# -- not decidable -----------------------------------------------------------------------------------------------


def test_missing_cells_unless_they_are_declared(capsys):
    out, _ = check(capsys, *GRID[:3], "precision=6", *GRID[4:], code=6)
    assert "NOT DECIDABLE" in out
    assert "precision=8" in out
    out, _ = check(capsys, *GRID[:3], "precision=6", *GRID[4:], "--allow-missing", "precision=8")
    assert "0 missing" in out


def test_fewer_seeds_are_missing_unless_asked_for(capsys):
    check(capsys, *GRID[:5], "seed=range(3)", code=6)
    out, _ = check(capsys, "--seeds", "3")
    assert "0 missing; 3 seeds" in out


def test_another_grid(capsys):
    out, err = check(capsys, "problem=family_s", "k=4", "dimension=12", "steps=200", code=6)
    assert "another grid" in err
    assert "NOT DECIDABLE" in out


def test_an_empty_sweep(capsys):
    cells = pq.read_table("runs/demo/cells.parquet")
    pq.write_table(cells.slice(0, 0), "runs/demo/cells.parquet")
    shutil.rmtree("runs/demo/parts", ignore_errors=True)
    _, err = check(capsys, "demo", code=6)
    assert "nothing was measured: sweep demo holds no cell" in err


# -- what it refuses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--baseline", "mian"], "main"),
        (["dmo"], "demo"),
        (["precison=8"], "precision"),
        (["demo", "--escalate"], "--escalate runs cells"),
        (["--verdict", "nowhere/verdict.json"], "there is no folder nowhere"),
    ],
)
def test_wrong_usage_is_one_line_and_runs_nothing(capsys, arguments, said):
    before = sorted(Path("runs").rglob("*"))
    _, err = run(capsys, "check", *arguments, code=2)
    assert said in err
    assert sorted(Path("runs").rglob("*")) == before


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda: (FOLDER / "cells.parquet").write_bytes(b"PAR1 and no more"), "cells.parquet cannot be read"),
        (lambda: (FOLDER / "cells.parquet").unlink(), "cells.parquet cannot be read"),
        (lambda: (FOLDER / "meta.json").write_text("{"), "meta.json is damaged"),
        (lambda: (FOLDER / "meta.json").write_text("[]"), "meta.json is damaged"),
        (lambda: (FOLDER / "meta.json").write_text("[" * 100_000), "meta.json is damaged"),
        (lambda: edit_meta(name=7), "meta.json is damaged: name is 7"),
        (lambda: edit_meta(name="../../elsewhere"), "meta.json is damaged: name is '../../elsewhere'"),
        (lambda: edit_meta(platform="x\n::error::"), "meta.json is damaged: platform is"),
        (lambda: edit_meta(calls="precision=4"), "meta.json is damaged: calls is"),
        (lambda: edit(lambda row: row | {"seed": None}), "a cell has no seed"),
        (
lambda: edit_meta(schema=9),
            "was written by a newer lpbench: schema 9",
        ),
        (lambda: Path("runs/demo/cells.parquet").write_bytes(b"PAR1"), "cells.parquet"),
    ],
)  # fmt: skip
def test_damaged_and_newer_files_are_one_line_and_1(capsys, spoil, said):
    spoil()
    _, err = check(capsys, "demo", code=1)
    assert said in err
    assert len(err.strip().splitlines()) == 1


# -- what a baseline may ask for: it comes with a pull request -----------------------------------------------------


def asking(*overrides, **more):
    """Make the baseline's call another one."""
    edit_meta(calls=[{"overrides": [*GRID, *overrides], "config_dir": None, "skip_invalid": False} | more])


@pytest.mark.parametrize("again", [["check", "--baseline", "main"], ["baseline", "update", "main"]])
def test_no_module_is_imported_that_the_command_line_did_not_name(capsys, tmp_path, again):
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / "trap_of_a_baseline.py").write_text("open('sprung', 'w').close()\n")
    asking(config_dir=str(trap))
    _, err = run(capsys, *again, code=2)
    assert "--config-dir DIR" in err
    assert len(err.strip().splitlines()) == 1
    assert not Path("sprung").exists()
    assert not Path("runs/check-main").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    run(capsys, *again, "--config-dir", mine, "--quiet")
    assert not Path("sprung").exists()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("path=${oc.env:HOME}/x.csv", "only ${KEY} is resolved there"),
        ("path={outside}", "lies outside of"),
        ("path=../data.csv", "lies outside of"),
        ("path=link.csv", "lies outside of"),
        ("path=inside.csv,{outside}", "lies outside of"),
        ("path=${target}", "lies outside of"),
        ("seed=range(20000)", "40,000 cells, and 20,000 are the most"),
    ],
)
def test_a_baseline_reaches_for_nothing_outside(capsys, tmp_path, monkeypatch, override, said):
    outside = tmp_path / "secret.csv"
    outside.write_text("root:x:0:0\n")
    Path("runs").rename(tmp_path / "kept")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (tmp_path / "kept").rename(work / "runs")
    Path("link.csv").symlink_to(outside)
    asking("dataset=file", "problem=least_squares", override.replace("{outside}", str(outside)))
    _, err = check(capsys, code=2)
    assert said in err
    assert "lpbench check --baseline main OVERRIDES" in err
    assert "root:x" not in err


EVIL = "x\n::error::pwned\r\x1b[2J @team #1 https://evil.example <!-- `$(touch pwned)` %0A::warning::y"


def test_texts_of_a_baseline_are_no_commands_mentions_or_links(capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    worse, worst = floor(0.5), floor(0.25)
    edit(lambda row: worst(row) | {"target": EVIL} if row["precision"] == 6 else worse(row))
    edit_meta(git_commit=EVIL, lpbench_version=EVIL, generator=EVIL)
    files = ["--verdict", "verdict.json", "--junit", "junit.xml", "--markdown", "comment.md", "--github"]
    out, err = check(capsys, "demo", *files, code=4)
    commands = [line for line in (out + err).splitlines() if line.lstrip().startswith("::")]
    starts = [f"::{kind} title=lpbench::" for kind in ("error", "error", "warning")]
    assert [line[: len(start)] for line, start in zip(commands, starts, strict=True)] == starts
    assert "%0A" not in "".join(commands).replace("%250A", "")
    assert not set(out + err) & {"\r", "\x1b"}
    for file in ("comment.md", "summary.md"):
        text, _, again = Path(file).read_text().partition("```sh")
        assert "evil" in text
        assert not any(part in text for part in ("@team", "#1 ", "https://", "\n::", "\x1b", "<!-- `"))
        assert again.count("```") == 1
        assert "'target=x" in again  # quoted: the shell that it is pasted into runs nothing
    root = ET.parse("junit.xml").getroot()
    assert root.find("testsuite").get("failures") == "1"
    assert json.loads(Path("verdict.json").read_text())["exit_code"] == 4


# -- what a baseline may hold --------------------------------------------------------------------------------------


def bomb(rows, **texts):
    """Write cells that are small on disk: one row again and again."""
    table = pq.read_table(FOLDER / "cells.parquet").slice(0, 1).take(pa.array([0] * rows))
    for name, text in texts.items():
        column = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))
        table = table.set_column(table.column_names.index(name), name, column)
    pq.write_table(table, FOLDER / "cells.parquet", compression="zstd")
    assert (FOLDER / "cells.parquet").stat().st_size < 400_000


def test_columns_of_other_types_are_not_unpacked(capsys):
    table = pq.read_table(FOLDER / "cells.parquet")
    lists = pa.array([[1] * 10] * table.num_rows)
    pq.write_table(table.set_column(0, "config_id", lists), FOLDER / "cells.parquet")
    _, err = check(capsys, "demo", code=1)
    assert "column config_id is of type list" in err


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [(200_000, {}, "200,000 rows"), (40_000, {"target": "x" * 100_000}, "bytes of text")],
)
def test_a_bomb_is_refused_before_it_is_unpacked(capsys, monkeypatch, rows, columns, said):
    bomb(rows, **columns)
    before = pa.total_allocated_bytes()
    peak = pa.default_memory_pool().max_memory() or 0
    _, err = check(capsys, "demo", code=1)
    assert said in err
    assert "are the most that are read" in err
    assert len(err.strip().splitlines()) == 1
    assert (pa.default_memory_pool().max_memory() or 0) - max(peak, before) < 200e6


def test_a_baseline_of_more_cells_than_are_read_is_not_made(capsys, monkeypatch):
    monkeypatch.setattr(baselines, "MOST_CELLS", 9)
    _, err = run(capsys, "baseline", "create", "large", "--from", "demo", code=2)
    assert "sweep demo holds 10 cells; a baseline has at most 9" in err
    _, err = check(capsys, "demo", code=1)
    assert "10 rows, and 9 are the most" in err


def test_a_history_with_a_bomb_in_it_is_read_without_that(capsys, monkeypatch):
    check(capsys, "demo", "--history", "runs/history")
    monkeypatch.setattr(history, "MOST_ROWS", 1)
    table, problems = history.read(Path("runs/history"))
    assert table.num_rows == 0
    assert "2 rows, and 1 are the most" in problems[0]


# -- other machines and generators -------------------------------------------------------------------------------


def test_the_baseline_of_another_platform_is_tested_with_a_note(capsys):
    edit_meta(platform="plan9-sparc")
    FOLDER.rename(FOLDER.parent / "plan9-sparc")
    out, err = check(capsys, "demo")
    assert "2 same" in out
    assert "the baseline is of plan9-sparc" in err


def test_another_salt_shares_no_noise_and_is_no_regression(capsys):
    with generator.salted(1):
        out, _ = check(capsys)
    assert "0 of 2 configurations worse" in out
    assert "identical" not in out


# -- files -------------------------------------------------------------------------------------------------------


def test_all_files_are_written(capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    edit(floor(0.5))
    files = ["--verdict", "verdict.json", "--junit", "junit.xml", "--markdown", "comment.md", "--github"]
    out, err = check(capsys, "demo", *files, "--history", "runs/history", "--json", code=4)
    assert json.loads(out) == json.loads(Path("verdict.json").read_text())
    assert json.loads(out)["exit_code"] == 4
    assert ET.parse("junit.xml").getroot().find("testsuite").get("failures") == "1"
    assert Path("comment.md").read_text() == Path("summary.md").read_text()
    assert sum(line.startswith("::error") for line in (out + err).splitlines()) == 2
    table, problems = history.read(Path("runs/history"))
    assert problems == []
    assert table["verdict"].to_pylist() == ["worse", "worse"]
    assert table["ratio"].to_pylist() == pytest.approx([2.0, 2.0])


def test_a_history_grows_by_one_file_a_check(capsys):
    for _ in range(2):
        check(capsys, "demo", "--history", "runs/history")
    table, _ = history.read(Path("runs/history"))
    assert table.num_rows == 4
    assert len(set(table["run"].to_pylist())) == 2
    (Path("runs/history") / "zz.parquet").write_bytes(b"nothing")
    table, problems = history.read(Path("runs/history"))
    assert table.num_rows == 4
    assert len(problems) == 1
    assert problems[0].startswith("zz.parquet cannot be read")


# -- more seeds --------------------------------------------------------------------------------------------------


def test_escalation_runs_the_baselines_further_seeds_where_it_is_undecided(capsys):
    """Another salt: five seeds of 20 that share nothing cannot exclude a factor of 1.10."""
    run(capsys, "baseline", "create", "wide", *GRID[:5], "seed=range(20)", "--quiet")
    with generator.salted(1):
        _, err = run(capsys, "check", "--baseline", "wide", "--seeds", "3", "--escalate")
    assert "escalated: 34 further cells" in err


def test_bounds_above_one_are_followed_to_forty_seeds():
    baseline = baselines.load("main", Path("runs"))
    plan = checking.plan_of(baseline, (), Path("runs"))
    folder, cells = plan.folder, checking.measure(plan)
    for cell in cells:
        if cell["precision"] == 6:
            cell["bound"] = cell["mean_gap"] / 1.5
    result = checking.check_cells(baseline, folder, cells)
    assert result.exit_code == 0  # a mean above the bound is no proof
    wanted = checking.further(result)
    broken = next(cell["config_id"] for cell in cells if cell["precision"] == 6)
    assert wanted == {broken: list(range(5, 40))}


def test_a_stored_sweep_is_checked_and_its_history_kept(capsys, tmp_path):
    check(capsys, "demo", "--history", tmp_path / "history")
    table, problems = history.read(tmp_path / "history")
    assert problems == []
    assert set(table["verdict"].to_pylist()) == {"identical"}
    assert set(table["target"].to_pylist()) == {None}  # the column to predict, which this problem has not
