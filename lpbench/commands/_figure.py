"""The parts of `lpbench figure`."""

from collections.abc import Sequence
from pathlib import Path

from lpbench.commands._options import RUNS
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.paper import files
from lpbench.dashboard.paper.printed import Size
from lpbench.dashboard.view import View, is_address, of_address, page_called, pairs, read
from lpbench.errors import ConfigError
from lpbench.registry import load_plugins
from lpbench.store import find_sweep
from lpbench.terminal import note


def size(output: Path, width: str | None, height: float | None, font: float | None) -> Size:
    """The size of a figure. Raises ConfigError where a table is asked for."""
    asked = {"--width": width, "--height": height, "--font-size": font}
    given = [name for name, value in asked.items() if value is not None]
    if given and files.kind_of(output) in files.TABLES:
        raise ConfigError(f"{given[0]} is for a figure, and {output.name} is a table")
    return Size.of(width, height, font)


def columns(output: Path, names: str | None) -> tuple[str, ...]:
    """The columns of a table. Raises ConfigError where a figure is asked for."""
    if names is not None and files.kind_of(output) in files.FIGURES:
        raise ConfigError(
            f"--columns is for a table ({', '.join(files.TABLES)}), and {output.name} is a figure"
        )
    return tuple(part.strip() for part in (names or "").split(",") if part.strip())


def view(
    what: str, words: Sequence[str], page_name: str | None, panel: int, config_dir: Path | None, runs: Path
) -> View:
    """The view that the words name: a sweep, its page, and controls; or an address in place of some of them."""
    load_plugins(config_dir)
    addresses = [word for word in (what, *words) if is_address(word)]
    if len(addresses) > 1:
        raise ConfigError(f"one address is enough, got {' and '.join(addresses)}")
    name, given = what, [word for word in words if not is_address(word)]
    query: dict[str, str] = {}
    if addresses:
        page, query = of_address(addresses[0])
        if page_name is not None and page_called(page_name) != page:
            raise ConfigError(f"--page {page_name}, but the address is of the page {page.name}")
        there = query.pop("sweep", "")
        name = there if what in addresses else what
        if there and there != Path(name).name:
            raise ConfigError(f"the address is of the sweep {there}, and not of {name}")
        if not name:
            raise ConfigError(f"the address names no sweep: lpbench figure SWEEP '{addresses[0]}'")
    elif page_name is None:
        raise ConfigError("name the page, such as --page Precision, or give the address of a page")
    else:
        page = page_called(page_name)
    folder = find_sweep(name, runs)
    sweep = Store(folder.parent).sweep(folder.name)
    return read(page, sweep, panel, {**query, **pairs(given)}, pairs(given))


def places(config_dir: Path | None, runs: Path) -> tuple[str, ...]:
    """Where plug-ins and sweeps lie, as words of a command."""
    mine = [] if config_dir is None else ["--config-dir", str(config_dir)]
    return (*mine, *([] if runs == RUNS else ["--runs-dir", str(runs)]))


def write(
    view: View,
    size: Size,
    columns: tuple[str, ...],
    more: tuple[str, ...],
    output: Path,
    caption: bool | None,
) -> int:
    """Write it, and say what was written and what a reader must know of it."""
    written = files.write(files.Order(view, size, columns, more), output, caption)
    note(f"figure: {output}")
    beside = output.with_suffix(".tex")
    if beside in written[1:]:
        note(f"caption: {beside}")
    elif caption is None and files.kind_of(output) in files.LATEX:
        note(f"caption: {beside} was there and stays (--caption writes it anew)")
    return 0
