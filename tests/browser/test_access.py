"""The pages without a mouse and without eyes: names, order, focus, contrast, and words in place of pictures."""

import pytest
from browsing import MARKS, ready, until
from lpbench.dashboard.page import pages

pytestmark = MARKS
SHOWN = {"/", "/cells"}  # figures, and a table: the rest are built of the same parts
PATHS = [
    page.path if page.path in SHOWN else pytest.param(page.path, marks=pytest.mark.slow) for page in pages()
]
NAMED = {"button", "link", "textbox", "combobox", "checkbox", "spinbutton", "searchbox", "figure", "table", "grid",
         "navigation", "region"}  # fmt: skip
# What has the focus: what it is, in which part of the page, and how its focus is drawn. The grid draws shadows and
# borders, text fields a ring around the box that they are in.
FOCUS = """(() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const box = one.closest('.mantine-Input-input') || one;
  const look = getComputedStyle(box), place = one.getBoundingClientRect();
  const parts = ['.skip', 'header', '.controls', '.body', '.figures'];
  window.visited = (window.visited || new Set()).add(one);
  return {
    what: one.outerHTML.slice(0, 120),
    part: parts.findIndex((part) => one.closest(part)),
    drawn: (look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) >= 1)
      || (one.closest('.ag-root') !== null && (look.boxShadow !== 'none' || one.matches('.ag-cell, .ag-tab-guard'))),
    shown: place.width > 0 && place.height > 0 && one.checkVisibility({ opacityProperty: true }),
  };
})()"""
# What a mouse can operate, but for the cells of the table, among which the arrow keys move.
OPERATED = """[...document.querySelectorAll('a[href], button, input, summary, select, textarea')]
  .filter((one) => one.checkVisibility() && !one.closest('.ag-root') && one.tabIndex >= 0)"""
# Texts whose contrast to what is behind them is under 4.5 (3 where they are large).
FAINT = """(() => {
  const parse = (color) => {
    const found = (color.match(/[\\d.]+/g) || []).map(Number);
    return color.startsWith('color(srgb') ? found.map((v, i) => i < 3 ? 255 * v : v) : found;
  };
  const light = (rgb) => rgb.map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const over = ([r, g, b, alpha = 1], paper) => [r, g, b].map((v, i) => alpha * v + (1 - alpha) * paper[i]);
  const behind = (one) => {
    if (!one) return [255, 255, 255];
    const found = parse(getComputedStyle(one).backgroundColor);
    return found.length === 3 || found[3] === 1 ? found.slice(0, 3) : over(found, behind(one.parentElement));
  };
  const faint = [];
  const judge = (one, style, text) => {
    const paper = behind(one);
    const [low, high] = [light(over(parse(style.color), paper)), light(paper)].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    if ((high + 0.05) / (low + 0.05) < least) faint.push(text.trim() + ' ' + style.color + ' on ' + behind(one));
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement, text = walk.currentNode.textContent;
    if (!text.trim() || !one.checkVisibility() || one.closest('svg, script, style, .skip')) continue;
    judge(one, getComputedStyle(one), text);
  }
  for (const one of document.querySelectorAll('input[placeholder]'))
    if (one.placeholder && one.checkVisibility()) judge(one, getComputedStyle(one, '::placeholder'), one.placeholder);
  return faint;
})()"""


def tree(tab):
    """(role, name, description) of everything that a screen reader is told."""
    found = tab.context.new_cdp_session(tab).send("Accessibility.getFullAXTree")["nodes"]
    return [
        tuple(str(node.get(key, {}).get("value", "")) for key in ("role", "name", "description"))
        for node in found
        if not node["ignored"]
    ]


@pytest.mark.parametrize("path", PATHS)
def test_all_has_a_name_and_figures_their_notes_and_numbers_in_words(tab, address, path):
    tab.goto(address + path + "?sweep=real")
    ready(tab)
    told = tree(tab)
    landmarks(tab, told)
    figures(tab, [one for one in told if one[0] == "figure"])


def landmarks(tab, told):
    assert [one for one in told if one[0] in NAMED and not one[1].strip()] == []
    roles = [role for role, _, _ in told]
    for landmark in ("banner", "main", "navigation", "status"):
        assert roles.count(landmark) == 1, landmark
    assert tab.locator(".main-svg").count() > 0
    assert tab.locator(".main-svg:not([aria-hidden=true])").count() == 0  # ticks are no text
    assert tab.evaluate("document.documentElement.lang") == "en"
    assert tab.title().endswith("· lpbench")
    levels = tab.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert set(levels[1:]) <= {2}


def figures(tab, told):
    assert len(told) == tab.locator(".panel").count() >= 1
    for _, name, description in told:
        assert name
        assert description
    for summary in tab.locator(".panel summary").all():
        if summary.inner_text() == "No numbers":
            continue
        summary.focus()
        tab.keyboard.press("Enter")
        panel = summary.locator("xpath=ancestor::figure")
        panel.locator("table").wait_for()
        tab.keyboard.press("Tab")  # the table, which arrows scroll
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "term"
        tab.get_by_role("tooltip").last.wait_for()  # that of the table before may still be closing
        assert panel.locator("th").count() == len(panel.locator("tr").nth(1).locator("td").all()) > 1


@pytest.mark.parametrize("path", PATHS)
def test_tab_goes_through_all_of_it_in_order_and_one_sees_where(tab, address, path):
    tab.goto(address + path + "?sweep=real")
    ready(tab)
    stops = []
    for _ in range(120):
        tab.keyboard.press("Tab")
        stop = tab.evaluate(FOCUS)
        if stop is None:
            break
        stops.append(stop)
    assert tab.evaluate(FOCUS) is None  # no trap
    assert "skip" in stops[0]["what"]
    assert [stop for stop in stops if not stop["drawn"] or not stop["shown"]] == []
    parts = [stop["part"] for stop in stops]
    assert parts == sorted(parts)
    assert parts[-1] == 4
    missed = f"{OPERATED}.filter((one) => !window.visited.has(one)).map((one) => one.outerHTML.slice(0, 150))"
    assert tab.evaluate(missed) == []


def test_the_skip_link_skips(tab, address):
    tab.goto(address + "/precision?sweep=real")
    ready(tab)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    tab.keyboard.press("Enter")
    until(tab, "document.activeElement.id === 'figures'")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.closest('.panel') !== null")


def test_the_table_of_cells_is_one_stop_and_arrows_move_in_it(tab, address):
    tab.goto(address + "/cells?sweep=real")
    tab.wait_for_selector(".ag-row .ag-checkbox-input")
    tab.locator(".ag-row [col-id=status]").first.click()
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate("document.activeElement.closest('.ag-row').getAttribute('row-index')") == "1"
    tab.keyboard.press("Space")
    tab.wait_for_url("**cells=**")
    tab.keyboard.press("Tab")
    until(tab, "document.activeElement.closest('.figures') !== null")


@pytest.mark.parametrize("path", PATHS)
def test_texts_stand_out_in_light_and_dark(tab, address, path):
    tab.goto(address + path + "?sweep=real")
    ready(tab)
    for theme in ("light", "dark"):
        until(tab, f"document.documentElement.dataset.theme === '{theme}'")
        until(tab, "getComputedStyle(document.body).backgroundColor !== 'rgba(0, 0, 0, 0)'")
        ready(tab)
        assert tab.evaluate(FAINT) == []
        tab.get_by_role("button", name="Light / dark").click()
