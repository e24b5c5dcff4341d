"""What a check says: a table, Markdown for a job summary or a comment, JUnit, verdict.json, annotations."""

from __future__ import annotations

import math
import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

from lpbench.analysis.evidence import complaint
from lpbench.escaping import markdown as escaped
from lpbench.escaping import one_line
from lpbench.provenance import version
from lpbench.regression import golden, judging
from lpbench.regression.baselines import platform_class
from lpbench.regression.checking import Check
from lpbench.regression.golden import Finding
from lpbench.regression.judging import Group, Test
from lpbench.regression.throughput import Timing
from lpbench.terminal import Table

SCHEMA_VERSION = 1
WORST = 20  # rows of a table
ANNOTATIONS = 10  # that GitHub shows of one kind and step
MOST_BYTES = 60_000  # a comment of GitHub holds 64 kB, and is refused whole above that
MARKER = "<!-- lpbench check -->"  # by which a comment is found again and replaced
HEADINGS = ["configuration", "verdict", "metric", "baseline", "now", "ratio", "98 % interval", "q"]
NOTED = (judging.FAILED, judging.WORSE, judging.MISSING, judging.CHANGED)


def shown(result: Check) -> list[Group]:
    """The configurations that a reader must see: worse, missing, not comparable; the worst first."""
    rest = [group for group in result.groups if group.verdict in (judging.MISSING, judging.CHANGED)]
    partly = [group for group in result.missing if group not in rest and group not in result.worse]
    return [*result.worse, *rest, *partly]


def rows(groups: Sequence[Group]) -> list[list[str]]:
    """HEADINGS of each: the metric that decided it."""
    return [_row(group) for group in groups]


def _row(group: Group) -> list[str]:
    metric, test = _deciding(group)
    if test is None:
        missing = f"{len(group.missing)} of {len(group.base)} seeds missing" if group.missing else ""
        return [group.label, group.verdict, group.why or missing, "", "", "", "", ""]
    return [
        group.label, group.verdict, metric.replace("_", " "), f"{test.baseline:.3g}", f"{test.now:.3g}",
        f"{test.ratio:.3f}", f"{test.low:.2f} ... {test.high:.2f}", f"{test.q:.2g}",
    ]  # fmt: skip


def _deciding(group: Group) -> tuple[str, Test | None]:
    if group.verdict in (judging.FAILED, judging.MISSING, judging.CHANGED) or not group.tests:
        return "", None
    return min(group.tests.items(), key=lambda entry: (not entry[1].worse, entry[1].q))


def table(result: Check, every: bool = False) -> Table | None:
    """What must be seen, or with `every` all that was not identical; None where that is nothing."""
    groups = [g for g in result.groups if g.verdict != judging.IDENTICAL] if every else shown(result)[:WORST]
    if not groups:
        return None
    red = frozenset(i for i, g in enumerate(groups) if g.verdict in (judging.WORSE, judging.FAILED))
    numbers = frozenset({"baseline", "now", "ratio", "q"})
    return Table(HEADINGS, rows(groups), f"against baseline {result.baseline.name}", numbers, 1, red)


def lines(result: Check) -> list[str]:
    """What stands beside the table: bounds, golden paths, slices, speed, what is undecided, notes."""
    found = [complaint(group) for group in result.evidence.broken]
    found += [f"golden path {finding}" for finding in result.moved[:WORST]]
    if len(result.moved) > WORST:
        found.append(f"golden paths: {len(result.moved) - WORST} more moved; verdict.json holds them")
    found += [f"warning: {one.warning}" for one in result.slices if one.worse]
    for timing in result.timings or ():
        if timing.verdict in ("slower", "unconfirmed"):
            label = " ".join(
                f"{axis}={timing.choices[axis]}" for axis in ("algorithm", "format", "precision", "dimension")
            )
            found.append(f"{timing.verdict}: {label}: {timing.ratio:.2f} times the seconds a step")
    undecided = [group for group in result.groups if group.verdict == judging.UNDECIDED]
    if undecided:
        change = max(group.tests[group.metrics[0]].detectable for group in undecided)
        found.append(
            f"undecided: {len(undecided)} configurations, whose changes below a factor of {change:.2f} these seeds do "
            "not show (--escalate runs more)"
        )
    stale = [one for one in result.golden or () if one.state in (golden.RISEN, golden.NEW)]
    if stale:
        found.append(
            f"note: {len(stale)} golden paths of other versions are not compared, the first {stale[0]}: {golden.RENEW}"
        )
    return found + [f"note: {note}" for note in result.notes]


