"""Training loops as users write them: what they do between `backward` and `step`, and to weights, is not lost."""

import copy
import dataclasses
import io
import pickle
from types import MappingProxyType

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import lpbench
from lpbench import networks
from lpbench.errors import ConfigError
from lpbench.networks.modules.quantizing import quantized

random = torch.Generator().manual_seed(3)
X, Y = torch.randn(8, 5, generator=random), torch.randint(0, 3, (8,), generator=random)


def mlp(inplace=False):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(inplace), nn.Linear(8, 3))


def made(recipe="all", kind=torch.optim.SGD, model=None, params=None, lr=0.1, **choices):
    model = networks.quantize_(model or mlp(), recipe, **choices)
    return model, networks.optimizer(model, kind, params, lr=lr)


def back(model):
    nn.functional.cross_entropy(model(X), Y).backward()


def train(model, steps, n=1):
    for _ in range(n):
        steps.zero_grad()
        back(model)
        steps.step()


def weights(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def test_what_a_layer_and_the_whole_give_may_be_written_in_its_place():
    found = []
    for inplace in (False, True):
        model, steps = made(model=mlp(inplace), format="block", loss_scale=4.0)
        out = model(X)
        (out.div_(2.0) if inplace else out / 2.0).square().sum().backward()
        steps.step()
        found.append(weights(model))
    assert torch.equal(*found)


def test_a_second_derivative_passes_through_rounding():
    """As a gradient penalty needs: what is rounded finely is what is not rounded, nearly."""
    found = []
    for choices in ({"format": "none"}, {"format": "block", "precision": 22, "block_size": 4}):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)).double()
        networks.quantize_(model, "all", **choices)
        x = X.double().requires_grad_()
        (g,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        g.square().sum().backward()
        found.append(model[0].weight.grad)
    assert torch.allclose(*found, rtol=1e-4, atol=1e-5)
    assert found[0].abs().max() > 0.01


def lies_on(x, form):
    return torch.equal(lpbench.quantize(x, form, "nearest_even"), x)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_packed_sequences_and_states_are_rounded(kind):
    cells, given, errors = kind(5, 4, batch_first=True, bidirectional=True), [], []
    model, _ = made(model=cells, format="fp8_e4m3")
    model.register_forward_pre_hook(lambda module, args: given.append(args))
    state = torch.randn(2, 4, 4)
    packed = nn.utils.rnn.pack_padded_sequence(X.reshape(4, 2, 5), [2, 2, 1, 1], batch_first=True)
    out, _ = model(packed, (state, state) if kind is nn.LSTM else state)
    out.data.register_hook(errors.append)
    (out.data * torch.randn(out.data.shape)).sum().backward()
    x, h = given[0]
    assert isinstance(x, nn.utils.rnn.PackedSequence)
    assert lies_on(x.data, "fp8_e4m3")
    assert lies_on(h[0] if kind is nn.LSTM else h, "fp8_e4m3")
    assert lies_on(errors[0], "fp8_e4m3")


@pytest.mark.parametrize("way", ["weight_norm", "spectral_norm", "orthogonal"])
def test_a_layer_whose_weights_are_computed_is_a_layer(way):
    model = mlp()
    getattr(parametrizations, way)(model[0])
    model, steps = made(model=model, format="block", full_precision="last")
    assert [layer.name for layer in quantized(model).products] == ["0", "2"]
    train(model, steps, 2)
    whole, exempt = mlp(), {}
    getattr(parametrizations, way)(whole[0])
    for choices in ({"full_precision": "first"}, {"format": "none"}):
        one = networks.quantize_(copy.deepcopy(whole), "weights", **choices)
        exempt[len(exempt)] = torch.cat([p.detach().reshape(-1) for p in one[0].parameters()])
    assert torch.equal(exempt[0], exempt[1])


@dataclasses.dataclass(frozen=True)
class Out:
    logits: torch.Tensor
    more: tuple


class Gives(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp()

    def forward(self, x):
        logits = self.net(x)
        return Out(logits, ({"logits": logits, "n": 1}, None, MappingProxyType({"logits": logits})))


@pytest.mark.parametrize(
    "which",
    [lambda out: out.logits, lambda out: out.more[0]["logits"], lambda out: out.more[2]["logits"]],
)
def test_the_loss_scale_reaches_whatever_a_model_gives(which):
    found = []
    for scale in (1.0, 256.0):
        model, steps = made("weights", model=Gives(), format="none", loss_scale=scale)
        nn.functional.cross_entropy(which(model(X)), Y).backward()
        steps.step()
        found.append(weights(model))
    assert torch.equal(*found)


def test_a_loss_scale_that_reaches_nothing_is_not_divided_out():
    model, steps = made("weights", format="none", loss_scale=256.0)
    nn.functional.cross_entropy(model.forward(X), Y).backward()
    with pytest.raises(ConfigError, match="loss_scale=256 has reached no output: call the model itself"):
        steps.step()


@pytest.mark.parametrize(
    "clear", [lambda model, steps: model.zero_grad(), lambda model, steps: steps.zero_grad(False)]
)
def test_a_step_that_is_skipped_after_unscale_leaves_no_trace(clear):
    found = []
    for skips in (False, True):
        model, steps = made("all", format="block", loss_scale=256.0, rounding="nearest_even")
        if skips:
            back(model)
            steps.unscale()
            clear(model, steps)
        back(model)
        steps.unscale()
        steps.unscale()
        steps.step()
        found.append(weights(model))
    assert torch.equal(*found)


def test_a_gradient_that_comes_after_unscale_is_an_error():
    model, steps = made("weights", format="none", loss_scale=256.0)
    nn.functional.cross_entropy(model(X), Y).backward(inputs=[model[2].bias])
    steps.unscale()
    back(model)
    with pytest.raises(ConfigError, match="call it after the last backward pass"):
        steps.step()


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD, torch.optim.Adafactor])
def test_parameters_that_are_unfrozen_later_take_their_steps_as_torch_has_it(kind):
    found = []
    for quantizes in (False, True):
        model = mlp()
        model[0].requires_grad_(False)
        if quantizes:
            model, steps = made("weights", kind, model, list(model.parameters()), format="none", lr=0.05)
        else:
            steps = kind(model.parameters(), lr=0.05)
        for frozen in (True, True, False, True, False):
            model[0].weight.requires_grad_(not frozen)
            train(model, steps, 2)
        found.append(weights(model))
    assert torch.equal(*found)


