import bz2
import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_results import FakeResult, fake_result
from scipy import sparse

from lpbench.cli import run
from lpbench.datasets.base import CLASSIFICATION, REGRESSION
from lpbench.datasets.file import File
from lpbench.errors import ConfigError
from lpbench.problems import build, problem_key
from lpbench.registry import problems

CASES = Path(__file__).parent.parent / "data" / "cases"
SVM = b"1 1:0.5 3:-2\n-1 2:1 # a comment\n\n1 3:4\n-1\n"
SVM_X = [[0.5, 0, -2], [0, 1, 0], [0, 0, 4], [0, 0, 0]]
CSV = "a,target,b\n1,yes,2.5\n3,no,-4\n5,yes,1e3\n"


def write(folder: Path, name: str, content: bytes | str) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def parquet(folder: Path, columns: dict, name: str = "table.parquet") -> str:
    pq.write_table(pa.table(columns), folder / name)
    return str(folder / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a9a", SVM),
        ("a.svm", SVM),
        ("a.libsvm.binary", SVM),
        ("a.svm.gz", gzip.compress(SVM, mtime=0)),
        ("a.bz2", bz2.compress(SVM)),
        ("zero.txt", b"1 0:0.5 2:-2\n-1 1:1\n1 2:4 \n-1\n"),
        ("explicit.txt", b"1 1:0.5 2:0 3:-2\n-1 2:1\n1 3:4\n-1 1:0\n"),
    ],
)
def test_svmlight_stays_sparse(tmp_path: Path, name: str, content: bytes) -> None:
    data = File.load({"path": write(tmp_path, name, content)}, CLASSIFICATION)
    assert isinstance(data.X, sparse.csr_array)
    assert data.X.toarray().tolist() == SVM_X
    assert data.X.nnz == 4
    assert data.X.indices.dtype == data.X.indptr.dtype == np.int32
    assert data.X.data.dtype == data.y.dtype == np.float64
    assert data.y.tolist() == [1, 0, 1, 0]
    assert data.n_labels == 2
    assert File.size({"path": str(tmp_path / name)}, CLASSIFICATION) == (4, 3, 2)


def test_svmlight_problem_is_solved_sparse(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = np.where(rng.random((60, 5)) < 0.4, rng.standard_normal((60, 5)), 0)
    lines = [
        f"{rng.integers(1, 4)} " + " ".join(f"{j + 1}:{float(x)!r}" for j, x in enumerate(row) if x)
        for row in X
    ]
    path = write(tmp_path, "three.svm", "\n".join(lines) + "\n")
    choices = {"problem": "logistic_regression", "dataset": "file", "path": path}
    p = build(choices)
    assert p.loss == "softmax"
    assert isinstance(p.X, sparse.csr_array)
    assert p.X.shape == (60, 6)
    assert p.optimum_gradient_norm <= 1e-12
    assert problems.get("logistic_regression").shape(choices) == (60, 6, 3)
    assert p.constants["L"] == pytest.approx(0.5 + p.regularization)
    raw = build(choices | {"scaling": "none"})
    np.testing.assert_array_equal(raw.X.toarray(), X)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_csv(tmp_path: Path, name: str) -> None:
    content = gzip.compress(CSV.encode()) if name.endswith("gz") else CSV
    data = File.load({"path": write(tmp_path, name, content)}, CLASSIFICATION)
    assert data.X.tolist() == [[1, 2.5], [3, -4], [5, 1000]]
    assert data.X.flags.c_contiguous
    assert data.y.tolist() == [1, 0, 1]


def test_csv_with_quotes_a_byte_order_mark_and_another_target(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", b'\xef\xbb\xbf"x, y",z\r\n"1",2\r\n3,"4.5"\r\n')
    data = File.load({"path": path, "target": "z"}, REGRESSION)
    assert (data.X.tolist(), data.y.tolist(), data.n_labels) == ([[1], [3]], [2, 4.5], 0)


def test_whole_numbers_first_and_fractions_far_below(tmp_path: Path) -> None:
    """A reader that guesses types from the first block must not trip over a later one."""
    rows = "1,0\n" * 400_000 + "1.5,1\n"
    data = File.load({"path": write(tmp_path, "t.csv", "a,target\n" + rows)}, CLASSIFICATION)
    assert data.X[-1, 0] == 1.5
    assert data.y.sum() == 1


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["9", "10", "9"], [0, 1, 0]),
        (["1.0", "1", "2"], [0, 0, 1]),
        (["b", "a", "c"], [1, 0, 2]),
        (["-1", "+1", "-1"], [0, 1, 0]),
        (["true", "false", "true"], [1, 0, 1]),
    ],
)
def test_labels_are_ordered(tmp_path: Path, labels: list[str], expected: list[int]) -> None:
    rows = "".join(f"{i},{label}\n" for i, label in enumerate(labels))
    data = File.load({"path": write(tmp_path, "t.csv", "a,target\n" + rows)}, CLASSIFICATION)
    assert data.y.tolist() == expected


