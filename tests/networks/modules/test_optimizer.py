"""Modules that train in formats: without any, torch's bits; with them, what is written here; again after a stop."""

import copy
import io

import numpy as np
import pytest
import torch
from models import KINDS, MODELS, batches, drawn, make, train, weights
from torch import nn

import lpbench
from lpbench import networks
from lpbench.arithmetic.generator import ROUNDING, stream
from lpbench.errors import ConfigError
from lpbench.formats import get
from lpbench.networks.modules.quantizing import quantized
from lpbench.networks.net import ACTIVATIONS, ERRORS


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MODELS)
def test_without_formats_it_is_torch_bit_for_bit(name, kind, dtype):
    cls, options = KINDS[kind]
    plain = make(name, dtype)
    train(plain, cls(plain.parameters(), **options), batches(name, 5, dtype))
    ours = networks.quantize_(make(name, dtype), format="none")
    train(ours, networks.optimizer(ours, cls, **options), batches(name, 5, dtype))
    assert torch.equal(weights(plain), weights(ours))


def uniforms(key, role, place, part, step, shape):
    """Of each number of a tensor."""
    bits = drawn(key, role, place, part, step, int(np.prod(shape)))
    return torch.tensor(bits, dtype=torch.float64).reshape(shape) / 2.0**32


class Reference:
    """Two layers and a step of SGD by hand, every tensor rounded; float64, as numbers of 32 bits decide there."""

    WEIGHTS, ACTIVATIONS, ERRORS, GRADIENTS, MOMENTUM = range(5)

    def __init__(self, form, seed, has_copy):
        self.form, self.key, self.step = form, stream(seed, ROUNDING), 0
        self.w = [p.detach().clone() for p in make("mlp", torch.float64).parameters()]
        self.copy = [w.clone() for w in self.w] if has_copy else None
        self.w = [lpbench.quantize(w, form, "nearest_even") for w in self.w]
        self.m = [torch.zeros_like(w) for w in self.w]

    def q(self, role, place, x, part=0):
        drawn = uniforms(self.key, role, place, part, self.step, tuple(x.shape))
        return lpbench.quantize(x, self.form, "stochastic", drawn)

    def train(self, x, y, lr, mu):
        a, b, c, d = self.w
        x = self.q(self.ACTIVATIONS, 0, x, 1)
        z = x @ a.T + b
        h = self.q(self.ACTIVATIONS, 1, torch.relu(z), 1)
        logits = h @ c.T + d
        e = (torch.softmax(logits, 1) - nn.functional.one_hot(y, 3)) / len(y)
        # The number of a use goes up with what enters a layer and with what leaves it.
        e = self.q(self.ERRORS, 1, e, 2)
        back = (e @ c) * (z > 0)
        back = self.q(self.ERRORS, 0, back, 2)
        for i, g in enumerate((back.T @ x, back.sum(0), e.T @ h, e.sum(0))):
            g = self.q(self.GRADIENTS, i, g)
            self.m[i] = mu * self.m[i] + g if self.step else g
            kept = (self.copy or self.w)[i] - lr * self.m[i]
            self.m[i] = self.q(self.MOMENTUM, i, self.m[i])
            if self.copy is not None:
                self.copy[i] = kept
            self.w[i] = self.q(self.WEIGHTS, i, kept)
        self.step += 1


