"""Golden trajectories: digests of whole short paths, in which no change is too small to be seen.

Statistics of floors do not see a step size that is 5 % off, or a row of the data that is never drawn. Here every
built-in algorithm of convex problems runs 128 steps in every built-in format with every rounding, on problems whose
optimum and constants are known in closed form, and the digests of its path are compared with those in golden.json.
Beside the paths: a few of networks, the random numbers, the rounding of single numbers, the bits of the families, and
the optimum of every solved problem.

All of it runs in pure Python (`jit.in_python`), so nothing is compiled first, and on additions, multiplications and
square roots alone, which IEEE 754 decides to the last bit: no BLAS, and no exponential but our own. So the digests are
those of any machine. What a linear-algebra library does decide, the data and optimum of solved problems, counts to
seven digits.

`python -m lpbench.regression.golden` compares; `--renew` writes golden.json anew.
"""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import itertools
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lpbench import registry
from lpbench.arithmetic import generator, rounding
from lpbench.arithmetic.jit import in_python
from lpbench.cells.binding import kernel_problem, number_format, resolve, setup
from lpbench.cells.networks import NETWORKS as NETWORK_ENGINE
from lpbench.cells.networks import Training
from lpbench.cells.points import Points
from lpbench.choices.arithmetic import INTEGER, VERSION
from lpbench.choices.cell import CellMaker
from lpbench.convex import drive, gradients
from lpbench.errors import ConfigError
from lpbench.formats.base import quantize, saturated, shared_unit
from lpbench.networks.roles import KEYS
from lpbench.problems.base import SQUARED_HINGE, Problem
from lpbench.problems.build import build
from lpbench.store.files import write_bytes

FILE = Path(__file__).with_name("golden.json")
STEPS = 128
MARKS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, STEPS)  # the steps after which a path's digest is kept
RENEW = "python -m lpbench.regression.golden --renew"
SAME, MOVED, RISEN, NEW, GONE = "same", "moved", "version risen", "new", "gone"

MODES = ("stochastic", "nearest_even", "toward_zero")  # the others differ from the last in one line

# Every choice that a cell may read, so that a default of conf/ that changes moves nothing here.
CHOICES: dict[str, Any] = {
    "problem": "family_s", "dimension": 4, "k": 2, "noise": None, "data_seed": 0, "scaling": "max_norm",
    "algorithm": "lp_sgd", "format": "fixed", "precision": 8, "subnormals": True, "block_size": 3, "limit": "auto",
    "rounding": "stochastic", "step_size": "auto", "schedule": "constant", "snapshot": "last", "average_start": 0,
    "average_every": 1, "start": "zero", "batch_size": 1, "steps": STEPS, "seed": 0, "compute_dtype": "float64",
    "record_points": 1, "even_points": 1, "tail": 0.5,
}  # fmt: skip
_SPARSE = {"dimension": 8}  # of family S: with k = 2 its rows are stored sparse from here
_SOLVED = {"dimension": None, "n_samples": 40, "regularization": None}

