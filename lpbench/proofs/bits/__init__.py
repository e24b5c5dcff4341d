"""How many bits reach an objective gap, by each theorem and by measurement; and how many a network needs, measured.

cases     the combinations asked about       suited      defaults that suit the question
proven    the fewest bits by each theorem    measured    the fewest bits by bisection over real cells
answer    both together, as rows             words       headings, footnotes and the conclusion
near      the fewest bits of networks        near_words  the same of them
entries   what all answers have              said        what all say
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lpbench.proofs.bits.answer import MINUTES, find

if TYPE_CHECKING:
    import pandas

    from lpbench.sweeps.sweep import Event

__all__ = ["bits", "find"]


def bits(
    target: float | None = None,
    overrides: Sequence[str] = (),
    measure: bool = True,
    seeds: int | None = None,
    minutes: float | None = MINUTES,
    name: str = "bits",
    runs_dir: Path | str | None = None,
    workers: int | None = None,
    config_dir: Path | str | None = None,
    on_round: Callable[[str], Callable[[Event], None] | None] | None = None,
    metric: str | None = None,
    within: float | None = None,
) -> pandas.DataFrame:
    """The fewest bits that reach the objective gap `target`, proven and measured; one row a combination.

    Of networks: the fewest bits whose `metric` is `within` so much of full precision's, or at most `target`.

    target      the objective gap f(w) - f*, > 0.
    overrides   as on the command line, all but precision and seed: `["problem=family_s", "dimension=16,256"]`.
    measure     False: formulas only, nothing runs.
    seeds       of each measured point, which is their mean; None: 5, of networks 8.
    minutes     combinations that would take longer in all, by estimate, are not measured (None: measure all).
    name        of the sweep that keeps the cells: what is stored is not computed again.
    runs_dir, workers, config_dir   as for `lpbench.sweep`.
    on_round    called with what each round of the bisection measures, in words; may return a function that gets the
                events of its sweep.
    metric, within   of networks: a column of `cells` (None: test_error), and how near it is to come, > 0.

    Columns: the choices that vary and `problem dimension algorithm format`; `measured`, `measured_gap` (the noise floor
    with these bits, `measured_error` its standard error) and `gap_below` (with one bit less); `dimension_free` and
    `earlier`, the fewest bits by the best theorem of either form; `bits_1c` ... the fewest by each theorem; `split`
    (exponent and mantissa bits, e4m3); `step_size`, `steps`; `remarks`, why a number is missing. Of networks: `metric`;
    `full_precision`, its mean; `measured`; `measured_low` and `measured_high`, the ends of the 90 % interval of the
    bits (null: beyond the format's most); `difference`, of the mean with these bits to full precision's or to the
    target, and `difference_below`, with one bit less; `..._error` their standard errors; `step_size steps remarks`.
    Raises ConfigError for what cannot be asked, StoreError when the disk refuses, Interrupted after Ctrl-C.

    >>> lpbench.bits(0.01, ["problem=family_s", "dimension=16,256,4096"])[["dimension", "measured", "earlier"]]
    >>> lpbench.bits(within=0.01, overrides=["problem=mlp", "dimension=16,256"])[["dimension", "measured"]]
    """
    return find(
        target,
        overrides,
        measure,
        seeds,
        minutes,
        name,
        runs_dir,
        workers,
        config_dir,
        on_round,
        metric,
        within,
    ).frame()
