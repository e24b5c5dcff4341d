import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lpbench.choices import keys
from lpbench.commands import _completion
from lpbench.store import SweepWriter

EXTENSION = Path(__file__).parents[1] / "extension"


def complete(incomplete, **parameters):
    return _completion.overrides(SimpleNamespace(params=parameters), [], incomplete)


def test_keys():
    assert complete("prec") == ["precision="]
    assert {value.removesuffix("=") for value in complete("")} == set(keys.every())
    assert complete("+exper") == ["+experiment="]


@pytest.mark.parametrize(
    ("incomplete", "offered"),
    [
        ("rounding=s", ["rounding=stochastic"]),
        ("algorithm=lp_sgd,lp_s", ["algorithm=lp_sgd,lp_sgd", "algorithm=lp_sgd,lp_svrg"]),
        ("subnormals=", ["subnormals=false", "subnormals=true"]),
        ("step_size=", ["step_size=auto"]),
        ("+experiment=dem", ["+experiment=demo"]),
        ("seed=", []),
        ("nonsense=", []),
    ],
)
def test_values(incomplete, offered):
    assert complete(incomplete) == offered


def test_yamls_of_the_users_own():
    assert "problem=toy" in complete("problem=", config_dir=str(EXTENSION))
    assert "problem=toy" not in complete("problem=")


def test_sweeps(tmp_path):
    SweepWriter(tmp_path / "demo", [], 0).close()
    context = SimpleNamespace(params={"runs_dir": str(tmp_path)})
    assert _completion.sweeps(context, [], "de") == ["demo"]
    assert _completion.sweeps(context, [], "x") == []
    assert _completion.sweeps_and_formats(context, [], "f")[0] == "fixed"
    assert _completion.overrides_and_sweeps(context, [], "d")[:2] == ["demo", "data="]
    assert _completion.overrides_and_sweeps(context, [], "rounding=s") == ["rounding=stochastic"]


def test_tags(tmp_path):
    for name, text in (("a", '{"note": "", "tags": ["paper", "old"]}'), ("b", "{"), ("c", '{"tags": 3}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "about.json").write_text(text)
    context = SimpleNamespace(params={"runs_dir": str(tmp_path)})
    assert _completion.tags(context, [], "") == ["old", "paper"]
    assert _completion.tags(context, [], "pa") == ["paper"]


def ask(environment):
    """What the shell is told; nothing that takes long to import was imported for it."""
    code = (
        "import atexit, sys; from lpbench.cli import main;"
        "heavy = {'numba', 'torch', 'pandas', 'hydra', 'scipy', 'sklearn', 'pyarrow', 'numpy'};"
        "atexit.register(lambda: sys.stderr.write(','.join(heavy & set(sys.modules)))); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.split("\n")


@pytest.mark.parametrize(
    ("words", "index", "offered"),
    [
        ("lpbench sw", 1, "sweep"),
        ("lpbench sweep prec", 2, "precision="),
        ("lpbench sweep format = fl", 4, "float"),
        ("lpbench sweep format =", 3, "float"),
        ("lpbench sweep format = fixed,fl", 4, "fixed,float"),
        ("lpbench list for", 2, "formats"),
        ("lpbench bounds prec", 2, "precision="),
    ],
)
def test_bash_takes_an_override_for_three_words(words, index, offered, monkeypatch):
    monkeypatch.setenv("_LPBENCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(index))
    assert offered in ask(dict(os.environ))


def test_zsh(monkeypatch):
    monkeypatch.setenv("_LPBENCH_COMPLETE", "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "lpbench sweep format=fixed,fl")
    lines = ask(dict(os.environ))
    assert "format=fixed,float" in lines[0]
