"""The compiled step works on 32-bit lanes throughout: one operation widened to 64 bits would halve its speed."""

import platform
import re
from pathlib import Path

import pytest
import tiny

from lpbench.convex.drive import drive

CPUINFO = Path("/proc/cpuinfo")
AVX512 = (
    platform.machine() == "x86_64"
    and CPUINFO.exists()
    and {"avx512f", "avx512dq"} <= set(CPUINFO.read_text().split())
)


@pytest.mark.skipif(not AVX512, reason="reads instructions of AVX-512")
def test_fixed_point_steps_in_float32_are_vectors_of_32_bits():
    on, choices, _ = tiny.KERNELS["lp_sgd squared fixed 32"]
    tiny.walk(tiny.ready(tiny.problem(**on), **choices), 2)
    (assembly,) = (
        text
        for signature, text in drive.compiled.inspect_asm().items()
        if "CodeGrid(float32" in str(signature) and "Stochastic32" in str(signature)
    )
    widened = re.findall(r"\b(vcvtu?qq2ps|vpmovzxdq|vpmovsxdq|vpmuludq|vpmullq)\b", assembly)
    assert not widened, f"64-bit operations between 32-bit ones: {sorted(set(widened))}"
    assert re.search(r"\bvpmulld\b.*[yz]mm", assembly), "the generator's multiplications are not vectors"
    assert re.search(r"\bvrndscaleps\b.*[yz]mm", assembly), "the rounding is not a vector operation"
