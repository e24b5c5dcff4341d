"""Expressions: the arithmetic is Python's, the names are a closed list, and nothing else gets in."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpbench.declared.expressions import MAX_LENGTH, NAMES, parse
from lpbench.errors import ConfigError

VALUES = {"L": 2.0, "mu": 0.5, "N": 100.0, "d": 10.0, "delta": 2**-7, "w_max": 0.75, "alpha": 0.1, "L_f": 1.5}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.1/L", 0.05),
        ("4*w_max", 3.0),
        ("60*d/alpha", 6000.0),
        ("min(0.1/L, 0.02)", 0.02),
        ("max(1, d, 3)", 10.0),
        ("sqrt(N)", 10.0),
        ("2**-7", 2**-7),
        ("-(L - 3)", 1.0),
        ("2**3**2", 512.0),
        ("1/kappa", 0.25),
        ("1e-3", 1e-3),
        ("7", 7.0),
    ],
)
def test_values(text: str, number: float) -> None:
    assert parse(text).evaluate(VALUES) == number


def test_a_number_needs_no_names() -> None:
    assert parse(0.25).names == frozenset()
    assert parse(0.25).evaluate({}) == 0.25
    assert parse(" 3 ").text == "3"


@pytest.mark.parametrize("same", ["0.1 / L", "0.10/L", "(0.1)/L", "1e-1/L"])
def test_one_spelling(same: str) -> None:
    assert parse(same).text == parse("0.1/L").text == "0.1/L"


def test_brackets_that_matter_stay() -> None:
    assert parse("(1+2) / (L*mu)").text == "(1+2)/(L*mu)"
    assert parse("min( 2.0 , d )").text == "min(2,d)"


def test_names() -> None:
    assert parse("d*L/mu + L").names == {"d", "L", "mu"}


def test_kappa_may_be_given() -> None:
    assert parse("kappa").evaluate({"kappa": 7.0}) == 7.0
    with pytest.raises(ConfigError, match="kappa has no value"):
        parse("kappa").evaluate({"L": 1.0})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.1/l", "unknown name 'l'"),
        ("w_mx*2", "Did you mean 'w_max'"),
        ("sqr(d)", "Did you mean 'sqrt'"),
        ("sqrt(d, 2)", "one argument"),
        ("min()", "two or more"),
        ("d^2", r"a power is written \*\*"),
        ("", "not a number or an expression"),
        ("0.1/", "not a number or an expression"),
        ("__import__('os')", "unknown function '__import__'"),
        ("().__class__", "only numbers"),
        ("L.real", "only numbers"),
        ("[1][0]", "only numbers"),
        ("lambda: 1", "only numbers"),
        ("'a'*3", "only numbers"),
        ("True", "only numbers"),
        ("1j", "only numbers"),
        ("1 < 2", "only numbers"),
        ("d if L else N", "only numbers"),
        ("min(*d)", "two or more"),
        ("min(*d, 1)", "only numbers"),
        ("min(a=1)", "only numbers"),
        ("7//2", "only numbers"),
        ("1e999", "too large"),
        ("9" * 190 + "e200", "too large"),
        ("(" * 150 + ")" * 150, "at most"),
        ("1+" * (MAX_LENGTH // 2) + "1", "at most"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(text)


def test_deep_nesting_is_one_line() -> None:
    with pytest.raises(ConfigError):
        parse("(" * 99 + "1" + ")" * 98)
    assert parse("-" * 199 + "1").evaluate({}) == -1.0


@pytest.mark.parametrize(
    "text",
    ["1/(L-2)", "sqrt(-d)", "(0-1)**0.5", "10**400", "9**9**9**9", "0**-1", "1e308*10", "1e308*10-1e308*10"],
)
def test_not_finite(text: str) -> None:
    with pytest.raises(ConfigError, match="not a finite number"):
        parse(text).evaluate(VALUES)


def test_names_can_be_fewer() -> None:
    with pytest.raises(ConfigError, match="delta is not known here; this may use L, d"):
        parse("delta/4", ("L", "d"))


def test_a_missing_value_is_named() -> None:
    with pytest.raises(ConfigError, match=r"delta has no value here \(known: L\)"):
        parse("delta*L").evaluate({"L": 1.0})


_leaves = st.one_of(
    st.sampled_from(NAMES),
    st.integers(0, 99).map(str),
    st.floats(0.01, 99, allow_nan=False).map(lambda x: f"{x:.3g}"),
)
_texts = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        inner.map(lambda t: f"-{t}"),
    ),
    max_leaves=8,
)


@given(_texts.filter(lambda text: len(text) <= MAX_LENGTH))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_agrees_with_python(text: str) -> None:
    values = {**VALUES, "kappa": 4.0}
    expression = parse(text)
    try:
        expected = float(eval(text, {"__builtins__": {}}, {**values, "min": min, "max": max}))
    except ZeroDivisionError:
        with pytest.raises(ConfigError):
            expression.evaluate(values)
        return
    if math.isfinite(expected):
        assert expression.evaluate(values) == pytest.approx(expected, rel=1e-12, abs=1e-300)
    assert parse(expression.text) == parse(parse(expression.text).text)
    assert parse(expression.text).text == expression.text
