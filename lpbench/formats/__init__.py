"""Number formats: what numbers a stored weight can be.

`Fixed`, `Float`, `Log`, `Posit`, `Block` and `Scaled` are the families; `get("fp8_e4m3")` gives a preset, or a family
at 8 bits.
"""

from typing import TYPE_CHECKING

from lpbench import lazy, registry

if TYPE_CHECKING:
    from lpbench.formats.base import Format
    from lpbench.formats.block import Block
    from lpbench.formats.fixed import Fixed
    from lpbench.formats.floating import Float
    from lpbench.formats.log import Log
    from lpbench.formats.posit import Posit
    from lpbench.formats.scaled import Scaled

__all__ = ["Block", "Fixed", "Float", "Format", "Log", "Posit", "Scaled", "get", "names"]

__getattr__ = lazy.attributes(
    __name__,
    {
        "Block": "lpbench.formats.block.Block",
        "Fixed": "lpbench.formats.fixed.Fixed",
        "Float": "lpbench.formats.floating.Float",
        "Format": "lpbench.formats.base.Format",
        "Log": "lpbench.formats.log.Log",
        "Posit": "lpbench.formats.posit.Posit",
        "Scaled": "lpbench.formats.scaled.Scaled",
    },
)


def get(name: str) -> "Format":
    """The format called `name`: a preset as its standard defines it, a family at 8 bits and limit 1.

    Raises ConfigError, with the nearest name, when there is none.
    """
    return registry.formats.get(name).example()


def names() -> list[str]:
    """The names of all formats, the user's own included."""
    return registry.formats.names()
