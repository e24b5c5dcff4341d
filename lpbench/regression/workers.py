"""A build of lpbench in a process of its own, which runs and times cells on request."""

from __future__ import annotations

import json
import math
import os
import queue
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from lpbench.choices import keys
from lpbench.choices.files import names_file
from lpbench.declared.choices import FILES
from lpbench.errors import ConfigError, LpbenchError

# Seconds of a measurement: a shorter cell takes more steps, for a run's start costs time as well.
SHORTEST = 0.1
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")  # would give the reference our lpbench


def arguments(choices: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments with which `lpbench.run`, in whatever folder, runs the cell of canonical `choices`.

    Null keys are left out: the cell does not read them, or null is their default.
    """
    given = {key: choices[key] for key in keys.of_cells() if choices.get(key) is not None}
    for key in FILES:
        if names_file(key, given.get(key)):
            given[key] = os.path.abspath(os.path.expanduser(given[key]))
    return given


def parse_reference(text: str) -> list[str]:
    """The command of the Python that has the reference build, from what the user wrote.

    text   a virtual environment's folder, an interpreter, or a command such as `uv run --project ../old python`.
    Raises ConfigError.
    """
    path = Path(text).expanduser().absolute()
    inside = path / "bin" / "python"
    for file in (inside, path):
        if file.is_file() and os.access(file, os.X_OK):
            return [str(file)]
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"cannot read the reference {text!r}: {error}") from None
    program = shutil.which(words[0]) if words else None
    if program is None:
        first = words[0] if words else ""
        tried = f"no virtual environment ({inside}), no executable file, and no command {first!r} on the path"
        raise ConfigError(f"the reference {text!r} is none: {tried}")
    return [os.path.abspath(program), *words[1:]]


_SCRIPT = """
import json, os, sys
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
sys.stdout = sys.stderr
import lpbench

def say(answer):
    print(json.dumps(answer), file=answers, flush=True)

say({"version": lpbench.__version__, "file": lpbench.__file__})
folder = json.loads(sys.argv[1])
for line in sys.stdin:
    try:
        row = lpbench.run(config_dir=folder, **json.loads(line))
        answer = {key: row[key] for key in ("seconds", "status", "error", "noise_floor", "digest")}
        steps = row["trace"]["step"]
        answer["steps"] = int(steps.iloc[-1]) if len(steps) else 0
    except Exception as error:
        answer = {"seconds": 0.0, "steps": 0, "status": "failed", "error": f"{type(error).__name__}: {error}"}
        answer |= {"noise_floor": None, "digest": None}
    say(answer)
"""
_ANSWER = frozenset({"seconds", "steps", "status", "error", "noise_floor", "digest"})


class Worker:
    """A process that runs cells with its own lpbench, one after the other; a context manager.

    command      a Python interpreter, as `parse_reference` gives it; None: this one, with the lpbench that runs here
    config_dir   a folder with the user's yamls and modules
    timeout      seconds a cell may take, from question to answer
    steps        of a measurement, by cell; two workers that share it take equally many
    about        `version` and `file` of its lpbench

    Entering, and every call, raise LpbenchError when the process cannot be started, has no lpbench, ends, answers
    nonsense or takes too long.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        config_dir: Path | str | None = None,
        timeout: float = 600.0,
        steps: dict[str, int] | None = None,
    ):
        self.command = [sys.executable] if command is None else list(command)
        self.side = "candidate" if command is None else "reference"
        self.config_dir = None if config_dir is None else str(Path(config_dir).absolute())
        self.timeout = timeout
        self.steps = {} if steps is None else steps
        self.about: dict[str, Any] = {}
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._said: deque[str] = deque(maxlen=1)  # the last line on stderr
        self._warm: set[str] = set()

    def __enter__(self) -> Worker:
        # `python -c` imports from where it stands: not from ours.
        self._folder = tempfile.TemporaryDirectory()
        self._process = process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._stdin = process.stdin
        self._readers = [
            (threading.Thread(target=self._read, args=(pipe, put, pipe is process.stdout), daemon=True), pipe)
            for pipe, put in ((process.stdout, self._answers.put), (process.stderr, self._hear))
        ]
        for thread, _ in self._readers:
            thread.start()
        try:
            self.about = self._answer(frozenset({"version", "file"}))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __call__(self, choices: Mapping[str, Any]) -> dict[str, Any]:
        """Run a cell: its `seconds`, `steps` (done), `status`, `error`, `noise_floor` and `digest`."""
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended: the answer says so
            self._process.stdin.write(json.dumps(arguments(choices)) + "\n")
            self._process.stdin.flush()
        return self._answer(_ANSWER)

    def seconds(self, choices: Mapping[str, Any]) -> float:
        """Seconds per step, of a run of SHORTEST seconds or more: of more steps than the cell has where it is shorter.

        The first call for a cell compiles its kernels and finds how many steps that takes. Raises LpbenchError also
        for a cell that this side cannot run.
        """
        key = json.dumps(arguments(choices))
        if key not in self._warm:
            self._timed(choices)
            seconds, steps = self._timed(choices)
            self.steps[key] = max(self.steps.get(key, steps), math.ceil(steps * SHORTEST / seconds))
            self._warm.add(key)
            return seconds / steps
        seconds, steps = self._timed({**choices, "steps": self.steps[key]})
        return seconds / steps

    def close(self) -> None:
        """End the process: at once, if it waits for a cell, else within seconds."""
        process = self._process
        with suppress(OSError):
            self._stdin.close()
        for stop in (process.terminate, process.kill):
            try:
                process.wait(1)
                break
            except subprocess.TimeoutExpired:
                stop()
        process.wait()
        for thread, pipe in self._readers:
            thread.join(1)
            if not thread.is_alive():  # a grandchild may hold the pipe
                pipe.close()
        self._folder.cleanup()

    def _start(self) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                [*self.command, "-c", _SCRIPT, json.dumps(self.config_dir)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                env=_environment(self.side),
                cwd=self._folder.name,
            )
        except OSError as error:
            self._folder.cleanup()
            raise self._error(f"cannot be started: {error.strerror}") from None

    def _hear(self, line: str) -> None:
        if line.strip():
            self._said.append(line.strip())

    def _read(self, pipe: IO[str], put: Callable[[str], object], end: bool) -> None:
        for line in pipe:
            put(line)
        if end:
            self._answers.put(None)

    def _answer(self, expected: frozenset[str]) -> dict[str, Any]:
        """The next answer; `expected`: the keys that it must hold."""
        try:
            line = self._answers.get(timeout=self.timeout)
        except queue.Empty:
            self._process.kill()
            raise self._error(f"gave no answer within {self.timeout:g} s") from None
        if line is None:
            self._answers.put(None)  # for whoever asks again
            self._readers[1][0].join(1)
            raise self._error(f"ended (exit code {self._process.wait()})")
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not expected <= answer.keys():
            raise self._error(f"answered nonsense, {line.strip()[:80]!r}")
        return answer

    def _timed(self, choices: Mapping[str, Any]) -> tuple[float, int]:
        answer = self(choices)
        if answer["status"] == "failed" or not (answer["seconds"] > 0 and answer["steps"] > 0):
            reason = answer["error"] or f"{answer['steps']} steps in {answer['seconds']} s"
            raise self._error(f"cannot time {json.dumps(arguments(choices))}: {reason}")
        return answer["seconds"], answer["steps"]

    def _error(self, what: str) -> LpbenchError:
        said = f"; its last words: {self._said[-1]}" if self._said else ""
        return LpbenchError(f"{self.side} ({shlex.join(self.command)}): {what}{said}")


def _environment(side: str) -> dict[str, str]:
    """The environment of a side: the reference must not find our lpbench, the candidate must."""
    if side == "reference":
        return {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    home = str(Path(__file__).parents[2])
    if home in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        return dict(os.environ)
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def workers(
    command: Sequence[str], config_dir: Path | str | None = None, timeout: float = 600.0
) -> Iterator[tuple[Callable[[Mapping[str, Any]], float], Callable[[Mapping[str, Any]], float]]]:
    """`Worker.seconds` of the reference and of the candidate, which take equally many steps: what `compare` opens."""
    steps: dict[str, int] = {}
    with (
        Worker(command, config_dir, timeout, steps) as reference,
        Worker(None, config_dir, timeout, steps) as candidate,
    ):
        yield reference.seconds, candidate.seconds
