"""What is wrong with the tensors of a setting, in the sentences of `lpbench show SWEEP CELL --tensors`."""

from __future__ import annotations

from collections.abc import Iterable

from lpbench.analysis import tensors

from ..data import choosing
from ..data.tensors import History, Moment
from . import rates

MOST = 3  # sentences of each kind before the others, and shares where nothing is wrong
NOTHING = "No tensor is beyond a limit"


def findings(found: History, moment: Moment, rounding: str | None) -> tuple[list[str], list[str]]:
    """Of the means over the seeds at a moment: the worst of each kind, and the others.

    Where nothing is wrong, one sentence with the largest shares. rounding   of the weights.
    """
    kinds = tensors.by_kind(found.frame(moment), rounding).values()
    first = [sentence for said in kinds for sentence in said[:MOST]]
    others = [sentence for said in kinds for sentence in said[MOST:]]
    return (first or [". ".join([NOTHING, *_largest(found, moment)])], others)


def _largest(found: History, moment: Moment) -> Iterable[str]:
    """The largest shares, in words."""
    every = rates.Asked().lines(found)
    said = []
    for line in rates.one_each(rates.worst_first(found, moment, every))[:MOST]:
        one, share = found.tensors[line.place], float(moment.numbers[line.rate.name].mean[line.place])
        if share > 0:
            said.append(f"{choosing.named(one.role)} of {one.name} {line.rate.text(share)} {line.rate.word}")
    return [f"The largest shares: {'; '.join(said)}."] if said else ["All shares are 0."]
