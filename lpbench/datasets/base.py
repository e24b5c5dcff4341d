"""What a dataset offers to a problem."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lpbench.datasets import drawing, values
from lpbench.datasets.data import CLASSIFICATION as CLASSIFICATION
from lpbench.datasets.data import REGRESSION as REGRESSION
from lpbench.datasets.data import Data as Data
from lpbench.datasets.data import FileData as FileData
from lpbench.datasets.data import Samples as Samples
from lpbench.datasets.data import Size as Size
from lpbench.datasets.samples import finished, remembered
from lpbench.errors import ConfigError
from lpbench.registry import datasets


class Dataset:
    """Base of the datasets; they are used as classes, never instantiated.

    name, version  set at registration; `version` rises when the numbers that `load` returns change.
    reads          the choices that decide the data.
    tasks          which of `regression`, `classification` it can serve.
    n_labels       number of classes where it is known without reading, else None.
    real           measured data: rows may be subsampled by `n_samples`, columns are scaled by `scaling`, and
                   `dimension` asks for random Fourier features. Synthetic data is used as it is drawn.
    own_test       whether it brings test samples of its own; else a fifth of all, drawn by `data_seed`, is held out.
    as_it_is       whether samples have the shape that modules take; else their channels are last.
    sequences      whether samples are sequences of tokens.
    package        what else makes the data and may be another one elsewhere: an installed package, by name.

    Convex problems take all features and labels (`keys` to `load`), networks take samples in their shape, training and
    test apart (`sample_keys` to `samples`). What networks take of a classification follows from `load`; a dataset that
    has shapes or test samples of its own says so in `split` and `sample_size`.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    reads: ClassVar[frozenset[str]] = frozenset({"dimension", "n_samples", "scaling", "data_seed"})
    tasks: ClassVar[frozenset[str]]
    n_labels: ClassVar[int | None] = None
    real: ClassVar[bool] = True
    own_test: ClassVar[bool] = False
    as_it_is: ClassVar[bool] = False
    sequences: ClassVar[bool] = False
    package: ClassVar[str | None] = None

    @classmethod
    def keys(cls, choices: Mapping[str, Any], task: str) -> frozenset[str]:
        """The choices among `reads` that matter here: of real data the seed only does for random draws."""
        if cls.real and choices.get("dimension") is None and choices.get("n_samples") is None:
            return cls.reads - {"data_seed"}
        return cls.reads

    @classmethod
    def values(cls, choices: Mapping[str, Any], task: str) -> dict[str, Any]:
        """The dataset's own choices with defaults filled in; raises ConfigError. Reads no data."""
        return {}

    @classmethod
    def check(cls, choices: Mapping[str, Any], task: str = CLASSIFICATION) -> None:
        """Raise ConfigError for choices that cannot be run; reads no data."""
        cls.values(choices, task)

    @classmethod
    def files(cls, choices: Mapping[str, Any]) -> list[Path]:
        """The data files; their content, not their path, is part of the problem's identity."""
        return []

    @classmethod
    def size(cls, choices: Mapping[str, Any], task: str) -> Size:
        """Sizes of the raw data; a dataset that knows them without loading it says so."""
        data = cls.load(choices, task)
        return Size(data.X.shape[0], data.X.shape[1], data.n_labels)

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        """Read or draw the data; raises ConfigError for a file that cannot be used."""
        raise NotImplementedError

    @classmethod
    def serves_networks(cls) -> bool:
        """Whether there are samples with classes whose number of features is the data's own.

        `dimension`, which is that of the features of synthetic data, is the width of a network.
        """
        return CLASSIFICATION in cls.tasks and (cls.real or "dimension" not in cls.reads)

    @classmethod
    def tokens(cls, choices: Mapping[str, Any]) -> int | None:
        """How many tokens samples are made of, int64 of 0 ... tokens - 1; None: they are numbers."""
        return None

    @classmethod
    def targets(cls, choices: Mapping[str, Any]) -> tuple[int, ...]:
        """The shape of what is to be said of a sample: (), one class, or (length,), one for each token."""
        return ()

    @classmethod
    def sample_keys(cls, choices: Mapping[str, Any]) -> frozenset[str]:
        """The choices that decide `samples`: of a dataset with its own test samples the seed only draws a subsample."""
        own = cls.reads - {"dimension", "scaling"}
        return own - {"data_seed"} if cls.own_test and cls.real and choices.get("n_samples") is None else own

    @classmethod
    def sample_values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        """The `sample_keys`, typed, with defaults filled in; raises ConfigError. Reads no data."""
        if not cls.serves_networks():
            fitting = [name for name in datasets.names() if datasets.get(name).serves_networks()]
            if CLASSIFICATION in cls.tasks:
                why = f"dimension is the width of a network, but of {cls.name} the number of features"
            else:
                why = f"networks need classes to predict, which {cls.name} does not have"
            raise ConfigError(f"{why}; these datasets serve networks: {', '.join(fitting)}")
        keys = cls.sample_keys(choices)
        asked = {key: value if key in keys else None for key, value in choices.items()}
        resolved = {
            "n_samples": values.whole(asked, "n_samples", None),
            "data_seed": values.whole(asked, "data_seed", 0, least=0),
        }
        resolved |= cls.values(asked, CLASSIFICATION)
        return {key: resolved.get(key, asked.get(key)) for key in sorted(keys)}

    @classmethod
    def sample_files(cls, choices: Mapping[str, Any]) -> list[Path]:
        """The files that `samples` reads; their content, not their path, is part of the problem's identity."""
        return cls.files(choices)

    @classmethod
    def sample_size(cls, choices: Mapping[str, Any]) -> tuple[int, tuple[int, ...], int]:
        """Training samples, shape of one, classes; a dataset that knows them without loading it says so."""
        cls.sample_values(choices)
        size = cls.size(choices, CLASSIFICATION)
        n = size.n_samples - drawing.n_held_out(size.n_samples, cls.name)
        return cls.n_training(choices, n), (size.n_features,), size.n_labels

    @classmethod
    def samples(cls, choices: Mapping[str, Any]) -> Samples:
        """Training and test samples, ready for a network; raises ConfigError for data that cannot be used.

        `n_samples` training samples of measured data are drawn as convex problems draw them; then both parts are
        standardised by what the training samples say (`lpbench.datasets.samples`). The last ones that were loaded in a
        process are remembered: the arrays are read-only.
        """
        chosen = cls.sample_values(choices)
        asked = {key: value if key in chosen else None for key, value in choices.items()}

        def load() -> Samples:
            n_samples = chosen.get("n_samples") if cls.real else None
            return finished(cls.name, cls.split(asked), n_samples, chosen.get("data_seed") or 0)

        return remembered((cls, *chosen.items()), cls.sample_files(asked), load)

    @classmethod
    def split(cls, choices: Mapping[str, Any]) -> Samples:
        """All training and test samples as they are read or drawn, of any dtype; raises ConfigError.

        `samples` standardises bytes by channel and float64 by feature, and takes float32 as it is.
        """
        chosen, data = cls.sample_values(choices), cls.load(choices, CLASSIFICATION)
        test = drawing.held_out(len(data.y), chosen.get("data_seed") or 0, cls.name)
        X = [data.X[rows] for rows in (~test, test)]
        train_X, test_X = (rows if isinstance(rows, np.ndarray) else rows.toarray() for rows in X)
        content = data.content if isinstance(data, FileData) else ()
        return Samples(train_X, data.y[~test], test_X, data.y[test], data.n_labels, content)

    @classmethod
    def n_training(cls, choices: Mapping[str, Any], n: int) -> int:
        """How many of `n` training samples are taken; raises ConfigError."""
        n_samples = cls.sample_values(choices).get("n_samples")
        return drawing.wanted_samples(n_samples, n, drawing.training_of(cls.name)) if cls.real else n
