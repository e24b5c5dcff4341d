"""Golden paths: every line holds, each of nine planted defects moves the right ones, and no machine moves any."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from planting import DEFECTS, forget

from lpbench import registry
from lpbench.algorithms.lp_sgd import LpSgd
from lpbench.regression import golden
from lpbench.regression.golden import Case, Finding

ALL = {case.name: case for case in golden.cases()}


def is_quick(case: Case) -> bool:
    """All but what repeats the same with a preset, another rounding or another type of arithmetic."""
    if case.algorithm is None or ":" in case.name:
        return True
    chosen = case.format == "none" or "precision" in registry.formats.get(case.format).reads
    return chosen and case.name.split()[-1] in ("stochastic", "none")


def states(*names: str) -> dict[str, str]:
    return {one.name: one.state for one in golden.compare(ALL[name] for name in names)}


@pytest.mark.parametrize("quick", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_every_line_is_as_it_was(quick):
    found = golden.compare(case for case in ALL.values() if is_quick(case) == quick)
    wrong = [str(one) for one in found if one.state != golden.SAME]
    assert not wrong, (
        f"{golden.RENEW}, after raising the version of every algorithm, format, problem and dataset that moved: {wrong}"
    )


def test_there_is_a_line_for_every_case_and_no_other():
    assert sorted(golden.load()) == sorted(ALL)


def test_every_algorithm_is_there_in_every_format_with_every_rounding():
    for algorithm in registry.algorithms.names():
        if not registry.algorithms.get(algorithm).convex:
            continue
        rounds = "format" in registry.algorithms.get(algorithm).reads
        for name in registry.formats.names() if rounds else ["none"]:
            modes = ("stochastic", "nearest_even", "toward_zero") if rounds and name != "none" else ("",)
            for mode in modes:
                assert f"{algorithm} {name} {mode}".strip() in ALL


def test_every_variant_does_something():
    """A choice that the path does not feel would be watched in name only."""
    entries = golden.load()
    for case in ALL.values():
        if case.algorithm and ":" in case.name:
            plain = f"{case.algorithm} {case.format}" + ("" if case.format == "none" else " stochastic")
            assert entries[case.name][1] != entries[plain][1], case.name
            marks = entries[case.name][1].split()
            assert len(set(marks)) == len(marks) >= 7


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_moves_what_it_is_in_and_nothing_else(name, monkeypatch):
    defect = DEFECTS[name]
    for case in (*defect.moved, *defect.still):  # whatever is cached is warm
        assert states(case) == {case: golden.SAME}
    with monkeypatch.context() as patch:
        forget(patch)
        defect.plant(patch)
        found = states(*defect.moved, *defect.still)
        forget(patch)
    assert found == dict.fromkeys(defect.moved, golden.MOVED) | dict.fromkeys(defect.still, golden.SAME)


def test_a_compiled_path_is_the_python_one():
    (found,) = golden.compare([ALL["lp_sgd fixed stochastic"]], run=golden.compiled)
    assert found.state == golden.SAME


@pytest.mark.slow
def test_one_path_of_each_kind_of_kernel_is_the_python_one():
    chosen = golden.kernels(ALL.values())
    assert {case.algorithm for case in chosen} == set(registry.algorithms.names())
    assert {one.state for one in golden.compare(chosen, run=golden.compiled)} == {golden.SAME}


# -- any machine ---------------------------------------------------------------------------------------------------


def other_machine(core: str) -> dict[str, str]:
    """The environment of a processor of another kind: OpenBLAS picks `core`, numpy none of its vector code."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    features = " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])
    return {
        **os.environ,
        "OPENBLAS_CORETYPE": core,
        "OPENBLAS_NUM_THREADS": "1",
        "NPY_DISABLE_CPU_FEATURES": features,
    }


