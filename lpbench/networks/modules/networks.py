"""Modules that ship: those of the compiled engine's layers, residual networks, LSTMs, transformers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from lpbench.networks.architecture import Layer


class Built(nn.Module):
    """The layers of the compiled engine by torch; samples (N, height, width, channels), or any shape of that size."""

    def __init__(self, net: Sequence[Layer]):
        super().__init__()
        self.net = tuple(net)
        for layer in self.net:
            made = nn.Linear(layer.fan_in, layer.outputs) if layer.is_dense else _convolution(layer)
            self.add_module(layer.name, made)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes)."""
        x = x.reshape(len(x), *self.net[0].inputs).permute(0, 3, 1, 2).contiguous()
        for i, layer in enumerate(self.net):
            if layer.is_dense and x.ndim > 2:
                x = x.permute(0, 2, 3, 1).reshape(len(x), -1)  # in the order of the compiled engine's weights
            x = self.get_submodule(layer.name)(x)
            if i + 1 < len(self.net):
                x = torch.relu(x)
                if layer.pool > 1:
                    x = F.max_pool2d(x, (layer.pool if x.shape[2] > 1 else 1, layer.pool))
        return x

    @torch.no_grad()
    def start(self, initial: Sequence[tuple[Any, Any]]) -> None:
        """The weights (fan_in, outputs) and biases that the compiled engine starts from (`assembly.initial`)."""
        for layer, (matrix, bias) in zip(self.net, initial, strict=True):
            own: Any = self.get_submodule(layer.name)
            w = torch.from_numpy(matrix)
            if not layer.is_dense:
                w = w.reshape(*layer.window, layer.inputs[2], layer.outputs).permute(3, 2, 0, 1)
            else:
                w = w.T
            own.weight.copy_(w)
            own.bias.copy_(torch.from_numpy(bias))


def _convolution(layer: Layer) -> nn.Conv2d:
    return nn.Conv2d(layer.inputs[2], layer.outputs, layer.window, stride=layer.stride, padding=layer.padding)


class Residual(nn.Module):
    """x + f(x), f two convolutions of windows of 3 with batch normalisation; where shapes differ, a projection of x.

    Source: He et al. 2016, "Deep Residual Learning for Image Recognition", figure 2.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, dims: int):
        super().__init__()
        conv, norm = _of(dims)
        self.conv1 = conv(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = norm(outputs)
        self.conv2 = conv(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = norm(outputs)
        self.project = conv(inputs, outputs, 1, stride=stride, bias=False) if inputs != outputs else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As many positions as x has, over the stride."""
        out = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        return torch.relu(out + (x if self.project is None else self.project(x)))


class ResNet(nn.Module):
    """Three stages of `depth` residual blocks of `width`, 2 `width` and 4 `width` channels; the mean over positions.

    Samples (channels, length) or (channels, height, width).
    """

    def __init__(self, inputs: Sequence[int], classes: int, width: int, depth: int):
        super().__init__()
        dims = len(inputs) - 1
        conv, norm = _of(dims)
        self.stem = conv(inputs[0], width, 3, padding=1, bias=False)
        self.norm = norm(width)
        blocks, channels = [], width
        for stage in range(3):
            for block in range(depth):
                outputs = width * 2**stage
                blocks.append(Residual(channels, outputs, 2 if stage > 0 and block == 0 else 1, dims))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.output = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes)."""
        x = self.blocks(torch.relu(self.norm(self.stem(x))))
        return self.output(x.flatten(2).mean(2))


def _of(dims: int) -> tuple[type[nn.Module], type[nn.Module]]:
    return (nn.Conv1d, nn.BatchNorm1d) if dims == 1 else (nn.Conv2d, nn.BatchNorm2d)


class Tagger(nn.Module):
    """An embedding, `depth` LSTM layers of `width`, and a class for each position; samples (length,) of tokens."""

    def __init__(self, tokens: int, classes: int, width: int, depth: int):
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.lstm = nn.LSTM(width, width, depth, batch_first=True)
        self.output = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, length, classes)."""
        return self.output(self.lstm(self.embedding(x))[0])


class Attention(nn.Module):
    """Causal attention of several heads, and a hidden layer, each beside the stream and normalised before it."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.hidden = nn.Linear(width, 4 * width)
        self.back = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, length, width)."""
        n, length, width = x.shape
        parts = self.project(self.norm1(x)).view(n, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.attended(seen.transpose(1, 2).reshape(n, length, width))
        return x + self.back(F.gelu(self.hidden(self.norm2(x))))


class Transformer(nn.Module):
    """A causal transformer: which token comes next, at each position; samples (length,) of tokens.

    Source: Vaswani et al. 2017, "Attention Is All You Need", the decoder, normalised before each part.
    """

    def __init__(self, tokens: int, length: int, classes: int, width: int, depth: int):
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.places = nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(Attention(width, math.gcd(4, width)) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, length, classes)."""
        places = torch.arange(x.shape[1], device=x.device)
        return self.output(self.norm(self.blocks(self.embedding(x) + self.places(places))))
