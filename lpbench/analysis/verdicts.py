"""The verdicts of a check, for what decides them and for what shows them."""

# The worst first.
VERDICTS = (
    BOUND_BROKEN, FAILED, WORSE, MISSING, CHANGED, UNDECIDED, UNTESTED, NEW, BETTER, SAME, IDENTICAL,
) = (
    "bound broken", "failed", "worse", "missing", "definition changed", "undecided", "untested", "new", "better",
    "same", "identical",
)  # fmt: skip
# A change by less is none, however sure.
LEAST_CHANGE = 1.10  # of gaps
LEAST_OF_NETWORKS = 1.05  # of errors and losses: two points of an error of 40 %
