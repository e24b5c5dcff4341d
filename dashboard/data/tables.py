"""Tables of numbers as files."""

from __future__ import annotations

import io
from collections.abc import Callable

from lpbench.escaping import csv_text
from lpbench.terminal import Table


def as_csv(data: Table) -> bytes:
    """Comma-separated, numbers in full."""
    return csv_text(data.columns, data.rows).encode()


def as_parquet(data: Table) -> bytes:
    """One Parquet file."""
    import pandas as pd

    target = io.BytesIO()
    pd.DataFrame(data.records(), columns=list(data.columns)).to_parquet(target)
    return target.getvalue()


WRITERS: dict[str, Callable[[Table], bytes]] = {"csv": as_csv, "parquet": as_parquet}
