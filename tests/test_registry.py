"""Plug-ins: what they may do to us, what belongs to them, and which names are theirs to take."""

import importlib.metadata
import subprocess
import sys

import pytest

from lpbench import cli, registry
from lpbench.arithmetic import jit
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


FORMAT = """
from lpbench.formats.fixed import Fixed
from lpbench.registry import formats

formats.register("{name}")(type("Mine", (Fixed,), {{"__module__": __name__}}))
"""


@pytest.mark.parametrize("kind", ["format", "algorithm"])
def test_a_plug_in_cannot_take_a_name_of_ours(tmp_path, kind):
    source = FORMAT.format(name="block") if kind == "format" else ALGORITHM.format(name="halp")
    (tmp_path / "takes_names.py").write_text(source)
    taken = (
        "'block' .* taken by lpbench.formats.block"
        if kind == "format"
        else "'halp' .*lpbench.algorithms.halp"
    )
    with pytest.raises(ConfigError, match=f"takes_names.py: {kind} {taken}; choose another"):
        registry.load_plugins(tmp_path)
    assert (
        getattr(registry, f"{kind}s")
        .get("halp" if kind == "algorithm" else "block")
        .__module__.startswith("lp")
    )


def test_the_name_is_taken_even_where_ours_comes_later(tmp_path):
    (tmp_path / "too_early.py").write_text(ALGORITHM.format(name="halp"))
    code = (
        "import sys; from pathlib import Path; from lpbench import registry\n"
        "assert 'lpbench.algorithms.halp' not in sys.modules\n"
        "try: registry.load_plugins(Path(sys.argv[1]))\n"
        "except registry.ConfigError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert "'halp' of module too_early: the name is taken by lpbench.algorithms.halp" in done.stdout


def test_two_plug_ins_of_one_name(tmp_path):
    for name in ("first_of_two", "second_of_two"):
        (tmp_path / f"{name}.py").write_text(ALGORITHM.format(name="contested"))
    with pytest.raises(
        ConfigError, match=r"second_of_two.py: algorithm 'contested' .* taken by first_of_two"
    ):
        registry.load_plugins(tmp_path)


def test_a_theorem_of_ones_own_cannot_take_a_name_of_ours(tmp_path):
    (tmp_path / "my_theorem.py").write_text(
        "from lpbench.theory.theorem import theorem\n\n@theorem('1b', 'x', frozenset({'lp_sgd'}))\ndef f(s): ...\n"
    )
    with pytest.raises(
        ConfigError, match=r"bound '1b' of module my_theorem: the name is taken by lpbench\.theory"
    ):
        registry.load_plugins(tmp_path)


def plugin_with_helpers(folder):
    """A plug-in that imports a module beside it, one in a package beside it, one from there, and what is installed."""
    (folder / "has_helpers.py").write_text(
        "import numpy, json, lpbench.arithmetic.ops\nfrom _near import A\nimport box_of.b\n"
    )
    (folder / "_near.py").write_text("A = 1\n")
    (folder / "box_of").mkdir()
    (folder / "box_of" / "__init__.py").write_text("")
    (folder / "box_of" / "b.py").write_text("from .c import C\n\ndef later():\n    import _late\n")
    (folder / "box_of" / "c.py").write_text("C = 3\n")
    (folder / "_late.py").write_text("")
    return {"has_helpers.py", "_near.py", "box_of/__init__.py", "box_of/b.py", "box_of/c.py", "_late.py"}


def test_helpers_beside_a_plug_in_can_be_imported_and_belong_to_it(tmp_path):
    expected = plugin_with_helpers(tmp_path)
    assert registry.load_plugins(tmp_path) == [tmp_path / "has_helpers.py"]
    ours = {str(f.relative_to(tmp_path)) for f in registry.plugin_files() if f.is_relative_to(tmp_path)}
    assert ours == expected
    assert {path for path, _ in registry.plugin_sources()} >= expected
    assert not any("numpy" in str(file) for file in registry.plugin_files())


@pytest.mark.parametrize("helper", ["_near.py", "box_of/c.py", "_late.py"])
def test_an_edit_of_a_helper_is_compiled_anew(tmp_path, helper):
    plugin_with_helpers(tmp_path)
    registry.load_plugins(tmp_path)
    before = jit.source_digest()
    assert jit.source_digest() == before
    (tmp_path / helper).write_text("A = C = 2\n")
    assert jit.source_digest() != before


def test_a_helper_of_another_folder_is_not_taken_for_ones_own(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"asks_{name}.py").write_text("import _same_name\n")
        (tmp_path / name / "_same_name.py").write_text("")
    registry.load_plugins(tmp_path / "one")
    with pytest.raises(ConfigError, match=r"two/_same_name\.py: the module name '_same_name' is taken"):
        registry.load_plugins(tmp_path / "two")
