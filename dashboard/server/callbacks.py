"""What a page sends when a control changes: checked before Dash and the callbacks work with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lpbench.errors import ConfigError, LpbenchError

ENDPOINT = "_dash-update-component"
LOCATION = "_pages_location"  # of Dash: where the browser is


def check(app: Any, prefix: str) -> None:
    """Answer 400, in one line, to requests that no page of the Dash app sends; 500, in one line, where a sweep cannot
    be read. All else that goes wrong is an error of lpbench, and logged with its traceback.
    """
    import flask
    from dash.exceptions import UnsupportedRelativePath

    def look() -> Any:
        if flask.request.path != prefix + ENDPOINT or flask.request.method != "POST":
            return
        try:
            body = flask.request.get_json(silent=True)
            json.dumps(
                body, ensure_ascii=False
            ).encode()  # half a character has no bytes, and no page sends one
        except (RecursionError, UnicodeEncodeError):
            body = None
        if not is_request(body, app.callback_map):
            raise ConfigError("this is no request of these pages")

    def refuse(error: Exception) -> Any:
        code = 400 if isinstance(error, ConfigError | UnsupportedRelativePath) else 500
        return flask.Response(" ".join(str(error).split()) + "\n", code, mimetype="text/plain")

    app.server.before_request(look)
    app.server.register_error_handler(LpbenchError, refuse)
    app.server.register_error_handler(UnsupportedRelativePath, refuse)  # an address outside of `prefix`


def is_request(body: Any, callbacks: Mapping[str, Any]) -> bool:
    """Whether a body has the shape that Dash's renderer gives it, for one of the callbacks."""
    if not isinstance(body, dict) or not isinstance(body.get("output"), str):
        return False
    known = callbacks.get(body["output"], {})
    changed, outputs = body.get("changedPropIds", []), body.get("outputs", [])
    return (
        "callback" in known  # else it is one of the browser's own
        and isinstance(changed, list)
        and all(isinstance(one, str) for one in changed)
        and _are_parts(body.get("inputs", []), known["inputs"])
        and _are_parts(body.get("state", []), known["state"])
        and _are_outputs(outputs if isinstance(outputs, list) else [outputs], body["output"])
    )


def _are_parts(parts: Any, known: Sequence[Mapping[str, Any]]) -> bool:
    return isinstance(parts, list) and len(parts) == len(known) and all(map(_is_part, parts, known))


def _is_part(part: Any, known: Mapping[str, Any]) -> bool:
    """Whether a part names the component that a callback knows; a list of them where that is a pattern for all."""
    pattern = json.loads(known["id"]) if known["id"].startswith("{") else None
    several = pattern is not None and ["ALL"] in pattern.values()
    for one in part if several and isinstance(part, list) else [part]:
        if not isinstance(one, dict) or one.get("property") != known["property"]:
            return False
        if pattern is None and one.get("id") != known["id"]:
            return False
        if pattern is not None and not _fits(one.get("id"), pattern):
            return False
        if known["id"] == LOCATION and not isinstance(one.get("value"), str | None):
            return False
    return not several or isinstance(part, list)


def _fits(name: Any, pattern: Mapping[str, Any]) -> bool:
    return (
        isinstance(name, dict)
        and name.keys() == pattern.keys()
        and all(isinstance(name[key], str | int) for key in name)
        and all(name[key] == word for key, word in pattern.items() if not isinstance(word, list))
    )


def _are_outputs(outputs: Sequence[Any], output: str) -> bool:
    """Whether they are those of the callback: `id.property`, several as `..one...other..`, and `@...` after some."""
    asked = output.strip(".").split("...") if output.startswith("..") else [output]
    names = [one.partition("@")[0].rpartition(".") for one in asked]
    given = [
        [_without_mark(one) for one in part] if isinstance(part, list) else _without_mark(part)
        for part in outputs
    ]
    return _are_parts(given, [{"id": name, "property": prop} for name, _, prop in names])


def _without_mark(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    return part | {"property": str(part.get("property")).partition("@")[0]}


def view_of(view: Any) -> Mapping[str, Any]:
    """The `view` of a page, {"page": path, "sweep": name or None, "prefix": ...}; raises ConfigError."""
    kinds = {"page": str, "sweep": str | None, "prefix": str}
    found = {"page": None, "sweep": None, "prefix": "/", **view} if isinstance(view, dict) else {}
    if not found or not all(isinstance(found[name], kind) for name, kind in kinds.items()):
        raise ConfigError("this is no view of these pages")
    return found