def test_a_run_whose_parameters_had_gradients_at_times_goes_on_to_the_same_bits():
    def train_some(model, steps, begin, end):
        for i in range(begin, end):
            model[0].weight.requires_grad_(i % 2 == 1)
            train(model, steps)

    def begin():
        model = mlp()
        return made("bf16_kahan", torch.optim.Adam, model, list(model.parameters()))

    (whole, steps), (cut, first), (then, last) = begin(), begin(), begin()
    train_some(whole, steps, 0, 6)
    train_some(cut, first, 0, 3)
    last.load_state_dict(first.state_dict())
    then.load_state_dict(cut.state_dict())
    train_some(then, last, 3, 6)
    assert torch.equal(weights(whole), weights(then))


def test_a_parameter_without_a_gradient_is_not_rounded_anew():
    model, steps = made("master", format="fp8_e4m3")
    train(model, steps)
    before = weights(model)
    steps.zero_grad()
    steps.step()
    assert torch.equal(weights(model), before)


def test_a_state_is_read_as_torch_reads_it_by_default():
    model, steps = made(format="fixed")
    train(model, steps, 2)
    disk = io.BytesIO()
    torch.save(steps.state_dict(), disk)
    disk.seek(0)
    steps.load_state_dict(torch.load(disk, weights_only=True))


def test_weights_that_are_loaded_before_the_optimizer_is_made_are_trained():
    model = networks.quantize_(mlp(), "master", format="fp8_e4m3")
    model.load_state_dict({name: torch.full_like(w, 0.5) for name, w in model.state_dict().items()})
    train(model, networks.optimizer(model, torch.optim.SGD, lr=0.0))
    assert torch.equal(weights(model), torch.full_like(weights(model), 0.5))


def test_the_order_in_which_states_are_loaded_does_not_matter():
    model, steps = made("master", format="fp8_e4m3", lr=0.01)
    train(model, steps, 3)
    states = copy.deepcopy((model.state_dict(), steps.state_dict()))
    train(model, steps, 3)
    for first in (0, 1):
        other = made("master", format="fp8_e4m3", lr=0.01)
        for which in (first, 1 - first):
            other[which].load_state_dict(states[which])
        train(*other, 3)
        assert torch.equal(weights(model), weights(other[0]))


def clamp(model):
    for p in model.parameters():
        p.data.clamp_(-0.125, 0.125)


def replace(model):
    for p in model.parameters():
        p.data = p.data.clamp(-0.125, 0.125)


@pytest.mark.parametrize("write", [clamp, replace])
@pytest.mark.parametrize("recipe", ["master", "all"])
def test_what_is_written_past_the_count_of_versions_is_kept(recipe, write):
    model, steps = made(recipe, format="fp8_e4m3", lr=0.0)
    write(model)
    train(model, steps)
    assert weights(model).abs().max() == 0.125


@pytest.mark.parametrize("back_by", ["copy", "data"])
def test_weights_that_were_exchanged_for_an_evaluation_leave_the_copy_as_it_was(back_by):
    found = []
    for looks in (False, True):
        model, steps = made("master", format="fp8_e4m3", lr=0.001)
        for _ in range(20):
            train(model, steps)
            if looks:
                with torch.no_grad():
                    own = [p.clone() for p in model.parameters()]
                    for p, w in zip(model.parameters(), own, strict=True):
                        p.mul_(0.5)
                        if back_by == "data":
                            p.data = w
                        else:
                            p.copy_(w)
        found.append(weights(model))
    assert torch.equal(*found)


