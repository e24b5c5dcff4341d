"""A cell: the choices that decide its result, in one canonical form, and the identity made from them.

A choice that the algorithm, the format or the problem of a cell does not read is null, so that two ways to
ask for the same result are the same cell. The identity is a hash of the canonical choices, of the versions
that algorithm, format, problem and dataset declare, and of the problem's own key, which holds data files by
content.
"""

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import orjson

from lpbench import registry
from lpbench.choices import arithmetic, keys
from lpbench.choices.files import is_relative, located
from lpbench.declared.choices import CHOICES, CONVEX_SCHEDULES, FILES, FORMAT, RUN, SUMS
from lpbench.errors import ConfigError
from lpbench.networks.modules import VERSION as TORCH

_NOT_HASHED = ("seed", *FILES)  # seeds make the cells of a group; the content of a file stands for its path


@dataclass(frozen=True, slots=True)
class Group:
    """What the cells share that differ in nothing but the seed. Small, since a grid may have a million.

    values       every choice in the order of CHOICES, null where not read and in the seed's place; expressions
                 over constants that only the built problem knows stay text
    group_id     16 hex digits: the identity without the seed
    problem_key  the identity of the problem: cells that share it share data, optimum and constants
    config_id    16 hex digits: the choices without the seed, the same in every version of lpbench
    definition   what these choices mean here: the versions of algorithm, format, problem and data
    folder       absolute: where `path` starts, where that is relative; else empty
    further      (key, value) of the choices of plug-ins that are read here
    asked        the choices whose number an expression or `auto` gives, as overrides with a space between; else empty
    """

    values: tuple[Any, ...]
    group_id: str
    problem_key: str
    config_id: str = ""
    definition: str = ""
    folder: str = ""
    further: tuple[tuple[str, Any], ...] = ()
    asked: str = field(default="", compare=False)  # two ways to ask for one result are one group

    @property
    def choices(self) -> dict[str, Any]:
        """The choices by key, made anew at each call."""
        return dict(zip(CHOICES, self.values, strict=True)) | dict(self.further)


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of the grid: a seed of a group; `cell_id`, 16 hex digits, is its identity."""

    group: Group
    seed: int
    cell_id: str

    @property
    def choices(self) -> dict[str, Any]:
        """The choices by key in the order of CHOICES, made anew at each call."""
        return {**self.group.choices, "seed": self.seed}

    @property
    def located(self) -> dict[str, Any]:
        """The choices with files as this process reaches them, wherever it runs: for what reads the data."""
        choices = self.choices
        return choices | {key: located(key, choices[key], self.group.folder) for key in FILES}

    @property
    def group_id(self) -> str:
        """The identity without the seed."""
        return self.group.group_id

    @property
    def problem_key(self) -> str:
        """The identity of the problem."""
        return self.group.problem_key

    @property
    def identity(self) -> dict[str, str | None]:
        """The columns of `cells` that say which cell it is."""
        group = self.group
        identity = {"cell_id": self.cell_id, "group_id": group.group_id}
        identity |= {"config_id": group.config_id, "definition": group.definition}
        return {**identity, "asked": group.asked or None}


def make_cell(raw: Mapping[str, Any]) -> Cell:
    """The cell that `raw` asks for: defaults filled in, null where not read, one spelling a value.

    Raises ConfigError with one line for an unknown key or name, a value out of range, or choices that do not
    go together.
    """
    return CellMaker().cell(raw)


@dataclass
class _Problem:
    thing: Any
    choices: dict[str, Any]
    key: str
    versions: dict[str, int]
    folder: str

    @cached_property
    def shape(self) -> Any:
        """Its sizes; only where somebody asks, since a file may have to be read for them."""
        files = {key: located(key, self.choices.get(key), self.folder) for key in FILES}
        return self.thing.shape({**dict.fromkeys(CHOICES), **self.choices, **files})

    @property
    def sizes(self) -> dict[str, float]:
        """d and N, for expressions."""
        return {"d": self.shape.dimension, "N": self.shape.n_samples}


class CellMaker:
    """Makes cells, remembering what they share; for one batch, since a data file may change between two.

    folder   where relative paths of data files start; None: the working directory.
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        self._problem = partial(_problem_part, folder)
        self._known, self._further = frozenset(keys.every()), keys.further()
        self._of_problem, self._of_format = keys.read_by("problem", "dataset"), keys.read_by("format")
        self._of_algorithm = keys.read_by("algorithm")
        self._numbers = sorted(key for key, one in keys.of_cells().items() if one.stored in (int, float))
        self._values: dict[tuple[str, type, Any], Any] = {}
        self._parts: dict[tuple[Any, ...], Any] = {}

    def cell(self, raw: Mapping[str, Any]) -> Cell:
        """The cell of `raw`, which may leave out keys that are null."""
        return self.cells(raw, [raw.get("seed")])[0]

    def cells(self, raw: Mapping[str, Any], seeds: Iterable[Any]) -> list[Cell]:
        """The cells of `raw`, whose own seed is not looked at, with `seeds`; raises ConfigError."""
        group, digest = self._group(raw)
        return [_cell(group, digest, _need("seed", keys.check("seed", seed))) for seed in seeds]

    def _group(self, raw: Mapping[str, Any]) -> tuple[Group, Any]:
        """The group of `raw`, and the hash that its cells' identities go on from."""
        if not raw.keys() <= self._known:
            keys.kind(next(key for key in raw if key not in self._known))
        value = {key: self._value(key, raw.get(key)) for key in CHOICES}
        for key, choice in self._further.items():
            value[key] = self._value(key, raw.get(key, choice.default))
        problem = self._shared(self._problem, value, ("problem",), self._of_problem)
        algorithm = _registered(registry.algorithms, value["algorithm"])
        choices: dict[str, Any] = dict.fromkeys(CHOICES)
        choices.update(problem.choices)
        choices.update(
            self._shared(_format_part, value, ("algorithm", "format", "compute_dtype"), self._of_format)
        )
        own = [key for key in self._of_algorithm if key in algorithm.reads]
        # A problem with an engine of its own may read other keys.
        run = getattr(problem.thing, "run_reads", RUN)
        choices |= {key: value[key] for key in (*run, *own)}
        choices["algorithm"] = value["algorithm"]
        choices["seed"] = None
        if choices["steps"] is not None:
            choices["epochs"] = None
        elif choices["epochs"] is None:
            raise ConfigError("give epochs or steps: both are null")
        for key in ("step_size", "steps", "mu", "limit"):
            choices[key] = _resolve_sizes(key, choices[key], problem)
        if choices["exponent_bits"] == "auto":
            _check_auto_split(choices, algorithm)
        for key in (*run, *own):
            if key not in ("seed", "epochs"):
                _need(key, choices[key])
        files = {key: located(key, choices[key], problem.folder) for key in FILES}
        choices |= arithmetic.settled(choices | files, value, algorithm, lambda: problem.shape)
        if hasattr(problem.thing, "settle"):
            choices = problem.thing.settle(choices, files)
        else:
            _check_convex(choices, algorithm)
            choices |= _sums(choices, algorithm)
        return self._identify(choices, algorithm, problem, self._asked(value, choices))

    def _asked(self, value: Mapping[str, Any], choices: Mapping[str, Any]) -> str:
        """The choices that are read here and whose number is not given: the texts of keys that hold numbers."""
        texts = [
            f"{key}={text}"
            for key in self._numbers
            if isinstance(text := value[key], str) and choices.get(key) is not None
        ]
        return sys.intern(" ".join(texts))

    def _identify(
        self, choices: dict[str, Any], algorithm: Any, problem: _Problem, asked: str
    ) -> tuple[Group, Any]:
        versions = {"algorithm": algorithm.version, **problem.versions}
        if "format" in algorithm.reads:
            versions["format"] = registry.formats.get(choices["format"]).version
        if choices["engine"] == "torch":
            versions["engine"] = TORCH
        if arithmetic.is_integer(choices):
            versions["arithmetic"] = arithmetic.VERSION
        # Without the nulls, so that a key added one day leaves the cells that do not read it as they are.
        hashed = {
            key: chosen for key, chosen in choices.items() if chosen is not None and key not in _NOT_HASHED
        }
        text = orjson.dumps(
            {"choices": hashed, "versions": versions, "problem_key": problem.key}, option=orjson.OPT_SORT_KEYS
        )
        digest = hashlib.blake2b(text, digest_size=8)
        # A file that is null today was null before there was its key.
        files = {key: choices[key] for key in FILES if key == "path" or choices[key] is not None}
        config = orjson.dumps({**hashed, **files}, option=orjson.OPT_SORT_KEYS)
        config_id = hashlib.blake2b(config, digest_size=8).hexdigest()
        definition = ", ".join(f"{kind} {choices[kind]} {version}" for kind, version in versions.items())
        if any(choices[key] is not None for key in FILES):
            definition += f", content {problem.key}"
        values = tuple(choices[key] for key in CHOICES)
        definition = sys.intern(definition)  # of a million groups
        further = tuple((key, chosen) for key, chosen in choices.items() if key not in CHOICES)
        group = Group(
            values, digest.hexdigest(), problem.key, config_id, definition, problem.folder, further, asked
        )
        return group, digest

    def _value(self, key: str, value: Any) -> Any:
        # The type is part of the memory's key: 1, 1.0 and True are equal, but True is no number here.
        try:
            return self._values[key, type(value), value]
        except KeyError:
            normal = self._values[key, type(value), value] = keys.check(key, value)
            return normal
        except TypeError:  # not hashable: a list
            return keys.check(key, value)

    def _shared(
        self, part: Callable[[dict[str, Any]], Any], value: dict[str, Any], *keys: Iterable[str]
    ) -> Any:
        """`part` of `value`, computed once for each combination of `keys`; an error is remembered too."""
        memory = (part, *(value[key] for names in keys for key in names))
        result = self._parts.get(memory)
        if result is None:
            try:
                result = part(value)
            except ConfigError as error:
                result = error
            self._parts[memory] = result
        if isinstance(result, ConfigError):
            raise ConfigError(str(result))
        return result


