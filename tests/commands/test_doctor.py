import json

import pytest

from lpbench import cli
from lpbench.commands import _doctor
from lpbench.regression import golden


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Packages are imported elsewhere: here only the reports about them are looked at."""
    monkeypatch.setattr(_doctor, "ESSENTIAL", {"numpy": "numpy", "pyarrow": "pyarrow"})
    monkeypatch.setattr(_doctor, "OPTIONAL", {"no-such-package": "no_such_package"})


def examine(capsys, tmp_path, code=0):
    assert cli.run(["doctor", "--runs-dir", str(tmp_path), "--json"]) == code
    return {row["check"]: row for row in json.loads(capsys.readouterr().out)}


def test_a_sound_installation(capsys, tmp_path, cache_folder):
    checks = examine(capsys, tmp_path)
    assert {"lpbench", "python", "numpy", "processor", "cache", "kernels", "results", "browser"} <= set(
        checks
    )
    assert checks["no-such-package"]["state"] == "absent"
    assert str(cache_folder) in checks["cache"]["found"]
    assert "free" in checks["results"]["found"]
    assert all(row["state"] in ("ok", "absent") for row in checks.values())


def test_a_package_that_is_missing_or_broken(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(_doctor, "ESSENTIAL", {"another-package": "x"})
    assert examine(capsys, tmp_path, code=1)["another-package"]["state"] == "BROKEN"
    monkeypatch.setattr(_doctor, "ESSENTIAL", {"numpy": "no_such_module"})
    found = examine(capsys, tmp_path, code=1)["numpy"]
    assert "cannot be imported: ModuleNotFoundError" in found["found"]


def test_deep_runs_the_golden_paths_in_python_and_compiled(capsys, tmp_path, monkeypatch):
    chosen = [case for case in golden.cases() if case.name in ("lp_sgd fixed stochastic", "random rounding")]
    monkeypatch.setattr(golden, "cases", lambda: chosen)
    assert cli.run(["doctor", "--deep", "--runs-dir", str(tmp_path), "--json"]) == 0
    found = {row["check"]: row["found"] for row in json.loads(capsys.readouterr().out)}
    assert found["golden paths"] == "2 as they were"
    assert found["the same, compiled"] == "1 as they were"
    kept = golden.load()
    definition, path = kept["lp_sgd fixed stochastic"]
    monkeypatch.setattr(
        golden, "load", lambda: kept | {"lp_sgd fixed stochastic": (definition, "0000" + path[4:])}
    )
    assert cli.run(["doctor", "--deep", "--runs-dir", str(tmp_path), "--json"]) == 1
    found = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
    assert found["golden paths"]["state"] == "BROKEN"
    assert found["golden paths"]["found"].startswith(
        "1 of 2 moved, the first lp_sgd fixed stochastic: moved, first seen"
    )


def test_a_cache_that_cannot_be_written(capsys, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LPBENCH_CACHE", str(tmp_path / "file" / "cache"))
    assert examine(capsys, tmp_path, code=1)["cache"]["state"] == "BROKEN"


def test_a_full_disk(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(_doctor, "_LEAST_DISK", 1e18)
    assert examine(capsys, tmp_path, code=1)["results"]["state"] == "BROKEN"


def test_the_browser_that_is_named_comes_first(tmp_path, monkeypatch):
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("BROWSER_PATH", raising=False)
    assert _doctor.find_browser() == str(browser)
    other = tmp_path / "other"
    other.write_text("")
    monkeypatch.setenv("BROWSER_PATH", str(other))
    assert _doctor.find_browser() == str(other)
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "gone"))
    monkeypatch.setenv("PATH", "")
    assert _doctor.find_browser() is None


def test_kernels_that_are_not_kept(capsys, tmp_path, monkeypatch):
    from numba.core import caching

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", full)
    monkeypatch.setattr(caching.IndexDataCacheFile, "load", lambda *arguments: None)
    found = examine(capsys, tmp_path, code=1)["kernels"]
    assert found["state"] == "BROKEN"
    assert "every process compiles" in found["found"]
