"""Training in integers of 8 bits is faster than in float32, by how much a ratio measured in one run says."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from lpbench.claims.base import HALP, Claim, Line, Measure, Plot, claims
from lpbench.claims.cells import Cells

if TYPE_CHECKING:
    from lpbench.speed.measure import Speed

ROUNDS = 25  # more than where nothing is decided: whoever shares the machine disturbs some of them
WIDE = 4096  # from this dimension on a step waits for memory, not for the last one
# Least ratios to float32, by whether the processor has AVX-512: of a step of HALP and of LP-SGD below WIDE, from there
# on, and on all cores; and of the time to a gap of 1e-6.
LEAST = {
    True: {"narrow": 2.2, "wide": 2.5, "cores": 2.2, "narrow sgd": 2.0, "wide sgd": 3.0, "gap": 2.0},
    False: {"narrow": 1.5, "wide": 1.5, "cores": 1.5, "narrow sgd": 1.5, "wide sgd": 1.5, "gap": 1.4},
}


@claims.register("integer_speed")
class IntegerSpeed(Claim):
    """Nothing is stored: float32 and integers take turns on this machine, `lpbench speed`."""

    statement = "On a CPU HALP and LP-SGD in integers of 8 bits take a fraction of the time of SVRG and SGD in float32"
    paper = HALP
    theory = "5d"
    limits = (
        "float32 / int8, medians of rounds in turns: a step of HALP at least 2.2 at d = 1024, 2.5 from 4096 on, 2.2 on "
        "all cores, of LP-SGD 2 and 3, the time to a gap of 1e-6 2; without AVX-512 1.5, and 1.4"
    )
    trains = False

    @cached_property
    def speed(self) -> Speed:
        """What this machine does, measured once."""
        from lpbench.speed.measure import measure

        return measure(rounds=ROUNDS)

    def measure(self, cells: Cells) -> list[Measure]:
        """The ratios."""
        least = LEAST["AVX-512" in self.speed.machine["instructions"]]
        found = []
        for algorithm, sort in (("SVRG, HALP", ""), ("SGD, LP-SGD", " sgd")):
            name = algorithm.partition(", ")[2]
            for wide in (False, True):
                width = "wide" if wide else "narrow"
                ratios = self._steps(algorithm, wide, one=True)
                place = f"from d = {WIDE} on" if wide else f"below d = {WIDE}"
                found.append(Measure(f"{name}: step, {place}", ratios, low=least[width + sort]))
        if self.speed.machine["cores"] > 1:
            ratios = [
                *self._steps("SVRG, HALP", False, one=False),
                *self._steps("SVRG, HALP", True, one=False),
            ]
            found.append(Measure("HALP: step, on all cores", ratios, low=least["cores"]))
        reached = [row["ratio"] for row in self._eight(self.speed.gaps) if row["gap"] == 1e-6]
        found.append(
            Measure("HALP: time to a gap of 1e-6", [one or float("nan") for one in reached], low=least["gap"])
        )
        return found

    def _steps(self, algorithm: str, wide: bool, one: bool) -> list[float]:
        return [
            row["ratio"]
            for row in self._eight(self.speed.steps)
            if (row["algorithm"], row["dimension"] >= WIDE, row["cores"] == 1) == (algorithm, wide, one)
        ]

    @staticmethod
    def _eight(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if row["numbers"] == "int8"]

    def plot(self, cells: Cells) -> Plot:
        """The gap against the clock."""
        return course(self.speed)

    def remarks(self, cells: Cells) -> list[str]:
        """What it was measured on."""
        facts = self.speed.machine
        return [f"measured on {facts['cores']} cores of {facts['cpu']}, {facts['instructions']}"]


def course(speed: Speed) -> Plot:
    """The gap after each outer loop, against the seconds until then."""
    lines = [
        Line(name, [1e3 * seconds for seconds, _ in points], [gap for _, gap in points])
        for name, points in speed.courses.items()
    ]
    return Plot("milliseconds", "objective gap / gap at 0", lines)
