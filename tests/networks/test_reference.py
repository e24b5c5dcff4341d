"""Whole runs against plain numpy, written from what the semantics say: only layer shapes and random words are shared.

The reference knows nothing of padding, windows' offsets or bound kernels. It rounds by `lpbench.quantize` with the
uniforms spelled out; the number of an element in its tensor is its place where rows are filled up to 16 columns.
"""

import nets
import numpy as np
import pytest
from interpreted import interpreted

import lpbench
from lpbench.arithmetic.generator import INITIAL, ORDER, ROUNDING, mix, random_bits, step_words, stream
from lpbench.formats import Block, Fixed, Float, Scaled, get

GOLDEN, ROLES, PLACES, JUDGED = 0x9E3779B9, 8, 1024, 2**31
ROLE = {
    name: i
    for i, name in enumerate(
        ("weights", "activations", "errors", "gradients", "momentum", "master", "second", "operands")
    )
}


def filled(n):
    return -(-n // 16) * 16


class Reference:
    """One cell. `forms` gives each role a (format, rounding); a role without one is left alone.

    operands   the same by place, of the six operands of a layer's products.
    """

    def __init__(self, problem, choices, forms, operands=()):
        self.problem, self.net, self.choices, self.forms = problem, problem.net, choices, forms
        self.operands, self.history = operands, {}
        self.key = stream(choices["seed"], ROUNDING)
        random = np.random.default_rng(int(stream(choices["seed"], INITIAL)))
        self.w = []
        for layer in self.net:
            bound = 1 / np.sqrt(layer.fan_in)
            self.w += [random.uniform(-bound, bound, size) for size in (layer.shape, layer.outputs)]
        self.initial = [np.abs(w).max() for w in self.w]
        self.kept = (
            [self.nearest("master", i, w) for i, w in enumerate(self.w)] if "master" in forms else None
        )
        self.w = [self.nearest("weights", i, w) for i, w in enumerate(self.kept or self.w)]
        self.m, self.v, self.c = ([np.zeros_like(w) for w in self.w] for _ in range(3))
        self.taken, self.moved, self.stalled = [], 0, 0

    # -- rounding ---------------------------------------------------------------------------------------------------

    def form(self, role, place, layer):
        """The format of a tensor of the role, with its rounding; None where it is left alone."""
        if role == "operands":
            chosen = self.operands[place % 6] if self.operands else None
        else:
            chosen = self.forms.get("momentum" if role == "second" else role)
        if chosen is None or (layer is not None and self.net[layer].name in self.choices.get("exempt", ())):
            return None, None
        form, rounding = chosen
        return (form(self.initial[place]) if callable(form) else form), rounding

    def quantized(self, role, place, step, x, numbers, layer, part=0, axis=None):
        form, rounding = self.form(role, place, layer)
        if form is None:
            return x
        number = ((1024 + part) * ROLES if role == "sums" else part * ROLES + ROLE[role]) * PLACES + place
        with np.errstate(over="ignore"):
            tensor = np.uint32(number)
            words = step_words(mix(np.uint32(self.key ^ mix(np.uint32(tensor + np.uint32(GOLDEN))))), step)
            drawn = [int(random_bits(*words, j)) for j in numbers.ravel().tolist()]
        uniforms = np.array(drawn).reshape(x.shape) / 2.0**32
        if getattr(form, "rule", None) == "delayed":
            return self.delayed((role, place), form, rounding, step, x, uniforms)
        return lpbench.quantize(x, form, rounding, uniforms if rounding == "stochastic" else None, axis=axis)

    def delayed(self, tensor, form, rounding, step, x, uniforms):
        """By the largest magnitude of the 16 times before: as elements, in units of the scale that it makes."""
        before = self.history.setdefault(tensor, [])
        largest = max(before[-16:], default=0.0) or np.abs(x).max()
        unit = float(np.float32(largest / form.element.max))
        if step < JUDGED:
            before.append(np.abs(x).max())
        return unit * lpbench.quantize(
            x / unit, form.element, rounding, uniforms if rounding == "stochastic" else None
        )

    def nearest(self, role, i, w):
        form, _ = self.form(role, i, i // 2)
        axis = 1 if self.has_channels(form, i) else None
        return w if form is None else lpbench.quantize(w, form, "nearest_even", axis=axis)

    def has_channels(self, form, i):
        """Whether each output of these weights has a scale of its own."""
        return getattr(form, "block", None) == "channel" and i % 2 == 0

    def weight_numbers(self, i, channels_apart=False):
        layer = self.net[i // 2]
        if i % 2:
            return np.arange(layer.outputs)
        channels = layer.inputs[2]
        across = channels if i == 0 else filled(channels)
        place = np.arange(layer.window[0] * layer.window[1])[:, None] * across + np.arange(channels)
        if channels_apart:
            return place.reshape(-1, 1) + place.shape[0] * across * np.arange(layer.outputs)
        return place.reshape(-1, 1) * filled(layer.outputs) + np.arange(layer.outputs)

    def of_tensor(self, role, i, step, x, part=0):
        apart = self.has_channels(self.form(role, i, i // 2)[0], i)
        numbers = self.weight_numbers(i, apart)
        return self.quantized(role, i, step, x, numbers, i // 2, part, 1 if apart else None)

    # -- operands: what is summed together lies in rows, filled up to whole groups ----------------------------------

    def operand(self, i, which, step, matrix):
        numbers = np.arange(matrix.size).reshape(matrix.shape)
        return self.quantized("operands", 6 * i + which, step, matrix, numbers, i)

    def rotated(self, i, product, step, x, axis):
        """x with the numbers along `axis` rotated, by a matrix; `product` 0 forward, 1 back, 2 gradient."""
        order = self.choices.get("hadamard")
        forms = [self.form("operands", 6 * i + 2 * product + j, i)[0] for j in range(2)]
        chosen = {"gradient": (2,), "backward": (1, 2)}.get(self.choices.get("hadamard_at"), (0, 1, 2))
        if not order or None in forms or product not in chosen:
            return x
        with np.errstate(over="ignore"):
            tensor = np.uint32((ROLES + ROLE["operands"]) * PLACES + 6 * i + 2 * product)
            words = step_words(mix(np.uint32(self.key ^ mix(np.uint32(tensor + np.uint32(GOLDEN))))), step)
            bits = [int(random_bits(*words, j)) >> 31 for j in range(x.shape[axis])]
        return np.moveaxis(np.tensordot(rotation(bits, order), x, (1, axis)), 0, axis)

    def of_input(self, i, which, step, x, turned):
        """Samples (N, height, width, channels), borders included."""
        layer, channels = self.net[i], x.shape[3]
        x = self.rotated(i, which // 2, step, x, 0 if turned else 3)
        whole = np.pad(x, ((0, 0), (0, 0), (0, 0), (0, (filled(channels) if i else channels) - channels)))
        together = whole.shape[3] if i and not layer.is_dense else whole[0].size
        rows = whole.reshape(-1, together)
        found = self.operand(i, which, step, rows.T).T if turned else self.operand(i, which, step, rows)
        return found.reshape(whole.shape)[..., :channels]

    def of_weights(self, i, which, step, turned):
        layer, w = self.net[i], self.w[2 * i]
        channels = layer.inputs[2]
        cube = w.reshape(*layer.window, channels, layer.outputs)
        cube = self.rotated(i, which // 2, step, cube, 2 if turned else 3)
        more = (filled(channels) if i else channels) - channels
        cube = np.pad(cube, ((0, 0), (0, 0), (0, more), (0, filled(layer.outputs) - layer.outputs)))
        rows = cube.reshape(-1, cube.shape[3])
        found = self.operand(i, which, step, rows.T).T if turned else self.operand(i, which, step, rows)
        return found.reshape(cube.shape)[:, :, :channels, : layer.outputs].reshape(w.shape)

    def of_errors(self, i, which, step, e, turned):
        """(rows, outputs)."""
        if turned:
            samples = self.choices["batch_size"]
            e = self.rotated(i, 2, step, e.reshape(samples, -1), 0).reshape(e.shape)
        else:
            e = self.rotated(i, 1, step, e, 1)
        rows = np.pad(e, ((0, 0), (0, filled(e.shape[1]) - e.shape[1])))
        found = self.operand(i, which, step, rows.T).T if turned else self.operand(i, which, step, rows)
        return found[:, : e.shape[1]]

    # -- sums: term after term, in the order in which the filled rows lie in memory ------------------------------------

    def summed(self, product, i, step, A, B, line=0):
        """A B, (m, n), from A (m, K) and B (K, n): of which each sum is kept in the accumulator."""
        if "sums" not in self.forms:
            return A @ B
        (m, K), n, chunk = A.shape, B.shape[1], self.choices["sum_chunk"]
        numbers = np.arange(m)[:, None] * filled(n) + np.arange(n)
        total = np.zeros((m, n))
        for k in range(K):
            total = total + np.outer(A[:, k], B[k])
            if (k + 1) % chunk == 0 or k + 1 == K:
                part = line * -(-K // chunk) + k // chunk
                total = self.quantized("sums", 3 * i + product, step, total, numbers, i, part)
        return total

    def in_rows(self, i, x):
        """Channels (..., channels) filled up where the layer is not the first."""
        more = filled(x.shape[-1]) - x.shape[-1] if i else 0
        return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, more)])

    def matrix(self, i, w):
        """Weights (fan_in, outputs), channels filled up."""
        layer = self.net[i]
        cube = w.reshape(*layer.window, layer.inputs[2], layer.outputs).swapaxes(2, 3)
        return self.in_rows(i, cube).swapaxes(2, 3).reshape(-1, layer.outputs)

    def without(self, i, rows):
        """The inverse: (..., window, filled channels) to (..., window, channels)."""
        layer = self.net[i]
        whole = rows.reshape(*rows.shape[:-1], *layer.window, -1)
        return whole[..., : layer.inputs[2]]

    # -- passes -----------------------------------------------------------------------------------------------------

    def bordered(self, x, layer):
        (down, right) = layer.padding
        return np.pad(x, ((0, 0), (down, down), (right, right), (0, 0)))

    def places(self, layer):
        rows, columns = layer.positions
        return [(r * layer.stride[0], c * layer.stride[1]) for r in range(rows) for c in range(columns)]

    def windows(self, x, layer):
        """(N, positions, fan_in) of samples with their borders."""
        (h, w), n = layer.window, len(x)
        return np.stack([x[:, r : r + h, c : c + w].reshape(n, -1) for r, c in self.places(layer)], 1)

    def pooled(self, y, layer):
        """Squares side by side: (N, height, width, squares' positions, channels)."""
        tall, wide, _ = layer.image
        side = layer.pool
        parts = [
            y[:, r : r + side * tall : side, c : c + side * wide : side]
            for r in range(side)
            for c in range(side)
        ]
        return np.stack([part[:, :tall, :wide] for part in parts], 3)

    def forward(self, x, step):
        """Logits of samples (N, height, width, channels), and what the backward pass asks for."""
        x = self.bordered(x, self.net[0])
        x = self.quantized("activations", 0, step, x.reshape(len(x), -1), np.arange(x.size), None).reshape(
            x.shape
        )
        inputs, outputs = [], []
        for i, layer in enumerate(self.net):
            inputs.append(x)
            q = self.of_input(i, 0, step, x, turned=False)
            patches = self.windows(self.in_rows(i, q), layer)
            w = self.matrix(i, self.of_weights(i, 1, step, turned=True))
            y = self.summed(0, i, step, patches.reshape(-1, len(w)), w) + self.w[2 * i + 1]
            outputs.append(y.reshape(len(x), *layer.positions, layer.outputs))
            if i + 1 < len(self.net):
                a = np.maximum(outputs[-1], 0)
                a = self.pooled(a, layer).max(3) if layer.pool > 1 else a
                numbers = np.arange(a.size // layer.outputs)[:, None] * filled(layer.outputs) + np.arange(
                    layer.outputs
                )
                a = self.quantized("activations", i + 1, step, a.reshape(-1, layer.outputs), numbers, i)
                below = self.net[i + 1]
                x = self.bordered(a.reshape(len(x), *below.inputs), below)
        return outputs[-1].reshape(len(x), -1), inputs, outputs

    def losses(self, z, y):
        z = z - z.max(1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        return np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y], p

    def gradients(self, x, y, step):
        """The mean loss of a batch, and the scaled derivatives by all weights."""
        z, inputs, outputs = self.forward(x, step)
        losses, p = self.losses(z, y)
        p[np.arange(len(y)), y] -= 1
        e, found = p * (self.choices["loss_scale"] / len(y)), [None] * len(self.w)
        for i in range(len(self.net) - 1, -1, -1):
            layer = self.net[i]
            e = e.reshape(-1, layer.outputs)
            numbers = np.arange(len(e))[:, None] * filled(layer.outputs) + np.arange(layer.outputs)
            e = self.quantized("errors", i, step, e, numbers, i)
            q = self.of_input(i, 4, step, inputs[i], turned=True)
            patches = self.windows(self.in_rows(i, q), layer).reshape(len(e), layer.window[0], -1)
            other = self.of_errors(i, 5, step, e, turned=True)
            if layer.is_dense:
                patches = patches.reshape(len(e), 1, -1)
            lines = [self.summed(2, i, step, patches[:, k].T, other, k) for k in range(patches.shape[1])]
            whole = self.without(i, np.concatenate(lines).T)
            found[2 * i], found[2 * i + 1] = whole.reshape(layer.outputs, -1).T, e.sum(0)
            if i:
                e = self.of_errors(i, 2, step, e, turned=False)
                w = self.matrix(i, self.of_weights(i, 3, step, turned=False))
                parts = self.without(i, self.summed(1, i, step, e, w.T))
                e = self.back(i, parts, inputs[i], outputs[i - 1])
        return losses.mean(), found

    def back(self, i, parts, x, before):
        """From the derivatives by a layer's windows to the errors of the one before, whose outputs are `before`."""
        layer, above = self.net[i], self.net[i - 1]
        parts = parts.reshape(len(x), -1, *layer.window, layer.inputs[2])
        d = np.zeros_like(x)
        for part, (r, c) in zip(parts.swapaxes(0, 1), self.places(layer), strict=True):
            d[:, r : r + layer.window[0], c : c + layer.window[1]] += part
        (down, right), (height, width) = layer.padding, layer.inputs[:2]
        d = d[:, down : down + height, right : right + width].reshape(len(x), *above.image)
        if above.pool == 1:
            return d * (before.reshape(d.shape) > 0)
        squares, e = self.pooled(before, above), np.zeros_like(before)
        for n, r, c, j in np.ndindex(d.shape):
            square = squares[n, r, c, :, j]
            if square.max() > 0:
                q = int(square.argmax())
                e[n, r * above.pool + q // above.pool, c * above.pool + q % above.pool, j] = d[n, r, c, j]
        return e

    # -- the optimizer ----------------------------------------------------------------------------------------------

    def batches(self):
        c, n = self.choices, self.problem.n_samples
        each, key = n // c["batch_size"], int(stream(c["seed"], ORDER))
        for t in range(c["steps"]):
            random = np.random.default_rng([key, t // each])
            order = random.permutation(n)[: each * c["batch_size"]].reshape(each, -1)
            yield t, order[t % each]

    def samples(self, X):
        return X.reshape(len(X), *self.net[0].inputs)

    def run(self):
        """The mean losses of the batches."""
        c, losses = self.choices, []
        for t, chosen in self.batches():
            loss, gradients = self.gradients(self.samples(self.problem.X[chosen]), self.problem.y[chosen], t)
            losses.append(loss)
            for i, g in enumerate(gradients):
                self.update(i, t, g)
            start, every = c.get("average_start"), c.get("average_every")
            if every and t + 1 >= start and (t + 1 - start) % every == 0:
                self.taken.append([w.copy() for w in self.w])
        return losses

    def update(self, i, t, g):
        c, w = self.choices, self.w[i] if self.kept is None else self.kept[i]
        g = self.of_tensor("gradients", i, t, g) / c["loss_scale"]
        mu, decay, alpha = c["momentum"], c["weight_decay"], c["step_size"]
        if c["algorithm"] == "lp_adamw":
            nu = c["second_momentum"]
            self.v[i] = self.of_tensor("second", i, t, nu * self.v[i] + (1 - nu) * g**2)
            self.m[i] = self.of_tensor("momentum", i, t, mu * self.m[i] + (1 - mu) * g)
            m, v = self.m[i] / (1 - mu ** (t + 1)), self.v[i] / (1 - nu ** (t + 1))
            u = alpha * (m / (np.sqrt(v) + 1e-8) + decay * w)
        elif mu:
            self.m[i] = self.of_tensor("momentum", i, t, mu * self.m[i] + g + decay * w)
            u = alpha * self.m[i]
        else:
            u = alpha * (g + decay * w)
        role = "weights" if self.kept is None else "master"
        if c["compensation"] == "kahan":
            y = self.of_tensor(role, i, t, -u - self.c[i], 1)
            new = self.of_tensor(role, i, t, w + y)
            self.c[i] = self.of_tensor(role, i, t, self.of_tensor(role, i, t, new - w, 2) - y, 3)
        else:
            new = self.of_tensor(role, i, t, w - u)
        if t % 16 == 0:
            self.moved += int((u != 0).sum())
            self.stalled += int(((u != 0) & (new == w)).sum())
        if self.kept is None:
            self.w[i] = new
        else:
            self.kept[i], self.w[i] = new, self.of_tensor("weights", i, t, new)

    def judged(self, X, y):
        """Mean loss and share of errors, batch by batch."""
        if self.taken:
            self.w = [np.mean(parts, axis=0) for parts in zip(*self.taken, strict=True)]
        size, losses, wrong = self.choices["batch_size"], [], 0
        for k, start in enumerate(range(0, len(y), size)):
            z, _, _ = self.forward(self.samples(X[start : start + size]), JUDGED + k)
            losses += self.losses(z, y[start : start + size])[0].tolist()
            wrong += int((z.argmax(1) != y[start : start + size]).sum())
        return np.mean(losses), wrong / len(y)


def rotation(bits, order):
    """The matrix (n, n) that rotates n numbers, `order` at a time; Hadamard's by the parity of the bits of i and j."""
    n, found = len(bits), np.eye(len(bits))
    for start in range(0, n - n % order, order):
        for i in range(order):
            for j in range(order):
                sign = (-1) ** ((i & j).bit_count() + bits[start + j])
                found[start + i, start + j] = sign / np.sqrt(order)
    return found


FREE = Block(6, 4, 31 * 2.0**20)
STOCHASTIC = "stochastic"


def fixed(largest):
    """`limit=auto`."""
    return Fixed.for_range(7, 2.0 ** np.ceil(np.log2(4 * largest)))


WEIGHTS = {"weights": (FREE, STOCHASTIC)}
EVERY = {role: (FREE, STOCHASTIC) for role in ROLE if role not in ("master", "second")}
COPY = {"master_format": "none"}
NONE = (None, None)
WAITING = Scaled("e4m3", "tensor", "float32", "delayed")
CASES = {
    "weights": ("mlp", {}, WEIGHTS),
    "weights fixed": ("wide", {"format": "fixed", "precision": 7}, {"weights": (fixed, STOCHASTIC)}),
    "weights nearest": ("mlp", {"rounding": "nearest_even"}, {"weights": (FREE, "nearest_even")}),
    "activations": ("cnn 1-d", {"activation_format": "same"}, WEIGHTS | {"activations": (FREE, STOCHASTIC)}),
    "channels": (
        "cnn 2-d", {"format": "int8_channel", "block_size": None, "gradient_format": "same", "momentum_format": "same",
                    "steps": 2},
        {role: (get("int8_channel"), STOCHASTIC) for role in ("weights", "gradients", "momentum")},
    ),
    "channels of a copy": (
        "wide", {"format": "int8_channel", "block_size": None, "master_format": "none"},
        {"weights": (get("int8_channel"), STOCHASTIC), "master": NONE},
    ),
    "delayed": (
        "mlp", {**nets.ALL, "format": "fp8_tensor", "scale_rule": "delayed", "block_size": None, "steps": 20,
                "master_format": "none", "step_size": 0.4},
        {role: (WAITING, STOCHASTIC) for role in ROLE if role not in ("master", "second")} | {"master": NONE},
    ),
    "errors": ("cnn 1-d", {"error_format": "same"}, WEIGHTS | {"errors": (FREE, STOCHASTIC)}),
    "gradients": ("mlp", {"gradient_format": "same"}, WEIGHTS | {"gradients": (FREE, STOCHASTIC)}),
    "momentum": ("mlp", {"momentum_format": "same"}, WEIGHTS | {"momentum": (FREE, STOCHASTIC)}),
    "master none": ("mlp", COPY, WEIGHTS | {"master": NONE}),
    "master float": (
        "mlp", {"master_format": "float(precision=10,exponent_bits=4,rounding=nearest_even)"},
        WEIGHTS | {"master": (lambda largest: Float(4, 5, 2.0 ** np.ceil(np.log2(4 * largest))), "nearest_even")},
    ),
    "all, pooled": ("pooled", {**nets.ALL, "weight_decay": 0.1, "loss_scale": 8.0}, EVERY),
    "all, cnn 2-d, copy": ("cnn 2-d", {**nets.ALL, **COPY, "steps": 2}, EVERY | {"master": NONE}),
    "each its own": (
        "mlp",
        {"activation_format": "fp8_e4m3", "error_format": "fp8_e5m2(rounding=nearest_even)", "gradient_format": "bf16",
         "momentum_format": "float(precision=8,exponent_bits=5)", "loss_scale": 64.0},
        WEIGHTS | {"activations": (get("fp8_e4m3"), STOCHASTIC), "errors": (get("fp8_e5m2"), "nearest_even"),
                   "gradients": (get("bf16"), STOCHASTIC), "momentum": (Float(5, 2), STOCHASTIC)},
    ),
    "adam, all": (
        "mlp",
        {**nets.ALL, "algorithm": "lp_adamw", "second_momentum": 0.9, "weight_decay": 0.1, "step_size": 0.02},
        EVERY,
    ),
    "kahan": ("mlp", {**nets.ALL, "compensation": "kahan"}, EVERY),
    "kahan, copy": (
        "mlp", {"compensation": "kahan", "master_format": "bf16"}, WEIGHTS | {"master": (get("bf16"), STOCHASTIC)},
    ),
    "no momentum": ("mlp", {"momentum": 0.0, "weight_decay": 0.1}, WEIGHTS),
    "swalp": ("mlp", {"algorithm": "swalp", "average_start": 2, "average_every": 2, "steps": 5, **nets.ALL}, EVERY),
    "left alone": ("mlp", {**nets.ALL, **COPY, "full_precision": "hidden2"}, EVERY | {"master": NONE}),
}  # fmt: skip


PRODUCTS = {
    **nets.ALL, "gradient_format": "none", "momentum_format": "none", "master_format": "none", "round_at": "products",
}  # fmt: skip
SIX = [(FREE, STOCHASTIC)] * 6
NEAR, HIGH = (FREE, "nearest_even"), (get("fp8_e4m3"), STOCHASTIC)
OPERANDS = {
    "mlp": ("mlp", {}, SIX),
    "cnn 1-d": ("cnn 1-d", {"batch_size": 3}, SIX),
    "cnn 2-d": ("cnn 2-d", {}, SIX),
    "pooled": ("pooled", {"loss_scale": 8.0}, SIX),
    "left alone": ("mlp", {"full_precision": "first+last"}, SIX),
    "each its own": (
        "wide", {"error_format": "fp8_e4m3", "rounding": "nearest_even", "batch_size": 5},
        [NEAR, NEAR, HIGH, NEAR, NEAR, HIGH],
    ),
    "mx": (
        "mlp", {"format": "mxfp4", "scale_rule": "rceil", "block_size": None},
        [(Scaled("e2m1", 32, "e8m0", "rceil"), STOCHASTIC)] * 6,
    ),
    "two scales": ("cnn 1-d", {"format": "nvfp4", "block_size": None}, [(get("nvfp4"), STOCHASTIC)] * 6),
    "rotated": ("wide", {"hadamard": 4, "batch_size": 5}, SIX),
    "rotated, cnn": ("cnn 2-d", {"hadamard": 2, "batch_size": 3, "steps": 2}, SIX),
    "rotated, backward": ("mlp", {"hadamard": 2, "hadamard_at": "backward", "full_precision": "first+last"}, SIX),
    "rotated, gradient": ("mlp", {"hadamard": 2, "hadamard_at": "gradient"}, SIX),
    "rotated, one side": ("mlp", {"hadamard": 2, "error_format": "none"}, [*SIX[:2], NONE, *SIX[3:5], NONE]),
    "backward rounding": (
        "mlp", {"backward_rounding": "stochastic", "rounding": "nearest_even", "error_format": "same"},
        [NEAR, NEAR, *SIX[2:]],
    ),
    "squares of weights": (
        "wide", {"format": "nvfp4_16x16", "block_size": None, "rounding": "nearest_even",
                    "activation_format": "nvfp4(rounding=nearest_even)", "error_format": "nvfp4(rounding=stochastic)"},
        [(get("nvfp4"), "nearest_even"), (get("nvfp4_16x16"), "nearest_even"), (get("nvfp4"), STOCHASTIC),
         (get("nvfp4_16x16"), "nearest_even"), (get("nvfp4"), "nearest_even"), (get("nvfp4"), STOCHASTIC)],
    ),
    "delayed": (
        "mlp", {"format": "int8_tensor", "scale_rule": "delayed", "block_size": None, "steps": 4},
        [(Scaled("int8", "tensor", "float32", "delayed"), STOCHASTIC)] * 6,
    ),
    "one side alone": ("mlp", {"activation_format": "none"}, [NONE, SIX[0], SIX[0], SIX[0], NONE, SIX[0]]),
}  # fmt: skip


@pytest.mark.parametrize("case", OPERANDS)
def test_operands_of_products_follow_the_reference(case, in_python):
    name, more, operands = OPERANDS[case]
    choices = {**PRODUCTS, **more}
    if case == "each its own":
        choices["error_format"] = "fp8_e4m3(rounding=stochastic)"
    problem = nets.data(name)
    cell = nets.training(problem, **choices)
    exempt = {"first+last": ("hidden1", "output")}.get(choices.get("full_precision"), ())
    reference = Reference(problem, {**cell.choices, "exempt": exempt}, {"master": NONE}, operands)
    losses = reference.run()
    nets.run(cell)
    assert np.allclose(cell.losses, losses, rtol=1e-10, atol=0)
    for mine, theirs in zip(nets.weights(cell), reference.w, strict=True):
        assert np.allclose(mine, theirs, rtol=1e-9, atol=1e-12)


FEW, DRAWN = (Float(5, 3), "nearest_even"), (Float(5, 3), STOCHASTIC)
SUMS = {
    "mlp": ("mlp", {"sum_rounding": None}, FEW),
    "mlp, chunks": ("mlp", {"sum_chunk": 3}, FEW),
    "cnn 1-d": ("cnn 1-d", {"sum_rounding": STOCHASTIC, "sum_chunk": 5}, DRAWN),
    "cnn 2-d": ("cnn 2-d", {"sum_rounding": STOCHASTIC, "sum_chunk": 2, "batch_size": 3}, DRAWN),
    "pooled": ("pooled", {"sum_chunk": 7, "loss_scale": 8.0}, FEW),
    "left alone": ("mlp", {"sum_chunk": 1, "full_precision": "hidden2"}, FEW),
    "toward zero": ("wide", {"sum_rounding": "toward_zero"}, (Float(5, 3), "toward_zero")),
}  # fmt: skip


@pytest.mark.parametrize("case", SUMS)
def test_accumulators_follow_the_reference(case, in_python):
    name, more, accumulator = SUMS[case]
    problem = nets.data(name)
    cell = nets.training(problem, **{"sum_format": "float(precision=9,exponent_bits=5)", **more})
    exempt = (more["full_precision"],) if "full_precision" in more else ()
    choices = {**cell.choices, "sum_chunk": more.get("sum_chunk", 1), "exempt": exempt}
    reference = Reference(problem, choices, WEIGHTS | {"sums": accumulator})
    losses = reference.run()
    nets.run(cell)
    assert np.allclose(cell.losses, losses, rtol=1e-12, atol=0)
    for mine, theirs in zip(nets.weights(cell), reference.w, strict=True):
        assert np.allclose(mine, theirs, rtol=1e-11, atol=1e-13)
    for k, (X, y) in enumerate(((problem.X, problem.y), (problem.test_X, problem.test_y))):
        assert cell.record[-1][k] == pytest.approx(reference.judged(X, y)[0], rel=1e-11)


@pytest.mark.parametrize("case", CASES)
def test_engine_follows_the_reference(case, in_python):
    name, choices, forms = CASES[case]
    problem = nets.data(name)
    cell = nets.training(problem, **choices)
    exempt = (choices["full_precision"],) if "full_precision" in choices else ()
    reference = Reference(problem, {**cell.choices, "exempt": exempt}, forms)
    assert all(map(np.array_equal, nets.weights(cell), reference.w))
    losses = reference.run()
    nets.run(cell)
    assert np.allclose(cell.losses, losses, rtol=1e-12, atol=0)
    close = {"rtol": 1e-11, "atol": 1e-13}
    for found, expected in zip(nets.weights(cell), reference.w, strict=True):
        assert np.allclose(found, expected, **close)
    if reference.kept is not None:
        for found, expected in zip(nets.weights(cell, cell.memory.master), reference.kept, strict=True):
            assert np.allclose(found, expected, **close)
    seen = cell.record[-1]
    assert (seen[4], seen[6]) == (reference.moved, reference.stalled)
    for k, (X, y) in enumerate(((problem.X, problem.y), (problem.test_X, problem.test_y))):
        loss, wrong = reference.judged(X, y)
        assert seen[k] == pytest.approx(loss, rel=1e-11)
    assert seen[2] == wrong
    _fills_rows_with_zeros(cell)


def _fills_rows_with_zeros(cell):
    marks = np.zeros(cell.layout.parameters)
    for i, layer in enumerate(cell.problem.net):
        cell.layout.place(np.ones(layer.shape), np.ones(layer.outputs), i, marks)
    assert marks.sum() == sum(layer.weights for layer in cell.problem.net)
    memory = cell.memory
    for vector in (memory.weights, memory.master, memory.momentum, memory.second, memory.compensation):
        assert vector.size == 0 or not vector[marks == 0].any()


@pytest.mark.parametrize("dtype", nets.COMPILED)
@pytest.mark.parametrize("name", ["mlp", "cnn 2-d"])
def test_with_many_bits_a_rotation_changes_nothing(name, dtype):
    """Compiled: the two operands of a product are rotated alike, so that it is what it was."""
    choices = {**PRODUCTS, "format": "float", "precision": 31, "exponent_bits": 7, "rounding": "nearest_even"}
    choices |= {"steps": 4, "batch_size": 4, "compute_dtype": dtype}
    plain, turned = (nets.run(nets.training(nets.data(name), **choices, hadamard=n)) for n in (None, 4))
    assert not np.array_equal(plain.memory.weights, turned.memory.weights)
    assert np.allclose(plain.losses, turned.losses, rtol=1e-5)
    for one, other in zip(nets.weights(plain), nets.weights(turned), strict=True):
        assert np.allclose(one, other, atol=1e-5)
    with interpreted():
        slow = nets.run(nets.training(nets.data(name), **choices, hadamard=4))
    assert np.array_equal(slow.losses, turned.losses) or np.allclose(slow.losses, turned.losses, rtol=1e-12)
