"""What a panel lets through to plotly."""

import numpy as np
from lpbench.dashboard.page import Panel


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
