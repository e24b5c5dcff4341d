import numpy as np
import pytest

from lpbench.errors import ConfigError
from lpbench.problems.build import build
from lpbench.problems.solving.objective import Risk
from lpbench.registry import datasets, problems

BUILT = [
    {"problem": "least_squares", "dataset": "gaussian"},
    {"problem": "least_squares", "dataset": "gaussian", "dimension": 30, "n_samples": 20},
    {"problem": "least_squares", "dataset": "gaussian", "regularization": 0},
    {"problem": "least_squares", "dataset": "diabetes"},
    {"problem": "least_squares", "dataset": "diabetes", "dimension": 20, "scaling": "standard"},
    {"problem": "logistic_regression", "dataset": "gaussian", "regularization": 0.01},
    {"problem": "logistic_regression", "dataset": "breast_cancer"},
    {"problem": "logistic_regression", "dataset": "digits", "n_samples": 300},
    {"problem": "logistic_regression", "dataset": "digits", "n_samples": 200, "dimension": 32},
    {"problem": "squared_hinge", "dataset": "gaussian"},
    {"problem": "squared_hinge", "dataset": "breast_cancer", "scaling": "none"},
]


@pytest.mark.parametrize("choices", BUILT, ids=lambda c: "-".join(map(str, c.values())))
def test_built_problem_keeps_its_word(choices: dict) -> None:
    p = build(choices)
    kind = problems.get(choices["problem"])
    assert kind.shape(choices) == (p.n_samples, p.dimension, p.n_classes)
    assert p.X.shape == (p.n_samples, p.dimension)
    assert p.X.dtype == p.y.dtype == p.w_star.dtype == np.float64
    assert p.X.flags.c_contiguous
    assert p.w_star.shape == (p.dimension * p.n_classes,)
    risk = Risk(p.loss, p.X, p.y, p.n_classes, p.regularization)
    assert p.optimum_gradient_norm <= 1e-12
    assert np.linalg.norm(risk.gradient(p.w_star)) <= 1e-12
    assert p.f_star == risk.value_and_gradient(p.w_star)[0]
    rng = np.random.default_rng(0)
    for _ in range(5):  # f grows around w* at least as mu says and at most as L_f says
        v = rng.standard_normal(len(p.w_star))
        square = v @ v
        slope = (risk.gradient(p.w_star + 1e-3 * v) @ v) / 1e-3
        assert p.constants["mu"] * square * (1 - 1e-5) <= slope <= p.constants["L_f"] * square * (1 + 1e-5)
        finite = (
            risk.value_and_gradient(p.w_star + 1e-4 * v)[0] - risk.value_and_gradient(p.w_star - 1e-4 * v)[0]
        ) / 2e-4
        assert abs(finite) <= 1e-6 * max(1.0, p.constants["L_f"]) * square
    if p.loss == "softmax":
        assert set(p.y) == set(range(p.n_classes))
    elif p.loss != "squared":
        assert set(p.y) == {-1.0, 1.0}


@pytest.mark.parametrize("choices", [BUILT[0], BUILT[3], BUILT[6], BUILT[7], BUILT[9]])
def test_default_regularization_gives_condition_ten(choices: dict) -> None:
    p = build(choices)
    factor = {"squared": 1, "logistic": 1 / 4, "squared_hinge": 1, "softmax": 1 / 2}[p.loss]
    largest = max(row @ row for row in p.X)
    assert p.regularization == pytest.approx(factor * largest / 9, rel=1e-12)
    assert p.constants["L"] / p.regularization == pytest.approx(10, rel=1e-12)
    assert p.constants["L"] / p.constants["mu"] <= 10 * (1 + 1e-12)


def test_real_data_by_default_has_largest_row_norm_one_and_a_constant_column() -> None:
    for choices in (BUILT[3], BUILT[6], BUILT[7], BUILT[8]):
        X = build(choices).X
        assert np.linalg.norm(X, axis=1).max() == pytest.approx(1.0, rel=1e-15)
        assert np.ptp(X[:, -1]) == 0.0
        assert X[0, -1] > 0.0


