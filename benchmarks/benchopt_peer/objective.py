"""The smallest objective: one number."""

from benchopt import BaseObjective


class Objective(BaseObjective):
    """A number that a solver returns."""

    name = "ten milliseconds"
    sampling_strategy = "run_once"

    def set_data(self, start):
        self.start = start

    def get_objective(self):
        return {"start": self.start}

    def evaluate_result(self, result):
        return {"value": result}

    def get_one_result(self):
        return {"result": self.start}
