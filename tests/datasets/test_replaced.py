"""Data files that change under a sweep: no result stands under the identity of other data."""

import os
from pathlib import Path

import pytest
from mnist_files import CLASSES, folder_with, idx

from lpbench.cells.run import run_cell
from lpbench.choices.cell import make_cell
from lpbench.datasets.base import REGRESSION
from lpbench.datasets.file import File
from lpbench.datasets.reading import files
from lpbench.errors import ConfigError
from lpbench.problems.build import build
from lpbench.problems.identity import problem_key
from lpbench.store import load_cells
from lpbench.sweeps.plan import make_plan
from lpbench.sweeps.sweep import run_plan

pytestmark = pytest.mark.usefixtures("module_in_python")

FIRST, SECOND = ("a,target\n" + "".join(f"{i},{i * i % 7}.5\n" for i in range(n)) for n in (10, 11))
LS = {"problem": "least_squares", "dataset": "file"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text(FIRST)
    return path


def planned(data: Path):
    grid = [
        "problem=least_squares",
        "dataset=file",
        f"path={data}",
        "algorithm=sgd",
        "steps=20",
        "seed=range(4)",
    ]
    return make_plan(grid, "demo", data.parent / "runs")


def test_cells_of_a_file_that_was_replaced_fail_and_run_when_it_is_back(data: Path) -> None:
    plan = planned(data)
    data.write_text(SECOND)
    outcome = run_plan(plan, workers=1)
    assert outcome.counts == {"failed": 4}
    assert set(load_cells(plan.folder)["error"]) == {
        f"{data}: changed since the sweep was planned; the same command again plans with what is there now"
    }
    assert planned(data).counts == {"new": 4}  # other data, other cells
    data.write_text(FIRST)
    again = planned(data)
    assert again.counts == {"failed before": 4}
    assert run_plan(again, workers=1).counts == {"ok": 4}


def test_cells_before_the_replacement_keep_their_results(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(data)
    expected = {cell.cell_id: run_cell(cell).row["digest"] for cell in plan.cells}

    def then_replaced(*arguments, **options):
        result = run_cell(*arguments, **options)
        data.write_text(SECOND)
        return result

    monkeypatch.setattr("lpbench.cells.run.run_cell", then_replaced)
    assert run_plan(plan, workers=1).counts == {"ok": 1, "failed": 3}
    rows = load_cells(plan.folder)
    (kept,) = rows[rows["status"] == "ok"].itertuples()
    assert kept.digest == expected[kept.cell_id]


def test_a_file_replaced_between_hash_and_reading(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was parsed is what is hashed, even when the file is back as it was before anybody looks again."""
    real = files.read_bytes

    def late(path: Path) -> bytes:
        data.write_text(SECOND)
        content = real(path)
        data.write_text(FIRST)
        return content

    data.write_text(FIRST.replace("1", "2"))  # what no other test has parsed
    choices = LS | {"path": str(data)}
    before = problem_key(choices)
    monkeypatch.setattr(files, "read_bytes", late)
    loaded = File.load(choices, REGRESSION)
    assert len(loaded.y) == 11
    monkeypatch.undo()
    data.write_text(FIRST.replace("1", "2"))
    assert problem_key(choices) == before != problem_key(choices, loaded.content)
    data.write_text(SECOND)
    assert problem_key(choices) == problem_key(choices, loaded.content)


def test_a_problem_whose_file_changes_while_it_is_read_is_not_built(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third = FIRST.replace("3", "4")
    data.write_text(third)
    cell = make_cell(planned(data).cells[0].choices)
    monkeypatch.setattr(files, "_parsed", type(files._parsed)())
    monkeypatch.setattr(files, "read_bytes", lambda path: SECOND.encode())
    with pytest.raises(ConfigError, match=r"data\.csv: changed while they were read"):
        build(cell.choices)
    assert run_cell(cell).row["status"] == "failed"
    monkeypatch.undo()
    assert run_cell(cell).row["status"] == "ok"


def test_the_same_size_and_time_of_change_do_not_hide_other_bytes(data: Path) -> None:
    choices, state = LS | {"path": str(data)}, data.stat()
    before = problem_key(choices)
    data.write_text(FIRST.replace("3", "4"))
    os.utime(data, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (data.stat().st_size, data.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)
    assert problem_key(choices) != before


def test_files_of_a_folder_are_compared_too(tmp_path: Path) -> None:
    folder_with(tmp_path)
    grid = ["problem=logistic_regression", "dataset=mnist", f"path={tmp_path}", "algorithm=sgd", "steps=5"]
    (cell,) = make_plan(grid, "demo", tmp_path / "runs").cells
    folder_with(tmp_path, labels=idx(CLASSES[::-1].copy()))
    assert "changed since the sweep was planned" in run_cell(cell).row["error"]
    folder_with(tmp_path)
    assert run_cell(cell).row["status"] == "ok"
