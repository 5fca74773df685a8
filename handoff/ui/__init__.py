"""The page. Each file in `screens` is one screen, a script that reads from top to bottom."""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent


def main() -> None:
    """Draw the screen that was asked for."""
    st.set_page_config(page_title="handoff", page_icon=str(_HERE / "icon.svg"), layout="wide")
    explore = st.Page(
        _HERE / "screens" / "explore.py", title="Explore", icon=":material/alt_route:", default=True
    )
    tune = st.Page(_HERE / "screens" / "tune.py", title="Tune", icon=":material/tune:")
    agents = st.Page(_HERE / "screens" / "agents.py", title="Agents", icon=":material/groups:")
    check = st.Page(
        _HERE / "screens" / "check.py", title="Check by hand", icon=":material/fact_check:"
    )
    st.navigation([explore, tune, agents, check], position="top").run()
