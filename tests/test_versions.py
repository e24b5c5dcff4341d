"""Results are known by the version of the code that made them: who changes a kernel raises its version.

tests/data/versions.json holds, for each algorithm and format, its version and a digest of the source that decides its
results, comments and docstrings left out. `python tests/test_versions.py` writes it anew.
"""

import ast
import functools
import hashlib
import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import lpbench
from lpbench import registry
from lpbench.networks import modules

ROOT = Path(lpbench.__file__).parent
FILE = Path(__file__).parent / "data" / "versions.json"
SHARED = {
    "format": ["arithmetic/ops", "arithmetic/rounding", "formats/base"],
    "algorithm": [
        "arithmetic/ops", "arithmetic/dot", "arithmetic/elementary", "arithmetic/products", "arithmetic/generator",
        "arithmetic/rounding", "arithmetic/vectors", "arithmetic/integer", "convex/integer", "convex/ahead",
        "convex/rows", "convex/losses", "convex/gradients", "convex/update", "convex/step_sizes",
        "convex/gap", "convex/drive", "convex/sums",
        "cells/points", "cells/binding", "formats/base", "algorithms/base",
    ],
    "problem": [  # the networks: of the others, the identity holds what decides them
        "arithmetic/ops", "arithmetic/elementary", "arithmetic/generator", "arithmetic/rounding",
        "arithmetic/tiles", "arithmetic/vectors", "arithmetic/lanes", "arithmetic/hadamard",
        "arithmetic/bound", "formats/base", "formats/quantize", "networks/architecture", "networks/assembly",
        "networks/centres",
        "networks/net", "networks/operands", "networks/passes", "networks/roles", "networks/rounding", "networks/sums",
        "networks/training", "networks/updates", "networks/watching",
        "cells/points", "cells/networks", "problems/network",
    ],
    "engine": [  # torch; the compiled one is that of the problems
        "arithmetic/generator", "arithmetic/rounding", "arithmetic/bound", "arithmetic/lanes", "arithmetic/vectors",
        "formats/base",
        "formats/quantize", "networks/flat", "networks/rounding", "networks/roles", "networks/assembly",
        "networks/updates", "isolation", "networks/modules/layers", "networks/modules/networks",
        "networks/modules/optimizer",
        "networks/modules/probing", "networks/modules/products", "networks/modules/quantizing",
        "networks/modules/rounding", "networks/modules/uses", "cells/points",
        "cells/networks", "cells/modules", "problems/modules", "problems/network",
    ],
}  # fmt: skip


def shape(node: Any) -> Any:
    """A syntax tree as nested lists, without docstrings, places and what differs between versions of Python."""
    if isinstance(node, ast.AST):
        fields = dict(ast.iter_fields(node))
        body = fields.get("body")
        if isinstance(body, list) and not isinstance(node, ast.If | ast.For | ast.While | ast.With | ast.Try):
            fields["body"] = [
                s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
            ]
        kept = [
            [name, shape(value)]
            for name, value in sorted(fields.items())
            if name not in ("ctx", "kind", "type_params")
        ]
        return [type(node).__name__, [pair for pair in kept if pair[1] not in (None, [])]]
    if isinstance(node, list):
        return [shape(one) for one in node]
    return node if node is None or isinstance(node, str) else repr(node)


@functools.cache
def text_digest(text: str) -> bytes:
    return hashlib.sha256(json.dumps(shape(ast.parse(text))).encode()).digest()


def digest(sources: list[Path]) -> str:
    return hashlib.sha256(b"".join(text_digest(source.read_text("utf-8")) for source in sources)).hexdigest()[
        :16
    ]


