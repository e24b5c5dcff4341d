"""One file a chart: `figure(cells)` makes it."""
