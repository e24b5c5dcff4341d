"""One cell, from its choices to its row: what is resolved, assembled, run, bounded, and what it costs."""
