"""The claim about training and test error on MNIST, from the user's own files."""

from lpbench.claims.base import claims
from lpbench.claims.papers.held_out_error import Digits


@claims.register("mnist")
class Mnist(Digits):
    """As `test_error`, on the IDX files in a folder: training and test images and labels."""

    statement = Digits.statement.replace("digits", "MNIST")
    takes_path = True
    quick = ("epochs=16",)

    @property
    def experiment(self) -> str:
        """The grid of `test_error`, with other data."""
        return "test_error"

    def overrides(self, replicates: int | None, quick: bool, path: str | None) -> list[str]:
        """All samples of the files in `path`."""
        quoted = str(path).replace("'", "\\'")
        own = ["dataset=mnist", f"path='{quoted}'", "n_samples=null"]
        return [*super().overrides(replicates, quick, path), *own]
