"""`lpbench bits --sums`: how many mantissa bits accumulators need."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from lpbench.claims.base import THEORY, Line, Plot
from lpbench.commands._show import network
from lpbench.declared.choices import CHOICES
from lpbench.errors import ConfigError, ExitCode, did_you_mean
from lpbench.escaping import csv_of_records
from lpbench.proofs.sums import COLUMNS, TERMS, WITHIN, Asked, lengths_of, rows
from lpbench.terminal import Table, note, print_json

NETWORK = "network"  # in place of lengths: those of a network's products
NOTES = (
    "mantissa bits, without sign and exponent; proven: a bound on the error of any such sums; retaining: the rule of "
    "the variance retention ratio",
    "products: terms are those of two normal numbers, mean 0; positive: uniform, mean 1; error: root mean square, over "
    "that of the exact sums",
)
_LINES = (("measured_bits", "measured"), ("proven_bits", THEORY), ("retaining_bits", THEORY))
_OF_SUMS = ("sum_chunk", "sum_rounding", "seed")
_DEFAULT: dict[str, list[Any]] = {
    "sum_chunk": [1],
    "sum_rounding": ["nearest_even", "stochastic"],
    "seed": [0],
}


def report(
    asked: str, within: float | None, overrides: list[str], measure: bool, figure: Path | None, as_json: bool,
    as_csv: bool, quiet: bool, config_dir: Path | None,
) -> int:  # fmt: skip
    """Measure, print, draw; returns the exit code. Raises ConfigError."""
    own, rest = _chosen(overrides)
    lengths = _of_network(rest, config_dir) if asked == NETWORK else _numbers(asked, rest)
    within = WITHIN if within is None else within
    question = Asked(within, own["sum_chunk"], own["sum_rounding"], tuple(TERMS), own["seed"][0], measure)
    found = rows(lengths, question, lambda text: None if quiet else note(f"measuring {text}"))
    if as_json:
        print_json({"within": found[0]["within"], "rows": found})
    elif as_csv:
        sys.stdout.write(csv_of_records(found))
    else:
        _table(found).print()
        print(conclusion(found))
    if not quiet:
        for line in NOTES:
            note(line)
    if figure is not None:
        _draw(found, figure, quiet)
    return ExitCode.DONE


def _draw(found: list[dict[str, Any]], figure: Path, quiet: bool) -> None:
    from lpbench.dashboard.charts.claims import claim_figure
    from lpbench.dashboard.charts.files import write_panel
    from lpbench.dashboard.page import Panel

    write_panel(Panel(_title(found), claim_figure(plot(found).record()), notes=NOTES), figure)
    if not quiet:
        note(f"figure: {figure}")


def _title(found: list[dict[str, Any]]) -> str:
    return f"Mantissa bits with which sums stray by at most {found[0]['within']:g} of themselves"


def _chosen(overrides: list[str]) -> tuple[dict[str, list[Any]], list[str]]:
    """What the overrides say of sums, and the others."""
    own: dict[str, list[Any]] = {name: list(values) for name, values in _DEFAULT.items()}
    rest = []
    for text in overrides:
        key, _, value = text.partition("=")
        if key not in _OF_SUMS:
            rest.append(text)
            continue
        own[key] = [CHOICES[key].kind.normal(key, _number(one)) for one in value.split(",")]
    return own, rest


def _number(text: str) -> Any:
    return int(text) if text.strip().isdecimal() else text.strip()


def _numbers(asked: str, rest: list[str]) -> list[int]:
    if rest:
        key = rest[0].partition("=")[0]
        raise ConfigError(
            f"{key} says nothing of sums: --sums takes {', '.join(_OF_SUMS)}.{did_you_mean(key, _OF_SUMS)} "
            f"--sums {NETWORK} reads a network's choices"
        )
    try:
        return [int(one) for one in asked.split(",")]
    except ValueError:
        raise ConfigError(
            f"--sums takes numbers of terms, 256,4096, or the word {NETWORK}, got {asked!r}"
        ) from None


def _of_network(overrides: list[str], config_dir: Path | None) -> dict[str, int]:
    """The lengths of the sums of one network."""
    if not overrides:
        raise ConfigError(f"--sums {NETWORK}: of which one? --sums {NETWORK} problem=mlp")
    choices, net = network(
        overrides, f"is no network: --sums {NETWORK} problem=mlp, or --sums 256,4096", config_dir
    )
    if choices["engine"] != "compiled":
        raise ConfigError(
            f"--sums {NETWORK}: problem={choices['problem']} has no products that are known beforehand; problem=mlp, "
            "cnn and lenet have"
        )
    return lengths_of(net, choices["batch_size"])


def _table(found: list[dict[str, Any]]) -> Table:
    columns = [name for name in COLUMNS if name != "within" and any(row[name] is not None for row in found)]
    return Table(
        columns, [[row[name] for name in columns] for row in found],
        title=_title(found),
        numbers=frozenset(columns) - {"sum", "terms", "sum_rounding"}, keys=5 if "sum" in columns else 4,
    )  # fmt: skip


def conclusion(found: list[dict[str, Any]]) -> str:
    """What the rows say, a line for each rounding and chunk: the bits for the shortest and the longest sums."""
    lines = []
    for rounding, chunk in _ways(found):
        bits: dict[int, int] = {}
        for row in found:
            if (row["sum_rounding"], row["sum_chunk"]) == (rounding, chunk) and row[
                "measured_bits"
            ] is not None:
                bits[row["length"]] = max(row["measured_bits"], bits.get(row["length"], 0))
        if bits:
            ends = dict.fromkeys((min(bits), max(bits)))
            lines.append(
                f"{_named(rounding, chunk)}: {', '.join(f'{bits[n]} bits for {n} terms' for n in ends)}"
            )
    return "\n".join(lines)


def _ways(found: list[dict[str, Any]]) -> dict[tuple[str, int], None]:
    return dict.fromkeys((row["sum_rounding"], row["sum_chunk"]) for row in found)


def _named(rounding: str, chunk: int) -> str:
    return f"{rounding}, chunks of {chunk}" if chunk > 1 else rounding


def plot(found: list[dict[str, Any]]) -> Plot:
    """Bits against length: measured and proven, a panel for each kind of terms."""
    lines = []
    for terms in TERMS:
        for rounding, chunk in _ways(found):
            own = {
                row["length"]: row
                for row in found
                if (row["terms"], row["sum_rounding"], row["sum_chunk"]) == (terms, rounding, chunk)
            }
            name = _named(rounding, chunk)
            for column, role in _LINES:
                seen = sorted((n, row[column]) for n, row in own.items() if row[column] is not None)
                if seen:
                    said = name if role == "measured" else f"{name}, {column.removesuffix('_bits')}"
                    x, y = zip(*seen, strict=True)
                    lines.append(Line(said, x, y, role=role, panel=terms, points=role == "measured"))
    return Plot("terms of a sum", "mantissa bits", lines, x_log=True, y_log=False)
