"""One writer a sweep: a lock that the system drops with the process, so that `kill -9` leaves none behind.

In an object store, which has no locks, a lease (`lease`).
"""

import fcntl
import os
import socket
from pathlib import Path

from lpbench.errors import StoreError, SweepBusy
from lpbench.store.address import is_remote
from lpbench.store.folder import LOCK
from lpbench.store.lease import Lease


class SweepLock:
    """The right to write the sweep in `folder`, held until `release`.

    Raises SweepBusy that names the process that has it, and StoreError where the folder cannot be written.
    """

    def __init__(self, folder: Path):
        try:
            self._file = open(folder / LOCK, "a+", encoding="utf-8")  # noqa: SIM115 (held for as long as the lock)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "pid unknown"
            self._file.close()
            raise SweepBusy(
                f"another lpbench ({holder}) is writing {folder}; wait for it, or take another name"
            ) from None
        except OSError as error:
            self._file.close()
            raise StoreError(f"{folder / LOCK}: this file system has no locks: {error.strerror}") from error
        if not self._is_there(folder):
            self._file.close()
            raise SweepBusy(f"{folder} was renamed or deleted at this moment; try again")
        self._file.truncate(0)
        self._file.write(f"pid {os.getpid()} on {socket.gethostname()}\n")
        self._file.flush()

    def _is_there(self, folder: Path) -> bool:
        """Whether what is locked is still what others find in `folder`: it may have gone between open and lock."""
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), os.stat(folder / LOCK))
        except OSError:
            return False

    def check(self) -> None:
        """The system takes no lock away."""

    def release(self) -> None:
        """Let the next writer in."""
        self._file.close()


def lock(folder: Path) -> SweepLock | Lease:
    """The right to write the sweep in `folder`; raises SweepBusy, StoreError."""
    return Lease(folder / LOCK) if is_remote(folder) else SweepLock(folder)
