"""The page's screens, opened without a browser."""

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

TUNE = "handoff/ui/tune/page.py"
EXPLORE = "handoff/ui/explore/page.py"
AGENTS = "handoff/ui/agents/page.py"
CHECK = "handoff/ui/check/page.py"


def open_page(root, name, seconds=60):
    """Return the screen of a name, not yet run.

    `AppTest.switch_page` would have to run Explore first to learn that name.
    """
    page = AppTest.from_file(str(root / "app.py"), default_timeout=seconds)
    if name != "explore":
        page._page_hash = calc_hash(name)  # noqa: SLF001 - see above
    return page
