import json

from fake_results import fake_cell, fake_result

from lpbench import cli
from lpbench.store import SweepWriter


def test_the_parts_of_a_killed_sweep_are_merged(tmp_path, capsys):
    store = SweepWriter(tmp_path / "demo", [], 3)
    for seed in range(3):
        store.put(fake_result(fake_cell(seed=seed)))
    store._parts.close()
    store._lock.release()
    assert cli.run(["compact", "demo", "--runs-dir", str(tmp_path)]) == 0
    assert "3 cells" in capsys.readouterr().out
    assert not list((tmp_path / "demo" / "parts").iterdir())
    assert cli.run(["compact", "demo", "--runs-dir", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"ok": 3}
    assert found["state"] == "interrupted"


def test_not_while_another_process_writes(tmp_path, capsys):
    store = SweepWriter(tmp_path / "demo", [], 3)
    assert cli.run(["compact", "demo", "--runs-dir", str(tmp_path)]) == 1
    assert "another lpbench (pid " in capsys.readouterr().err
    store.close()
