"""The compiled engine of convex problems: samples and losses as kernels, the gap, the update, step sizes."""