def _cell(group: Group, digest: Any, seed: int) -> Cell:
    digest = digest.copy()
    digest.update(b"seed %d" % seed)
    return Cell(group, seed, digest.hexdigest())


def _problem_part(folder: Path | str | None, value: dict[str, Any]) -> _Problem:
    """What decides the problem: its choices (null where not read), key, versions, and the sizes d and N."""
    from lpbench.problems.identity import keys_read, problem_key

    problem = _registered(registry.problems, value["problem"])
    reads = set(problem.reads)
    versions = {"problem": problem.version}
    dataset = None
    if "dataset" in reads:
        dataset = _registered(registry.datasets, value["dataset"])
        reads |= dataset.reads
        versions["dataset"] = dataset.version
    choices = {key: value[key] if key in reads else None for key in keys.read_by("problem", "dataset")}
    choices["problem"] = value["problem"]
    whole = {**dict.fromkeys(CHOICES), **choices}
    kept = keys_read(whole)
    if "dataset" not in kept:
        versions.pop("dataset", None)  # of a problem that has other data
    for key, chosen in choices.items():
        if key in kept:
            _need(key, chosen)
    if isinstance(choices["k"], str):
        sizes = {} if whole["dimension"] is None else {"d": whole["dimension"]}
        choices["k"] = whole["k"] = keys.resolve("k", choices["k"], sizes)
    start = ""
    if any(is_relative(key, whole[key]) for key in FILES):
        start = str(Path.cwd() if folder is None else folder)
        whole |= {key: located(key, whole[key], start) for key in FILES}
    problem.check(whole)
    if dataset is not None and not hasattr(problem, "keys"):  # those that name their keys check their dataset
        dataset.check(whole)
    key = problem_key(whole)
    if hasattr(problem, "files") and problem.files(whole):
        # Reading a data file finds what is wrong with it, before anything is run or written.
        problem.shape(whole)
    choices = {key: chosen for key, chosen in choices.items() if key in kept or key == "problem"}
    return _Problem(problem, choices, key, versions, start)


