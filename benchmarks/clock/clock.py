"""Says at its end how long this process computed, without those that it started: `--config-dir` brings it in."""

import atexit
import sys
import time

atexit.register(lambda: print(f"computed {time.process_time():.3f} s", file=sys.stderr))
