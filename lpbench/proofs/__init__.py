"""What is proven before anything runs: `lpbench bounds` and `lpbench bits`."""
