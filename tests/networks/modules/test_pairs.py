"""Offset + delta of every operation: forward, and backward, what the module gives at W, and at W + w."""

import pytest
import torch
import torch.utils.checkpoint
from torch import nn
from torch.nn import functional as F

from lpbench.errors import LpbenchError
from lpbench.networks.modules.bit_centres import back, paired
from lpbench.networks.modules.examining import examine
from lpbench.networks.modules.networks import Attention, Residual
from lpbench.networks.modules.operations import INSTEAD, Tape
from lpbench.networks.modules.pairs import Pair


class Does(nn.Module):
    """A layer, and something done with what it gives."""

    def __init__(self, function, layer=None):
        super().__init__()
        self.layer, self.function = layer or nn.Linear(6, 8), function

    def forward(self, x):
        return self.function(self.layer(x))


class Twice(nn.Module):
    """Two numbers of each unit, joined by a function."""

    def __init__(self, function):
        super().__init__()
        self.one, self.other, self.function = nn.Linear(6, 8), nn.Linear(6, 8), function

    def forward(self, x):
        return self.function(self.one(x), self.other(x))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.output = nn.Embedding(6, 5), nn.Linear(5, 6, bias=False)
        self.output.weight = self.embedding.weight

    def forward(self, x):
        return self.output(torch.tanh(self.embedding(x)))


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.below, self.above = nn.Linear(6, 8), nn.Linear(8, 3)
        self.above.requires_grad_(False)

    def forward(self, x):
        return self.above(torch.relu(self.below(x)))


class Recurrent(nn.Module):
    """A recurrent layer behind an embedding; samples (N, length)."""

    def __init__(self, kind, first=True, **more):
        super().__init__()
        self.embedding = nn.Embedding(6, 5)
        self.recurrent, self.first = kind(5, 4, batch_first=first, **more), first

    def forward(self, x):
        x = self.embedding(x)
        outputs, last = self.recurrent(x if self.first else x.transpose(0, 1))
        last = last[0] if isinstance(last, tuple) else last
        return torch.cat([outputs.flatten(), last.flatten()])


class Attended(nn.Module):
    def __init__(self):
        super().__init__()
        self.below, self.attention = nn.Linear(6, 8), nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        x = self.below(x)
        return self.attention(x, x, x, need_weights=False)[0] + self.attention(x, x, x)[0]


def in_place(x):
    """What is written into is another number wherever it is held."""
    held = x
    x += 1.0
    x *= 2.0
    F.relu(x, inplace=True)
    return held.tanh() + x.clone().clamp_(max=1.5).sub_(0.25)


def half_frozen():
    """A weight that does not train, below a bias that does."""
    found = nn.Linear(6, 8)
    found.weight.requires_grad_(False)
    return found


def frozen_lstm():
    found = Recurrent(nn.LSTM)
    found.recurrent.weight_hh_l0.requires_grad_(False)
    return found


def numbers(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def images(module):
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), module), numbers(3, 2, 6, 6)


def sequences(module):
    return nn.Sequential(nn.Conv1d(2, 4, 3), module), numbers(5, 2, 9)


def tokens():
    return torch.randint(0, 6, (4, 7))


def normalised():
    found = nn.Linear(6, 3)
    return nn.utils.parametrizations.weight_norm(found)


