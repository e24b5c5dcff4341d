"""Operands of products in modules: against sums written out term by term, by kernels and by tensor operations."""

import copy
import itertools
import pickle

import models
import numpy as np
import pytest
import torch
from models import drawn, weights
from torch import nn

import lpbench
from lpbench import networks
from lpbench.arithmetic.generator import ROUNDING, stream
from lpbench.cells.networks import recipe_of
from lpbench.choices.cell import make_cell
from lpbench.choices.grid import single
from lpbench.errors import ConfigError
from lpbench.formats import Block
from lpbench.networks.modules import sizes
from lpbench.networks.modules.products import _Shape
from lpbench.networks.modules.quantizing import quantized
from lpbench.networks.modules.uses import Use
from lpbench.networks.net import ROLE_COLUMN
from lpbench.networks.operands import NAMES
from lpbench.networks.watching import RATES
from lpbench.problems.resnet import ResNet

pytestmark = [
    pytest.mark.usefixtures("in_python"),
    pytest.mark.filterwarnings("ignore:overflow encountered"),
]
random = torch.Generator().manual_seed(5)


def normal(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=random, dtype=torch.float64).to(dtype)


# -- term by term -----------------------------------------------------------------------------------------------------


class Reference:
    """The three products of one layer, place 0, its operands rounded stochastically to blocks of 4; numpy, float64.

    window, stride, padding, groups   of a convolution; a linear layer has no axes of positions.
    """

    OPERANDS = 7

    def __init__(self, seed, stride=(), padding=(), groups=1, hadamard=None):
        self.key, self.form = stream(seed, ROUNDING), Block(6, 4)
        self.stride, self.padding, self.groups, self.hadamard = stride, padding, groups, hadamard

    def q(self, which, use, rows):
        bits = drawn(self.key, self.OPERANDS, which, use, 0, rows.size)
        return lpbench.quantize(rows, self.form, "stochastic", bits.reshape(rows.shape) / 2.0**32)

    def turned(self, product, use, x, axis):
        """x rotated along an axis, by a matrix: Hadamard's by the parity of the bits of i and j."""
        n, order = x.shape[axis], self.hadamard
        if order is None:
            return x
        signs, matrix = drawn(self.key, self.OPERANDS, 2**15 + 2 * product, use, 0, n) >> 31, np.eye(n)
        for start in range(0, n - n % order, order):
            for i, j in itertools.product(range(order), repeat=2):
                sign = (-1) ** ((i & j).bit_count() + int(signs[start + j]))
                matrix[start + i, start + j] = sign / np.sqrt(order)
        return np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)

    def forward(self, x, w, use):
        """y (N, outputs, *positions)."""
        x = self.bordered(x)
        n, dims, each = len(x), range(2, x.ndim), x.shape[1] // self.groups
        last = np.moveaxis(x, 1, -1)
        rows = self.turned(0, use, last.reshape(-1, each), 1)
        x = np.moveaxis(self.q(0, use, rows).reshape(last.shape), -1, 1)
        rows = self.turned(0, use, np.moveaxis(w, 1, -1), -1)
        w = np.moveaxis(self.q(1, use, rows.reshape(len(w), -1)).reshape(rows.shape), -1, 1)
        sides = [(x.shape[i] - w.shape[i]) // self.stride[i - 2] + 1 for i in dims]
        y = np.zeros((n, len(w), *sides))
        for out, its, window, of in self.terms(w, y):
            y[out] += (x[its] * w[(of, slice(None), *window)]).sum(-1)
        return y

    def bordered(self, x):
        return np.pad(x, ((0, 0), (0, 0), *((side, side) for side in self.padding)))

    def terms(self, w, y):
        """Of each output: its index, that of what it sums at a place of the window, this place, and the output."""
        outputs = len(w) // self.groups
        for o, *position in itertools.product(*(range(side) for side in y.shape[1:])):
            group = slice(o // outputs * w.shape[1], (o // outputs + 1) * w.shape[1])
            for window in itertools.product(*(range(side) for side in w.shape[2:])):
                at = [p * s + k for p, s, k in zip(position, self.stride, window, strict=True)]
                yield (slice(None), o, *position), (slice(None), group, *at), window, o

    def backward(self, x, w, e, use):
        """dx and dw."""
        x, inner, outputs = self.bordered(x), x.shape[2:], len(w) // self.groups
        last = np.moveaxis(e, 1, -1)
        rows = self.turned(1, use, last.reshape(-1, outputs), 1)
        back = np.moveaxis(self.q(2, use, rows).reshape(last.shape), -1, 1)
        parted = np.moveaxis(w.reshape(self.groups, outputs, *w.shape[1:]), (1, 2), (-1, -2))  # (g, *k, c, o)
        rows = self.turned(1, use, parted.reshape(-1, outputs), 1)
        factor = np.moveaxis(self.q(3, use, rows).reshape(parted.shape), (-1, -2), (1, 2)).reshape(w.shape)
        gathered = [self.turned(2, use, np.moveaxis(one, 1, 0), 1) for one in (x, e)]
        mine, other = (
            np.moveaxis(self.q(4 + i, use, one.reshape(len(one), -1)).reshape(one.shape), 0, 1)
            for i, one in enumerate(gathered)
        )
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for out, its, window, of in self.terms(w, e):
            dx[its] += back[out][:, None] * factor[(of, slice(None), *window)]
            dw[(of, slice(None), *window)] += (other[out][:, None] * mine[its]).sum(0)
        within = (slice(side, side + n) for side, n in zip(self.padding, inner, strict=True))
        return dx[(slice(None), slice(None), *within)], dw


CASES = {
    "linear": (lambda: nn.Linear(6, 5), (3, 6)),
    "linear on sequences": (lambda: nn.Linear(6, 5), (2, 3, 6)),
    "convolution of signals": (lambda: nn.Conv1d(5, 4, 3), (3, 5, 6)),
    "convolution of images": (lambda: nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 0)), (2, 3, 5, 4)),
    "groups": (lambda: nn.Conv1d(6, 4, 2, stride=2, padding=1, groups=2), (3, 6, 5)),
}


