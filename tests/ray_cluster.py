"""Ray nodes as real processes, each with a working folder of its own, which a test may kill."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

RAY = str(Path(sys.executable).parent / "ray")
MARK = "LPBENCH_TEST_NODE"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Node:
    """One node of a cluster on this machine: the head where `address` is empty, else one that joins it."""

    def __init__(self, address: str = "", cpus: int = 1):
        self.folder = Path(tempfile.mkdtemp(prefix="lpray"))  # short, since sockets lie in it
        self.mark = uuid.uuid4().hex
        (self.folder / "home").mkdir()
        environment = {
            **os.environ, MARK: self.mark, "HOME": str(self.folder / "home"), "RAY_USAGE_STATS_ENABLED": "0",
        }  # fmt: skip
        port = free_port()
        self.address = address or f"127.0.0.1:{port}"
        command = [
            RAY,
            "start",
            f"--num-cpus={cpus}",
            "--disable-usage-stats",
            "--object-store-memory=80000000",
        ]
        if address:
            command += [f"--address={address}"]
        else:
            command += [
                "--head",
                f"--port={port}",
                "--include-dashboard=false",
                f"--temp-dir={self.folder / 't'}",
            ]
        done = subprocess.run(
            [*command, "--node-ip-address=127.0.0.1"],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def processes(self, name: str = "") -> list[int]:
        """Its processes whose command line holds `name`."""
        found, mark = [], f"{MARK}={self.mark}".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                mine = (
                    mark in (entry / "environ").read_bytes()
                    and name.encode() in (entry / "cmdline").read_bytes()
                )
            except OSError:  # it has ended
                continue
            found += [int(entry.name)] if mine else []
        return found

    def kill(self, name: str = "") -> int:
        """kill -9 of those; returns how many."""
        victims = self.processes(name)
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return len(victims)

    def close(self) -> None:
        """Leave nothing behind."""
        while self.kill():
            pass
        shutil.rmtree(self.folder, ignore_errors=True)
