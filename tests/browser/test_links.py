"""What a reader has set up stays: in a link, on reload and Back, from page to page, and when a control changes."""

from browsing import MARKS, WAIT, ready, until
from fake_results import fake_cell, fake_network
from test_live import RANGES, drag

from lpbench.store.writer import SweepWriter

pytestmark = MARKS


def test_a_link_reproduces_zoom_and_filters_in_another_browser(tab, address, browser):
    tab.goto(address + "/convergence")
    ready(tab)
    tab.wait_for_url("**/convergence?sweep=*", timeout=WAIT)  # tomorrow another one may be the newest
    whole = tab.evaluate(RANGES)
    drag(tab)
    tab.wait_for_url("**zoom=**", timeout=WAIT)
    zoomed = tab.evaluate(RANGES)
    assert zoomed != whole
    tab.get_by_label("Proven bounds").click()
    tab.wait_for_url("**bounds=0**", timeout=WAIT)
    ready(tab)
    until(tab, f"JSON.stringify({RANGES}) === JSON.stringify({zoomed!r})")
    assert "sweep=" in tab.url
    other = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = other.new_page()
        page.goto(tab.url)
        ready(page)
        until(page, f"{RANGES}.every((axis, i) => Math.abs(axis[0] - {zoomed!r}[i][0]) < 1e-3)")
        assert not page.get_by_label("Proven bounds").is_checked()
        assert page.locator("#status").inner_text() == tab.locator("#status").inner_text()
    finally:
        other.close()


def test_back_and_forward_restore_the_zoom(tab, address):
    tab.goto(address + "/convergence?sweep=real")
    ready(tab)
    whole = tab.evaluate(RANGES)
    tab.get_by_label("One y scale").click()
    tab.wait_for_url("**shared=1**", timeout=WAIT)
    ready(tab)
    drag(tab)
    tab.wait_for_url("**zoom=**", timeout=WAIT)
    zoomed = tab.evaluate(RANGES)
    tab.go_back()
    until(tab, f"JSON.stringify({RANGES}) === JSON.stringify({whole!r})")
    assert "zoom" not in tab.url
    tab.go_forward()
    until(tab, f"{RANGES}.every((axis, i) => Math.abs(axis[0] - {zoomed!r}[i][0]) < 1e-3)")


def test_filters_go_along_and_stay_on_back_and_reload(tab, address):
    tab.goto(address + "/convergence?sweep=real&algorithm=swalp")
    ready(tab)
    for name in ("Overview", "Precision"):
        tab.get_by_role("link", name=name, exact=True).click()
        tab.wait_for_url("**algorithm=swalp**", timeout=WAIT)
        ready(tab)
    target = tab.get_by_label("Target gap")
    target.press_sequentially("1e-3", delay=400)  # slower than the field waits for the next letter
    tab.wait_for_url("**target=1e-3**", timeout=WAIT)
    assert target.input_value() == "1e-3"
    tab.reload()
    ready(tab)
    assert tab.get_by_label("Target gap").input_value() == "0.001"
    assert "algorithm=swalp" in tab.url
    tab.go_back()
    assert "algorithm=swalp" in tab.url


AXES = """(() => {
  const graph = [...document.querySelectorAll('.js-plotly-plot')].pop();
  const { xaxis, yaxis } = graph._fullLayout, box = graph.querySelector('.nsewdrag').getBoundingClientRect();
  return { x: xaxis.range, y: yaxis.range, left: box.left, top: box.top, width: box.width, height: box.height };
})()"""


def test_a_box_on_an_axis_is_a_range_of_figure_table_and_address(tab, address):
    tab.goto(address + "/cells?sweep=real")
    tab.wait_for_selector(".ag-row", timeout=WAIT)
    ready(tab)
    tab.locator(".nsewdrag").last.scroll_into_view_if_needed()
    axes = tab.evaluate(AXES)

    def at(x, y):
        across, up = ((value - low) / (high - low) for value, (low, high) in ((x, axes["x"]), (y, axes["y"])))
        return axes["left"] + across * axes["width"], axes["top"] + (1 - up) * axes["height"]

    tab.mouse.move(*at(-0.1, 0.8))
    tab.mouse.down()
    tab.mouse.move(*at(0.1, 1.04), steps=5)
    tab.mouse.up()
    tab.wait_for_url("**ranges=precision%3D6:6", timeout=WAIT)
    tab.get_by_text("4 of 8 lines lie in the ranges").wait_for(timeout=WAIT)
    rows = "document.querySelector('.ag-root').getAttribute('aria-rowcount')"
    until(tab, f"{rows} === '10'")
    tab.reload()
    ready(tab)
    assert tab.get_by_role("textbox", name="Ranges").input_value() == "precision=6:6"
    until(tab, f"{rows} === '10'")
    tab.locator(".nsewdrag").last.scroll_into_view_if_needed()
    axes = tab.evaluate(AXES)
    tab.mouse.dblclick(*at(0.5, 0.5))
    tab.wait_for_url("**/cells?sweep=real", timeout=WAIT)


def test_filters_of_the_table_stay_on_reload(tab, address):
    rows = "document.querySelector('.ag-root').getAttribute('aria-rowcount')"
    tab.goto(address + "/cells?sweep=real")
    tab.wait_for_selector(".ag-row", timeout=WAIT)
    model = "{algorithm: {filterType: 'text', type: 'equals', filter: 'swalp'}}"
    tab.evaluate(f"window.dash_ag_grid.getApi('grid').setFilterModel({model})")
    tab.wait_for_url("**table=**", timeout=WAIT)
    until(tab, f"{rows} === '10'")
    tab.reload()
    tab.wait_for_selector(".ag-row", timeout=WAIT)
    until(tab, f"{rows} === '10'")


def test_a_click_on_a_map_or_a_curve_sets_the_control_that_looks_closer(tab, address, runs):
    with SweepWriter(runs / "tensors", [], 4, {}) as store:
        for precision, seed in ((4, 0), (4, 1), (8, 0), (8, 1)):
            store.put(fake_network(fake_cell(seed, precision)))
    tab.goto(address + "/tensors?sweep=tensors")
    ready(tab)

    def click(panel, x, y):
        place = tab.locator("figure.panel").nth(panel).locator(".nsewdrag").first
        place.scroll_into_view_if_needed()
        box = place.bounding_box()
        tab.mouse.move(box["x"] + (x - 0.05) * box["width"], box["y"] + y * box["height"])
        tab.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        tab.locator("figure.panel").nth(panel).locator(".hoverlayer > *").first.wait_for(
            state="attached", timeout=WAIT
        )
        tab.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])

    click(0, 0.6, 0.1)  # of four roles the third
    tab.wait_for_url("**role=errors**", timeout=WAIT)
    until(tab, "document.querySelector('#notes-2').innerText.includes('non-zero errors')")
    click(1, 0.12, 0.5)  # of steps 0, 10 and 100 the second
    tab.wait_for_url("**step=10**", timeout=WAIT)
    until(tab, "document.querySelector('#notes-0').innerText.includes('step 10;')")
