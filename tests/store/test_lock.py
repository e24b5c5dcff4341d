import os
import subprocess
import sys

import pytest

from lpbench.errors import StoreError, SweepBusy
from lpbench.store.lock import SweepLock


def test_a_second_writer_is_told_who_has_it(tmp_path):
    lock = SweepLock(tmp_path)
    with pytest.raises(SweepBusy, match=rf"another lpbench \(pid {os.getpid()} on .+\) is writing") as error:
        SweepLock(tmp_path)
    assert error.value.exit_code == 1
    lock.release()
    SweepLock(tmp_path).release()


def test_a_killed_writer_leaves_no_lock(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from lpbench.store.lock import SweepLock;"
        "lock = SweepLock(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert (tmp_path / ".lock").read_text().startswith("pid ")
    SweepLock(tmp_path).release()


def test_no_folder_is_one_line(tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        SweepLock(tmp_path / "none")