def _format_part(value: dict[str, Any]) -> dict[str, Any]:
    """The format and what it reads; full precision where the algorithm does not round."""
    algorithm = _registered(registry.algorithms, value["algorithm"])
    if "format" not in algorithm.reads:
        _need("compute_dtype", value["compute_dtype"])
        return {"format": "none", "precision": 32 if value["compute_dtype"] == "float32" else 64}
    number_format = _registered(registry.formats, value["format"])
    reads = set(number_format.reads)
    if "limit" not in algorithm.reads:
        reads.discard("limit")
    choices = dict.fromkeys(FORMAT) | {key: value[key] for key in keys.read_by("format") if key in reads}
    for key in reads:
        _need(key, choices[key])
    if choices["rounding"] != "stochastic":
        choices["random_bits"] = None
    bits = choices["random_bits"]
    if bits is not None and bits > 23 and value["compute_dtype"] == "float32":
        raise ConfigError(f"random_bits must be at most 23 with compute_dtype=float32, got {bits}")
    filled = number_format.defaults({**value, **choices})
    for key in choices:
        if key != "limit":
            choices[key] = filled.get(key, choices[key])
    choices["format"] = value["format"]
    return choices


def _resolve_sizes(key: str, chosen: Any, problem: _Problem) -> Any:
    """The number of an expression that uses nothing but d and N; anything else as it is."""
    names = keys.names_in(key, chosen)
    return keys.resolve(key, chosen, problem.sizes) if names and names <= {"d", "N"} else chosen


