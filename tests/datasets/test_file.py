import bz2
import gzip
import lzma
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_results import FakeResult, fake_result
from scipy import sparse

from lpbench.cli import run
from lpbench.datasets.base import CLASSIFICATION, REGRESSION
from lpbench.datasets.file import File
from lpbench.datasets.reading.tables import BLOCK
from lpbench.errors import ConfigError
from lpbench.problems.build import build
from lpbench.problems.identity import problem_key
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
    monkeypatch.setattr("lpbench.cells.run.run_cell", lambda cell, **options: fake_result(cell))
    monkeypatch.setattr("lpbench.cells.run.Result", FakeResult)
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


TABLE, ROWS, LABELS = b"a,b,target\n1,2,x\n3,4,y\n5,6,x\n", [[1, 2], [3, 4], [5, 6]], [0, 1, 0]
TWO = [[1], [2]]


def zstandard(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


READ = [
    ("crlf.csv", TABLE.replace(b"\n", b"\r\n"), ROWS, LABELS),
    ("mac.csv", TABLE.replace(b"\n", b"\r"), ROWS, LABELS),
    ("end.csv", TABLE.rstrip(), ROWS, LABELS),
    ("t.CSV.GZ", gzip.compress(TABLE), ROWS, LABELS),
    ("t.csv.bz2", bz2.compress(TABLE), ROWS, LABELS),
    ("t.csv.xz", lzma.compress(TABLE), ROWS, LABELS),
    ("t.csv.zst", zstandard(TABLE[:9]) + zstandard(TABLE[9:]), ROWS, LABELS),
    ("semicolons.csv", TABLE.replace(b",", b";"), ROWS, LABELS),
    ("tabs.tsv", TABLE.replace(b",", b"\t"), ROWS, LABELS),
    ("blanks.csv", TABLE.replace(b",", b" , "), ROWS, LABELS),
    ("blank_lines.csv", TABLE.replace(b"\n", b"\n\n"), ROWS, LABELS),
    ("index.csv", b",a,b,target\n2,1,2,x\n0,3,4,y\n1,5,6,x\n", ROWS, LABELS),
    ("r.csv", b'"","a","b","target"\n"n",1,2,"x"\n"m",3,4,"y"\n"k",5,6,"x"\n', ROWS, LABELS),
    ("twice.csv", b"Unnamed: 0,a,target\n0,1,x\n1,2,y\n", TWO, [0, 1]),
    ("signs.csv", b"a,target\n+1,x\n 2. ,y\n", TWO, [0, 1]),
    ("flags.csv", b"a,target\nTrue,x\nFALSE,y\ntRue,x\n", [[1], [0], [1]], LABELS),
    ("flag_labels.csv", b"a,target\n1,True\n2,False\n", TWO, [1, 0]),
    ("none.csv", b"a,target\n1,None\n2,yes\n", TWO, [0, 1]),
    ("exact.csv", b"a,target\n1,1e30\n2,1000000000000000000000000000001\n", TWO, [0, 1]),
    ("long_name.csv", b"a,target\n1,%b\n2,y\n" % (b"x" * 100_000), TWO, [0, 1]),
    ("mark.svm", b"\xef\xbb\xbf1 1:1 2:2\n-1 1:3 2:4\n1 1:5 2:6\n", ROWS, [1, 0, 1]),
    ("blank.svm", b"1 1: 1 2: 2\n-1 1:\t3 2:   4\n1 1:5 2: 6\n", ROWS, [1, 0, 1]),
    ("crlf.svm", b"1 1:1\r\n-1 1:2\r\n", TWO, [1, 0]),
    ("t.svm.xz", lzma.compress(b"1 1:1\n-1 1:2\n"), TWO, [1, 0]),
    ("t.svm.zst", zstandard(b"1 1:1\n-1 1:2\n"), TWO, [1, 0]),
    ("query.svm", b"1 qid:1 1:1\n-1 qid:2 1:2\n", TWO, [1, 0]),
]


@pytest.mark.parametrize(("name", "content", "rows", "labels"), READ, ids=[name for name, *_ in READ])
def test_files_as_people_have_them(
    tmp_path: Path, name: str, content: bytes, rows: list, labels: list
) -> None:
    data = File.load({"path": write(tmp_path, name, content)}, CLASSIFICATION)
    X = data.X if isinstance(data.X, np.ndarray) else data.X.toarray()
    assert (X.tolist(), data.y.tolist()) == (rows, labels)


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("boolcol.csv", ""),
        ("boollab.csv", ""),
        ("stringview.parquet", ""),
        ("bom.svm", ""),
        ("space_value.svm", ""),
        ("index.csv", "the first column has no name: it is taken for an index, and is no feature"),
        ("pandas_shuffled.parquet", "'__index_level_0__': an index of the table, and no feature"),
    ],
)
def test_files_of_other_programs(name: str, remark: str) -> None:
    data = File.load({"path": str(CASES / name)}, CLASSIFICATION)
    columns = 2 if name == "pandas_shuffled.parquet" else 3
    assert (data.X.shape, data.n_labels, "".join(data.remarks)) == ((24, columns), 2, remark)


