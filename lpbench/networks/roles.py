"""Which tensors of a network are rounded, and to what: a format of its own for each role.

A role's choice is `none` (not rounded), `same` (the cell's own format), the name of a format, or one with choices of
its own: `block(precision=8,block_size=32)`, `same(rounding=nearest_even)`.
"""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lpbench.declared.choices import CHOICES, SUMS
from lpbench.declared.kinds import called
from lpbench.errors import ConfigError, did_you_mean
from lpbench.formats.base import Format, least_power_of_two
from lpbench.networks.rounding import Rounder, delays
from lpbench.registry import algorithms, formats

NONE, SAME = "none", "same"
# Of each role, the choice that says what its tensors are rounded to; that of the weights is `format`.
KEYS = {
    "activations": "activation_format",
    "errors": "error_format",
    "gradients": "gradient_format",
    "momentum": "momentum_format",
    "master": "master_format",
}
ROLE_NAMES = ("weights", *KEYS, "sums")
_OF_FORMAT = (
    "precision", "exponent_bits", "block_size", "scale_rule", "subnormals", "limit", "rounding", "random_bits",
)  # fmt: skip
_OF_SAME = ("limit", "rounding", "random_bits")
# Of `hadamard_at`, which products.
ROTATED = {
    "all": ("forward", "back", "gradient"),
    "backward": ("back", "gradient"),
    "gradient": ("gradient",),
}
# `limit=auto`: the range of a tensor is so many times its largest initial number (or `room` times), and a power of two.
ROOM = 4.0
OFFSET_ROUNDING = "nearest_even"
SUM_ROUNDING = "nearest_even"  # of accumulators, unless given
_KNOWN = ("weights", "master")  # whose initial numbers are there before anything is computed


@dataclass(frozen=True)
class Spec:
    """A role's choice, read: a format's name, `none` or `same`, and its own choices."""

    name: str
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Its one spelling."""
        given = {key: self.given[key] for key in _OF_FORMAT if key in self.given}
        return called(self.name, given) if given else self.name


def read(key: str, text: str) -> Spec:
    """What `text` says for the choice `key`; raises ConfigError with one line that names the nearest valid choice."""
    name, bracket, rest = text.strip().partition("(")
    name = name.strip()
    known = [NONE, SAME, *formats.names()]
    if name not in known:
        raise ConfigError(f"{key}: unknown format {name!r}.{did_you_mean(name, known)}")
    if not bracket:
        return Spec(name)
    if not rest.endswith(")"):
        raise ConfigError(f"{key}: {text!r} does not end with its bracket: {name}(precision=8)")
    allowed = () if name == NONE else _OF_SAME if name == SAME else _allowed(name)
    given: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in rest[:-1].split(","))):
        one, equals, value = (side.strip() for side in part.partition("="))
        if one not in allowed:
            hint = did_you_mean(one, allowed) if allowed else " It takes none."
            raise ConfigError(f"{key}: {text!r}: unknown choice {one!r} of {name}.{hint}")
        if not equals or one in given:
            raise ConfigError(f"{key}: {text!r}: {one} is to be given once, as {one}=VALUE")
        given[one] = _value(key, one, value)
    return Spec(name, given)


def _allowed(name: str) -> tuple[str, ...]:
    reads = formats.get(name).reads
    return tuple(one for one in _OF_FORMAT if one in reads)


def _value(key: str, one: str, text: str) -> Any:
    try:
        value = ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
    except (ValueError, SyntaxError):
        value = text
    try:
        found = CHOICES[one].kind.normal(one, value)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None
    if isinstance(found, str) and one in ("limit", "exponent_bits"):
        raise ConfigError(f"{key}: {one} is a number here, got {text}")
    return found


def canonical(choices: Mapping[str, Any]) -> dict[str, str]:
    """The role's choices in their one spelling; raises ConfigError."""
    return {key: read(key, choices[key]).text for key in KEYS.values() if choices.get(key) is not None}


