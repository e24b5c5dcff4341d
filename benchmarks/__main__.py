"""`python -m benchmarks`: measure, print the table, and write results/latest.md and latest.json beside this file."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    dashboard,
    integers,
    machine,
    modules,
    networks,
    regression,
    report,
    rounding,
    scale,
    steps,
    sweeps,
)
from benchmarks.report import Figure

PARTS: dict[str, Callable[..., list[Figure]]] = {
    "steps": steps.measure,
    "integers": integers.measure,
    "rounding": rounding.measure,
    "networks": networks.measure,
    "modules": modules.measure,
    "sweeps": sweeps.measure,
    "dashboard": dashboard.measure,
    "regression": regression.measure,
    "scale": scale.measure,
}
RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str] | None = None) -> int:
    """Run the parts that are asked for; exit code 0 even where a target is missed: the table says so."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all)")
    parser.add_argument(
        "--peers", default=sys.executable, help="the Python that has qtorch and benchopt (this one)"
    )
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: whether it works, not how fast")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of latest.md and latest.json")
    options = parser.parse_args(arguments)
    parts = options.parts or list(PARTS)
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"unknown part {unknown[0]!r}; there are {', '.join(PARTS)}")
    facts = machine.facts(options.peers)
    print(report.heading(facts), flush=True)
    figures: list[Figure] = []
    for part in parts:
        found = PARTS[part](options.peers, options.smoke)
        print(report.table(part, found), flush=True)
        figures += found
    report.write(options.results, facts, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