CASES = {
    "linear": lambda: (nn.Linear(6, 3), numbers(5, 6)),
    "no bias": lambda: (nn.Sequential(nn.Linear(6, 4, bias=False), nn.Linear(4, 3)), numbers(2, 5, 6)),
    "conv1d": lambda: sequences(nn.Conv1d(4, 6, 3, stride=2, groups=2)),
    "conv2d": lambda: images(nn.Conv2d(4, 3, 3, stride=2, padding=1, dilation=2)),
    "conv2d, reflected": lambda: images(nn.Conv2d(4, 3, 3, padding=1, padding_mode="reflect")),
    "conv3d": lambda: (nn.Sequential(nn.Conv3d(1, 2, 2), nn.Conv3d(2, 2, 2)), numbers(2, 1, 4, 4, 4)),
    "transposed": lambda: images(nn.ConvTranspose2d(4, 3, 3, stride=2)),
    "batch norm": lambda: images(nn.BatchNorm2d(4)),
    "batch norm, momentum none": lambda: sequences(nn.BatchNorm1d(4, momentum=None, affine=False)),
    "instance norm": lambda: images(nn.InstanceNorm2d(4, affine=True, track_running_stats=True)),
    "layer norm": lambda: (nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4)), numbers(5, 6)),
    "group norm": lambda: images(nn.GroupNorm(2, 4)),
    "relu in place": lambda: images(nn.ReLU(inplace=True)),
    "prelu": lambda: images(nn.PReLU(4)),
    "pooling": lambda: images(nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(3))),
    "pooling, adaptive": lambda: images(nn.Sequential(nn.AdaptiveMaxPool2d(4), nn.AdaptiveAvgPool2d(2))),
    "dropout": lambda: images(nn.Sequential(nn.Dropout(0.5), nn.Conv2d(4, 2, 1), nn.Dropout2d(0.5))),
    "embedding": lambda: (nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 3)), tokens()),
    "tied": lambda: (Tied(), tokens()),
    "frozen": lambda: (Frozen(), numbers(5, 6)),
    "lstm": lambda: (Recurrent(nn.LSTM), tokens()),
    "lstm, two ways": lambda: (Recurrent(nn.LSTM, False, bidirectional=True, num_layers=2), tokens()),
    "lstm, no bias": lambda: (Recurrent(nn.LSTM, bias=False), tokens()),
    "lstm, dropout": lambda: (Recurrent(nn.LSTM, num_layers=2, dropout=0.5), tokens()),
    "gru": lambda: (Recurrent(nn.GRU, bidirectional=True), tokens()),
    "rnn": lambda: (Recurrent(nn.RNN), tokens()),
    "attention": lambda: (Attended(), numbers(3, 4, 6)),
    "attention, dropout": lambda: (
        Does(lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.5)), numbers(3, 4, 6)
    ),
    "transformer": lambda: (nn.Sequential(nn.Linear(6, 8), Attention(8, 2)), numbers(3, 4, 6)),
    "residual": lambda: (Residual(2, 4, 2, 1), numbers(5, 2, 9)),
    "weight norm": lambda: (normalised(), numbers(5, 6)),
    "product": lambda: (Twice(lambda a, b: a * b), numbers(5, 6)),
    "matrix product": lambda: (Twice(lambda a, b: a @ b.T), numbers(5, 6)),
    "bmm": lambda: (Twice(lambda a, b: torch.bmm(a, b.mT)), numbers(3, 5, 6)),
    "einsum": lambda: (Twice(lambda a, b: torch.einsum("ij,ij->i", a, b)), numbers(5, 6)),
    "quotient": lambda: (Twice(lambda a, b: a / (2.0 + torch.exp(b))), numbers(5, 6)),
    "gates": lambda: (Twice(lambda a, b: torch.sigmoid(a) * torch.tanh(b)), numbers(5, 6)),
    "maximum": lambda: (Twice(torch.maximum), numbers(5, 6)),
    "join": lambda: (Twice(lambda a, b: torch.stack([torch.cat([a, b], 1), torch.cat([b, a], 1)])), numbers(5, 6)),
    "join a constant": lambda: (Does(lambda x: torch.cat([x, torch.ones_like(x), x.new_ones(5, 2)], 1)), numbers(5, 6)),
    "numbers": lambda: (Does(lambda x: 2 - 3 * x / 4 + (1 - x) - x.sub(x, alpha=0.5) + 1 / (x + 9)), numbers(5, 6)),
    "powers": lambda: (Does(lambda x: x**2 - abs(x) + 2**x), numbers(5, 6)),
    "parts": lambda: (Does(lambda x: sum(one[..., ::2].mean(-1) for one in x.chunk(2, -1))), numbers(5, 6)),
    "rows": lambda: (Does(lambda x: sum(row.sum() for row in x) / len(x) * x.shape[1]), numbers(5, 6)),
    "masks": lambda: (
        Does(lambda x: F.softmax(x.masked_fill(torch.eye(5, 8).bool(), -torch.inf), -1)), numbers(5, 6)
    ),
    "where": lambda: (Does(lambda x: torch.where(torch.eye(5, 8).bool(), x, 3.0)), numbers(5, 6)),
    "padding": lambda: (Does(lambda x: F.pad(x, (1, 2)) + F.pad(x, (1, 2), value=5.0)), numbers(5, 6)),
    "nonlinear": lambda: (
        Does(lambda x: F.gelu(x) + F.silu(x) + F.softplus(x) + F.elu(x).sin() + x.log_softmax(-1)), numbers(5, 6)
    ),
    "written into": lambda: (Does(in_place), numbers(5, 6)),
    "constants": lambda: (
        Does(lambda x: torch.cat([x + torch.arange(8), torch.where(x.new_ones(8).bool(), x, torch.arange(8))], -1)),
        numbers(5, 6),
    ),
    "quotients": lambda: (
        Does(lambda x: torch.div(x, other=2.0) + x.type(x.dtype) / 3 + x % 0.3), numbers(5, 6)
    ),
    "frozen below": lambda: (nn.Sequential(half_frozen(), nn.ReLU(), nn.Linear(8, 3)), numbers(5, 6)),
    "frozen lstm": lambda: (frozen_lstm(), tokens()),
    "checkpoint": lambda: (
        Does(lambda x: torch.utils.checkpoint.checkpoint(torch.tanh, x, use_reentrant=False)), numbers(5, 6)
    ),
    "clamp": lambda: (Does(lambda x: x.clamp(-0.5, 0.5) + torch.clip(x, min=0)), numbers(5, 6)),
    "shapes": lambda: (
        Does(lambda x: x.view(x.size(0), -1).unflatten(1, (2, 4)).permute(1, 0, 2).flatten(1).unsqueeze(0)[0].T),
        numbers(5, 6),
    ),
}  # fmt: skip


