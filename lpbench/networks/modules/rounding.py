"""The rounding of a module's tensors: which format each has, and its random numbers, of nothing but seed and step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from lpbench.arithmetic.bound import Bound
from lpbench.arithmetic.jit import Kernel, in_python_now
from lpbench.errors import ConfigError
from lpbench.formats.quantize import clipped_tensor, round_tensor
from lpbench.networks import flat
from lpbench.networks.modules.watching import Watching, dtype_of
from lpbench.networks.net import ACTIVATIONS, ERRORS, GRADIENTS, MASTER, MOMENTUM, OPERANDS, SECOND, WEIGHTS
from lpbench.networks.operands import EACH, OF_ROLE, is_backward
from lpbench.networks.roles import Recipe
from lpbench.networks.rounding import Rounder, bind, tensor_words
from lpbench.networks.updates import MOVED, SATURATED, STALLED

WORDS_OF = {
    WEIGHTS: "weights", ACTIVATIONS: "activations", ERRORS: "errors", GRADIENTS: "gradients", MOMENTUM: "momentum",
    MASTER: "master", SECOND: "momentum",
}  # fmt: skip
OF_LAYERS = (ACTIVATIONS, ERRORS, OPERANDS)
_KEPT = ("recipe", "key", "layers", "owners", "step", "extents", "kernels")


def _compiled(function: Kernel) -> Any:
    """The kernel without what it asks at each call."""
    return function.py_func if in_python_now() else function.compiled


class Rounding:
    """What rounds the tensors of one module.

    recipe   of the roles.     key   uint32, of the random numbers.
    layers   names of those whose inputs are activations.     owners   the layer of each parameter.
    step     optimizer steps so far: the random numbers of a tensor are those of its role, its place among `layers` or
             `owners`, and the step, so that a run that goes on from a `state_dict` goes on to the same bits.
    extents  by (role, place): the largest magnitude that a tensor had when its range was taken from it.
    watching what counts in this step what becomes of tensors, or None.
    kernels  whether tensors on the CPU are rounded by the kernels; tensor operations, which serve all else, give the
             same bits.
    """

    def __init__(self, recipe: Recipe, key: np.uint32, layers: Sequence[str], owners: Sequence[str]):
        self.recipe, self.key, self.layers, self.owners = recipe, key, list(layers), list(owners)
        self.step, self.kernels = 0, True
        self.extents: dict[tuple[int, int], float] = {}
        self.watching: Watching | None = None
        self._forget()

    def _forget(self) -> None:
        self._rounders: dict[tuple[int, int], Rounder | None] = {}
        self._bound: dict[tuple[Rounder, int, np.dtype], Bound] = {}
        self._ready: dict[tuple[int, int, torch.Size, torch.dtype], tuple[Bound, int]] = {}
        self._round_one, self.round_all = _compiled(flat.round_one), _compiled(flat.round_all)

    def __getstate__(self) -> dict[str, Any]:
        """Without addresses of this process: modules are copied and pickled with what rounds them."""
        return {name: value for name, value in vars(self).items() if name in _KEPT}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)
        self.watching = None
        self._forget()

    @property
    def has_copy(self) -> bool:
        """Whether weights are others than what updates are added to; those of products are rounded as operands."""
        return self.recipe.has_master and not self.recipe.at_products

    @property
    def stored(self) -> int:
        """The role whose grid parameters lie on."""
        return MASTER if self.recipe.at_products else WEIGHTS

    def format_of(self, role: int, place: int, initial: np.ndarray | None = None) -> Rounder | None:
        """What the recipe says of a tensor; initial   as `Recipe.rounder` takes it."""
        if role == WEIGHTS and self.recipe.at_products:
            return None
        word, layer, backward = self._called(role, place)
        return self.recipe.rounder(word, layer, initial, backward)

    def _called(self, role: int, place: int) -> tuple[str, str, bool]:
        """The recipe's word for a tensor, its layer, and whether it is an operand of a backward product."""
        if role == OPERANDS:
            layer, which = divmod(place, EACH)
            return OF_ROLE[which], self.layers[layer], is_backward(which)
        return WORDS_OF[role], (self.layers if role in OF_LAYERS else self.owners)[place], False

    def state_dict(self) -> dict[str, Any]:
        """What a run needs to go on to the same bits."""
        return {"step": self.step, "key": int(self.key), "extents": dict(self.extents)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.step, self.key = state["step"], np.uint32(state["key"])
        self.extents = dict(state["extents"])
        self._forget()

    def rounder(
        self, role: int, place: int, x: torch.Tensor, growth: float = 1.0, measures: bool = True
    ) -> Rounder | None:
        """What rounds the tensor; None: nothing. Its range, where it needs one, is that of `growth` times x.

        measures   whether x stands for those to come: all of them then have this range, if x tells one, having numbers
                   that are not all 0 and all finite. Weights do from the first.
        """
        if (role, place) in self._rounders:
            return self._rounders[role, place]
        word = self._called(role, place)[0]
        initial, known, there = None, True, word in ("weights", "master")
        if there or self.recipe.measures(word):
            if (role, place) in self.extents:
                largest = self.extents[role, place]
            else:
                largest = growth * float(x.detach().abs().max()) if x.numel() else 0.0
                largest = largest if math.isfinite(largest) else 0.0
                known = there or (measures and largest > 0.0)
            initial = np.array([largest])
            if known:
                self.extents[role, place] = largest
        found = self.format_of(role, place, initial)
        if known:
            self._rounders[role, place] = found
        return found

    def known(self, role: int, place: int) -> bool:
        """Whether the tensor is rounded so from here on."""
        return (role, place) in self._rounders

    def round(
        self, role: int, place: int, part: int, step: int, x: torch.Tensor, measures: bool = True
    ) -> torch.Tensor:
        """x as its role rounds it, a new tensor without gradient; x itself where it does not.

        part       which of the roundings of this tensor in this step.
        measures   whether a range may be taken from it.
        """
        ready = self._ready.get((role, place, x.shape, x.dtype))
        if ready is not None and x.is_cpu and self.kernels:
            return self._here(*ready, role, place, part, step, x)
        rounder = self.rounder(role, place, x, measures=measures)
        if rounder is None or x.numel() == 0:
            return x
        if x.dtype not in (torch.float32, torch.float64):
            kind = str(x.dtype).removeprefix("torch.")
            word, name, _ = self._called(role, place)
            raise ConfigError(
                f"{word} of {name} are {kind}: formats are simulated in float32 and float64; switch "
                "autocast off and keep the module in float32"
            )
        if not (x.is_cpu and self.kernels):
            return self.elsewhere(rounder, role, place, part, step, x)
        columns = rounder.form.columns(tuple(x.shape))
        bound = self.bound(rounder, columns, x.dtype)
        if self.known(role, place):
            self._ready[role, place, x.shape, x.dtype] = bound, columns
        return self._here(bound, columns, role, place, part, step, x)

    def _here(
        self, bound: Bound, columns: int, role: int, place: int, part: int, step: int, x: torch.Tensor
    ) -> torch.Tensor:
        whole = x.detach().contiguous()
        out = torch.empty_like(whole)
        self._round_one(
            bound.address, bound.state, whole.view(-1).numpy(), out.view(-1).numpy(), columns, role, place, part,
            self.key, step,
        )  # fmt: skip
        if self.watching is not None:
            self.watching.count(role, place, whole.view(-1), out.view(-1), columns, bound)
        return _laid(out, x)

    def elsewhere(
        self, rounder: Rounder, role: int, place: int, part: int, step: int, x: torch.Tensor
    ) -> torch.Tensor:
        """`round` by tensor operations, on any device: the same bits."""
        with np.errstate(over="ignore"):
            words = tensor_words(self.key, flat.number(role, place, part), step)
        found = round_tensor(
            x.detach(), rounder.form, rounder.rounding, words, random_bits=rounder.random_bits
        )
        if self.watching is not None and (role in OF_LAYERS or part == 0):
            self.watching.count_elsewhere(role, place, x, found, rounder)
        return _laid(found, x)

    def bound(self, rounder: Rounder, columns: int, kind: torch.dtype) -> Bound:
        """The rounder for tensors with rows of `columns` numbers; alike ones are bound once."""
        dtype = dtype_of(kind)
        found = self._bound.get((rounder, columns, dtype))
        if found is None:
            found = self._bound[rounder, columns, dtype] = bind(rounder, columns, dtype)
        return found


def _laid(found: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The numbers as x has them in memory: convolutions are fast in some orders, and slow behind a change of them."""
    return found if found.stride() == x.stride() else torch.empty_like(x).copy_(found)


class Vectors:
    """Tensors of several parameters that lie one behind the other in vectors, rounded in one call.

    rounding  of the module.     places, shapes   of the parameters.
    """

    def __init__(self, rounding: Rounding, places: Sequence[int], shapes: Sequence[tuple[int, ...]]):
        self.rounding, self.places, self.shapes = rounding, list(places), list(shapes)
        sizes = [math.prod(shape) for shape in shapes]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self.parts = [slice(int(start), int(start) + size) for start, size in zip(starts, sizes, strict=True)]
        # The role of what updates are added to, which may stall whatever it is kept in.
        self.added = MASTER if rounding.recipe.has_master else rounding.stored
        self._flat: dict[tuple[int, torch.dtype], tuple[flat.Flat, list[Bound]]] = {}
        # The roles in which any of the tensors is rounded.
        self.roles = {
            role for role in WORDS_OF if role not in OF_LAYERS
            and any(rounding.format_of(role, place) is not None for place in places)
        }  # fmt: skip

    def __getstate__(self) -> dict[str, Any]:
        """Without addresses of this process."""
        return {**vars(self), "_flat": {}}

    def forget(self) -> None:
        """Formats have changed: another state was loaded."""
        self._flat.clear()

    def round(self, role: int, part: int, x: torch.Tensor, growth: float = 1.0) -> torch.Tensor:
        """x (n,), each tensor as its role rounds it: a new vector."""
        rounding, out = self.rounding, torch.empty_like(x)
        if not (x.is_cpu and rounding.kernels):
            for place, where in zip(self.places, self.parts, strict=True):
                rounder, shape = rounding.rounder(role, place, x[where], growth), self._shape(place)
                part_of = x[where].reshape(shape)
                if rounder is not None:
                    part_of = rounding.elsewhere(rounder, role, place, part, rounding.step, part_of)
                elif rounding.watching is not None and role == self.added and part == 0:
                    rounding.watching.count_elsewhere(role, place, part_of, part_of, None)
                out[where] = part_of.reshape(-1)
            return out
        rounding.round_all(
            self._of(role, x, growth),
            x.detach().numpy(),
            out.numpy(),
            role,
            part,
            rounding.key,
            rounding.step,
        )
        if rounding.watching is not None and part == 0:
            numbers = x.detach().numpy(), out.numpy()
            whole = int(role == self.added)
            flat.count_all(self._of(role, x, growth), rounding.watching.watch, *numbers, role, whole)
        return out

    def count_updates(
        self, parts: torch.Tensor, updates: torch.Tensor, before: torch.Tensor, after: torch.Tensor
    ) -> None:
        """In a step that is watched: `updates` made `before` into `after`, all (n,); parts (3, n) of them by cause."""
        watching, role = self.rounding.watching, self.added
        assert watching is not None
        if role not in self.roles:
            for place, where in zip(self.places, self.parts, strict=True):
                watching.count_elsewhere(role, place, after[where], after[where], None)
        if updates.is_cpu and self.rounding.kernels:
            numbers = (one.detach().numpy() for one in (parts, updates, before, after))
            flat.count_all_updates(self._of(role, before, 1.0), watching.watch, *numbers, role)
            return
        for place, where in zip(self.places, self.parts, strict=True):
            watching.count_updates_elsewhere(
                role, place, parts[:, where], updates[where], before[where], after[where]
            )

    def audit(
        self, before: torch.Tensor, updated: torch.Tensor, after: torch.Tensor, counts: np.ndarray
    ) -> None:
        """Add to counts (3,) what a step did: `before` became `updated`, and `after` once it was rounded."""
        updates = before - updated
        if updates.is_cpu and self.rounding.kernels:
            numbers = (one.detach().numpy() for one in (before, updated, after, updates))
            flat.audit(self._of(WEIGHTS, before, 1.0), *numbers, counts)
            return
        moved = updates != 0
        counts[MOVED] += int(moved.sum())
        counts[STALLED] += int((moved & (before == after)).sum())
        for place, where in zip(self.places, self.parts, strict=True):
            rounder = self.rounding.rounder(WEIGHTS, place, before[where])
            if rounder is not None:
                clipped = clipped_tensor(updated[where].reshape(self._shape(place)), rounder.form)
                counts[SATURATED] += int((clipped.reshape(-1) & moved[where]).sum())

    def _of(self, role: int, x: torch.Tensor, growth: float) -> flat.Flat:
        found = self._flat.get((role, x.dtype))
        if found is None:
            rounders, kept, tensors = np.zeros((len(self.places), 2), np.int64), [], []
            for i, (place, where) in enumerate(zip(self.places, self.parts, strict=True)):
                rounder, columns = self.rounding.rounder(role, place, x[where], growth), 1
                if rounder is not None:
                    columns = rounder.form.columns(self.shapes[i])
                    kept.append(self.rounding.bound(rounder, columns, x.dtype))
                    rounders[i] = kept[-1].address, kept[-1].state
                tensors.append((where.start, (where.stop - where.start) // max(1, columns), columns))
            where_and_which = np.array(tensors, np.int64), np.array(self.places, np.int64)
            found = flat.Flat(*where_and_which, rounders), kept
            if all(self.rounding.known(role, place) for place in self.places):
                self._flat[role, x.dtype] = found
        return found[0]

    def _shape(self, place: int) -> tuple[int, ...]:
        return self.shapes[self.places.index(place)]
