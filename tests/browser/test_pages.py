"""The dashboard in a real browser, served by gunicorn: what a reader clicks, and that nothing leaves the machine."""

import shutil
from pathlib import Path

import pytest
from browsing import MARKS, WAIT, ready, until
from lpbench.dashboard.page import pages
from lpbench.dashboard.report.report import write

pytestmark = MARKS


def test_every_page_draws_and_fits_a_phone(tab, address):
    tab.goto(address + "/?sweep=real")
    for page in pages():  # from one to the next as a reader goes
        tab.get_by_role("navigation").get_by_role("link", name=page.name, exact=True).click()
        until(tab, f"document.querySelector('h1').textContent === {page.question!r}")
        ready(tab)
        assert tab.locator("h1").count() == 1
        assert tab.locator("nav [aria-current=page]").inner_text() == page.name
        assert "sweep=real" in tab.url or not page.of_sweep
        assert "could not be drawn" not in tab.content()
        tab.set_viewport_size({"width": 390, "height": 800})
        until(tab, "document.documentElement.scrollWidth <= 390")
        tab.set_viewport_size({"width": 1440, "height": 900})


def test_a_control_changes_figure_and_address_and_back_restores_both(tab, address):
    tab.goto(address + "/precision?sweep=real")
    ready(tab)
    first = "document.querySelector('.js-plotly-plot')"  # the Pareto front below has its own
    titles = f"[...{first}.querySelectorAll('.annotation-text')].map((one) => one.textContent).join()"
    before = tab.evaluate(titles)
    tab.get_by_label("Panels by").first.click()
    tab.get_by_role("option", name="dimension").first.click()
    tab.wait_for_url("**facet=dimension**", timeout=WAIT)
    until(tab, f"{titles}.includes('dimension 16')")
    link, after = tab.url, tab.evaluate(titles)
    assert after != before
    tab.go_back()
    until(tab, "!location.search.includes('facet')")
    until(tab, f"{titles} === {before!r}")
    tab.goto(link)  # the link alone reproduces the view
    ready(tab)
    assert tab.evaluate(titles) == after


def test_another_measurement_of_speed_is_chosen(tab, address):
    tab.goto(address + "/speed")
    ready(tab)
    said = "document.querySelector('.body .note').textContent"
    assert "2026-12-02 00:00 UTC" in tab.evaluate(said)
    tab.get_by_label("Measurement").first.click()
    tab.get_by_role("option", name="2026-12-01 00:00").click()
    tab.wait_for_url("**measurement=20261201T000000.000-here", timeout=WAIT)
    until(tab, f"{said}.includes('2026-12-01 00:00 UTC')")
    annotation = "[...document.querySelectorAll('.annotation-text')].map((one) => one.textContent).join()"
    until(tab, f"{annotation}.includes('AVX-512, 2026-12-01')")
    link = tab.get_by_role("link", name="2026-12-02 00:00").get_attribute("href")
    assert link == "/speed?measurement=20261202T000000.000-here"


def test_a_figure_that_stays_as_it_is_is_not_drawn_again(tab, address):
    tab.goto(address + "/dimension?sweep=real")
    ready(tab)
    graphs = "[...document.querySelectorAll('.js-plotly-plot')]"
    tab.evaluate(f"window.before = {graphs}.map((one) => one.data)")  # another figure has other data
    tab.get_by_label("Target gap").fill("0.01")
    until(tab, f"{graphs}[1].data !== window.before[1]")
    tab.wait_for_timeout(200)
    assert tab.evaluate(f"{graphs}[2].data === window.before[2]")


ORDER = """(() => {
  window.order = [];
  window.addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
    for (const one of document.querySelectorAll("figure.panel .js-plotly-plot")) {
      if (!one.on || one.followed) continue;
      one.followed = true;
      one.on("plotly_afterplot", () => window.order.push(Math.round(one.getBoundingClientRect().top)));
    }
  }).observe(document, { childList: true, subtree: true }));
})()"""


