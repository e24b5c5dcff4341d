"""gunicorn's worker for the dashboard: a request takes a thread when all of it has come, and not before.

gunicorn's own threads read what they answer, so that eight clients who send a byte a second stop everyone. Here the
loop that accepts connections collects requests, of bounded size and within a bounded time, and hands on whole ones. It
knows nothing of tokens: who has none meets the same limits.
"""

from __future__ import annotations

import errno
import re
import selectors
import socket
import time
from functools import partial
from typing import Any

from gunicorn import http, util
from gunicorn.workers.gthread import TConn, ThreadWorker

from .server.security import MOST_BODY

READ_SECONDS = 10.0  # for all of a request, from its first byte
WRITE_SECONDS = 30.0  # for a piece of an answer that the reader does not take
MOST_HEAD = 65_536  # bytes
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,12})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding[ \t]*:", re.IGNORECASE | re.MULTILINE)


class Refused(Exception):
    """A request that is not read further; its text is the status line."""


def missing(got: bytes) -> int:
    """How many bytes a request lacks at least; 0 where it is whole. Raises Refused for what is too large or unclear."""
    head, end, body = got.partition(b"\r\n\r\n")
    if not end:
        if len(got) > MOST_HEAD:
            raise Refused("431 Request Header Fields Too Large")
        return 1
    if _CHUNKED.search(head):
        raise Refused("411 Length Required")
    if len(head) > MOST_HEAD:
        raise Refused("431 Request Header Fields Too Large")
    length = max(map(int, _LENGTH.findall(head)), default=0)
    if length > MOST_BODY:
        raise Refused("413 Content Too Large")
    if len(body) > length:  # a second request before the answer to the first: no browser does that
        raise Refused("400 Bad Request")
    return length - len(body)


class Patient(socket.socket):
    """A connection that waits for nobody for ever, also where gunicorn asks it to block."""

    def setblocking(self, flag: bool) -> None:
        """As asked for, but within WRITE_SECONDS."""
        self.settimeout(WRITE_SECONDS if flag else 0.0)

    def sendall(self, *arguments: Any) -> None:
        """Send; a reader who takes nothing counts as one who went."""
        try:
            super().sendall(*arguments)
        except TimeoutError:
            raise BrokenPipeError(errno.EPIPE, "the reader takes nothing") from None


class Connection(TConn):
    """A connection with what has come of its next request, and until when it must be whole."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any):
        super().__init__(cfg, sock, client, server)
        self.got = b""
        self.until = time.monotonic() + READ_SECONDS

    def close(self, graceful: bool = False) -> None:
        """Close at once: the request was read whole, so nothing unread cuts the answer off, and the loop waits for
        nobody.
        """
        util.close(self.sock)


class PatientWorker(ThreadWorker):
    """gunicorn's threads behind a loop that reads."""

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings)
        self._reading: set[Connection] = set()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, and read it when something comes."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        sock = Patient(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self.nr_conns += 1
        self._read_when_ready(Connection(self.cfg, sock, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """A kept connection has a further request."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        conn.got, conn.until = b"", time.monotonic() + READ_SECONDS
        self._read_when_ready(conn)

    def murder_pending(self) -> None:
        """Close what was too slow; gunicorn calls this once a second."""
        now = time.monotonic()
        for conn in [conn for conn in self._reading if conn.until < now]:
            self._drop(conn)

    def _read_when_ready(self, conn: Connection) -> None:
        conn.sock.setblocking(False)
        self._reading.add(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read, conn))

    def _read(self, conn: Connection, sock: socket.socket) -> None:
        try:
            piece = sock.recv(65_536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            piece = b""
        conn.got += piece
        try:
            if piece and missing(conn.got):
                return
        except Refused as refused:
            self._drop(conn, f"HTTP/1.1 {refused}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
            return
        if not piece:  # it went before its request was whole
            self._drop(conn)
            return
        self._leave(conn)
        conn.sock.setblocking(True)
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
            conn.initialized = True
        conn.parser.unreader.unread(conn.got)
        conn.got = b""
        self.enqueue_req(conn)

    def _leave(self, conn: Connection) -> None:
        self._reading.discard(conn)
        self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection, answer: bytes = b"") -> None:
        self._leave(conn)
        try:
            if answer:
                conn.sock.send(answer)
                conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it went
        self.nr_conns -= 1
        conn.close()
