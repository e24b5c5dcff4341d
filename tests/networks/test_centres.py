"""SVRG, LP-SVRG and HALP on networks, against torch's gradients and plain loops over them."""

import nets
import numpy as np
import pytest
import torch

import lpbench
from lpbench.formats import Fixed

BITS = 6
COMMON = {
    "steps": 7, "inner_steps": 3, "momentum": 0.5, "weight_decay": 0.01, "loss_scale": 4.0, "step_size": 0.05,
    "format": "fixed", "precision": BITS, "block_size": None, "rounding": "nearest_even",
}  # fmt: skip


class Plain:
    """The same run, parameter by parameter; rounds(i, w, z) gives the new offset or weights of parameter i."""

    def __init__(self, cell, mu=1.0, one_scale=False):
        self.cell, self.problem, self.choices = cell, cell.problem, cell.choices
        self.w = nets.weights(cell)
        self.v = [np.zeros_like(w) for w in self.w]
        self.mu, self.one_scale = mu, one_scale
        self.X = torch.tensor(self.problem.X.reshape(-1, *self.problem.net[0].inputs))
        self.losses = []

    def gradients(self, w, chosen):
        """The mean loss of some samples, and its derivatives."""
        parameters = [torch.tensor(part, requires_grad=True) for part in w]
        z = nets.outputs(self.problem.net, parameters, self.X[chosen])
        loss = torch.nn.functional.cross_entropy(z, torch.tensor(self.problem.y[chosen]))
        loss.backward()
        return loss.item(), [one.grad.numpy() for one in parameters]

    def run(self):
        c = self.choices
        for t, chosen in enumerate(self.cell.batches.order(0, c["steps"])):
            if t % c["inner_steps"] == 0:
                self.begin()
            loss, g = self.gradients(self.w, chosen)
            _, before = self.gradients(self.anchor, chosen)
            self.losses.append(loss)
            for i, w in enumerate(self.w):
                self.v[i] = c["momentum"] * self.v[i] + (
                    g[i] - before[i] + self.full[i] + c["weight_decay"] * w
                )
                self.move(i, c["step_size"] * self.v[i])

    def begin(self):
        self.anchor = [w.copy() for w in self.w]
        _, self.full = self.gradients(self.anchor, np.arange(self.problem.n_samples))
        norms = [np.linalg.norm(g) for g in self.full]
        norms = [np.linalg.norm(norms) if self.one_scale or norm == 0 else norm for norm in norms]
        self.s = [norm / (self.mu * (2 ** (BITS - 1) - 1)) for norm in norms]
        self.z = [np.zeros_like(w) for w in self.w]

    def move(self, i, u):
        self.w[i] = self.w[i] - u


class Rounded(Plain):
    def move(self, i, u):
        self.w[i] = lpbench.quantize(self.w[i] - u, Fixed.for_range(BITS, 1.0), "nearest_even")


class Centred(Plain):
    def move(self, i, u):
        z = np.rint(self.z[i] - u / self.s[i])
        self.z[i] = np.clip(z, -(2 ** (BITS - 1)), 2 ** (BITS - 1) - 1)
        self.w[i] = self.anchor[i] + self.s[i] * self.z[i]


def close(cell, reference):
    nets.run(cell)
    reference.run()
    assert np.allclose(cell.losses, reference.losses, rtol=1e-11, atol=0)
    for found, expected in zip(nets.weights(cell), reference.w, strict=True):
        assert np.allclose(found, expected, rtol=1e-10, atol=1e-12)


ENGINES = pytest.mark.parametrize("engine", [nets.training, nets.by_torch], ids=["compiled", "torch"])


@ENGINES
@pytest.mark.parametrize("name", ["mlp", "cnn 2-d", "pooled"])
def test_svrg(name, engine, in_python):
    cell = engine(nets.data(name), **{**COMMON, **nets.PLAIN, "algorithm": "svrg"})
    close(cell, Plain(cell))


@ENGINES
@pytest.mark.parametrize("name", ["mlp", "cnn 1-d"])
def test_lp_svrg(name, engine, in_python):
    cell = engine(nets.data(name), **COMMON, algorithm="lp_svrg", limit=1.0)
    close(cell, Rounded(cell))


