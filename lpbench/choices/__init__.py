"""What a cell is: the keys, expressions in them, one cell, axes and grids, and what Hydra makes of overrides."""
