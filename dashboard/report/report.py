"""The pages of the dashboard as a folder that opens offline: the same figures, numbers and notes."""

from __future__ import annotations

import html
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lpbench.errors import ConfigError, LpbenchError
from lpbench.provenance import version
from lpbench.store.files import write_bytes

from ..data.sweeps import Store, Sweep
from ..page import Panel, opened, pages
from ..pages.cells import PICKED
from ..server import exports
from ..server.panels import ROWS, cell
from ..server.shell import status
from .markdown import Section, markdown

FORMATS = ("html", "md", "pdf")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def write(folder: Path, output: Path, kind: str = "html", force: bool = False) -> Path:
    """Write the report of the sweep in `folder`; returns the file to open.

    output   a folder, made where it is missing; one with files in it is refused unless `force`.
    kind     html (interactive figures), md (figures as svg), or pdf (the html, printed).

    Raises ConfigError for another kind or a folder in use, StoreError for a sweep that cannot be read, LpbenchError
    where md or pdf lack a browser to draw with.
    """
    if kind not in FORMATS:
        raise ConfigError(f"report: --format must be one of {', '.join(FORMATS)}, got {kind!r}")
    if output.exists() and (not output.is_dir() or any(output.iterdir())) and not force:
        raise ConfigError(f"{output} is not empty: name another folder, or give --force")
    sweep = Store(folder.parent).sweep(folder.name)
    sections = _sections(sweep)
    output.mkdir(parents=True, exist_ok=True)
    for name, panel in _panels(sections):
        if panel.data.rows:
            write_bytes(output / f"{name}.csv", exports.as_csv(panel.data))
    if kind == "html":
        return _html(sweep, sections, output)
    target = output / f"report.{kind}"
    if kind == "md":
        text = markdown(sweep.name, status(sweep), _facts(sweep), _commands(sweep), sections, output)
        write_bytes(target, text.encode())
        return target
    with tempfile.TemporaryDirectory() as scratch:
        printed = _print(_html(sweep, sections, Path(scratch)), Path(scratch) / target.name)
        write_bytes(target, printed.read_bytes())
    return target


def _panels(sections: Sequence[Section]) -> list[tuple[str, Panel]]:
    return [part for section in sections for part in section.panels]


def _sections(sweep: Sweep) -> list[Section]:
    """All pages of a sweep as they open, without the figure of what a reader picks."""
    found = []
    for page in (one for one in pages() if one.of_sweep and one.alone):
        slug, panels = page.name.lower(), enumerate(opened(page, sweep))
        named = tuple((f"{slug}-{i}", panel) for i, panel in panels if panel.title != PICKED)
        found.append(Section(slug, page.name, page.question, named))
    return found


def _html(sweep: Sweep, sections: Sequence[Section], output: Path) -> Path:
    import orjson
    from plotly.offline import get_plotlyjs

    write_bytes(output / "plotly.min.js", get_plotlyjs().encode())
    write_bytes(output / "style.css", (Path(__file__).parents[1] / "assets" / "style.css").read_bytes())
    figures = {name: panel.figure for name, panel in _panels(sections) if panel.figure is not None}
    data = orjson.dumps(figures, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    write_bytes(output / "figures.js", f"window.figures = {data};\n{DRAW}".encode())
    links = " ".join(f'<a href="#{section.slug}">{_text(section.name)}</a>' for section in sections)
    facts = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>' for name, value in _facts(sweep)
    )
    commands = "\n".join(map(_text, _commands(sweep)))
    parts = "".join(
        f'<section id="{section.slug}"><h2>{_text(section.question)}</h2>'
        f"{''.join(_panel(name, panel) for name, panel in section.panels)}</section>"
        for section in sections
    )
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(sweep.name)} · lpbench</title>"
        f'<link rel="stylesheet" href="style.css"><style>{STYLE}</style></head>'
        f"<body><header><span class='brand'>lpbench</span>"
        f"<nav aria-label='Sections'>{links}</nav></header><main>"
        f"<h1>Sweep {_text(sweep.name)}</h1><p class='status'>{_text(status(sweep))}</p>"
        f"<div class='scroll' tabindex='0'><table>{facts}</table></div>"
        f"<h2>To reproduce it</h2><pre tabindex='0'>{commands}</pre>{parts}</main>"
        '<script src="plotly.min.js"></script><script src="figures.js"></script></body></html>\n'
    )
    target = output / "index.html"
    write_bytes(target, text.encode())
    return target


STYLE = (
    "section { margin: 34px 0; display: grid; gap: 16px; } h2 { font-size: 19px; margin: 14px 0 0; } "
    "h3 { font-size: 15px; margin: 0; } pre { overflow: auto; }"
)
DRAW = """for (const [name, figure] of Object.entries(window.figures)) {
  const place = document.getElementById(name);
  place.style.height = (figure.layout.height || 450) + "px";
  place.style.minWidth = ((figure.layout.meta || {}).least_width || 0) + "px";
  window.Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displaylogo: false });
}
document.documentElement.dataset.drawn = "yes";
"""


def _panel(name: str, panel: Panel) -> str:
    notes = "".join(f'<p class="note">{_text(note)}</p>' for note in panel.notes)
    title = f"<figcaption><h3>{_text(panel.title)}</h3></figcaption>" if panel.title else ""
    place = f'<div class="drawing"><div id="{name}"></div></div>' if panel.figure is not None else ""
    label = _text(panel.title or "Figure")
    return f'<figure class="panel" aria-label="{label}">{title}{place}{notes}{_table(name, panel)}</figure>'


def _table(name: str, panel: Panel) -> str:
    rows = panel.data.rows
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{_text(column)}</th>' for column in panel.data.columns)
    lines = "".join(
        "<tr>" + "".join(f"<td>{_text(cell(value))}</td>" for value in row) + "</tr>" for row in rows[:ROWS]
    )
    more = f"the first {ROWS} of {len(rows)} rows; " if len(rows) > ROWS else ""
    return (
        f"<details><summary>Numbers ({len(rows)} rows)</summary><div class='scroll' tabindex='0'><table>"
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


def _facts(sweep: Sweep) -> list[tuple[str, str]]:
    cells = sweep.cells
    found = [("written by", f"lpbench {version()}")]
    for name in ("lpbench_version", "git_commit", "cpu", "host"):
        if name in cells:
            values = [str(value) for value in cells[name].dropna().unique()]
            found.append((name.replace("_", " ") + " of the cells", ", ".join(values[:4]) or "-"))
    if "started_at" in cells and cells["started_at"].notna().any():
        found.append(("computed (UTC)", str(cells["started_at"].dropna().min())[:19].replace("T", " ")))
    return found


def _commands(sweep: Sweep) -> list[str]:
    calls: list[dict[str, Any]] = sweep.manifest.get("calls") or []
    lines = []
    for call in calls:
        more = ["--config-dir", call["config_dir"]] if call.get("config_dir") else []
        more += ["--skip-invalid"] if call.get("skip_invalid") else []
        overrides = call.get("overrides", [])
        lines.append(shlex.join(["lpbench", "sweep", *overrides, *more, "--name", sweep.name]))
    return lines or ["(the manifest names no command)"]


def _text(value: Any) -> str:
    return html.escape(str(value))
