"""Least squares in float32, int16 and int8, ready to step: what `lpbench speed` takes the time of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lpbench.algorithms.base import Setup
from lpbench.algorithms.integer import integer_halp, integer_sgd
from lpbench.algorithms.single import single_sgd, single_svrg
from lpbench.arithmetic import rounding
from lpbench.arithmetic.arrays import Matrix, Vector
from lpbench.convex.drive import RECORDED, Run, drive, keys_of, new_look, output
from lpbench.convex.gap import DiagonalForm
from lpbench.convex.gradients import Linear, Work
from lpbench.convex.integer import Samples, new_samples
from lpbench.convex.losses import Squared
from lpbench.convex.rows import Dense, Scaled
from lpbench.convex.step_sizes import Constant
from lpbench.convex.update import new_tally
from lpbench.formats import Fixed
from lpbench.store.measurements import PRECISION

NUMBERS = ("float32", "int16", "int8")  # what the samples are stored in
BYTES = {"float32": 4, "int16": 2, "int8": 1}
SGD, SVRG = "sgd", "svrg"  # in integers LP-SGD, and HALP
PRECISIONS = (8, 16)  # bits of weights in integers, and of HALP's offset
LIMIT = 4.0  # of the weights of LP-SGD: those of the optimum are normal numbers
NEVER = 2**62


@dataclass(frozen=True)
class Data:
    """Samples in float32, X (N, d) with d a multiple of 64, and the same in integers.

    eight, sixteen   as kernels read them.     y   (N,) float64.
    """

    X: Matrix
    y: Vector
    eight: Samples
    sixteen: Samples

    def reshaped(self, d: int) -> Data:
        """The same numbers as rows of d, N d as before, with the labels that there are: for time, not for results."""
        rows = self.X.size // d
        y = np.resize(self.y, rows)
        eight, sixteen = (one._replace(X=one.X.reshape(rows, d), y=y) for one in (self.eight, self.sixteen))
        return Data(self.X.reshape(rows, d), y, eight, sixteen)


def data(X: Matrix, y: Vector) -> Data:
    """X (N, d) float32, d a multiple of 64, with its numbers in integers."""
    labels = np.ascontiguousarray(y, np.float64)
    return Data(X, labels, *(new_samples(X, labels, bits) for bits in (8, 16)))


@dataclass
class Runner:
    """A run under way; `advance` takes so many steps, and lets other threads run meanwhile."""

    run: Run
    state: Any
    now: Vector

    @np.errstate(all="ignore")
    def advance(self, steps: int) -> None:
        """So many steps; at the first of a loop, its full gradient."""
        stops = np.array([self.now[0] + steps])
        drive(self.run, self.state, self.now, stops, np.full(1, -1), 0, 1, np.zeros((1, RECORDED)))

    def point(self) -> Vector:
        """Where it is, (d,) float64."""
        found = np.zeros(self.run.look.output.size)
        output(self.state, found)
        return found


@np.errstate(all="ignore")  # the generator counts in words of 32 bits
def runner(
    of: Data,
    numbers: str,
    algorithm: str,
    step_size: float,
    seed: int = 0,
    loop: int = NEVER,
    mu: float = 1.0,
    precision: int = PRECISION,
) -> Runner:
    """SGD or SVRG in float32, LP-SGD or HALP in integers, at 0 before step 0.

    loop       steps between two snapshots;  mu  decides the range of HALP's offset.
    precision  bits of weights in integers and of HALP's offset, 8 or 16.
    """
    single = numbers == "float32"
    samples = of.eight if numbers == "int8" else of.sixteen
    rows: Any = Dense(of.X, of.y) if single else Scaled(of.sixteen.X, of.sixteen.unit, of.y)
    n = of.X.shape[1]
    form = Fixed.for_range(precision, LIMIT)
    run = Run(
        model=Linear(rows, Squared(), np.float64(0)),
        judge=DiagonalForm(np.zeros(n), np.zeros(n)),
        fmt=form.step_kernel(np.float32),
        rounding=rounding.make("stochastic", np.float32, None),
        schedule=Constant(np.float64(step_size)),
        keys=keys_of(seed),
        batch=np.int64(1),
        work=Work(np.zeros((1, 1), np.float32), np.zeros(1), np.zeros(1)),
        tally=new_tally(1, np.float32),
        look=new_look(n, 1),
    )
    setup = Setup(
        run=run, format=form, start=np.zeros(n), dtype=np.float32, L=0.1 / step_size, mu=mu, samples=len(of.y),
        margins=len(of.y), choices={"inner_steps": loop, "mu": mu, "precision": precision},
        samples_in_integers=None if single else samples,
    )  # fmt: skip
    begin = {
        (SGD, True): single_sgd, (SVRG, True): single_svrg, (SGD, False): integer_sgd, (SVRG, False): integer_halp,
    }  # fmt: skip
    state: Any = begin[algorithm, single](setup)
    if not single:  # nothing is counted: neither is it in float32
        state = state._replace(integers=state.integers._replace(every=np.int64(NEVER)))
    return Runner(run, state, np.zeros(1, np.int64))
