"""Small torch modules, and the loop that trains them: what the tests of quantized modules run."""

import numpy as np
import torch
from torch import nn

from lpbench.arithmetic.generator import mix, random_bits, step_words


class Tied(nn.Module):
    """An embedding whose weights are those of the output, dropout, a norm, and a layer that is used twice."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 6)
        self.hidden = nn.Linear(6, 6)
        self.norm = nn.BatchNorm1d(6)
        self.drop = nn.Dropout(0.3)
        self.output = nn.Linear(6, 7, bias=False)
        self.output.weight = self.embedding.weight

    def forward(self, x):
        x = torch.relu(self.hidden(self.embedding(x).mean(1)))
        return self.output(self.drop(self.norm(torch.relu(self.hidden(x)))))


def mlp():
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))


def recurrent():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(5, 4, batch_first=True)
            self.output = nn.Linear(4, 3)

        def forward(self, x):
            return self.output(self.gru(x[:, None, :].repeat(1, 3, 1))[0][:, -1])

    return Net()


def attending():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(5, 1, batch_first=True)
            self.output = nn.Linear(5, 3)

        def forward(self, x):
            x = x[:, None, :].repeat(1, 3, 1)
            return self.output(self.attention(x, x, x)[0].mean(1))

    return Net()


MODELS = {"mlp": mlp, "tied": Tied, "recurrent": recurrent, "attending": attending}
KINDS = {
    "sgd": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    "adamw": (torch.optim.AdamW, {"lr": 0.01}),
    "adafactor": (torch.optim.Adafactor, {"lr": 0.01}),
}


def make(name, dtype=torch.float32):
    torch.manual_seed(0)
    return MODELS[name]().to(dtype)


def batches(name, steps, dtype=torch.float32):
    random = torch.Generator().manual_seed(1)
    for _ in range(steps):
        if name == "tied":
            yield torch.randint(0, 7, (4, 3), generator=random), torch.randint(0, 7, (4,), generator=random)
        else:
            x = torch.randn(4, 5, generator=random, dtype=torch.float64)
            yield x.to(dtype), torch.randint(0, 3, (4,), generator=random)


def train(model, steps, data, begin=0):
    for step, (x, y) in enumerate(data, begin):
        torch.manual_seed(step)  # dropout
        steps.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        steps.step()
    return loss.item()


def weights(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def drawn(key, role, place, part, step, n):
    """The random bits (n,) of a tensor, as the generator defines them."""
    with np.errstate(over="ignore"):
        number = np.uint32((part << 19) + (role << 16) + place + 0x9E3779B9)
        words = step_words(mix(np.uint32(key ^ mix(number))), step)
        return np.array([int(random_bits(*words, j)) for j in range(n)], np.int64)
