"""The decisions of a check, in their order, for every configuration of the grid.

Another definition: not comparable. Not run: missing; not in the baseline: new. A worse status: no statistics. Equal
digests: identical. All else is tested: differences of log10 of the noise floor, and of the steps to the target (of
networks: of the test error and the training loss), paired by seed; a moderated t test, Benjamini-Hochberg over all of
them, and the mean must be above LEAST_CHANGE (LEAST_OF_NETWORKS) as well.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lpbench.analysis.matching import Row, by_seed
from lpbench.analysis.ratios import changes, logs, power, replicates, value
from lpbench.analysis.statistics import (
    LEVEL,
    Moderated,
    Prior,
    benjamini_hochberg,
    fit_prior,
    moderated_t,
    moments,
)
from lpbench.analysis.tables import RESULT
from lpbench.analysis.verdicts import (
    BETTER,
    CHANGED,
    FAILED,
    IDENTICAL,
    LEAST_CHANGE,
    LEAST_OF_NETWORKS,
    MISSING,
    NEW,
    SAME,
    UNDECIDED,
    UNTESTED,
    WORSE,
)  # fmt: skip
from lpbench.regression import measured

SLICE_FLOOR = 1.03
ENOUGH = 20  # tests that tell a prior; with fewer, the baseline's own seeds do
SLICE = ("algorithm", "format")
DIVERGED, TIMEOUT = ("failed", "diverged"), "timeout"


@dataclass
class Group:
    """One configuration: its cells in the baseline and now, and what was decided.

    missing     seeds of the baseline that were not run, or ran out of time
    why         in words, what no number says
    tests       by metric: mean of log10 (now / baseline), its interval, q, and the least change that a test finds
    """

    config_id: str
    label: str
    base: dict[int, Row]
    now: dict[int, Row]
    verdict: str = UNTESTED
    why: str = ""
    missing: list[int] = field(default_factory=list)
    tests: dict[str, Test] = field(default_factory=dict)

    @property
    def choices(self) -> Row:
        """The choices, of any of its cells."""
        return next(iter((self.now or self.base).values()))

    @property
    def metrics(self) -> tuple[str, ...]:
        """What is tested: the result first, by which it is called undecided."""
        return measured.tested(self.choices)

    @property
    def paired(self) -> list[int]:
        """The seeds of both."""
        return sorted(self.base.keys() & self.now.keys())

    def changes(self, metric: str) -> dict[int, float]:
        """log10 (now / baseline) at every seed at which both have a number."""
        return changes(self.base, self.now, metric)


@dataclass(frozen=True)
class Test:
    """A tested metric: ratios now / baseline, above 1 is worse. `n` seeds; `low`, `high` a 98 % interval.

    least   the ratio from which a change counts.      detectable   the one that these seeds would show.
    """

    n: int
    baseline: float
    now: float
    ratio: float
    low: float
    high: float
    q: float
    q_better: float
    detectable: float
    least: float

    @property
    def worse(self) -> bool:
        """An alarm."""
        return self.q <= LEVEL and self.ratio > self.least

    @property
    def better(self) -> bool:
        """The mirrored test."""
        return self.q_better <= LEVEL and self.ratio < 1 / self.least


@dataclass(frozen=True)
class Slice:
    """All tested cells of an algorithm in a format: the mean over them seed by seed, the seeds being what is tested."""

    name: str
    cells: int
    test: Test
    worse: bool

    @property
    def warning(self) -> str:
        """What is said of one that is worse."""
        return (
            f"slice {self.name} ({self.cells} configurations) is {self.test.ratio:.3f} times worse "
            f"({self.test.low:.3f} ... {self.test.high:.3f}, q {self.test.q:.2g}): run more seeds to confirm"
        )


def slice_of(choices: Mapping[str, Any]) -> str:
    """The name of the slice that a configuration is of; networks are slices of their own."""
    axes = SLICE if measured.tested(choices)[0] == RESULT else ("problem", *SLICE)
    return " ".join(str(choices[axis]) for axis in axes)


def judge(
    base: Sequence[Row], now: Sequence[Row], same_platform: bool = True
) -> tuple[list[Group], list[Slice]]:
    """Decide on every configuration of the baseline and of the cells that were measured now."""
    groups = grouped(base, now)
    for group in groups:
        decide(group, same_platform)
    tested = [group for group in groups if group.verdict == UNTESTED]
    test(tested, base)
    return groups, slices(tested)


def grouped(base: Sequence[Row], now: Sequence[Row]) -> list[Group]:
    """The configurations of either, those of the baseline first."""
    before, after = measured.by_config(base), measured.by_config(now)
    names = measured.labels([*base, *now])
    return [
        Group(
            config_id, names[config_id], by_seed(before.get(config_id, ())), by_seed(after.get(config_id, ()))
        )
        for config_id in dict.fromkeys([*before, *after])
    ]


def decide(group: Group, same_platform: bool) -> None:
    """What needs no statistics; what does is left UNTESTED."""
    if not group.base:
        group.verdict = NEW
        return
    group.missing = [
        seed for seed in group.base if seed not in group.now or group.now[seed]["status"] == TIMEOUT
    ]
    if not group.paired or len(group.missing) == len(group.base):
        group.verdict, group.why = MISSING, "timed out" if group.now else "not run"
        return
    pairs = [(group.base[seed], group.now[seed]) for seed in group.paired]
    before, after = pairs[0][0]["definition"], pairs[0][1]["definition"]
    if before != after:
        group.verdict, group.why = CHANGED, f"{before} -> {after}"
        return
    lost = [now["seed"] for base, now in pairs if base["status"] == "ok" and now["status"] in DIVERGED]
    if lost:
        status = group.now[lost[0]]["status"]
        error = group.now[lost[0]].get("error")
        which = f"seed {lost[0]}" if len(lost) == 1 else f"{len(lost)} of {len(pairs)} seeds"
        group.verdict, group.why = FAILED, f"{which} {status}, ok before" + (f": {error}" if error else "")
        return
    if same_platform and all(_identical(base, now) for base, now in pairs):
        group.verdict = IDENTICAL
        return
    if not any(base["status"] == "ok" for base, _ in pairs):
        group.verdict, group.why = SAME, "not ok before and now"
        return
    numbers = [(value(base, metric), value(now, metric)) for base, now in pairs for metric in group.metrics]
    if any(x is not None for x, _ in numbers) and all(x == y for x, y in numbers):
        # Of another platform: no variance, and nothing to test.
        group.verdict, group.why = SAME, "equal numbers"


def _identical(base: Row, now: Row) -> bool:
    return bool(base["digest"] and base["digest"] == now["digest"] and base["status"] == now["status"])


def test(groups: Sequence[Group], base: Sequence[Row]) -> None:
    """Test the metrics of every group, all in one family, and say what follows."""
    found: list[tuple[Group, str, Moderated, int]] = []
    for metric in dict.fromkeys(metric for group in groups for metric in group.metrics):
        family = [
            (group, sample)
            for group in groups
            if metric in group.metrics and (sample := group.changes(metric))
        ]
        if not family:
            continue
        mean, s2, n = moments([np.array(list(sample.values())) for _, sample in family])
        prior = prior_of(s2, n, base, metric)
        if prior is None:
            continue
        result = moderated_t(mean, s2, n, prior)
        found += [(group, metric, result, i) for i, (group, _) in enumerate(family)]
    above = benjamini_hochberg(np.array([result.p_above[i] for *_, result, i in found]))
    below = benjamini_hochberg(np.array([result.p_below[i] for *_, result, i in found]))
    for (group, metric, result, i), q, q_better in zip(found, above, below, strict=True):
        seeds = group.changes(metric)
        before, after = (
            float(np.median([cells[seed][metric] for seed in seeds])) for cells in (group.base, group.now)
        )
        least = LEAST_CHANGE if group.metrics[0] == RESULT else LEAST_OF_NETWORKS
        group.tests[metric] = _tested(result, i, len(seeds), q, q_better, least, before, after)
    for group in groups:
        _conclude(group)


def prior_of(s2: np.ndarray, n: np.ndarray, base: Sequence[Row], metric: str) -> Prior | None:
    """What all tested cells say of the variance; where they are few, the seeds of the baseline.

    Those differ as two independent seeds do: twice the variance, for nothing is known of how much noise is shared.
    None where neither says anything: one seed each.
    """
    if (n > 1).sum() >= ENOUGH and (s2 > 0).any():
        return fit_prior(s2, n - 1.0)
    spreads = [
        np.array(list(logs(by_seed(members), metric).values()))
        for members in measured.by_config(base).values()
    ]
    _, own, count = moments([y for y in spreads if y.size > 1] or [np.zeros(1)])
    own = 2 * own
    if (own > 0).any():
        return fit_prior(own, count - 1.0)
    return fit_prior(s2, n - 1.0) if (s2 > 0).any() else None


def _tested(
    result: Moderated, i: int, n: int, q: float, q_better: float, least: float, before: float = math.nan,
    after: float = math.nan,
) -> Test:  # fmt: skip
    low, high = result.interval()
    return Test(
        n, before, after, power(result.mean[i]), power(low[i]), power(high[i]), float(q),
        float(q_better), power(result.detectable(math.log10(least))[i]), least,
    )  # fmt: skip


def _conclude(group: Group) -> None:
    """The verdict of a tested group: an alarm of any metric, else what its result allows to say."""
    tests = group.tests
    if not tests:
        there = any(group.changes(metric) for metric in group.metrics)
        group.why = "one seed: its noise is not known" if there else f"no {group.metrics[0]} to compare"
        return
    result = tests.get(group.metrics[0])
    if any(one.worse for one in tests.values()):
        group.verdict = WORSE
    elif any(one.better for one in tests.values()):
        group.verdict = BETTER
    elif result is not None and result.high > result.least:
        group.verdict = UNDECIDED
    else:
        group.verdict = SAME


def slices(groups: Sequence[Group]) -> list[Slice]:
    """The tested groups by algorithm and format: many cells that are each a little worse, which no cell shows.

    Seeds, not cells, are the replicates: cells of one seed share noise. Only seeds that all cells of a slice have.
    """
    members: dict[str, list[Group]] = {}
    for group in groups:
        if group.changes(group.metrics[0]):
            members.setdefault(slice_of(group.choices), []).append(group)
    means = {
        name: replicates([group.changes(group.metrics[0]) for group in found])
        for name, found in members.items()
    }
    means = {name: x for name, x in means.items() if x.size > 1}
    if not means:
        return []
    mean, s2, n = moments(list(means.values()))
    if not (s2 > 0).any():
        return []
    result = moderated_t(mean, s2, n, slice_prior(s2, n))
    above, below = benjamini_hochberg(result.p_above), benjamini_hochberg(result.p_below)
    found_slices = []
    for i, name in enumerate(means):
        tested = _tested(result, i, int(n[i]), above[i], below[i], SLICE_FLOOR)
        found_slices.append(Slice(name, len(members[name]), tested, tested.worse))
    return found_slices


def slice_prior(s2: np.ndarray, n: np.ndarray) -> Prior:
    """Slices are few: they share a prior where there are at least four, else each has its own variance alone."""
    if s2.size >= 4:
        return fit_prior(s2, n - 1.0)
    return Prior(0.0, 0.0)


def summary(groups: Sequence[Group]) -> Mapping[str, int]:
    """Number of groups by verdict."""
    return Counter(group.verdict for group in groups)
