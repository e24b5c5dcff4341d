"""The bits that the dimension-free bounds ask for do not grow with the dimension; those of earlier bounds do."""

from __future__ import annotations

from lpbench.claims.base import DIMENSION_FREE, THEORY, Claim, Line, Measure, Plot, claims
from lpbench.claims.cells import Cells
from lpbench.proofs import bits as proofs

TARGET = 0.01
CHOICES = ["problem=family_s", "k=4", "dimension=16,256,4096,65536", f"step_size={TARGET / 4}", "limit=1"]
# By how many bits each grows: half a bit for each doubling of d, or none.
THEOREMS = {"1c": 0, "1a-ii": 6, "1a-i": 6}


@claims.register("bits_flat")
class BitsFlat(Claim):
    """Formulas only: the fewest bits for a gap of 0.01 on family S with four non-zeros a row."""

    statement = (
        "From d = 16 to 65,536 the bits that are proven to reach a gap stay the same, by earlier proofs "
        "they grow by 6"
    )
    paper = DIMENSION_FREE
    theory = "how many bits"
    limits = "b(65536) - b(16): theorem 1c 0, 1a-ii 6, 1a-i 6; nothing is trained"
    trains = False

    def measure(self, cells: Cells) -> list[Measure]:
        """The growth by each theorem."""
        _, bits = _bits()
        return [
            Measure(f"{name}: b(65536) - b(16)", [bits[name][-1] - bits[name][0]], growth, growth)
            for name, growth in THEOREMS.items()
        ]

    def plot(self, cells: Cells) -> Plot:
        """Bits against the dimension."""
        dimensions, bits = _bits()
        lines = [Line(f"proven: {name}", dimensions, bits[name], role=THEORY) for name in THEOREMS]
        return Plot("dimension", "bits for a gap of 0.01", lines, x_log=True, y_log=False)


def _bits() -> tuple[list[float], dict[str, list[float]]]:
    found = proofs.bits(TARGET, CHOICES, measure=False).sort_values("dimension")
    columns = {name: f"bits_{name.replace('-', '_')}" for name in THEOREMS}
    return found["dimension"].tolist(), {name: found[column].tolist() for name, column in columns.items()}
