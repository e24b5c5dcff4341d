"""Kernels: generic functions pick their case by type, compiled and not; the cache follows the sources."""

import ctypes
import errno
import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import lpbench
from lpbench.arithmetic import jit
from lpbench.arithmetic.jit import generic, inner, kernel


class Half(NamedTuple):
    by: float


class Twice(NamedTuple):
    by: float


@generic
def change(kind, x):
    """x changed."""


@change.case(Half)
def _half(kind, x):
    return x * kind.by


@change.case(Twice)
def _twice(kind, x):
    return x + x


@generic
def extra(kind, x):
    """What is added to x."""


@extra.case(object)
def _nothing(kind, x):
    return 0.0


@extra.case(Twice)
def _three(kind, x):
    return 3.0


@inner
def add_one(x):
    return x + 1.0


@kernel
def run(kind, x):
    total = 0.0
    for j in range(x.size):
        total += add_one(change(kind, x[j])) + extra(kind, x[j])
    return total


@pytest.mark.parametrize(("kind", "expected"), [(Half(0.5), 6.0), (Twice(0.0), 15.0)])
def test_cases_are_chosen_by_type_in_both_executions(kind, expected):
    x = np.arange(4.0)
    x[0] = 0.0
    assert run(kind, x) == run.py_func(kind, x)
    assert run(kind, x) == 4 + (0.5 * 6 if isinstance(kind, Half) else 2 * 6 + 3 * 4)


def test_kernels_keep_their_docstring_and_release_the_lock():
    assert change.__doc__ == "x changed."
    assert run.__name__ == "run"
    assert run.compiled.targetoptions["nogil"]


def test_compiled_code_is_kept_in_the_cache_folder():
    run(Half(0.5), np.zeros(2))
    import numba

    folder = Path(numba.config.CACHE_DIR)
    assert folder.parent.name == "kernels"
    assert list(folder.rglob("*run*.nbi"))


def test_the_digest_follows_every_source(tmp_path, monkeypatch):
    assert Path(lpbench.__file__).parent == jit.PACKAGE
    before = jit.source_digest()
    assert jit.source_digest() == before
    plugin = tmp_path / "mine.py"
    plugin.write_text("x = 1\n")
    monkeypatch.setattr(jit.registry, "plugin_files", lambda: [plugin])
    first = jit.source_digest()
    plugin.write_text("x = 2\n")
    assert len({before, first, jit.source_digest()}) == 3


