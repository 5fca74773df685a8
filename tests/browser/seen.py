"""What every check of the page looks for: that it has settled, and that nobody is kept out."""

from axe_playwright_python.sync_playwright import Axe

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
WIDTHS_PX = (390, 1280)
# What holds is only counted: a page has thousands of such findings, and none is read.
OPTIONS = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}


def settle(page):
    """Wait until the server has nothing more to say."""
    page.locator(SETTLED).wait_for()


def press_often(locator, key, times):
    """Press a key so often; on a slider PageUp counts as ten arrows."""
    locator.focus()
    for _ in range(times):
        locator.press(key)


def bring_into_view(page, locator):
    """Scroll to an element as it is once the page has settled, and return where it is.

    Streamlit may put another element in its place at any moment, and Playwright's own scrolling
    gives up where that happens.

    Returns:
        Its box in pixels: x, y, width and height.
    """
    settle(page)
    locator.evaluate("element => element.scrollIntoView({block: 'center', behavior: 'instant'})")
    settle(page)
    return locator.bounding_box()


def cut_labels(page):
    """Return the labels of figures that do not fit where they stand."""
    return page.get_by_test_id("stMetricLabel").evaluate_all(
        """labels => labels.flatMap(label => [label, ...label.querySelectorAll('*')])
            .filter(part => part.scrollWidth > part.clientWidth + 1 && part.clientWidth)
            .map(part => part.innerText)"""
    )


def scrolled_legends(page):
    """Return how high the scroll bars are that charts drew in their legends, in pixels."""
    return page.locator(".legend .scrollbar").evaluate_all(
        "bars => bars.map(bar => bar.getBoundingClientRect().height).filter(high => high > 0)"
    )


def hurdles(page, place):
    """Return what keeps somebody from using the page as it stands: on a phone, and on a desk.

    In the dark only on a desk, since the colours are the same at both widths.

    Args:
        page: Wide, and wide again afterwards.
        place: Where the journey is; it is told with each hurdle.
    """
    found = []
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    for width in WIDTHS_PX[1:] if dark else WIDTHS_PX:
        page.set_viewport_size({"width": width, "height": 900})
        settle(page)
        axe = Axe().run(page, options=OPTIONS)
        found += [
            (place, width, violation["id"], [node["html"] for node in violation["nodes"]])
            for violation in axe.response["violations"]
        ]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append((place, width, "scrolls sideways", []))
    return found
