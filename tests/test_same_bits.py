"""One lpbench, one set of bits: whatever BLAS, numpy and the C library pick for a processor, on however many threads.

Processes that are told to be other machines build problems and run cells anew; nothing is read that another one solved.
"""

import functools
import json
import os
import subprocess
import sys

import pytest

PROBLEMS = [
    {"problem": "least_squares", "dimension": 40, "n_samples": 150},
    {"problem": "least_squares", "dimension": 130, "n_samples": 50},
    {"problem": "least_squares", "dataset": "diabetes", "dimension": 60},
    {"problem": "logistic_regression"},
    {"problem": "logistic_regression", "dataset": "digits", "n_samples": 200},
    {"problem": "logistic_regression", "dataset": "breast_cancer", "dimension": 70, "scaling": "standard"},
    {"problem": "squared_hinge", "dataset": "breast_cancer"},
    {"problem": "family_s", "dimension": 64, "k": 64},
    {"problem": "family_e", "dimension": 64},
]
SMALL = {"epochs": 4, "record_points": 8, "even_points": 8}
RUNS = [
    {**SMALL, **PROBLEMS[4], "algorithm": "lp_sgd", "precision": 8, "batch_size": 4, "step_size": "0.1/L_f"},
    {**SMALL, **PROBLEMS[0], "algorithm": "halp", "precision": 8},
    {**SMALL, **PROBLEMS[5], "algorithm": "halp", "precision": 16, "arithmetic": "integer"},
    {
        "problem": "cnn",
        "dataset": "digits",
        "dimension": 20,
        "format": "block",
        "recipe": "all",
        "steps": 40,
        "error_format": "fp8_e5m2",
        "master_format": "none",
        "even_points": 2,
        "schedule": "cosine",
    },
]
SCRIPT = """
import hashlib, json, sys
import lpbench
from lpbench.cells import binding
from lpbench.problems.build import build
from lpbench.problems.solving import cache
from lpbench.registry import datasets
import numpy as np

cache.load = lambda *key: None
cache.save = lambda *solved: None

def bits(x):
    return hashlib.sha256(np.ascontiguousarray(x).tobytes()).hexdigest()[:12]

found = []
for choices in json.loads(sys.argv[1]):
    problem = build(choices)
    _, judge = binding.kernel_problem(problem, np.float64)
    found += [[name, choices, bits(part)] for name, part in judge._asdict().items() if isinstance(part, np.ndarray)]
    found += [["X", choices, "" if problem.X is None else bits(problem.X)], ["y", choices, bits(problem.y)]]
    found += [["f*", choices, problem.f_star]]
    found += [[name, choices, value] for name, value in problem.constants.items()]
for name in ("breast_cancer", "digits", "teacher"):  # mnist1d compares its digest itself
    found += [["samples", name, bits(part)] for part in datasets.get(name).samples({})[:4]]
for choices in json.loads(sys.argv[2]):
    row = lpbench.run(**choices)
    assert row["status"] == "ok", row["error"]
    found.append(["digest", choices, row["digest"]])
print(json.dumps(found))
"""
OLD = "X86_V3 X86_V4 AVX2 FMA3 AVX512F AVX512_SKX"  # as the numpys of today and of yesterday name them
THIS = {"OPENBLAS_NUM_THREADS": "2"}
MACHINES = {
    "one without vectors, on one thread": {
        "OPENBLAS_CORETYPE": "Prescott",
        "OPENBLAS_NUM_THREADS": "1",
        "NPY_DISABLE_CPU_FEATURES": OLD,
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2,-FMA_Usable,-AVX2_Usable",
    },
    **{
        f"{core}, {threads} threads": {"OPENBLAS_CORETYPE": core, "OPENBLAS_NUM_THREADS": threads}
        for core in ("Nehalem", "Sandybridge", "Haswell", "Zen", "SkylakeX")
        for threads in ("1", "2")
    },
}


def of_machine(environment: dict[str, str], runs: list) -> list:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(PROBLEMS), json.dumps(runs)],
        env={**os.environ, **environment}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@functools.cache
def here() -> list:
    return of_machine(THIS, RUNS)


def differences(found: list) -> list:
    return [(there, mine) for there, mine in zip(found, here(), strict=True) if there != mine]


NEEDS = {
    "SkylakeX": "avx512vl",
    "skylake-avx512": "avx512vl",
    "Haswell": "fma",
    "Zen": "fma",
    "Sandybridge": "avx",
}


def runs_here(machine: str) -> bool:
    """Whether this processor has what the kernels of that OpenBLAS core or numba processor need."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = file.read().split()
    return NEEDS.get(machine.partition(",")[0], "sse4_2") in flags


@pytest.mark.skipif(sys.platform != "linux", reason="the variables are those of OpenBLAS and glibc on Linux")
@pytest.mark.parametrize(
    "machine",
    [name if i == 0 else pytest.param(name, marks=pytest.mark.slow) for i, name in enumerate(MACHINES)],
)
def test_another_machine_gives_the_same_bits(machine):
    if not runs_here(machine):
        pytest.skip("this processor has no such instructions")
    assert differences(of_machine(MACHINES[machine], RUNS)) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the names are those of x86-64 processors")
@pytest.mark.parametrize("processor", ["nehalem", "skylake-avx512"])
def test_kernels_compiled_for_another_processor_give_the_same_bits(tmp_path, processor):
    if not runs_here(processor):
        pytest.skip("this processor has no such instructions")
    # Of AVX-512 the full width, which compilers avoid on that processor.
    features = "+avx512f,-prefer-256-bit" if processor == "skylake-avx512" else ""
    there = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features, "LPBENCH_CACHE": str(tmp_path)}
    assert differences(of_machine(there, RUNS)) == []