def settled_sums(choices: Mapping[str, Any]) -> dict[str, Any]:
    """The choices of an accumulator in their one form, null where there is none; raises ConfigError."""
    spec = read("sum_format", choices["sum_format"] or NONE)
    if spec.name == NONE:
        return dict.fromkeys(SUMS)
    if formats.get(choices["format"] if spec.name == SAME else spec.name).example().adapts:
        raise ConfigError(
            f"sum_format={spec.text}: its numbers share a scale, and a sum is one number: take float or fixed"
        )
    asked, own = choices["sum_rounding"], spec.given.get("rounding")
    if asked is not None and own not in (None, asked):
        raise ConfigError(f"sum_rounding={asked}: sum_format={spec.text} says another one; give one of them")
    given = {key: value for key, value in spec.given.items() if key != "rounding"}
    return {
        "sum_format": Spec(spec.name, given).text,
        "sum_chunk": choices["sum_chunk"] or 1,
        "sum_rounding": asked or own or SUM_ROUNDING,
    }


def settled_products(choices: Mapping[str, Any]) -> dict[str, Any]:
    """Of the rounding of operands, the choices in their one form, null what says nothing; raises ConfigError."""
    order, at = choices["hadamard"], choices["hadamard_at"]
    found = {"round_at": choices["round_at"], "hadamard_at": None if order is None or at == "all" else at}
    if order is not None and order & (order - 1):
        below = 2 ** (order.bit_length() - 1)
        raise ConfigError(f"hadamard must be a power of two, got {order}: {below} and {2 * below} are")
    if found["round_at"] != "products":
        if order is not None:
            raise ConfigError(
                f"hadamard={order} rotates operands of products: it needs round_at=products, as the recipes mxfp4 and "
                "nvfp4 have it"
            )
        if choices["backward_rounding"] is not None:
            raise ConfigError(
                f"backward_rounding={choices['backward_rounding']} is of operands of products: it needs "
                "round_at=products; error_format=same(rounding=...) rounds what goes backward"
            )
        return found | {"round_at": None}
    if choices["master_format"] == "same":
        raise ConfigError(
            "round_at=products rounds weights where they are multiplied: master_format says what updates are added to; "
            "give it none or a format"
        )
    return found


def format_of(text: str) -> Format:
    """The format of an expression, `mxfp4(block_size=16)`, with a range of 1 where it has none; raises ConfigError."""
    spec = read("format", text)
    if spec.name in (NONE, SAME):
        raise ConfigError(f"unknown format {spec.name!r}.{did_you_mean(spec.name, formats.names())}")
    choices = {"compute_dtype": "float64", "precision": CHOICES["precision"].default}
    whole = Recipe({"activations": spec}, choices, frozenset())
    found = whole.rounder("activations", None, np.array([1.0 / ROOM]))
    assert found is not None
    return found.form


def accumulator(choices: Mapping[str, Any], sums: np.ndarray | None = None) -> Rounder | None:
    """What the sums of a convex cell are rounded to; None: nothing. sums: some of them, for a range of `limit=auto`."""
    spec = read("sum_format", choices["sum_format"] or NONE)
    whole = {**choices, "compute_dtype": "float64"}
    return Recipe({"sums": spec}, whole, frozenset()).rounder("sums", None, sums)


def settled_offsets(choices: Mapping[str, Any]) -> str | None:
    """`offset_format` in its one spelling, null where offsets are in full precision; raises ConfigError."""
    spec = read("offset_format", choices.get("offset_format") or NONE)
    if spec.given.get("rounding", OFFSET_ROUNDING) != OFFSET_ROUNDING:
        raise ConfigError(f"offset_format={spec.text}: offsets are read to the nearest; leave rounding out")
    return None if spec.name == NONE else spec.text


