"""The glossary: what the terms mean that stand in figures, tables and documents beside choices and columns.

docs/glossary.md is written from it, and the dashboard says a word where the pointer or the focus is on a term.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lpbench.declared import choices, columns


@dataclass(frozen=True)
class Term:
    """A term, and what it means in a line of Markdown."""

    name: str
    text: str

    @property
    def anchor(self) -> str:
        """Its place in docs/glossary.md."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-") or "term"


# Of the field, and ours.
TERMS = (
    Term("objective gap", "f(w) - f(w*): how far the objective is above its least value"),
    Term("noise floor", "where the objective gap stops falling: its mean over the last part of a run (`tail`)"),
    Term("noise ball", "the least proven limit of the noise floor, of a run without end"),
    Term("bound", "what a theorem proves of the mean objective gap of a run ([theory.md](theory.md))"),
    Term("dimension-free", "the least proven limit in which the number of weights does not stand"),
    Term("earlier", "the least proven limit in which the number of weights stands"),
    Term("precision", "total bits of a stored number, sign included"),
    Term("quantum", "spacing of the numbers of a linear grid, delta"),
    Term("mantissa bits", "stored fraction bits of a floating-point number"),
    Term("saturation", "a value that was clipped to the range of its format"),
    Term("stall", "a coordinate whose update rounded back to where it was"),
    Term("stochastic rounding", "to one of both neighbours at random, so that the mean is exact"),
    Term("cell", "one point of a grid: problem, algorithm, format, precision, step size ... and seed"),
    Term("cells", "how many cells, by how they ended"),
    Term("sweep", "a named set of cells"),
    Term("tags and note", "what people say of a sweep: `lpbench annotate`"),
    Term("group", "the cells that differ in nothing but the seed"),
    Term("trace", "the metrics of one cell against its steps"),
    Term("baseline", "a sweep that is kept to compare later ones with"),
    Term("seeds", "repetitions that differ in the randomness of the algorithm alone"),
    # Of a trace.
    Term("step", "updates of the parameters so far; of SVRG and HALP those of the inner loops"),
    Term("epoch", "passes over the data: steps times `batch_size` over the number of samples"),
    Term("outer", "loops of SVRG and HALP so far"),
    Term("gradient norm", "l2 norm of the gradient of the objective"),
    Term("distance", "l2 norm of what is between the iterate and the optimum"),
    # Over seeds.
    Term("median", "the middle of the seeds"),
    Term("10 %", "a tenth of the seeds lie below"),
    Term("90 %", "a tenth of the seeds lie above"),
    Term("least", "the lowest of the seeds"),
    Term("largest", "the highest of the seeds"),
    Term("median from", "lower end of an interval that holds the median with 95 % at least, whatever the distribution; "
         "fewer than six seeds have none"),
    Term("median to", "upper end of that interval"),
    Term("ok", "seeds that ran to their end"),
    Term("diverged", "seeds whose gap grew without limit, or was no number"),
    # Of figures.
    Term("noise ball, earlier", "the least limit of a run without end in which the number of weights stands"),
    Term("noise ball, dimension-free", "the least limit of a run without end in which it does not"),
    Term("bits needed", "the fewest bits that reach the target gap, as all larger ones do"),
    Term("bits", "the fewest bits that reach the target gap, as all larger ones do"),
    Term("by", "whether they were measured, or a limit promises them"),
    Term("slope", "the power of the dimension with which the measured floor grows"),
    Term("slope earlier", "the power of the dimension with which the earlier limit grows"),
    Term("constant", "a constant of the problem that bounds are made of ([theory.md](theory.md))"),
    Term("value", "the number"),
    Term("kind", "whether it was measured or proven, and of which format"),
    Term("exponent bits", "bits of the exponent, of the format's total"),
    Term("measured floor", "the median noise floor of the cells with this split of the bits"),
    Term("noise floor or limit", "proven limit of the noise floor, of a run without end"),
    Term("δ L̄₁ + ζ L_w", "what theory judges splits of LP-SVRG by: what rounding adds to the variance"),
    Term("swept", "whether cells of this split are in the sweep"),
    Term("recommended", "whether theory promises the least noise of this split"),
    Term("Pareto front", "the groups that nothing beats: what costs no more is no better ([costs.md](costs.md))"),
    Term("on the front", "whether nothing beats it in cost and result at once"),
    Term("key", "a choice that varied in the sweep"),
    Term("axis", "a choice that varied in the sweep"),
    Term("choice", "a key of overrides, and a column of `cells`"),
    Term("values", "how many values it had, or which"),
    Term("share", "of the variance of log10 of the final gap: eta squared, by a one-way analysis of variance"),
    Term("column", "a column of `cells` in which the picked cells differ"),
    Term("state", "whether the sweep runs, was interrupted, or is done"),
    Term("updated (UTC)", "when its files changed last"),
    Term("rate", "a column of `tensors`: what rounding does to a tensor ([sweeps.md](sweeps.md#tensors))"),
    Term("mean", "over the seeds"),
    Term("finding", "what is wrong with a tensor ([networks.md](networks.md#why-a-run-fails))"),
    # Of comparisons.
    Term("ratio", "of the metric, the other sweep over the chosen one: a geometric mean"),
    Term("low", "lower end of the 95 % interval of the ratio"),
    Term("high", "upper end of the 95 % interval of the ratio"),
    Term("seeds_a", "seeds of the chosen sweep that the ratio rests on"),
    Term("seeds_b", "seeds of the other sweep that the ratio rests on"),
    Term("configurations", "configurations that the ratio is the mean of"),
    Term("median_a", "median of the metric in the chosen sweep"),
    Term("median_b", "median of the metric in the other sweep"),
    Term("paired", "whether both sweeps have the same seeds, and were compared seed by seed"),
    # Of checks ([regression.md](regression.md)).
    Term("run", "one call of `lpbench check`"),
    Term("commit", "of lpbench's sources, when it was checked"),
    Term("checked at", "when, in UTC"),
    Term("lpbench", "its version"),
    Term("configuration", "the choices without the seed"),
    Term("verdict", "what the check decided ([regression.md](regression.md))"),
    Term("over the first", "the floor over that of the first run"),
    Term("slices warned of", "parts of the grid that moved together, each too little for a verdict of its own"),
    Term("now", "the verdict of the newest run"),
    Term("steps at", "the runs at which the level of the floor changed"),
    Term("across the last", "the level after the last step over that before it"),
    Term("since the last release", "the floor over that of the newest run of another version"),
    Term("since the first run", "the floor over that of the first run"),
    Term("bound broken", "configurations whose mean gap is above what was proven, beyond chance"),
    Term("failed", "configurations with cells that were ok and are not any more"),
    Term("worse", "configurations whose metric is worse, beyond chance and by more than the least change"),
    Term("missing", "configurations of the baseline that the check did not run"),
    Term("definition changed", "configurations that mean something else now: a version was raised"),
    Term("undecided", "configurations with too few seeds to tell"),
    Term("untested", "configurations without a number to compare"),
    Term("new", "configurations that the baseline has not"),
    Term("better", "configurations whose metric is better, beyond chance and by more than the least change"),
    Term("same", "configurations that moved no more than chance lets them"),
    Term("identical", "configurations whose cells have the same bits as the baseline's"),
    # Of reproductions.
    Term("claim", "a statement of a paper, with the measurement that decides it"),
    Term("statistic", "what is measured to decide the claim"),
    Term("min … max", "the least and the largest over the replicates"),
    Term("replicates", "repetitions with other seeds"),
    Term("threshold", "what the statistic has to reach for the claim to hold"),
    Term("line", "the line of the figure"),
    Term("panel", "the small multiple that the line is in"),
    Term("lowest", "the least over the replicates"),
    Term("highest", "the largest over the replicates"),
    # Of `lpbench speed` ([integer.md](integer.md)).
    Term("numbers", "the type that the data are stored in"),
    Term("cores", "that took steps at once, each with weights of its own"),
    Term("ns a coordinate", "nanoseconds of a step over the dimension; of several cores, over all that they do"),
    Term("bytes", "of a number of the data"),
    Term("GB/s", "bytes of the data that the step reads in a second"),
    Term("float32 / it", "how many times as long float32 takes: the median over rounds in which both took turns"),
    Term("outer loop, ms", "milliseconds of a full gradient and two passes of steps"),
    Term("of it the full gradient, ms", "milliseconds of the full gradient alone"),
    Term("gap / gap at 0", "the objective gap as a share of that at the start"),
    Term("outer loops", "full gradients with their steps until then"),
    Term("ms", "milliseconds until then"),
    Term("measured at", "when, in UTC"),
    Term("processor", "with its cores, and the vector instructions that kernels were compiled to"),
    Term("bits of the offset", "of HALP's offset z, and of LP-SGD's weights"),
    Term("HALP, a step", "float32 / int8, SVRG beside HALP: the median over the dimensions, on one core"),
    Term("LP-SGD, a step", "float32 / int8, SGD beside LP-SGD: the median over the dimensions, on one core"),
    Term("outer loop", "float32 / int8 of an outer loop: the median over the dimensions"),
    Term("time to a gap", "float32 / int8 of the time to the least gap that was asked for"),
    Term("rounds", "in which float32 and integers took turns"),
)  # fmt: skip

_DECLARED = {
    **{one.name: one.text for one in (*columns.COLUMNS, *columns.FURTHER, *columns.COSTS)},
    **{name: one.text for name, one in (choices.CHOICES | choices.RUNTIME).items()},
}
_TEXTS = {term.name: term.text for term in TERMS}
_OF_TENSORS = {one.name: one.text for one in columns.TENSORS}


def meaning(name: str) -> str:
    """What a term, choice or column means, without markup; "" of what has no word here.

    `step size` is `step_size`. A choice comes before a column of its name, both before a term.
    """
    key = name.replace(" ", "_")
    told = (
        _DECLARED.get(name)
        or _DECLARED.get(key)
        or _TEXTS.get(name)
        or _TEXTS.get(name.replace("_", " "))
        or _OF_TENSORS.get(name)
        or ""
    )
    if not told and key.startswith("bound_"):
        told = f"what theorem {key.removeprefix('bound_').replace('_', ' ')} proves of the mean gap"
    return plain(told)


def plain(text: str) -> str:
    """A line of Markdown as it is read."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text).replace("`", "")
