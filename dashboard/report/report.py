"""The pages of the dashboard as a folder that opens offline: the same figures, numbers and notes."""

from __future__ import annotations

import html
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lpbench.errors import ConfigError, LpbenchError
from lpbench.provenance import version
from lpbench.store.about import read_about
from lpbench.store.files import write_bytes

from ..data.sweeps import Store, Sweep
from ..data.tables import as_csv
from ..page import Page, Panel, address, drawn, pages, state_of
from ..pages.cells import PICKED
from ..pages.compare import MOST
from ..panels.tables import cell
from ..server.panels import ROWS
from ..server.shell import status
from ..view import ZOOM, read, zoom_of, zoomed
from .markdown import VIEW, Section, markdown

FORMATS = ("html", "md", "pdf")
ELSE = ("sweep", "table", "all", "token")  # what an address holds that no figure shows
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def write(
    folder: Path,
    output: Path,
    kind: str = "html",
    force: bool = False,
    others: Sequence[Path] = (),
    views: Sequence[tuple[Page, Mapping[str, str]]] = (),
) -> Path:
    """Write the report of the sweep in `folder`; returns the file to open.

    output   a folder, made where it is missing; one with files in it is refused unless `force`.
    kind     html (interactive figures), md (figures as svg), or pdf (the html, printed).
    others   further sweeps, of the same folder of sweeps, with the page that sets them beside the first.
    views    what to show in place of all pages as they open, as `of_address` gives it: each of every sweep, one of
             several sweeps once.

    Raises ConfigError for another kind, a folder in use, and what a view cannot be; StoreError for a sweep that cannot
    be read, LpbenchError where md or pdf lack a browser to draw with.
    """
    if kind not in FORMATS:
        raise ConfigError(f"report: --format must be one of {', '.join(FORMATS)}, got {kind!r}")
    if output.exists() and (not output.is_dir() or any(output.iterdir())) and not force:
        raise ConfigError(f"{output} is not empty: name another folder, or give --force")
    sweeps = _sweeps([folder, *others])
    sections = _asked(sweeps, views) if views else _every(sweeps)
    output.mkdir(parents=True, exist_ok=True)
    for name, panel in _panels(sections):
        if panel.data.rows:
            write_bytes(output / f"{name}.csv", as_csv(panel.data))
    if kind == "html":
        return _html(sweeps, sections, output)
    target = output / f"report.{kind}"
    if kind == "md":
        text = markdown(_title(sweeps), _status(sweeps), _facts(sweeps), _commands(sweeps), sections, output)
        write_bytes(target, text.encode())
        return target
    with tempfile.TemporaryDirectory() as scratch:
        printed = _print(_html(sweeps, sections, Path(scratch)), Path(scratch) / target.name)
        write_bytes(target, printed.read_bytes())
    return target


def _sweeps(folders: Sequence[Path]) -> list[Sweep]:
    """The sweeps in `folders`, each once; raises ConfigError where they cannot stand in one report."""
    if len({folder.parent for folder in folders}) > 1:
        raise ConfigError(f"report: sweeps of one folder, got {', '.join(map(str, folders))}")
    found = dict.fromkeys(folder.name for folder in folders)
    if len(found) > MOST + 1:
        raise ConfigError(f"report: at most {MOST + 1} sweeps, got {len(found)}")
    store = Store(folders[0].parent)
    return [store.sweep(name) for name in found]


def _panels(sections: Sequence[Section]) -> list[tuple[str, Panel]]:
    return [part for section in sections for part in (*section.said, *section.panels)]


def _every(sweeps: Sequence[Sweep]) -> list[Section]:
    """All pages as they open: what several sweeps differ in, then those of each, then what is of none."""
    every, found = pages(), []
    if len(sweeps) > 1:
        found += [_section(page, sweeps[0], sweeps, _beside(sweeps)) for page in every if not page.alone]
    for sweep in sweeps:
        found += [_section(page, sweep, sweeps, {}) for page in every if page.of_sweep and page.alone]
    folder = [_section(page, sweeps[0], sweeps, {}) for page in every if not page.of_sweep]
    # Of the folder what is said, if anything: its figures are of what a reader picks.
    return found + [replace(section, panels=()) for section in folder if section.said]


def _beside(sweeps: Sequence[Sweep]) -> dict[str, str]:
    """What a page that sets the first sweep beside others is asked for."""
    return {"with": ",".join(sweep.name for sweep in sweeps[1:])} if len(sweeps) > 1 else {}