def test_parquet(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"i": [1, 2], "f": [0.5, 2.5], "b": [True, False], "target": ["x", "y"]})
    data = File.load({"path": path}, CLASSIFICATION)
    assert data.X.tolist() == [[1, 0.5, 1], [2, 2.5, 0]]
    assert data.y.tolist() == [0, 1]
    numbers = parquet(
        tmp_path, {"a": pa.array([1, 2], pa.int8()), "n": pa.array([3, 4], pa.float32())}, "n.parquet"
    )
    assert File.load({"path": numbers, "target": "n"}, REGRESSION).y.tolist() == [3, 4]
    named = parquet(tmp_path, {"a": [1, 2], "target": pa.array(["x", "y"]).dictionary_encode()}, "d.parquet")
    assert File.load({"path": named}, CLASSIFICATION).y.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([2**53, 2**53 + 1, 2**53], [0, 1, 0]),
        ([2**53 + 1, -(2**53) - 1, 7], [2, 0, 1]),
        ([2**70, 2**70 + 1, 3], [1, 2, 0]),
    ],
)
def test_whole_labels_stay_apart_at_any_size(tmp_path: Path, labels: list[int], expected: list[int]) -> None:
    csv = "a,target\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels))
    svm = "".join(f"{label} 1:{i + 1} # {label}\n" for i, label in enumerate(labels))
    paths = [write(tmp_path, "t.csv", csv), write(tmp_path, "t.svm", svm)]
    if max(labels) < 2**63:
        paths.append(parquet(tmp_path, {"a": range(3), "target": labels}))
    for path in paths:
        data = File.load({"path": path}, CLASSIFICATION)
        assert (data.y.tolist(), data.n_labels) == (expected, len(set(labels)))


def test_unsigned_labels_and_features(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"a": [1, 2], "target": pa.array([2**64 - 1, 2**64 - 2], pa.uint64())})
    assert File.load({"path": path}, CLASSIFICATION).y.tolist() == [1, 0]


@pytest.mark.parametrize("name", ["s1e160", "s1e-170", "sentinel"])
def test_a_column_of_any_size_stays(name: str) -> None:
    path = str(CASES / f"{name}.csv")
    problem = build({"problem": "logistic_regression", "dataset": "file", "path": path})
    assert np.isfinite(problem.X).all()
    assert (np.ptp(problem.X[:, :2], axis=0) > 0.1).all()
    assert problem.optimum_gradient_norm <= 1e-12
    if name != "sentinel":  # the labels are the signs of the column that used to be lost
        assert abs(problem.w_star[0]) > 3 * abs(problem.w_star[1])


def test_huge_targets_of_a_regression(tmp_path: Path) -> None:
    rows = [(i, (i * 7) % 5 - 2.0) for i in range(20)]
    paths = [
        write(tmp_path, f"{k}.csv", "a,target\n" + "".join(f"{x},{y * 2.0**k!r}\n" for x, y in rows))
        for k in (0, 600, -600)
    ]
    base = {"problem": "least_squares", "dataset": "file"}
    ordinary, *others = (build(base | {"path": path}) for path in paths)
    for other in others:
        np.testing.assert_array_equal(other.y, ordinary.y)
    with pytest.raises(
        ConfigError, match=r"the target: the largest magnitude is 8.3e.180, and scaling=none needs"
    ):
        build(base | {"path": paths[1], "scaling": "none"})


def test_what_scaling_takes_away_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lpbench.running.run_cell", lambda cell, **options: fake_result(cell))
    monkeypatch.setattr("lpbench.running.Result", FakeResult)
    path = write(tmp_path, "t.csv", "a,b,target\n" + "".join(f"{i},3,{i % 2}\n" for i in range(20)))
    grid = ["problem=logistic_regression", "dataset=file", f"path={path}", "regularization=0.1,0.2"]
    grid += ["algorithm=sgd", "steps=10", "--runs-dir", str(tmp_path / "runs")]
    said = f"warning: {path}: column 'b' is constant, and 0 once scaled\n"
    for command in ("plan", "sweep"):
        assert run([command, *grid]) == 0
        captured = capsys.readouterr()
        assert captured.err.count(said) == 1
        assert "constant" not in captured.out
    assert run(["plan", *grid, "scaling=none"]) == 0
    assert "constant" not in capsys.readouterr().err


