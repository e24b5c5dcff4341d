"""Every choice of lpbench, in the order that also sorts `cells.parquet`: each stands here and nowhere else.

Keys, Hydra's schema, defaults, the identity of a cell, the columns of `cells` and the tables of docs/sweeps.md follow.
A thing names those that it reads in `reads`; one of the user's own declares further ones in `choices`.
"""

from lpbench.declared.declarations import Choice
from lpbench.declared.kinds import Flag, Formula, Real, Whole, Word

GROUPS = ("problem", "dataset", "algorithm", "format", "recipe", "executor")

_CONSTANTS = ("L", "L_f", "N", "d", "kappa", "mu", "w_max")  # known once the problem is built
_COUNTED = 2**32 - 1  # the generator counts steps, and what it draws in one, in words of 32 bits

ROUNDINGS = ("stochastic", "nearest_even", "toward_zero", "away_from_zero", "up", "down", "to_odd")

_PROBLEM = (
    Choice("problem", Word(), None, "`least_squares` (default), `logistic_regression`, `squared_hinge`, `family_s`, "
           "`family_q`, `family_e`; networks: `mlp`, `cnn`, `lenet`, `resnet`, `lstm`, `transformer`, `module` "
           "([networks.md](networks.md))"),
    Choice("dataset", Word(), None, "`gaussian` (default), `digits`, `breast_cancer`, `diabetes`, `mnist1d`, "
           "`teacher`, `text`, `tags`, `file`, `mnist`, `cifar10`; null for the families"),
    Choice("path", Word(), None, "of `file`: svmlight (kept sparse), csv or Parquet ([data files](#data-files)); of "
           "`mnist` and `cifar10`: the folder; of `text`: a text"),
    Choice("target", Word(), None, "of `file`: the column to predict; null: the one called target"),
    Choice("dimension", Whole(1, top=_COUNTED), None, "d; null: the data's own. A number draws so many random Fourier "
           "features of real data, or so many columns of `gaussian`"),
    Choice("n_samples", Whole(1, top=_COUNTED), None, "N; null: all rows of real data, 1000 of `gaussian`, 4000 of "
           "`teacher`"),
    Choice("regularization", Real(0, closed=True), None, "lambda; null: such that the condition number is about 10"),
    Choice("scaling", Word(("max_norm", "standard", "none")), "max_norm", "of real data; `max_norm`: columns "
           "standardised, a column of ones added, all divided by the largest row norm. Columns of a file that are "
           "constant, or lost beside a huge value, are named by `plan` and `sweep`"),
    Choice("k", Formula(Whole(1), ("d",)), None, "of `family_s`: the block size"),
    Choice("noise", Real(0, closed=True), None, "noise size: of the response of `gaussian`, s of `family_s`, sigma of "
           "`family_q` and `family_e`; of `teacher` and `tags`: the share of labels that are drawn anew"),
    Choice("noise_kind", Word(), None, "of `family_q` and `family_e`: `sparse` or `dense`"),
    Choice("solution", Word(), None, "of `family_e`: `geometric` or `uniform`"),
    Choice("teacher_width", Whole(1, 2**16), None, "of `teacher`: hidden units of the network that makes the "
           "labels; null: 8"),
    Choice("data_seed", Whole(0, 2**32 - 1), 0, "randomness of the problem"),
    Choice("depth", Whole(1, 64), None, "of `mlp`: hidden layers; null: 2. Of `resnet`: blocks of each of three "
           "stages, of `lstm`: layers; null: 1. Of `transformer`: layers; null: 2"),
    Choice("module", Word(), None, "of `module`: a torch module of your own, `FILE.py:NAME` or `package.module:NAME`"),
    Choice("data", Word(), None, "of `module`: data of your own in place of a dataset, `FILE.py:NAME`"),
)  # fmt: skip
_START = Choice("start", Word(("zero", "optimum")), "zero", "`optimum`: the optimum, rounded to the grid")
_ALGORITHM = (
    Choice("algorithm", Word(), None, "`sgd`, `lp_sgd` (default), `svrg`, `lp_svrg`, `halp`, `swalp`, of "
           "networks also `adamw`, `lp_adamw`, `bc_svrg`, `bc_sgd`: [algorithms.md](algorithms.md)"),
    Choice("inner_steps", Whole(1, top=_COUNTED), None, "SVRG and HALP: T, steps between two snapshots; null: 2N, of "
           "networks those of two epochs"),
    Choice("snapshot", Word(("last", "random", "average")), "last", "SVRG and HALP: which point of a loop is the next"),
    Choice("mu", Formula(Real(0), _CONSTANTS), None, "HALP: strong convexity for the rescaling; null: the problem's, "
           "of networks 1: a larger one makes the grid finer and its range smaller"),
    Choice("average_start", Whole(0), 0, "SWALP: the first step that is averaged"),
    Choice("average_every", Whole(1), 1, "SWALP: steps between two that are"),
)  # fmt: skip
_FORMAT = (
    Choice("format", Word(), None, "`fixed` (default), `float`, `log`, `block`, `none`, or a preset, scaled ones "
           "such as `mxfp4` and `nvfp4` among them: [formats.md](formats.md)"),
    Choice("precision", Whole(2, 64), 8, "total bits of a stored number, sign included"),
    Choice("exponent_bits", Whole(0, words=("auto",)), None, "of `float`, `log` and `posit`: [formats.md](formats.md); "
           "null: the format's own rule; `auto`, of `float`: what theory promises the least noise of"),
    Choice("block_size", Whole(1), None, "of `block`, of MX formats and `nvfp4`: numbers that share a scale; null: the "
           "format's own"),
    Choice("scale_rule", Word(("floor", "ceil", "rceil", "even", "delayed")), None, "of MX formats: how a scale "
           "follows from the largest number of its block ([formats.md](formats.md)); null: `floor`, as OCP has it. "
           "`delayed`, of `int8_tensor` and `fp8_tensor` in networks: a scale from the steps before"),
    Choice("subnormals", Flag(), True, "of `float`: whether it has them"),
    Choice("limit", Formula(Real(0), _CONSTANTS, ("auto",)), "auto", "half the range; `auto`: the least power of two "
           "at or above 1.5 `w_max` (1 if the optimum is 0), of networks 4 times a tensor's largest first number"),
    Choice("rounding", Word(ROUNDINGS), "stochastic", "to which neighbour: [formats.md](formats.md#rounding)"),
    Choice("random_bits", Whole(1, 32), None, "bits of a stochastic rounding decision; null: all that the arithmetic "
           "has, 24 or 32"),
)  # fmt: skip
_STEP_SIZE = (
    Choice("step_size", Formula(Real(0), (*_CONSTANTS, "delta"), ("auto",)), "auto", "`auto`: 1/(4 L_B) for SGD, "
           "LP-SGD, SWALP, with L_B = L/B + (1 - 1/B) L_f; 0.1/L for SVRG, LP-SVRG, HALP; networks take "
           "a number, 0.1 unless given"),
    Choice("schedule", Word(("constant", "decreasing", "cosine", "steps")), "constant", "`decreasing`, of convex "
           "problems: alpha_t = 8/(mu (t + 16 L_B/mu)); of networks: `cosine`, `steps`"),
)  # fmt: skip
_NETWORK = (
    Choice("recipe", Word(), None, "which tensors of a network are rounded: `weights` (default), `master`, `all`, "
           "`swalp`, `bf16`, `bf16_kahan`, `fp8`, `fp8_delayed`, `mxfp8`, `mxfp6`, `mxfp4`, `nvfp4`, `nvfp4_2d`, "
           "`quartet`, "
           "`int8_mixed`, `ibm8`, `wage` ([recipes.md](recipes.md))"),
    Choice("round_at", Word(("tensors", "products")), None, "of networks, where weights, activations and errors are "
           "rounded: `tensors` (null), each once; `products`: as each of the two operands of each product, along the "
           "axis that is summed, as hardware for MX and NVFP4 does"),
    Choice("hadamard", Whole(2, 1024), None, "of `round_at=products`: before they are rounded, both operands of a "
           "product are rotated alike, so many numbers at a time (16, 32): [recipes.md](recipes.md#rotation); null: "
           "they are not"),
    Choice("hadamard_at", Word(("all", "backward", "gradient")), None, "which products are rotated: `all` (null), the "
           "two of the backward pass, or that of the derivatives by the weights alone"),
    Choice("backward_rounding", Word(ROUNDINGS), None, "of `round_at=products`: to which neighbour the operands of the "
           "two backward products are rounded; null: as their formats say"),
    Choice("activation_format", Word(), None, "of networks, as the four below: `none`, `same` (the cell's format), a "
           "format, or one with choices of its own: `block(precision=8,block_size=32)`"),
    Choice("error_format", Word(), None, "of what goes backward"),
    Choice("gradient_format", Word(), None, "of the derivatives by the weights"),
    Choice("momentum_format", Word(), None, "of the optimizer's state"),
    Choice("master_format", Word(), None, "of the copy of the weights that updates are added to; `same`: there is "
           "none; `none`: full precision"),
    Choice("full_precision", Word(), None, "layers left alone: names, globs, `first`, `last`, several with + between"),
    Choice("room", Real(0), None, "of networks: with `limit=auto` the range of a tensor is so many times its largest "
           "first number, rounded up to a power of two; null: 4"),
    Choice("compensation", Word(("none", "kahan")), "none", "`kahan`: what rounding takes from an update is kept for "
           "the next"),
    Choice("centre_scale", Word(("tensor", "one")), None, "of `halp`, `bc_svrg` and `bc_sgd` on networks: a scale for "
           "the offsets of each tensor (null), or `one` for all"),
    Choice("offset_format", Word(), None, "of `bc_svrg` and `bc_sgd`: what offsets are to the pass with deltas, to the "
           "nearest: `bf16`; null: full precision"),
    Choice("centre_cache", Word(("none", "stored")), None, "of `bc_svrg` and `bc_sgd`: whether what a batch has at the "
           "centre is computed at each step (null), or `stored` for a loop; needs `sampling=in_order`"),
    Choice("momentum", Real(0, 0.9999, closed=True), 0.9, "of networks: share of the last update that is kept; of "
           "`adamw`: of the mean gradient"),
    Choice("second_momentum", Real(0, 0.999999), 0.999, "of `adamw`: share of the mean square of the gradient that is "
           "kept"),
    Choice("weight_decay", Real(0, closed=True), 0.0, "of networks: so much of a weight is added to its gradient; of "
           "`adamw`, to its update"),
    Choice("warmup", Whole(0), 0, "of networks: steps over which the step size rises to its first value"),
    Choice("sampling", Word(("shuffled", "replacement", "in_order")), "shuffled", "of networks: every epoch a new "
           "order, the incomplete batch left out; drawn anew; or as the samples come, the same batches in every epoch"),
    Choice("loss_scale", Real(0), 1.0, "of networks: multiplies the loss before the backward pass, and is divided out "
           "of the gradient"),
    Choice("engine", Word(("auto", "compiled", "torch")), "auto", "of networks: what trains them; `auto`: `compiled` "
           "where it can, else `torch`. They are equal in distribution, not in bits"),
    Choice("device", Word(("cpu", "cuda")), "cpu", "of the engine `torch`: where it computes"),
)  # fmt: skip
_SUMS = (
    Choice("sum_format", Word(), None, "of the compiled engines: the accumulator in which the terms of a product are "
           "summed, `float(precision=16,exponent_bits=6)`; null: full precision ([accumulators.md](accumulators.md))"),
    Choice("sum_chunk", Whole(1), None, "terms of a sum between two roundings to `sum_format`; null: 1, each addition"),
    Choice("sum_rounding", Word(ROUNDINGS), None, "of sums; null: `nearest_even`"),
)  # fmt: skip
_RUN = (
    Choice("batch_size", Whole(1, top=_COUNTED // 2), 1, "samples a step, drawn with replacement; of networks 64 "
           "unless given, as `sampling` says"),
    Choice("epochs", Real(0), 30.0, "length of the run: passes over N samples"),
    Choice("steps", Formula(Whole(1, top=_COUNTED), (*_CONSTANTS, "delta", "alpha")), None, "length of the run: "
           "parameter updates; null: as `epochs` say"),
    Choice("compute_dtype", Word(("float64", "float32")), "float64", "arithmetic of everything that is not rounded; in "
           "`float32`, `float` takes up to 7 exponent bits and `log` up to 6: it does not hold the numbers of more"),
    Choice("record_points", Whole(0), 64, "evaluation steps, evenly spaced in log(step)"),
    Choice("even_points", Whole(1), 128, "evaluation steps, evenly spaced in step"),
    Choice("tail", Real(0, 1), 0.5, "last fraction of the run that makes the noise floor"),
    Choice("seed", Whole(0, 2**32 - 1), 0, "randomness of the algorithm, its samples and its rounding; repetitions "
           "sweep it"),
)  # fmt: skip
_INTEGER = (
    Choice("arithmetic", Word(("simulated", "integer")), None, "of convex problems: `simulated` (null): numbers of the "
           "format, computed with in `compute_dtype`; `integer`: `lp_sgd`, `lp_svrg` and `halp` in integers of 8 and "
           "16 bits ([integer.md](integer.md))"),
    Choice("data_bits", Whole(8, 16), None, "of `arithmetic=integer`: bits of a number of the data, 8 (null) or 16"),
)  # fmt: skip
_RUNTIME = (
    Choice("timeout", Real(0), 600.0, "seconds a cell; null: none"),
    Choice("workers", Whole(1), None, "cells at a time; null: all cores"),
    Choice(
        "runs_dir", Word(), "runs", "where sweeps land: a folder, or an address such as `s3://bucket/runs`"
    ),
    Choice("executor", Word(), None, "`local` (default) or `ray`"),
)
# What executor=ray takes besides; no columns, the manifest keeps them.
_RAY = (
    Choice("ray_address", Word(), None, "of `ray`: `auto`, `local`, HOST:PORT, `ray://...`: [scaling.md](scaling.md)"),
    Choice("ray_cpus", Real(0, closed=True), None, "of `ray`: CPUs of a shard; null: 1"),
    Choice("ray_gpus", Real(0, closed=True), None, "of `ray`: GPUs of a shard, fractions allowed; null: 0"),
    Choice("shard_seconds", Real(0), None, "of `ray`: how long a shard should take; null: 10"),
)  # fmt: skip


def _named(*parts: tuple[Choice, ...]) -> dict[str, Choice]:
    return {choice.name: choice for part in parts for choice in part}


CHOICES = _named(_PROBLEM, (_START,), _ALGORITHM, _FORMAT, _STEP_SIZE, _NETWORK, _SUMS, _RUN, _INTEGER)
COLUMNS_OF_RUNTIME = _named(_RUNTIME)
RUNTIME = _named(_RUNTIME, _RAY)
# Who reads them. `schedule` is the algorithm's, like `momentum` of one of the user's own; all else every cell reads.
PROBLEM = tuple(_named(_PROBLEM))
FORMAT = tuple(name for name in _named(_FORMAT) if name != "format")
ALGORITHM = (*(name for name in _named(_ALGORITHM) if name != "algorithm"), "schedule")
RUN = ("start", "step_size", *_named(_SUMS), *_named(_RUN, _INTEGER))
SUMS = tuple(_named(_SUMS))
# What networks read in place of RUN.
NETWORK = ("step_size", *_named(_NETWORK), *_named(_SUMS), *(name for name in _named(_RUN) if name != "tail"))
# What a plug-in may declare as its own, too: of convex cells it is nobody's.
SHARED = ("depth", "module", "data", *_named(_NETWORK))
# What files of before networks, or of before them, lack: null there.
LATER = ("teacher_width", "scale_rule", *_named(_SUMS), *_named(_INTEGER), *SHARED)
# Choices that name files, from the folder in which a sweep was asked for: what files hold stands for them.
FILES = ("path", "module", "data")
CONVEX_SCHEDULES = ("constant", "decreasing")
