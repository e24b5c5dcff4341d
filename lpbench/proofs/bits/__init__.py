"""How many bits reach an objective gap: by each theorem, and by measurement.

cases     the combinations asked about       suited    defaults that suit the question
proven    the fewest bits by each theorem    measured  the fewest bits by bisection over real cells
answer    both together, as rows             words     headings, footnotes and the conclusion
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lpbench.proofs.bits.answer import MINUTES, SEEDS, find

if TYPE_CHECKING:
    import pandas

    from lpbench.sweeps.sweep import Event

__all__ = ["bits", "find"]


def bits(
    target: float,
    overrides: Sequence[str] = (),
    measure: bool = True,
    seeds: int = SEEDS,
    minutes: float | None = MINUTES,
    name: str = "bits",
    runs_dir: Path | str | None = None,
    workers: int | None = None,
    config_dir: Path | str | None = None,
    on_round: Callable[[str], Callable[[Event], None] | None] | None = None,
) -> pandas.DataFrame:
    """The fewest bits that reach the objective gap `target`, proven and measured; one row a combination.

    target      the objective gap f(w) - f*, > 0.
    overrides   as on the command line, all but precision and seed: `["problem=family_s", "dimension=16,256"]`.
    measure     False: formulas only, nothing runs.      seeds   of each measured point; its floor is their mean.
    minutes     combinations that would take longer in all, by estimate, are not measured (None: measure all).
    name        of the sweep that keeps the cells: what is stored is not computed again.
    runs_dir, workers, config_dir   as for `lpbench.sweep`.
    on_round    called with what each round of the bisection measures, in words; may return a function that gets the
                events of its sweep.

    Columns: the choices that vary and `problem dimension algorithm format`; `measured`, `measured_gap` (the noise floor
    with these bits, `measured_error` its standard error) and `gap_below` (with one bit less); `dimension_free` and
    `earlier`, the fewest bits by the best theorem of either form; `bits_1c` ... the fewest by each theorem; `split`
    (exponent and mantissa bits, e4m3); `step_size`, `steps`; `remarks`, why a number is missing.
    Raises ConfigError for what cannot be asked, StoreError when the disk refuses, Interrupted after Ctrl-C.

    >>> lpbench.bits(0.01, ["problem=family_s", "dimension=16,256,4096"])[["dimension", "measured", "earlier"]]
    """
    return find(
        target, overrides, measure, seeds, minutes, name, runs_dir, workers, config_dir, on_round
    ).frame()
