"""The dashboard for a WSGI server:

    LPBENCH_RUNS=runs gunicorn -k lpbench.dashboard.serving.PatientWorker lpbench.dashboard.wsgi

LPBENCH_RUNS         the folder of sweeps (runs)
LPBENCH_URL_PREFIX   where a proxy shows it (/)
LPBENCH_HOSTS        host names that requests may name, separated by commas (those of this machine alone)
LPBENCH_EDIT         1: readers may annotate, rename and delete sweeps; needs LPBENCH_TOKEN
LPBENCH_TOKEN        what readers must show once as ?token=..., at least 16 characters; needed on public addresses
"""

import os

from .server.app import create_app
from .server.security import LOOPBACK

_hosts = [host.strip() for host in os.environ.get("LPBENCH_HOSTS", "").split(",") if host.strip()]
_prefix = os.environ.get("LPBENCH_URL_PREFIX", "/")
application = create_app(
    os.environ.get("LPBENCH_RUNS", "runs"),
    _prefix,
    _hosts or LOOPBACK,
    os.environ.get("LPBENCH_TOKEN") or None,
    os.environ.get("LPBENCH_EDIT") == "1",
).server

# Dash registers what its pages load on the first request, and threads that ask meanwhile get errors; the newest sweep
# is read as well, so that the first reader does not wait for it.
with application.test_client() as _client:
    _home, _token = "/" + _prefix.strip("/"), os.environ.get("LPBENCH_TOKEN", "")
    for _path in (f"{_home}?token={_token}", f"{_home.rstrip('/')}/_export?page=/&panel=0&kind=csv"):
        _client.get(_path, headers={"Host": (_hosts or LOOPBACK)[0]}, follow_redirects=True)
