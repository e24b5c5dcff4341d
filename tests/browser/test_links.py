"""What an address holds: the sweep, the filters from page to page, a number as it was typed; and it opens elsewhere."""

from browsing import MARKS, WAIT, ready, until

pytestmark = MARKS

CHOSEN = "[...document.querySelectorAll('.mantine-Pill-label')].map((one) => one.innerText).join()"


def test_an_address_holds_what_is_seen_and_opens_in_another_browser(tab, address, browser):
    tab.goto(address + "/precision?algorithm=swalp")
    ready(tab)
    tab.wait_for_url("**sweep=real**", timeout=WAIT)  # tomorrow another one may be the newest
    tab.get_by_role("link", name="Convergence").click()
    tab.wait_for_url("**/convergence?sweep=real&algorithm=swalp", timeout=WAIT)
    tab.get_by_role("link", name="Precision").click()
    tab.wait_for_url("**/precision?sweep=real&algorithm=swalp", timeout=WAIT)
    field = tab.get_by_role("textbox", name="Target gap")
    field.press_sequentially("1e-3")
    field.press("Enter")
    tab.wait_for_url("**target=1e-3", timeout=WAIT)
    until(tab, "document.querySelector('#notes-0').innerText.includes('at most 0.001')")
    said = tab.locator("#notes-0").inner_text()
    other = browser.new_context().new_page()
    other.goto(tab.url)
    ready(other)
    until(other, f"{CHOSEN} === 'swalp'")
    assert other.get_by_role("textbox", name="Target gap").input_value() == "0.001"
    assert other.locator("#notes-0").inner_text() == said
    other.context.close()
