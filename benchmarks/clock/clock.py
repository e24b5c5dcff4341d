"""Says how long the driver of a sweep computed, without the processes that it started: `--config-dir` brings it in."""

import sys
import time
from typing import Any

from lpbench.store import writer

compact = writer.compact_locked


def timed(*arguments: Any) -> None:
    """Compact, and say the process's seconds before it and of it."""
    before = time.process_time()
    compact(*arguments)
    print(f"handed out in {before:.3f} s, compacted in {time.process_time() - before:.3f} s", file=sys.stderr)


writer.compact_locked = timed
