"""What the figures were measured on."""

import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path

PACKAGES = ("lpbench", "numpy", "numba", "torch", "qtorch", "torchao", "ml_dtypes", "benchopt")
_VERSIONS = """
import importlib.metadata as m, json, sys
found = {}
for name in sys.argv[1:]:
    try: found[name] = m.version(name)
    except m.PackageNotFoundError: found[name] = None
print(json.dumps(found))
"""


def facts(peers: str) -> dict[str, str]:
    """The processor, its cores and caches, the load, and the versions; `peers` is the interpreter of the peers."""
    answer = subprocess.run([peers, "-c", _VERSIONS, *PACKAGES], capture_output=True, text=True, check=True)
    versions = json.loads(answer.stdout)
    for name in ("lpbench", "numpy", "numba"):
        versions[name] = importlib.metadata.version(name)
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "caches": _caches(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "versions": ", ".join(f"{name} {version or 'not installed'}" for name, version in versions.items()),
    }


def _processor() -> str:
    source = Path("/proc/cpuinfo")
    if source.exists():
        lines = [line.split(":", 1) for line in source.read_text().splitlines() if ":" in line]
        found = {key.strip(): value.strip() for key, value in lines}
        model = f"family {found['cpu family']} model {found['model']}" if "cpu family" in found else ""
        return f"{found.get('model name', platform.processor())} ({model})" if model else platform.machine()
    return platform.processor() or platform.machine()


def _caches() -> str:
    sizes = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        sizes.append(f"L{level}{'i' if kind == 'Instruction' else ''} {size}")
    return ", ".join(sizes) or "unknown"
