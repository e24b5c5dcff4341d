"""The yamls of conf/: each sets flat keys, names a thing that is there, and the experiments make sense."""

from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from hydra import compose
from omegaconf import OmegaConf

from lpbench import registry
from lpbench.cells.run import run_cell
from lpbench.choices import grid, hydra_session, keys
from lpbench.claims.base import claims
from lpbench.sweeps.plan import make_plan

CONF = Path(str(files("lpbench.conf")))
REGISTRIES = {
    "problem": registry.problems,
    "dataset": registry.datasets,
    "algorithm": registry.algorithms,
    "format": registry.formats,
    "executor": registry.executors,
}
YAMLS = sorted(path.relative_to(CONF).with_suffix("").as_posix() for path in CONF.glob("*/*.yaml"))
CHOICES = [name for name in YAMLS if not name.startswith("experiment/")]


def test_defaults() -> None:
    found = grid.single({"precision": 8})
    assert found.keys() == keys.every().keys()
    assert {key: found[key] for key in ("problem", "dataset", "algorithm", "format", "executor")} == {
        "problem": "least_squares", "dataset": "gaussian", "algorithm": "lp_sgd", "format": "fixed",
        "executor": "local",
    }  # fmt: skip
    for key, value in found.items():
        keys.check(key, value)


@pytest.mark.parametrize("name", CHOICES)
def test_a_yaml_sets_flat_keys_and_its_own_name(name: str) -> None:
    group, _, option = name.partition("/")
    text = (CONF / f"{name}.yaml").read_text()
    header, comment, *_ = text.splitlines()
    assert header == "# @package _global_"
    assert comment.startswith("# ")
    content = yaml.safe_load(text)
    content.pop("defaults", None)  # the dataset that a network has where none is chosen
    assert content[group] == option
    for key, value in content.items():
        assert value is None or keys.check(key, value) == value


@pytest.mark.parametrize("group", REGISTRIES)
def test_yamls_and_things_are_the_same(group: str) -> None:
    yamls = {name.split("/")[1] for name in CHOICES if name.startswith(f"{group}/")}
    package = {
        name for name in REGISTRIES[group].names() if not name.startswith("toy")
    }  # the toys are a user's, from tests/extension
    assert yamls == package


def test_hydra_composes_every_choice() -> None:
    with hydra_session.session():
        for name in CHOICES:
            group, _, option = name.partition("/")
            found = OmegaConf.to_container(compose(hydra_session.CONFIG, [f"{group}={option}"]))
            assert isinstance(found, dict)
            assert found[group] == option


@pytest.mark.parametrize("problem", ["family_s", "family_q", "family_e"])
def test_a_family_needs_no_data(problem: str) -> None:
    found = grid.single({"problem": problem, "dataset": "digits"})
    assert (found["dataset"], found["dimension"]) == (None, 256)


@pytest.mark.parametrize("name", [name for name in YAMLS if name.startswith("experiment/")])
def test_an_experiment_makes_sense(name: str) -> None:
    found = grid.expand([f"+experiment={name.split('/')[1]}"])
    assert found.invalid == []
    if name.split("/")[1] in claims.names():  # has the axes of its claim alone
        assert 8 <= len(found.cells) <= 150
        return
    assert 60 <= len(found.cells) <= 400
    varied = {"rounding"} if name == "experiment/networks" else {"algorithm", "format"}
    assert {"precision", *varied} <= found.axes.keys()


@pytest.mark.slow  # the tracked baseline holds the same gaps
def test_halp_of_the_tracked_grid_is_run_to_the_end_of_float64(tmp_path: Path) -> None:
    """Bit centering that stops early, at 1e-15 say, would look sound in a run that ends at 1e-10."""
    plan = make_plan(["+experiment=ci", "seed=0"], "ci", tmp_path)
    halp = [cell for cell in plan.cells if cell.choices["algorithm"] == "halp"]
    assert {cell.choices["format"] for cell in halp} == {"fixed", "float", "log"}
    assert {cell.choices["epochs"] for cell in halp} == {60.0}
    for cell in halp:
        if cell.choices["format"] == "fixed":
            row = run_cell(cell).row
            assert row["final_gap"] <= 1e-20 * row["initial_gap"], cell.choices
