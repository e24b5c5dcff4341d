"""Many cells: the plan of a sweep, and its run."""
