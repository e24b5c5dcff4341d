"""Every page draws every kind of sweep: what no figure may do, whatever it is given."""

import pytest
import sweep_kinds
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import Panel, pages, state_of

PAGES = [page for page in pages() if page.of_sweep]


@pytest.fixture(scope="module")
def swept(tmp_path_factory, writing):
    """The stored sweep of a kind, made once."""
    runs, made = tmp_path_factory.mktemp("kinds"), {}

    def make(kind):
        name = kind.replace(" ", "-")
        made[kind] = made.get(kind) or writing(runs, name, sweep_kinds.KINDS[kind]())
        return Store(runs).sweep(name)

    return make


def check(panel: Panel) -> None:
    """What holds for the figure of every page."""
    if panel.figure is None:
        assert panel.notes, f"{panel.title}: empty, and nothing says why"


@pytest.mark.parametrize("kind", sweep_kinds.KINDS)
def test_every_page_draws_every_kind_of_sweep(swept, kind):
    sweep = swept(kind)
    for page in PAGES:
        for panel in page.draw(sweep, state_of(page.controls(sweep), {}), False):
            check(panel)