@pytest.mark.parametrize("hadamard", [None, 2])
@pytest.mark.parametrize("name", CASES)
def test_products_are_those_of_rounded_operands(name, hadamard):
    """Twice in a step: each use has random numbers of its own."""
    make, shape = CASES[name]
    torch.manual_seed(0)
    layer = make().double()
    is_linear = isinstance(layer, nn.Linear)
    how = {} if is_linear else {"stride": layer.stride, "padding": layer.padding, "groups": layer.groups}
    reference = Reference(3, hadamard=hadamard, **how)
    networks.quantize_(
        layer, "mxfp8", seed=3, format="block", precision=6, block_size=4, limit=1.0, rounding="stochastic",
        hadamard=hadamard,
    )  # fmt: skip
    w, b = (p.detach().numpy().copy() for p in layer.parameters())
    for use in (1, 2):
        x = normal(*shape).requires_grad_()
        layer.zero_grad()
        y = layer(x)
        e = normal(*y.shape)
        y.backward(e)
        flat, errors = x.detach().numpy(), e.numpy()
        if is_linear:
            flat, errors = flat.reshape(-1, 6), errors.reshape(-1, 5)
        wanted = reference.forward(flat, w, use) + b.reshape(-1, *(1,) * (flat.ndim - 2))
        dx, dw = reference.backward(flat, w, errors, use)
        beyond = [i for i in range(errors.ndim) if i != 1]
        for found, one in (
            (y.detach(), wanted.reshape(y.shape)), (x.grad, dx.reshape(shape)), (layer.weight.grad, dw),
            (layer.bias.grad, errors.sum(tuple(beyond))),
        ):  # fmt: skip
            assert np.allclose(found.numpy(), one, rtol=1e-12, atol=1e-14)


