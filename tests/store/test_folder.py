import pytest

from lpbench.errors import ConfigError
from lpbench.store import find_sweep, list_sweeps, sweep_folder
from lpbench.store.manifest import new_manifest, write_manifest


@pytest.mark.parametrize("name", ["../x", "a/b", "/tmp/x", "", ".", "..", ".hidden", "a b", "x" * 101, "a\n"])
def test_a_name_with_a_path_in_it_is_refused(name):
    with pytest.raises(ConfigError, match="sweep name"):
        sweep_folder(name)


def test_baselines_is_reserved():
    with pytest.raises(ConfigError, match="reserved"):
        sweep_folder("baselines")


def test_sweeps_are_found_by_name_and_by_path(tmp_path):
    folder = sweep_folder("demo", tmp_path)
    folder.mkdir()
    write_manifest(folder, new_manifest("demo"))
    (tmp_path / "baselines").mkdir()
    (tmp_path / "notes").mkdir()
    assert list_sweeps(tmp_path) == ["demo"]
    assert find_sweep("demo", tmp_path) == folder
    assert find_sweep(folder, "elsewhere") == folder
    with pytest.raises(ConfigError, match=r"unknown sweep 'dmo'\. Did you mean 'demo'\?"):
        find_sweep("dmo", tmp_path)
    with pytest.raises(ConfigError, match="There are no sweeps"):
        find_sweep("demo", tmp_path / "nowhere")
