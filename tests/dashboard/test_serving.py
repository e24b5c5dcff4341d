"""The worker that reads whole requests: who is slow, large or silent stops nobody else."""

import contextlib
import os
import socket
import subprocess
import sys
import time

import pytest
from lpbench.dashboard.serving import MOST_BODY, MOST_HEAD, Refused, missing

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn runs on POSIX")
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("got", "lacks"),
    [
        (b"", 1),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", 1),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0),
        (HEAD + b"Content-Length: 5\r\n\r\n", 5),
        (HEAD + b"content-length:5 \r\nX: y\r\n\r\nabc", 2),
        (HEAD + b"X-Content-Length: 7\r\nContent-Length: 5\r\n\r\nabcde", 0),
        (HEAD + b"Content-Length: 0\r\n\r\n", 0),
    ],
)
def test_what_a_request_lacks(got, lacks):
    assert missing(got) == lacks


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (b"x" * (MOST_HEAD + 1), "431"),
        (HEAD + b"X: " + b"x" * MOST_HEAD + b"\r\n\r\n", "431"),
        (HEAD + f"Content-Length: {MOST_BODY + 1}\r\n\r\n".encode(), "413"),
        (HEAD + b"Content-Length: 99999999999\r\n\r\n", "413"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", "411"),
        (HEAD + b"Content-Length: 1\r\n\r\nab", "400"),
        (b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", "400"),
    ],
)
def test_what_is_not_read_further(got, said):
    with pytest.raises(Refused, match=said):
        missing(got)


# An application that says what it was sent, and where it waits itself: the threads are two.
APPLICATION = """
from lpbench.dashboard import serving
serving.READ_SECONDS = {seconds}
def application(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body) + 2))])
    return [b"ok" + body]
"""


@contextlib.contextmanager
def served(folder, seconds):
    """The port of gunicorn with two threads of PatientWorker."""
    (folder / "served.py").write_text(APPLICATION.format(seconds=seconds))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        worker = [
            "-k",
            "lpbench.dashboard.serving.PatientWorker",
            "--threads",
            "2",
            "--keep-alive",
            "600",
        ]
        command = [
            "-m",
            "gunicorn",
            *worker,
            "-b",
            f"fd://{listener.fileno()}",
            "--graceful-timeout",
            "1",
            "served",
        ]
        process = subprocess.Popen(
            [sys.executable, *command], cwd=folder, pass_fds=[listener.fileno()], stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(folder)},
        )  # fmt: skip
        try:
            yield listener.getsockname()[1]
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=60)
            assert "Traceback" not in errors


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def answer(connection):
    """All that comes until the other side closes."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            got += piece
    return got


def until(connection, end):
    """All that comes until it ends so."""
    got = b""
    while not got.endswith(end):
        piece = connection.recv(65_536)
        assert piece, got
        got += piece
    return got


def ask(port, body=b"", more=b"Connection: close\r\n"):
    with connect(port) as connection:
        connection.sendall(HEAD + more + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return answer(connection)


def test_slow_and_silent_clients_take_no_thread(tmp_path):
    with served(tmp_path, 1000) as port, contextlib.ExitStack() as held:
        assert ask(port).endswith(b"\r\n\r\nok")
        starts = [b"", b"GET / HT", HEAD, HEAD + b"Content-Length: 1000\r\n\r\nhalf"]
        for start in starts * 5:
            slow = held.enter_context(connect(port))
            slow.sendall(start)
        for size in (0, 10, 100_000, MOST_BODY):
            assert ask(port, b"x" * size).endswith(b"ok" + b"x" * size)
        slow.sendall(b"x" * 996)  # it was not dropped: its request is whole now
        until(slow, b"okhalf" + b"x" * 996)


def test_a_connection_is_kept_and_reads_further_requests(tmp_path):
    with served(tmp_path, 1000) as port, connect(port) as kept:
        for body in (b"one", b"two"):
            kept.sendall(HEAD + b"Content-Length: 3\r\n\r\n" + body[:1])
            time.sleep(0.01)  # in two pieces
            kept.sendall(body[1:])
            assert until(kept, b"ok" + body).startswith(b"HTTP/1.1 200 OK")


def test_what_is_too_large_is_refused_unread_and_too_slow_is_closed(tmp_path):
    with served(tmp_path, 0.2) as port:
        with connect(port) as large:
            large.sendall(HEAD + b"Content-Length: 100000000\r\n\r\n")
            assert answer(large).startswith(b"HTTP/1.1 413 ")
        with connect(port) as slow:
            slow.sendall(HEAD)
            assert answer(slow) == b""
        assert ask(port).endswith(b"ok")
