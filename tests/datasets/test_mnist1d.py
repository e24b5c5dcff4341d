import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lpbench.datasets import mnist1d
from lpbench.datasets.base import CLASSIFICATION, Size
from lpbench.datasets.mnist1d import DIGEST, GRID, Mnist1d
from lpbench.errors import ConfigError

# A package that makes other numbers, in as many words.
OTHER = {
    "transform.py": "import scipy\n",
    "data.py": "import numpy as np\nimport requests\nimport mnist1d\nfrom mnist1d.utils import ObjectView, set_seed\n"
    "def get_dataset_args():\n    return ObjectView({'seed': 1})\n"
    "def make_dataset(args):\n    set_seed(args.seed)\n    x = np.random.randn(5000, 40)\n"
    "    return {'x': x[:4000], 'x_test': x[4000:], 'y': x[:4000, 0] > 0, 'y_test': x[4000:, 0] > 0}\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the package's."""
    for name, text in OTHER.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(mnist1d, "_package", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "cache" / "mnist1d.npz"
    monkeypatch.setattr(mnist1d, "_file", lambda: file)
    return file


def test_made_beside_everything_else() -> None:
    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    modules = set(sys.modules)
    X, y = mnist1d._made()
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
    assert not {"mnist1d", "matplotlib", "requests"} & (set(sys.modules) - modules)
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((5000, 40), np.float32, (5000,), np.int64)
    assert mnist1d._digest(X, y) == DIGEST
    assert not ((X / GRID) % 1).any()
    assert np.bincount(y).tolist() == [500] * 10
    assert X.mean() == pytest.approx(0, abs=1e-6)
    assert X.std() == pytest.approx(1, abs=1e-5)
    kept = mnist1d._kept()
    assert kept is not None
    np.testing.assert_array_equal(kept[0], X)
    np.testing.assert_array_equal(kept[1], y)


@pytest.mark.slow
def test_they_are_the_numbers_of_the_package() -> None:
    code = """
import hashlib, numpy as np
from mnist1d.data import get_dataset_args, make_dataset
made = make_dataset(get_dataset_args())
X, y = (np.concatenate([made[key], made[key + "_test"]]) for key in "xy")
X, y = (np.rint(X * 2**16) / 2**16).astype(np.float32), y.astype(np.int64)
print(hashlib.blake2b(X.tobytes() + y.tobytes(), digest_size=8).hexdigest())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == DIGEST


def test_training_samples_for_convex_problems() -> None:
    data, found = Mnist1d.load({}, CLASSIFICATION), Mnist1d.samples({})
    assert Mnist1d.size({}, CLASSIFICATION) == Size(*data.X.shape, data.n_labels) == (4000, 40, 10)
    np.testing.assert_array_equal(data.X, found.X[:, :, 0])
    np.testing.assert_array_equal(data.y, found.y)
    assert data.X.dtype == data.y.dtype == np.float64
    assert found.test_X.shape == (1000, 40, 1)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for ask in (Mnist1d.sample_values, Mnist1d.samples, Mnist1d.check):
        with pytest.raises(
            ConfigError,
            match=r"^dataset=mnist1d needs the package mnist1d: pip install 'lpbench\[mnist1d\]'$",
        ):
            ask({})


def test_other_numbers_are_refused(package: Path, cache: Path) -> None:
    with pytest.raises(
        ConfigError, match=f"makes other numbers than those of dataset=mnist1d .*, not {DIGEST}"
    ):
        mnist1d._made()
    assert not cache.exists()
    (package / "data.py").write_text("import nowhere_at_all")
    with pytest.raises(
        ConfigError, match="dataset=mnist1d cannot be made: ModuleNotFoundError: No module named 'nowh"
    ):
        mnist1d._made()


def test_a_damaged_cache_is_not_used(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert mnist1d._kept() is None
    mnist1d._keep(np.zeros((5000, 40), np.float32), np.zeros(5000, np.int64))
    assert mnist1d._kept() is None  # another digest
    cache.write_bytes(b"PK")
    assert mnist1d._kept() is None
    assert "it is made anew" in caplog.text
    cache.unlink()
    cache.parent.rmdir()
    cache.parent.write_text("no folder")
    mnist1d._keep(np.zeros(1, np.float32), np.zeros(1, np.int64))
    assert "mnist1d is not cached" in caplog.text
