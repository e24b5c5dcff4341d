"""The theorems, one file each, found by being here; docs/theory.md holds statements and proofs under the same names."""