class Runs:
    """A module at W and at W + w, plainly and as pairs, from the same statistics and draws."""

    def __init__(self, case, evaluates=False):
        torch.manual_seed(7)
        self.model, self.x = CASES[case]()
        self.model.double().train(not evaluates)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.W = [p.detach().clone() for p in self.parameters]
        self.w = [0.1 * torch.randn_like(p) for p in self.parameters]
        self.buffers = [buffer.clone() for buffer in self.model.buffers()]
        shape = self._plain(self.W, torch.zeros(1))[0].shape
        self.weights = torch.randn(shape, dtype=torch.float64)

    def plain(self, w):
        """What it gives, the derivatives of a weighted sum, and the statistics behind it."""
        return self._plain(w, self.weights)

    def _plain(self, w, weights):
        self._begin(w)
        y = self.model(self.x)
        found = torch.autograd.grad((weights * y).sum(), self.parameters, allow_unused=True)
        return y.detach(), self._filled(found), [buffer.clone() for buffer in self.model.buffers()]

    def _begin(self, w):
        torch.manual_seed(3)
        with torch.no_grad():
            for p, value in zip(self.parameters, w, strict=True):
                p.copy_(value)
            for buffer, value in zip(self.model.buffers(), self.buffers, strict=True):
                buffer.copy_(value)

    def _filled(self, found):
        return [torch.zeros_like(W) if g is None else g for g, W in zip(found, self.W, strict=True)]

    def pair(self, kept=None):
        """What it gives as a pair, the derivatives at the centre and what those at W + w are more."""
        self._begin(self.W)
        W, w = ([part.clone().requires_grad_() for part in parts] for parts in (self.W, self.w))
        with paired(self.model, self.parameters, W, w, Tape(kept)):
            y = self.model(self.x)
            G = back(y, W + w, self.weights)
        return y, self._filled(G[: len(W)]), self._filled(G[len(W) :])

    def keep(self):
        """The operations at the centre."""
        kept = []
        self._begin(self.W)
        W = [part.clone().requires_grad_() for part in self.W]
        with paired(self.model, self.parameters, W, [None] * len(W), Tape(kept)):
            y = self.model(self.x)
            assert y.delta is None
            torch.autograd.grad(y.offset, W, self.weights, allow_unused=True)
        return kept


