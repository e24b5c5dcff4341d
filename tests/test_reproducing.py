"""The papers' claims in their smaller form, and that a planted error turns those into FAIL that are about it."""

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from lpbench import problems, reproducing
from lpbench.claims.base import Measure, claims
from lpbench.errors import ConfigError
from lpbench.formats.fixed import Fixed
from lpbench.theory import constants

SHIPPED = [name for name in claims.names() if not claims.get(name).takes_path]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def reproduced(name: str, runs_dir: Path) -> reproducing.Result:
    return reproducing.reproduce(claims.get(name)(), runs_dir, quick=True)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_claim_holds(name: str, runs: Path) -> None:
    result = reproduced(name, runs)
    assert result.why == []
    assert result.verdict == reproducing.PASS
    record = json.loads((runs / "reproduce" / f"{name}-quick" / "claim.json").read_text())
    assert (record["name"], record["verdict"], record["quick"]) == (name, "PASS", True)
    assert all(line["x"] and len(line["x"]) == len(line["y"]) for line in record["plot"]["lines"])
    if result.claim.trains:
        assert result.replicates == 2


@pytest.mark.parametrize("name", SHIPPED)
def test_a_claim_says_what_it_is(name: str) -> None:
    claim = claims.get(name)()
    assert claim.statement
    assert claim.limits
    assert claim.paper.endswith('"')
    assert not claim.trains or claim.overrides(None, False, None)[0] == f"+experiment={name}"


def test_what_is_stored_is_not_run_again(runs: Path) -> None:
    first, second = (reproduced("floor_stops", runs) for _ in range(2))
    assert (second.ran, second.cells) == (0, first.cells)
    assert [one.record() for one in first.measures] == [one.record() for one in second.measures]
    more = reproducing.reproduce(claims.get("floor_stops")(), runs, replicates=3, quick=True)
    assert (more.ran, more.replicates) == (3, 3)  # three precisions of one seed more


def test_an_unknown_claim_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown claim 'floor_halfs'\. Did you mean 'floor_halves'"):
        reproducing.choose(["floor_halfs"])


def test_mnist_needs_files() -> None:
    chosen, left = reproducing.choose(["all"])
    assert "mnist" not in [claim.name for claim in chosen]
    assert left == ["mnist is left out: it needs data, --path FOLDER"]
    with pytest.raises(ConfigError, match="mnist needs --path FOLDER"):
        reproducing.choose(["mnist"])
    assert "mnist" in [claim.name for claim in reproducing.choose(["all"], path="there")[0]]


@pytest.mark.parametrize(
    ("values", "low", "high", "passed"),
    [([1.0, 2.0], 1, 2, True), ([1.0, 2.1], 1, 2, False), ([], 1, 2, False), ([float("nan")], 1, 2, False)],
)
def test_every_value_must_lie_in_the_interval(values: list, low: float, high: float, passed: bool) -> None:
    assert Measure("x", values, low, high).passed is passed


def test_cells_that_are_not_ok_leave_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(choices: dict, limit: float) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(Fixed, "from_choices", staticmethod(broken))
    result = reproduced("floor_stops", tmp_path)
    assert result.verdict == reproducing.INCOMPLETE
    assert "6 of 6 cells are not ok" in result.why[0]
    assert "planted" in result.why[0]


# -- planted errors --------------------------------------------------------------------------------


def failing(result: reproducing.Result) -> list[str]:
    return [measure.name for measure in result.measures if not measure.passed]


def test_without_bit_centering_halp_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One outer loop without end: the quantum stays what it was at the start."""
    monkeypatch.setattr("lpbench.algorithms.base.Setup.inner_steps", property(lambda setup: 10**9))
    result = reproduced("halp_linear", tmp_path)
    assert result.verdict == reproducing.FAIL
    assert {"HALP: final / initial gap", "HALP: log10 gap an outer loop"} <= set(failing(result))
    assert "values miss <= 1e-20" in result.why[0]


def test_a_bit_less_than_asked_for_doubles_the_quantum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def narrow(choices: dict, limit: float) -> Fixed:
        return Fixed.for_range(choices["precision"] - 1, limit)

    monkeypatch.setattr(Fixed, "from_choices", staticmethod(narrow))
    result = reproduced("coarse_identity", tmp_path)
    assert failing(result) == ["F / (delta E||g||_1 / 4)", "F / noise ball of 1d"]
    np.testing.assert_allclose(result.measures[0].values, 2, rtol=0.1)


def test_a_sigma_1_that_is_half_of_it_breaks_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = constants.family_s

    def wrong(*arguments):  # type: ignore[no-untyped-def]
        found = right(*arguments)
        return found._replace(values={**found.values, "sigma_1": found.values["sigma_1"] / 2})

    monkeypatch.setattr(constants, "family_s", wrong)
    monkeypatch.setattr(problems, "_built", OrderedDict())
    result = reproduced("coarse_identity", tmp_path)
    assert failing(result) == ["F / noise ball of 1d"]