@pytest.mark.parametrize("recipe", ["all", "master"])
def test_every_role_is_rounded_as_it_is_written_here(recipe):
    reference = Reference(get("fp8_e4m3"), 5, recipe == "master")
    model = networks.quantize_(make("mlp", torch.float64), recipe, seed=5, format="fp8_e4m3")
    steps = networks.optimizer(model, torch.optim.SGD, lr=0.25, momentum=0.5)
    for x, y in batches("mlp", 4, torch.float64):
        reference.train(x, y, 0.25, 0.5)
        steps.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        steps.step()
    assert torch.allclose(weights(model), torch.cat([w.reshape(-1) for w in reference.w]), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("kind", "recipe", "choices"),
    [
        ("sgd", "all", {"format": "fixed"}),  # ranges that are those of the first step
        ("adamw", "master", {"format": "block", "master_format": "bf16"}),
        ("sgd", "bf16_kahan", {}),
        ("adafactor", "fp8", {}),
    ],
)
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(name, kind, recipe, choices):
    def begin():
        cls, options = KINDS[kind]
        model = networks.quantize_(make(name), recipe, seed=3, **choices)
        return model, networks.optimizer(model, cls, **options)

    data = list(batches(name, 8))
    model, steps = begin()
    train(model, steps, data)
    stopped, first = begin()
    train(stopped, first, data[:3])
    disk = io.BytesIO()
    torch.save({"model": stopped.state_dict(), "steps": first.state_dict()}, disk)
    disk.seek(0)
    saved = torch.load(disk, weights_only=False)
    resumed, then = begin()
    resumed.load_state_dict(saved["model"])
    then.load_state_dict(saved["steps"])
    train(resumed, then, data[3:], begin=3)
    assert torch.equal(weights(model), weights(resumed))
    assert np.array_equal(steps.counts, then.counts)
    assert not torch.equal(weights(model), weights(stopped))


def test_a_copy_of_a_quantized_model_has_its_own_rounding():
    model = networks.quantize_(make("mlp"), "all", format="block")
    other = copy.deepcopy(model)
    data = list(batches("mlp", 3))
    for one in (model, other):
        train(one, networks.optimizer(one, torch.optim.SGD, lr=0.1), data)
    assert torch.equal(weights(model), weights(other))


def test_seeds_differ_and_repeat():
    found = []
    for seed in (0, 0, 1):
        model = networks.quantize_(make("mlp"), "all", format="block", precision=5, seed=seed)
        train(model, networks.optimizer(model, torch.optim.SGD, lr=0.1), batches("mlp", 3))
        found.append(weights(model))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_minibatches_of_one_step_have_random_numbers_of_their_own():
    """Twice the same batch before a step: twice the same numbers would give twice the same gradient."""
    model = networks.quantize_(make("mlp"), "all", format="block", precision=4, master_format="none")
    ((x, y),) = batches("mlp", 1)
    steps, found = networks.optimizer(model, torch.optim.SGD, lr=0.1), []
    for _ in range(2):
        steps.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        found.append(torch.cat([p.grad.reshape(-1).clone() for p in model.parameters()]))
    assert not torch.equal(*found)


def test_evaluation_in_between_changes_no_bit_of_training():
    found = []
    for looks in (False, True):
        model = networks.quantize_(make("tied"), "all", format="block")
        steps = networks.optimizer(model, torch.optim.SGD, lr=0.1)
        for i, (x, y) in enumerate(batches("tied", 4)):
            if looks:
                model.eval()
                with torch.no_grad():
                    model(x), model(x)
                model.train()
            train(model, steps, [(x, y)], begin=i)
        found.append(weights(model))
    assert torch.equal(*found)


def test_weights_lie_on_their_grid_and_the_copy_does_not():
    model = networks.quantize_(make("mlp"), "master", format="fp8_e4m3")
    steps = networks.optimizer(model, torch.optim.SGD, lr=0.003)
    train(model, steps, batches("mlp", 5))
    for p in model.parameters():
        assert torch.equal(lpbench.quantize(p.detach(), "fp8_e4m3", "nearest_even"), p)
    (copied,) = steps.state_dict()["lpbench"]["copy"]
    assert not torch.equal(copied, weights(model))
    assert torch.allclose(copied, weights(model), rtol=0.13, atol=2.0**-9)


def test_frozen_parameters_and_those_without_a_gradient_stay():
    model = make("mlp")
    model[0].weight.requires_grad_(False)
    networks.quantize_(model, "all", format="block")
    before = [p.detach().clone() for p in model.parameters()]
    steps = networks.optimizer(model, torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.1)
    ((x, y),) = batches("mlp", 1)
    nn.functional.cross_entropy(model(x), y).backward()
    model[2].bias.grad = None
    steps.step()
    same = [torch.equal(one, p) for one, p in zip(before, model.parameters(), strict=True)]
    assert same == [True, False, False, True]


