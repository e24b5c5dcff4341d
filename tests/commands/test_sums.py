"""`lpbench bits --sums` as its user meets it."""

import csv
import io
import json

import pytest

from lpbench import cli


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")


def lpbench(*arguments, code=0):
    assert cli.run(["bits", "--sums", *arguments]) == code


def test_a_table_and_what_it_comes_to(capsys):
    lpbench("64,256", "sum_chunk=1,8", "--within", "0.05")
    out, err = capsys.readouterr()
    rows = [line.split() for line in out.splitlines() if line.strip()[:1].isdigit()]
    assert [row[:4] for row in rows] == [
        [length, terms, chunk, rounding]
        for length in ("64", "256")
        for terms in ("products", "positive")
        for chunk in ("1", "8")
        for rounding in ("nearest_even", "stochastic")
    ]
    ends = [line for line in out.splitlines() if line.startswith(("nearest", "stochastic"))]
    assert [line.partition(":")[0] for line in ends] == [
        "nearest_even", "stochastic", "nearest_even, chunks of 8", "stochastic, chunks of 8",
    ]  # fmt: skip
    bits = [
        int(row[6]) for row in rows if row[0] == "256" and row[2:4] == ["1", "nearest_even"] if row[6] != "-"
    ]
    assert f"{max(bits)} bits for 256 terms" in ends[0]
    assert "measuring sums of 64 terms" in err


def test_json_and_csv_hold_the_same_rows(capsys):
    arguments = ("32", "sum_rounding=stochastic", "seed=3", "--no-measure", "-q")
    lpbench(*arguments, "--json")
    answer = json.loads(capsys.readouterr().out)
    lpbench(*arguments, "--csv")
    out, err = capsys.readouterr()
    assert err == ""
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["proven_bits"] for row in rows] == [str(row["proven_bits"]) for row in answer["rows"]]
    assert answer["rows"][0]["measured_bits"] is None
    assert answer["within"] == 0.01


def test_the_sums_of_a_network(capsys):
    lpbench(
        "network", "problem=mlp", "dataset=teacher", "dimension=24", "depth=1", "batch_size=8", "--no-measure"
    )
    out = capsys.readouterr().out
    for name, length in (("hidden1 gradient", 8), ("output forward", 24), ("output back", 10)):
        assert f"{name} {length}" in " ".join(out.split())


def test_a_figure(tmp_path):
    lpbench("64,256", "--no-measure", "--figure", "sums.html", "-q")
    assert b"nearest_even, proven" in (tmp_path / "sums.html").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("25x",), "--sums takes numbers of terms, 256,4096, or the word network, got '25x'"),
        (
            ("64", "precision=4"),
            "precision says nothing of sums: --sums takes sum_chunk, sum_rounding, seed.",
        ),
        (("64", "sum_chunks=4"), "Did you mean 'sum_chunk'?"),
        (("64", "sum_rounding=nearest"), "Did you mean 'nearest_even'?"),
        (("64", "sum_chunk=0"), "sum_chunk must be"),
        (("0",), "sums have 1 to"),
        (("64", "--target", "0.1"), "--sums is about accumulators alone: leave out --target and --metric"),
        (("64", "--within", "2"), "within is a share of the sum"),
        (("64", "--figure", "sums.gif"), "the ending must be one of"),
        (("network", "problem=lstm"), "problem=lstm has no products that are known beforehand"),
        (("network", "problem=mpl"), "problem 'mpl'"),
        (("network",), "--sums network: of which one? --sums network problem=mlp"),
        (("network", "problem=family_s"), "problem=family_s is no network: --sums network problem=mlp"),
    ],
)
def test_bad_input_is_one_line(arguments, said, capsys):
    lpbench(*arguments, code=2)
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1
