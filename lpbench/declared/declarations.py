"""What a registered thing declares: the choices that it reads, and the metrics that it records."""

from dataclasses import dataclass
from typing import Any

from lpbench.declared.kinds import Kind

LOWER, HIGHER = "lower", "higher"


@dataclass(frozen=True)
class Choice:
    """One choice: the key of overrides, yamls and `lpbench.run`, and the column of `cells`, under one name.

    kind      which values it takes: Whole, Real, Formula, Word or Flag.
    default   None: null, by which the thing that reads it has a rule of its own. Else null is refused where it is read.
    text      what it means, in a line of Markdown.
    """

    name: str
    kind: Kind
    default: Any = None
    text: str = ""

    @property
    def stored(self) -> type:
        """The type of its column."""
        return self.kind.stored


@dataclass(frozen=True)
class Metric:
    """One column of results.

    unit     of its numbers; empty where they have none.
    better   "lower" or "higher", where one of the two is: `lpbench compare --metric` takes it then.
    text     what it means, in a line of Markdown.
    stored   the type of its column.
    """

    name: str
    unit: str = ""
    better: str | None = None
    text: str = ""
    stored: type = float
