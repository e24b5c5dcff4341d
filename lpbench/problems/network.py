"""What the networks share: samples of a classification, layers, and which choices train them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np

from lpbench.declared.choices import NETWORK, SUMS
from lpbench.errors import ConfigError, LpbenchError
from lpbench.isolation import drawn_from
from lpbench.networks import bits, energy
from lpbench.networks.architecture import Layer, names
from lpbench.networks.assembly import bordered, epoch_steps
from lpbench.networks.cost import Work, work
from lpbench.networks.modules import sizes
from lpbench.networks.roles import (
    KEYS,
    canonical,
    has_centre,
    of_offsets,
    recipe,
    rounds_of,
    settled_offsets,
    settled_products,
    settled_sums,
)
from lpbench.problems.base import Shape
from lpbench.problems.identity import problem_key
from lpbench.problems.solving.memory import remembered
from lpbench.registry import algorithms, datasets

SCHEDULES = ("constant", "cosine", "steps")
_OF_RECIPES = (
    "recipe",
    "round_at",
    "hadamard",
    "hadamard_at",
    "backward_rounding",
    "room",
    "full_precision",
    "compensation",
)


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """A network and its data, as engines take them.

    key       hash of everything that decides them.
    net       its layers; of a module of torch, their sizes.
    X, y      (N, *shape) float32 and (N,) int64: the training samples.      test_X, test_y   those held out.
              Of sequences (N, length) int64 both.
    make      of a module of torch: what makes it, its weights from torch's generator.
    """

    key: str
    net: tuple[Any, ...]
    X: np.ndarray
    y: np.ndarray
    test_X: np.ndarray
    test_y: np.ndarray
    n_classes: int
    dimension: int
    make: Callable[[], Any] | None = None

    @property
    def n_samples(self) -> int:
        """Training samples."""
        return len(self.y)

    @property
    def nbytes(self) -> int:
        """Bytes that the samples hold in memory, as they came and as the first layer takes them."""
        return 2 * (self.X.nbytes + self.test_X.nbytes)

    def tensors(self, batch: int) -> list[bits.Tensor]:
        """What a step on a batch stores and moves."""
        return (bits if self.make is None else sizes).tensors(self.net, batch)

    def products(self) -> list[energy.Product]:
        """What a step multiplies."""
        return (energy if self.make is None else sizes).products(self.net)

    @remembered
    def laid(self, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
        """Training and test samples as the first layer takes them: (N, n) in dtype, borders included."""
        train, test = (bordered(X, self.net[0], dtype) for X in (self.X, self.test_X))
        return train, test


class Network:
    """Base of the networks; used as classes, never instantiated."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    engine: ClassVar[str] = "networks"
    reads: ClassVar[frozenset[str]] = frozenset({"dataset", "dimension"})
    run_reads: ClassVar[tuple[str, ...]] = NETWORK
    width: ClassVar[int | None] = None  # the default of `dimension`
    engines: ClassVar[tuple[str, ...]] = ("compiled", "torch")  # what trains it, the default first
    sequences: ClassVar[bool | None] = False  # whether samples are sequences of tokens; None: as they come

    @classmethod
    def layers(cls, shape: tuple[int, ...], classes: int, choices: Mapping[str, Any]) -> list[Layer]:
        """The layers for samples of `shape`; raises ConfigError where such samples do not fit."""
        raise NotImplementedError

    @classmethod
    def keys(cls, choices: Mapping[str, Any]) -> frozenset[str]:
        """The choices that decide network and samples."""
        return cls.reads | cls._dataset(choices).sample_keys(choices)

    @classmethod
    def values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        """Those choices with defaults filled in; raises ConfigError."""
        dataset = cls._dataset(choices)
        found = {"dataset": dataset.name, **dataset.sample_values(choices)}
        cls._check_samples(dataset)
        if "dimension" in cls.reads:
            found["dimension"] = cls._width(choices)
        return found

    @classmethod
    def _check_samples(cls, dataset: Any) -> None:
        """Raise ConfigError where the network takes tokens and the data has none, or the other way round."""
        own = dataset.sequences
        if cls.sequences is None or own == cls.sequences:
            return
        fitting = [
            name for name in datasets.names()
            if datasets.get(name).serves_networks() and datasets.get(name).sequences == cls.sequences
        ]  # fmt: skip
        needs, has = (
            ("sequences of tokens", "samples") if cls.sequences else ("samples", "sequences of tokens")
        )
        raise ConfigError(
            f"problem={cls.name} takes {needs}, and {dataset.name} has {has}; these datasets fit: {', '.join(fitting)}"
        )

    @classmethod
    def files(cls, choices: Mapping[str, Any]) -> list[Any]:
        """The data files."""
        return cls._dataset(choices).sample_files(choices)

    @classmethod
    def versions(cls, choices: Mapping[str, Any]) -> dict[str, int]:
        """Versions of what decides network and samples."""
        return {"problem": cls.version, "dataset": cls._dataset(choices).version}

    @classmethod
    def check(cls, choices: Mapping[str, Any]) -> None:
        """Raise ConfigError for choices that cannot be run."""
        cls.values(choices)
        cls.net(choices)

    @classmethod
    def net(cls, choices: Mapping[str, Any]) -> list[Layer]:
        """The layers that these choices make."""
        _, shape, classes = cls._dataset(choices).sample_size(choices)
        return cls.layers(shape, classes, choices)

    @classmethod
    def shape(cls, choices: Mapping[str, Any]) -> Shape:
        """Training samples, width, classes."""
        n, _, classes = cls._dataset(choices).sample_size(choices)
        return Shape(n, cls._dimension(choices), classes)

    @classmethod
    def memory(cls, choices: Mapping[str, Any]) -> float:
        """Bytes of memory that the samples take while they are read."""
        n, shape, _ = cls._dataset(choices).sample_size(choices)
        return 24.0 * n * float(np.prod(shape))

    @classmethod
    def run_length(cls, choices: Mapping[str, Any], n_samples: int) -> int:
        """Updates of a run: `steps`, or `epochs` of as many whole batches as there are."""
        if choices["steps"] is not None:
            return int(choices["steps"])
        return math.ceil(choices["epochs"] * epoch_steps(n_samples, choices["batch_size"]))

    @classmethod
    def work(cls, choices: Mapping[str, Any]) -> Work:
        """What a cell costs that trains this network; of the test set, a quarter of the training set is assumed."""
        n, shape, classes = cls._dataset(choices).sample_size(choices)
        net = cls.layers(shape, classes, choices)
        rounded, samples = recipe(choices, names(net), rounds_of(choices)), n + n // 4
        found = work(net, rounded, choices, samples, cls.run_length(choices, n))
        if choices["engine"] == "torch":
            found = sizes.by_torch(found, len(net), choices, samples)
        return with_cache(found, cls, choices)

    @classmethod
    def contents(cls, choices: Mapping[str, Any]) -> tuple[str, ...]:
        """Hashes of the files that make the network."""
        return ()

    @classmethod
    def as_module(cls, choices: Mapping[str, Any]) -> tuple[Any, Any]:
        """The network as a module of torch, and two samples as it takes them."""
        from lpbench.networks.modules.networks import Built

        net = cls.net(choices)
        return Built(net), np.random.default_rng(0).standard_normal((2, *net[0].inputs), np.float32)

    @classmethod
    def build(cls, choices: Mapping[str, Any]) -> TrainingSet:
        """Read or draw the samples."""
        data = cls._dataset(choices).samples(choices)
        net = cls.layers(data.X.shape[1:], data.n_classes, choices)
        return TrainingSet(
            key=problem_key(choices, data.content),
            net=tuple(net),
            X=data.X,
            y=data.y,
            test_X=data.test_X,
            test_y=data.test_y,
            n_classes=data.n_classes,
            dimension=cls._dimension(choices),
        )

    @classmethod
    def settle(cls, choices: dict[str, Any], files: Mapping[str, Any]) -> dict[str, Any]:
        """The choices of a cell in their one form: null what is not read, one spelling a role; raises ConfigError.

        files   by choice, from where this process is.
        """
        name = choices["algorithm"]
        if not getattr(algorithms.get(name), "networks", False):
            trained = [one for one in algorithms.names() if getattr(algorithms.get(one), "networks", False)]
            raise ConfigError(f"algorithm={name} does not train networks; these do: {', '.join(trained)}")
        if choices["schedule"] not in (
            None,
            *SCHEDULES,
        ):  # null where the algorithm has no other than a constant one
            raise ConfigError(
                f"schedule={choices['schedule']} is for convex problems; networks take {', '.join(SCHEDULES)}"
            )
        if choices["momentum"] >= 1:
            raise ConfigError(f"momentum must be below 1 of networks, got {choices['momentum']:g}")
        for key in ("step_size", "steps"):
            if isinstance(choices[key], str):
                raise ConfigError(
                    f"{key}={choices[key]}: what it says is not known of a network; give {key} a number"
                )
        rounds = rounds_of(choices)
        settled = {**choices, "engine": cls._engine(choices["engine"], algorithms.get(name))}
        if not algorithms.get(name).centred or settled["centre_scale"] == "tensor":
            settled["centre_scale"] = None
        if not algorithms.get(name).bit_centred:
            settled |= {"centre_cache": None, "offset_format": None}
        if settled["centre_cache"] == "none":
            settled["centre_cache"] = None
        elif settled["centre_cache"] is not None and settled["sampling"] != "in_order":
            raise ConfigError(
                "centre_cache=stored keeps what each batch has at the centre, and needs the same batches in every "
                "epoch: sampling=in_order"
            )
        if settled["engine"] == "compiled":
            settled["device"] = None
        elif choices["device"] == "cuda":
            _check_cuda()
        if not algorithms.get(name).adam:
            settled["second_momentum"] = None
        if not rounds:
            settled |= dict.fromkeys((*_OF_RECIPES, *SUMS, *KEYS.values()))
        else:
            settled |= canonical(choices)
            for key in KEYS.values():
                settled[key] = settled[key] or ("same" if key == "master_format" else "none")
            settled |= settled_sums(settled)
            if settled["sum_format"] is not None and settled["engine"] == "torch":
                raise ConfigError(
                    "sum_format: the engine torch sums as torch does; problem=mlp, cnn and lenet with engine=compiled "
                    "have accumulators of their own (sum_format=none: without)"
                )
            settled["recipe"] = settled["recipe"] or "weights"
            settled |= settled_products(settled)
            if algorithms.get(name).bit_centred:
                settled["offset_format"] = settled_offsets(settled)
                _check_deltas(settled)
            elif has_centre(settled):
                _check_weights_alone(settled)
            if isinstance(choices["limit"], str) and choices["limit"] != "auto":
                raise ConfigError(
                    f"limit={choices['limit']}: what it says is not known of a network; give a number, or auto"
                )
            if choices["exponent_bits"] == "auto":
                raise ConfigError("exponent_bits=auto: nothing is proven of networks; give a number")
        if has_centre(settled):
            _settle_centre(settled)
        whole = {**settled, **files}
        samples = cls.shape(whole).n_samples
        if choices["batch_size"] > samples:
            raise ConfigError(
                f"batch_size must be at most {samples}, the training samples, got {choices['batch_size']}"
            )
        net = cls.net(whole)
        found = recipe(settled, names(net), rounds)
        if found.delays and settled["engine"] == "torch":
            raise ConfigError(
                "scale_rule=delayed: the engine torch scales tensors by their own numbers; engine=compiled remembers"
            )
        if found.delays and settled["compensation"] == "kahan":
            raise ConfigError(
                "scale_rule=delayed: Kahan's compensation rounds sums, differences and rests by one scale; "
                "give compensation=none"
            )
        if algorithms.get(name).bit_centred:
            _at_centre(cls, {**whole, **settled})
        if cls.engines[0] == "torch":
            sizes.check_products(cast("list[sizes.Sizes]", net), found)
        return settled

    @classmethod
    def _engine(cls, asked: str, algorithm: Any) -> str:
        if algorithm.bit_centred:
            if asked == "compiled":
                raise ConfigError(f"algorithm={algorithm.name} is of the engine torch: leave engine out")
            return "torch"
        if asked == "auto":
            return cls.engines[0]
        if asked not in cls.engines:
            raise ConfigError(
                f"engine={asked} does not train problem={cls.name}; {' and '.join(cls.engines)} does"
            )
        return asked

    @classmethod
    def _dataset(cls, choices: Mapping[str, Any]) -> Any:
        return datasets.get(choices["dataset"])

    @classmethod
    def _width(cls, choices: Mapping[str, Any]) -> int | None:
        return cls.width if choices.get("dimension") is None else choices["dimension"]

    @classmethod
    def _dimension(cls, choices: Mapping[str, Any]) -> int:
        return cls._width(choices) or 1


