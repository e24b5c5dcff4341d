"""Regularised empirical risks: what least squares, logistic regression and the squared hinge share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from lpbench.arithmetic.arrays import Rows
from lpbench.datasets import values
from lpbench.datasets.base import CLASSIFICATION, REGRESSION, FileData
from lpbench.datasets.drawing import subsampled, wanted_samples
from lpbench.errors import ConfigError
from lpbench.problems import features
from lpbench.problems.base import Problem, Shape
from lpbench.problems.identity import problem_key
from lpbench.problems.solving import cache
from lpbench.problems.solving.objective import Risk
from lpbench.problems.solving.optimum import solve
from lpbench.registry import datasets
from lpbench.theory import constants
from lpbench.theory.moments import Moments, moments

CONDITION = 10.0  # the default regularization gives a condition number of at most this


class EmpiricalRisk:
    """Base of the problems that are a loss over a dataset; used as classes, never instantiated.

    task      what the labels must be: `regression` or `classification`.
    binary    whether only two classes fit.
    zero_regularization   whether regularization may be 0 (it then takes a nonsingular X'X).
    """

    name: ClassVar[str]
    version: ClassVar[int] = 2
    reads: ClassVar[frozenset[str]] = frozenset({"dataset", "regularization"})
    task: ClassVar[str] = CLASSIFICATION
    binary: ClassVar[bool] = False
    zero_regularization: ClassVar[bool] = False

    @classmethod
    def loss(cls, n_labels: int) -> str:
        """The loss for data with `n_labels` classes (0: regression)."""
        raise NotImplementedError

    @classmethod
    def keys(cls, choices: Mapping[str, Any]) -> frozenset[str]:
        """The choices that decide the problem with the chosen dataset."""
        return cls.reads | cls._dataset(choices).keys(choices, cls.task)

    @classmethod
    def files(cls, choices: Mapping[str, Any]) -> list[Any]:
        """The data files that decide the problem."""
        return cls._dataset(choices).files(choices)

    @classmethod
    def versions(cls, choices: Mapping[str, Any]) -> dict[str, int]:
        """Versions of what computes the problem."""
        return {"problem": cls.version, "dataset": cls._dataset(choices).version}

    @classmethod
    def values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        """The choices that decide the problem, typed, with defaults filled in; reads no data.

        Raises ConfigError for a value out of range and for a dataset that does not fit the problem.
        """
        dataset = cls._dataset(choices)
        if cls.task not in dataset.tasks:
            fitting = [name for name in datasets.names() if cls.task in datasets.get(name).tasks]
            needed = "a number to predict" if cls.task == REGRESSION else "classes to predict"
            raise ConfigError(
                f"{cls.name} needs {needed}, which {dataset.name} does not have;"
                f" these datasets do: {', '.join(fitting)}"
            )
        cls._check_labels(dataset.name, dataset.n_labels)
        resolved: dict[str, Any] = {"dataset": dataset.name}
        if dataset.real:
            resolved["scaling"] = values.one_of(choices, "scaling", features.SCALINGS, "max_norm")
            least = 1 if resolved["scaling"] == "none" else 2
            resolved["dimension"] = values.whole(choices, "dimension", None, least=least)
            resolved["n_samples"] = values.whole(choices, "n_samples", None)
            resolved["data_seed"] = values.whole(choices, "data_seed", 0, least=0)
        resolved |= dataset.values(choices, cls.task)
        positive = not cls.zero_regularization
        resolved["regularization"] = values.real(choices, "regularization", None, positive=positive)
        return resolved

    @classmethod
    def check(cls, choices: Mapping[str, Any]) -> None:
        """Raise ConfigError for choices that cannot be run; reads no data."""
        cls.values(choices)

    @classmethod
    def shape(cls, choices: Mapping[str, Any]) -> Shape:
        """Sizes of the problem; reads no more of the data than they need. Raises ConfigError."""
        resolved = cls.values(choices)
        dataset = cls._dataset(choices)
        size = dataset.size(choices, cls.task)
        n_classes = _n_classes(cls.loss(size.n_labels), size.n_labels)
        if not dataset.real:
            return Shape(size.n_samples, size.n_features, n_classes)
        cls._check_labels(dataset.name, size.n_labels or None)
        n = wanted_samples(resolved["n_samples"], size.n_samples)
        d = features.n_columns(size.n_features, resolved["scaling"], resolved["dimension"])
        return Shape(n, d, n_classes)

    @classmethod
    def memory(cls, choices: Mapping[str, Any]) -> float:
        """Bytes of memory while the problem is built: the data, and copies of it where it is scaled."""
        shape, dataset = cls.shape(choices), cls._dataset(choices)
        whole = 8.0 * shape.n_samples * shape.dimension
        if not dataset.real:
            return whole
        if not dataset.files(choices):
            return 3.0 * whole
        X = dataset.load(choices, cls.task).X
        if isinstance(X, np.ndarray):
            return X.nbytes + 2.0 * whole
        raw = float(X.data.nbytes + X.indices.nbytes + X.indptr.nbytes)
        return raw + 2.0 * (raw if choices.get("dimension") is None else whole)

    @classmethod
    def remarks(cls, choices: Mapping[str, Any]) -> list[str]:
        """What should be known of the user's own data before a run, a line each; reads the data."""
        resolved = cls.values(choices)
        data = cls._dataset(choices).load(choices, cls.task)
        if not isinstance(data, FileData):
            return []
        found = list(data.remarks)
        if data.columns and resolved["scaling"] != "none":
            X, _ = subsampled(data.X, data.y, resolved["n_samples"], resolved["data_seed"])
            found += features.remarks(X, data.columns)
        return [f"{cls.files(choices)[0]}: {line}" for line in found]

    @classmethod
    def build(cls, choices: Mapping[str, Any], anew: bool = False) -> Problem:
        """Load the data, solve for the optimum (or take it from the disk cache) and compute the constants.

        anew   solve, whatever the disk cache holds.
        Raises ConfigError for data that cannot be used.
        """
        X, y, n_labels, content = cls._prepared(choices)
        key = problem_key(choices, content)
        loss = cls.loss(n_labels)
        n_classes = _n_classes(loss, n_labels)
        regularization = cls.values(choices)["regularization"]
        if regularization is None:
            regularization = default_regularization(loss, features.squared_norms(X))
        risk = Risk(loss, X, y, n_classes, regularization)
        solved = None if anew else cache.load(key, risk)
        if solved is None:
            solved = _solve(risk)
            cache.save(key, solved)
        return Problem(
            key=key,
            loss=loss,
            X=X,
            y=y,
            n_classes=n_classes,
            regularization=regularization,
            w_star=solved.w_star,
            f_star=solved.f_star,
            optimum_gradient_norm=solved.gradient_norm,
            constants=solved.constants.values,
            constant_kinds=solved.constants.kinds,
            n_samples=X.shape[0],
            dimension=X.shape[1],
        )

    @classmethod
    def _dataset(cls, choices: Mapping[str, Any]) -> Any:
        name = choices.get("dataset")
        return datasets.get("gaussian" if name is None else name)

    @classmethod
    def _check_labels(cls, dataset: str, n_labels: int | None) -> None:
        if cls.binary and n_labels is not None and n_labels != 2:
            raise ConfigError(
                f"{cls.name} needs two classes, but {dataset} has {n_labels}; logistic_regression takes"
                " any number"
            )

    @classmethod
    def _prepared(cls, choices: Mapping[str, Any]) -> tuple[Rows, np.ndarray, int, tuple[str, ...]]:
        """X and y as the loss takes them, the number of labels, and what the files held that they came from."""
        resolved = cls.values(choices)
        dataset = cls._dataset(choices)
        data = dataset.load(choices, cls.task)
        cls._check_labels(dataset.name, data.n_labels or None)
        X, y = data.X, data.y
        if dataset.real:
            X, y = subsampled(data.X, data.y, resolved["n_samples"], resolved["data_seed"])
            X = features.transform(X, resolved["scaling"], resolved["dimension"], resolved["data_seed"])
            if data.kind == REGRESSION:
                raw = resolved["scaling"] == "none"
                y = features.in_range(y, "the target") if raw else features.standardised_target(y)
        if data.n_labels == 2:
            y = 2.0 * y - 1.0
            if y.min() == y.max():
                raise ConfigError(
                    f"the {len(y)} samples taken from {dataset.name} are all of one class; take more, or"
                    " another data_seed"
                )
        return X, y, data.n_labels, data.content if isinstance(data, FileData) else ()


def default_regularization(loss: str, r2_squared: np.ndarray) -> float:
    """c max_i ||x_i||^2 / 9: then L = c max_i ||x_i||^2 + lambda is ten times lambda."""
    largest = float(r2_squared.max())
    if largest == 0.0:
        raise ConfigError("every feature of every sample is 0: there is nothing to fit")
    return constants.CURVATURE[loss] * largest / (CONDITION - 1.0)


def _solve(risk: Risk) -> cache.Solved:
    X_moments: Moments = moments(risk.X)
    if risk.regularization == 0.0 and not X_moments.smallest > 0.0:
        shown = "is singular" if X_moments.exact else "cannot be shown nonsingular at this size"
        raise ConfigError(f"regularization is 0, but X'X {shown}; give a positive regularization")
    w_star, _ = solve(risk, X_moments.gram)
    found = constants.empirical(
        risk.X, risk.y, risk.loss, w_star, risk.regularization, X_moments, risk.n_classes
    )
    return cache.Solved(w_star, *risk.value_and_gradient_norm(w_star), found)


def _n_classes(loss: str, n_labels: int) -> int:
    return n_labels if loss == "softmax" else 1