FINE = {"format": "block", "precision": 22, "block_size": 2, "limit": 64.0, "rounding": "nearest_even"}
LAYERS = {
    "one sample": (lambda: nn.Linear(6, 5), (6,)),
    "volumes": (lambda: nn.Conv3d(2, 4, 2, dilation=(1, 2, 1), groups=2), (2, 2, 3, 4, 3)),
    "around": (lambda: nn.Conv2d(3, 4, (2, 3), padding="same", padding_mode="circular"), (2, 3, 4, 5)),
    "same": (lambda: nn.Conv1d(3, 4, 3, padding="same", dilation=2, bias=False), (3, 6)),
    "valid": (lambda: nn.Conv1d(3, 4, 3, padding="valid"), (2, 3, 6)),
    "reflected": (lambda: nn.Conv1d(3, 4, 3, padding=1, padding_mode="reflect"), (2, 3, 6)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_operands_that_are_rounded_finely_give_torchs_products(name):
    make, shape = LAYERS[name]
    torch.manual_seed(0)
    plain = make().double()
    layer = networks.quantize_(copy.deepcopy(plain), "mxfp8", **FINE)
    x = normal(*shape)
    found = []
    for one in (plain, layer):
        given = x.clone().requires_grad_()
        y = one(given)
        (y * torch.arange(y.numel()).reshape(y.shape) / y.numel()).sum().backward()
        found.append([y.detach(), given.grad, *(p.grad for p in one.parameters())])
    for one, other in zip(*found, strict=True):
        assert one.shape == other.shape
        assert torch.allclose(one, other, rtol=0, atol=1e-4)
    assert not torch.equal(found[0][0], found[1][0])


# -- training ---------------------------------------------------------------------------------------------------------


class Small(nn.Module):
    """Convolutions, a norm, and a layer that is used twice."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.hidden = nn.Linear(4, 4)
        self.output = nn.Linear(4, 3)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x))).mean((2, 3))
        return self.output(torch.relu(self.hidden(torch.relu(self.hidden(x)))))


X, Y = normal(6, 2, 3, 3, dtype=torch.float32), torch.arange(6) % 3
# Few bits that differ everywhere, with scales of all kinds.
RECIPES = {
    "mxfp8": {"hadamard": 2},
    "nvfp4_2d": {"full_precision": None, "hadamard": 4},
    "int8_mixed": {},
    "mxfp6": {"format": "fixed", "scale_rule": None},  # a range from the first step
}


def made(recipe="mxfp8", kernels=True, model=None, kind=torch.optim.SGD, options=None, **choices):
    torch.manual_seed(0)
    model = networks.quantize_(model or Small(), recipe, seed=2, **choices)
    quantized(model).rounding.kernels = kernels
    return model, networks.optimizer(model, kind, **(options or {"lr": 0.1, "momentum": 0.9}))


def train(model, steps, n=2):
    for _ in range(n):
        steps.zero_grad()
        nn.functional.cross_entropy(model(X), Y).backward()
        steps.step()


@pytest.mark.parametrize("recipe", RECIPES)
def test_kernels_and_tensor_operations_give_the_same_bits_and_counts(recipe):
    found, rates = [], []
    for kernels in (True, False):
        model, steps = made(recipe, kernels, **RECIPES[recipe])
        train(model, steps, 1)
        with quantized(model).watched() as watching:
            train(model, steps, 1)
        rows = zip(watching.tensors, watching.rates(), strict=True)
        rates.append(
            {(one.name, ROLE_COLUMN[one.role]): dict(zip(RATES, row, strict=True)) for one, row in rows}
        )
        found.append(weights(model))
    assert torch.equal(*found)
    for key, row in rates[0].items():
        assert row == pytest.approx(rates[1][key], rel=1e-9, nan_ok=True), key
    there = {tensor for (tensor, role), row in rates[0].items() if role == "operands" and row["numbers"] > 0}
    names = {f"{layer}.{one}" for layer in ("conv", "hidden", "output") for one in NAMES}
    assert there == names - {
        "conv.back.error",
        "conv.back.weight",
    }  # nothing goes back beyond the first layer
    roles = {role for (_, role), row in rates[0].items() if not np.isnan(row["numbers"])}
    assert roles == {"operands", "master"}


@pytest.mark.parametrize(
    "choices", [{"format": "none"}, {"full_precision": "*"}, {"format": "none", "error_format": "none"}]
)
def test_without_formats_it_is_torch_bit_for_bit(choices):
    torch.manual_seed(0)
    plain = Small()
    train(plain, torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9))
    given = {"activation_format": "none", "error_format": "none"} if "format" in choices else {}
    ours, steps = made(**choices | given)
    train(ours, steps)
    assert torch.equal(weights(plain), weights(ours))


@pytest.mark.parametrize(
    ("recipe", "kind", "options"),
    [
        ("mxfp6", torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
        ("mxfp8", torch.optim.AdamW, {"lr": 0.01}),
    ],
)
def test_a_run_that_was_stopped_or_copied_goes_on_to_the_same_bits(recipe, kind, options):
    given = {"kind": kind, "options": options, "master_format": "bf16", **RECIPES[recipe]}
    whole, cut, then = (made(recipe, **given) for _ in range(3))
    train(*whole, 3)
    train(*cut, 1)
    then[0].load_state_dict(copy.deepcopy(cut[0].state_dict()))
    then[1].load_state_dict(copy.deepcopy(cut[1].state_dict()))
    copied, pickled = copy.deepcopy(cut), pickle.loads(pickle.dumps(cut))
    for one in (then, copied, pickled):
        train(*one, 2)
        assert torch.equal(weights(whole[0]), weights(one[0]))
    assert not torch.equal(weights(whole[0]), weights(cut[0]))
    assert set(cut[0].state_dict()) == set(Small().state_dict())


def test_weights_are_those_that_updates_are_added_to():
    model, steps = made("mxfp4", full_precision=None, master_format="bf16")
    for _ in range(2):
        for p in model.parameters():
            assert torch.equal(lpbench.quantize(p.detach(), "bf16", "nearest_even"), p)
        train(model, steps, 1)
    assert steps.state_dict()["lpbench"]["copy"] == [None]
    assert steps.counts[1] == 0


def test_nothing_is_rounded_that_no_product_needs():
    model, _ = made("mxfp8")
    model.conv.weight.requires_grad_(False)
    model.hidden.requires_grad_(False)
    with quantized(model).watched() as watching:
        nn.functional.cross_entropy(model(X), Y).backward()
        rates = dict(zip([one.name for one in watching.tensors], watching.rates()[:, 0], strict=True))
    there = {name for name, numbers in rates.items() if numbers > 0 and name.count(".") == 2}
    assert {name for name in there if name.startswith("conv")} == {
        "conv.forward.input",
        "conv.forward.weight",
    }
    assert {name.partition(".")[2] for name in there if name.startswith("hidden")} == set(NAMES[:4])
    with quantized(model).watched() as watching, torch.no_grad():
        model.eval()(X)
        rates = dict(zip([one.name for one in watching.tensors], watching.rates()[:, 0], strict=True))
    assert {name.split(".")[1] for name, numbers in rates.items() if numbers > 0} == {"forward"}


def test_evaluation_has_numbers_of_its_own_and_changes_none_of_training():
    found = []
    for looks in (False, True):
        model, steps = made("mxfp8", rounding="stochastic")
        train(model, steps, 1)
        if looks:
            with torch.no_grad():
                model.eval()
                assert not torch.equal(model(X), model(X))
                model.train()
        train(model, steps, 1)
        found.append(weights(model))
    assert torch.equal(*found)


def test_hooks_of_ones_own_and_tied_weights_stay():
    tied = models.make("tied")
    seen = []
    tied.output.register_forward_hook(lambda module, args, out: seen.append(out.shape))
    model = networks.quantize_(tied, "mxfp8")
    assert model.output.weight is model.embedding.weight
    steps = networks.optimizer(model, torch.optim.SGD, lr=0.1)
    before = weights(model)
    models.train(model, steps, models.batches("tied", 1))
    assert len(seen) == 1
    assert model.output.weight is model.embedding.weight
    assert not torch.equal(weights(model), before)


def test_a_second_derivative_passes_through_rounding():
    """As a gradient penalty needs: what is rounded finely is what is not rounded, nearly."""
    found = []
    for choices in (None, FINE, {**FINE, "hadamard": 2}):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv1d(2, 4, 2), nn.Tanh(), nn.Flatten(), nn.Linear(8, 3)).double()
        if choices:
            networks.quantize_(model, "mxfp8", **choices)
        x = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(2, 2, 3).requires_grad_()
        (g,) = torch.autograd.grad(model(x).square().sum(), x, create_graph=True)
        g.square().sum().backward()
        found.append(model[0].weight.grad)
    assert found[0].abs().max() > 0.01
    for other in found[1:]:
        assert torch.allclose(found[0], other, rtol=1e-3, atol=1e-4)


def test_a_layer_of_torch_that_multiplies_past_its_parts_does_not():
    """In evaluation torch's encoder layer would take the weights of its linear layers, and multiply by itself."""
    layer = nn.TransformerEncoderLayer(4, 1, 8, dropout=0.0, batch_first=True)
    networks.quantize_(layer, "mxfp4", full_precision="self_attn")
    with quantized(layer).watched() as watching, torch.no_grad():
        layer.eval()(normal(2, 3, 4, dtype=torch.float32))
        rates = zip(watching.tensors, watching.rates()[:, 0], strict=True)
        there = {one.name for one, numbers in rates if numbers > 0}
    assert there == {
        f"{name}.forward.{one}" for name in ("linear1", "linear2") for one in ("input", "weight")
    }


def test_a_linear_layer_that_computes_otherwise_is_refused():
    class Low(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 2

    with pytest.raises(ConfigError, match=r"0 is of the class Low: full_precision=0 leaves it alone"):
        networks.quantize_(nn.Sequential(Low(3, 3), nn.Linear(3, 3)), "mxfp8")
    model = nn.Sequential(Low(3, 3), nn.Linear(3, 3))
    networks.quantize_(model, "mxfp8", full_precision="0")
    assert "forward" not in vars(model[0])
    assert "forward" in vars(model[1])


# -- cells ------------------------------------------------------------------------------------------------------------


def test_what_is_rounded_when_is_shown_of_modules():
    cell = make_cell(single({"problem": "resnet", "recipe": "mxfp4", "steps": 1}))
    net = ResNet.net(cell.choices)
    rows = sizes.rows(net, recipe_of(cell.choices, net), False)
    some = [row[1:2] + row[3:4] + row[5:] for row in rows if row[0] == "blocks.1.conv2"]
    assert some[:6] == [
        ["input", "forward, along inputs", "nearest_even", 4.25],
        ["weights", "forward, along inputs", "nearest_even", 4.25],
        ["input", "gradient, along samples", "nearest_even", 4.25],
        ["errors", "gradient, along samples", "stochastic", 4.25],
        ["errors", "backward, along outputs", "stochastic", 4.25],
        ["weights", "backward, along outputs", "nearest_even", 4.25],
    ]
    assert {row[3] for row in rows if row[0] in ("stem", "output", "norm")} == {"never"}
    assert [row[0] for row in rows if row[3] != "never" and row[0] == "blocks.0.norm1"] == []


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gpu_rounds_operands_to_the_same_bits(dtype, device):
    """Of the same numbers; here on the CPU, by the tensor operations that a GPU takes."""
    torch.manual_seed(0)
    layer = nn.Conv2d(6, 8, 3, groups=2).to(dtype)
    networks.quantize_(layer, "quartet", full_precision=None, hadamard=2, seed=4)
    rounding, shape = quantized(layer).rounding, _Shape(2, 2, (1, 1), (1, 1))
    x, w, e = (normal(*sides, dtype=dtype) for sides in ((5, 6, 4, 4), (8, 3, 3, 3), (5, 8, 2, 2)))
    for which, one in enumerate((x, w, e, w, x, e)):
        found = []
        for kernels, there in ((True, "cpu"), (False, device)):
            rounding.kernels = kernels
            found.append(layer.forward.operand(which, one.to(there), shape, Use(7, 1, True)).cpu())
        assert torch.equal(*found)
        assert not torch.equal(found[0], one)
