"""Repeatable speed comparisons: `python -m benchmarks` prints one table, with the machine and the versions."""
