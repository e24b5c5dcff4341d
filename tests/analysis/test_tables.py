import pytest

from lpbench.analysis.tables import AXES, COLUMNS, as_asked, pivot, results, varying


def columns_of(*rows):
    """Columns as the store gives them, null where a row says nothing."""
    base = {
        "problem": "least_squares",
        "algorithm": "lp_sgd",
        "format": "fixed",
        "precision": 8,
        "status": "ok",
    }
    whole = [{**dict.fromkeys(COLUMNS), **base, **row} for row in rows]
    return {name: [row[name] for row in whole] for name in COLUMNS}


def test_an_axis_that_others_determine_is_left_out():
    rows = [
        {"dimension": d, "n_samples": 4 * d, "step_size": 1 / d, "format": f}
        for d in (16, 64)
        for f in ("fixed", "log")
    ]
    assert varying(columns_of(*rows)) == ["dimension", "format"]


def test_what_varies_by_itself_is_kept():
    rows = [{"rounding": r, "step_size": a} for r in ("stochastic", "nearest_even") for a in (0.1, 0.2)]
    assert varying(columns_of(*rows)) == ["rounding", "step_size"]
    assert varying(columns_of({"precision": 4}, {"precision": 8})) == []


def test_an_axis_may_hold_numbers_and_expressions():
    rows = [{"step_size": a, "seed": i} for i, a in enumerate((0.1, "0.1/L", None, 0.1))]
    columns = columns_of(*rows)
    assert varying(columns) == ["step_size"]
    assert [record["step_size"] for record in results(columns)] == [None, 0.1, "0.1/L"]


def test_every_choice_but_precision_and_seed_is_an_axis():
    assert {"problem", "rounding", "step_size", "mu", "start"} <= set(AXES)
    assert not {"precision", "seed"} & set(AXES)


def test_the_floor_is_the_median_over_the_seeds_that_are_ok():
    rows = [{"seed": i, "noise_floor": f} for i, f in enumerate((1.0, 2.0, 9.0))]
    rows += [{"seed": 3, "status": "diverged", "noise_floor": 1e9}, {"seed": 4, "status": "ok"}]
    (record,) = results(columns_of(*rows))
    assert record == {
        "algorithm": "lp_sgd", "format": "fixed", "precision": 8, "noise_floor": 2.0, "n": 5, "diverged": 1,
    }  # fmt: skip


def test_a_pivot_has_a_column_for_each_precision():
    rows = [{"precision": p, "format": f, "noise_floor": 1 / p} for p in (12, 4) for f in ("log", "fixed")]
    rows.append({"precision": 64, "format": "none", "algorithm": "sgd", "noise_floor": 1e-9})
    table = pivot(results(columns_of(*rows)))
    assert table.columns == ["algorithm", "format", "4 bits", "12 bits", "64 bits"]
    assert table.rows == [
        ["lp_sgd", "fixed", "2.5e-01", "8.3e-02", ""],
        ["lp_sgd", "log", "2.5e-01", "8.3e-02", ""],
        ["sgd", "none", "", "", "1.0e-09"],
    ]


@pytest.mark.parametrize(
    ("statuses", "shown"),
    [
        (["diverged"], "diverged"),
        (["ok", "diverged"], "1.0e+00 (1 diverged)"),
        (["failed", "timeout"], "1 timeout, 1 failed"),
        (["ok", "ok"], "1.0e+00"),
    ],
)
def test_cells_that_are_not_ok_are_counted(statuses, shown):
    rows = [
        {"seed": i, "status": s, "noise_floor": 1.0 if s == "ok" else None} for i, s in enumerate(statuses)
    ]
    assert pivot(results(columns_of(*rows))).rows[0][-1] == shown


def test_a_floor_that_is_not_a_number_does_not_hide_the_others():
    rows = [{"seed": 0, "noise_floor": float("nan")}, {"seed": 1, "noise_floor": 3.0}]
    assert results(columns_of(*rows))[0]["noise_floor"] == 3.0


def test_no_cells_make_an_empty_table():
    table = pivot(results({name: [] for name in COLUMNS}))
    assert table.rows == []


def test_an_expression_of_several_numbers_is_one_value():
    rows = [
        {"dimension": dimension, "step_size": factor / dimension, "asked": f"limit=auto step_size={factor}/L"}
        for dimension in (4, 8)
        for factor in (1, 2)
    ]
    columns = columns_of(*rows)
    assert varying(as_asked(columns)) == ["dimension", "step_size"]
    assert [record["step_size"] for record in results(columns)] == ["1/L", "2/L"] * 2


def test_an_expression_of_one_number_stays_the_number():
    rows = [{"step_size": 0.1, "asked": "step_size=0.1/L"}, {"step_size": 0.2, "asked": None}]
    assert [record["step_size"] for record in results(columns_of(*rows))] == [0.1, 0.2]
