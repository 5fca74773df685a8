"""What the checks of the Agents page share: a small registry, a hand that types, eyes that read."""

from dataclasses import replace

from handoff.ui.agents.draft import apply_edits

REGISTRY = """\
id,name,description,tags
baker,Baker,bread from the oven,bread;oven
florist,Florist,roses and a bouquet of flowers,flowers
smith,Smith,horseshoes and nails,iron
"""
CASES = """\
query,expected,chip
bread from the oven please,baker,Bread
a bouquet of flowers,florist,Flowers
horseshoes and nails,smith,
"quantum gravity, roughly",,Off topic
"""


def typed(page, **edits):
    """Type into the table, as the widget would have told; run the page."""
    drafts = page.session_state["agents_drafts"]
    (source,) = drafts
    one = drafts[source]
    page.session_state["agents_drafts"] = {
        source: replace(one, rows=apply_edits(one.base, one.shown, edits))
    }
    return page.run()


def cell(at, **cells):
    """Return the edit of one row."""
    return {"edited_rows": {at: cells}}


def sentences(page):
    """Return everything that the page says in words, with escapes taken out."""
    said = [*page.markdown, *page.caption, *page.warning, *page.success, *page.error, *page.info]
    return " ".join(each.value for each in said).replace("\\", "")


def press(page, label):
    """Click a button and run the page."""
    (button,) = (each for each in page.button if each.label == label)
    return button.click().run()


def button(page, label):
    """Return a button."""
    (found,) = (each for each in page.button if each.label == label)
    return found
