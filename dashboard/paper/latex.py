"""LaTeX: texts, numbers, tables and the environments around figures, for pdflatex as well as its successors."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from lpbench.errors import ConfigError, did_you_mean
from lpbench.escaping import one_line
from lpbench.terminal import Table

DIGITS = 3  # of a number
EXPONENTS = (1e-2, 1e4)  # a column that leaves this range is written in powers of ten
SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "–": "--", "—": "---", "…": r"\ldots{}", "’": "'", "‘": "`",
    "“": "``", "”": "''", "\u00a0": "~",
}  # fmt: skip
MATHS = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "ζ": r"\zeta", "η": r"\eta",
    "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau", "φ": r"\varphi",
    "Γ": r"\Gamma", "Δ": r"\Delta", "Σ": r"\Sigma", "∞": r"\infty", "·": r"\cdot",
    "×": r"\times", "÷": r"\div", "±": r"\pm", "≤": r"\le",
    "≥": r"\ge", "≈": r"\approx", "≠": r"\ne", "−": "-", "→": r"\to", "∝": r"\propto", "√": r"\surd", "∈": r"\in",
}  # fmt: skip
RAISED_MARKS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺"
RAISED = str.maketrans(RAISED_MARKS, "0123456789-+")
LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
# What is written as one: a letter with a bar, digits above or below the line, and each other mark.
_PARTS = re.compile("(.)\u0304|([⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+)|([₀₁₂₃₄₅₆₇₈₉]+)|(.)", re.DOTALL)
# Of figures, as `page.defused` leaves it.
MARKUP = {
    "<br>": r"\\ ", "<b>": r"\textbf{", "</b>": "}", "<sub>": r"\textsubscript{", "</sub>": "}", "<extra>": "",
    "</extra>": "",
}  # fmt: skip
_MARKUP = re.compile("(" + "|".join(map(re.escape, MARKUP)) + ")")


def text(plain: str) -> str:
    """A text that LaTeX prints as it stands, on one line."""

    def part(found: re.Match[str]) -> str:
        barred, raised, lowered, mark = found.groups()
        if barred:
            return rf"$\bar{{{barred}}}$"
        if raised:
            return f"$^{{{raised.translate(RAISED)}}}$"
        if lowered:
            return f"$_{{{lowered.translate(LOWERED)}}}$"
        return SPECIAL.get(mark) or (f"${MATHS[mark]}$" if mark in MATHS else mark)

    return _PARTS.sub(part, one_line(plain))


def marked(said: str) -> str:
    """A text of a figure, which has markup for line breaks, bold and subscripts."""
    parts = _MARKUP.split(said.replace("&lt;", "<"))
    if any(said.count(f"<{tag}>") != said.count(f"</{tag}>") for tag in ("b", "sub")):  # no markup of ours
        return text("".join(parts))
    return "".join(MARKUP[part] if i % 2 else text(part) for i, part in enumerate(parts))


def comment(*lines: str) -> list[str]:
    """Lines that LaTeX passes over."""
    return [f"% {one_line(line)}" for line in lines]


def label(*parts: Any) -> str:
    """A name for \\ref, of parts that may hold anything."""
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(map(str, parts))).strip("-").lower()


def sentences(title: str, notes: Sequence[str]) -> str:
    """The text of a caption: a title and notes, each ending in a full stop."""
    plain = [" ".join(_MARKUP.sub(" ", one).split()) for one in (title, *notes)]
    return " ".join(one if one.endswith((".", "!", "?")) else f"{one}." for one in plain if one)


def environment(kind: str, body: Sequence[str], caption: str, name: str) -> list[str]:
    """A float, `figure` or `table`: the caption of a table stands above it."""
    said = [rf"  \caption{{{text(caption)}}}", rf"  \label{{{name}}}"]
    inside = [f"  {line}" for line in body]
    parts = [*said, *inside] if kind == "table" else [*inside, *said]
    return [rf"\begin{{{kind}}}", r"  \centering", *parts, rf"\end{{{kind}}}"]


def chosen(data: Table, columns: Sequence[str]) -> Table:
    """The table with these columns alone, in this order; all of them for (). Raises ConfigError for an unknown one."""
    for name in columns:
        if name not in data.columns:
            raise ConfigError(f"there is no column {name!r}.{did_you_mean(name, data.columns)}")
    places = [list(data.columns).index(name) for name in columns]
    return Table([*columns], [[row[i] for i in places] for row in data.rows]) if columns else data


def table(data: Table, caption: str, name: str, about: Sequence[str]) -> str:
    """A table with the rules of booktabs: numbers to three digits, aligned at their points or powers of ten.

    about   lines for who reads the source: what it is of, how to make it again.
    """
    columns = [_column([row[i] for row in data.rows]) for i in range(len(data.columns))]
    spec = "".join(places for places, _ in columns)
    head = [
        rf"\multicolumn{{2}}{{c}}{{{text(title)}}}" if places == PAIR else text(title)
        for title, (places, _) in zip(data.columns, columns, strict=True)
    ]
    rows = zip(*(cells for _, cells in columns), strict=True) if data.rows else []
    body = [
        rf"\begin{{tabular}}{{{spec}}}", r"  \toprule", f"  {' & '.join(head)} \\\\", r"  \midrule",
        *(f"  {' & '.join(row)} \\\\" for row in rows), r"  \bottomrule", r"\end{tabular}",
    ]  # fmt: skip
    lines = [*comment(*about, r"It needs \usepackage{booktabs}."), *environment("table", body, caption, name)]
    return "\n".join(lines) + "\n"


PAIR = "r@{}l"  # what stands before the point, or the power of ten, and the rest
NONE = "--"
Column = tuple[str, list[str]]  # how it is aligned, and its cells


def _column(values: Sequence[Any]) -> Column:
    there = [value for value in values if not _is_missing(value)]
    if any(isinstance(value, float) for value in there) and all(map(_is_number, there)):
        finite = [abs(value) for value in there if math.isfinite(value) and value]
        powers = bool(finite) and not EXPONENTS[0] <= min(finite) <= max(finite) < EXPONENTS[1]
        write = _power if powers else _decimal
        return PAIR, [
            f"\\multicolumn{{2}}{{c}}{{{NONE}}}" if _is_missing(value) else write(value) for value in values
        ]
    counts = there and all(_is_number(value) or re.fullmatch(r"-?[\d.]+", str(value)) for value in there)
    return "r" if counts else "l", [NONE if _is_missing(value) else text(str(value)) for value in values]


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _parted(write: Callable[[float], str]) -> Callable[[float], str]:
    """Infinity and 0 stand in the first of the two parts alone."""

    def parts(value: float) -> str:
        if math.isinf(value):
            return f"${'-' if value < 0 else ''}\\infty$ & "
        return write(value) if value else "0 & "

    return parts


@_parted
def _power(value: float) -> str:
    digits, _, power = f"{value:.{DIGITS - 1}e}".partition("e")
    return f"${digits}$ & ${{}}\\cdot 10^{{{int(power)}}}$"


@_parted
def _decimal(value: float) -> str:
    rounded = float(f"{value:.{DIGITS - 1}e}")
    places = max(0, DIGITS - 1 - math.floor(math.log10(abs(rounded))))
    whole, point, rest = f"{rounded:.{places}f}".partition(".")
    return f"${whole}$ & {point}{rest}"
