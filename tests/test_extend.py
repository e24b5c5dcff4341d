"""The one surface for plug-ins: what it names is there, and the pages that teach plug-ins need nothing else."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lpbench import extend

ROOT = Path(__file__).parent.parent
PAGES = ("docs/adding.md", "CONTRIBUTING.md")


def test_every_name_is_there():
    assert [name for name in extend.__all__ if getattr(extend, name) is None] == []


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'quantise'"):
        extend.quantise  # noqa: B018


def test_types_are_checked_for_the_names_that_are_loaded():
    tree = ast.parse(Path(extend.__file__).read_text("utf-8"))
    seen = {
        (alias.asname, f"{node.module}.{alias.name}")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lpbench.")
        for alias in node.names
    }
    assert seen == set(extend._PLACES.items())


def test_a_dataset_needs_no_numba():
    code = "import sys; from lpbench.extend import Data, Dataset, datasets; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("page", PAGES)
def test_examples_import_from_it_alone(page):
    found = re.findall(r"^(?:from|import) (lpbench\S*)", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert found
    assert set(found) <= {"lpbench", "lpbench.extend"}