def with_cache(found: Work, network: type[Network], choices: Mapping[str, Any]) -> Work:
    """The cost of a cell with what `centre_cache=stored` keeps, for each batch: values, derivatives and a gradient."""
    if choices.get("centre_cache") != "stored":
        return found
    each, weights = _at_centre(network, choices)
    samples, batch = network.shape(choices).n_samples, choices["batch_size"]
    kept = samples // batch * (batch * each + weights) * np.dtype(choices["compute_dtype"]).itemsize
    return found._replace(bytes=found.bytes + kept)


def _at_centre(network: type[Network], choices: Mapping[str, Any]) -> tuple[float, int]:
    """Numbers that are kept of a sample at the centre, and weights; raises ConfigError for what pairs cannot be."""
    import torch

    from lpbench.networks.modules.examining import examine

    stored = choices["centre_cache"] == "stored"
    own = ((key, choices.get(key)) for key in sorted(network.keys(choices)))
    asked = (network, stored, *own, *network.contents(choices))
    if asked not in _centred:
        try:
            with drawn_from(0):
                model, X = network.as_module(choices)
                each = examine(model, torch.from_numpy(X), stored)
        except ConfigError:
            raise
        except LpbenchError as error:
            raise ConfigError(f"algorithm={choices['algorithm']}: {error}") from error
        _centred[asked] = each, sum(p.numel() for p in model.parameters())
    return _centred[asked]