def test_dimension_of_real_data_is_the_number_of_columns() -> None:
    assert build(BUILT[6]).dimension == 31
    assert build(BUILT[8]).dimension == 32
    assert build(BUILT[10]).dimension == 30


def test_subsample_is_drawn_from_data_seed() -> None:
    base = {"problem": "least_squares", "dataset": "diabetes", "n_samples": 50}
    first, again, other = (
        problems.get("least_squares").build(base | {"data_seed": seed}) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.X, again.X)
    assert not np.array_equal(first.X, other.X)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            {"problem": "logistic_regression", "dataset": "diabetes"},
            "needs classes to predict, which diabetes does",
        ),
        (
            {"problem": "squared_hinge", "dataset": "diabetes"},
            "these datasets do: breast_cancer, cifar10, digits, file",
        ),
        ({"problem": "least_squares", "dataset": "digits"}, "these datasets do: diabetes, file, gaussian"),
        (
            {"problem": "squared_hinge", "dataset": "digits"},
            "squared_hinge needs two classes, but digits has 10",
        ),
        (
            {"problem": "least_squares", "dataset": "gausian"},
            "unknown dataset 'gausian'. Did you mean 'gaussian'?",
        ),
        (
            {"problem": "least_squares", "dataset": "gaussian", "dimension": 0},
            "dimension must be a whole number",
        ),
        (
            {"problem": "least_squares", "dataset": "gaussian", "n_samples": -3},
            "n_samples must be a whole number",
        ),
        ({"problem": "least_squares", "dataset": "gaussian", "noise": -1}, "noise must be"),
        (
            {"problem": "least_squares", "dataset": "gaussian", "regularization": -1},
            "regularization must be a finite number >= 0, got -1",
        ),
        (
            {"problem": "logistic_regression", "dataset": "gaussian", "regularization": 0},
            "regularization must be a finite number > 0, got 0",
        ),
        (
            {"problem": "squared_hinge", "dataset": "gaussian", "regularization": float("nan")},
            "regularization must be a finite number > 0, got nan",
        ),
        (
            {"problem": "squared_hinge", "dataset": "gaussian", "regularization": "big"},
            "regularization must be",
        ),
        ({"problem": "logistic_regression", "dataset": "digits", "scaling": "max"}, "unknown scaling 'max'"),
        (
            {"problem": "logistic_regression", "dataset": "digits", "dimension": 1},
            "dimension must be a whole number",
        ),
    ],
)
def test_bad_choices_are_refused_without_data(
    choices: dict, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in datasets.names():
        monkeypatch.setattr(datasets.get(name), "load", None)
    kind = problems.get(choices["problem"])
    for refuse in (kind.check, kind.shape):
        with pytest.raises(ConfigError) as error:
            refuse(choices)
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def test_noise_is_not_looked_at_for_labels() -> None:
    choices = {"problem": "logistic_regression", "dataset": "gaussian", "noise": -1}
    problems.get("logistic_regression").check(choices)


def test_zero_regularization_needs_a_nonsingular_matrix() -> None:
    wide = {"problem": "least_squares", "dataset": "gaussian", "regularization": 0, "n_samples": 10}
    with pytest.raises(ConfigError, match="regularization is 0, but X'X is singular"):
        build(wide)


def test_more_samples_than_there_are() -> None:
    choices = {"problem": "least_squares", "dataset": "diabetes", "n_samples": 443}
    for refuse in (problems.get("least_squares").shape, build):
        with pytest.raises(ConfigError, match="n_samples must be at most 442, the data's own, got 443"):
            refuse(choices)


def test_a_subsample_of_one_class_is_refused() -> None:
    choices = {"problem": "logistic_regression", "dataset": "breast_cancer", "n_samples": 1}
    with pytest.raises(ConfigError, match="all of one class"):
        build(choices)


def test_every_problem_and_dataset_describes_itself() -> None:
    for registry in (problems, datasets):
        for name in registry.names():
            thing = registry.get(name)
            assert thing.name == name
            assert isinstance(thing.version, int)
            assert isinstance(thing.reads, frozenset)
            assert len(thing.__doc__.splitlines()[0]) > 20