def close(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_offset_and_delta_are_the_module_at_the_centre_and_away_from_it(case):
    runs = Runs(case)
    y, G, g = runs.pair()
    statistics = [buffer.clone() for buffer in runs.model.buffers()]
    close(statistics, runs.plain([W + w for W, w in zip(runs.W, runs.w, strict=True)])[2])
    at_centre, G_plain, _ = runs.plain(runs.W)
    away, g_plain, _ = runs.plain([W + w for W, w in zip(runs.W, runs.w, strict=True)])
    close([y.offset, y.whole], [at_centre, away])
    close(G, G_plain)
    close([one + more for one, more in zip(G, g, strict=True)], g_plain)
    assert float(y.delta.detach().abs().max()) > 1e-3  # it is away


@pytest.mark.parametrize("case", [case for case in CASES if "dropout" not in case and case != "checkpoint"])
def test_what_is_kept_of_the_centre_gives_the_same(case):
    runs = Runs(case)
    _, _, expected = runs.pair()
    kept = runs.keep()
    y, _, found = runs.pair(kept)
    assert len(kept) > 0
    close(found, expected)
    assert torch.allclose(y.offset, runs.plain(runs.W)[0], rtol=1e-12)


@pytest.mark.parametrize("case", ["batch norm", "instance norm", "residual", "dropout"])
def test_in_evaluation(case):
    runs = Runs(case, evaluates=True)
    y, G, g = runs.pair()
    away, whole, statistics = runs.plain([W + w for W, w in zip(runs.W, runs.w, strict=True)])
    close([y.whole], [away])
    close([one + more for one, more in zip(G, g, strict=True)], whole)
    close(runs.buffers, statistics)


def test_the_formulas_of_a_layer():
    """y = x W' + (X + x) w' + b; dx = g (W + w) + G w; dw = g' (X + x) + G' x; db = sum g."""
    torch.manual_seed(0)
    X, x, W, w, B, b = (numbers(*shape) for shape in ((4, 3), (4, 3), (2, 3), (2, 3), (2,), (2,)))
    G, g = numbers(4, 2), numbers(4, 2)
    tape = Tape()
    parts = [one.clone().requires_grad_() for one in (X, x, W, w, B, b)]
    pairs = [Pair(parts[i], parts[i + 1], tape) for i in (0, 2, 4)]
    y = F.linear(*pairs)
    assert torch.allclose(y.delta, x @ W.T + (X + x) @ w.T + b, rtol=1e-13)
    dX, dx, dW, dw, dB, db = torch.autograd.grad([y.offset, y.delta], parts, [G, g])
    assert torch.allclose(dX, G @ W, rtol=1e-13)
    assert torch.allclose(dx, g @ (W + w) + G @ w, rtol=1e-12)
    assert torch.allclose(dW, G.T @ X, rtol=1e-13)
    assert torch.allclose(dw, g.T @ (X + x) + G.T @ x, rtol=1e-12)
    assert torch.allclose(dB, G.sum(0), rtol=1e-13)
    assert torch.allclose(db, g.sum(0), rtol=1e-13)


def test_the_formulas_of_a_nonlinearity_and_of_a_product():
    """y = f(X + x) - f(X), dx = f'(X + x) (G + g) - f'(X) G; (A + a) b + a B."""
    torch.manual_seed(0)
    parts = [numbers(5).requires_grad_() for _ in range(4)]
    X, x, B, b = (part.detach() for part in parts)
    G, g = numbers(5), numbers(5)
    tape = Tape()
    one, other = Pair(parts[0], parts[1], tape), Pair(parts[2], parts[3], tape)
    y = torch.sigmoid(one)
    s, t = torch.sigmoid(X), torch.sigmoid(X + x)
    assert torch.allclose(y.delta, t - s, rtol=1e-13)
    dX, dx = torch.autograd.grad([y.offset, y.delta], parts[:2], [G, g])
    assert torch.allclose(dX, s * (1 - s) * G, rtol=1e-12)
    assert torch.allclose(dx, t * (1 - t) * (G + g) - s * (1 - s) * G, rtol=1e-10)
    product = one * other
    assert torch.allclose(product.delta, (X + x) * b + x * B, rtol=1e-13)
    dX, dx = torch.autograd.grad([product.offset, product.delta], parts[:2], [G, g])
    assert torch.allclose(dX, G * B, rtol=1e-13)
    assert torch.allclose(dx, g * (B + b) + G * b, rtol=1e-12)


def test_small_deltas_keep_their_digits():
    """A delta is computed from deltas, not as the difference of two large numbers."""
    torch.manual_seed(0)
    X, W = 1e3 * torch.randn(4, 3), torch.randn(2, 3)
    w = 1e-9 * torch.randn(2, 3)
    tape = Tape()
    y = F.linear(X, Pair(W, w.requires_grad_(), tape))
    z = F.linear(y, Pair(torch.eye(2), torch.zeros(2, 2), tape))
    assert torch.allclose(z.delta, X @ w.T, rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: x * (x > 0), "gt looks at the numbers of a tensor"),
        (lambda x: x.argmax(1), "argmax looks at the numbers of a tensor"),
        (lambda x: x.topk(2), "topk looks at the numbers of a tensor"),
        (lambda x: x.sum().item(), "item looks at the numbers of a tensor"),
        (lambda x: float(x.sum()), "float looks at the numbers of a tensor"),
        (lambda x: x if x.sum() else 2 * x, "bool looks at the numbers of a tensor"),
        (lambda x: x.to(torch.int32), "to looks at the numbers of a tensor"),
        (lambda x: x.__setitem__(0, 1.0), "x[...] = y writes into a part of a tensor"),
        (lambda x: x.zero_(), "zero_ writes into a tensor, and bit-centred layers have two of each"),
        (
            lambda x: F.embedding(torch.zeros(2).long(), x, max_norm=1.0),
            "max_norm of an embedding writes into its",
        ),
    ],
)
def test_what_has_no_form_of_two_numbers_is_said(function, said):
    pair = Pair(numbers(4, 3), numbers(4, 3), Tape())
    with pytest.raises(LpbenchError) as refused:
        function(pair)
    assert said in str(refused.value)


