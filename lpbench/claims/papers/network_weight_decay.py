"""Weight decay in bfloat16: what it does when nothing else moves the weights."""

from __future__ import annotations

import numpy as np

from lpbench.arithmetic.generator import ROUNDING, stream
from lpbench.claims.base import Claim, Line, Measure, Plot, claims
from lpbench.claims.cells import Cells
from lpbench.networks import assembly, training
from lpbench.networks.architecture import dense, layout
from lpbench.networks.roles import ROLE_NAMES, Recipe, Spec
from lpbench.networks.updates import SGD, Rule

# So many weights that the mean of what rounding adds to them is known to 0.0002, a fifth of what the claim allows.
STEP_SIZE, DECAY, STEPS, WEIGHTS = 1e-3, 0.1, 1000, 2**16
EXACT = (1 - STEP_SIZE * DECAY) ** STEPS
WAYS = {
    "to nearest": ("nearest_even", False),
    "stochastic": ("stochastic", False),
    "to nearest, compensated": ("nearest_even", True),
}


def shrunk(rounding: str, kahan: bool, steps: int = STEPS, seed: int = 0) -> float:
    """By what factor Gaussian weights in bfloat16 shrink, by least squares, where no gradient moves them."""
    net = [dense("weights", (1, 1, WEIGHTS // 16), 16)]
    choices = {"format": "bf16", "precision": 16, "rounding": rounding, "compute_dtype": "float32"}
    specs = dict.fromkeys(ROLE_NAMES, Spec("none"))
    recipe = Recipe({**specs, "weights": Spec("same"), "master": Spec("same")}, choices, frozenset())
    found, start = layout(net, 1), np.zeros(WEIGHTS + 16, np.float32)
    start[:WEIGHTS] = 0.05 * np.random.default_rng(seed).standard_normal(WEIGHTS)
    tensors = assembly.Tensors(found, recipe, start)
    memory = assembly.new_memory(found, tensors, start, momentum=False, second=False, kahan=kahan)
    before = memory.weights.astype(np.float64)
    rule = Rule(SGD, 0.0, 0.0, assembly.EPSILON, DECAY, 1.0, kahan)
    training.decay_alone(
        assembly.new_net(found, tensors.table, start.dtype),
        memory,
        rule,
        STEP_SIZE,
        steps,
        stream(seed, ROUNDING),
    )
    after = memory.weights.astype(np.float64)
    return float((before * after).sum() / (before * before).sum())


@claims.register("network_weight_decay")
class WeightDecay(Claim):
    """1,000 steps of weight decay alone, step size 0.001, decay 0.1, weights in bfloat16."""

    statement = (
        "In bfloat16 to the nearest weight decay never happens; with stochastic rounding, or with what was lost kept "
        "for the next step, it does as it should"
    )
    paper = 'Zamirai et al. 2020, "Revisiting BFloat16 Training"'
    theory = "-"
    limits = f"factor after 1,000 steps: to nearest 1, the other two within 0.001 of {EXACT:.4f}"
    trains = False
    replicates = 1

    def measure(self, cells: Cells) -> list[Measure]:
        """The factors."""
        found = {name: shrunk(*way, seed=cells.first_seed) for name, way in WAYS.items()}
        return [
            Measure(
                f"{name}: factor",
                [factor],
                *((1.0, 1.0) if name == "to nearest" else (EXACT - 1e-3, EXACT + 1e-3)),
            )
            for name, factor in found.items()
        ]

    def plot(self, cells: Cells) -> Plot:
        """The factor over the steps."""
        steps = [100, 250, 500, 750, 1000]
        lines = [
            Line(name, steps, [shrunk(*way, steps=step, seed=cells.first_seed) for step in steps])
            for name, way in WAYS.items()
        ]
        exact = [(1 - STEP_SIZE * DECAY) ** step for step in steps]
        return Plot(
            "steps",
            "weights / initial weights",
            [*lines, Line("exact", steps, exact, role="theory", points=False)],
            y_log=False,
        )
