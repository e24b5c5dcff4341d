"""The tables of `lpbench bounds`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lpbench.analysis.evidence import Evidence
from lpbench.analysis.tables import ALWAYS, AXES, varying
from lpbench.declared.choices import PROBLEM
from lpbench.declared.columns import CONSTANTS
from lpbench.proofs.bounds import Proof
from lpbench.registry import bounds as theorems
from lpbench.terminal import Table, shown
from lpbench.theory.evaluation import theorem

SIGNS = {"exact": "=", "upper": "≤", "lower": "≥"}
MAIN_CONSTANTS = ("mu", "L", "L_1_avg", "gamma", "sigma", "sigma_1")
TEXTS = frozenset({"problem", "dataset", "algorithm", "format", "rounding", "by", "ball by", "basis"})
_KEYS = [*AXES, "precision"]
_TITLE = ("problem", "dataset", "dimension", "k", "algorithm", "format", "precision", "step_size", "steps")
_SUMMARY = {"bound_kind", "bound_basis", "bound_ratio", "bound_earlier", "bound_dimension_free"}
_NUMBER = re.compile(r"(?<=it is )\d[\d.e+-]*|(?<== )\d[\d.e+-]*")


def constants_table(proofs: Sequence[Proof], every: bool) -> Table:
    """One row a problem: its constants, each with a sign that says exact, upper or lower bound."""
    problems = {proof.problem_key: proof for proof in proofs if proof.constants}
    rows = [{**proof.choices, **proof.facts, **_signed(proof)} for proof in problems.values()]
    names = {name: name for name in ([one.name for one in CONSTANTS] if every else MAIN_CONSTANTS)}
    if every or any(row["weights"] != row["dimension"] for row in rows):
        names = {"weights": "weights", **names}
    axes = [axis for axis in AXES if axis in PROBLEM]
    return _table("constants", rows, axes, names)


def _signed(proof: Proof) -> dict[str, str]:
    return {name: f"{SIGNS[proof.kinds[name]]}{value:.3g}" for name, value in proof.constants.items()}


def bounds_table(rows: Sequence[Mapping[str, Any]], every: bool) -> Table:
    """One row a cell group: the tightest bound and noise ball, and what earlier and dimension-free forms say.

    rows    those of `Proof.row`.
    """
    named = {
        "bound": "bound", "bound_kind": "by", "bound_basis": "basis", "noise_ball": "ball",
        "noise_ball_kind": "ball by", "bound_earlier": "earlier", "bound_dimension_free": "dim-free",
        "ratio": "ratio",
    }  # fmt: skip
    known = [
        {**row, "ratio": _over(row.get("bound_earlier"), row.get("bound_dimension_free"))} for row in rows
    ]
    return _table("bounds", known, _KEYS, _shown_columns(known, named, every))


def evidence_table(evidence: Evidence, name: str, every: bool) -> Table:
    """One row a cell group of a sweep: measured and proven; broken bounds in red."""
    named = {
        "n": "seeds", "mean_gap": "mean gap", "bound": "bound", "bound_kind": "by", "bound_basis": "basis",
        "bound_ratio": "ratio", "e_value": "e-value", "noise_floor": "floor", "bound_earlier": "earlier",
        "bound_dimension_free": "dim-free",
    }  # fmt: skip
    groups = evidence.groups
    table = _table(f"sweep {name}", groups, _KEYS, _shown_columns(groups, named, every))
    table.red = frozenset(i for i, group in enumerate(groups) if group["broken"])
    return table


def _shown_columns(
    rows: Sequence[Mapping[str, Any]], named: Mapping[str, str], every: bool
) -> dict[str, str]:
    """`named` (headings by column) without the basis where it says nothing; with `every`, each theorem that applies."""
    columns = dict(named)
    if {row["bound_basis"] for row in rows} <= {"certified", None}:
        del columns["bound_basis"]
    if every:
        headings = {theorem(name).column: name for name in theorems.names()}
        found = dict.fromkeys(name for row in rows for name in row if name.startswith("bound_"))
        filled = [name for name in found if any(row[name] is not None for row in rows)]
        columns |= {name: headings.get(name, name) for name in filled if name not in _SUMMARY}
    return columns


def _table(
    title: str, rows: Sequence[Mapping[str, Any]], axes: Sequence[str], named: Mapping[str, str]
) -> Table:
    """A table of `rows`: the axes that vary, then `named`; what else there is to know of the axes is in the title."""
    values = {axis: [row.get(axis) for row in rows] for axis in {*AXES, "precision"}}
    varied = {
        *varying(values, axes),
        *(axis for axis in (*ALWAYS, "precision") if len(set(values[axis])) > 1),
    }
    keys = [axis for axis in axes if axis in varied]
    said = [_said(axis, values[axis]) for axis in _TITLE if axis in axes and axis not in keys]
    cells = [[*(row.get(key) for key in keys), *(_short(row[name]) for name in named)] for row in rows]
    columns = [*keys, *named.values()]
    whole = f"{title}: {', '.join(filter(None, said))}".removesuffix(": ")
    return Table(columns, cells, whole, frozenset(columns) - TEXTS, keys=len(keys) or 1)


def _said(axis: str, values: Sequence[Any]) -> str:
    """A choice that the rows share, or the range of a number that the other choices decide."""
    found = {value for value in values if value is not None}
    numbers = all(isinstance(value, int | float) for value in found)  # a text where it could not be resolved
    if len(found) > 1 and numbers and axis in ("step_size", "steps"):
        return f"{axis}={shown(min(found))} ... {shown(max(found))}"
    if len(found) != 1 or None in values:
        return ""
    (value,) = found
    return value if isinstance(value, str) else f"{axis}={shown(value)}"


def _short(value: Any) -> Any:
    """Three digits of a number, so that a column of them stands in line."""
    return f"{value:#.3g}".removesuffix(".") if isinstance(value, float) and value else value


def reasons_table(proofs: Sequence[Proof]) -> Table:
    """Why theorems do not apply: each reason, the theorems that give it, and for how many cell groups.

    Reasons that differ in a number alone are one, with the range of the number; that a theorem is about
    something else comes last.
    """
    found: dict[tuple[str, str], list[list[str]]] = {}
    for proof in proofs:
        for name, reason in proof.run.refused.items():
            text = reason.removeprefix(f"theorem {name}: ")
            found.setdefault((name, _NUMBER.sub("#", text)), []).append(_NUMBER.findall(text))
    reasons: dict[tuple[str, int], list[str]] = {}
    for (name, text), numbers in found.items():
        for values in zip(*numbers, strict=True):
            low, high = min(values, key=float), max(values, key=float)
            text = text.replace("#", low if low == high else f"{low} ... {high}", 1)
        reasons.setdefault((text, len(numbers)), []).append(name)
    ordered = sorted(reasons.items(), key=lambda item: (", not " in item[0][0], -item[0][1]))
    rows = [
        [
            text,
            "all" if len(names) == len(theorems.names()) else ", ".join(names),
            f"{count} of {len(proofs)}",
        ]
        for (text, count), names in ordered
    ]
    columns = ["does not apply because", "theorems", "cell groups"]
    return Table(columns, rows, "why not", frozenset({"cell groups"}))


def _over(a: float | None, b: float | None) -> float | None:
    return a / b if a is not None and b else None
