import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpbench.store.arrays import flat, from_numpy, from_texts, from_values, plain_columns, to_numpy

VALUES = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(),
}


@pytest.mark.parametrize("kind", VALUES, ids=str)
@settings(deadline=None)
@given(data=st.data())
def test_they_are_what_pyarrow_makes_of_the_same_values(kind, data):
    values = data.draw(st.lists(st.none() | VALUES[kind], max_size=20))
    made, expected = from_values(values, kind), pa.array(values, kind)
    made.validate(full=True)
    assert made.type == expected.type
    assert made.null_count == expected.null_count
    assert repr(made.to_pylist()) == repr(expected.to_pylist())


@pytest.mark.parametrize(
    ("values", "kind"),
    [([8.5], pa.int64()), ([True], pa.int64()), ([1], pa.bool_()), (["1"], pa.float64()), ([1], pa.string())],
)
def test_a_value_of_another_kind_is_refused(values, kind):
    with pytest.raises(TypeError):
        from_values(values, kind)


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(OverflowError):
        from_values([2**63], pa.int64())


def test_numpy_arrays_with_and_without_nulls():
    values = np.array([1.5, 2.5, 3.5])
    assert from_numpy(values).to_pylist() == [1.5, 2.5, 3.5]
    assert from_numpy(values[::2]).to_pylist() == [1.5, 3.5]
    assert from_numpy(values, np.array([True, False, True])).to_pylist() == [1.5, None, 3.5]
    assert from_numpy(np.array([True, False] * 5)).to_pylist() == [True, False] * 5
    assert from_texts([]).to_pylist() == []


@given(st.lists(st.none() | st.floats(allow_nan=False)), st.integers(0, 9))
def test_back_to_numpy(values, start):
    array = pa.array(values, pa.float64())[start:]
    expected = array.to_numpy(zero_copy_only=False)
    assert np.array_equal(to_numpy(array), expected, equal_nan=True)


def test_whole_numbers_stay_whole_unless_some_are_missing():
    assert to_numpy(pa.array([1, 2**62 + 1])).tolist() == [1, 2**62 + 1]
    assert np.isnan(to_numpy(pa.array([1, None]))[1])


@pytest.mark.parametrize("kind", VALUES, ids=str)
@settings(deadline=None)
@given(data=st.data())
def test_plain_columns_are_the_values(kind, data):
    pieces = data.draw(st.lists(st.lists(st.none() | VALUES[kind], max_size=5), max_size=4))
    table = pa.table({"a": pa.chunked_array([pa.array(piece, kind) for piece in pieces], kind)})
    values = [value for piece in pieces for value in piece]
    found = plain_columns(table)["a"]
    assert [str(value).lstrip("-") for value in found] == [str(value).lstrip("-") for value in values]
    assert str(flat(table["a"]).to_pylist()) == str(values)


def test_equal_values_are_one_object():
    found = plain_columns(pa.table({"a": ["least_squares", "x", "least_squares"]}))["a"]
    first, _, last = found
    assert first is last