def of_offsets(choices: Mapping[str, Any]) -> Format | None:
    """The format of offsets as bit-centred layers read them; None: full precision. Raises ConfigError for a range."""
    text = settled_offsets(choices)
    if text is None:
        return None
    whole = Recipe({"activations": read("offset_format", text)}, choices, frozenset())
    if whole.measures("activations"):
        raise ConfigError(
            f"offset_format={text}: one range does not fit all tensors; take a format that scales itself (block, "
            "int8_tensor, mxfp8_e4m3), of floating point (bf16, fp8_e4m3), or give limit=..."
        )
    found = whole.rounder("activations", None)
    assert found is not None
    if delays(found.form):
        raise ConfigError(
            f"offset_format={text}: offsets are scaled by their own numbers; leave scale_rule out"
        )
    return found.form


@dataclass(frozen=True)
class Recipe:
    """What the choices of a cell say of each role.

    specs    by role, `weights` among them.     choices   of the cell.     exempt   names of the layers left alone.
    """

    specs: Mapping[str, Spec]
    choices: Mapping[str, Any]
    exempt: frozenset[str]

    @property
    def has_master(self) -> bool:
        """Whether updates are added to a copy of the weights."""
        return self.specs["master"].name != SAME and self.specs["weights"].name != NONE

    @property
    def centred(self) -> bool:
        """Whether what is rounded of the weights are offsets from a centre, in units of the format's own."""
        name = self.choices.get("algorithm")
        return name is not None and algorithms.get(name).centred

    @property
    def bit_centred(self) -> bool:
        """Whether so are all tensors."""
        name = self.choices.get("algorithm")
        return name is not None and algorithms.get(name).bit_centred

    @property
    def chunk(self) -> int:
        """Terms of a sum between two roundings of an accumulator."""
        return int(self.choices.get("sum_chunk") or 1)

    @property
    def at_products(self) -> bool:
        """Whether weights, activations and errors are rounded as operands of products, and not as tensors."""
        return self.choices.get("round_at") == "products"

    @property
    def delays(self) -> bool:
        """Whether any role's scales are those of the steps before."""
        return any(
            (found := self.rounder(role, None)) is not None and delays(found.form) for role in self.specs
        )

    def rotates(self, product: str) -> bool:
        """Whether the operands of a product, `forward`, `back` or `gradient`, are rotated before they are rounded."""
        at = self.choices.get("hadamard_at") or "all"
        return bool(self.choices.get("hadamard")) and product in ROTATED[at]

    def measures(self, role: str) -> bool:
        """Whether the range of this role's tensors is taken from their first numbers (`Extents`)."""
        if role in _KNOWN or self.specs[role].name == NONE:
            return False
        kind, filled, _ = self._format(role)
        return "limit" in kind.reads and not _is_number(filled["limit"]) and kind.unbounded(filled) is None

    def rounder(
        self, role: str, layer: str | None, initial: np.ndarray | None = None, backward: bool = False
    ) -> Rounder | None:
        """What a tensor of this role is rounded to; None: nothing.

        layer     whose tensor it is; None: the network's input.
        initial   its first numbers, from which `limit=auto` takes a range where one is needed; None: any range, for
                  what asks for the format alone.
        backward  whether it is an operand of one of the two backward products.
        """
        if self.specs[role].name == NONE or layer in self.exempt:
            return None
        kind, filled, bits = self._format(role)
        limit, rounding = filled["limit"], filled["rounding"] or "stochastic"
        if backward and self.choices.get("backward_rounding"):
            rounding = self.choices["backward_rounding"]
        if "limit" not in kind.reads:
            form = kind.from_choices(filled, None)
        elif _is_number(limit):
            form = kind.from_choices(filled, float(limit))
        else:
            form = kind.unbounded(filled)
            if form is None or (role in _KNOWN and not kind.adapts):
                room = self.choices.get("room") or ROOM
                form = kind.from_choices(
                    filled, automatic_limit(np.ones(1) if initial is None else initial, room)
                )
        if role == "weights" and self.centred and not form.adapts:
            form = form.scaled(form.native_max)
        return Rounder(form, rounding, bits if rounding == "stochastic" else None)

    def _format(self, role: str) -> tuple[Any, dict[str, Any], int | None]:
        """The kind of format, its choices with defaults filled in, and the random bits."""
        spec = self.specs[role]
        name, chosen = spec.name, dict(spec.given)
        if name == SAME:
            name = self.choices["format"]
            chosen = {key: self.choices[key] for key in _OF_FORMAT if key in self.choices} | chosen
        if role == "sums":
            chosen["rounding"] = (
                spec.given.get("rounding") or self.choices.get("sum_rounding") or SUM_ROUNDING
            )
        bits = chosen.get("random_bits") if "random_bits" in chosen else self.choices.get("random_bits")
        kind = formats.get(name)
        whole = dict.fromkeys(CHOICES) | {"subnormals": True, "compute_dtype": self.choices["compute_dtype"]}
        whole |= {"precision": self.choices["precision"], "rounding": self.choices.get("rounding")}
        whole |= {key: value for key, value in chosen.items() if value is not None}
        return kind, {**whole, **kind.defaults(whole)}, bits


