"""The columns of `cells` that every engine of ours knows before a run."""

from collections.abc import Mapping
from typing import Any

from lpbench.formats.base import Format


def described(choices: Mapping[str, Any], problem: Any, form: Format) -> dict[str, Any]:
    """Sizes of the problem, steps of the resolved choices, and what the format of the weights is."""
    return {
        "dimension": problem.dimension,
        "n_samples": problem.n_samples,
        "steps": choices["steps"],
        "mantissa_bits": form.mantissa_bits,
        "bits_per_value": form.bits_per_value,
        "format_policy": form.policy,
    }