def _asked(sweeps: Sequence[Sweep], views: Sequence[tuple[Page, Mapping[str, str]]]) -> list[Section]:
    """The views, each as its address says; a page that comes again has other names for its files."""
    found = []
    names = [sweep.name for sweep in sweeps]
    for i, (page, query) in enumerate(views):
        named = query.get("sweep")
        if named not in (None, *names):
            raise ConfigError(
                f"the view is one of {named}, the report of {', '.join(names)}: name {named} as well"
            )
        before = [one.path for one, _ in views[:i]].count(page.path)
        for sweep in sweeps if page.alone and page.of_sweep else sweeps[:1]:
            own = {key: value for key, value in query.items() if key not in ELSE}
            asked = {**({} if page.alone else _beside(sweeps)), **own}
            # Filters go along from page to page; all else is what this page has been asked for.
            read(page, sweep, 0, asked, [key for key in asked if key not in sweep.varying])
            found.append(_section(page, sweep, sweeps, asked, f"-view{before + 1}" if before else ""))
    return found


def _section(
    page: Page, sweep: Sweep, sweeps: Sequence[Sweep], query: Mapping[str, str], end: str = ""
) -> Section:
    """A page at an address, without the figure of what nobody picked."""
    slug, name, question = page.name.lower() + end, page.name, page.question
    if page.of_sweep and page.alone and len(sweeps) > 1:
        slug, name, question = f"{sweep.name}-{slug}", f"{name}: {sweep.name}", f"{question} {sweep.name}"
    state = state_of(page.controls(sweep), query)
    ranges = query.get(ZOOM, "")
    panels = [zoomed(one, zoom_of(i, ranges)) for i, one in enumerate(drawn(page, sweep, state, False))]
    kept = [i for i, one in enumerate(panels) if one.figure is not None or one.title != PICKED]
    said = page.summary(sweep, state) if page.summary is not None else []
    return Section(
        slug, name, question, tuple((f"{slug}-{i}", panels[i]) for i in kept),
        address("/", page.path, {"sweep": sweep.name, **query}) if query else "",
        tuple((f"{slug}-said{i}", one) for i, one in enumerate(said)),
    )  # fmt: skip


def _html(sweeps: Sequence[Sweep], sections: Sequence[Section], output: Path) -> Path:
    import orjson
    from plotly.offline import get_plotlyjs

    write_bytes(output / "plotly.min.js", get_plotlyjs().encode())
    write_bytes(output / "style.css", (Path(__file__).parents[1] / "assets" / "style.css").read_bytes())
    figures = {name: panel.figure for name, panel in _panels(sections) if panel.figure is not None}
    data = orjson.dumps(figures, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    write_bytes(output / "figures.js", f"window.figures = {data};\n{DRAW}".encode())
    links = " ".join(f'<a href="#{section.slug}">{_text(section.name)}</a>' for section in sections)
    facts = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>'
        for name, value in _facts(sweeps)
    )
    commands = "\n".join(map(_text, _commands(sweeps)))
    parts = "".join(
        f'<section id="{section.slug}"><h2>{_text(section.question)}</h2>{_where(section)}'
        f"{''.join(_panel(name, panel, True) for name, panel in section.said)}"
        f"{''.join(_panel(name, panel) for name, panel in section.panels)}</section>"
        for section in sections
    )
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(_names(sweeps))} · lpbench</title>"
        f'<link rel="stylesheet" href="style.css"><style>{STYLE}</style></head>'
        f"<body><header><span class='brand'>lpbench</span>"
        f"<nav aria-label='Sections'>{links}</nav></header><main>"
        f"<h1>{_text(_title(sweeps))}</h1><p class='status'>{_text(_status(sweeps))}</p>"
        f"<div class='scroll' tabindex='0'><table>{facts}</table></div>"
        f"<h2>To reproduce it</h2><pre tabindex='0'>{commands}</pre>{parts}</main>"
        '<script src="plotly.min.js"></script><script src="figures.js"></script></body></html>\n'
    )
    target = output / "index.html"
    write_bytes(target, text.encode())
    return target


def _where(section: Section) -> str:
    return f"<p class='note'>{_text(VIEW.format(section.where))}</p>" if section.where else ""