def test_groups_and_schedulers_are_those_of_torch():
    def run(quantized_too):
        model = make("mlp")
        groups = [
            {"params": [model[0].weight, model[2].weight], "weight_decay": 0.1},
            {"params": [model[0].bias, model[2].bias], "lr": 0.01},
        ]
        if quantized_too:
            networks.quantize_(model, format="none")
            steps = networks.optimizer(model, torch.optim.SGD, groups, lr=0.1, momentum=0.9)
        else:
            steps = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
        rule = torch.optim.lr_scheduler.CosineAnnealingLR(steps, 5)
        for x, y in batches("mlp", 5):
            train(model, steps, [(x, y)])
            rule.step()
        return weights(model)

    assert torch.equal(run(False), run(True))


def test_the_loss_scale_is_divided_out_before_gradients_are_clipped():
    def run(scale, unscale):
        model = networks.quantize_(make("mlp"), format="none", loss_scale=scale)
        steps = networks.optimizer(model, torch.optim.SGD, lr=0.5)
        for x, y in batches("mlp", 3):
            steps.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            if unscale:
                steps.unscale()
                nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            steps.step()
        return weights(model)

    assert torch.equal(run(1.0, False), run(256.0, False))
    assert torch.equal(run(1.0, True), run(256.0, True))
    assert not torch.equal(run(1.0, True), run(1.0, False))


def test_weights_that_others_write_become_those_of_the_copy():
    model = networks.quantize_(make("mlp"), "master", format="fp8_e4m3")
    steps = networks.optimizer(model, torch.optim.SGD, lr=0.0)
    with torch.no_grad():
        model[0].weight.fill_(0.5)
    train(model, steps, batches("mlp", 1))
    assert torch.equal(model[0].weight, torch.full((8, 5), 0.5))


