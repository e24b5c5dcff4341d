"""LP-SVRG without the dimension."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lpbench.theory.bounds.lp_svrg import contraction
from lpbench.theory.theorem import DIMENSION_FREE, SVRG, Bound, Setting, coarse, need, root, theorem


def _over_loops(s: Setting, step: Callable[[float], float]) -> float:
    """The mean of e_k over the judged loops k, e_{k+1} = step(e_k)."""
    e, gaps = s.e_0, [s.e_0]
    for _ in range(int(np.max(s.loops))):
        last, e = e, step(e)
        gaps.append(e)
        if abs(e - last) <= 1e-14 * e:  # the noise ball is reached: it stays
            break
    return float(np.mean([gaps[min(int(k), len(gaps) - 1)] for k in s.loops]))


@theorem("5b", DIMENSION_FREE, SVRG)
def dimension_free_svrg(s: Setting) -> Any:
    """(1 - 2 alpha L) e' <= e/(alpha mu T) + 2 alpha L e + delta Gamma sqrt(2 e) + (delta Gamma / 2) sqrt(2 e').

    e and e' are the gaps of a snapshot and the next; the bound is their mean over the recorded loops. The noise ball is
    4.5 (delta Gamma)^2 / ((1 - 2 alpha L)(1 - rho))^2: it falls by four with every bit. Conditions as in 5a; with
    snapshot=average the rounding of the average itself would bring the dimension back.
    Source: docs/theory.md, 5b.
    """
    need(s.snapshot != "average" or s.delta == 0, "rounding the average costs L_f n delta^2 / 8: see 5a")
    rho, slack, noise = contraction(s), 1 - 2 * s.alpha * s.L, s.delta * s.gamma
    if s.loops is None:
        return 4.5 * noise**2 / (slack * (1 - rho)) ** 2
    return _over_loops(s, lambda e: root(slack, noise / 2, rho * slack * e + noise * np.sqrt(2 * e)))


@theorem("5b-coarse", DIMENSION_FREE, SVRG, coarse_only=True)
def coarse_svrg(s: Setting) -> Any:
    """m e' <= 2 e / (alpha mu T) + delta Gamma (sqrt(2 e') + 2 sqrt(2 e)) where no update exceeds the quantum.

    Any alpha L. The noise ball is 18 (delta Gamma)^2 / (m - 2/(alpha mu T))^2. A step's gradient is at most three
    sample gradients, which certifies it over the range; else it holds on this path.
    Source: docs/theory.md, 5b-coarse.
    """
    need(s.inside, "the optimum must lie in the range")
    need(s.snapshot == "random", "it is about snapshot=random")
    need(s.mu > 0, "f must be strongly convex; mu is 0")
    need(s.delta > 0, "there is no quantum in full precision")
    certified = coarse(s, 3.0)
    need(certified is not None, "an update may exceed the quantum: it is not the coarse regime")
    assert s.inner_steps is not None
    start, noise = 2 / (s.alpha * s.mu * s.inner_steps), s.delta * s.gamma
    need(start < s.m, f"2/(alpha mu T) must be below {s.m}, it is {start:.3g}; more inner_steps")
    if s.loops is None:
        return Bound(18 * noise**2 / (s.m - start) ** 2, bool(certified))
    value = _over_loops(s, lambda e: root(s.m, noise, start * e + 2 * noise * np.sqrt(2 * e)))
    return Bound(value, bool(certified))