def reproduce(result: Check, group: Group) -> str:
    """The command that runs one configuration again."""
    pairs = re.split(rf" (?=(?:{'|'.join(group.choices)})=)", group.label)
    varied = [pair.partition("=")[0] for pair in pairs]
    calls = result.baseline.meta["calls"]
    kept = [text for text in (calls[0]["overrides"] if calls else []) if text.partition("=")[0] not in varied]
    return one_line(shlex.join(["lpbench", "sweep", *kept, *pairs, "--name", "again"]))


def markdown(result: Check) -> str:
    """For a job summary or a comment: the verdict, the worst WORST, bounds, slices, the command; under MOST_BYTES."""
    head = [MARKER, f"### lpbench: {escaped(result.line())}", ""]
    groups = shown(result)
    listed = [
        "| " + " | ".join(HEADINGS) + " |", "| --- | --- | --- | ---: | ---: | ---: | --- | ---: |",
        *("| " + " | ".join(escaped(text) for text in row) + " |" for row in rows(groups[:WORST])), "",
    ] if groups else []  # fmt: skip
    if len(groups) > WORST:
        listed.append(f"{WORST} of {len(groups)}; the others are in verdict.json.\n")
    told = [f"- {escaped(line)}" for line in lines(result)]
    worst = [g for g in groups if g.verdict != judging.MISSING]
    again = ["", "The first of them again:", "", "```sh", reproduce(result, worst[0]), "```"] if worst else []
    foot = [
        "",
        f"<sub>lpbench {version()}, {platform_class()}, {result.checked_at}; sweep {escaped(result.sweep)}</sub>",
        "",
    ]
    return cut([*head, *listed, *told, *again], foot)


def cut(body: Sequence[str], foot: Sequence[str]) -> str:
    """The lines as one text of at most MOST_BYTES, whole lines only, and a word where some are left out."""
    left = MOST_BYTES - len("\n".join(foot).encode()) - 100
    kept: list[str] = []
    for line in body:
        left -= len(line.encode()) + 1
        if left < 0:
            kept += ["", "... cut: verdict.json holds all of it."]
            break
        kept.append(line)
    return "\n".join([*kept, *foot])


def workflow_commands(result: Check) -> list[str]:
    """At most ANNOTATIONS workflow commands of GitHub: errors for what fails, warnings for slices."""
    wrong = [("error", complaint(group)) for group in result.evidence.broken]
    wrong += [("error", f"golden path {finding}") for finding in result.moved]
    for group in shown(result):
        row = _row(group)
        said = f"{row[1]}: {row[0]}: " + (f"{row[2]} {row[5]} times the baseline" if row[5] else row[2])
        wrong.append(("error" if group.verdict in NOTED else "warning", said))
    wrong += [
        ("warning", line.removeprefix("warning: ")) for line in lines(result) if line.startswith("warning: ")
    ]
    return [f"::{kind} title=lpbench::{_command(text)}" for kind, text in wrong[:ANNOTATIONS]]


def _command(text: str) -> str:
    return one_line(text).replace("%", "%25")