@ENGINES
@pytest.mark.parametrize(
    ("name", "mu", "one"), [("mlp", 1.0, False), ("mlp", 64.0, True), ("cnn 2-d", 4.0, False)]
)
def test_halp(name, mu, one, engine, in_python):
    scale = "one" if one else None
    cell = engine(nets.data(name), **COMMON, algorithm="halp", mu=mu, centre_scale=scale)
    close(cell, Centred(cell, mu, one))
    z = cell.optimizer.z.numpy() if engine is nets.by_torch else cell.centre.offset
    assert np.unique(z).size > 2
    assert np.array_equal(z, np.rint(z))
    if one:
        moved, saturated, _ = cell._counts()
        assert 0 < saturated < moved


@ENGINES
def test_a_tensor_without_a_gradient_at_the_centre_has_the_scale_of_all(engine, in_python):
    """As below weights of 0, which move, and let it move from then on."""
    cell = engine(nets.data("mlp"), **COMMON, algorithm="halp", mu=2.0)
    if engine is nets.by_torch:
        cell.model.output.weight.data.zero_()
    else:
        place, rows, columns = cell.layout.tensors[2 * 2]
        cell.memory.weights[place : place + rows * columns] = 0.0
    before = nets.weights(cell)
    assert not before[4].any()
    close(cell, Centred(cell, 2.0))
    assert not np.array_equal(before[0], nets.weights(cell)[0])


@pytest.mark.parametrize("algorithm", ["svrg", "lp_svrg", "halp"])
def test_both_engines_count_alike(algorithm, in_python):
    choices = {**COMMON, "algorithm": algorithm, "limit": None if algorithm == "halp" else 1.0, "mu": 8.0}
    choices |= nets.PLAIN | {"algorithm": "svrg"} if algorithm == "svrg" else {}
    found = [nets.run(engine(nets.data("mlp"), **choices)) for engine in (nets.training, nets.by_torch)]
    assert np.array_equal(*(cell._counts() for cell in found))
    assert np.allclose(*(cell.norm for cell in found), rtol=1e-10)


def test_with_bits_enough_halp_is_svrg(in_python):
    fine = {**COMMON, "precision": 24, "mu": 0.05}
    one, other = (
        nets.run(nets.training(nets.data("mlp"), **choices))
        for choices in ({**fine, "algorithm": "halp"}, {**fine, **nets.PLAIN, "algorithm": "svrg"})
    )
    assert np.allclose(one.losses, other.losses, rtol=1e-5, atol=0)
    assert not np.array_equal(one.losses, other.losses)


def test_stochastic_offsets_repeat_and_follow_the_seed(in_python):
    drawn = {**COMMON, "rounding": "stochastic", "algorithm": "halp"}
    one, same, other = (
        nets.run(nets.training(nets.data("mlp"), **{**drawn, "seed": seed})).memory.weights
        for seed in (3, 3, 4)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_pauses_change_nothing(in_python):
    made = {**COMMON, "algorithm": "halp", "rounding": "stochastic"}
    whole, parts = (
        nets.run(nets.training(nets.data("mlp"), stride=1, **made), pauses) for pauses in (2**31, 2)
    )
    assert whole.memory.weights.tobytes() == parts.memory.weights.tobytes()
    assert whole.losses.tobytes() == parts.losses.tobytes()


def test_a_centre_that_is_the_optimum_moves_nothing(in_python):
    """Where the full gradient of a tensor is 0, so is its scale."""
    problem = nets.data("mlp", scale=0.0)  # inputs 0: the first matrix has no gradient
    cell = nets.training(problem, **{**COMMON, "weight_decay": 0.0}, algorithm="halp")
    before = nets.weights(cell)
    nets.run(cell)
    after = nets.weights(cell)
    assert np.array_equal(before[0], after[0])
    assert not np.array_equal(before[5], after[5])


def test_compiled_is_interpreted():
    from lpbench.arithmetic.jit import in_python

    made = {**COMMON, "algorithm": "halp", "rounding": "stochastic", "compute_dtype": "float32"}
    compiled = nets.run(nets.training(nets.data("mlp"), **made))
    with in_python():
        python = nets.run(nets.training(nets.data("mlp"), **made))
    assert compiled.memory.weights.tobytes() == python.memory.weights.tobytes()
    assert compiled.losses.tobytes() == python.losses.tobytes()


def test_what_a_cell_says_of_it():
    row = lpbench.run(
        problem="mlp", dataset="teacher", dimension=16, depth=1, algorithm="halp", steps=200, precision=6
    )
    assert row["status"] == "ok"
    assert row["snapshot"] is None
    # A loop is two epochs, 124 steps of 64 of the 4,000 samples.
    assert row["trace"]["gradient_evaluations"].iloc[-1] == 2 * 4000 + 2 * 64 * 200
    assert row["train_loss"] < 2.2
