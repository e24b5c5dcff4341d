"""Markdown that fits, JUnit that parses, a verdict that keeps its schema, annotations that are few."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from measuring import cell, changed, grid

from lpbench.analysis.evidence import weigh
from lpbench.regression import judging, measured, outputs, past
from lpbench.regression.baselines import Baseline, platform_class
from lpbench.regression.checking import Check
from lpbench.regression.throughput import Timing

SCHEMA = json.loads((Path(outputs.__file__).parent / "verdict.schema.json").read_text())


def check(base, now):
    meta = {
        "name": "main",
        "platform": platform_class(),
        "calls": [{"overrides": ["seed=range(5)", "step_size=0,1"]}],
    }
    groups, slices = judging.judge(base, now)
    evidence = weigh({name: [one.get(name) for one in now] for name in measured.COLUMNS})
    return Check(
        Baseline(Path("main"), meta, base), "check-main", Path("check-main"), now, groups, slices, evidence
    )


@pytest.fixture(scope="module")
def bad():
    """60 configurations: 30 worse, one lost, one missing, one new, one identical, a bound broken, one slower."""
    generator = np.random.default_rng(1)
    base = grid(60, 5, 0.1, generator)
    now = changed(base, lambda one: 2.0 if one["step_size"] < 0.03 else 1.0, generator)
    now = [one for one in now if one["step_size"] not in (0.03, 0.031, 0.032)]
    now += [cell(one["seed"], None, "diverged", step_size=0.03) for one in base if one["step_size"] == 0.03]
    now += [one for one in base if one["step_size"] == 0.032]
    now += [
        cell(seed, 1.0, algorithm="halp", bound=1e-3, bound_kind="1d", bound_basis="certified")
        for seed in range(5)
    ]
    result = check(base, now)
    result.timings = [Timing({"algorithm": "halp", "format": "fixed", "precision": 8, "dimension": 16},
                             2.0, 1.8, 2.2, 1e-5, 10, "slower")]  # fmt: skip
    return result


def test_all_kinds_are_there_and_the_bound_outranks(bad):
    assert bad.counts == {"worse": 30, "failed": 1, "missing": 1, "identical": 1, "same": 27, "new": 1}
    assert bad.exit_code == 5
    assert bad.line().startswith("BOUND BROKEN: 31 of 60 configurations worse, 1 bounds broken")


def test_markdown_shows_the_worst_twenty_and_how_to_see_one_again(bad):
    text = outputs.markdown(bad)
    assert text.startswith(outputs.MARKER)
    assert text.count("\n| ") == 1 + 1 + 20
    assert "| failed |" in text.splitlines()[5]  # a lost status stands first
    assert "20 of 32; the others are in verdict.json." in text
    assert "lpbench sweep 'seed=range(5)'" in text


def test_markdown_is_cut_before_github_drops_it():
    text = outputs.cut([f"| {'x' * 200} |"] * 1000, ["foot"])
    assert len(text.encode()) <= outputs.MOST_BYTES
    assert text.endswith("foot")
    assert "... cut: verdict.json holds all of it." in text


def test_markdown_of_names_with_marks_stays_a_table():
    row = outputs.escaped("a|b *c* <d>\nnext")
    assert row == r"a\|b \*c\* \<d\> next"


def test_at_most_ten_annotations_and_each_on_one_line(bad):
    found = outputs.workflow_commands(bad)
    assert len(found) == 10
    assert found[0].startswith("::error title=lpbench::broken bound")
    assert all("\n" not in line for line in found)


def test_junit_has_a_case_for_each_slice_and_each_bound_not_for_each_cell(bad):
    root = ET.fromstring(outputs.junit(bad))
    suite = root.find("testsuite")
    failed = [(case.get("classname"), case.get("name")) for case in suite if case.find("failure") is not None]
    assert set(failed) == {
        ("lpbench.regression", "lp_sgd fixed"),
        ("lpbench.bounds", "halp fixed"),
        ("lpbench.missing", "all of the baseline was measured"),
        ("lpbench.throughput", "speed"),
    }
    assert int(suite.get("failures")) == len(failed) == 4
    assert int(suite.get("tests")) == len(suite) == 6


def test_the_verdict_keeps_its_schema(bad):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    text = json.dumps(outputs.verdict(bad), allow_nan=False)
    jsonschema.validate(json.loads(text), SCHEMA)
    clean = check(grid(3, 5, 0.1, np.random.default_rng(0)), grid(3, 5, 0.1, np.random.default_rng(0)))
    jsonschema.validate(outputs.verdict(clean), SCHEMA)
    assert clean.exit_code == 0
    assert outputs.table(clean) is None


def test_a_verdict_that_lies_is_refused(bad):
    wrong = outputs.verdict(bad) | {"exit_code": 7}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_the_history_keeps_what_was_warned_of(bad):
    (worse,) = [one for one in bad.slices if one.worse]
    warned = {row["label"]: row["warned"] for row in past.rows(bad)}
    for group in bad.groups:
        mine = judging.slice_of(group.choices) == worse.name
        assert warned[group.label] == (worse.warning if mine else None)
