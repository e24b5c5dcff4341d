"""What is wrong with the tensors of a setting, in the sentences of `lpbench show SWEEP CELL --tensors`."""

from __future__ import annotations

from lpbench.analysis import tensors

from ..data.tensors import History, Moment


def findings(found: History, moment: Moment) -> list[str]:
    """Of the means over the seeds at a moment."""
    return list(tensors.findings(found.frame(moment)))
