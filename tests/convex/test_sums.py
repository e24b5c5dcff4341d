"""Margins in an accumulator against sums term by term, rounded by `lpbench.quantize`, in pure Python."""

import numpy as np
import pytest
import scipy.sparse

import lpbench
from lpbench.arithmetic import rounding
from lpbench.arithmetic.generator import random_bits, step_words
from lpbench.choices.cell import make_cell
from lpbench.choices.grid import single
from lpbench.convex.rows import Dense, Sparse
from lpbench.convex.sums import Accumulator, margin
from lpbench.errors import ConfigError
from lpbench.formats import Fixed, Float

KEY, SCALE = np.uint32(99), 0.25
FORMS = {"float": Float(5, 3), "fixed": Fixed(6, 0.125)}


def data():
    random = np.random.default_rng(0)
    X = random.standard_normal((4, 11))
    X[random.random(X.shape) < 0.3] = 0.0
    return X, random.integers(-8, 9, 11).astype(float)


def rows(X, sparse):
    y = np.zeros(len(X))
    if not sparse:
        return Dense(X, y)
    whole = scipy.sparse.csr_array(X)
    return Sparse(whole.indptr.astype(np.int64), whole.indices.astype(np.int64), whole.data, y)


def expected(terms, form, mode, chunk, t, first):
    total = 0.0
    for k, term in enumerate(terms):
        total += term
        if (k + 1) % chunk == 0 or k + 1 == len(terms):
            bits = int(random_bits(*step_words(KEY, t), first + k))
            drawn = np.array(bits / 2.0**32) if mode == "stochastic" else None
            total = float(lpbench.quantize(np.array(total), form, mode, drawn))
    return total


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(
    ("mode", "chunk"), [("nearest_even", 1), ("stochastic", 1), ("stochastic", 4), ("up", 3)]
)
def test_a_margin_is_summed_term_by_term(sparse, name, mode, chunk):
    X, w = data()
    form = FORMS[name]
    sums = Accumulator(
        form.kernel(np.float64), rounding.make(mode, np.float64), np.float64(form.scale), np.int64(chunk), KEY
    )
    for i, t, which in ((0, 0, 0), (1, 5, 0), (3, 5, 2)):
        terms = X[i] * (SCALE * w)
        terms = terms[X[i] != 0] if sparse else terms
        with np.errstate(over="ignore"):
            found = margin(sums, rows(X, sparse), i, w, SCALE, t, which)
            assert found == expected(terms.tolist(), form, mode, chunk, t, which * w.size)


@pytest.mark.parametrize("sparse", [False, True])
def test_without_an_accumulator_it_is_the_product(sparse):
    X, w = data()
    assert margin(None, rows(X, sparse), 2, w, SCALE, 0, 0) == pytest.approx(SCALE * (X[2] @ w), rel=1e-14)


def test_many_bits_change_nothing_and_few_do():
    common = {"dimension": 8, "n_samples": 40, "steps": 50, "seed": 1}
    plain, many, few = (
        lpbench.run(**common, **more)["final_gap"]
        for more in (
            {},
            {"sum_format": "float(precision=29,exponent_bits=5)"},
            {"sum_format": "float(precision=8,exponent_bits=5)"},
        )
    )
    assert many == pytest.approx(plain, rel=1e-5)
    assert few != plain


@pytest.mark.parametrize(
    ("choices", "kept"),
    [
        ({"sum_format": "bf16"}, ("bf16", 1, "nearest_even")),
        ({"sum_format": "bf16(rounding=stochastic)", "sum_chunk": 8}, ("bf16", 8, "stochastic")),
        ({"sum_format": "bf16", "sum_rounding": "up"}, ("bf16", 1, "up")),
        ({"sum_format": "none", "sum_chunk": 8}, (None, None, None)),
        ({"sum_chunk": 8, "sum_rounding": "up"}, (None, None, None)),
        ({"sum_format": "bf16", "algorithm": "sgd"}, (None, None, None)),
        ({"sum_format": "bf16", "problem": "family_q"}, (None, None, None)),
    ],
)
@pytest.mark.parametrize("problem", ["least_squares", "mlp"])
def test_a_choice_has_one_form(choices, kept, problem):
    if problem == "mlp" and choices.get("problem") is not None:
        pytest.skip("families have no networks")
    on = {"problem": problem, "dataset": "teacher"} if problem == "mlp" else {}
    cell = make_cell(single({**on, **choices}))
    assert tuple(cell.choices[key] for key in ("sum_format", "sum_chunk", "sum_rounding")) == kept


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"sum_format": "block"}, "sum_format=block: its numbers share a scale, and a sum is one number"),
        ({"sum_format": "bf17"}, "sum_format: unknown format 'bf17'. Did you mean 'bf16'?"),
        ({"sum_format": "bf16(rounding=up)", "sum_rounding": "down"}, "sum_rounding=down: sum_format=bf16"),
        ({"sum_format": "bf16", "sum_chunk": 0}, "sum_chunk must be"),
        ({"sum_format": "bf16", "problem": "lstm"}, "sum_format: the engine torch sums as torch does"),
    ],
)
def test_what_cannot_be_is_one_line(choices, said):
    with pytest.raises(ConfigError, match=said.replace("(", r"\(").replace("?", r"\?")):
        make_cell(single(choices))


def test_nothing_is_proven_of_it():
    common = {"problem": "family_s", "dimension": 8, "steps": 50}
    assert lpbench.run(**common)["bound"] is not None
    assert lpbench.run(**common, sum_format="bf16")["bound"] is None
