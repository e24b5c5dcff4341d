"""The benchmarks run; how fast is for `make bench` to say, on a quiet machine."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import dashboard, machine, peers, report
from benchmarks.__main__ import main
from benchmarks.report import Figure


def run(folder: Path, part: str) -> list[dict]:
    assert main([part, "--smoke", "--results", str(folder)]) == 0
    assert f"## {part}" in (folder / "latest.md").read_text()
    return json.loads((folder / "latest.json").read_text())["figures"]


def test_rounding_runs(tmp_path: Path) -> None:
    figures = run(tmp_path, "rounding")
    values = {figure["what"]: figure["value"] for figure in figures}
    assert values["memory copy"] > 0
    assert values["fixed8, stochastic"] > 0
    targets = {figure["what"]: figure["target"] for figure in figures if figure["target"]}
    assert targets == {"fixed8, stochastic": 0.3, "e4m3, stochastic": 0.45}


@pytest.mark.slow
def test_steps_run(tmp_path: Path) -> None:
    values = {figure["what"]: figure["value"] for figure in run(tmp_path, "steps")}
    for dimension in (256, 4096):
        assert values[f"d={dimension}: LP-SGD, stochastic rounding"] > 0
        assert values[f"d={dimension}: torch loop, torch operations"] > 0


@pytest.mark.slow
def test_integers_run(tmp_path: Path) -> None:
    figures = {figure["what"]: figure for figure in run(tmp_path, "integers")}
    assert all(figure["value"] > 0 for what, figure in figures.items() if "gap" not in what)
    assert figures["d=256: HALP, int8, float32 / it"]["target"] >= 1.5
    assert figures["d=256: HALP, simulated fixed point of 8 bits"]["unit"] == "ns a coordinate"


@pytest.mark.slow
def test_networks_run(tmp_path: Path) -> None:
    values = {figure["what"]: figure["value"] for figure in run(tmp_path, "networks")}
    for name in ("mlp", "cnn", "lenet"):
        assert values[f"{name}: e4m3, all tensors"] > 0
        assert values[f"{name}: torch, float32"] > 0
    assert values["product, 64 x 64 by 64 x 64: ours"] > 0


@pytest.mark.slow
def test_modules_run(tmp_path: Path) -> None:
    values = {figure["what"]: figure["value"] for figure in run(tmp_path, "modules")}
    for name in ("mlp", "resnet", "lstm", "transformer"):
        assert values[f"{name}: e4m3, all tensors"] > 0
        assert values[f"{name}: torch, float32"] > 0


@pytest.mark.slow
def test_sweeps_run(tmp_path: Path) -> None:
    figures = run(tmp_path, "sweeps")
    assert sum(figure["target"] is not None for figure in figures) == 6


@pytest.mark.parametrize(
    ("value", "least", "verdict"),
    [
        (1.0, False, "met"),
        (3.0, False, "missed"),
        (1.0, True, "missed"),
        (3.0, True, "met"),
        (None, True, ""),
    ],
)
def test_verdict(value: float | None, least: bool, verdict: str) -> None:
    assert Figure("part", "what", value, "s", target=2.0, least=least).verdict == verdict


def test_a_peer_that_is_not_there_is_said(tmp_path: Path) -> None:
    found, reason = peers.ask(str(tmp_path / "python"), "steps", {})
    assert found is None
    assert "No such file" in reason


def test_the_machine_is_said() -> None:
    heading = report.heading(machine.facts(sys.executable))
    assert "cores" in heading
    assert "numpy" in heading


@pytest.mark.slow
@pytest.mark.skipif(dashboard.CHROMIUM is None, reason="no chromium")
def test_dashboard_runs(tmp_path: Path) -> None:
    figures = {figure["what"]: figure["value"] for figure in run(tmp_path, "dashboard")}
    assert figures["8 readers: errors"] == 0
    assert figures["memory of the server"] > 0
    assert sum("control change" in what for what in figures) >= 5


@pytest.mark.slow
def test_scale_runs(tmp_path: Path) -> None:
    values = {figure["what"]: figure["value"] for figure in run(tmp_path, "scale")}
    assert sum("peak memory" in what for what in values) == 6
    assert values["Ray: one more shard, CPU time of its compaction"] is not None


@pytest.mark.slow
def test_regression_runs(tmp_path: Path) -> None:
    values = {figure["what"]: figure["value"] for figure in run(tmp_path, "regression")}
    assert values["clean checks: share with a bound called broken"] == 0
    assert values["x2.0 found: spread 0.11 decades, 0.9 shared, 10 seeds"] > 0.9