def test_importing_the_kernels_imports_no_compiler():
    code = (
        "import sys, lpbench.algorithms.halp, lpbench.algorithms.swalp, lpbench.formats.quantize, lpbench.convex.gap;"
        "sys.exit(any(name in sys.modules for name in ('numba', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_modules_may_be_imported_after_kernels_ran():
    """A session that rounds an array, or solves a convex problem, and then trains a network."""
    code = "from lpbench.arithmetic import jit; jit.load(); import lpbench.networks.training"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pure_python_needs_no_compiler():
    code = (
        "import sys, numpy as np; from lpbench.formats import quantize as q;"
        "from lpbench.arithmetic import rounding as r;"
        "from lpbench.formats import Fixed; x = np.array([[0.3, 0.6]]); f = Fixed(4, 0.5);"
        "scaling = q._Inexact(0.5, 1, 0, 0, 1e300); mode = r.make('nearest_even');"
        "q._round_rows.py_func(f.kernel(), mode, x, np.uint32(0), None, scaling, None, x);"
        "assert x.tolist() == [[0.5, 0.5]]; sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_format_that_comes_late_stays_out_of_the_cache_of_others(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    source = page[page.index('"""Ternary weights."""') :].split("\n```", 1)[0]
    (tmp_path / "ternary.py").write_text(source, encoding="utf-8")
    plain = "import lpbench; print(lpbench.quantize([0.3], 'fixed', random=[0.0])); "
    late = plain + "import ternary; print(lpbench.quantize([0.3], ternary.Ternary(), random=[0.0]))"
    for code, folder in ((late, tmp_path), (plain, tmp_path.parent)):
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def forgetful():
    """What was found out about folders is asked anew, before and after."""
    for found in (jit._usable, jit._say_unkept):
        found.cache_clear()
    yield
    for found in (jit._usable, jit._say_unkept):
        found.cache_clear()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LPBENCH_CACHE": "a", "XDG_CACHE_HOME": "b", "NUMBA_CACHE_DIR": "c"}, ("a", "a/kernels")),
        ({"XDG_CACHE_HOME": "b", "NUMBA_CACHE_DIR": "c"}, ("b/lpbench", "c/lpbench/kernels")),
        ({"XDG_CACHE_HOME": "b"}, ("b/lpbench", "b/lpbench/kernels")),
        ({"HOME": "h"}, ("h/.cache/lpbench", "h/.cache/lpbench/kernels")),
    ],
)
def test_who_names_the_cache(tmp_path, monkeypatch, forgetful, variables, expected):
    for name in ("LPBENCH_CACHE", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, folder in variables.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    assert (jit.cache_folder(), jit.kernel_folder().parent) == tuple(tmp_path / one for one in expected)


def test_a_cache_that_cannot_be_written_is_a_temporary_one_with_one_note(
    tmp_path, monkeypatch, forgetful, capsys
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LPBENCH_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(jit.tempfile, "tempdir", str(tmp_path))
    ours = tmp_path / f"lpbench-{os.getuid()}"
    assert jit.cache_folder() == jit.cache_folder() == ours
    assert ours.stat().st_mode & 0o777 == 0o700
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"file/cache cannot be written (Not a directory): the cache is {ours} instead" in err


@pytest.mark.parametrize("laid", ["open to all", "a link"])
def test_a_temporary_folder_that_others_may_have_laid_is_not_used(
    tmp_path, monkeypatch, forgetful, capsys, laid
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LPBENCH_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(jit.tempfile, "tempdir", str(tmp_path))
    theirs = tmp_path / f"lpbench-{os.getuid()}"
    if laid == "a link":
        theirs.symlink_to(tmp_path)
    else:
        theirs.mkdir()
        theirs.chmod(0o777)
    assert jit.cache_folder() == tmp_path / "file" / "cache"
    assert "nothing is cached" in capsys.readouterr().err


def kept(monkeypatch, folder):
    """A new kernel whose compiled code lies in `folder`."""
    import numba

    jit.load()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(folder))
    return kernel(add_one)


def test_compiled_code_is_found_again(tmp_path, monkeypatch):
    assert kept(monkeypatch, tmp_path)(1.0) == 2.0
    again = kept(monkeypatch, tmp_path)
    assert again(1.0) == 2.0
    assert sum(again.compiled.stats.cache_hits.values()) == 1


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("content", ["emptied", "cut", "of another program"])
def test_a_damaged_cache_is_compiled_anew_and_overwritten(tmp_path, monkeypatch, ending, content):
    kept(monkeypatch, tmp_path)(1.0)
    (file,) = tmp_path.rglob(f"*.{ending}")
    whole = file.read_bytes()
    file.write_bytes({"emptied": b"", "cut": whole[: len(whole) // 2]}.get(content, b"\x80\x04]\x94."))
    assert kept(monkeypatch, tmp_path)(1.0) == 2.0
    again = kept(monkeypatch, tmp_path)
    assert again(1.0) == 2.0
    assert sum(again.compiled.stats.cache_hits.values()) == 1


def test_a_full_disk_costs_the_cache_alone(tmp_path, monkeypatch, forgetful, capsys):
    from numba.core import caching

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_open_for_write", full)
    assert [kept(monkeypatch, tmp_path)(1.0) for _ in range(2)] == [2.0, 2.0]
    assert capsys.readouterr().err.count("cannot be kept (No space left on device)") == 1


def test_without_any_folder_kernels_are_compiled_in_every_process(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    assert kept(monkeypatch, tmp_path / "file")(1.0) == 2.0
    assert not list(Path(__file__).parent.glob("__pycache__/test_jit.add_one*"))


def without_rights():
    """In a new process of root, who may write everywhere: ask the modes of folders as everybody has to."""
    ctypes.CDLL(None).prctl(24, 1)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE


SWEEP = ["problem=family_q", "dimension=4", "steps=20", "algorithm=sgd"]


def test_the_collector_rests_while_a_kernel_is_compiled_and_no_longer(monkeypatch):
    def seen(signature):
        found.append(gc.isenabled())
        if signature == "bad":
            raise LookupError(signature)

    found: list[bool] = []
    compile = jit._by_one_process(seen, "any")
    compile("good")
    with pytest.raises(LookupError):
        compile("bad")
    assert found == [False, False]
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("home", "commands"),
    [
        (".", [["sweep", *SWEEP]]),
        pytest.param(
            "nonexistent", [["baseline", "create", "b", *SWEEP], ["check", "--baseline", "b"]],
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_a_user_without_a_home_that_can_be_written_sweeps(tmp_path, home, commands):
    (tmp_path / "home").mkdir(mode=0o500)
    (tmp_path / "tmp").mkdir()
    environment = {k: v for k, v in os.environ.items() if k not in ("LPBENCH_CACHE", "XDG_CACHE_HOME")}
    environment |= {"HOME": str(tmp_path / "home" / home), "TMPDIR": str(tmp_path / "tmp")}
    ours = tmp_path / "tmp" / f"lpbench-{os.getuid()}"
    ours.mkdir(mode=0o700)
    # The kernels of the other tests, as if an earlier command had compiled them.
    (ours / "kernels").symlink_to(jit.cache_folder() / "kernels")
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "lpbench.cli", *command],
            cwd=tmp_path,
            env=environment,
            preexec_fn=without_rights,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert f"cannot be written (Permission denied): the cache is {ours} instead" in done.stderr


def test_what_another_one_compiles_is_waited_for_and_loaded(tmp_path, monkeypatch):
    """Two threads here: the files that say whose turn it is are locked as between processes."""
    theirs, ours = kept(monkeypatch, tmp_path), kept(monkeypatch, tmp_path)
    compiler, begun, go, found = theirs.compiled._compiler, threading.Event(), threading.Event(), []

    def slowly(*arguments):
        begun.set()
        assert go.wait(60)
        return type(compiler).compile(compiler, *arguments)

    monkeypatch.setattr(compiler, "compile", slowly)
    threads = [threading.Thread(target=lambda one=one: found.append(one(1.0))) for one in (theirs, ours)]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    while not jit._queued:
        assert threads[1].is_alive()
        time.sleep(0.001)
    go.set()
    for thread in threads:
        thread.join()
    assert found == [2.0, 2.0]
    assert not jit.compiling()
    for one, counts in ((theirs, (0, 1)), (ours, (1, 0))):
        stats = one.compiled.stats
        assert (sum(stats.cache_hits.values()), sum(stats.cache_misses.values())) == counts


def test_it_is_known_when_a_kernel_is_compiled(monkeypatch):
    seen = []
    from numba.core import event

    jit.load()

    class Listener(event.Listener):
        def on_start(self, event):
            seen.append(jit.compiling())

        def on_end(self, event):
            pass

    with event.install_listener("numba:compile", Listener()):
        kernel(_half)(Half(0.5), 1.0)
    assert seen
    assert all(seen)
    assert not jit.compiling()


def test_what_only_kernels_call_gets_no_machine_code_of_its_own(monkeypatch):
    jit.load()
    from numba.core.codegen import JITCodeLibrary

    made = []
    emit = JITCodeLibrary._finalize_specific

    def count(library):
        made.append(library.name)
        emit(library)

    monkeypatch.setattr(JITCodeLibrary, "_finalize_specific", count)

    class Again(NamedTuple):
        by: float

    @change.case(Again)
    def _again(kind, x):
        return add_one(x) * kind.by

    def outermost(kind, x):
        return change(kind, x) + extra(kind, x)

    assert kernel(outermost)(Again(2.0), 1.0) == 4.0
    assert [name for name in made if "outermost" in name]
    assert not [name for name in made if "outermost" not in name]
