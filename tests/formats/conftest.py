"""Formats without a compiler: what one promises holds for its definition, of which kernels are one execution."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def by_tensors() -> Iterator[None]:
    """`quantize` of arrays goes by tensor operations too; test_quantize.py shows that kernels give the same bits."""
    import torch

    from lpbench.formats import quantize as quantizing

    def by_tensor(array: Any, form: Any, rounding: str, random: Any, out: Any, held: Any) -> None:
        tensor = torch.from_numpy(np.array(array))
        words = torch.from_numpy(np.array(random)) if isinstance(random, np.ndarray) else random
        out[...] = quantizing.round_tensor(tensor, form, rounding, words, held).numpy()

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the arrays are small: threads would wait for one another
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantizing, "_round", by_tensor)
        yield
    torch.set_num_threads(threads)
