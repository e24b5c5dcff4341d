"""All theorems on one run: which apply, what they promise, and which promises the least."""

from __future__ import annotations

from typing import Any, NamedTuple

from lpbench import registry
from lpbench.theory.theorem import DIMENSION_FREE, EARLIER, MEAN_GAP, SHOWN, Bound, Refused, Setting, Theorem


class Evaluation(NamedTuple):
    """What each theorem says of one run: a bound, or why it does not apply. By name, in the order of the page.

    unknown   before a run: those that read what it will show.
    """

    bounds: dict[str, Bound]
    refused: dict[str, str]
    unknown: frozenset[str] = frozenset()

    def tightest(self, form: str | None = None) -> str | None:
        """The name of the least bound of the mean gap (of one form); None where none applies."""
        # In full precision the forms say the same: then it is not the earlier one.
        fitting = [
            (bound.value, about.form == EARLIER, i, name)
            for i, (name, bound) in enumerate(self.bounds.items())
            if (about := theorem(name)).judges == MEAN_GAP and form in (None, about.form)
        ]
        return min(fitting)[-1] if fitting else None


def theorem(name: str) -> Theorem:
    """The theorem called `name`; raises ConfigError that names the nearest one."""
    return registry.bounds.get(name)


def names() -> list[str]:
    """The names of all theorems, in the order of the page."""
    return registry.bounds.names()


def evaluate(setting: Setting, before: Evaluation | None = None) -> Evaluation:
    """Every registered theorem on `setting`; where `before` is what they say of it without the run, no more than those
    that it left open.
    """
    bounds, refused, unknown = {}, {}, set()
    for name in names():
        about = theorem(name)
        if setting.algorithm not in about.algorithms:
            refused[name] = about.not_about(setting.algorithm)
            continue
        try:
            if before is None or name in before.unknown:
                bounds[name] = about(setting)
            elif name in before.bounds:
                bounds[name] = before.bounds[name]
            else:
                refused[name] = before.refused[name]
        except Refused as reason:
            refused[name] = str(reason)
        except Unknown:
            unknown.add(name)
    return Evaluation(bounds, refused, frozenset(unknown))


class Unknown(Exception):
    """A theorem asked for what only the run will show."""


class Planned(Setting):
    """A Setting before its run: whoever reads what the run will show gets Unknown."""

    def __getattribute__(self, name: str) -> Any:
        if name in SHOWN:
            raise Unknown(name)
        return super().__getattribute__(name)


def before_run(setting: Setting) -> Evaluation:
    """What the theorems say of `setting` whatever the run shows: the same for all seeds."""
    return evaluate(Planned(**vars(setting)))


def columns(evaluation: Evaluation, offset: float = 0.0) -> dict[str, Any]:
    """The bounds as columns of `cells`; null where a theorem does not apply.

    offset   f(w_B) - f* where the optimum lies outside the range: the theorems are then about the gap to w_B.
    """
    least = evaluation.tightest()
    basis_of_least = None if least is None else basis(evaluation.bounds[least])
    found: dict[str, Any] = {theorem(name).column: _value(evaluation, name, offset) for name in names()}
    return found | {"bound_kind": least, "bound_basis": basis_of_least} | _least("bound", evaluation, offset)


def ball_columns(evaluation: Evaluation, offset: float = 0.0) -> dict[str, Any]:
    """The least bounds at T = inf, of all theorems and of each form: what a noise floor is set beside."""
    return _least("noise_ball", evaluation, offset)


def basis(bound: Bound) -> str:
    """What a bound rests on, in words."""
    return "certified" if bound.certified else "on this path"


def _least(column: str, evaluation: Evaluation, offset: float) -> dict[str, Any]:
    """The least bound of all theorems, and of each form."""
    forms = {column: None, f"{column}_earlier": EARLIER, f"{column}_dimension_free": DIMENSION_FREE}
    return {name: _value(evaluation, evaluation.tightest(form), offset) for name, form in forms.items()}


def _value(evaluation: Evaluation, name: str | None, offset: float) -> float | None:
    bound = None if name is None else evaluation.bounds.get(name)
    return None if bound is None else bound.value + offset
