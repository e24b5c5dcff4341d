"""Peers run in a process of their own, so that they may live in another environment and cannot slow lpbench down."""

import json
import subprocess
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent / "peer_torch.py"
PATIENCE = 900  # seconds; the first import of qtorch compiles its C++


def ask(python: str, what: str, settings: dict[str, Any]) -> tuple[dict[str, list[float] | None] | None, str]:
    """Seconds of every repetition by name (None: not installed), or None and the reason."""
    words = [python, str(SCRIPT), what, json.dumps(settings)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    if done.returncode != 0:
        return None, (done.stderr.strip().splitlines() or ["no output"])[-1]
    return json.loads(done.stdout.splitlines()[-1]), ""
