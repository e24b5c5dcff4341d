"""A measurement of `lpbench speed` as its file has it, made up."""

from typing import Any

NUMBERS = {"float32": 4, "int16": 2, "int8": 1}
PAIRS = ("SVRG, HALP", "SGD, LP-SGD")


def measured(
    at: str = "2026-11-30T00:48:23.123+00:00", host: str = "here", factor: float = 1.0, **more: Any
) -> dict[str, Any]:
    """int8 is `factor` * 3 times as fast as float32 in a step at 1024 dimensions, a third more at 4096."""
    cores = (1, 2)
    steps = [
        {"dimension": d, "algorithm": pair, "numbers": name, "cores": used, "ns_coordinate": 0.2 / used * size / 4,
         "bytes_coordinate": size, "gb_s": 20.0 * used, "ratio": ratio(name, factor) * (1 if d == 1024 else 4 / 3)
         if name != "float32" else 1.0}
        for d in (1024, 4096) for pair in PAIRS for used in cores for name, size in NUMBERS.items()
    ]  # fmt: skip
    loops = [
        {"dimension": d, "numbers": name, "loop_ms": 30.0 / ratio(name, factor), "full_gradient_ms": 5.0,
         "ratio": ratio(name, factor)}
        for d in (1024, 4096) for name in NUMBERS
    ]  # fmt: skip
    gaps = [
        {"gap": gap, "numbers": name, "loops": k, "ms": 30.0 * k / ratio(name, factor), "ratio": ratio(name, factor)}
        for k, gap in ((3, 1e-2), (5, 1e-4), (7, 1e-6)) for name in NUMBERS
    ]  # fmt: skip
    courses = {name: [[0.03 * k / ratio(name, factor), 10.0**-k] for k in range(7)] for name in NUMBERS}
    machine = {
        "cpu": "a chip", "cores": 2, "instructions": "AVX-512 VNNI, AVX-512, AVX2, SSE4.2",
        "last_level_cache": 2**25, "numbers": 2**26, "read_gb_s_1": 22.0, "read_gb_s_2": 40.0, "copy_gb_s_1": 20.0,
        "copy_gb_s_2": 36.0,
    }  # fmt: skip
    return {
        "schema": 1, "machine": machine, "steps": steps, "loops": loops, "gaps": gaps, "courses": courses,
        "precision": 16, "rounds": 9, "measured_at": at, "lpbench_version": "0.2.0", "git_commit": "f" * 40,
        "host": host, "cpu": "a chip", **more,
    }  # fmt: skip


def ratio(numbers: str, factor: float) -> float:
    """float32 over a type of numbers, in steps, loops and gaps alike."""
    return {"float32": 1.0, "int16": 1.5 * factor, "int8": 3.0 * factor}[numbers]
