"""Layers and where their numbers lie."""

import itertools

import nets
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpbench.networks.architecture import Layer, cnn, image_of, layout, lenet, mlp
from lpbench.networks.assembly import Batches, bordered, corrections, step_sizes

SHAPES = {
    "mlp": (mlp((5,), 3, 4, 2), [(5, 4), (4, 4), (4, 3)]),
    "mlp of images": (mlp((2, 3, 1), 3, 4, 1), [(6, 4), (4, 3)]),
    "cnn of signals": (cnn((40, 1), 10, 25), [(5, 25), (75, 25), (75, 25), (125, 10)]),
    "cnn of images": (cnn((8, 8, 3), 10, 7), [(75, 7), (63, 7), (63, 7), (7, 10)]),
    "least cnn": (cnn((6, 1), 2, 3), [(5, 3), (9, 3), (9, 3), (3, 2)]),
    "lenet": (lenet((28, 28, 1), 10), [(25, 6), (150, 16), (400, 120), (120, 84), (84, 10)]),
    "lenet of colours": (lenet((32, 32, 3), 10), [(75, 6), (150, 16), (400, 120), (120, 84), (84, 10)]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name):
    net, shapes = SHAPES[name]
    assert [layer.shape for layer in net] == shapes
    for one, below in itertools.pairwise(net):
        assert below.inputs == one.image
    assert sum(layer.weights for layer in net) == sum((rows + 1) * columns for rows, columns in shapes)


def test_mnist1d_has_the_5_2_thousand_weights_of_its_convolutional_network():
    assert sum(layer.weights for layer in cnn((40, 1), 10, 25)) == 5210


def test_samples_as_images():
    assert [image_of(shape) for shape in ((5,), (5, 2), (5, 4, 2))] == [(1, 1, 5), (1, 5, 2), (5, 4, 2)]


@pytest.mark.parametrize("name", nets.NETS)
def test_place_and_take_are_inverse(name):
    _, net = nets.NETS[name]
    lay, random = layout(net, 2), np.random.default_rng(0)
    vector = np.full(lay.parameters, np.nan)
    given = [(random.standard_normal(layer.shape), random.standard_normal(layer.outputs)) for layer in net]
    vector[:] = 0
    for i, (matrix, bias) in enumerate(given):
        lay.place(matrix, bias, i, vector)
    for i, (matrix, bias) in enumerate(given):
        found = lay.take(i, vector)
        assert np.array_equal(found[0], matrix)
        assert np.array_equal(found[1], bias)
    assert np.count_nonzero(vector) == sum(layer.weights for layer in net)
    ends = lay.tensors[:, 0] + lay.tensors[:, 1] * lay.tensors[:, 2]
    assert np.array_equal(lay.tensors[1:, 0], ends[:-1])
    assert ends[-1] == lay.parameters


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2),
)
def test_windows_lie_where_they_are(height, width, tall, wide, stride, padding):
    if tall > height + 2 * padding or wide > width + 2 * padding:
        return
    layer = Layer("one", (height, width, 2), 3, (tall, wide), (stride, 1), (padding, padding))
    images = np.random.default_rng(0).standard_normal((2, height, width, 2))
    lay = layout([layer], 2)
    line, samples = lay.layers[0], bordered(images, layer, np.float64)
    flat, whole = samples.ravel(), np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    rows, columns = layer.positions
    assert rows == len(range(0, height + 2 * padding - tall + 1, stride))
    for i in range(2):
        for r in range(rows):
            for c in range(columns):
                begin = lay.offsets[line[3] + (i * rows + r) * columns + c]
                found = [flat[begin + k * line[6] : begin + k * line[6] + line[5]] for k in range(line[4])]
                window = whole[i, r * stride : r * stride + tall, c : c + wide]
                assert np.array_equal(np.concatenate(found), window.ravel())


def test_batches_are_a_function_of_seed_and_step():
    one = Batches(7, 10, 3, "shuffled")
    whole = one.order(0, 9)
    for epoch in whole.reshape(3, 9):
        assert np.unique(epoch).size == 9  # the incomplete batch is left out
    assert len({tuple(sorted(epoch)) for epoch in whole.reshape(3, 9)}) > 1
    for begin in range(9):
        for end in range(begin + 1, 10):
            assert np.array_equal(one.order(begin, end), whole[begin:end])
    other = Batches(7, 10, 3, "replacement").order(0, 200)
    assert other.shape == (200, 3)
    assert set(other.ravel().tolist()) == set(range(10))
    assert not np.array_equal(Batches(8, 10, 3, "shuffled").order(0, 3), whole[:3])


def test_step_sizes():
    assert step_sizes("constant", 0.5, 3, 0).tolist() == [0.5] * 3
    assert step_sizes("steps", 1.0, 8, 0).tolist() == [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]
    assert np.allclose(step_sizes("cosine", 1.0, 4, 0), [1, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5], rtol=1e-15)
    assert step_sizes("constant", 1.0, 4, 2).tolist() == [0.5, 1, 1, 1]
    assert step_sizes("constant", 1.0, 2, 8).tolist() == [0.125, 0.25]


def test_corrections_of_moments():
    assert np.allclose(corrections(0.9, 3), [0.1, 0.19, 0.271], rtol=1e-14)
    assert corrections(0.0, 2).tolist() == [1, 1]
