"""The optimum of a problem, over all weights or a box, solved in one order on every machine, judged, and cached."""
