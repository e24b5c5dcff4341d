"""bc_svrg and bc_sgd: SVRG and SGD where nothing is rounded; where deltas are, against the formulas in numpy."""

import textwrap

import mnist_files
import nets
import numpy as np
import pytest
import torch

import lpbench
from lpbench.cells.modules import MODULES as MODULES_ENGINE
from lpbench.cells.points import points_of
from lpbench.choices.cell import make_cell
from lpbench.choices.grid import single
from lpbench.errors import ConfigError
from lpbench.formats import Fixed
from lpbench.networks.modules.examining import examine
from lpbench.networks.modules.networks import Built
from lpbench.problems.build import build

MODULES = """
    import torch
    from torch import nn


    class Logistic(nn.Module):
        def __init__(self, inputs, classes):
            super().__init__()
            self.output = nn.Linear(inputs, classes)

        def forward(self, x):
            return self.output(x)


    class Looks(Logistic):
        '''A nonlinearity by a mask.'''

        def forward(self, x):
            x = self.output(x)
            return x * (x > 0)


    class Counts(Logistic):
        '''Its passes, in a buffer that is another each time, and in one that is written into.'''

        def __init__(self, inputs, classes):
            super().__init__(inputs, classes)
            self.register_buffer("anew", torch.zeros(()))
            self.register_buffer("added", torch.zeros(()))

        def forward(self, x):
            if self.training:
                self.anew = self.anew + 1
                self.added += 1
            return self.output(x) * (1 + 0.01 * self.added)


    class Adapted(nn.Module):
        '''A frozen layer, and a product of two beside it that begins with 0.'''

        def __init__(self, inputs, classes):
            super().__init__()
            self.frozen = nn.Linear(inputs, classes)
            self.frozen.weight.requires_grad_(False)
            self.down, self.up = nn.Linear(inputs, 3, bias=False), nn.Linear(3, classes, bias=False)
            nn.init.zeros_(self.up.weight)

        def forward(self, x):
            return self.frozen(x) + self.up(self.down(x))


    class Drops(Logistic):
        def forward(self, x):
            return nn.functional.dropout(self.output(x), 0.5, self.training)
"""
NETS = {
    "logistic regression": {"problem": "module", "module": "Logistic", "dataset": "breast_cancer"},
    "mlp": {"problem": "mlp", "dataset": "digits", "dimension": 16},
    "adapted": {"problem": "module", "module": "Adapted", "dataset": "breast_cancer"},
    "lenet": {"problem": "lenet", "dataset": "mnist"},
    "lstm": {"problem": "lstm", "dataset": "tags", "dimension": 6},
    "resnet": {"problem": "resnet", "dataset": "digits", "dimension": 4},
}
COUNTS = {"problem": "module", "module": "Counts", "dataset": "breast_cancer"}
# Three loops and some steps, beyond an epoch of three batches and a part.
RUN = {
    "format": "none", "compute_dtype": "float64", "n_samples": 50, "batch_size": 16, "steps": 14, "inner_steps": 4,
    "momentum": 0.9, "weight_decay": 1e-3, "step_size": 0.1, "loss_scale": 4.0, "engine": "torch", "even_points": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "mine.py"
    path.write_text(textwrap.dedent(MODULES))
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Files of MNIST, as large as LeNet needs them."""
    random = np.random.default_rng(0)
    images, labels = (
        random.integers(0, 256, (60, 16, 16), dtype=np.uint8),
        random.integers(0, 10, 60, dtype=np.uint8),
    )
    folder = mnist_files.folder_with(
        tmp_path_factory.mktemp("mnist"), *map(mnist_files.idx, (images, labels))
    )
    return mnist_files.with_test_files(folder, *(mnist_files.idx(one[:20]) for one in (images, labels)))


@pytest.fixture
def trained(mine, pictures):
    """A function of a network and choices: the cell, gone to its end."""

    def run(name, **more):
        choices = {**RUN, **{**NETS, "counts": COUNTS}[name], **more}
        if "module" in choices:
            choices["module"] = f"{mine}:{choices['module']}"
        if choices["dataset"] == "mnist":
            choices["path"] = str(pictures)
        cell = make_cell(single(choices))
        problem = build(cell.located)
        chosen = MODULES_ENGINE.resolve(cell.choices, problem)
        return nets.run(MODULES_ENGINE.start(chosen, problem, points_of(chosen)))

    return run


def same(one, other):
    assert np.allclose(one.losses, other.losses, rtol=1e-10, atol=0)
    theirs = dict(other.model.state_dict())
    for name, value in one.model.state_dict().items():
        assert torch.allclose(value, theirs[name], rtol=1e-10, atol=1e-12), name
    assert np.allclose(one.norm, other.norm, rtol=1e-10)
    assert np.allclose(one.record, other.record, rtol=1e-9, equal_nan=True)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("sampling", ["shuffled", "in_order"])
def test_without_rounding_bc_svrg_is_svrg(trained, name, sampling):
    plain = trained(name, algorithm="svrg", sampling=sampling)
    same(trained(name, algorithm="bc_svrg", sampling=sampling), plain)
    same(trained(name, algorithm="halp", sampling=sampling), plain)
    assert plain.losses[-1] != plain.losses[0]


@pytest.mark.parametrize("name", NETS)
def test_without_rounding_bc_sgd_is_sgd(trained, name):
    given = {**RUN, "inner_steps": None}
    plain = trained(name, algorithm="sgd", **given)
    found = trained(name, algorithm="bc_sgd")
    assert np.allclose(found.losses, plain.losses, rtol=1e-10, atol=0)
    for (key, value), other in zip(
        found.model.state_dict().items(), plain.model.state_dict().values(), strict=True
    ):
        assert torch.allclose(value, other, rtol=1e-10, atol=1e-12), key


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("algorithm", ["bc_svrg", "bc_sgd"])
def test_what_is_stored_is_what_is_computed_anew(trained, name, algorithm):
    rounded = {
        "offset_format": "fp16" if algorithm == "bc_sgd" else None,
        "algorithm": algorithm, "sampling": "in_order", "format": "fixed", "precision": 8, "rounding": "stochastic",
        "activation_format": "int8_tensor", "error_format": "fp8_e5m2", "gradient_format": "block",
    }  # fmt: skip
    stored, found = (trained(name, **rounded, centre_cache=cache) for cache in ("stored", "none"))
    assert np.allclose(stored.losses, found.losses, rtol=1e-9, atol=0)
    assert np.allclose(stored.record[:, :3], found.record[:, :3], rtol=1e-9, atol=0)
    assert len(stored.centre.remembered) == 3  # whole batches
    assert found.centre.remembered == []


def test_what_is_stored_is_as_much_as_was_said(trained):
    for name, choices in NETS.items():
        cell = trained(name, algorithm="bc_svrg", sampling="in_order", centre_cache="stored", steps=1)
        held = sum(
            part.numel()
            for one in cell.centre.remembered for kept in one.operations for part in (*kept.outputs, *kept.derivatives)
        )  # fmt: skip
        model = cell.problem.make() if cell.problem.make else Built(cell.problem.net)
        # What the loss keeps of a batch are two numbers.
        assert held == pytest.approx(examine(model, cell.sets[0][0][:2], True) * 48 + 2 * 3), choices


class Reference:
    """A multilayer perceptron by the formulas, with deltas rounded to the nearest.

    Each layer's y = x W + (X + x) w + b and relu(Y + y) - relu(Y); back, dw = (X + x)' g + x' G and
    dx = g (W + w)' + G w', and f'(Y + y) (G + g) - f'(Y) G; capitals as `read` gives them.
    """

    def __init__(self, cell, own, read):
        self.cell, self.choices, self.own, self.read = cell, cell.choices, own, read
        self.W, self.v = nets.weights(cell), [np.zeros_like(W) for W in nets.weights(cell)]
        self.losses = []
        self.X, self.y = cell.problem.X.reshape(len(cell.problem.y), -1), cell.problem.y

    def run(self):
        c = self.choices
        for t, chosen in enumerate(self.cell.batches.order(0, c["steps"])):
            if t % c["inner_steps"] == 0:
                self.W = (
                    self.W if t == 0 else [W + s * z for W, s, z in zip(self.W, self.s, self.z, strict=True)]
                )
                everything = np.arange(len(self.y))
                self.full = self.gradients(everything, [np.zeros_like(W) for W in self.W])[1]
                reach = 2 ** (c["precision"] - 1) - 1
                self.s = [np.linalg.norm(g) / c["loss_scale"] / (c["mu"] * reach) for g in self.full]
                self.z = [np.zeros_like(W) for W in self.W]
            w = [s * z for s, z in zip(self.s, self.z, strict=True)]
            loss, G, g = self.gradients(chosen, w)
            self.losses.append(loss)
            base = G if self.own else self.full
            for i in range(len(w)):
                whole = (rounded(g[i], 8, 2.0) + base[i]) / c["loss_scale"]
                self.v[i] = c["momentum"] * self.v[i] + whole + c["weight_decay"] * (self.W[i] + w[i])
                z = np.rint(self.z[i] - c["step_size"] / self.s[i] * self.v[i])
                self.z[i] = np.clip(z, -(2 ** (c["precision"] - 1)), 2 ** (c["precision"] - 1) - 1)

    def gradients(self, chosen, w):
        """The mean loss at W + w, G, and g."""
        W, scale, count, read = self.W, self.choices["loss_scale"] / len(chosen), len(self.W) // 2, self.read
        X, x = [self.X[chosen]], [np.zeros_like(self.X[chosen])]
        Y, y = [], []
        for i in range(count):
            if i:
                x[i] = rounded(x[i], 6, 0.25)
            # What the network is given is no offset, and read as it is.
            X_read = read(X[i]) if i else X[i]
            Y.append(X[i] @ W[2 * i] + W[2 * i + 1])
            y.append(x[i] @ read(W[2 * i]) + (X_read + x[i]) @ w[2 * i] + w[2 * i + 1])
            X.append(np.maximum(Y[i], 0))
            x.append(np.maximum(read(Y[i]) + y[i], 0) - np.maximum(read(Y[i]), 0))
        hot = np.eye(nets.CLASSES)[self.y[chosen]]
        losses = [
            -np.log((softmax(z) * hot).sum(1)).mean() for z in (Y[-1], read(Y[-1]) + y[-1], read(Y[-1]))
        ]
        G_back = scale * (softmax(Y[-1]) - hot)
        g_back = scale * (softmax(read(Y[-1]) + y[-1]) - softmax(read(Y[-1])))
        G, g = [], []
        for i in reversed(range(count)):
            g_back = rounded(g_back, 7, 0.5)
            X_read, G_read = read(X[i]) if i else X[i], read(G_back)
            G = [X[i].T @ G_back, G_back.sum(0), *G]
            g = [(X_read + x[i]).T @ g_back + x[i].T @ G_read, g_back.sum(0), *g]
            if i:
                below = G_back @ W[2 * i].T
                more = g_back @ (read(W[2 * i]) + w[2 * i]).T + G_read @ w[2 * i].T
                G_back = (Y[i - 1] > 0) * below
                g_back = (read(Y[i - 1]) + y[i - 1] > 0) * (read(below) + more) - (read(Y[i - 1]) > 0) * read(
                    below
                )
        return losses[0] + losses[1] - losses[2], G, g


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def rounded(x, bits, limit):
    return lpbench.quantize(x, Fixed.for_range(bits, limit), "nearest_even")


@pytest.mark.parametrize("offset_format", [None, "bf16"])
@pytest.mark.parametrize("algorithm", ["bc_svrg", "bc_sgd"])
def test_deltas_are_rounded_where_they_are_said_to_be(algorithm, offset_format):
    choices = {
        "steps": 9, "inner_steps": 4, "momentum": 0.5, "weight_decay": 0.01, "loss_scale": 4.0, "step_size": 0.05,
        "format": "fixed", "precision": 6, "rounding": "nearest_even", "mu": 2.0, "block_size": None,
        "activation_format": "fixed(precision=6,limit=0.25)", "error_format": "fixed(precision=7,limit=0.5)",
        "gradient_format": "fixed(precision=8,limit=2.0)",
    }  # fmt: skip

    def read(x):
        return x if offset_format is None else lpbench.quantize(x, offset_format, "nearest_even")

    cell = nets.by_torch(
        nets.data("mlp", samples=9), **choices, algorithm=algorithm, offset_format=offset_format
    )
    reference = Reference(cell, algorithm == "bc_sgd", read)
    reference.run()
    nets.run(cell)
    assert np.allclose(cell.losses, reference.losses, rtol=1e-11, atol=0)
    for found, W, s, z in zip(nets.weights(cell), reference.W, reference.s, reference.z, strict=True):
        assert np.allclose(found, W + s * z, rtol=1e-10, atol=1e-12)
    roles = {
        watched.role for watched, counts in zip(cell.watched, cell.rates[9], strict=True) if counts.any()
    }
    assert len(roles) >= 3


def test_a_run_repeats_and_follows_its_seed(trained):
    given = {
        "algorithm": "bc_svrg", "format": "fixed", "precision": 6, "rounding": "stochastic",
        "activation_format": "int8_tensor", "error_format": "int8_tensor",
    }  # fmt: skip
    one, again, other = (trained("mlp", **given, seed=seed).losses for seed in (1, 1, 2))
    assert one.tobytes() == again.tobytes()
    assert one.tobytes() != other.tobytes()


def test_pauses_change_no_bit(trained):
    given = {
        "algorithm": "bc_sgd",
        "format": "fixed",
        "precision": 6,
        "rounding": "stochastic",
        "even_points": 10,
    }
    whole = trained("mlp", **given)
    cell = trained("mlp", **given | {"steps": 14}, record_points=8)
    assert whole.losses.tobytes() == cell.losses.tobytes()


@pytest.mark.parametrize("name", ["resnet", "mlp"])
def test_a_sample_that_is_left_over_alone_is_in_no_batch_of_its_own(trained, name):
    given = {"algorithm": "bc_svrg", "sampling": "in_order", "n_samples": 49}
    stored, found = (trained(name, **given, centre_cache=cache) for cache in ("stored", "none"))
    assert [part.size for part in found.centre.parts] == [16, 16, 17]
    assert len(stored.centre.remembered) == 3
    assert np.allclose(stored.losses, found.losses, rtol=1e-10, atol=0)
    same(found, trained(name, algorithm="svrg", sampling="in_order", n_samples=49))


@pytest.mark.parametrize("algorithm", ["svrg", "bc_svrg"])
def test_passes_at_the_centre_leave_what_a_module_counts(trained, algorithm):
    cell = trained("counts", algorithm=algorithm)
    assert {name: float(buffer) for name, buffer in cell.model.named_buffers()} == {
        "anew": 14.0,
        "added": 14.0,
    }


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("Looks", {}, "gt looks at the numbers of a tensor, and bit-centred layers have two of each"),
        (
            "Drops",
            {"centre_cache": "stored", "sampling": "in_order"},
            "the module draws numbers (dropout, noise) at each step",
        ),
    ],
)
def test_what_a_module_does_that_deltas_cannot_is_one_line(mine, name, more, said):
    choices = {**RUN, "problem": "module", "module": f"{mine}:{name}", "dataset": "breast_cancer", **more}
    with pytest.raises(ConfigError) as refused:
        make_cell(single({**choices, "algorithm": "bc_svrg"}))
    assert f"algorithm=bc_svrg: {said}" in str(refused.value).replace(f"layer {name}: ", "")
    assert "\n" not in str(refused.value)
    assert lpbench.run(**choices | {"centre_cache": None}, algorithm="halp")["status"] == "ok"
