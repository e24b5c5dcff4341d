"""Containers keep their kind, and all that is in them is found."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from lpbench.networks.modules.nested import leaves, mapped
from lpbench.networks.modules.operations import Tape
from lpbench.networks.modules.pairs import Pair
from lpbench.networks.modules.quantizing import attach
from lpbench.networks.roles import Recipe, Spec


class Named(NamedTuple):
    one: object
    other: object


@dataclass(frozen=True)
class Held:
    part: object


WHOLE = [1, (2, Named(3, {"a": 4, "b": [5]})), OrderedDict(c=Held(6)), torch.Size([7, 8])]


def test_each_leaf_is_changed_where_it_is():
    found = mapped(lambda x: 10 * x, WHOLE)
    assert found == [10, (20, Named(30, {"a": 40, "b": [50]})), OrderedDict(c=Held(60)), torch.Size([70, 80])]
    kinds = [type(one) for one in (found[1], found[1][1], found[2], found[2]["c"], found[3])]
    assert kinds == [tuple, Named, OrderedDict, Held, torch.Size]
    assert WHOLE[2]["c"] == Held(6)  # what was given stays


def test_leaves_come_in_their_order():
    assert list(leaves(WHOLE)) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert list(leaves(Held)) == [Held]  # a class holds nothing
    assert list(leaves(())) == []


class Told(nn.Linear):
    """A layer that gives more than a tensor."""

    def forward(self, x):
        return Held(super().forward(x))


def test_errors_of_a_layer_are_deltas_whatever_holds_its_output():
    choices = {"compute_dtype": "float64", "precision": 3, "format": "block", "algorithm": "bc_svrg"}
    choices |= {"block_size": 4, "rounding": "nearest_even"}
    specs = {
        role: Spec("none") for role in ("weights", "activations", "gradients", "momentum", "master", "sums")
    }
    layer = Told(4, 4, bias=False).double()
    attach(layer, Recipe({**specs, "errors": Spec("same")}, choices, frozenset()), 7, "none", 1.0)
    X, x = torch.randn(4, 4).double(), torch.randn(4, 4).double().requires_grad_()
    y = layer(Pair(X, x, Tape())).part
    g = torch.randn(4, 4).double()
    (found,) = torch.autograd.grad(y.delta, x, g)
    rounded = torch.linalg.solve(layer.weight.detach().T, found.T).T
    assert not torch.allclose(rounded, g, rtol=1e-3)
    assert torch.allclose(rounded, g, atol=float(g.abs().max()) / 3)