class Holds(nn.Module):
    """Weights that are none of its parameters' names."""

    def __init__(self):
        super().__init__()
        self.below, self.above = nn.Linear(6, 8), nn.Linear(8, 3)
        self.held = [self.above.weight]

    def forward(self, x):
        return F.linear(torch.relu(self.below(x)), self.held[0], self.above.bias)


class Keeps(nn.Module):
    def __init__(self):
        super().__init__()
        self.below = nn.Linear(6, 3)

    def forward(self, x):
        x = self.below(x)
        self.last = x.detach()
        return x


class Straight(torch.autograd.Function):
    """The sign, whose derivative is said to be 1."""

    @staticmethod
    def forward(ctx, x):
        return x.sign()

    @staticmethod
    def backward(ctx, derivative):
        return derivative


def written_into_a_view(x):
    x[:, :2].add_(1.0)
    return x


UNLIKE = "what comes of offset + delta is not what comes of their sum"
REFUSED = {
    "looks": (lambda: Does(lambda x: x * (x > 0)), "gt looks at the numbers of a tensor"),
    "type": (lambda: Does(lambda x: x.tanh() if isinstance(x, torch.Tensor) else x), UNLIKE),
    "view": (lambda: Does(written_into_a_view), UNLIKE),
    "held": (Holds, UNLIKE),
    "keeps": (Keeps, "layer Keeps keeps a tensor that passes through it"),
    "derivative": (lambda: Does(Straight.apply), INSTEAD),
    "checkpoint": (
        lambda: Does(lambda x: torch.utils.checkpoint.checkpoint(torch.tanh, x, use_reentrant=True)), INSTEAD
    ),
    "data": (lambda: Does(lambda x: setattr(x, "data", x.data * 2) or x), INSTEAD),
    "out": (lambda: Does(lambda x: torch.add(x, 1.0, out=torch.empty(2, 8, dtype=torch.float64))), INSTEAD),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_modules_that_pairs_do_not_follow_are_refused(case):
    torch.manual_seed(7)
    made, said = REFUSED[case]
    with pytest.raises(LpbenchError) as refused:
        examine(made(), torch.randn(2, 6), False)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_layer_that_is_unlike_is_named():
    torch.manual_seed(7)
    model = nn.Sequential(
        nn.Linear(6, 8), Does(lambda x: x if type(x) is torch.Tensor else 2 * x, nn.Identity())
    )
    with pytest.raises(LpbenchError, match=r"^layer 1: what comes of offset"):
        examine(model, torch.randn(2, 6), False)


@pytest.mark.parametrize("case", [case for case in CASES if case not in ("dropout", "lstm, dropout")])
def test_modules_that_pairs_follow_are_taken(case):
    torch.manual_seed(7)
    model, x = CASES[case]()
    x = x if x.dtype == torch.int64 else x.float()
    assert examine(model, x, "dropout" not in case and case != "checkpoint") >= 0


def test_what_is_computed_again_is_not_kept():
    model, x = CASES["checkpoint"]()
    with pytest.raises(LpbenchError, match="computes a part of itself again in the backward pass"):
        examine(model, x, True)


@pytest.mark.parametrize("case", ["dropout", "attention, dropout"])
def test_draws_of_what_is_kept_are_refused(case):
    torch.manual_seed(7)
    model, x = CASES[case]()
    with pytest.raises(LpbenchError, match=r"the module draws numbers .dropout, noise. at each step"):
        examine(model, x, True)
    assert examine(model, x, False) == 0.0


def test_modules_of_float32_alone_are_taken():
    torch.manual_seed(7)
    assert examine(Does(lambda x: x.float() @ torch.ones(8, 2)), torch.randn(2, 6), False) == 0.0