BAD = [
    ("empty.svm", b"", "is empty"),
    ("empty.csv", b"", "is empty"),
    ("comment.svm", b"# nothing\n", "holds no samples"),
    ("zeros.svm", b"1 1:0\n-1\n", "holds no feature that is not 0"),
    ("word.svm", b"1 1:2\nfoo 1:2\n", "line 2: expected LABEL INDEX:VALUE ..., got 'foo 1:2'"),
    ("value.svm", b"1 1:2\n\n-1 1:x\n", "line 3: expected INDEX:VALUE, got '1:x'"),
    ("pair.svm", b"1 1:2 7\n", "line 1: expected INDEX:VALUE, got '7'"),
    ("index.svm", b"1 1.5:2\n", "line 1: expected INDEX:VALUE, got '1.5:2'"),
    ("order.svm", b"1 1:2\n-1 3:1 2:1\n", "line 2: the indices must rise, but 2 follows 3"),
    ("twice.svm", b"1 3:1 3:1\n", "line 1: the indices must rise, but 3 follows 3"),
    ("huge.svm", b"1 99999999999:2\n", "line 1: the index 99999999999 is too large"),
    ("nan.svm", b"1 1:2\n-1 1:nan\n", "line 2: feature 1 is 'nan', not a finite number"),
    ("inf.svm", b"1 1:2\n-1 2:1e999\n", "line 2: feature 2 is '1e999', not a finite number"),
    ("label.svm", b"1 1:2\nnan 1:3\n", "line 2: the label 'nan' is not finite"),
    ("one.svm", b"1 1:2\n1 1:3\n", "all 2 samples have the label 1.0: two classes or more are needed"),
    ("fraction.svm", b"1 1:2\n0.5 1:3\n", "the target holds 0.5: whole numbers or names are needed"),
    ("binary.dat", b"\x80\x00\xff\xfe" * 9, "line 1: expected LABEL INDEX:VALUE"),
    ("cut.svm.gz", gzip.compress(SVM, mtime=0)[:-9], "cannot be read: Compressed file ended"),
    ("not.svm.gz", SVM, "cannot be read: Not a gzipped file"),
    ("header.csv", "a,target\n", "holds a header but no samples"),
    ("blank.csv", "\n1,2\n", "line 1: the first line, which names the columns, is empty"),
    ("target.csv", "a,targt\n1,2\n", "has no column 'target' to use as the target. Did you mean 'targt'?"),
    ("alone.csv", "target\n1\n2\n", "has no column but the target 'target'"),
    ("same.csv", "a,a,target\n1,1,2\n", "two columns are called 'a'"),
    ("short.csv", "a,b,target\n1,2,x\n1,y\n", "line 3: 2 fields, but the header names 3"),
    ("long.csv", "a,target\n1,x\n1,2,y\n", "line 3: 3 fields, but the header names 2"),
    ("text.csv", "a,target\n1,x\nred,y\n", "line 3: column 'a': 'red' is not a number"),
    ("missing.csv", "a,b,target\n1,1,x\n1,,y\n", "line 3: column 'b': is missing"),
    ("nan.csv", "a,target\n1,x\n2,y\nnan,y\n", "line 4: column 'a': 'nan' is not a finite number"),
    ("inf.csv", "a,target\n1,x\n-inf,y\n", "line 3: column 'a': '-inf' is not a finite number"),
    ("unlabelled.csv", "a,target\n1,x\n2,\n", "line 3: the target 'target' is missing"),
    ("one.csv", "a,target\n1,x\n2,x\n", "all 2 samples have the label x"),
    ("bytes.csv", b"a,target\n1,x\n\xff\xfe,y\n", "line 3: column 'a'"),
    ("not.parquet", b"hello, this is no parquet file", "is not a parquet file"),
    ("empty.parquet", b"", "is empty"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD, ids=[name for name, _, _ in BAD])
def test_bad_files_are_refused_in_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = write(tmp_path, name, content)
    choices = {"problem": "logistic_regression", "dataset": "file", "path": path}
    for refuse in (problems.get("logistic_regression").shape, build):
        with pytest.raises(ConfigError) as error:
            refuse(choices)
        assert str(error.value).startswith(path)
        assert message in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1.0, None], "target": [0, 1]}, "row 2: 'a' is missing or not finite"),
        ({"a": [float("inf"), 1.0], "target": [0, 1]}, "row 1: 'a' is missing or not finite"),
        ({"a": ["x", "y"], "target": [0, 1]}, "column 'a' holds string, but numbers are needed"),
        ({"a": [[1], [2]], "target": [0, 1]}, "column 'a' holds list"),
        ({"a": [1, 2], "target": ["x", None]}, "row 2: 'target' is missing"),
        ({"a": [1, 2], "target": [1, 1]}, "all 2 samples have the label 1"),
        ({"a": [1, 2], "label": [1, 1]}, "has no column 'target'"),
        ({"target": [0, 1]}, "has no column but the target"),
        ({"a": pa.array([], pa.int8()), "target": pa.array([], pa.int8())}, "holds no samples"),
    ],
)
def test_bad_parquet(tmp_path: Path, columns: dict, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        File.load({"path": parquet(tmp_path, columns)}, CLASSIFICATION)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", CSV, "line 2: column 'target': 'yes' is not a number"),
        ("t.csv", "a,target\n1,2\n2,inf\n", "line 3: column 'target': 'inf' is not a finite number"),
        ("t.csv", "a,target\n1,2\n2,\n", "line 3: column 'target': is missing"),
        ("t.csv", "a,target\n1,2\n2,2\n", "the target is constant (2)"),
    ],
)
def test_bad_regression_targets(tmp_path: Path, name: str, content: str, message: str) -> None:
    choices = {"problem": "least_squares", "dataset": "file", "path": write(tmp_path, name, content)}
    with pytest.raises(ConfigError) as error:
        build(choices)
    assert message in str(error.value)