def own_sources(kind: str, thing: Any) -> list[Path]:
    """The file that defines it, and those of the same folder that it imports."""
    folder = ROOT / f"{kind}s"
    module = thing.__module__ if isinstance(thing, type) else type(thing).__module__
    waiting, found = [module.rpartition(".")[2]], set()
    while waiting:
        name = waiting.pop()
        if name == "base" or name in found:
            continue
        found.add(name)
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and re.fullmatch(
                rf"lpbench\.{kind}s\.\w+", node.module or ""
            ):
                waiting.append(str(node.module).rpartition(".")[2])
    return [folder / f"{name}.py" for name in sorted(found)]


def measured() -> dict[str, dict[str, dict[str, Any]]]:
    """What the file should hold."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for kind, shared in SHARED.items():
        common = [ROOT / f"{name}.py" for name in shared]
        if kind == "engine":
            found[kind] = {"torch": {"version": modules.VERSION, "digest": digest(common)}}
            continue
        things, found[kind] = getattr(registry, f"{kind}s"), {}
        for name in things.names():
            thing = things.get(name)
            home = thing.__module__ if isinstance(thing, type) else type(thing).__module__
            # Not those of the tests' own plug-ins.
            if home.startswith("lpbench.") and (kind != "problem" or hasattr(thing, "engine")):
                by_torch = kind == "problem" and "compiled" not in thing.engines
                found[kind][name] = {
                    "version": thing.version,
                    "digest": digest([*([] if by_torch else common), *own_sources(kind, thing)]),
                }
    return found


@pytest.mark.parametrize("kind", SHARED)
def test_code_that_changes_raises_its_version(kind):
    kept, now = json.loads(FILE.read_text("utf-8"))[kind], measured()[kind]
    assert sorted(kept) == sorted(now), "a thing came or went: run `python tests/test_versions.py`"
    changed = [name for name in now if now[name]["digest"] != kept[name]["digest"]]
    stale = [name for name in changed if now[name]["version"] == kept[name]["version"]]
    assert not stale, (
        f"the code behind {', '.join(stale)} changed, their version did not. If results change, in however few bits, "
        f"raise `version` of each {kind} named here (stored results are then computed anew); if they do not, "
        "leave it: `python -m lpbench.regression.golden` says which. Then run `python tests/test_versions.py`"
    )
    assert not changed, "versions were raised: run `python tests/test_versions.py` to keep the new digests"
    assert {name: now[name]["version"] for name in now} == {name: kept[name]["version"] for name in kept}


def test_the_digest_sees_code_and_nothing_else(tmp_path):
    source = tmp_path / "a.py"

    def of(text: str) -> str:
        source.write_text(text)
        return digest([source])

    plain = of("def f(x):\n    return x + 1\n")
    assert of('"""Module."""\ndef f(x):\n    """Says what."""\n    # why\n    return (x  +  1)\n') == plain
    assert of("def f(x):\n    return x + 2\n") != plain
    assert of("def f(x):\n    return x - 1\n") != plain
    assert of("def f(y):\n    return y + 1\n") != plain


def test_every_file_that_holds_kernels_is_watched():
    watched = {ROOT / f"{name}.py" for names in SHARED.values() for name in names}
    for kind in ("format", "algorithm", "problem"):
        watched |= {
            source
            for name in measured()[kind]
            for source in own_sources(kind, getattr(registry, f"{kind}s").get(name))
        }
    timed = {
        ROOT / "algorithms" / "single.py",
        ROOT / "speed" / "machine.py",
    }  # of `lpbench speed`: nothing is stored
    for source in {*ROOT.rglob("*.py")} - timed:
        text = source.read_text("utf-8")
        if "@inner" in text or "@kernel" in text or ".case(" in text:
            # Two hold public functions; jit.py the decorators.
            assert source in watched or source.name in ("quantize.py", "accumulate.py", "jit.py"), source


if __name__ == "__main__":
    for package in ("lpbench.formats", "lpbench.algorithms", "lpbench.problems"):
        importlib.import_module(package)
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(measured(), indent=2) + "\n", "utf-8")
    sys.stdout.write(f"wrote {FILE}\n")
