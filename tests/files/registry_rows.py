"""A registry from its rows."""

HEADER = b"id,name,description,tags\n"

WITH_THRESHOLD = b"id,name,description,tags,threshold\n"
