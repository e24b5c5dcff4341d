"""The command line as its user meets it: what is printed where, and with which exit code."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_results import FakeResult, fake_result

from lpbench import cli
from lpbench.errors import LpbenchError
from lpbench.store import load_cells, read_manifest

GRID = ["problem=family_q", "dimension=4,8", "precision=4,8", "seed=range(3)", "steps=50"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty folder to run in, and warnings as they were."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)


@pytest.fixture
def made_up(monkeypatch):
    """Cells that cost nothing; `made_up[seed]` is the status of the cells of that seed."""
    statuses = {}

    def run_cell(cell, stop=None, timeout=None):
        result = fake_result(cell, statuses.get(cell.choices["seed"], "ok"))
        if result.row["status"] == "failed":
            result.row["error"] = "it broke"
        return result

    monkeypatch.setattr("lpbench.cells.run.run_cell", run_cell)
    monkeypatch.setattr("lpbench.cells.run.Result", FakeResult)
    return statuses


def lpbench(*arguments, code=0):
    """Run a command in this process; its exit code must be `code`."""
    assert cli.run([str(argument) for argument in arguments]) == code


def process(*arguments, **options):
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "lpbench.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


# -- a sweep ---------------------------------------------------------------------------------------------------


def test_a_sweep_prints_a_table_on_stdout_and_the_rest_on_stderr(made_up, capsys):
    lpbench("sweep", *GRID, "--name", "first")
    out, err = capsys.readouterr()
    assert "noise floor (median over seeds)" in out
    assert "4 bits" in out
    assert "12 cells: 12 ok; computed now: 12" in err
    assert "results: runs/first; next: lpbench show first" in err
    assert len(load_cells("runs/first")) == 12


def test_a_second_call_computes_nothing(made_up, capsys):
    lpbench("sweep", *GRID)
    first = capsys.readouterr().out
    lpbench("sweep", *GRID)
    out, err = capsys.readouterr()
    assert out == first
    assert "computed now: 0" in err


def test_bad_cells_are_listed_and_the_exit_code_is_3(made_up, capsys):
    made_up.update({0: "failed", 1: "diverged"})
    lpbench("sweep", *GRID, code=3)
    err = capsys.readouterr().err
    assert err.count("warning: ") == 8
    assert "it broke" in err
    assert "diverged" in err
    lpbench("show", "default", "--bad", "--json")
    assert len(json.loads(capsys.readouterr().out)) == 8


def test_json_is_json_alone(made_up, capsys):
    lpbench("sweep", *GRID, "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["ran"] == 12
    assert found["counts"] == {"ok": 12}
    assert {record["precision"] for record in found["noise_floors"]} == {4, 8}


def test_quiet_says_nothing_when_all_is_well(made_up, capsys):
    lpbench("sweep", *GRID, "--quiet")
    assert capsys.readouterr() == ("", "")


def test_verbose_has_a_line_for_each_cell(made_up, capsys):
    lpbench("sweep", *GRID, "--verbose")
    assert sum("algorithm=lp_sgd" in line for line in capsys.readouterr().err.splitlines()) == 12


def test_runs_dir_by_option_and_by_override(made_up, capsys):
    lpbench("sweep", *GRID, "--runs-dir", "a")
    lpbench("sweep", *GRID, "runs_dir=b")
    assert len(load_cells("a/default")) == len(load_cells("b/default")) == 12
    assert "lpbench show default --runs-dir b" in capsys.readouterr().err


def test_resume_runs_what_is_missing_from_the_manifest(made_up, capsys):
    made_up.update({2: "timeout"})
    lpbench("sweep", *GRID, "--name", "demo", code=3)
    made_up.clear()
    lpbench("resume", "demo")
    assert "computed now: 4" in capsys.readouterr().err
    assert set(load_cells("runs/demo")["status"]) == {"ok"}


def test_memory_is_asked_for_before_anything_is_computed(made_up, capsys):
    large = ["dimension=1e6", "n_samples=1e7", "regularization=0.1"]
    lpbench("plan", *large, code=2)
    out, err = capsys.readouterr()
    assert "memory: about 80 TB, 1 cells at a time" in out
    assert err.startswith("error: about 80 TB of memory are needed")
    lpbench("plan", *large, "--json", "--max-memory", "inf")
    assert json.loads(capsys.readouterr().out)["estimate"]["memory"] == pytest.approx(8e13, rel=1e-3)
    lpbench("sweep", *large, "--max-memory", "inf", "--name", "large")
    made_up.update({0: "failed"})
    lpbench("sweep", *large, "--max-memory", "1e5", "--force", "--name", "large", code=3)
    lpbench("resume", "large", code=2)
    lpbench("resume", "large", "--max-memory", "inf", code=3)


DATA = "a,b,target\n" + "".join(f"{i},{i * i % 7},{i % 2}\n" for i in range(20))
OWN = ["problem=logistic_regression", "dataset=file", "path=data/own.csv", "algorithm=sgd", "steps=50"]


def test_resume_from_another_folder_finds_the_data(made_up, monkeypatch, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "own.csv").write_text(DATA)
    (tmp_path / "elsewhere").mkdir()
    made_up.update({1: "timeout"})
    lpbench("sweep", *OWN, "seed=range(3)", "--name", "demo", code=3)
    manifest = read_manifest(tmp_path / "runs" / "demo")
    assert manifest["calls"][0]["folder"] == str(tmp_path)
    assert manifest["runtime"]["runs_dir"] == str(tmp_path / "runs")
    made_up.clear()
    monkeypatch.chdir(tmp_path / "elsewhere")
    lpbench("resume", "demo", "--runs-dir", tmp_path / "runs")
    cells = load_cells(tmp_path / "runs" / "demo")
    assert set(cells["status"]) == {"ok"}
    assert set(cells["path"]) == {"data/own.csv"}  # as it was asked for: one configuration, not two
    assert read_manifest(tmp_path / "runs" / "demo")["calls"] == manifest["calls"]


def test_a_hint_names_no_option_that_the_command_lacks(made_up, capsys, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "own.csv").write_text(DATA)
    made_up.update({0: "timeout"})
    lpbench("sweep", *OWN, "--name", "demo", code=3)
    (tmp_path / "data" / "own.csv").unlink()
    capsys.readouterr()
    lpbench("resume", "demo", code=2)
    err = capsys.readouterr().err
    assert "data/own.csv: cannot be read" in err
    assert "--skip-invalid" not in err
    lpbench("sweep", *OWN, code=2)
    assert "--skip-invalid" in capsys.readouterr().err


def test_force_and_fail_fast(made_up, capsys):
    lpbench("sweep", *GRID)
    lpbench("sweep", *GRID, "--force")
    assert "computed now: 12" in capsys.readouterr().err
    made_up.update(dict.fromkeys(range(3), "failed"))
    lpbench("sweep", *GRID, "--force", "--fail-fast", "--workers", "1", code=3)


def test_a_large_grid_is_refused_unless_confirmed(made_up, capsys):
    lpbench("sweep", *GRID, "--max-cells", 5, code=2)
    assert "12 cells, more than --max-cells 5: use --yes" in capsys.readouterr().err
    assert not os.path.exists("runs")
    lpbench("sweep", *GRID, "--max-cells", 5, "--yes")


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2), ("", 2)])
def test_on_a_terminal_it_asks(made_up, capsys, monkeypatch, answer, code):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdin, "readline", lambda: answer, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    lpbench("sweep", *GRID, "--max-cells", 5, "--quiet", code=code)
    assert "The grid has 12 cells. Go on? [y/N]" in capsys.readouterr().err


# -- plan --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["plan"], ["sweep", "--dry-run"]])
def test_plan_says_what_would_run_and_writes_nothing(made_up, capsys, command):
    lpbench(*command, *GRID)
    out = capsys.readouterr().out
    assert "sweep default in runs/default: 12 cells" in out
    assert "stored: 0; to run: 12 (12 new)" in out
    assert "estimate: " in out
    assert not os.path.exists("runs")


def test_plan_tells_why_cells_run(made_up, capsys):
    made_up.update({0: "failed"})
    lpbench("sweep", *GRID, "--quiet", code=3)
    capsys.readouterr()
    lpbench("plan", *GRID, "--json", "--cells")
    found = json.loads(capsys.readouterr().out)
    assert found["reasons"] == {"failed before": 4, "stored": 8}
    assert sorted(record["reason"] for record in found["list"]).count("failed before") == 4


def test_combinations_that_make_no_sense_exit_2_and_are_listed(made_up, capsys):
    overrides = ["problem=family_s", "dimension=16", "k=4,32", "steps=50"]
    lpbench("sweep", *overrides, code=2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: 1 combination makes no sense")
    assert "k=32" in err
    assert not os.path.exists("runs")
    lpbench("sweep", *overrides, "--skip-invalid")
    assert len(load_cells("runs/default")) == 1


# -- bad input: one line, the right exit code, nothing written ---------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sweep", "precison=4"], "unknown key 'precison'. Did you mean 'precision'?"),
        (["sweep", "problem=least_square"], "unknown problem 'least_square'. Did you mean 'least_squares'?"),
        (["sweep", "precision=1"], "precision must be"),
        (["sweep", "format=float", "precision=4", "exponent_bits=3"], "no mantissa"),
        (["sweep", "step_size=-1"], "step_size"),
        (["sweep", "step_size=.inf"], "step_size"),
        (["sweep", "epochs=0"], "epochs"),
        (["sweep", "dimension=0"], "dimension"),
        (["sweep", "problem=family_s", "dimension=12", "k=8"], "k must divide"),
        (["sweep", "dataset=file", "path=nowhere.csv"], "nowhere.csv"),
        (["sweep", "--config-dir", "nowhere"], "--config-dir"),
        (["sweep", "--name", "../up"], "without a path"),
        (["sweep", "--name", "baselines"], "reserved"),
        (["sweep", "--name", "speed"], "reserved"),
        (["sweep", "--workers", "0"], "--workers"),
        (["sweep", "--nme", "x"], "--nme"),
        (["swep"], "Did you mean 'sweep'?"),
        (["sweep", "--runs-dir", ""], "'--runs-dir': Value error, the path is empty"),
        (["plan", "--config-dir", ""], "'--config-dir': Value error, the path is empty"),
        (["sweep", "runs_dir="], "runs_dir must be a text, got ''"),
        (
            ["sweep", "precision=4", "precision=8"],
            "precision is given twice: 'precision=4' and 'precision=8'",
        ),
        (["bounds", "precision=4", "precision=8"], "precision is given twice"),
        (["bits", "--target", "1e-3", "dimension=4", "dimension=8"], "dimension is given twice"),
        (["check", "precision=4", "precision=8"], "precision is given twice"),
        (["baseline", "create", "x", "precision=4", "precision=8"], "precision is given twice"),
        (["sweep", "seed=range(0,10,0)"], "the step must not be 0"),
        (["sweep", "steps=4294967296"], "steps must be a whole number in 1..4294967295, got 4294967296"),
        (
            ["sweep", "epochs=1e300"],
            "steps must be below 2**32, the period of the generator's steps, got 1e+303",
        ),
        (
            ["sweep", "algorithm=svrg", "inner_steps=3000000000", "steps=4000000000"],
            "steps must be below 2**32",
        ),
        (["sweep", "batch_size=1e10"], "batch_size must be a whole number in 1..2147483647, got 1"),
        (["sweep", "workers=1e30"], "workers must be a whole number in 1..9223372036854775807, got 1e+30"),
        (
            ["sweep", "dimension=1e6", "n_samples=1e7"],
            "about 80 TB of memory are needed (problem=least_squares",
        ),
        (["sweep", "record_points=1e9"], "record_points=1000000000 even_points=128), but this machine has"),
        (
            ["sweep", "record_points=1e5", "--max-memory", "1e-3"],
            "max_memory allows 1 MB; --max-memory GB allows more",
        ),
        (["plan", "precision=1"], "precision must be"),
        (["resume", "nothing"], "unknown sweep 'nothing'"),
        (["compact", "nothing"], "unknown sweep 'nothing'"),
        (["show", "nothing"], "no sweep and no format 'nothing'"),
        (["show", "fp8_e4m3", "abc"], "is a format"),
        (["list", "formts"], "Did you mean 'formats'?"),
        (["export", "nothing", "--format", "xls"], "unknown export format 'xls'"),
        (["export", "nothing", "--format", "parquet"], "needs --output"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, arguments, said):
    lpbench(*arguments, code=2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err
    assert not os.path.exists("runs")


def test_a_file_where_the_results_should_go_is_one_line_and_exit_code_1(made_up, capsys, tmp_path):
    (tmp_path / "runs").write_text("")
    lpbench("sweep", *GRID, code=1)
    err = capsys.readouterr().err
    assert err.startswith("error: runs/default: cannot be made")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (LpbenchError("engine gone"), 1, "error: engine gone\n"),
        (
            OSError(28, "No space left on device", "x.parquet"),
            1,
            "error: x.parquet: No space left on device\n",
        ),
        (
            ZeroDivisionError("by zero"),
            1,
            "error: internal error: ZeroDivisionError: by zero (--verbose shows",
        ),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
    ],
)
def test_what_a_command_raises_is_one_line(monkeypatch, capsys, raised, code, said):
    def fail(*arguments, **options):
        raise raised

    monkeypatch.setattr("lpbench.sweeps.plan.make_plan", fail)
    lpbench("plan", code=code)
    err = capsys.readouterr().err
    assert said in err or isinstance(raised, KeyboardInterrupt)
    assert "Traceback" not in err
    if not isinstance(raised, KeyboardInterrupt):
        lpbench("plan", "--verbose", code=code)
        assert "Traceback" in capsys.readouterr().err


def test_warnings_are_lines_on_stderr(made_up, capsys, tmp_path):
    lpbench("sweep", *GRID, "--quiet")
    (tmp_path / "runs" / "default" / "parts" / "notes.txt").write_text("mine")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        lpbench("show", "default")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert any("notes.txt" in line for line in lines)


# -- the program as a process ------------------------------------------------------------------------------------


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys; from lpbench import cli; cli.run(['--help']);"
        "heavy = {'numba', 'torch', 'pandas', 'hydra', 'scipy', 'sklearn', 'pyarrow', 'numpy', 'rich'};"
        "sys.exit(','.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("sweep", "plan", "resume", "list", "show", "bounds", "export", "compact", "doctor"):
        assert f"\n  {command} " in done.stdout


def test_a_sweep_imports_nothing_that_it_does_not_need():
    code = (
        "import sys; from lpbench import cli; code = cli.run(['sweep', *sys.argv[1:]]);"
        "spare = {'pandas', 'torch', 'plotly', 'dash', 'sklearn', 'pyarrow.dataset'} & set(sys.modules);"
        "sys.exit(','.join(spare) or code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *GRID], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "computed now: 12" in done.stderr


def test_the_end_of_a_command_that_read_sweeps_is_silent():
    code = (  # what reads the curves of a report, whose compiled module tells of objects that nobody freed
        "import numpy, duckdb; from lpbench import cli;"
        "cli.run = lambda words: duckdb.connect().execute('select 1').fetchone()[0] - 1;"
        "cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_version_and_usage():
    assert process("--version").stdout.startswith("lpbench ")
    assert process("list").returncode == 2
    nothing = process()
    assert nothing.returncode == 0
    assert "Usage: lpbench" in nothing.stdout


def test_a_reader_that_has_seen_enough_is_no_error():
    command = f"{sys.executable} -m lpbench.cli list formats | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


REAL = [
    "problem=family_q",
    "dimension=8",
    "steps=40000",
    "precision=4,6,8",
    "seed=range(300)",
    "--name",
    "real",
]


FOLDER = Path("runs/real")


@contextmanager
def running_sweep(*arguments):
    """A real sweep as a process, from the moment that more of it is on disk than before."""
    before = stored()
    command = [sys.executable, "-m", "lpbench.cli", *arguments, "--quiet", "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(1200):
            if stored() > before:
                break
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.communicate()


def stored():
    """How many cells the manifest counts."""
    return sum((read_manifest(FOLDER) or {"counts": {}})["counts"].values())


def test_ctrl_c_and_kill_9_and_resume_give_the_same_bits():
    with running_sweep("sweep", *REAL) as running:
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert out == ""
    count = len(load_cells(FOLDER))
    assert 0 < count < 900
    assert err == (
        f"error: interrupted: {count} of 900 cells are stored in runs/real; go on with: lpbench resume real\n"
    )
    with running_sweep("resume", "real") as running:
        running.kill()

    lpbench("resume", "real")
    whole = load_cells(FOLDER)
    assert len(whole) == 900
    assert set(whole["status"]) == {"ok"}
    lpbench("sweep", *REAL, "--runs-dir", "other", "--workers", "1", "--quiet")
    assert load_cells("other/real")["digest"].tolist() == whole["digest"].tolist()


def test_two_sweeps_at_once_on_one_name(capsys):
    larger = ["seed=range(4000)" if one.startswith("seed") else one for one in REAL]
    with running_sweep("sweep", *larger) as running:
        lpbench("sweep", *larger, code=1)
        assert f"another lpbench (pid {running.pid} on " in capsys.readouterr().err
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
    assert running.returncode == 130


# -- who listens, and who does not any more --------------------------------------------------------------------------


def shell(line, **options):
    """Run a line of the shell in which `lpbench` is this one; returns the process."""
    line = line.replace("lpbench ", f"{sys.executable} -m lpbench.cli ")
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, check=False, **options
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-", "| head -n 1", "| true"])
def test_closed_streams_and_pipes_are_no_error(closed):
    done = shell(f"lpbench list bounds {closed}")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_behind_stdout_is_one_line():
    done = shell("lpbench list bounds > /dev/full")
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_a_sweep_goes_on_when_nobody_listens_and_keeps_its_code(made_up, capsys, monkeypatch):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

        def fileno(self):
            raise OSError

    made_up.update({1: "failed"})
    monkeypatch.setattr(sys, "stderr", Gone())
    monkeypatch.setattr(sys, "stdout", Gone())
    lpbench("sweep", *GRID, code=3)
    assert len(load_cells("runs/default")) == 12


def test_ctrl_c_while_a_module_is_imported_is_no_error_of_the_module(capsys, monkeypatch):
    def call(arguments):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise ImportError("numpy failed to import")  # noqa: B904 (as such modules do)

    monkeypatch.setattr(cli, "_call", call)
    lpbench("list", code=130)
    assert capsys.readouterr().err == "error: interrupted\n"


def test_ctrl_c_before_the_sweep_is_said(capsys, monkeypatch):
    def plan(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("lpbench.sweeps.plan.make_plan", plan)
    lpbench("sweep", *GRID, code=130)
    assert capsys.readouterr().err.strip() == "error: interrupted"
