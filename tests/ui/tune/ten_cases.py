"""A registry of three agents, ten labelled queries, and what is read and done on the Tune page."""

from handoff.files.registry import parse_registry
from handoff.providers.scripted import ScriptedEmbedder

REGISTRY = """\
id,name,description,tags
baker,Baker,bread from the oven,bread;oven
florist,Florist,roses and a bouquet of flowers,flowers
pilot,Pilot,fly a plane to the moon,plane
"""

# Best candidate and score on the scripted embedder; the default threshold is 0.3.
CASES = """\
query,expected
bread from the oven please,baker
fresh bread,baker
roses and a bouquet,florist
fly to the moon,pilot
a bouquet of roses for the plane,florist
flowers for the bread oven,florist
fly to the baker,baker
"quantum gravity, roughly",
what is the time,
rent a plane,
"""

EMBEDDER = ScriptedEmbedder.identity

FINGERPRINT = parse_registry(REGISTRY.encode(), "agents.csv").fingerprint


def sentences(page):
    """Return everything that the page says in words, with escapes taken out."""
    said = [*page.markdown, *page.caption, *page.warning, *page.success, *page.error, *page.info]
    said += page.subheader
    return " ".join(each.value for each in said).replace("\\", "")


def figures(page):
    """Return the set's figures, with how far each is from the saved policy's."""
    assert not page.exception
    # The recommendation comes first, with figures of the same names.
    return {metric.label: (metric.value, metric.delta) for metric in list(page.metric)[-5:]}


def table(page, alt):
    """Return the table with such a text for those who do not see it."""
    (element,) = (each for each in page.dataframe if each.proto.alt.startswith(alt))
    return element.value


def cases_shown(page):
    """Return the list of cases."""
    return table(page, "Cases; select one")


def press(page, label):
    """Press the button of this name and run the page."""
    (button,) = (each for each in page.button if each.label == label)
    button.click().run()
    return page


def buttons(page):
    """Return the names of all buttons."""
    return [button.label for button in page.button]


def label(page, query, expected):
    """Label a query with an agent's name, or with Nobody."""
    page.text_input(key="tune_new_query").set_value(query)
    page.selectbox(key="tune_new_expected").select(expected)
    return press(page, "Add")