STYLE = (
    "section { margin: 34px 0; display: grid; gap: 16px; } h2 { font-size: 19px; margin: 14px 0 0; } "
    "h3 { font-size: 15px; margin: 0; } pre { overflow: auto; } "
    # In a grid, chromium breaks a page also after a heading.
    "@media print { section { display: block; } section > * + * { margin-top: 16px; } } "
    "@page { @bottom-right { content: counter(page) ' of ' counter(pages); font: 9px sans-serif; } }"
)
DRAW = """for (const [name, figure] of Object.entries(window.figures)) {
  const place = document.getElementById(name);
  place.style.height = (figure.layout.height || 450) + "px";
  place.style.minWidth = ((figure.layout.meta || {}).least_width || 0) + "px";
  window.Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displaylogo: false });
}
document.documentElement.dataset.drawn = "yes";
"""


def _panel(name: str, panel: Panel, unfolded: bool = False) -> str:
    notes = "".join(f'<p class="note">{_text(note)}</p>' for note in panel.notes)
    title = f"<figcaption><h3>{_text(panel.title)}</h3></figcaption>" if panel.title else ""
    place = f'<div class="drawing"><div id="{name}"></div></div>' if panel.figure is not None else ""
    label = _text(panel.title or "Figure")
    return f'<figure class="panel" aria-label="{label}">{title}{place}{notes}{_table(name, panel, unfolded)}</figure>'


def _table(name: str, panel: Panel, unfolded: bool) -> str:
    rows = panel.data.rows
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{_text(column)}</th>' for column in panel.data.columns)
    lines = "".join(
        "<tr>" + "".join(f"<td>{_text(cell(value))}</td>" for value in row) + "</tr>" for row in rows[:ROWS]
    )
    more = f"the first {ROWS} of {len(rows)} rows; " if len(rows) > ROWS else ""
    opened = " open" if unfolded else ""
    return (
        f"<details{opened}><summary>Numbers ({len(rows)} rows)</summary><div class='scroll' tabindex='0'><table>"
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div><p class='note'>{more}<a href='{name}.csv'>{name}.csv</a></p></details>"
    )


def _print(page: Path, target: Path) -> Path:
    browser = next((found for found in map(shutil.which, BROWSERS) if found), None)
    if browser is None:
        raise LpbenchError("a pdf needs a chromium to print with, and there is none; use --format html")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=20000",
        "--no-pdf-header-footer",
    ]
    command = [browser, *options, f"--print-to-pdf={target.absolute()}", page.absolute().as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    if done.returncode != 0 or not target.is_file():
        said = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise LpbenchError(f"{browser} could not print the report: {said[0]}")
    return target


def _names(sweeps: Sequence[Sweep]) -> str:
    return ", ".join(sweep.name for sweep in sweeps)


def _title(sweeps: Sequence[Sweep]) -> str:
    return f"Sweep{'s' if len(sweeps) > 1 else ''} {_names(sweeps)}"


def _status(sweeps: Sequence[Sweep]) -> str:
    return "; ".join(map(status, sweeps))


def _facts(sweeps: Sequence[Sweep]) -> list[tuple[str, str]]:
    """What is kept with each sweep, and where it comes from; of several under the name of each."""
    found = [("written by", f"lpbench {version()}")]
    for sweep in sweeps:
        of = f"{sweep.name}: " if len(sweeps) > 1 else ""
        found += [(of + name, value) for name, value in _facts_of(sweep)]
    return found


def _facts_of(sweep: Sweep) -> list[tuple[str, str]]:
    cells, about = sweep.cells, read_about(sweep.folder)
    kept = (("tags", ", ".join(about.tags)), ("note", about.note))
    found = [(name, value) for name, value in kept if value]
    for name in ("lpbench_version", "git_commit", "cpu", "host"):
        if name in cells:
            values = [str(value) for value in cells[name].dropna().unique()]
            found.append((name.replace("_", " ") + " of the cells", ", ".join(values[:4]) or "-"))
    if "started_at" in cells and cells["started_at"].notna().any():
        found.append(("computed (UTC)", str(cells["started_at"].dropna().min())[:19].replace("T", " ")))
    return found


def _commands(sweeps: Sequence[Sweep]) -> list[str]:
    lines = []
    for sweep in sweeps:
        calls: list[dict[str, Any]] = sweep.manifest.get("calls") or []
        for call in calls:
            more = ["--config-dir", call["config_dir"]] if call.get("config_dir") else []
            more += ["--skip-invalid"] if call.get("skip_invalid") else []
            overrides = call.get("overrides", [])
            lines.append(shlex.join(["lpbench", "sweep", *overrides, *more, "--name", sweep.name]))
        if not calls:
            of = f" of {sweep.name}" if len(sweeps) > 1 else ""
            lines.append(f"(the manifest{of} names no command)")
    return lines


def _text(value: Any) -> str:
    return html.escape(str(value))