def _is_number(limit: Any) -> bool:
    return isinstance(limit, float | int)


def automatic_limit(initial: np.ndarray, room: float = ROOM) -> float:
    """The least power of two at or above `room` times the largest magnitude; 1 where all are 0."""
    return least_power_of_two(room * float(np.abs(initial).max(initial=0.0)))


def rounds_of(choices: Mapping[str, Any]) -> bool:
    """Whether the algorithm of a cell rounds."""
    return "format" in algorithms.get(choices["algorithm"]).reads


def states(choices: Mapping[str, Any]) -> int:
    """Vectors that the optimizer of a cell keeps beside the weights: momentum, and Adam's second moment."""
    return 2 if algorithms.get(choices["algorithm"]).adam else int(choices["momentum"] > 0)


def has_centre(choices: Mapping[str, Any]) -> bool:
    """Whether the algorithm of a cell has a centre, at which it takes the gradient of all samples."""
    return "snapshot" in algorithms.get(choices["algorithm"]).reads


def loop_steps(choices: Mapping[str, Any], samples: int) -> int:
    """Steps of a loop about a centre: `inner_steps`, or those of two epochs of whole batches."""
    return int(choices["inner_steps"] or 2 * max(1, samples // choices["batch_size"]))


def recipe(choices: Mapping[str, Any], layers: Sequence[str], rounds: bool) -> Recipe:
    """The recipe of a cell; where its algorithm does not round, nothing is rounded. Raises ConfigError.

    layers   their names, in order.
    """
    specs = {"weights": Spec(SAME if rounds else NONE)}
    for role, key in KEYS.items():
        specs[role] = read(key, choices[key]) if rounds and choices.get(key) is not None else Spec(NONE)
    summed = choices.get("sum_format") if rounds else None
    specs["sums"] = Spec(NONE) if summed is None else read("sum_format", summed)
    if not rounds:
        specs["master"] = Spec(SAME)
    found = Recipe(specs, choices, exempt(choices.get("full_precision"), layers))
    for role in specs:  # says now what it would say of the first tensor
        found.rounder(role, layers[0])
    return found


def exempt(globs: str | None, names: Sequence[str]) -> frozenset[str]:
    """The layers that `full_precision` names: names, globs, `first` and `last`, several with + between them."""
    found: set[str] = set()
    for glob in filter(None, (globs or "").split("+")):
        word = {"first": names[0], "last": names[-1]}.get(glob.strip(), glob.strip())
        matching = fnmatch.filter(names, word)
        if not matching:
            raise ConfigError(
                f"full_precision={globs}: no layer is called {word!r}; this network has {', '.join(names)}."
                f"{did_you_mean(word, names)}"
            )
        found |= set(matching)
    return frozenset(found)
