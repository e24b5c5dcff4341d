"""A solver that computes for ten milliseconds."""

import time

from benchopt import BaseSolver


class Solver(BaseSolver):
    """Busy for 10 ms, whatever the number."""

    name = "busy"
    sampling_strategy = "run_once"
    parameters = {"number": list(range(50))}  # noqa: RUF012

    def set_objective(self, start):
        self.start = start

    def run(self, _):
        end = time.perf_counter() + 0.01
        while time.perf_counter() < end:
            pass

    def get_result(self):
        return {"result": self.start + self.number}
