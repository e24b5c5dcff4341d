"""Every column of `cells` beside the choices, and of `tensors`, in order.

What the schema of the store and docs/sweeps.md are made of.
"""

from lpbench.declared.declarations import HIGHER, LOWER, Metric


def _columns(
    text: str, *names: str, stored: type = float, better: str | None = None, unit: str = ""
) -> list[Metric]:
    return [Metric(name, unit, better, text, stored) for name in names]


IDENTITY = [
    *_columns("the identity of the cell", "cell_id", stored=str),
    *_columns("the same without the seed", "group_id", stored=str),
    *_columns("the choices without the seed, under one name in every version of lpbench: by it `lpbench check` pairs",
              "config_id", stored=str),
    *_columns("what they mean in this one: the versions of algorithm, format, problem and data. Where it differs, "
              "`lpbench check` does not compare", "definition", stored=str),
    *_columns("the choices given as expressions or `auto`, as overrides (`limit=auto step_size=0.1/L`), whose own "
              "columns hold the numbers; null where there are none, and in cells of before this column", "asked",
              stored=str),
    *_columns("the sweep's name", "sweep", stored=str),
]  # fmt: skip
RESULTS = [
    *_columns("stored fraction bits", "mantissa_bits", stored=int),
    *_columns("bits a value, with what a block shares", "bits_per_value"),
    *_columns("`ok`, `diverged` (of networks: a loss not finite; else: gap not finite, or over 1e6 times the larger of "
              "the initial gap and the gap at 0; "
              "where those are next to nothing, as with an optimum at 0, over 1000 times what noise alone makes, "
              "σ²/(2L) + δσ₁/2 + nL_fδ²/8), `timeout`, `failed`", "status", stored=str),
    *_columns("why it failed", "error", stored=str),
    *_columns("objective gap f(w) - f(w*) of the algorithm's output at the start", "initial_gap"),
    *_columns("the same at the end", "final_gap", better=LOWER),
    *_columns("mean objective gap over the evenly spaced points of the tail (a step that was drawn twice counts twice)",
              "noise_floor", better=LOWER),
    *_columns("the same over the whole run (`schedule=decreasing`: weighted by the step number, as its theorem does): "
              "what the theorems bound, and an unbiased estimate of the mean over all steps t < T", "mean_gap",
              better=LOWER),
    *_columns("tail mean of the objective gap of the current iterate, which is not the output in SWALP (the running "
              "average) and after a loop of SVRG (the new snapshot)", "iterate_gap"),
    *_columns("the least recorded objective gap", "best_gap", better=LOWER),
    *_columns("tail mean of the l1 norm of the sample gradients", "gradient_l1"),
    *_columns("the largest alpha abs(g_j)", "max_update"),
    *_columns("the least proven bound of `mean_gap`; null where no theorem's conditions hold", "bound"),
    *_columns("its theorem ([theory.md](theory.md))", "bound_kind", stored=str),
    *_columns("what it rests on: `certified` (the problem's constants alone) or `on this path` (also something that "
              "the run showed)", "bound_basis", stored=str),
    *_columns("`mean_gap` over `bound`, without what the rounding of float64 or float32 may have added "
              "([theory](theory.md#what-arithmetic-adds)): above 1 by more than the seeds' error, the bound is broken. "
              "0 for a gap that is not told from 0; inf above a bound of 0", "bound_ratio"),
    *_columns("the least bound that contains the number of weights", "bound_earlier"),
    *_columns("the least bound that does not", "bound_dimension_free"),
    *_columns("the same three for a run without end: what the noise floor is set beside",
              "noise_ball", "noise_ball_earlier", "noise_ball_dimension_free"),
    *_columns("f(w_B) - f*, what it costs that the format's range does not hold the optimum (0 where it does)",
              "box_excess"),
    *_columns("`mean_gap` without it", "gap_to_box"),
    *_columns("of `arithmetic=integer`: the objective gap, on the data as it is, of the optimum of the data in "
              "integers: in `data_bits` of `lp_sgd`, in the 16 bits of full gradients of `lp_svrg` and `halp`. The "
              "noise floor includes it; null where arithmetic is simulated", "data_excess"),
    *_columns("share of non-zero coordinate updates that were clipped to the range", "saturation_rate"),
    *_columns("share of them that rounded back to where they were, counted at every 16th step", "stall_rate"),
    *_columns("time in kernels", "seconds", better=LOWER),
    *_columns("its speed", "steps_per_second", better=HIGHER),
    *_columns("hash of the trace's bits without its times", "digest", stored=str),
]  # fmt: skip
NETWORK = [
    *_columns("of networks: mean loss of the minibatches of the last epoch", "train_loss", better=LOWER),
    *_columns("loss over the test set, at the end", "test_loss", better=LOWER),
    *_columns("share of the test set that is classified wrongly, at the end", "test_error", better=LOWER),
    *_columns("the least recorded share", "best_test_error", better=LOWER),
    *_columns("l2 norm of the last minibatch's gradient, before it is rounded", "gradient_norm"),
    *_columns("bits of all tensors of a step, each as often as it is written or read ([networks.md](networks.md#bits))",
              "bits_per_step", better=LOWER),
]  # fmt: skip
# Of every step, counted before the run: what is counted, and at which prices, docs/costs.md says.
STEP_COSTS = [
    *_columns("bytes that a step stores and moves ([costs.md](costs.md#bytes)); of networks `bits_per_step` over 8",
              "bytes_per_step", better=LOWER, unit="bytes"),
    *_columns("nJ that a step takes: its arithmetic, and 20.3 pJ for each bit of `bytes_per_step`, as if all of them "
              "came from DRAM (45 nm, Horowitz 2014: [costs.md](costs.md#energy))",
              "energy_per_step", better=LOWER, unit="nJ"),
    *_columns("nJ of its arithmetic alone: multiply-adds at the widths of their operands",
              "arithmetic_energy_per_step", better=LOWER, unit="nJ"),
]  # fmt: skip
SHARES = ("test_error", "best_test_error")  # of a test set
OF_NETWORKS = ("test_error", "best_test_error", "test_loss", "train_loss")  # what networks are judged by
# `mu`, HALP's choice, is also the name of the problem's constant: one column, with the choice where one was made.
CONSTANTS = _columns(
    "constants of the problem ([theory.md](theory.md)); `mu` is HALP's choice where one was made",
    "L", "mu", "L_f", "L_1", "L_1_avg", "gamma", "sigma", "sigma_1", "s_1", "sigma_w", "L_w", "w_max",
)  # fmt: skip
# What a bound needs of the problem beside its constants.
PROBLEM = [
    *_columns("number of weights: dimension times classes; of networks those of all layers", "weights", stored=int),
    *_columns("l2 norm of the optimum", "w_norm"),
    *_columns("whether the objective is quadratic", "quadratic", stored=bool),
    *_columns("l2 norm of the gradient at the optimum: at most 1e-12 unless the solver could not reach it",
              "optimum_gradient_norm"),
]  # fmt: skip
PROVENANCE = _columns(
    "provenance; `git_commit` is of lpbench's own sources, where it runs from a checkout, else null",
    "lpbench_version", "git_commit", "started_at", "host", "cpu", stored=str,
)  # fmt: skip
# In no contract, and in files all the same.
FURTHER = [
    *_columns("the column that is shown and compared in place of `noise_floor`, of cells that an engine of its own "
              "computed ([adding.md](adding.md#an-engine))", "result", stored=str),
    *_columns("of the engine `torch`: what `digest` holds for, the version of torch, instructions, threads and sums; "
              "elsewhere the same cell may give other bits", "digest_holds", stored=str),
    *_columns("what happens to subnormals, overflow and NaN", "format_policy", stored=str),
    *_columns("each theorem that applied to a cell of the sweep, in a column of its own (`lpbench list bounds`)",
              "bound_1a_i", "bound_1a_ii", "bound_1b"),
]  # fmt: skip
# In no file: counted from the stored columns where they are read, by `lpbench.analysis.costs`.
COSTS = [
    *_columns("gradients of one sample that the run took: those at snapshots and in full passes count",
              "gradient_evaluations"),
    *_columns("bits of weights that these gradients read: at the iterate in its format, at snapshots in full precision",
              "bits_moved"),
    *_columns("`bytes_per_step` times `steps`", "bytes_per_run", unit="bytes"),
    *_columns("J: `energy_per_step` times `steps`", "energy_per_run", unit="J"),
    *_columns("J: `arithmetic_energy_per_step` times `steps`", "arithmetic_energy_per_run", unit="J"),
]  # fmt: skip
# What results may be set against, and its unit.
COST_UNITS = {one.name: one.unit for one in (*STEP_COSTS, *COSTS) if one.unit} | {"bits_per_value": "bits"}