def test_an_optimizer_that_could_not_be_made_may_be_made_again():
    model = networks.quantize_(mlp(), "master", format="block")
    with pytest.raises(ValueError, match="Invalid learning rate"):
        networks.optimizer(model, torch.optim.SGD, lr=-1.0)
    train(model, networks.optimizer(model, torch.optim.SGD, lr=0.1))
    train(model, networks.optimizer(model, torch.optim.AdamW, lr=0.1))


def test_two_optimizers_share_a_model():
    model = networks.quantize_(mlp(), "master", format="block")
    one = networks.optimizer(model, torch.optim.SGD, model[0].parameters(), lr=0.1)
    two = networks.optimizer(model, torch.optim.Adam, model[2].parameters(), lr=0.1)
    before = weights(model)
    for _ in range(3):
        back(model)
        for steps in (one, two):
            steps.step()
            steps.zero_grad()
    assert (weights(model) != before).float().mean() > 0.5
    assert one.counts[0] > 0
    assert two.counts[0] > 0


def test_matrices_alone_have_their_optimizers():
    model, steps = made(kind=torch.optim.Muon, model=nn.Linear(5, 3, bias=False), format="block")
    train(model, steps)


@pytest.mark.parametrize("recipe", ["master", "all", "bf16_kahan"])
@pytest.mark.parametrize("way", [copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))])
def test_model_and_optimizer_are_copied_together(way, recipe):
    model, steps = made(recipe, torch.optim.Adam, lr=0.01)
    train(model, steps, 2)
    torch.optim.lr_scheduler.LinearLR(steps)
    other, theirs = way((model, steps))
    for both in ((model, steps), (other, theirs)):
        train(*both, 3)
    assert torch.equal(weights(model), weights(other))


def test_a_model_that_was_saved_whole_has_an_optimizer_of_its_own():
    model, steps = made(format="block")
    train(model, steps, 2)
    other = pickle.loads(pickle.dumps(model))
    theirs = networks.optimizer(other, torch.optim.SGD, lr=0.1)
    theirs.load_state_dict(steps.state_dict())
    for both in ((model, steps), (other, theirs)):
        train(*both, 3)
    assert torch.equal(weights(model), weights(other))


@torch.no_grad()
def evaluated(model):
    model.eval()
    model(torch.full((1, 5), 100.0))
    model.train()


def empty(model):
    model(X[:0]).sum().backward()


@pytest.mark.parametrize("look", [evaluated, empty])
def test_ranges_are_those_of_the_first_numbers_that_train(look):
    found = []
    for looks in (False, True):
        model, _ = made(format="fixed", rounding="nearest_even")
        if looks:
            look(model)
            model.zero_grad()
        back(model)
        found.append(dict(quantized(model).rounding.extents))
    assert found[0] == found[1]


def test_derivatives_that_are_all_zero_tell_no_range():
    """As those of the layers before one that begins at zero."""
    model = mlp()
    nn.init.zeros_(model[2].weight)
    model, steps = made("all", model=model, format="fixed", precision=16)
    train(model, steps, 3)
    errors = quantized(model).rounding.extents[2, 0]
    assert 0 < errors < 1
    assert model[0].weight.grad.abs().max() > 0


def test_layers_in_the_mode_of_evaluation_train_with_new_random_numbers_in_every_step():
    model, steps = made(format="block", precision=4, lr=0.0)
    model.eval()
    given = []
    model[0].register_forward_pre_hook(lambda module, args: given.append(args[0].clone()))
    train(model, steps, 2)
    assert not torch.equal(*given)
    assert (1, 0) not in quantized(model).rounding.extents


def test_a_group_that_is_refused_is_not_there():
    model, steps = made(format="block")
    with pytest.raises(ConfigError, match="none of the quantized model"):
        steps.add_param_group({"params": [nn.Parameter(torch.zeros(2))]})
    train(model, steps)


def test_parameters_that_are_no_longer_the_models_are_named():
    model, steps = made(format="block")
    train(model, steps)
    model.load_state_dict(model.state_dict(), assign=True)
    with pytest.raises(ConfigError, match=r"0.weight is another parameter since .*load without assign"):
        train(model, steps)


def test_the_state_of_another_model_is_refused():
    other = made("weights", model=nn.Linear(5, 3), format="block")[1].state_dict()
    with pytest.raises(ConfigError, match="of another model or recipe"):
        made("weights", format="block")[1].load_state_dict(other)


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.Adafactor])
def test_a_weight_that_is_one_number_counts_its_steps(kind):
    model = mlp()
    model.scale = nn.Parameter(torch.tensor(2.0))
    model.register_forward_hook(lambda module, args, out: out * module.scale)
    model, steps = made(kind=kind, model=model, format="fp8_e4m3")
    train(model, steps, 21)
    assert {float(state["step"]) for state in steps.state_dict()["state"].values()} == {21.0}
