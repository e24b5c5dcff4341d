"""A plug-in's own choices and metrics: one file and one yaml, everywhere that those of lpbench are."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpbench
from lpbench import registry
from lpbench.cells.cost import Estimator
from lpbench.choices import grid
from lpbench.choices.cell import make_cell
from lpbench.cli import run
from lpbench.declared.declarations import Choice, Metric
from lpbench.declared.kinds import Real, Whole
from lpbench.errors import ConfigError
from lpbench.regression import baselines, checking, outputs

EXTENSION = Path(__file__).parents[1] / "extension"
PROBLEM = {
    "problem": "logistic_regression",
    "dataset": "toy_clouds",
    "algorithm": "toy_momentum",
    "precision": 10,
}
SMALL = [*(f"{key}={value}" for key, value in PROBLEM.items() if key != "precision"), "epochs=4"]


def cell(**choices: Any) -> dict[str, Any]:
    return lpbench.run(config_dir=EXTENSION, **{**PROBLEM, "epochs": 4, **choices})


def cells(*overrides: str) -> list[Any]:
    found = grid.expand([*SMALL, *overrides], EXTENSION)
    assert found.invalid == []
    return found.cells


def test_a_choice_has_a_default_a_range_and_is_part_of_the_identity() -> None:
    plain, same, other = cells()[0], cells("momentum=0.5")[0], cells("momentum=0.9")[0]
    assert plain.choices["momentum"] == 0.5
    assert plain == same
    assert len({plain.cell_id, other.cell_id, *(one.group.config_id for one in (plain, other))}) == 4
    assert plain.problem_key == other.problem_key
    assert cells("separation=2")[0].problem_key != plain.problem_key
    with pytest.raises(ConfigError, match=r"^momentum must be a finite number >= 0 and <= 1, got 1.5$"):
        cells("momentum=1.5")
    with pytest.raises(ConfigError, match="momentum is null, but it is read here"):
        make_cell({**plain.choices, "momentum": None})


def test_who_does_not_read_it_keeps_its_identity() -> None:
    (one,) = cells("algorithm=lp_sgd", "momentum=0.9", "dataset=gaussian", "separation=3")
    assert one == cells("algorithm=lp_sgd", "dataset=gaussian")[0]
    assert one.choices["momentum"] is None
    assert "separation" not in one.choices


@pytest.mark.usefixtures("in_python")
def test_momentum_works_and_none_is_sgd() -> None:
    start, steps = (
        {"dataset": "gaussian", "problem": "least_squares", "n_samples": 50, "dimension": 4},
        {"steps": 60},
    )
    mine = cell(**start, **steps, momentum=0)
    theirs = cell(**start, **steps, algorithm="lp_sgd")
    assert (mine["momentum"], theirs["digest"] is not None) == (0.0, True)
    np.testing.assert_allclose(mine["trace"]["objective_gap"], theirs["trace"]["objective_gap"], rtol=1e-6)
    heavy = cell(**start, steps=400, momentum=0.9, step_size="0.02/L", precision=16)
    plain = cell(**start, steps=400, momentum=0, step_size="0.02/L", precision=16)
    assert heavy["final_gap"] < 0.5 * plain["final_gap"]  # steps ten times as long in the end


def test_a_metric_is_in_the_row_and_in_the_trace() -> None:
    found = cell()
    trace = found["trace"]
    assert found["status"] == "ok"
    assert trace["test_error"].iloc[0] == 0.5  # at w = 0 nothing is above 0
    assert found["test_error"] == trace["test_error"].iloc[-1] < 0.45
    assert np.isfinite(trace["largest_weight"]).all()
    assert trace["largest_weight"].iloc[0] == 0.0


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sweeps with the plug-in."""
    folder = tmp_path_factory.mktemp("momentum")
    for name, more in (("a", "momentum=0,0.5"), ("b", "momentum=0,0.5,0.9")):
        options = ["--config-dir", str(EXTENSION), "--runs-dir", str(folder), "--name", name]
        precision = "precision=10" if name == "a" else "precision=12"
        assert run(["sweep", *SMALL, more, precision, "seed=range(2)", *options]) == 0
    return folder