def test_what_is_seen_is_drawn_first_and_each_figure_once(tab, address):
    tab.add_init_script(ORDER)
    tab.goto(address + "/dimension?sweep=real")
    ready(tab)  # also what lies further down, where nobody scrolled
    tab.wait_for_timeout(500)
    order = tab.evaluate("window.order")
    assert order == sorted(set(order))
    assert len(order) == tab.locator("figure.panel").count() == 3
    # The margins are as large as legends and ticks need: else plotly draws all a second time.
    sizes = """[...document.querySelectorAll('.js-plotly-plot')].map(({ _fullLayout: { margin, _size } }) =>
      ['l', 'r', 't', 'b'].map((side) => Math.round(_size[side] - margin[side])))"""
    assert tab.evaluate(sizes) == [[0, 0, 0, 0]] * 3


BOX = """(() => {
  const box = document.querySelector('.hoverlayer .legend'), place = box && box.getBoundingClientRect();
  return box && [box.textContent, place.left, place.right, place.height];
})()"""


@pytest.mark.parametrize("tab", [{"viewport": {"width": 390, "height": 800}}], indirect=True)
def test_one_box_reads_all_lines_and_fits_a_phone(tab, address):
    tab.goto(address + "/convergence?sweep=real&bounds=0")
    ready(tab)
    panel = tab.locator(".nsewdrag").first
    panel.scroll_into_view_if_needed()
    place = panel.bounding_box()
    tab.mouse.move(place["x"] + 0.5 * place["width"], place["y"] + 0.5 * place["height"])
    tab.mouse.move(place["x"] + 0.52 * place["width"], place["y"] + 0.5 * place["height"])
    until(tab, f"{BOX} !== null")
    text, left, right, height = tab.evaluate(BOX)
    assert text.startswith("steps ")
    assert all(
        name in text for name in ("4 bits, dimension 8", "4 bits, dimension 16", "6 bits, dimension 16")
    )
    assert 0 <= left < right <= 390
    assert height < place["height"]


def test_numbers_and_pictures_can_be_taken_along(tab, address):
    tab.goto(address + "/precision?sweep=real&algorithm=swalp")
    ready(tab)
    with tab.expect_download(timeout=WAIT) as taken:
        tab.get_by_role("button", name="CSV").first.click()
    text = Path(taken.value.path()).read_text()
    assert "swalp" in text
    assert "lp_sgd" not in text
    with tab.expect_download(timeout=WAIT) as taken:
        tab.get_by_role("button", name="PNG").first.click()
    assert Path(taken.value.path()).read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    "tab", [{"viewport": {"width": 1200, "height": 800}, "color_scheme": "dark"}], indirect=True
)
def test_dark_follows_the_system_and_can_be_switched(tab, address):
    tab.goto(address + "/precision?sweep=real")
    ready(tab)
    paper = "getComputedStyle(document.body).backgroundColor"
    until(tab, f"{paper} === 'rgb(26, 27, 30)'")
    until(tab, "document.querySelector('.js-plotly-plot').layout.paper_bgcolor === '#1A1B1E'")
    tab.get_by_role("button", name="Light / dark").click()
    until(tab, f"{paper} === 'rgb(255, 255, 255)'")
    until(tab, "document.querySelector('.js-plotly-plot').layout.paper_bgcolor === '#FFFFFF'")


def test_a_report_opens_without_a_server_and_asks_for_nothing(browser, runs, tmp_path):
    target = write(runs / "real", tmp_path / "report")
    shutil.move(tmp_path / "report", tmp_path / "moved")  # as a reader gets it: somewhere else
    here = (tmp_path / "moved").as_uri()
    asked, wrong = [], []
    context = browser.new_context(viewport={"width": 390, "height": 800}, offline=True)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{here}/{target.name}")
    until(page, "document.documentElement.dataset.drawn === 'yes'")
    assert page.locator(".js-plotly-plot .main-svg").count() >= page.locator(".drawing").count() >= 5
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
    assert wrong == []
    assert len(asked) == 4
    assert all(url.startswith(here) for url in asked)