# What an algorithm does besides, in fixed point unless a variant names another format. A variant runs with every
# algorithm that reads all of `needs`.
VARIANTS: dict[str, tuple[frozenset[str], dict[str, Any]]] = {
    name: (frozenset(needs.split()), choices)
    for name, needs, choices in (
        ("batch", "", {"batch_size": 3}),
        ("batch float32", "", {"batch_size": 3, "compute_dtype": "float32"}),
        ("optimum", "", {"start": "optimum"}),
        ("half step", "", {"step_size": "0.5/L"}),
        # More coordinates than the dot product has lanes.
        ("wide", "", {"dimension": 48, "k": 16, "steps": 34, "inner_steps": 17}),
        ("sparse", "", _SPARSE),
        ("sparse batch", "", _SPARSE | {"batch_size": 3}),
        ("ridge", "", {"ridge": 0.5}),
        ("ridge batch", "", {"ridge": 0.5, "batch_size": 3}),
        ("ridge sparse", "", _SPARSE | {"ridge": 0.5}),
        ("hinge sparse", "", _SPARSE | {"hinge": True}),
        ("sparse noise", "", {"problem": "family_q", "noise_kind": "sparse"}),
        ("dense noise", "", {"problem": "family_e", "noise_kind": "dense", "solution": "uniform", "noise": 0.5}),
        ("few bits", "format", {"random_bits": 3}),
        ("few bits float32", "format", {"random_bits": 3, "compute_dtype": "float32"}),
        ("clipped", "limit", {"limit": 0.25}),
        ("coarse", "format", {"precision": 4}),
        ("fine", "format", {"precision": 16}),
        ("subnormals", "format", {"format": "float", "precision": 5, "exponent_bits": 3}),
        ("no subnormals", "format", {"format": "float", "precision": 5, "exponent_bits": 3, "subnormals": False}),
        ("decreasing", "schedule", {"schedule": "decreasing"}),
        ("short loop", "inner_steps", {"inner_steps": 5}),
        ("random", "snapshot", {"snapshot": "random"}),
        ("average", "snapshot", {"snapshot": "average"}),
        ("average block", "snapshot format", {"snapshot": "average", "format": "block"}),
        ("mu", "mu", {"mu": 0.125}),
        ("sums", "format", {"sum_format": "float(precision=9,exponent_bits=5)"}),
        ("sums sparse", "format", _SPARSE | {"sum_format": "fixed(precision=10)", "sum_chunk": 2,
                                             "sum_rounding": "stochastic"}),
        ("every third", "average_every", {"average_start": 10, "average_every": 3}),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One line of golden.json.

    name        what it is, in words.
    definition  the versions that decide it; with another definition another digest is no regression.
    marks       yields the label of each mark of its path, and the bytes that have come since the last one.
    algorithm, format, problem   what it is about; null where it is about all of them.
    """

    name: str
    definition: str
    marks: Callable[[], Iterator[tuple[str, bytes]]]
    algorithm: str | None = None
    format: str | None = None
    problem: str | None = None

    def concerns(self, cells: Iterable[Mapping[str, Any]]) -> bool:
        """Whether it is about anything that cells with these choices use."""
        keys = [key for key in ("algorithm", "format", "problem") if getattr(self, key) is not None]
        return any(all(getattr(self, key) == cell[key] for key in keys) for cell in cells)


@dataclass(frozen=True)
class Finding:
    """What became of one line: SAME, MOVED (a regression), RISEN, NEW or GONE; why: in words."""

    name: str
    state: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.state}" + (f", {self.why}" if self.why else "")


Entry = tuple[str, str]  # definition, and the digests at the marks


def cases() -> list[Case]:
    """All of them: whatever is registered by lpbench itself, so that a new algorithm or format joins by being there."""
    found = [*_trajectories(), *_integers(), *_networks(), *_roundings(), *_draws(), *_problems()]
    assert len({case.name for case in found}) == len(found)
    return found


def _own(things: registry.Registry) -> list[str]:
    """The names of what lpbench brings itself: nobody kept a golden path for a user's plug-in."""
    return [name for name in things.names() if _home(things.get(name)).startswith("lpbench.")]


def _home(thing: Any) -> str:
    return str(thing.__module__ if isinstance(thing, type) else type(thing).__module__)


def kernels(chosen: Iterable[Case]) -> list[Case]:
    """One case for each algorithm and each kind of format: a few kernels that stand for the rest."""
    seen: set[Any] = set()
    found = []
    for case in chosen:
        if case.algorithm is not None and case.format is not None:
            grid = type(registry.formats.get(case.format).example().kernel())
            if not {case.algorithm, grid} <= seen:
                seen |= {case.algorithm, grid}
                found.append(case)
    return found


# -- trajectories --------------------------------------------------------------------------------------------------


def _trajectories() -> Iterator[Case]:
    make = CellMaker()
    for algorithm in _own(registry.algorithms):
        if not registry.algorithms.get(algorithm).convex:
            continue
        reads = registry.algorithms.get(algorithm).reads
        formats = _own(registry.formats) if "format" in reads else ["none"]
        for name in formats:
            read = registry.formats.get(name).reads if "format" in reads else frozenset()
            label, modes = f"{algorithm} {name}", MODES if "rounding" in read else ()
            for mode in modes:
                yield _trajectory(make, f"{label} {mode}", algorithm, {"format": name, "rounding": mode})
            if not modes:
                yield _trajectory(make, label, algorithm, {"format": name})
            if "precision" in read or name == "none":  # a preset is a float of a certain split
                single = {"format": name, "compute_dtype": "float32"}
                yield _trajectory(make, " ".join([label, *modes[:1], "float32"]), algorithm, single)
        for variant, (needs, choices) in VARIANTS.items():
            if needs <= reads:
                name = choices.get("format", "fixed") if "format" in reads else "none"
                more = {"format": name, **choices}
                yield _trajectory(make, f"{algorithm} {name}: {variant}", algorithm, more)


def _trajectory(
    make: CellMaker, name: str, algorithm: str, more: Mapping[str, Any], arithmetic: str | None = None
) -> Case:
    choices = {**CHOICES, "algorithm": algorithm, **more}
    change: dict[str, Any] = {key: choices.pop(key) for key in ("ridge", "hinge") if key in choices}
    cell = make.cell(choices)
    # The identity of a cell knows nothing of these problems in integers, which solved ones alone have.
    chosen = {**cell.choices, "arithmetic": arithmetic, "data_bits": more.get("data_bits")}
    walk = functools.partial(_walk, chosen, change)
    return Case(name, cell.group.definition, walk, algorithm, choices["format"])


# In integers of so many bits: weights and data.
INTEGERS: dict[str, dict[str, Any]] = {
    "8 8": {"precision": 8, "data_bits": 8},
    "16 8": {"precision": 16, "data_bits": 8, "dimension": 128, "k": 64, "steps": 34},
    "16 16": {"precision": 16, "data_bits": 16, "compute_dtype": "float32"},
    "8 16 ridge": {"precision": 8, "data_bits": 16, "ridge": 0.5},
    "16 8 hinge": {"precision": 16, "data_bits": 8, "hinge": True},
    "8 8 clipped": {"precision": 8, "data_bits": 8, "limit": 0.25, "mu": 64.0},
}


def _integers() -> Iterator[Case]:
    """Integer arithmetic, on the family whose data is known to the last bit."""
    make = CellMaker()
    for algorithm in _own(registry.algorithms):
        if getattr(registry.algorithms.get(algorithm), "integer", False):
            for name, more in INTEGERS.items():
                case = _trajectory(make, f"{algorithm} integers {name}", algorithm, more, arithmetic=INTEGER)
                yield replace(case, definition=f"{case.definition}, arithmetic {VERSION}")


def _walk(choices: dict[str, Any], change: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Output, iterate and record of the cell at MARKS."""
    problem = build(choices)
    if "ridge" in change:
        problem = _ridge(problem, change["ridge"])
    if "hinge" in change:
        problem = replace(problem, loss=SQUARED_HINGE, y=np.where(problem.y < 0, -1.0, 1.0))
    ready = setup(resolve(choices, problem), problem)
    advance = registry.algorithms.get(choices["algorithm"])().prepare(ready)
    # SVRG rounds its steps up to whole loops, and has a new snapshot at their ends: the last mark.
    stops = np.array([mark for mark in MARKS if mark < choices["steps"]] + [ready.choices["steps"]])
    row, look = np.zeros((1, drive.RECORDED)), ready.run.look
    for i, stop in enumerate(stops):
        advance(stops, np.zeros_like(stops), i, i + 1, row)
        yield f"step {stop}", look.output.tobytes() + look.iterate.tobytes() + row.tobytes()


def _ridge(problem: Problem, regularization: float) -> Problem:
    """Family S with a regulariser, and the labels moved so that w* stays the optimum."""
    half, d = problem.n_samples // 2, problem.dimension
    clean = (problem.y[:half] + problem.y[half:]) / 2  # A w*, for y = A w* +- s
    constants = {key: problem.constants[key] + regularization for key in ("L", "L_f", "mu")}
    return replace(
        problem, regularization=regularization, y=problem.y + regularization * d * np.tile(clean, 2),
        constants={**problem.constants, **constants},
    )  # fmt: skip


NETWORKS: dict[str, dict[str, Any]] = {
    "mlp accumulators": {
        "problem": "mlp", "dataset": "teacher", "recipe": "weights", "format": "block",
        "sum_format": "float(precision=9,exponent_bits=5)", "sum_chunk": 3, "sum_rounding": "stochastic",
    },
    "mlp halp fixed": {
        "problem": "mlp", "dataset": "teacher", "recipe": "weights", "algorithm": "halp", "inner_steps": 3, "mu": 0.5,
        "format": "fixed", **dict.fromkeys(KEYS.values()),
    },
    "mlp lp_sgd block": {"problem": "mlp", "dataset": "teacher", "format": "block", "weight_decay": 0.125},
    "mlp lp_adamw bf16": {
        "problem": "mlp", "dataset": "teacher", "algorithm": "lp_adamw", "format": "bf16",
        "compensation": "kahan", "schedule": "cosine", "warmup": 2, "compute_dtype": "float64", "steps": 4,
    },
    "cnn swalp e4m3": {
        "problem": "cnn", "dataset": "digits", "dimension": 2, "batch_size": 2, "algorithm": "swalp",
        "format": "fp8_e4m3", "error_format": "fp8_e5m2", "master_format": "none", "loss_scale": 256, "steps": 2,
    },
}  # fmt: skip
_NETWORK: dict[str, Any] = {
    **dict.fromkeys(KEYS.values(), "same"), "dimension": 4, "depth": 1, "teacher_width": 8,
    "noise": 0.05, "n_samples": 40, "data_seed": 0, "block_size": 8, "precision": 6, "step_size": 0.125,
    "momentum": 0.875, "second_momentum": 0.75,
    "batch_size": 8, "compute_dtype": "float32", "steps": 8, "recipe": "all", "compensation": "none",
    "weight_decay": 0.0, "loss_scale": 1.0, "warmup": 0, "sampling": "shuffled", "engine": "compiled", "device": "cpu",
}  # fmt: skip


def _networks() -> Iterator[Case]:
    """Networks whose every role is rounded."""
    make = CellMaker()
    for name, more in NETWORKS.items():
        cell = make.cell({**CHOICES, **_NETWORK, **more})
        run = functools.partial(_trained, cell.choices)
        yield Case(f"network {name}", cell.group.definition, run, problem=cell.choices["problem"])


def _trained(choices: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Weights, their average and losses at MARKS."""
    problem: Any = build(choices)
    chosen = NETWORK_ENGINE.resolve(choices, problem)
    marks = np.array([0, *(mark for mark in MARKS if mark < chosen["steps"]), chosen["steps"]])
    cell = Training(chosen, problem, Points(marks, np.ones_like(marks)))
    for begin, end in itertools.pairwise(marks.tolist()):
        cell.advance(marks, np.full_like(marks, -1), *np.searchsorted(marks, (begin + 1, end + 1)).tolist())
        yield (
            f"step {end}",
            cell.memory.weights.tobytes() + cell.average.weights.tobytes() + cell.losses.tobytes(),
        )


# -- what trajectories are made of ----------------------------------------------------------------------------------


def _roundings() -> Iterator[Case]:
    """Single numbers, rounded: each format with each rounding, in both types of arithmetic."""
    make = CellMaker()
    for name, dtype in itertools.product(_own(registry.formats), ("float64", "float32")):
        form = registry.formats.get(name)
        for mode in MODES if "rounding" in form.reads else ():
            choices = {**CHOICES, "format": name, "rounding": mode, "limit": 1.0, "compute_dtype": dtype}
            run = functools.partial(_rounded, make.cell(choices).choices)
            yield Case(f"format {name} {mode} {dtype}", f"format {name} {form.version}", run, format=name)


def _rounded(choices: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    real = np.dtype(choices["compute_dtype"]).type
    form, mode = number_format(choices), rounding.make(choices["rounding"], real)
    grid = form.kernel(real)
    low, high = math.frexp(max(form.native_min, 2.0**-120)), math.frexp(min(form.native_max, 2.0**120))
    binades = np.arange(low[1] - 3, high[1] + 3)
    parts = np.array([0.5, 0.53125, 0.625, 0.65, 0.75, 0.7777, 0.96875, 1 - 2.0**-20])
    u = np.ldexp(parts[:, None], binades).ravel().astype(real)
    for r in (0.0, 2.0**-24, 0.25, 0.3, 0.5, 0.75, 1 - 2.0**-24):
        x = np.concatenate([-u[::-1], real([0.0]), u])
        rounded = quantize(grid, mode, x, real(r), shared_unit(grid, abs(x)))
        yield f"r = {r:g}", rounded.tobytes() + np.broadcast_to(saturated(grid, x), x.shape).tobytes()


def _draws() -> Iterator[Case]:
    """The generator: words, bits and indices of every stream, and the random numbers that rounding makes of them."""
    definition = f"generator {generator.SCHEME}"
    for purpose in ("SAMPLES", "ROUNDING", "SNAPSHOT", "POINTS", "NOISE"):
        run = functools.partial(_stream, getattr(generator, purpose))
        yield Case(f"random {purpose.lower()}", definition, run)
    yield Case("random keys of a cell", definition, _keys)
    for dtype, bits in itertools.product(("float64", "float32"), (None, 1, 3, 16)):
        few = "" if bits is None else f" {bits} bits"
        yield Case(f"random offset {dtype}{few}", definition, functools.partial(_offsets, dtype, bits))


def _stream(purpose: int) -> Iterator[tuple[str, bytes]]:
    for seed in (0, 1, 12345):
        key = generator.stream(seed, purpose)
        for step in (0, 1, 2, 1000, 2**31):
            words = generator.step_words(key, step)
            bits = [generator.random_bits(*words, j) for j in (0, 1, 2, 77, 2**20)]
            places = [generator.random_index(words, j, n) for j in (0, 1) for n in (1, 2, 7, 1000, 2**31)]
            numbers = [int(number) for number in (*words, *bits, *places)]
            yield f"seed {seed} step {step}", repr(numbers).encode()


def _keys() -> Iterator[tuple[str, bytes]]:
    for seed in (0, 1, 12345):
        keys = {name: int(key) for name, key in drive.keys_of(seed)._asdict().items()}
        yield f"seed {seed}", repr(keys).encode()


def _offsets(dtype: str, bits: int | None) -> Iterator[tuple[str, bytes]]:
    mode, key = rounding.make("stochastic", dtype, bits), generator.stream(0, generator.ROUNDING)
    for step in range(16):
        words = generator.step_words(key, step)
        yield f"step {step}", np.array([rounding.offset(mode, *words, j) for j in range(8)]).tobytes()


def _problems() -> Iterator[Case]:
    """The families to the last bit; the data and the optimum of solved problems to seven digits."""
    make = CellMaker()
    for name in _own(registry.problems):
        problem = registry.problems.get(name)
        if "dataset" not in problem.reads:
            for more in ({}, {"dimension": 16, "noise": 0.25, "data_seed": 1}):
                choices = {**CHOICES, "problem": name, "dimension": 16, **more}
                definition = f"problem {name} {problem.version}"
                label = f"problem {name}" + (" 2" if more else "")
                run = functools.partial(_family, make.cell(choices).choices)
                yield Case(label, definition, run, problem=name)
            continue
        for dataset in _own(registry.datasets):
            choices = {**CHOICES, **_SOLVED, "problem": name, "dataset": dataset}
            if "path" in registry.datasets.get(dataset).reads or registry.datasets.get(dataset).package:
                continue  # what others make, they may change
            try:
                cell = make.cell(choices | ({"dimension": 6} if dataset == "gaussian" else {}))
            except ConfigError:  # labels that do not fit
                continue
            definition = f"problem {name} {problem.version}, dataset {dataset} {registry.datasets.get(dataset).version}"
            run = functools.partial(_solved, cell.choices)
            yield Case(f"problem {name} {dataset}", definition, run, problem=name)


def _family(choices: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    problem = registry.problems.get(choices["problem"]).build(choices)
    model, _ = kernel_problem(problem, np.float64)
    parts: dict[str, Any] = {"w*": problem.w_star}
    parts["L, mu"] = [problem.constants[key] for key in ("L", "L_f", "mu")]
    if isinstance(model, gradients.Diagonal):
        parts |= {"h": model.h, "noise": [model.noise, float(model.sparse)]}
    else:
        parts |= {f"rows, {name}": part for name, part in model.rows._asdict().items()}
    for name, part in parts.items():
        yield name, np.ascontiguousarray(part, np.float64).tobytes()


def _solved(choices: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Solved anew: an optimum that was kept would hide what has become of the solver since."""
    problem = registry.problems.get(choices["problem"]).build(choices, anew=True)
    for name, part in {"X": problem.X, "y": problem.y, "w*": problem.w_star}.items():
        numbers = np.asarray(part, np.float64)
        largest = float(np.abs(numbers).max())
        yield name, np.rint(numbers * (1e7 / largest)).astype(np.int64).tobytes() + f"{largest:.6e}".encode()
    for key in ("L", "mu"):
        yield key, f"{problem.constants[key]:.6e}".encode()


# -- comparing -----------------------------------------------------------------------------------------------------


def measure(case: Case) -> Entry:
    """The entry of a case, in pure Python."""
    with in_python(), generator.salted(0):
        return compiled(case)


def compiled(case: Case) -> Entry:
    """The entry of a case by the kernels as they are compiled: the same, or the compiler is at fault.

    Four digits at each mark, of all the bytes that came up to there.
    """
    digest, found = hashlib.blake2b(digest_size=8), []
    with np.errstate(all="ignore"):
        for _, part in case.marks():
            digest.update(part)
            found.append(digest.hexdigest()[:4])
    return case.definition, " ".join(found)


def compare(
    chosen: Iterable[Case], kept: Mapping[str, Entry] | None = None, run: Callable[[Case], Entry] = measure
) -> list[Finding]:
    """One finding a case; kept: what to compare with (null: golden.json)."""
    entries = load() if kept is None else kept
    return [_compared(case, entries.get(case.name), run) for case in chosen]


def _compared(case: Case, before: Entry | None, run: Callable[[Case], Entry]) -> Finding:
    if before is None:
        return Finding(case.name, NEW)
    if before[0] != case.definition:
        return Finding(case.name, RISEN, f"{before[0]} -> {case.definition}")
    now = run(case)
    if now == before:
        return Finding(case.name, SAME)
    where = _where(case, before[1].split(), now[1].split())
    return Finding(case.name, MOVED, f"{where}; {case.definition} as before")


def _where(case: Case, before: list[str], now: list[str]) -> str:
    first = next((i for i, pair in enumerate(zip(before, now, strict=False)) if pair[0] != pair[1]), None)
    if first is None:
        return f"{len(now)} marks in place of {len(before)}"
    with np.errstate(all="ignore"), in_python():
        labels = [label for label, _ in case.marks()]
    return f"first seen at {labels[first]}" + (f", not at {labels[first - 1]}" if first else "")


def load(file: Path = FILE) -> dict[str, Entry]:
    """The entries by name."""
    return {name: (entry[0], entry[1]) for name, entry in json.loads(file.read_text("utf-8")).items()}


def save(entries: Mapping[str, Entry], file: Path = FILE) -> None:
    """Sorted, one line a case."""
    lines = [f" {json.dumps(name)}: {json.dumps(entries[name])}" for name in sorted(entries)]
    write_bytes(file, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def renew(file: Path = FILE, force: bool = False) -> list[Finding]:
    """Write all lines as they are now, unless one moved whose version did not rise (force: then too).

    Returns what is not as it was. The caller tells by a MOVED in it whether the file was written.
    """
    chosen = cases()
    kept = load(file) if file.is_file() else {}
    entries = {case.name: measure(case) for case in chosen}
    found = compare(chosen, kept, lambda case: entries[case.name])
    found += [Finding(name, GONE) for name in kept if name not in entries]
    if force or not any(one.state == MOVED for one in found):
        save(entries, file)
    return [one for one in found if one.state != SAME]


def main(arguments: list[str]) -> int:
    """`python -m lpbench.regression.golden [--renew [--force]] [PATTERN ...]`; 4: lines moved, 6: lines to renew."""
    patterns = [text for text in arguments if not text.startswith("--")] or ["*"]
    options = set(arguments) - set(patterns)
    if not options <= {"--renew", "--force"} or (options and patterns != ["*"]):
        raise ConfigError(f"{' '.join(arguments)}: give PATTERN ..., or --renew, or --renew --force")
    if options:
        found = renew(force="--force" in options)
        written = "--force" in options or not any(one.state == MOVED for one in found)
        told = f"wrote {FILE}" if written else (
            "nothing is written: what moves has to raise the `version` of its algorithm, format, problem or dataset "
            "(--renew --force writes all the same)"
        )  # fmt: skip
    else:
        chosen = [case for case in cases() if any(fnmatch.fnmatch(case.name, one) for one in patterns)]
        every = compare(chosen)
        found, written = [one for one in every if one.state != SAME], False
        told = f"{len(every) - len(found)} of {len(every)} as in {FILE.name}" + (
            f"; {RENEW}" if found else ""
        )
    for one in found:
        print(one)
    print(told)
    if written:
        return 0
    return 4 if any(one.state == MOVED for one in found) else 6 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ConfigError as error:
        sys.exit(f"lpbench: {error}")