def _check_auto_split(choices: dict[str, Any], algorithm: Any) -> None:
    """The best split depends on range and step size, so neither may depend on it."""
    if "limit" not in algorithm.reads:
        raise ConfigError(
            f"exponent_bits=auto needs a range that is known beforehand, and that of {choices['algorithm']} moves: "
            "give exponent_bits a number"
        )
    step_size = choices["step_size"]
    if "delta" in keys.names_in("step_size", step_size):
        raise ConfigError(
            f"step_size={step_size} reads delta, which exponent_bits=auto chooses for the step size: "
            "give one of them a number"
        )


def _check_convex(choices: dict[str, Any], algorithm: Any) -> None:
    """Raise ConfigError for what networks alone are trained by."""
    if not getattr(algorithm, "convex", True):
        raise ConfigError(
            f"algorithm={algorithm.name} trains networks, and problem={choices['problem']} is none"
        )
    if choices["scale_rule"] == "delayed":
        raise ConfigError(
            f"scale_rule=delayed is for networks; problem={choices['problem']} scales weights by their own numbers"
        )
    if choices["schedule"] is not None and choices["schedule"] not in CONVEX_SCHEDULES:
        allowed = " or ".join(CONVEX_SCHEDULES)
        raise ConfigError(
            f"schedule={choices['schedule']} is for networks; problem={choices['problem']} takes {allowed}"
        )


def _sums(choices: dict[str, Any], algorithm: Any) -> dict[str, Any]:
    """The accumulator of a convex cell; raises ConfigError where there can be none."""
    if (
        "format" not in algorithm.reads or choices["noise_kind"] is not None
    ):  # nothing is rounded, nothing is summed
        return dict.fromkeys(SUMS)
    from lpbench.networks.roles import settled_sums

    return settled_sums(choices)


def _registered(things: registry.Registry, name: Any) -> Any:
    if name is None:
        raise ConfigError(f"{things.kind} is null: choose one of {', '.join(things.names())}")
    return things.get(name)


def _need(key: str, chosen: Any) -> Any:
    if chosen is None and keys.of_cells()[key].default is not None:
        raise ConfigError(f"{key} is null, but it is read here: give it a value")
    return chosen