def test_what_a_step_did_is_counted():
    model = networks.quantize_(
        make("mlp"), "weights", format="fixed", precision=4, limit=0.25, rounding="nearest_even"
    )
    steps = networks.optimizer(model, torch.optim.SGD, lr=1e-4)
    train(model, steps, batches("mlp", 1))
    assert steps.stall_rate == 1.0
    assert 0 < steps.saturation_rate < 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m: networks.quantize_(m, "al"), "unknown recipe 'al'. Did you mean 'all'"),
        (lambda m: networks.quantize_(m, "ibm8"), "sum_format='none' leaves them in full precision"),
        (lambda m: networks.quantize_(m, "all", sum_format="bf16"), "torch makes the sums of a module's products"),
        (lambda m: networks.quantize_(m, "mxfp4", master_format="same"), "master_format says what updates are"),
        (lambda m: networks.quantize_(m, hadamard=16), "it needs round_at=products"),
        (lambda m: networks.quantize_(m, "quartet", hadamard=12), "hadamard must be a power of two, got 12: 8 and 16"),
        (
            lambda m: networks.quantize_(nn.Sequential(m, nn.GRU(3, 4)), "mxfp8"),
            "1 is of the class GRU: full_precision=1 leaves it alone; recipe=all rounds tensors",
        ),
        (lambda m: networks.quantize_(m, precison=4), "'precison' of quantize_. Did you mean 'precision'"),
        (lambda m: networks.quantize_(m, format="fxed"), "fixed"),
        (lambda m: networks.quantize_(m, "fp8_delayed"), "scale_rule=delayed: tensors of a module are scaled by their"),
        (lambda m: networks.quantize_(m, full_precision="frist"), "no layer is called 'frist'"),
        (lambda m: networks.quantize_(m, limit="2*d"), "give a number, or auto"),
        (lambda m: networks.quantize_(m.half()), "call model.float() first"),
        (lambda m: networks.quantize_(networks.quantize_(m)), "has been quantized already"),
        (lambda m: networks.quantize_(nn.ReLU()), "has no parameters"),
        (lambda m: networks.quantize_(nn.LazyLinear(3)), "pass a batch through the module first"),
        (lambda m: networks.quantize_(m.to("meta")), "0.weight has no numbers yet"),
        (lambda m: networks.quantize_("mlp"), "takes a torch.nn.Module, got str"),
        (lambda m: networks.optimizer(m, torch.optim.SGD, lr=0.1), "call lpbench.networks.quantize_"),
        (lambda m: networks.optimizer(networks.quantize_(m), "sgd"), "such as torch.optim.SGD"),
        (lambda m: networks.optimizer(networks.quantize_(m), torch.optim.LBFGS), "within a step"),
        (
            lambda m: networks.optimizer(networks.quantize_(m), torch.optim.SGD, [nn.Parameter(torch.ones(1))], lr=1.0),
            "none of the quantized model",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(call, said):
    with pytest.raises(ConfigError) as caught:
        call(make("mlp"))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_model_cannot_have_is_said_in_its_step():
    model = networks.quantize_(make("mlp"), "all", format="block")
    with pytest.raises(ConfigError, match="switch autocast off"), torch.autocast("cpu", torch.bfloat16):
        model(model(torch.ones(2, 5))[:, :1].repeat(1, 5))
    steps = networks.optimizer(model, torch.optim.SGD, lr=0.1)
    model.double()
    train_one = next(batches("mlp", 1, torch.float64))
    with pytest.raises(ConfigError, match="move the model first"):
        train(model, steps, [train_one])


def test_integer_parameters_are_named():
    model = make("mlp")
    model[0].codes = nn.Parameter(torch.zeros(3, dtype=torch.int8), requires_grad=False)
    with pytest.raises(ConfigError, match=r"0\.codes is a parameter of int8"):
        networks.quantize_(model)


def test_norms_and_masks_are_left_alone():
    model = networks.quantize_(make("tied"), "all", format="block")
    names = [layer.name for layer in quantized(model).products]
    assert names == ["embedding", "hidden", "output"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("recipe", "choices"),
    [
        ("all", {"format": "fixed", "rounding": "stochastic"}),
        ("all", {"format": "fixed", "rounding": "nearest_even", "limit": 0.5}),
        ("master", {"format": "float", "precision": 6, "random_bits": 3}),
        ("all", {"format": "log", "precision": 6}),
        ("master", {"format": "block", "precision": 6, "block_size": 4, "master_format": "bf16"}),
        ("bf16_kahan", {"rounding": "stochastic"}),
        ("fp8", {}),
    ],
)
def test_other_devices_round_to_the_same_bits(recipe, choices, dtype):
    """By tensor operations, as on a GPU; here on the CPU, where the products are the same."""
    found, counts = [], []
    for kernels in (True, False):
        model = networks.quantize_(make("mlp", dtype), recipe, seed=9, **choices)
        quantized(model).rounding.kernels = kernels
        steps = networks.optimizer(model, torch.optim.SGD, lr=0.1, momentum=0.9)
        train(model, steps, batches("mlp", 18, dtype))
        found.append(weights(model))
        counts.append(steps.counts)
    assert torch.equal(*found)
    assert np.array_equal(*counts)
    assert counts[0][0] > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("form", ["fixed", "block", "log", "fp8_e4m3", "bf16", "mxfp4", "nvfp4", "posit8"])
def test_a_gpu_rounds_to_the_same_bits(form, dtype):
    """Of the same numbers; products and sums differ from device to device."""
    given = {"precision": 6} if form in ("fixed", "block", "log") else {}
    x = torch.randn(64, 48, generator=torch.Generator().manual_seed(2), dtype=torch.float64).to(dtype)
    found = []
    for device in ("cpu", "cuda"):
        made = quantized(networks.quantize_(make("mlp", dtype), "all", seed=4, format=form, **given)).rounding
        found += [
            made.round(role, 0, 1, step, x.to(device)).cpu()
            for role in (ACTIVATIONS, ERRORS)
            for step in (0, 7)
        ]
    for here, there in zip(found[:4], found[4:], strict=True):
        assert torch.equal(here, there)
        assert not torch.equal(here, x)


def test_rounding_leaves_numbers_where_they_lie_and_their_order_decides_nothing():
    """Channels first and last in memory: the same numbers, and each kept as it came."""
    made = quantized(networks.quantize_(make("mlp"), "all", format="fp8_e4m3")).rounding
    x = torch.randn(2, 3, 4, 5)
    found = [
        made.round(ACTIVATIONS, 0, 1, 0, one) for one in (x, x.contiguous(memory_format=torch.channels_last))
    ]
    assert torch.equal(*found)
    assert not torch.equal(found[0], x)
    assert [one.stride() for one in found] == [(60, 20, 5, 1), (60, 1, 15, 3)]
