import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import lpbench.problems.build as module
from lpbench.errors import ConfigError
from lpbench.problems import identity
from lpbench.problems.build import build
from lpbench.problems.identity import keys_read, problem_key
from lpbench.registry import datasets, problems

LS = {"problem": "least_squares", "dataset": "gaussian", "dimension": 6, "n_samples": 40, "data_seed": 0}


def test_defaults_and_number_types_do_not_matter() -> None:
    plain = {"problem": "least_squares", "dataset": "gaussian"}
    spelt = plain | {"dimension": 64, "n_samples": 1000, "noise": 0.3, "data_seed": 0, "regularization": None}
    assert problem_key(plain) == problem_key(spelt) == problem_key({"problem": "least_squares"})
    assert problem_key(plain | {"dimension": 8.0}) == problem_key(plain | {"dimension": 8})
    assert len(problem_key(plain)) == 20


@pytest.mark.parametrize(
    "change",
    [
        {"dimension": 7},
        {"n_samples": 41},
        {"data_seed": 1},
        {"noise": 0.1},
        {"regularization": 0.5},
        {"problem": "squared_hinge"},
        {"dataset": "diabetes", "dimension": None, "n_samples": None},
    ],
)
def test_what_is_read_matters(change: dict) -> None:
    assert problem_key(LS | change) != problem_key(LS)


@pytest.mark.parametrize(
    "change", [{"k": 4}, {"scaling": "none"}, {"seed": 3}, {"precision": 8}, {"path": "x"}]
)
def test_what_is_not_read_does_not(change: dict) -> None:
    assert problem_key(LS | change) == problem_key(LS)


def test_noise_and_seed_count_only_where_they_act() -> None:
    labels = LS | {"problem": "logistic_regression"}
    assert "noise" in keys_read(LS)
    assert "noise" not in keys_read(labels)
    assert problem_key(labels | {"noise": 1.0}) == problem_key(labels)
    digits = {"problem": "logistic_regression", "dataset": "digits"}
    assert problem_key(digits | {"data_seed": 1}) == problem_key(digits)
    assert problem_key(digits | {"data_seed": 1, "dimension": 9}) != problem_key(digits | {"dimension": 9})
    assert problem_key(digits | {"scaling": "none"}) != problem_key(digits)
    assert keys_read(digits) <= problems.get("logistic_regression").reads | datasets.get("digits").reads
    assert keys_read({"problem": "family_q"}) == {"dimension", "noise", "noise_kind", "data_seed"}


def test_versions_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    before = problem_key(LS)
    for thing in (problems.get("least_squares"), datasets.get("gaussian")):
        with monkeypatch.context() as patch:
            patch.setattr(identity, "_keys", {})
            patch.setattr(thing, "version", thing.version + 1)
            assert problem_key(LS) != before


def test_bad_choices_raise_every_time() -> None:
    for bad in ({"dimension": 0}, {"dimension": [1]}):
        for _ in range(2):
            with pytest.raises(ConfigError, match="dimension must be"):
                problem_key(LS | bad)


def test_cheap_enough_for_a_large_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    known = problem_key(LS)
    monkeypatch.setattr(identity, "_described", lambda _: pytest.fail("described again"))
    assert all(problem_key(dict(LS)) == known for _ in range(3))


def test_threads_build_a_problem_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = problems.get("least_squares")
    calls = []
    original = kind.build

    def slow(choices):
        calls.append(problem_key(choices))
        time.sleep(0.05)
        return original(choices)

    monkeypatch.setattr(kind, "build", slow)
    wanted = [LS | {"data_seed": 100 + i % 2} for i in range(8)]
    gate = threading.Barrier(8)

    def ask(choices):
        gate.wait(timeout=60)
        return build(choices)

    with ThreadPoolExecutor(8) as pool:
        built = list(pool.map(ask, wanted))
    assert sorted(calls) == sorted(map(problem_key, wanted[:2]))
    assert len({id(problem) for problem in built}) == 2


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_built", type(module._built)())
    monkeypatch.setattr(module, "MAX_BYTES", 5000)  # two problems of about 2.3 kB
    first = build(LS)
    assert build(LS) is first
    for seed in (1, 2):
        build(LS | {"data_seed": seed})
    assert len(module._built) == 2
    assert build(LS) is not first
    monkeypatch.setattr(module, "MAX_BYTES", 1)
    assert build(LS | {"data_seed": 9}) is build(LS | {"data_seed": 9})


def test_users_own_problem_needs_no_base_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own:
        name, version, reads = "own", 1, frozenset({"dimension"})

    monkeypatch.setitem(problems._things, "own", Own)
    own = {"problem": "own", "dimension": 3}
    assert problem_key(own) == problem_key(own | {"noise": 1})
    assert problem_key(own) != problem_key(own | {"dimension": 4})


def test_same_seed_same_bits() -> None:
    first, again = (problems.get("least_squares").build(LS) for _ in range(2))
    assert first.key == again.key == problem_key(LS)
    for name in ("X", "y", "w_star"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