@pytest.mark.parametrize(
    ("core", "patterns"),
    [
        ("Prescott", ("problem *", "halp log stochastic", "lp_svrg fixed: *", "format log *")),
        pytest.param("Prescott", (), marks=pytest.mark.slow),
        pytest.param("Haswell", (), marks=pytest.mark.slow),
    ],
)
def test_another_processor_gives_the_same_digests(core, patterns):
    command = [sys.executable, "-m", "lpbench.regression.golden", *patterns]
    done = subprocess.run(command, env=other_machine(core), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# -- versions, renewing --------------------------------------------------------------------------------------------


def made_up(name: str = "one", definition: str = "algorithm one 1", path: str = "abc") -> Case:
    return Case(name, definition, lambda: ((f"step {i}", mark.encode()) for i, mark in enumerate(path)))


KEPT = {"one": golden.measure(made_up())}


@pytest.mark.parametrize(
    ("case", "state", "why"),
    [
        (made_up(), golden.SAME, ""),
        (made_up(path="abd"), golden.MOVED, "first seen at step 2, not at step 1; algorithm one 1 as before"),
        (made_up(path="xbc"), golden.MOVED, "first seen at step 0; algorithm one 1 as before"),
        (made_up(path="abcd"), golden.MOVED, "4 marks in place of 3; algorithm one 1 as before"),
        (made_up(definition="algorithm one 2"), golden.RISEN, "algorithm one 1 -> algorithm one 2"),
        (made_up("two"), golden.NEW, ""),
    ],
)
def test_what_becomes_of_a_line(case, state, why):
    assert golden.compare([case], KEPT) == [Finding(case.name, state, why)]


def renewed(monkeypatch, file, *chosen, force=False):
    monkeypatch.setattr(golden, "cases", lambda: list(chosen))
    return {one.name: one.state for one in golden.renew(file, force)}


def test_renewing_writes_what_is_new_and_refuses_what_only_moved(monkeypatch, tmp_path):
    file = tmp_path / "golden.json"
    assert renewed(monkeypatch, file, made_up("b"), made_up("a")) == {"a": golden.NEW, "b": golden.NEW}
    lines = file.read_text().splitlines()
    assert [line.split('"')[1] for line in lines[1:-1]] == ["a", "b"]  # one line a case, sorted
    assert json.loads(file.read_text()) == {name: [*KEPT["one"]] for name in "ab"}
    before = file.read_bytes()
    moved = made_up("a", path="abd")
    assert renewed(monkeypatch, file, moved, made_up("b")) == {"a": golden.MOVED}
    assert file.read_bytes() == before
    risen = made_up("a", "algorithm one 2", "abd")
    assert renewed(monkeypatch, file, risen) == {"a": golden.RISEN, "b": golden.GONE}
    assert golden.load(file) == {"a": golden.measure(risen)}
    assert renewed(monkeypatch, file, made_up("a", "algorithm one 2"), force=True) == {"a": golden.MOVED}
    assert golden.compare([made_up("a", "algorithm one 2")], golden.load(file))[0].state == golden.SAME


def test_the_command(monkeypatch, capsys):
    monkeypatch.setattr(golden, "cases", lambda: [made_up()])
    monkeypatch.setattr(golden, "load", lambda file=None: KEPT)
    assert golden.main([]) == 0
    assert golden.main(["o*"]) == 0
    assert "1 of 1 as in golden.json" in capsys.readouterr().out
    monkeypatch.setattr(golden, "cases", lambda: [made_up(path="abd")])
    assert golden.main([]) == 4
    assert "one: moved, first seen at step 2" in capsys.readouterr().out
    assert golden.main(["--renew"]) == 4
    assert "nothing is written" in capsys.readouterr().out
    monkeypatch.setattr(golden, "cases", lambda: [made_up(definition="algorithm one 2")])
    assert golden.main([]) == 6
    with pytest.raises(golden.ConfigError, match="give PATTERN"):
        golden.main(["--renw"])


def test_a_plug_in_has_no_golden_path_and_a_new_built_in_has():
    registry.algorithms.register("toy")(type("Toy", (LpSgd,), {"__module__": "toys"}))
    assert {case.name for case in golden.cases()} == set(ALL)
    registry.algorithms.register("own")(type("Own", (LpSgd,), {"__module__": "lpbench.algorithms.own"}))
    new = [case for case in golden.cases() if case.name not in ALL]
    assert {case.algorithm for case in new} == {"own"}
    assert {one.state for one in golden.compare(new)} == {golden.NEW}
    assert {case.format for case in new} == set(registry.formats.names())


def test_a_check_compares_what_its_cells_use():
    cell = {"algorithm": "halp", "format": "fixed", "problem": "family_s"}
    used = [case for case in ALL.values() if case.concerns([cell])]
    names = {case.name for case in used}
    assert {
        "halp fixed stochastic",
        "format fixed stochastic float64",
        "random rounding",
        "problem family_s",
    } <= names
    assert {case.algorithm for case in used} == {None, "halp"}
    assert {case.problem for case in used} == {None, "family_s"}
    assert not any(np.isin(["halp log stochastic", "problem family_q"], list(names)))
