"""Constants of problems and what the theory promises from them. Shares no code with the runs that it judges."""
