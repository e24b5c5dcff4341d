"""Prices of arithmetic: the published ones, and that more bits never cost less."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpbench import formats
from lpbench.declared.energy import (
    DRAM,
    FULL,
    accumulator,
    addition,
    assumptions,
    columns,
    floating,
    integer,
    logarithm,
    multiplication,
    multiply_add,
    wider,
)

OPERANDS = st.one_of(
    st.integers(2, 32).map(integer),
    st.integers(1, 53).map(floating),
    st.tuples(st.integers(4, 16), st.integers(1, 12)).map(lambda two: logarithm(*two)),
)


@pytest.mark.parametrize(
    ("found", "published"),
    [
        (addition(integer(32)), 0.1),
        (multiplication(integer(8)), 0.2),
        (multiplication(integer(32)), 3.1),
        (addition(floating(11)), 0.4),
        (addition(floating(24)), 0.9),
        (multiplication(floating(11)), 1.1),
        (multiplication(floating(24)), 3.7),
        (DRAM * 64, 1300.0),
    ],
)
def test_the_table_is_the_published_one(found, published):
    assert found == pytest.approx(published, rel=1e-3)


def test_other_widths_by_hand():
    assert addition(integer(8)) == 0.025
    assert multiplication(integer(16)) == pytest.approx(0.0029948 * 256 + 0.0010417 * 16, rel=1e-4)
    assert multiplication(floating(4)) == pytest.approx(68 / 240)  # e4m3
    assert addition(floating(4)) == pytest.approx(17 / 130)
    assert multiplication(logarithm(8, 3)) == 0.025  # the sum of two exponents
    assert addition(logarithm(8, 3)) == addition(floating(4))


def test_the_wider_decides_and_of_two_kinds_a_float():
    assert wider(integer(4), integer(8)) == integer(8)
    assert multiplication(wider(FULL["float32"], integer(8))) == pytest.approx(3.7)
    assert multiplication(wider(floating(4), integer(8))) == multiplication(floating(8))
    assert wider(logarithm(8, 3), logarithm(6, 2)) == logarithm(8, 3)
    assert multiplication(wider(logarithm(8, 3), FULL["float64"])) == multiplication(floating(53))


def test_a_sum_has_32_bits_or_those_of_its_terms_or_those_that_were_asked_for():
    assert multiply_add(integer(8), integer(8)) == pytest.approx(0.2 + 0.1)
    assert accumulator(floating(4)) == floating(24)
    assert multiply_add(floating(4), floating(3)) == pytest.approx(68 / 240 + 0.9)
    assert multiply_add(floating(4), floating(3), floating(11)) == pytest.approx(68 / 240 + 0.4)
    assert accumulator(FULL["float64"]) == floating(53)
    assert multiply_add(logarithm(8, 3), logarithm(8, 3)) == pytest.approx(0.025 + 0.9)


def test_columns_have_bytes_and_nanojoules():
    assert columns(80.0, 500.0) == pytest.approx(
        {
            "bytes_per_step": 10.0,
            "energy_per_step": 0.5 + 80 * 0.0203,
            "arithmetic_energy_per_step": 0.5,
        }
    )


@given(OPERANDS, OPERANDS, st.integers(1, 8))
def test_more_bits_never_cost_less(a, b, more):
    larger = a._replace(bits=a.bits + more, significand=a.significand + more)
    for price in (
        addition,
        multiplication,
        lambda one: multiply_add(one, b),
        lambda one: multiply_add(b, one, a),
    ):
        assert 0 < price(a) <= price(larger)
    assert multiply_add(a, b) == multiply_add(b, a)
    assert multiply_add(b, b, a) <= multiply_add(b, b, larger)


def test_the_page_has_these_prices():
    page = (Path(__file__).parent.parent.parent / "docs" / "costs.md").read_text(encoding="utf-8")
    named = {"int4": integer(4), "int16": integer(16), "int32": integer(32), **FULL}
    named |= {f"`{name}`": formats.get(name).operand for name in formats.names()}
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if "|" in line
    ]
    found = {name: numbers for name, *numbers in rows if name in named and len(numbers) == 3}
    assert len(found) >= 10
    for name, numbers in found.items():
        one = named[name]
        prices = addition(one), multiplication(one), multiply_add(one, one)
        assert numbers == [f"{price:.3g}" for price in prices], name


@pytest.mark.parametrize("name", [f"{what}_per_{of}" for of in ("step", "run") for what in
                                  ("bytes", "energy", "arithmetic_energy")])  # fmt: skip
def test_every_cost_says_what_it_rests_on(name):
    said = " ".join(assumptions(name))
    assert ("Horowitz" in said) == ("energy" in name)
    assert ("20.3 pJ" in said) == name.startswith("energy")
    assert "docs/costs.md" in said
    assert assumptions("precision") == []
