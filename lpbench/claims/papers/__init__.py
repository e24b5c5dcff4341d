"""The claims, one file each, found by being here."""
