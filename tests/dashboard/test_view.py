"""A view: from words and addresses, and back to words."""

import pytest
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import SELECT, Control, pages
from lpbench.dashboard.view import View, is_address, of_address, page_called, pairs, read

from lpbench.errors import ConfigError


@pytest.fixture
def sweep(runs):
    return Store(runs).sweep("made")


def test_what_a_view_is_named_by_makes_it_again(sweep):
    page = page_called("precision")
    view = read(
        page, sweep, 0, {"algorithm": "halp", "target": "1e-3", "shared": "1", "zoom": "0:yaxis:-6:-3"}
    )
    words = view.words()
    assert words[:3] == ["made", "--page", "Precision"]
    again = read(page, sweep, 0, pairs(words[3:]))
    assert again == view
    assert {row["algorithm"] for row in view.drawn().data.records()} == {"halp"}
    assert view.drawn().figure["layout"]["yaxis"]["range"] == [-6.0, -3.0]
    assert page.draw(sweep, view.state, False)[0].figure["layout"]["yaxis"].get("range") is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"colour": "format"}, "no control 'colour'. Did you mean 'color'"),
        ({"color": "formatt"}, "color has no value 'formatt'. Did you mean 'format'"),
        ({"algorithm": "lp_sgd,hallp"}, "algorithm has no value 'hallp'. Did you mean 'halp'"),
        ({"shared": "yes"}, "shared has no value 'yes'"),
        ({"target": "-1"}, "target must be a number above 0, got '-1'"),
        ({"zoom": "0:xaxis:1"}, "is not PANEL:AXIS:LOW:HIGH"),
    ],
)
def test_what_a_page_would_pass_over_is_an_error_for_who_typed_it(sweep, query, said):
    with pytest.raises(ConfigError, match=said):
        read(page_called("Precision"), sweep, 0, query)


def test_words_read_as_the_address_does_where_it_is_right(sweep):
    for page in pages():
        for control in page.controls(sweep):
            written = control.text(control.default)
            assert written is None
            for value, _ in control.options[:3]:
                assert control.read(value) == control.parse(value)
    assert Control("a", "A", SELECT, "x", (("x", "X"),)).read("x") == "x"


def test_an_address_names_its_page_behind_any_prefix():
    for address in (
        "http://127.0.0.1:8050/dimension?sweep=made&color=format",
        "https://a.example/lpbench/dimension/",
    ):
        page, query = of_address(address)
        assert page.name == "Dimension"
        assert query in ({"sweep": "made", "color": "format"}, {})
    assert of_address("http://127.0.0.1:8050/?x=")[0].path == "/"
    assert of_address("http://127.0.0.1:8050/?x=")[1] == {"x": ""}
    with pytest.raises(ConfigError, match="no page /dimensions"):
        of_address("http://127.0.0.1:8050/dimensions")
    assert [is_address(word) for word in ("made", "path=s3://x", "http://h/", "/cells?a=b")] == [
        False,
        False,
        True,
        True,
    ]


def test_keys_of_other_pages_come_along_in_an_address_alone(sweep):
    page = page_called("Precision")
    view = read(page, sweep, 0, {"table": "{}", "shared": "1"}, typed=["shared"])
    assert view.state["shared"] is True
    with pytest.raises(ConfigError, match="no control 'table'"):
        read(page, sweep, 0, {"table": "{}"})


def test_words_are_pairs_given_once():
    assert pairs(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
    with pytest.raises(ConfigError, match="not KEY=VALUE"):
        pairs(["a"])
    with pytest.raises(ConfigError, match="a is given twice"):
        pairs(["a=1", "a=2"])


def test_a_page_and_a_panel_that_are_not_there(sweep):
    with pytest.raises(ConfigError, match="Did you mean 'Dimension'"):
        page_called("dimensoin")
    page = page_called("Precision")
    with pytest.raises(ConfigError, match="panels 0 to 1, got 2"):
        View(page, sweep, read(page, sweep, 0, {}).state, 2).drawn()
