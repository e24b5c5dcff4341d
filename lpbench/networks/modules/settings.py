"""What `quantize_` is told: a recipe by name, and choices as the command line has them."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from typing import Any

from lpbench.declared.choices import CHOICES, FORMAT
from lpbench.errors import ConfigError, did_you_mean
from lpbench.networks.roles import KEYS, NONE, canonical, settled_products

RECIPES = importlib.resources.files("lpbench.conf") / "recipe"
# What a module's tensors are rounded by; `compute_dtype` says what formats are told apart in.
TAKEN = (
    "format", *FORMAT, *KEYS.values(), "full_precision", "compensation", "loss_scale", "room", "round_at", "hadamard",
    "hadamard_at", "backward_rounding",
)  # fmt: skip
_DEFAULT = {"format": "fixed"}


def settings(recipe: str, given: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """The choices that `recipe` and `given` make, defaults filled in; what is given wins. Raises ConfigError.

    dtype   the module's: `float32` or `float64`.
    """
    known = sorted(
        file.name.removesuffix(".yaml") for file in RECIPES.iterdir() if file.name.endswith(".yaml")
    )
    if recipe not in known:
        raise ConfigError(f"unknown recipe {recipe!r}.{did_you_mean(str(recipe), known)}")
    given = dict(given)
    for key in given:
        if key not in (*TAKEN, "sum_format"):
            raise ConfigError(f"unknown choice {key!r} of quantize_.{did_you_mean(key, TAKEN)}")
    told = _read(recipe)
    if given.pop("sum_format", told.get("sum_format") or NONE) != NONE:
        raise ConfigError(
            "sum_format: torch makes the sums of a module's products; sum_format='none' leaves them in full precision"
        )
    chosen = {key: CHOICES[key].default for key in TAKEN} | _DEFAULT | told
    for key, value in given.items():
        chosen[key] = None if value is None else CHOICES[key].kind.normal(key, value)
    chosen = {key: chosen[key] for key in TAKEN} | {"recipe": recipe, "compute_dtype": dtype}
    if isinstance(chosen["limit"], str) and chosen["limit"] != "auto":
        raise ConfigError(
            f"limit={chosen['limit']}: what it says is not known of a module; give a number, or auto"
        )
    chosen |= canonical(chosen)
    return chosen | settled_products(chosen)


def _read(recipe: str) -> dict[str, Any]:
    from omegaconf import OmegaConf

    read = OmegaConf.create((RECIPES / f"{recipe}.yaml").read_text(encoding="utf-8"))
    return {str(key): value for key, value in read.items()}
