"""The papers' claims: for each one module with its statement, its statistic over stored cells, and its figure.

A module registers a `Claim`; it is found by being there. The experiment of the same name in conf/ says which cells.
"""
