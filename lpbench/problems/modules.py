"""What the networks of torch share: samples, a module made of them, and the sizes of its tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lpbench.networks.cost import Work
from lpbench.networks.modules import sizes
from lpbench.problems.identity import problem_key
from lpbench.problems.network import Network, TrainingSet, with_cache

if TYPE_CHECKING:
    from torch import nn


_probed: dict[tuple[Any, ...], list[sizes.Sizes]] = {}  # what modules were asked for in this process


class Module(Network):
    """Base of the networks that torch trains; used as classes, never instantiated."""

    engines = ("torch",)
    reads: ClassVar[frozenset[str]] = frozenset({"dataset", "dimension", "depth"})
    depth: ClassVar[int] = 1  # the default of `depth`

    @classmethod
    def values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        return {**super().values(choices), "depth": choices.get("depth") or cls.depth}

    @classmethod
    def make(
        cls, inputs: Any, tokens: int | None, classes: int, choices: Mapping[str, Any]
    ) -> Callable[[], nn.Module]:
        """What makes the module; its weights come from torch's generator.

        inputs   the shape of a sample as the module takes it: (features,), (channels, length), (channels, height,
                 width), or (length,) of tokens.     tokens   how many there are; None: samples are numbers.
        """
        raise NotImplementedError

    @classmethod
    def net(cls, choices: Mapping[str, Any]) -> list[sizes.Sizes]:  # type: ignore[override]
        """The layers of the module that these choices make."""
        from lpbench.networks.modules.probing import probe

        values, targets = cls.values(choices), cls._dataset(choices).targets(choices)
        inputs, tokens, classes = cls._taken(choices)
        own = ((key, values.get(key)) for key in sorted(cls.reads) if key != "dataset")
        asked = (cls, inputs, tokens, classes, targets, *own, *cls.contents(choices))
        if asked not in _probed:
            sample = np.zeros(inputs, np.float32 if tokens is None else np.int64)
            _probed[asked] = probe(cls.make(inputs, tokens, classes, choices), sample, targets, classes)
        return _probed[asked]

    @classmethod
    def _taken(cls, choices: Mapping[str, Any]) -> tuple[tuple[int, ...], int | None, int]:
        """The shape of a sample as the module takes it, tokens and classes: what `make` is given."""
        dataset = cls._dataset(choices)
        _, shape, classes = dataset.sample_size(choices)
        tokens = dataset.tokens(choices)
        return shape if tokens is not None or dataset.as_it_is else turned(shape), tokens, classes

    @classmethod
    def work(cls, choices: Mapping[str, Any]) -> Work:
        n, shape, _ = cls._dataset(choices).sample_size(choices)
        targets = int(np.prod(cls._dataset(choices).targets(choices)))
        samples, steps = n + n // 4, cls.run_length(choices, n)
        found = sizes.work(cls.net(choices), choices, samples, steps, float(np.prod(shape)), targets)
        return with_cache(found, cls, choices)

    @classmethod
    def as_module(cls, choices: Mapping[str, Any]) -> tuple[Any, Any]:
        inputs, tokens, classes = cls._taken(choices)
        random = np.random.default_rng(0)
        if tokens is None:
            X: np.ndarray = random.standard_normal((2, *inputs), np.float32)
        else:
            X = random.integers(tokens, size=(2, *inputs))
        return cls.make(inputs, tokens, classes, choices)(), X

    @classmethod
    def build(cls, choices: Mapping[str, Any]) -> TrainingSet:
        dataset = cls._dataset(choices)
        data = dataset.samples(choices)
        X, test_X = data.X, data.test_X
        tokens = dataset.tokens(choices)
        if tokens is None and not dataset.as_it_is and X.ndim > 2:
            X, test_X = (np.ascontiguousarray(np.moveaxis(one, -1, 1)) for one in (X, test_X))
        return TrainingSet(
            key=problem_key(choices, (*data.content, *cls.contents(choices))),
            net=tuple(cls.net(choices)),
            X=X,
            y=data.y,
            test_X=test_X,
            test_y=data.test_y,
            n_classes=data.n_classes,
            dimension=cls._dimension(choices),
            make=cls.make(X.shape[1:], tokens, data.n_classes, choices),
        )


def turned(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a sample with its channels first, as torch takes them."""
    return (shape[-1], *shape[:-1])
