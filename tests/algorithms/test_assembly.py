"""The compiled step works on 32-bit lanes throughout: one operation widened to 64 bits would halve its speed."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

CPUINFO = Path("/proc/cpuinfo")
AVX512 = (
    platform.machine() == "x86_64"
    and CPUINFO.exists()
    and {"avx512f", "avx512dq"} <= set(CPUINFO.read_text().split())
)


PARTS = ("SgdState", "CodeGrid(float32", "Stochastic(uint32, float32")
# In a process with a cache of its own: what another one compiled and stored has no assembly to read.
ASK = f"""
import tiny
from lpbench.convex.drive import drive
on, choices, _ = tiny.KERNELS["lp_sgd squared fixed 32"]
tiny.walk(tiny.ready(tiny.problem(**on), **choices), 2)
for signature, text in drive.compiled.inspect_asm().items():
    if all(part in str(signature) for part in {PARTS!r}):
        print(text)
"""


@pytest.mark.skipif(not AVX512, reason="reads instructions of AVX-512")
def test_fixed_point_steps_in_float32_are_vectors_of_32_bits(tmp_path):
    tests = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True,
        env={**os.environ, "LPBENCH_CACHE": str(tmp_path), "PYTHONPATH": tests},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assembly = done.stdout
    assert assembly
    widened = re.findall(r"\b(vcvtu?qq2ps|vpmovzxdq|vpmovsxdq|vpmuludq|vpmullq)\b", assembly)
    assert not widened, f"64-bit operations between 32-bit ones: {sorted(set(widened))}"
    assert re.search(r"\bvpmulld\b.*[yz]mm", assembly), "the generator's multiplications are not vectors"
    assert re.search(r"\bvrndscaleps\b.*[yz]mm", assembly), "the rounding is not a vector operation"