def junit(result: Check) -> bytes:
    """A test case for each slice, for its bounds and its golden paths, for what is missing and, if measured, speed."""
    suite = ET.Element("testsuite", name="lpbench check")
    names = sorted({judging.slice_of(group.choices) for group in result.groups})
    warned = {one.name for one in result.slices if one.worse}
    failures = 0
    for name in names:
        case = _case(suite, name, "regression")
        wrong = [group for group in result.worse if judging.slice_of(group.choices) == name]
        failures += _fail(case, [" ".join(filter(None, _row(group))) for group in wrong])
        if name in warned:
            said = [one_line(line) for line in lines(result) if f"slice {name} " in line]
            ET.SubElement(case, "system-out").text = "\n".join(said)
        broken = [r for r in result.evidence.broken if f"{r['algorithm']} {r['format']}" == name]
        failures += _fail(_case(suite, name, "bounds"), [complaint(record) for record in broken])
    for name, found in _golden_suites(result).items():
        moved = [str(finding) for finding in found if finding.state == golden.MOVED]
        failures += _fail(_case(suite, name, "golden"), moved)
    gone = [f"{group.label}: {len(group.missing)} of {len(group.base)} seeds" for group in result.missing]
    failures += _fail(_case(suite, "all of the baseline was measured", "missing"), gone)
    if result.timings is not None:
        slow = [f"{timing.ratio:.2f}: {timing.choices}" for timing in result.slower]
        failures += _fail(_case(suite, "speed", "throughput"), slow)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _golden_suites(result: Check) -> dict[str, list[Finding]]:
    """Findings by the first two words of their names: `lp_sgd fixed`, `format fixed`, `random offset`."""
    found: dict[str, list[Finding]] = {}
    for finding in result.golden or ():
        found.setdefault(" ".join(finding.name.replace(":", "").split()[:2]), []).append(finding)
    return found


def _case(suite: ET.Element, name: str, kind: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=f"lpbench.{kind}", name=one_line(name))


def _fail(case: ET.Element, wrong: Sequence[str]) -> int:
    if wrong:
        failure = ET.SubElement(case, "failure", message=one_line(f"{len(wrong)}: {wrong[0]}"))
        failure.text = "\n".join(map(one_line, wrong[:WORST]))
    return int(bool(wrong))


def verdict(result: Check) -> dict[str, Any]:
    """All of it for programs; `verdict.schema.json` beside this module says what stands where."""
    found: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "exit_code": result.exit_code,
        "line": result.line(),
        "baseline": {
            key: result.baseline.meta.get(key)
            for key in ("name", "platform", "git_commit", "lpbench_version", "created_at")
        },
        "sweep": result.sweep,
        "platform": platform_class(),
        "checked_at": result.checked_at,
        "counts": result.counts,
        "configurations": [_group(result, group) for group in result.groups],
        "slices": [
            {"slice": one.name, "configurations": one.cells, "worse": one.worse, **vars(one.test)}
            for one in result.slices
        ],
        "bounds": result.evidence.summary(),
        "golden": None if result.golden is None else _golden(result.golden),
        "throughput": None if result.timings is None else [_timing(timing) for timing in result.timings],
        "notes": result.notes,
    }
    return {key: _finite(value) for key, value in found.items()}


def _golden(findings: Sequence[Finding]) -> dict[str, Any]:
    told = [vars(finding) for finding in findings if finding.state != golden.SAME]
    return {"compared": len(findings), "findings": told}


def _group(result: Check, group: Group) -> dict[str, Any]:
    cells = group.now or group.base
    return {
        "config_id": group.config_id, "label": group.label, "verdict": group.verdict, "why": group.why,
        "missing_seeds": group.missing, "allowed": group.label in result.allowed,
        "cell_ids": [cell["cell_id"] for cell in cells.values() if cell.get("cell_id")],
        "tests": {metric: vars(test) for metric, test in group.tests.items()},
    }  # fmt: skip


def _timing(timing: Timing) -> dict[str, Any]:
    choices = {name: value for name, value in timing.choices.items() if value is not None}
    return vars(timing) | {"choices": choices}


def _finite(value: Any) -> Any:
    """Without what JSON does not hold."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
