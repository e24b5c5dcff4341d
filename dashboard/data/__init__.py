"""What the pages read: sweeps, their groups, baselines and history; numbers, never figures."""
