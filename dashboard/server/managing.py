"""What a reader may change, where the server was started for it: note, tags and name of a sweep, and that it is there.

Plain routes beside Dash. They are there only with a token (`create_app` sees to that), and take JSON alone, which no
page of another site can send: its browser asks this server first, and gets no leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lpbench.errors import ConfigError, SweepBusy
from lpbench.store.about import annotate
from lpbench.store.moving import delete, doomed, rename
from lpbench.terminal import size

from .site import Site

ROUTE = "_sweep"
READ_ONLY = (
    "This dashboard is for reading: `lpbench dashboard --edit` starts one in which sweeps can be changed.\n"
)


def serve(server: Any, site: Site) -> None:
    """Add `_sweep` to a Flask server: GET says what `?sweep=NAME` is, POST changes it.

    POST takes {"sweep": name, "do": "annotate", "note": text, "tags": [...]}, {..., "do": "rename", "name": new}, or
    {..., "do": "delete", "typed": name}, and answers with {"sweep": its name now, or null}. What goes wrong is one
    line: 400 for what cannot be asked, 409 while the sweep is written, 403 where the server was not started for it.
    """
    import flask

    def answer() -> Any:
        if not site.edit:
            return flask.Response(READ_ONLY, 403, mimetype="text/plain")
        if flask.request.method == "GET":
            return flask.jsonify(_told(site, flask.request.args.get("sweep", "")))
        if flask.request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return flask.Response("A page of another site asks for this.\n", 403, mimetype="text/plain")
        try:
            return flask.jsonify({"sweep": _change(site, _asked(flask.request))})
        except SweepBusy as error:
            return flask.Response(f"{error}\n", 409, mimetype="text/plain")

    server.add_url_rule(site.prefix + ROUTE, "lpbench_sweep", answer, methods=["GET", "POST"])


def _asked(request: Any) -> Any:
    """What a request holds as JSON; None where that is none."""
    try:
        return request.get_json(silent=True)
    except RecursionError:  # brackets in brackets
        return None


def _told(site: Site, name: str) -> dict[str, Any]:
    found = doomed(site.store.folder(name))
    about, changed = found.info.about, found.info.changed or "at an unknown time"
    gone = f"{found.info.cells}, {size(found.size)}, last changed {changed} (UTC)"
    stays = ", ".join(str(path.relative_to(found.folder)) for path in found.foreign)
    return {"sweep": name, "note": about.note, "tags": list(about.tags), "gone": gone, "stays": stays}


def _change(site: Site, asked: Any) -> str | None:
    """The name of the sweep after it; None where it is no more. Raises ConfigError, SweepBusy, StoreError."""
    if not isinstance(asked, Mapping):
        raise ConfigError("this is no request of these pages")
    folder = site.store.folder(_text(asked, "sweep"))
    match asked.get("do"):
        case "annotate":
            tags = asked.get("tags")
            if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
                raise ConfigError("tags: a list of texts")
            annotate(folder, _text(asked, "note"), tags=tags)
            return folder.name
        case "rename":
            return rename(folder, _text(asked, "name")).name
        case "delete":
            if _text(asked, "typed") != folder.name:
                raise ConfigError(f"to delete {folder.name} type its name, got {asked['typed']!r}")
            delete(folder)
            return None
    raise ConfigError("this is no request of these pages")


def _text(asked: Mapping[str, Any], key: str) -> str:
    value = asked.get(key)
    if not isinstance(value, str):
        raise ConfigError(f"{key}: a text, got {value!r}")
    return value
