"""Texts, captions and tables of LaTeX."""

import re
from pathlib import Path

import lpbench.dashboard
import pytest
from lpbench.dashboard.paper import latex

from lpbench.errors import ConfigError
from lpbench.terminal import Table


def test_a_text_is_printed_as_it_stands():
    assert latex.text("50 % of a_b & {c} #1 ~ \\x^2") == (
        r"50 \% of a\_b \& \{c\} \#1 \textasciitilde{} \textbackslash{}x\textasciicircum{}2"
    )
    assert latex.text("2·10⁻⁵ ± ∞") == r"2$\cdot$10$^{-5}$ $\pm$ $\infty$"
    assert latex.text("δ L̄₁") == r"$\delta$ $\bar{L}$$_{1}$"
    assert "\n" not in latex.text("two\nlines")


def test_every_mark_of_our_own_texts_is_known():
    sources = [file for base in lpbench.dashboard.__path__ for file in Path(base).rglob("*.py")]
    marks = {mark for file in sources for mark in file.read_text(encoding="utf-8") if ord(mark) > 127}
    assert {"⁻", "∞", "…"} <= marks
    assert latex.text("".join(sorted(marks - {"\u0304"}))).isascii()


def test_markup_of_figures_becomes_that_of_latex_where_it_is_whole():
    assert latex.marked("<b>k = 4</b><br>a_b") == r"\textbf{k = 4}\\ a\_b"
    assert latex.marked("L<sub>1</sub>") == r"L\textsubscript{1}"
    for broken in ("<b>open", "closed</b>", "a &lt;i>"):
        assert latex.marked(broken).count("{") == latex.marked(broken).count("}")


def test_a_caption_is_sentences_without_markup():
    assert latex.sentences("A title", ("One.", "<b>k</b>: two")) == "A title. One. k : two."


def body(data, **more):
    found = latex.table(data, "C", "tab:x", ["Sweep s"], **more)
    return [line.strip() for line in found.splitlines()]


def test_numbers_of_a_table_have_three_digits_and_one_alignment():
    rows = [
        ["a_b", 16, 1.25e-5, 0.5],
        ["c", 1024, 3e-12, 12.345],
        ["d", 4, None, 123.4],
        ["e", 4, 0.0, float("inf")],
    ]
    lines = body(Table(["name", "d", "floor", "ratio"], rows))
    assert r"\begin{tabular}{lrr@{}lr@{}l}" in lines
    assert r"name & d & \multicolumn{2}{c}{floor} & \multicolumn{2}{c}{ratio} \\" in lines
    assert r"a\_b & 16 & $1.25$ & ${}\cdot 10^{-5}$ & $0$ & .500 \\" in lines
    assert r"c & 1024 & $3.00$ & ${}\cdot 10^{-12}$ & $12$ & .3 \\" in lines
    assert r"d & 4 & \multicolumn{2}{c}{--} & $123$ &  \\" in lines
    assert r"e & 4 & 0 &  & $\infty$ &  \\" in lines
    assert [line for line in lines if line.startswith(r"\toprule")]
    assert lines[0] == "% Sweep s"
    assert any(r"\usepackage{booktabs}" in line for line in lines)
    columns = 1 + 1 + 2 + 2
    for line in lines:
        if line.endswith(r"\\"):
            wide = len(re.findall(r"\\multicolumn\{2\}", line))
            assert len(re.split(r"(?<!\\)&", line)) + wide == columns


def test_numbers_that_are_texts_are_set_right_and_names_left():
    lines = body(Table(["bits", "format", "none"], [["4", "fixed", None], ["16", "float", None]]))
    assert r"\begin{tabular}{rll}" in lines
    assert r"4 & fixed & -- \\" in lines


def test_columns_are_chosen_by_name_in_the_order_that_was_asked_for():
    data = Table(["a", "b"], [[1, 2]])
    assert latex.chosen(data, ()) is data
    assert latex.chosen(data, ("b", "a")) == Table(["b", "a"], [[2, 1]])
    with pytest.raises(ConfigError, match=r"no column 'bb'\. Did you mean 'b'"):
        latex.chosen(data, ("bb",))


def test_a_label_holds_nothing_that_latex_reads():
    assert latex.label("my_sweep", "What?", 1) == "my-sweep-what-1"
