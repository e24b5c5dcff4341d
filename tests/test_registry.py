"""Plug-ins: what they may do to us, what belongs to them, and which names are theirs to take."""

import importlib.metadata
import sys

import pytest

from lpbench import cli, registry
from lpbench.errors import ConfigError

ALGORITHM = '''
from lpbench.registry import algorithms

@algorithms.register("{name}")
class Mine:
    """Calls sys.exit."""

    version = 1
    reads = frozenset()

    def prepare(self, setup):
        import sys

        sys.exit(0)
'''


@pytest.fixture(autouse=True)
def no_traces(monkeypatch, tmp_path):
    """What a plug-in leaves in this process is gone after the test."""
    monkeypatch.setattr(registry, "_plugins", registry._plugins.copy())
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("end", ["sys.exit(0)", "raise GeneratorExit", "1 / 0"])
def test_a_module_that_ends_its_import_is_named(tmp_path, end, capsys, monkeypatch):
    (tmp_path / "quitter.py").write_text(f"import sys\n{end}\n")
    monkeypatch.chdir(tmp_path)
    assert cli.run(["sweep", "--config-dir", str(tmp_path), "steps=10", "dimension=4"]) == 2
    assert "quitter.py: cannot be imported: " in capsys.readouterr().err
    assert "quitter" not in sys.modules
    assert not (tmp_path / "runs").exists()


def test_an_entry_point_that_ends_its_import_is_named(tmp_path, monkeypatch):
    (tmp_path / "quits_too.py").write_text("import sys\nsys.exit(0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    point = importlib.metadata.EntryPoint("mine", "quits_too", "lpbench")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    monkeypatch.setattr(registry, "_entry_points_loaded", False)
    with pytest.raises(
        ConfigError, match=r"entry point 'mine' \(quits_too\): cannot be imported: SystemExit: 0"
    ):
        registry._load_entry_points()


def test_a_cell_that_calls_exit_failed_and_the_sweep_says_so(tmp_path, capsys, monkeypatch):
    (tmp_path / "exits.py").write_text(ALGORITHM.format(name="exits"))
    (tmp_path / "algorithm").mkdir()
    (tmp_path / "algorithm" / "exits.yaml").write_text("# @package _global_\nalgorithm: exits\n")
    monkeypatch.chdir(tmp_path)
    grid = ["problem=family_q", "dimension=4", "steps=20", "algorithm=exits,sgd", "seed=range(2)"]
    assert cli.run(["sweep", "--config-dir", str(tmp_path), *grid]) == 3
    err = capsys.readouterr().err
    assert "2 failed" in err
    assert "SystemExit: 0 (prepare)" in err


def test_a_command_in_which_something_calls_exit_is_no_success(capsys, monkeypatch):
    monkeypatch.setattr(cli, "_call", lambda arguments: sys.exit(0))
    assert cli.run(["list"]) == 1
    assert "internal error: SystemExit" in capsys.readouterr().err
