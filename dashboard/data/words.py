"""What a term, a choice or a column means, those of plug-ins among them."""

from __future__ import annotations

from lpbench import registry
from lpbench.declared.words import meaning, plain


def word(name: str) -> str:
    """In a line of text; "" of what has none: an identity, the name of a sweep."""
    own = registry.metrics.get(name) or registry.choices.get(name, (None, None))[1]
    return meaning(name) or (plain(own.text) if own is not None else "")