def test_resumed(swept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(swept, tmp_path, dirs_exist_ok=True)
    arguments = ["resume", "a", "--runs-dir", str(tmp_path), "--config-dir", str(EXTENSION)]
    capsys.readouterr()
    assert run([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ran"] == 0
    assert [record["momentum"] for record in said["noise_floors"]] == [0.0, 0.5]


def test_a_baseline_tells_its_configurations_apart(
    swept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(swept, tmp_path, dirs_exist_ok=True)
    where = ["--runs-dir", str(tmp_path)]
    assert run(["baseline", "create", "base", "--from", "b", *where]) == 0
    capsys.readouterr()
    assert run(["baseline", "show", "base", "--json", *where]) == 0
    floors = json.loads(capsys.readouterr().out)["noise_floors"]
    assert [record["momentum"] for record in floors] == [0.0, 0.5, 0.9]
    sweeping = ["sweep", *SMALL, "momentum=0,0.9", "precision=12", "seed=range(2)", "--name", "now"]
    assert run([*sweeping, "--config-dir", str(EXTENSION), *where]) == 0
    result = checking.check_sweep(baselines.load("base", tmp_path), "now", tmp_path)
    ending = "algorithm=toy_momentum format=fixed precision=12"
    verdicts = {group.label: group.verdict for group in result.groups}
    assert verdicts == {
        f"{ending} momentum=0": "identical",
        f"{ending} momentum=0.5": "missing",
        f"{ending} momentum=0.9": "identical",
    }
    assert "precision=12 momentum=0.5" in outputs.reproduce(result, result.missing[0])


def test_read_without_the_plug_in(swept: Path) -> None:
    """In a process that has never heard of it: show, compare, export, and the page Cells."""
    code = f"""
import sys
from lpbench import registry
from lpbench.cli import run
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.pages import cells
run(["show", "a", "--json", "--runs-dir", {str(swept)!r}])
for arguments in (["compare", "a", "b", "--metric", "test_error"], ["compare", "a", "b", "--by", "momentum"],
                  ["export", "a"], ["export", "a", "--traces"]):
    assert run([*arguments, "--runs-dir", {str(swept)!r}]) == 0
sweep = Store({str(swept)!r}).sweep("a")
(table,) = cells.body(None, sweep, {{}}, "")
shown = [column["field"] for column in table.columnDefs if not column["hide"]]
print(sweep.varying, [name for name in shown if name in ("momentum", "test_error", "largest_weight")])
assert not registry.choices and "momentum" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"momentum": 0.5' in done.stdout
    assert "test_error: b / a" in done.stdout
    assert "older cells of the same choices" not in done.stderr
    lines = done.stdout.splitlines()
    (cells_header, traces_header) = (line for line in lines if line.startswith('"') and '"cell_id"' in line)
    assert {"momentum", "separation", "test_error", "largest_weight"} <= set(
        cells_header.replace('"', "").split(",")
    )
    assert {"test_error", "largest_weight"} <= set(traces_header.replace('"', "").split(","))
    assert lines[-1] == "['momentum'] ['momentum', 'largest_weight', 'test_error']"


def test_the_history_links_to_cells_with_choices_of_its_own(swept: Path, tmp_path: Path) -> None:
    from lpbench.dashboard.data.sweeps import Store
    from lpbench.dashboard.pages.regressions import PAGE

    from lpbench.store import history

    shutil.copytree(swept, tmp_path, dirs_exist_ok=True)
    sweep = Store(tmp_path).sweep("b")
    cell_id = sweep.cells["cell_id"].iloc[0]
    for check in range(2):
        row = {"run": str(check), "checked_at": f"2026-10-0{check + 1}", "platform": "linux", "sweep": "b"}
        row |= {"config_id": "one", "cell_id": cell_id, "algorithm": "toy_momentum", "verdict": "same"}
        history.append(tmp_path / history.FOLDER, str(check), [row | {"floor": 1.0 + check}])
    body = PAGE.body(Store(tmp_path), sweep, {"platform": "linux"}, "/") if PAGE.body else None
    assert f"/cells?sweep=b&cells={cell_id}" in repr(body)


def test_pages_offer_its_choices_and_tell_them_apart(swept: Path) -> None:
    """By default, and so in the figures of `show` and `report`: by colour, or on the axis where no precision varies."""
    from lpbench.dashboard.data.sweeps import Store
    from lpbench.dashboard.page import opened, pages

    sweep = Store(swept).sweep("b")
    of = {page.path: page for page in pages()}
    assert opened(of["/precision"], sweep)[0].title == "Noise floor against momentum"
    page = of["/convergence"]
    controls = {control.key: control for control in page.controls(sweep)}
    assert controls["color"].default == "momentum"
    assert [value for value, _ in controls["momentum"].options] == ["0", "0.5", "0.9"]
    assert ("momentum", "momentum") in controls["facet"].options
    figure = opened(page, sweep)[0].figure
    assert figure is not None
    colors = {
        trace["legendgroup"]: trace["line"]["color"] for trace in figure["data"] if trace.get("showlegend")
    }
    assert colors.keys() == {"momentum 0", "momentum 0.5", "momentum 0.9"}
    assert len({*colors.values()}) == 3


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"choices": (Choice("precision", Whole(1)),)}, "'precision' is taken"),
        ({"choices": (Choice("noise_floor", Real(0)),)}, "'noise_floor' is taken"),
        ({"choices": (Choice("momentum", Real(0, 2), 0.5),)}, "'momentum' is taken"),
        ({"records": (Metric("momentum"),)}, "'momentum' is taken"),
        ({"records": (Metric("bound_mine"),)}, "'bound_mine' is taken"),
        ({"choices": (Choice("my choice", Real(0)),)}, "'my choice' is taken, or none"),
    ],
)
def test_a_name_that_is_taken_is_refused(declared: dict[str, Any], message: str) -> None:
    registry.load_plugins(EXTENSION)
    before = dict(registry.choices), dict(registry.metrics), registry.algorithms.names()
    with pytest.raises(ConfigError, match=message):
        registry.algorithms.register("taken")(
            type("Taken", (), {"version": 1, "reads": frozenset(), **declared})
        )
    assert before == (registry.choices, registry.metrics, registry.algorithms.names())


def test_what_a_step_costs_is_declared_or_taken_as_that_of_any_other() -> None:
    """Estimated before a run: an algorithm that says nothing of its cost has one, too."""
    registry.load_plugins(EXTENSION)
    found = {}
    for algorithm in ("lp_sgd", "toy_momentum", "lp_svrg"):
        (one,) = cells(
            "dataset=gaussian", "problem=least_squares", f"algorithm={algorithm}", "dimension=1000"
        )
        cost = Estimator().cost(one.choices, one.problem_key)
        assert cost is not None
        found[algorithm] = cost.seconds
    assert found["lp_sgd"] < found["toy_momentum"]
    assert found["lp_sgd"] < found["lp_svrg"]  # its snapshots, too
