"""What computes cells, as `run` sees it: the protocol that every engine answers, and which engine a cell has."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from lpbench.cells.convex import CONVEX
from lpbench.cells.points import Points
from lpbench.registry import problems


class Trajectory(Protocol):
    """A cell under way. Records are kept by the engine, a row for each point; `count` says how many there are.

    step_seconds, look_seconds   about what a step and a record take, at the slowest: a call is not to last longer than
                                 time-outs and Ctrl-C wait
    """

    step_seconds: float
    look_seconds: float

    def advance(self, stops: np.ndarray, rows: np.ndarray, first: int, last: int) -> bool | None:
        """Go on to the steps stops[first:last]; record each whose row, in `rows`, is not -1.

        Returns True where it is not done, since that would have lasted too long: it is called again in the same way.
        Called first with first = last = 0, which moves nothing: the time to compile something.
        """
        ...

    def diverged(self, first: int, count: int) -> int | None:
        """The first of the points first .. count - 1 at which the run has left for good; None where it goes on."""
        ...

    def observe(self, count: int) -> dict[str, np.ndarray]:
        """The columns of `traces` at the first `count` points, but for `step` and `seconds`."""
        ...

    def metrics(self, trace: Mapping[str, np.ndarray], row: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of `cells` that the run decides.

        trace   whole, and ending where the run did;  row   what is known so far, `status` among it
        """
        ...

    def tensors(self, count: int) -> Mapping[str, np.ndarray]:
        """The columns of `tensors` at the first `count` points but for `cell_id`, NaN where one does not apply.

        Empty where there are no networks. A plug-in's engine may leave it out.
        """
        ...


class Engine(Protocol):
    """What computes the cells of a problem. A problem names its own as `engine`; the others have the convex one.

    result   the column of `cells` that tables show and comparisons compare
    """

    result: str

    def resolve(self, choices: dict[str, Any], problem: Any) -> dict[str, Any]:
        """The choices with a number for every `auto` and expression, `steps` among them; the seed plays no part.

        Raises ConfigError when one comes out impossible.
        """
        ...

    def describe(self, choices: dict[str, Any], problem: Any) -> dict[str, Any]:
        """The columns of `cells` that are known before the run; `choices` are resolved, and the seed plays no part."""
        ...

    def start(self, choices: dict[str, Any], problem: Any, points: Points) -> Trajectory:
        """The cell at step 0, to be recorded at `points`; `choices` are resolved."""
        ...


def engine_of(choices: Mapping[str, Any]) -> Engine:
    """The engine of the cell with these choices."""
    engine = getattr(problems.get(choices["problem"]), "engine", CONVEX)
    if engine == "networks":
        if choices["engine"] == "torch":
            from lpbench.cells.modules import MODULES

            return MODULES
        from lpbench.cells.networks import NETWORKS

        return NETWORKS
    return engine
