"""Who may ask, and what the pages may load: host names, a token, and the content security policy."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
COOKIE = "lpbench_token"


def protect(
    server: Any, hosts: Sequence[str], token: str | None, hashes: Callable[[], Sequence[str]], prefix: str
) -> None:
    """Make a Flask server refuse foreign hosts and, with a token, everyone who does not have it.

    hosts   host names that the address may hold: a page of another site, whose name someone points at this machine,
            gets 400.
    token   None: everyone who reaches the server may read. Else `?token=...` once, and a cookie from then on.
    hashes  gives those of the scripts that stand in the page itself; all others come from this server. It is called at
            the first answer, when Dash knows them all.
    """
    import flask

    server.config["TRUSTED_HOSTS"] = list(hosts)
    known: list[str] = []

    def policy() -> str:
        if not known:
            known.append(
                "; ".join(
                    [
                        "default-src 'self'",
                        "script-src 'self' " + " ".join(hashes()),
                        "style-src 'self' 'unsafe-inline'",  # plotly and the components set styles of elements
                        "img-src 'self' data: blob:",
                        "font-src 'self' data:",
                        "connect-src 'self'",
                        "object-src 'none'",
                        "base-uri 'self'",
                        "form-action 'self'",
                        "frame-ancestors 'none'",
                    ]
                )
            )
        return known[0]

    def admit() -> Any:
        flask.request.host  # raises for a foreign host, before anything is read  # noqa: B018
        if token is None:
            return None
        given = flask.request.args.get("token")
        if given is not None and _same(given, token):
            rest = [(key, value) for key, value in flask.request.args.items(multi=True) if key != "token"]
            path = "/" + flask.request.path.lstrip("/\\")  # "//name" would be another host
            answer = flask.redirect(path + ("?" + urlencode(rest) if rest else ""))
            answer.set_cookie(COOKIE, token, httponly=True, samesite="Strict", path=prefix)
            return answer
        if _same(flask.request.cookies.get(COOKIE, ""), token):
            return None
        said = (
            "This dashboard needs its token: open the address that `lpbench dashboard` printed (…?token=…).\n"
        )
        return flask.Response(said, 401, mimetype="text/plain")

    def stamp(answer: Any) -> Any:
        answer.headers["Content-Security-Policy"] = policy()
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "same-origin"
        answer.headers["X-Frame-Options"] = "DENY"
        return answer

    server.before_request_funcs.setdefault(None, []).insert(0, admit)
    server.after_request(stamp)


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())
