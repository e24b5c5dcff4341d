"""One writer a sweep in an object store: an object that its writer renews, since such a store has no locks."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from lpbench.errors import StoreError, SweepBusy
from lpbench.store.address import first_line
from lpbench.store.files import read_bytes
from lpbench.terminal import note

RENEW = 5.0  # seconds between two renewals
PATIENCE = 20.0  # seconds without a renewal after which a writer is gone


class Lease:
    """The right to write what lies beside the object `path`, held until `release`.

    Made by a write that fails where the object is there. Whoever finds it there watches it: clocks of two machines
    are never compared. Raises SweepBusy while the holder renews it, StoreError where the store refuses.
    """

    def __init__(self, path: Path):
        self._path: Any = path
        self._token = uuid.uuid4().hex
        self._beat = 0
        self._lost = ""
        while not self._create():
            self._outlive()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lpbench-lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise SweepBusy once somebody else has taken the lease: this process was silent for too long."""
        if self._lost:
            raise SweepBusy(self._lost)

    def release(self) -> None:
        """Let the next writer in."""
        self._done.set()
        self._thread.join()
        with suppress(Exception):  # one that stays there is found to be silent
            if (self._read() or {}).get("token") == self._token:
                self._path.unlink(missing_ok=True)

    def _content(self) -> bytes:
        mine = {"token": self._token, "beat": self._beat, "pid": os.getpid(), "host": socket.gethostname()}
        return json.dumps(mine).encode()

    def _create(self) -> bool:
        try:
            self._path.fs.pipe_file(self._path.path, self._content(), mode="create")
        except FileExistsError:
            return False
        except Exception as error:
            raise StoreError(f"{self._path.parent}: cannot be written: {first_line(error)}") from error
        return True

    def _read(self) -> dict[str, Any] | None:
        try:
            found = json.loads(read_bytes(self._path))
        except FileNotFoundError:
            return None
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _outlive(self) -> None:
        """Return once the present holder has let go, or is gone; raises SweepBusy when it still writes."""
        first = self._read()
        if first is None:
            return
        who = f"pid {first.get('pid', 'unknown')} on {first.get('host', 'another machine')}"
        if not _ended_here(first):
            note(
                f"{self._path.parent}: {who} was writing it; waiting up to {PATIENCE:g} s to see if it still is"
            )
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                time.sleep(RENEW / 5)
                now = self._read()
                if now is None:
                    return
                if now != first:
                    raise SweepBusy(
                        f"another lpbench ({who}) is writing {self._path.parent}; wait for it, or take another name"
                    )
        self._path.unlink(missing_ok=True)

    def _renew(self) -> None:
        while not self._done.wait(RENEW):
            try:
                found = self._read()
                if found is None or found.get("token") == self._token:
                    self._beat += 1
                    self._path.write_bytes(self._content())
                else:
                    who = f"pid {found.get('pid')} on {found.get('host')}"
                    self._lost = (
                        f"{self._path.parent}: this process was silent for so long that {who} writes it now"
                    )
                    return
            except Exception:  # the store is away for a while: what matters is written, or fails, elsewhere
                continue


def _ended_here(holder: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that is no more."""
    if holder.get("host") != socket.gethostname() or not isinstance(holder.get("pid"), int):
        return False
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
