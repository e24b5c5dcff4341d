"""A sweep that goes on while someone reads it: new data come, what the reader has set up stays."""

from browsing import MARKS, WAIT, followed, ready, sweep, until

pytestmark = MARKS

RANGES = "['xaxis', 'yaxis'].map((name) => document.querySelector('.js-plotly-plot')._fullLayout[name].range)"
POINTS = "Math.max(...document.querySelector('.js-plotly-plot').data.map((one) => one.x.length))"
ROW = ".ag-center-cols-container .ag-row-selected"
TICKED = f"[...document.querySelectorAll('{ROW}')].map((row) => row.getAttribute('row-id'))"
HEAD = 2  # rows: names and filters
ROWS = f"Number(document.querySelector('.ag-root').getAttribute('aria-rowcount')) - {HEAD}"


def drag(tab) -> None:
    """Zoom into the first panel with the mouse."""
    box = tab.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    tab.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    tab.mouse.down()
    tab.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.7 * box["height"], steps=8)
    tab.mouse.up()


def test_new_cells_come_and_the_zoom_stays(tab, address, runs):
    sweep(runs, "zoomed", "precision=4,6")
    tab.goto(address + "/precision?sweep=zoomed")
    ready(tab)
    followed(tab)
    whole, points = tab.evaluate(RANGES), tab.evaluate(POINTS)
    assert "16 cells" in tab.locator("#status").inner_text()
    drag(tab)
    until(tab, f"JSON.stringify({RANGES}) !== JSON.stringify({whole!r})")
    zoomed = tab.evaluate(RANGES)
    sweep(runs, "zoomed", "precision=8")
    until(tab, "document.querySelector('#status').innerText.includes('24 cells')")
    until(tab, f"{POINTS} > {points}")
    assert tab.evaluate(RANGES) == zoomed
    assert tab.evaluate("document.querySelector('#status').getAttribute('role')") == "status"


def test_new_cells_come_and_the_picked_ones_stay(tab, address, runs):
    sweep(runs, "picked", "precision=4,6")
    tab.goto(address + "/cells?sweep=picked")
    tab.wait_for_selector(".ag-row .ag-checkbox-input", timeout=WAIT)
    followed(tab)
    for i in (1, 3):
        tab.locator(".ag-row .ag-checkbox-input").nth(i).click()
    tab.wait_for_url("**cells=**,**", timeout=WAIT)
    before, link = tab.evaluate(TICKED), tab.url
    assert len(before) == 2
    until(tab, f"{ROWS} === 16")
    sweep(runs, "picked", "precision=8")
    until(tab, f"{ROWS} === 24")
    until(tab, "document.querySelector('#status').innerText.includes('24 cells')")
    assert sorted(tab.evaluate(TICKED)) == sorted(before)
    assert tab.url == link
    tab.wait_for_selector("text=2 cells; the numbers", timeout=WAIT)


CELLS = """document.getElementById('{"key":"cells","type":"control"}')"""
REPEAT = """async (first) => {
  document.querySelectorAll(".ag-row .ag-checkbox-input")[2].click();
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  while (!decodeURIComponent(location.search).includes("cells=" + first + ",")) await wait(20);
  dash_clientside.set_props({ type: "control", key: "cells" }, { value: first });
  await wait(1000);
}"""


def test_a_text_field_that_repeats_itself_unticks_nothing(tab, address):
    tab.goto(address + "/cells?sweep=real")
    tab.locator(".ag-row .ag-checkbox-input").nth(0).click(timeout=WAIT)
    tab.wait_for_url("**cells=**", timeout=WAIT)
    (first,) = tab.evaluate(TICKED)
    tab.evaluate(REPEAT, first)
    assert len(tab.evaluate(TICKED)) == 2
    picked = tab.get_by_role("textbox", name="Picked cells").input_value()
    assert picked.split(",")[0] == first
    assert sorted(picked.split(",")) == sorted(tab.evaluate(TICKED))


def test_a_link_ticks_its_cells_and_the_text_is_followed(tab, address, runs):
    tab.goto(address + "/cells?sweep=real")
    tab.wait_for_selector(".ag-row .ag-checkbox-input", timeout=WAIT)
    for i in range(3):
        tab.locator(".ag-row .ag-checkbox-input").nth(i).click()  # no waiting: none of them is lost
    tab.wait_for_url("**cells=**,**,**", timeout=WAIT)
    first, second, third = tab.evaluate(TICKED)
    tab.goto(f"{address}/cells?sweep=real&cells={first},{second}")
    until(tab, f"JSON.stringify({TICKED}) === JSON.stringify({[first, second]!r})")
    tab.locator(f"[row-id='{third}'] .ag-checkbox-input").click()
    tab.wait_for_url(f"**cells={first},{second},{third}", timeout=WAIT)
    tab.locator(f"[row-id='{first}'] .ag-checkbox-input").click()
    tab.wait_for_url(f"**cells={second},{third}", timeout=WAIT)
    tab.get_by_role("textbox", name="Picked cells").fill(third)
    until(tab, f"JSON.stringify({TICKED}) === JSON.stringify({[third]!r})")
    tab.wait_for_url(f"**cells={third}", timeout=WAIT)
    tab.go_back()
    until(tab, f"JSON.stringify({TICKED}) === JSON.stringify({[second, third]!r})")


def test_a_field_that_repeats_itself_late_takes_no_tick_away(tab, address, runs):
    tab.goto(address + "/cells?sweep=real")
    tab.wait_for_selector(".ag-row .ag-checkbox-input", timeout=WAIT)
    for i in range(2):
        tab.locator(".ag-row .ag-checkbox-input").nth(i).click()
    tab.wait_for_url("**cells=**,**", timeout=WAIT)
    both = tab.evaluate(TICKED)
    tab.evaluate("window.dash_clientside.lpbench_ticks.tick('')")  # of a page that opens late
    assert tab.evaluate(TICKED) == both
    field = '{type: "control", key: "cells"}'
    for said in ("", both[0]):  # what it was told before the last tick, however late
        tab.evaluate(f"window.dash_clientside.set_props({field}, {{value: {said!r}}})")
        until(tab, f"{CELLS}.value === {','.join(both)!r}")
        tab.wait_for_url(f"**cells={both[0]},{both[1]}", timeout=WAIT)
    tab.get_by_role("textbox", name="Picked cells").fill("")  # but a person's word is taken
    until(tab, f"{TICKED}.length === 0")


def test_the_table_shows_the_cells_of_the_chosen_status(tab, address, runs):
    sweep(runs, "mixed", "format=none", "precision=64", "algorithm=sgd", "step_size=0.01,500")
    tab.goto(address + "/cells?sweep=mixed")
    tab.wait_for_selector(".ag-row .ag-checkbox-input", timeout=WAIT)
    until(tab, f"{ROWS} === 8")
    tab.get_by_label("Rows of the table").first.click()
    tab.get_by_role("option", name="diverged (4)").click()
    until(tab, f"{ROWS} === 4")
    said = "[...document.querySelectorAll('.ag-row [col-id=status]')].map((cell) => cell.innerText)"
    until(tab, f"{said}.join() === 'diverged,diverged,diverged,diverged'")
