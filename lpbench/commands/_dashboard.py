"""The parts of `lpbench dashboard`: checks before it listens, and gunicorn."""

import os
import secrets
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from lpbench.errors import ConfigError, LpbenchError
from lpbench.store.address import is_folder, is_remote
from lpbench.terminal import note

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def serve(
    runs: Path,
    host: str,
    port: int,
    token: str | None,
    allow_hosts: Sequence[str],
    url_prefix: str,
    workers: int,
    threads: int,
    verbose: bool,
    edit: bool = False,
) -> int:
    """Serve `runs` until Ctrl-C; prints the address on stdout once it answers. Raises ConfigError, LpbenchError."""
    if not is_folder(runs):
        if not is_remote(runs) and runs.exists():
            raise ConfigError(f"{runs} is not a folder: lpbench dashboard RUNS, the folder of sweeps")
        note(f"{runs} does not exist yet: its first sweep is shown as soon as it is there")
    from lpbench.dashboard.server.security import check_token

    check_token(token)
    check_port(host, port)
    open_to_all = host in LOOPBACK and not edit
    token = token or (None if open_to_all else secrets.token_urlsafe(18))
    hosts = [
        *("localhost", "127.0.0.1", "[::1]"),
        *([] if host in ("0.0.0.0", "::") else [f"[{host}]" if ":" in host else host]),
        *allow_hosts,
    ]
    if host in ("0.0.0.0", "::"):
        hosts.append(socket.gethostname())
    os.environ |= {
        "LPBENCH_RUNS": str(runs if is_remote(runs) else runs.absolute()),
        "LPBENCH_URL_PREFIX": url_prefix,
        "LPBENCH_HOSTS": ",".join(dict.fromkeys(hosts)),
        "LPBENCH_TOKEN": token or "",
        "LPBENCH_EDIT": "1" if edit else "",
    }
    shown = address(host, port, url_prefix, token)
    if sys.platform == "win32":
        return _werkzeug(host, port, shown)
    return _gunicorn(host, port, workers, threads, shown, verbose)


def check_port(host: str, port: int) -> None:
    """Raise LpbenchError, with a port that is free, where `port` is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((host, port))
        except OSError as error:
            with socket.socket(family) as free:
                free.bind((host if error.errno == 98 else "127.0.0.1", 0))
                other = free.getsockname()[1]
            raise LpbenchError(
                f"cannot listen on {host}:{port} ({error.strerror}); try --port {other}"
            ) from error


def address(host: str, port: int, url_prefix: str, token: str | None) -> str:
    """What to open in a browser."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    path = "/" + url_prefix.strip("/") + ("/" if url_prefix.strip("/") else "")
    return f"http://{name}:{port}{path}" + (f"?token={token}" if token else "")


def _say(shown: str) -> None:
    print(f"dashboard: {shown}", flush=True)
    note("Ctrl-C ends it")


def _gunicorn(host: str, port: int, workers: int, threads: int, shown: str, verbose: bool) -> int:
    from gunicorn.app.base import BaseApplication

    from lpbench.dashboard.serving import PatientWorker

    class Server(BaseApplication):
        def load_config(self) -> None:
            settings = {
                "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "workers": workers,
                "threads": threads, "worker_class": PatientWorker, "timeout": 120, "graceful_timeout": 3,
                "loglevel": "info" if verbose else "error", "accesslog": "-" if verbose else None,
                "post_worker_init": _once(shown), "control_socket_disable": True,
            }  # fmt: skip
            for name, value in settings.items():
                if name in self.cfg.settings and value is not None:
                    self.cfg.set(name, value)

        def load(self) -> object:
            from lpbench.dashboard.wsgi import application

            return application

    try:
        Server().run()
    except SystemExit as end:
        return int(end.code or 0) if isinstance(end.code, int | None) else 1
    return 0


def _once(shown: str) -> object:
    """A hook that says the address when the first worker is ready."""

    def ready(worker: object) -> None:
        if getattr(worker, "age", 1) == 1:
            _say(shown)

    return ready


def _werkzeug(host: str, port: int, shown: str) -> int:
    from werkzeug.serving import run_simple

    from lpbench.dashboard.wsgi import application

    _say(shown)
    run_simple(host, port, application, threaded=True)
    return 0
