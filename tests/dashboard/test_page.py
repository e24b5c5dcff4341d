"""What the address of a page holds, and what a panel lets through to plotly."""

import numpy as np
from lpbench.dashboard.page import TEXT, Control, Panel, address, query_of, state_of


def test_texts_that_a_file_brought_are_no_markup_of_a_figure():
    evil = "<a href='https://evil.example'>ok</a>"
    numbers = np.arange(3.0)
    figure = {
        "data": [
            {"name": evil, "x": numbers, "text": np.array([evil, "b"], object), "customdata": [(evil, 1)]}
        ],
        "layout": {"title": {"text": f"<b>Ours</b><br><sub>{evil}</sub>"}},
    }
    drawn = Panel("t", figure).figure
    assert "<a" not in repr(drawn)
    assert drawn["data"][0]["name"] == "&lt;a href='https://evil.example'>ok&lt;/a>"
    assert drawn["data"][0]["x"] is numbers
    assert drawn["layout"]["title"]["text"].startswith("<b>Ours</b><br><sub>&lt;a")
    assert Panel("t", None).figure is None


def test_a_text_is_kept_as_typed_and_a_list_of_known_ones_is_checked():
    typed = Control("said", "Said", TEXT, "")
    known = Control("ids", "Ids", TEXT, (), known={"a", "b", "c"}, most=2)
    state = state_of([typed, known], {"said": "4, or more", "ids": "c, nobody,a ,a,b"})
    assert state == {"said": "4, or more", "ids": ("c", "a")}
    assert query_of([typed, known], state) == {"said": "4, or more", "ids": "c,a"}
    assert query_of([typed, known], state_of([typed, known], {})) == {}
    assert known.clean("b,x") == ("b",)


def test_an_address_holds_whatever_a_sweep_is_called():
    assert address("/lab/", "/cells", {"sweep": "a&b=c"}) == "/lab/cells?sweep=a%26b%3Dc"
    assert address("/", "/", {}) == "/"
