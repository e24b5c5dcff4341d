"""Constants of problems, and what the theory promises from them: no code shared with what it judges."""
