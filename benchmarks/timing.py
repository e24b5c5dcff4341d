"""Repetitions and medians."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lpbench.speed import turns


@dataclass(frozen=True)
class Times:
    """Seconds of several repetitions."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one, seconds."""
        return statistics.median(self.seconds)

    @property
    def best(self) -> float:
        """The shortest, seconds."""
        return min(self.seconds)


def repeat(action: Callable[[], object], repetitions: int) -> Times:
    """Call `action` once to warm up, then time it `repetitions` times."""
    return in_turns({"": action}, repetitions)[""]


def in_turns(actions: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, Times]:
    """The same for several actions in turns, as `lpbench speed` takes them."""
    taken = turns.in_turns(actions, repetitions, lambda: None)
    return {name: Times(tuple(seconds.tolist())) for name, seconds in taken.items()}


@dataclass(frozen=True)
class Finished:
    """A command that ended: its seconds of wall time, its peak memory in bytes, its output."""

    seconds: float
    peak: int
    output: str


def command(
    words: Sequence[str], environment: Mapping[str, str], cwd: str | None = None, code: int = 0
) -> Finished:
    """Run a command to its end; raises RuntimeError with its output where the exit code is another than `code`."""
    start = time.perf_counter()
    process = subprocess.Popen(
        words, env=dict(environment), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode != code:
        raise RuntimeError(f"{' '.join(words)}: exit code {process.returncode}\n{output[-2000:]}")
    return Finished(seconds, usage.ru_maxrss * 1024, output)