_centred: dict[tuple[Any, ...], tuple[float, int]] = {}  # what networks were asked for in this process


def _settle_centre(settled: dict[str, Any]) -> None:
    """What an algorithm with a centre reads; raises ConfigError where it is not to be had."""
    if settled["snapshot"] != "last":
        raise ConfigError(
            f"snapshot={settled['snapshot']}: of networks the centre is the last point of a loop"
        )
    settled["snapshot"] = None
    if isinstance(settled.get("mu"), str):
        raise ConfigError(f"mu={settled['mu']}: what it says is not known of a network; give mu a number")


def _check_weights_alone(settled: Mapping[str, Any]) -> None:
    """Raise ConfigError where more than the weights is rounded."""
    others = [key for key in KEYS.values() if settled[key] != ("same" if key == "master_format" else "none")]
    others += [key for key in ("round_at", "sum_format") if settled[key] is not None]
    if others or settled["compensation"] != "none":
        key = others[0] if others else "compensation"
        raise ConfigError(
            f"algorithm={settled['algorithm']} rounds weights alone, recipe=weights, and {key}={settled[key]} does more"
        )


def _check_deltas(settled: Mapping[str, Any]) -> None:
    """Raise ConfigError where bit-centred layers would round else than deltas, or by ranges that do not shrink."""
    name = settled["algorithm"]
    if settled["round_at"] is not None:
        raise ConfigError(
            f"round_at={settled['round_at']}: algorithm={name} rounds deltas where tensors are; "
            "activation_format=mxfp8_e4m3 error_format=mxfp8_e5m2 rounds them to such formats"
        )
    if settled["master_format"] != "same" or settled["compensation"] != "none":
        key = "compensation" if settled["master_format"] == "same" else "master_format"
        raise ConfigError(
            f"{key}={settled[key]}: the centre is the copy of the weights that algorithm={name} has"
        )
    of_offsets(settled)
    found = recipe({**settled, "full_precision": None}, ["any"], True)
    for role, key in KEYS.items():
        if role != "master" and found.measures(role):
            raise ConfigError(
                f"{key}={settled[key]}: deltas grow within a loop and shrink from loop to loop, and this format takes "
                "its range from the first; take one that scales itself (block, int8_tensor, mxfp8_e4m3), of floating "
                "point (fp16, fp8_e4m3), or give limit=..."
            )


def _check_cuda() -> None:
    """Raise ConfigError where torch sees no GPU."""
    import torch

    if not torch.cuda.is_available():
        raise ConfigError("device=cuda: torch sees no CUDA device here; device=cpu is the default")
