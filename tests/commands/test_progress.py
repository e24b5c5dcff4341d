import pytest

from lpbench.commands import _progress
from lpbench.commands._progress import Bar, Progress, cell_line
from lpbench.sweeps.sweep import Event

ROW = {
    "cell_id": "abc",
    "status": "ok",
    "algorithm": "lp_sgd",
    "precision": 8,
    "noise_floor": 0.25,
    "error": None,
}


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test turns."""
    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    return now


def play(clock, follow, cells, seconds=0.0, cost=1.0, **row):
    follow(Event("start", cells, cells * cost))
    for _ in range(cells):
        clock[0] += seconds
        follow(Event("cell", cost=cost, row={**ROW, **row}))
    follow(Event("end"))


def test_a_line_for_every_five_percent(capsys, clock):
    play(clock, Progress(), 200, 0.01)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 20
    assert lines[0] == "  5 %  10/200 cells, 100 cells/s, 1.9 s left"
    assert lines[-1] == "100 %  200/200 cells, 100 cells/s"


def test_a_line_for_every_thirty_seconds(capsys, clock):
    follow = Progress()
    follow(Event("start", 1000, 0.0))
    for _ in range(100):
        clock[0] += 1.0
        follow(Event("tick"))
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_the_time_left_goes_by_cost(capsys, clock):
    follow = Progress()
    follow(Event("start", 2, 10.0))
    clock[0] = 9.0
    follow(Event("cell", cost=9.0, row=ROW))
    assert "1.0 s left" in capsys.readouterr().err


def test_the_rate_forgets_the_time_that_compiling_took(capsys, clock):
    follow = Progress()
    follow(Event("start", 100, 0.0))
    clock[0] = 60.0
    for _ in range(100):
        clock[0] += 1.0
        follow(Event("cell", row=ROW))
    last = capsys.readouterr().err.splitlines()[-2]
    assert last == " 96 %  96/100 cells, 1 cells/s, 4.0 s left"


def test_what_went_wrong_is_counted(capsys, clock):
    play(clock, Progress(), 1, 1.0, status="diverged")
    assert capsys.readouterr().err.endswith("1 diverged\n")


def test_quiet_says_nothing(capsys, clock):
    play(clock, Progress(quiet=True), 50, 1.0)
    assert capsys.readouterr() == ("", "")


def test_verbose_names_every_cell(capsys, clock):
    play(clock, Progress(verbose=True), 3, 1.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"{i}/3 abc ok algorithm=lp_sgd precision=8 noise_floor=0.25" for i in (1, 2, 3)]


def test_a_terminal_gets_a_bar_that_is_gone_at_the_end(capsys, clock, monkeypatch):
    monkeypatch.setattr(_progress.sys.stderr, "isatty", lambda: True, raising=False)
    play(clock, Progress(), 20, 0.1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("20/20 cells") == 1


def test_nothing_to_do_says_nothing(capsys, clock):
    play(clock, Progress(), 0)
    assert capsys.readouterr().err == ""


def test_a_failed_cell_says_why():
    assert cell_line({"cell_id": "a", "status": "failed", "error": "no file"}) == "a failed no file"


def test_shares_that_are_told_are_a_bar_or_lines(capsys, clock, monkeypatch):
    shares = [
        (0.01, "drawing"),
        (0.04, "drawing"),
        (0.06, "reading"),
        (0.5, "steps"),
        (0.51, "steps"),
        (1.0, "gaps"),
    ]
    with Bar() as bar:
        for told in shares:
            bar(*told)
    assert capsys.readouterr().err.splitlines() == ["  6 %  reading", " 50 %  steps", "100 %  gaps"]
    with Bar(quiet=True) as bar:
        bar(0.9, "steps")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_progress.sys.stderr, "isatty", lambda: True, raising=False)
    with Bar() as bar:
        bar(0.25, "steps")
    err = capsys.readouterr().err
    assert " 25 % steps" in err
    assert err.endswith("\x1b[2K")  # the line is gone
