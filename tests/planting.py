"""Nine defects that no statistic of floors sees, as a commit would bring them; what must move, and what must not."""

import ast
import functools
import inspect
import textwrap
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from lpbench.algorithms import lp_sgd, snapshots
from lpbench.arithmetic import rounding
from lpbench.cells import binding
from lpbench.convex import drive, gradients, step_sizes
from lpbench.problems import empirical


@dataclass(frozen=True)
class Defect:
    """`old`, which stands once in `function`, becomes `new`.

    moved   golden paths that must move, of them the named ones at least.     still   golden paths that must not.
    """

    function: Any
    old: str
    new: str
    moved: tuple[str, ...]
    still: tuple[str, ...]

    def source(self) -> tuple[Path, str, str]:
        """The file, and the function's text before and after."""
        text = inspect.getsource(self.function)
        assert text.count(self.old) == 1, text
        return Path(inspect.getsourcefile(self.function)), text, text.replace(self.old, self.new)

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        """In this process, for what runs in Python: the function's code is exchanged, whoever holds the function."""
        _, _, text = self.source()
        (node,) = ast.parse(textwrap.dedent(text)).body
        node.decorator_list = []
        spaces = dict(self.function.__globals__)
        exec(compile(ast.Module([node], []), "planted", "exec"), spaces)
        planted = spaces[self.function.__name__]
        assert isinstance(planted, FunctionType)
        patch.setattr(self.function, "__code__", planted.__code__)


def _wrong_optimum(*arguments: Any, solve: Any) -> Any:
    w, *rest = solve(*arguments)
    return (1.001 * w, *rest)


@dataclass(frozen=True)
class WrongOptimum:
    """The solver's w* is off by a thousandth."""

    moved: tuple[str, ...]
    still: tuple[str, ...]

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        """In this process."""
        patch.setattr(empirical, "solve", functools.partial(_wrong_optimum, solve=empirical.solve))

    def source(self) -> tuple[Path, str, str]:
        """The file, and a part of its text before and after."""
        text = "def _solve(risk: Risk)"
        wrong = (
            "_right = solve\ndef solve(*asked):\n    w, *rest = _right(*asked)\n    return 1.001 * w, *rest\n"
        )
        return Path(empirical.__file__), text, wrong + text


STOCHASTIC = (
    "lp_sgd fixed stochastic",
    "swalp float stochastic",
    "lp_svrg log stochastic",
    "halp block stochastic",
)
DEFECTS: dict[str, Defect | WrongOptimum] = {
    "uniforms biased by 2^-12": Defect(
        rounding._offset, "+ rounding.half", "+ rounding.half + 2.0**-12",
        ("random offset float64", "random offset float32"), ("random rounding", "lp_sgd fixed nearest_even"),
    ),
    "an inner loop of T - 1": Defect(
        binding.resolve, "or 2 * n_samples", "or 2 * n_samples - 1",
        ("halp fixed stochastic", "lp_svrg fixed stochastic", "svrg none"),
        ("lp_svrg fixed: short loop", "lp_sgd fixed stochastic"),
    ),
    "a last row never drawn": Defect(
        gradients._difference_linear, "0, n)", "0, n - 1)",
        (*STOCHASTIC, "lp_sgd fixed nearest_even", "sgd none"), ("lp_sgd fixed: batch",),
    ),
    "a step size 5 % off": Defect(
        binding.resolve, "else 0.25 / L", "else 0.2375 / L",
        (*STOCHASTIC[:2], "sgd none"), ("lp_sgd fixed: half step", *STOCHASTIC[2:]),
    ),
    "w* wrong by 1e-3 with a warm cache": WrongOptimum(
        ("problem least_squares gaussian", "problem logistic_regression breast_cancer"),
        ("problem family_s", "lp_sgd fixed stochastic"),
    ),
    "a generator whose two streams share words": Defect(
        drive.keys_of, "stream(seed, ROUNDING)", "stream(seed, SAMPLES)",
        ("random keys of a cell", *STOCHASTIC), ("random rounding", "sgd none"),
    ),
    "a regulariser left out of one algorithm": Defect(
        lp_sgd.lp_sgd_step, "alpha * run.model.regularization", "alpha * 0.0",
        ("lp_sgd fixed: ridge", "swalp fixed: ridge batch", "sgd none: ridge sparse"),
        ("halp fixed: ridge", "lp_svrg fixed: ridge sparse", "lp_sgd fixed stochastic"),
    ),
    "a step off by 1 %": Defect(
        step_sizes._constant, "schedule.alpha", "schedule.alpha * 1.01",
        (*STOCHASTIC, "sgd none"), ("lp_sgd fixed: decreasing",),
    ),
    "swapped samples": Defect(
        binding._rows, "np.ascontiguousarray(problem.y,", "np.ascontiguousarray(problem.y[::-1],",
        ("problem family_s", "lp_sgd fixed stochastic", "lp_sgd fixed: sparse"), ("lp_sgd fixed: sparse noise",),
    ),
    # Not of the nine, but alone in what it touches.
    "an SVRG step without its regulariser": Defect(
        snapshots.variance_reduced_step, "alpha * run.model.regularization", "alpha * 0.0",
        ("lp_svrg fixed: ridge", "halp fixed: ridge"), ("lp_sgd fixed: ridge", "lp_svrg fixed stochastic"),
    ),
}  # fmt: skip


def forget(patch: pytest.MonkeyPatch) -> None:
    """Problems and kernels' arguments that were built before, in this process."""
    patch.setattr("lpbench.problems.build._built", OrderedDict())
    binding.kernel_problem.cache_clear()
