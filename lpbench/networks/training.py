"""The loop of training, and the judging of whole sets: what the compiled engine calls."""

from typing import NamedTuple

from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.jit import inner, kernel
from lpbench.networks.centres import before, begin_loop, reduce_variance, update_offset
from lpbench.networks.passes import backward, cross_entropy, forward, gather
from lpbench.networks.rounding import JUDGED
from lpbench.networks.updates import norm, update


class Schedule(NamedTuple):
    """By step, (steps,) float64: the step size, and what Adam divides its two moments by."""

    alpha: Vector
    first: Vector
    second: Vector


class Average(NamedTuple):
    """The running average of the weights, (n,) float64, from step `start` on, one in `every`; taken (1,) int64."""

    weights: Vector
    taken: Vector
    start: int
    every: int


@kernel
def train(net, memory, rule, schedule, average, centre, X, y, order, begin, key, losses, length, watching):
    """Steps begin ... begin + m - 1 on the batches `order` (m, B) of X (N, n), y (N,) int64.

    losses (m,) receive the means over the batches, length (1,) the l2 norm of the last gradient, before it is rounded.
    centre     of SVRG; where it has none, steps are those of plain gradients.
    watching   1: of the last step what becomes of tensors is counted; 0: of none.
    """
    steps, batch = order.shape
    scale = rule.loss_scale / batch
    for i in range(steps):
        step, chosen = begin + i, order[i]
        if centre.every > 0:
            if step % centre.every == 0:
                begin_loop(net, memory, centre, X, y, rule.loss_scale, key, step)
            before(net, centre, X, y, chosen, scale, key, step)
        net.watch.on[0] = watching if i + 1 == steps else 0
        gather(net, X, chosen, key, step)
        forward(net, memory.weights, batch, key, step)
        total = backward(net, memory.weights, memory.gradient, X, y, chosen, scale, key, step)
        losses[i] = total / batch
        if centre.every > 0:
            reduce_variance(memory.gradient, centre)
        if i + 1 == steps:
            length[0] = norm(memory.gradient) / rule.loss_scale
        if centre.offset.size > 0:
            update_offset(net, memory, rule, centre, schedule.alpha[step], key, step)
        else:
            update(
                net,
                memory,
                rule,
                schedule.alpha[step],
                schedule.first[step],
                schedule.second[step],
                key,
                step,
            )
        if (
            average.weights.size
            and step + 1 >= average.start
            and (step + 1 - average.start) % average.every == 0
        ):
            _average(average, memory.weights)
    net.watch.on[0] = 0


@kernel
def decay_alone(net, memory, rule, alpha, steps, key):
    """Steps 0 ... steps - 1 of an optimizer whose gradient is 0: weight decay, and the rounding of what it does."""
    for step in range(steps):
        update(net, memory, rule, alpha, 1.0, 1.0, key, step)


@inner
def _average(average, weights):
    average.taken[0] += 1
    share = 1.0 / average.taken[0]
    for j in range(weights.size):
        average.weights[j] += share * (weights[j] - average.weights[j])


@kernel
def judge(net, weights, X, y, order, begin, key, found):
    """Add to found (2,) the sum of the losses of some samples, and how many are classified wrongly.

    order   (m,) the samples, in batches as large as the network has room for.     begin   the number of the first of
            these, which the random words depend on: a set is the same in one call as in parts of whole batches.
    """
    batch, step = net.batch, JUDGED + begin
    for start in range(0, order.size, batch):
        chosen = order[start : start + batch]
        gather(net, X, chosen, key, step)
        forward(net, weights, chosen.size, key, step)
        total, wrong = cross_entropy(net, y, chosen, 1.0, net.nothing)
        found[0] += total
        found[1] += wrong
        step += 1
