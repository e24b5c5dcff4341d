"""Modules whose tensors share scales: by rows, channels and tensors, each in its shape."""

import pytest
import torch
from torch import nn

import lpbench
from lpbench import networks
from lpbench.networks.modules.quantizing import quantized

pytestmark = [
    pytest.mark.usefixtures("in_python"),
    pytest.mark.filterwarnings("ignore:overflow encountered"),
]


def trained(name: str, kernels: bool) -> nn.Sequential:
    """Two steps, every tensor rounded to the nearest."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4))
    networks.quantize_(model, recipe="all", format=name, rounding="nearest_even", seed=0)
    steps = networks.optimizer(model, torch.optim.SGD, lr=0.1)
    quantized(model).rounding.kernels = kernels
    x, y = torch.randn(5, 2, 4, 4, generator=torch.Generator().manual_seed(1)), torch.arange(5) % 4
    for _ in range(2):
        steps.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        steps.step()
    return model


@pytest.mark.parametrize("name", ["int8_channel", "int8_tensor", "fp8_row", "mxfp4", "nvfp4"])
def test_weights_are_numbers_of_the_format_in_their_shape(name):
    models = trained(name, True), trained(name, False)
    for p, other in zip(*(model.parameters() for model in models), strict=True):
        w = p.detach()
        assert torch.equal(w, other)
        torch.testing.assert_close(lpbench.quantize(w, name, "nearest_even"), w, rtol=2.0**-21, atol=0)
    filters = models[0][0].weight.detach()
    codes = filters / filters.abs().amax((1, 2, 3), keepdim=True) * 127
    whole = torch.allclose(codes, codes.round(), atol=1e-4)
    assert whole == (name == "int8_channel")
