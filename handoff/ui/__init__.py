"""The page. A folder for each screen; its `page.py` is a script that reads from top to bottom."""

from importlib import import_module
from pathlib import Path

import streamlit as st

from handoff.ui.drafts import keep_drafts, tell_drafts
from handoff.ui.ending import end_in_time
from handoff.ui.unsaved import tell_unsaved
from handoff.ui.upload_room import bound_uploads

# Streamlit imports these inside its calls, where two first visitors meet a module half loaded; here
# the second waits for the first.
for _name in ("pandas", "plotly.io", "plotly.tools"):
    import_module(_name)

_HERE = Path(__file__).parent


def main() -> None:
    """Draw the screen that was asked for."""
    end_in_time()
    bound_uploads()
    st.set_page_config(page_title="handoff", page_icon=str(_HERE / "icon.svg"), layout="wide")
    keep_drafts()
    screens = (
        ("explore", "Explore", ":material/alt_route:"),
        ("tune", "Tune", ":material/tune:"),
        ("agents", "Agents", ":material/groups:"),
        ("check", "Check by hand", ":material/fact_check:"),
    )
    pages = [
        st.Page(
            _HERE / name / "page.py",
            title=title,
            icon=icon,
            url_path=name,
            default=name == "explore",
        )
        for name, title, icon in screens
    ]
    page = st.navigation(pages, position="top")
    tell_drafts()
    tell_unsaved(on_agents=page.url_path == "agents")
    page.run()
