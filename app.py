"""The page: `streamlit run app.py`."""

from handoff import ui

ui.main()