def test_line_breaks_in_quotes_at_any_size(tmp_path: Path) -> None:
    content = (CASES / "line_break_in_quotes.csv").read_bytes()
    header, rows = content.split(b"\n", 1)
    path = write(tmp_path, "t.csv", header + b"\n" + rows * (1_300_000 // len(rows)))
    data = File.load({"path": path}, CLASSIFICATION)
    assert data.n_labels == 2
    assert len(data.y) * 9 > 1_200_000


def test_a_line_longer_than_a_block(tmp_path: Path) -> None:
    names, numbers = ",".join(f"f{i}" for i in range(60_000)), ",".join(["-1.2345678901234567e-100"] * 60_000)
    assert len(numbers) > BLOCK
    path = write(tmp_path, "t.csv", f"{names},target\n{numbers},x\n{numbers},y\n")
    assert File.load({"path": path}, CLASSIFICATION).X.shape == (2, 60_000)


def test_numbers_that_only_python_reads_are_read_as_exactly(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).standard_normal(200) * 10.0 ** np.arange(-100, 100)
    rows = "".join(f"{x!r},{i % 2}\n" for i, x in enumerate(numbers.tolist()))
    plain = File.load({"path": write(tmp_path, "t.csv", "a,target\n" + rows)}, CLASSIFICATION)
    signed = File.load({"path": write(tmp_path, "s.csv", "a,target\n" + rows + "+1,1\n")}, CLASSIFICATION)
    np.testing.assert_array_equal(plain.X[:, 0], numbers)
    np.testing.assert_array_equal(signed.X[:-1], plain.X)


def test_parquet_as_people_have_it(tmp_path: Path) -> None:
    columns = {
        "half": pa.array(np.array([1, 2], np.float16)), "large": pa.array([2**64 - 1, 1], pa.uint64()),
        "decimal": [Decimal("1.5"), Decimal("2.5")], "category": pa.array([1.5, 2.5]).dictionary_encode(),
    }  # fmt: skip
    for target in (
        pa.array(["x", "y"], pa.large_string()), pa.array(["x", "y"], pa.string_view()), pa.array([False, True]),
        pa.array(["x", "y"]).dictionary_encode(), pa.array([Decimal(1), Decimal(2)]),
    ):  # fmt: skip
        data = File.load({"path": parquet(tmp_path, {**columns, "target": target})}, CLASSIFICATION)
        assert data.X.tolist() == [[1, 2.0**64, 1.5, 1.5], [2, 1, 2.5, 2.5]]
        assert data.y.tolist() == [0, 1]
    frame = pandas.DataFrame({"a": [1.0, 2.0], "target": ["x", "y"], "id": [7, 9]}).set_index("id")
    frame.to_parquet(tmp_path / "named.parquet")
    data = File.load({"path": str(tmp_path / "named.parquet")}, CLASSIFICATION)
    assert (data.X.tolist(), data.columns) == (TWO, ["a"])
    frame.reset_index().set_index("target").to_parquet(tmp_path / "target.parquet")
    assert File.load({"path": str(tmp_path / "target.parquet")}, CLASSIFICATION).columns == ["id", "a"]


@pytest.mark.parametrize("metadata", ["{broken", "[1, 2]", '{"index_columns": 5}', '{"index_columns": [{}]}'])
def test_metadata_of_other_programs(tmp_path: Path, metadata: str) -> None:
    table = pa.table({"a": [1, 2], "target": [0, 1]}).replace_schema_metadata({"pandas": metadata})
    pq.write_table(table, tmp_path / "t.parquet")
    assert File.load({"path": str(tmp_path / "t.parquet")}, CLASSIFICATION).X.tolist() == TWO


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
    ("latin1.csv", (CASES / "latin1.csv").read_bytes(), "line 1: is not UTF-8: save the file as UTF-8"),
    ("latin1_label.csv", b"a,target\n1,caf\xe9\n2,x\n", "line 2: column 'target': is not UTF-8"),
    ("utf16.csv", TABLE.decode().encode("utf-16"), "is UTF-16: save the file as UTF-8"),
    ("utf16.svm", SVM.decode().encode("utf-16"), "is UTF-16: save the file as UTF-8"),
    ("unmarked.csv", TABLE.decode().encode("utf-16-le"), "line 1: is not UTF-8"),
    ("gz.csv", gzip.compress(TABLE), "is compressed: its name must end in .gz"),
    ("xz.svm", lzma.compress(SVM), "is compressed: its name must end in .xz"),
    (
        "book.csv",
        b"PK\3\4 ...",
        "is a zip archive, as Excel's files are: unpack it, or save the table as .csv",
    ),
    ("parquet.csv", b"PAR1 ...", "is a parquet file: its name must end in .parquet"),
    (
        "table.svm",
        TABLE,
        "line 1: expected LABEL INDEX:VALUE ..., got 'a,b,target'; a table's file is named .csv",
    ),
    ("nothing.csv.gz", gzip.compress(b""), "is empty"),
    ("cut.csv.bz2", bz2.compress(TABLE)[:-5], "cannot be read: Compressed data ended"),
    ("cut.csv.xz", lzma.compress(TABLE)[:-5], "cannot be read: Compressed data ended"),
    ("cut.csv.zst", zstandard(TABLE)[:-5], "cannot be read: Truncated"),
    ("not.csv.zst", TABLE, "cannot be read: "),
    (
        "pipes.csv",
        TABLE.replace(b",", b"|"),
        "line 1: its columns must be separated by commas, semicolons or tabs",
    ),
    ("abc.csv", b"a;b;c\n1;2;3\n", "has no column 'target' to use as the target. Choose from: a, b, c."),
    (
        "decimal.csv",
        b"a;target\n1,5;x\n",
        "line 2: column 'a': '1,5' is not a number: decimals are written with a",
    ),
    (
        "thousands.csv",
        b'a,target\n"1,234.5",x\n',
        "'1,234.5' is not a number: decimals are written with a point",
    ),
    ("grouped.csv", b"a,target\n1_000,x\n", "line 2: column 'a': '1_000' is not a number"),
    (
        "date.csv",
        b"a,target\n2024-01-02,x\n",
        "'2024-01-02' is not a number; encode it as one, or leave the column",
    ),
    ("unheaded.csv", b"1,2,0\n3,4,1\n", "line 1: the first line must name the columns, but holds numbers"),
    ("nameless.csv", b"a,b,target,\n1,2,x,\n", "line 1: field 4 of the header is empty: name the column"),
    ("na.csv", b"a,target\n1,x\nNA,y\n", "line 3: column 'a': is missing"),
    ("na_label.csv", b"a,target\n1,x\n2,N/A\n", "line 3: the target 'target' is missing"),
    (
        "flags.csv",
        b"a,target\nTrue,x\n2,y\n",
        "line 3: column 'a': '2' is neither true nor false, as the first row's",
    ),
    ("flag.csv", b"a,target\n2,x\nTrue,y\n", "line 3: column 'a': 'True' is not a number"),
    ("quote.csv", b'a,target\n1,"x\n2,y\n', "line 3: cannot be read: unexpected end of data"),
    ("quoted.csv", b'a,target\n1,"x"z\n2,y\n', "line 2: cannot be read: ',' expected after"),
    ("zero.csv", b"a,target\n1,x\n\0,y\n", "line 3: column 'a': is not UTF-8"),
    (
        "long.csv",
        b"a,target\n+%b,x\n" % (b"1" * 200_000),
        "line 2: cannot be read: field larger than field limit",
    ),
    ("huge.csv", b"a,target\n%b,x\n2,y\n" % (b"9" * 400), "line 2: column 'a': '99999999"),
    ("infinite.csv", b"a,target\n1,1e999\n2,3\n", "the target holds inf: whole numbers or names are needed"),
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
        (
            {"a": pa.nulls(2), "target": [0, 1]},
            "column 'a' holds null, but numbers are needed; encode it as one",
        ),
        ({"a": [{"x": 1}, {"x": 2}], "target": [0, 1]}, "column 'a' holds struct<x: int64>"),
        ({"a": pa.array([1.5, None]).dictionary_encode(), "target": [0, 1]}, "row 2: 'a' is missing"),
        ({"a": pa.array(["1", "2"], pa.string_view()), "target": [0, 1]}, "column 'a' holds string"),
        ({"a": [1, 2], "target": pa.array([1, 2], pa.date32())}, "column 'target' holds date32[day]"),
        ({"a": [1, 2], "target": [b"x", b"y"]}, "column 'target' holds binary"),
        ({"a": [1, 2], "target": pa.nulls(2)}, "row 1: 'target' is missing"),
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


def test_samples_for_networks(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.standard_normal(50) * 1e160, rng.integers(0, 5, 50), np.full(50, 3.0)])
    y = rng.integers(0, 3, 50)
    rows = [
        "a,b,c,target",
        *(f"{a!r},{b!r},{c!r},{'xyz'[k]}" for (a, b, c), k in zip(X.tolist(), y, strict=True)),
    ]
    choices = {"path": write(tmp_path, "t.csv", "\n".join(rows) + "\n"), "data_seed": 4, "target": None}
    found = File.samples(choices)
    test = np.sort(np.random.default_rng([4, 2]).permutation(50)[:10])
    train = np.setdiff1d(np.arange(50), test)
    np.testing.assert_array_equal(found.y, y[train])
    np.testing.assert_array_equal(found.test_y, y[test])
    X[:, 0] /= 1e160
    spread = np.where(np.ptp(X, axis=0) > 0, X[train].std(axis=0), 1.0)
    for part, which in ((found.X, train), (found.test_X, test)):
        np.testing.assert_allclose(part, (X[which] - X[train].mean(axis=0)) / spread, rtol=1e-5, atol=1e-5)
    assert File.sample_size(choices) == (40, (3,), 3)
    assert File.sample_keys(choices) == {"path", "target", "n_samples", "data_seed"}
    assert File.sample_values(choices) == {
        "path": "csv",
        "target": "target",
        "n_samples": None,
        "data_seed": 4,
    }
    assert len(found.content) == 1
    few = File.samples(choices | {"n_samples": 30})
    assert (len(few.y), few.test_y.tolist()) == (30, found.test_y.tolist())


def test_sparse_samples_are_filled_for_networks(tmp_path: Path) -> None:
    lines = "".join(f"{1 - 2 * (i % 2)} {1 + i % 3}:{i + 1}\n" for i in range(10))
    found = File.samples({"path": write(tmp_path, "t.svm", lines)})
    assert (found.X.shape, found.test_X.shape, found.n_classes) == ((8, 3), (2, 3), 2)
    np.testing.assert_allclose(found.X.mean(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["1,x", "2,y", "3,x", "4,y"], "file: 4 samples are too few to hold one in 5 out for testing"),
        (["1,x"] * 5, "all 5 samples have the label x: two classes or more are needed"),
        (["1,0.5", "2,1", "3,1", "4,1", "5,1"], "the target holds 0.5: whole numbers or names are needed"),
    ],
)
def test_files_that_no_network_can_use(tmp_path: Path, rows: list[str], message: str) -> None:
    path = write(tmp_path, "t.csv", "\n".join(["a,target", *rows]) + "\n")
    with pytest.raises(ConfigError, match=message):
        File.samples({"path": path})
