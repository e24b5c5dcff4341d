"""A user's own problem, data, formats and algorithms: this folder is a --config-dir of the tests."""

from types import SimpleNamespace
from typing import Any

from lpbench.errors import ConfigError
from lpbench.registry import algorithms, datasets, formats, problems


@problems.register("toy")
class Toy:
    """Blocks of size k that must divide the dimension."""

    version = 1
    reads = frozenset({"dimension", "noise", "k", "data_seed"})

    @staticmethod
    def check(choices: dict[str, Any]) -> None:
        if choices["dimension"] % choices["k"]:
            raise ConfigError(f"toy: k must divide dimension, got k={choices['k']}")

    @staticmethod
    def shape(choices: dict[str, Any]) -> SimpleNamespace:
        return SimpleNamespace(
            n_samples=2 * choices["dimension"], dimension=choices["dimension"], n_classes=1
        )


@problems.register("toy_labels")
class ToyLabels:
    """A problem on data; its size costs a look into the data."""

    version = 1
    reads = frozenset({"dataset", "regularization", "scaling"})

    @staticmethod
    def check(choices: dict[str, Any]) -> None:
        if choices["dataset"] == "toy_numbers":
            raise ConfigError("toy_labels: toy_numbers has no labels")

    @staticmethod
    def shape(choices: dict[str, Any]) -> SimpleNamespace:
        raise AssertionError("nothing here asks for the size")


@datasets.register("toy_rows")
class ToyRows:
    """Rows with labels."""

    version = 1
    reads = frozenset({"n_samples", "path"})

    @staticmethod
    def check(choices: dict[str, Any]) -> None:
        if choices["n_samples"] == 13:
            raise ConfigError("toy_rows: 13 samples are too many")


@datasets.register("toy_numbers")
class ToyNumbers:
    """Rows without labels."""

    version = 1
    reads = frozenset({"n_samples", "data_seed"})

    @staticmethod
    def check(choices: dict[str, Any]) -> None:
        return


@formats.register("toy_grid")
class ToyGrid:
    """A grid that holds up to 16 bits."""

    version = 1
    reads = frozenset({"precision", "exponent_bits", "limit", "rounding", "random_bits"})

    @staticmethod
    def defaults(choices: dict[str, Any]) -> dict[str, Any]:
        if choices["precision"] > 16:
            raise ConfigError(f"toy_grid: precision must be in 2..16, got {choices['precision']}")
        exponent_bits = choices["exponent_bits"]
        return {"exponent_bits": 2 if exponent_bits is None else exponent_bits}


@formats.register("toy_preset")
class ToyPreset:
    """A format of 5 bits."""

    version = 1
    reads = frozenset({"rounding", "random_bits"})

    @staticmethod
    def defaults(choices: dict[str, Any]) -> dict[str, Any]:
        return {"precision": 5, "exponent_bits": 3, "subnormals": True}


@algorithms.register("toy_descent")
class ToyDescent:
    """Rounds."""

    version = 1
    reads = frozenset({"format", "limit", "schedule"})


@algorithms.register("toy_exact")
class ToyExact:
    """Does not round."""

    version = 1
    reads = frozenset({"schedule"})


@algorithms.register("toy_centred")
class ToyCentred:
    """Rounds, with a range of its own."""

    version = 1
    reads = frozenset({"format", "inner_steps", "snapshot", "mu"})