# Of the table `tensors`: what a row is of, and how many numbers that are.
TENSOR_ROWS = [
    *_columns("the cell, as in `cells`", "cell_id", stored=str),
    *_columns("parameter updates so far, as in `traces`", "step", stored=int),
    *_columns("the layer of the network", "layer", stored=str),
    *_columns("the tensor of the layer", "tensor", stored=str),
    *_columns("what it is in training: `weights`, `activations`, `errors`, `gradients`, `momentum`, "
              "`second_momentum`, `master`; or `operands` of products", "role", stored=str),
    *_columns("non-zero numbers in it", "numbers", stored=int),
]  # fmt: skip
# What is measured of them; null where it does not apply. The files hold it in half the bits of other columns.
TENSOR_MEASURES = [
    *_columns("share of its non-zero numbers that rounding clipped: to the range of the format, or to that of the "
              "scale of their block", "saturation_rate"),
    *_columns("share of its non-zero numbers that rounding made 0", "underflow_rate"),
    *_columns("share of the non-zero updates that left the weight where it was", "stall_rate"),
    *_columns("of all that the gradient moved in this step (sum of magnitudes), the share that was lost because the "
              "weight stayed where it was", "stall_gradient"),
    *_columns("the same of weight decay", "stall_decay"),
    *_columns("the same of momentum", "stall_momentum"),
    *_columns("signal to noise in dB: 10 log10 of the sum of squares of the numbers over that of what rounding added; "
              "null where it added nothing", "snr"),
    *_columns("floor(log2 abs(x)) of the numbers before they were rounded: the least, quantiles, the largest",
              "exponent_min", "exponent_q10", "exponent_q50", "exponent_q90", "exponent_max", stored=int),
]  # fmt: skip
TENSORS = [*TENSOR_ROWS, *TENSOR_MEASURES]

COLUMNS = [*IDENTITY, *RESULTS, *NETWORK, *STEP_COSTS, *CONSTANTS, *PROBLEM, *PROVENANCE]
COMPARED = {metric.name: metric for metric in COLUMNS if metric.better}
NAMES = {metric.name for metric in (*COLUMNS, *FURTHER, *COSTS)}
