"""MX and NVFP4 beside torchao's emulation, bit for bit, where it is installed: `pip install torchao`."""

import numpy as np
import pytest

import lpbench
from lpbench.formats import Scaled

mx = pytest.importorskip("torchao.prototype.mx_formats.mx_tensor", exc_type=ImportError)
nvfp4 = pytest.importorskip("torchao.prototype.mx_formats.nvfp4_tensor", exc_type=ImportError)


def numbers(rows, spread):
    """(rows, 64) float32 of many sizes, blocks of zeros among them."""
    import torch

    random = np.random.default_rng(0)
    x = random.standard_normal((rows, 64)) * np.exp(spread * random.standard_normal((rows, 1)))
    x[::50] = 0
    return torch.from_numpy(x.astype(np.float32))


@pytest.mark.parametrize("element", ["e4m3", "e5m2", "e2m1"])
@pytest.mark.parametrize("rule", ["floor", "ceil", "rceil", "even"])
def test_blocks_of_32(element, rule):
    import torch
    from torchao.prototype.mx_formats.config import ScaleCalculationMode

    kind = {"e4m3": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2, "e2m1": torch.float4_e2m1fn_x2}[element]
    x = numbers(2**11, 3.0)
    theirs = mx.MXTensor.to_mx(x, kind, 32, ScaleCalculationMode(rule)).dequantize(torch.float32)
    ours = lpbench.quantize(x, Scaled(element, 32, "e8m0", rule), "nearest_even")
    assert ours.numpy().tobytes() == theirs.numpy().tobytes()


def test_two_scales():
    import torch

    x = numbers(2**11, 0.5)  # its least scale is 2^-6 of the tensor's, not 2^-9
    scale = nvfp4.per_tensor_amax_to_scale(x.abs().max())
    theirs = nvfp4.NVFP4Tensor.to_nvfp4(x, per_tensor_scale=scale).dequantize(torch.float32)
    assert np.array_equal(lpbench.quantize(x, "nvfp4", "nearest_even").numpy(), theirs.numpy())
