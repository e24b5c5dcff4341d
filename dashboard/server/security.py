"""Who may ask, and what the pages may load: host names, a token, and the content security policy."""

from __future__ import annotations

import hmac
import ipaddress
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from lpbench.errors import ConfigError

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
COOKIE = "lpbench_token"
LEAST_TOKEN = 16  # characters
MOST_BODY = 262_144  # bytes of a request; the largest that a page sends has some thousand
# Wrong tokens of an address before it waits; seconds, doubled by each further one, and at most.
FREE, PAUSE, LONGEST = 5, 1.0, 60.0
MOST_ADDRESSES = 10_000  # that are remembered
# plotly and the components set styles of elements; `scripts` are the hashes of those that stand in the page.
POLICY = (
    "default-src 'self'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def protect(
    server: Any, hosts: Sequence[str], token: str | None, hashes: Callable[[], Sequence[str]], prefix: str
) -> None:
    """Make a Flask server refuse foreign hosts and, with a token, everyone who does not have it.

    hosts   host names that the address may hold: a page of another site, whose name someone points at this machine,
            gets 400.
    token   None: everyone who reaches the server may read. Else `?token=...` once, and a cookie from then on; an
            address that guesses waits longer from guess to guess. Raises ConfigError for one that is easily guessed.
    hashes  gives those of the scripts that stand in the page itself; all others come from this server. It is called at
            every answer: Dash knows them all from the first on that is not a refusal or the way to an address without
            token.
    """
    import flask

    check_token(token)
    server.config["MAX_CONTENT_LENGTH"] = MOST_BODY
    trusted = [_bracketed(host) for host in hosts]
    guesses = Guesses()

    def admit() -> Any:
        if not _is_trusted(flask.request.host, trusted):
            flask.abort(400)
        if (flask.request.content_length or 0) > MOST_BODY:
            flask.abort(413)
        if token is None:
            return None
        address = flask.request.remote_addr or ""
        wait = guesses.wait(address)
        if wait > 0:
            said = "Too many wrong tokens from this address: try again later.\n"
            return flask.Response(said, 429, {"Retry-After": str(math.ceil(wait))}, mimetype="text/plain")
        given = flask.request.args.get("token")
        if given is not None and _same(given, token):
            rest = [(key, value) for key, value in flask.request.args.items(multi=True) if key != "token"]
            path = "/" + flask.request.path.lstrip("/\\")  # "//name" would be another host
            answer = flask.redirect(path + ("?" + urlencode(rest) if rest else ""))
            answer.set_cookie(COOKIE, token, httponly=True, samesite="Strict", path=prefix)
            return answer
        cookie = flask.request.cookies.get(COOKIE)
        if cookie is not None and _same(cookie, token):
            return None
        guesses.wrong(address, *(guess for guess in (given, cookie) if guess is not None))
        said = (
            "This dashboard needs its token: open the address that `lpbench dashboard` printed (…?token=…).\n"
        )
        return flask.Response(said, 401, mimetype="text/plain")

    def stamp(answer: Any) -> Any:
        answer.headers["Content-Security-Policy"] = POLICY.format(scripts=" ".join(hashes()))
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "same-origin"
        answer.headers["X-Frame-Options"] = "DENY"
        return answer

    server.before_request_funcs.setdefault(None, []).insert(0, admit)
    server.after_request(stamp)


def check_token(token: str | None) -> None:
    """Raise ConfigError for a token that is easily guessed."""
    if token is not None and len(token) < LEAST_TOKEN:
        raise ConfigError(
            f"token: at least {LEAST_TOKEN} characters, got {len(token)}; `lpbench dashboard` makes one by itself"
        )


class Guesses:
    """Wrong tokens by address. The same one again is no guess: a page that was open before a restart asks on."""

    def __init__(self) -> None:
        # Hashes of what was tried, and when the next may come.
        self._seen: dict[str, tuple[set[int], float]] = {}
        self._lock = threading.Lock()

    def wait(self, address: str) -> float:
        """Seconds until the address may show a token again."""
        return self._seen.get(address, (set(), 0.0))[1] - time.monotonic()

    def wrong(self, address: str, *tried: str) -> None:
        """Remember what was tried."""
        with self._lock:
            seen, until = self._seen.pop(address, (set(), 0.0))
            new = {hash(guess) for guess in tried} - seen
            seen |= new
            if new and len(seen) > FREE:
                doublings = min(len(seen) - FREE - 1, 10)
                until = time.monotonic() + min(PAUSE * 2**doublings, LONGEST)
            if tried:
                self._seen[address] = seen, until
            while len(self._seen) > MOST_ADDRESSES:
                del self._seen[next(iter(self._seen))]


def _bracketed(host: str) -> str:
    """`host` as an address names it: IPv6 in brackets, in its one spelling."""
    name = host.lower().removeprefix("[").removesuffix("]")
    try:
        return f"[{ipaddress.IPv6Address(name)}]"
    except ValueError:
        pass
    try:
        return name.encode("idna").decode()
    except UnicodeError:  # of names that start with a dot
        return name


def _is_trusted(host: str, trusted: Sequence[str]) -> bool:
    """Whether the `host[:port]` of a request is one of `trusted`; one that starts with a dot trusts what ends so."""
    end = host.find("]") + 1 if host.startswith("[") else host.find(":")
    name = _bracketed(host if end < 1 else host[:end])
    return any(name == one or (one.startswith(".") and f".{name}".endswith(one)) for one in trusted)


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())
