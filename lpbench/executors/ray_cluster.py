"""The Ray cluster that a sweep runs on: joined or started, watched, and left."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import threading
import time
from typing import Any

from lpbench.errors import ConfigError, LpbenchError
from lpbench.executors.base import cores
from lpbench.terminal import note

COUNT_SECONDS = 1.0  # between two looks at how many CPUs and GPUs there are
HEAD_SECONDS = 1.0  # between two looks at whether the head is there ...
HEAD_LOST = 5  # ... and how often in a row it must not be
LEAVE_SECONDS = 5.0  # that the thread which asks Ray has to come to its end
SILENT = "nothing answers at"


class Cluster:
    """Ray, connected.

    address  auto: a running cluster, else one of this machine; local: always that; host:port; ray://host:port
    cpus, gpus  of a shard;  slots: how many shards the cluster runs side by side, kept up to date

    Raises ConfigError without Ray, LpbenchError where no cluster can be reached.
    """

    def __init__(self, address: str, cpus: float, gpus: float):
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError:
            raise ConfigError("executor=ray needs Ray: pip install 'lpbench[ray]'") from None
        self.ray: Any = ray
        self._address = address
        self._each = {"CPU": cpus, "GPU": gpus}
        self._ours = self._connect()
        self._head = self._find_head()
        self._looked, self._missed = time.monotonic(), 0
        self._left = threading.Event()
        self.slots = self._count()
        # A thread of its own: once the head is gone, the question for its resources never returns.
        self._follower = threading.Thread(target=self._follow, name="lpbench-ray", daemon=True)
        self._follower.start()
        atexit.register(self.leave)  # before what Ray does there itself

    def check(self) -> None:
        """Raise LpbenchError once the head does not answer any more: Ray itself would wait, then end the process."""
        if not self._head or time.monotonic() - self._looked < HEAD_SECONDS:
            return
        self._missed = 0 if _answers(self._head) else self._missed + 1
        self._looked = time.monotonic()
        if self.gone:
            raise LpbenchError(f"the Ray cluster at {self._head} is gone")

    @property
    def gone(self) -> bool:
        """Whether the head was found not to answer."""
        return self._missed >= HEAD_LOST

    @property
    def connected(self) -> bool:
        """Whether Ray can be asked: behind its end a question would end this process, or start another cluster."""
        return not (self.gone or self._left.is_set())

    def leave(self) -> None:
        """Disconnect, and end a cluster that was started for this sweep."""
        if self._left.is_set():
            return
        self._left.set()
        self._follower.join(LEAVE_SECONDS)
        if self.gone or self._follower.is_alive():
            # What Ray does at the end of a process waits for the head, for ever.
            atexit.unregister(self.ray._private.worker.shutdown)
        elif self._ours:
            self.ray.shutdown()

    def _connect(self) -> bool:
        """Join the cluster; returns whether it is we who must leave it."""
        ray = self.ray
        if ray.is_initialized():
            return False
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGINT, signal.SIGTERM) if main else ()
        handlers = {number: signal.getsignal(number) for number in numbers}
        try:
            if self._address != "local":
                try:
                    self._probe()
                    ray.init(address=self._address, **quiet)
                    return True
                except ConnectionError:
                    if self._address != "auto" or "RAY_ADDRESS" in os.environ:
                        raise
                    note("no Ray cluster is running (ray_address=auto): one is started on this machine")
            ray.init(address="local", num_cpus=cores(), include_dashboard=False, **quiet)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            told = SILENT in reason or os.environ.get("RAY_AUTH_MODE") == "token"
            hint = (
                "" if told else "; one that asks for a token needs RAY_AUTH_MODE=token and the token here too"
            )
            raise LpbenchError(
                f"cannot reach a Ray cluster (ray_address={self._address}): {reason}{hint}"
            ) from error
        finally:
            for number, handler in handlers.items():  # Ctrl-C and SIGTERM are the sweep's
                signal.signal(number, handler)
        return True

    def _probe(self) -> None:
        """Raise ConnectionError where nothing answers: Ray itself would try for minutes.

        `auto` finds the address of a cluster that was killed, too.
        """
        address = self._address
        if address == "auto":
            address = os.environ.get("RAY_ADDRESS") or self.ray._private.utils.read_ray_address() or ""
        where = address.removeprefix("ray://").partition("/")[0]
        if ":" in where and not _answers(where):
            raise ConnectionError(f"{SILENT} {where}")

    def _find_head(self) -> str:
        """Where the head answers, `host:port`; empty for a client, whose server speaks for it."""
        if self.ray.util.client.ray.is_connected():
            return ""
        return str(self.ray.get_runtime_context().gcs_address)

    def _follow(self) -> None:
        while not self._left.wait(COUNT_SECONDS):
            try:
                self.slots = self._count()
            except Exception:  # disconnected in between
                return

    def _count(self) -> int:
        have = self.ray.cluster_resources()
        sizes = [int(have.get(kind, 0) / each) for kind, each in self._each.items() if each]
        return max(1, min(sizes, default=1))


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except OSError:
        return False
    return True