def test_text_target_in_parquet_regression(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"a": [1, 2], "target": ["x", "y"]})
    with pytest.raises(ConfigError, match="the target holds 'x', but least squares needs numbers"):
        File.load({"path": path}, REGRESSION)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"path": None}, "dataset=file needs path=FILE"),
        ({"path": "gone.csv"}, "gone.csv: cannot be read: No such file or directory"),
        ({"path": "."}, ".: is a folder; a data file is needed"),
        ({"path": "a.svm", "target": "price"}, "target=price names a column of a .csv or .parquet file"),
    ],
)
def test_bad_paths_are_refused_before_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choices: dict, message: str
) -> None:
    write(tmp_path, "a.svm", SVM)
    monkeypatch.chdir(tmp_path)
    kind = problems.get("logistic_regression")
    for refuse in (kind.check, problem_key):
        with pytest.raises(ConfigError) as error:
            refuse({"problem": "logistic_regression", "dataset": "file", **choices})
        assert message in str(error.value)


def test_more_than_two_classes_for_the_hinge(tmp_path: Path) -> None:
    path = write(tmp_path, "t.svm", b"1 1:2\n2 1:3\n3 1:1\n")
    choices = {"problem": "squared_hinge", "dataset": "file", "path": path}
    for refuse in (problems.get("squared_hinge").shape, build):
        with pytest.raises(ConfigError, match="squared_hinge needs two classes, but file has 3"):
            refuse(choices)


def test_identity_is_by_content(tmp_path: Path) -> None:
    base = {"problem": "logistic_regression", "dataset": "file"}
    here = write(tmp_path, "a.svm", SVM)
    before = problem_key(base | {"path": here})
    assert problem_key(base | {"path": write(tmp_path, "moved", SVM)}) == before
    assert problem_key(base | {"path": here, "target": "target"}) == before
    built = build(base | {"path": here})
    write(tmp_path, "a.svm", SVM.replace(b"-2", b"-3"))
    assert problem_key(base | {"path": here}) != before
    again = build(base | {"path": here})
    assert again.key != built.key
    assert not np.array_equal(again.X.toarray(), built.X.toarray())


def test_target_column_counts_for_tables(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "a,b,target\n1,0,0\n0,1,1\n1,1,0\n")
    base = {"problem": "logistic_regression", "dataset": "file", "path": path}
    assert (
        problem_key(base | {"target": "b"}) != problem_key(base) == problem_key(base | {"target": "target"})
    )
    assert build(base | {"target": "b"}).y.tolist() == [-1, 1, 1]
