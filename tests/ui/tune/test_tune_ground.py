"""A saved threshold on the Tune page: refused on another ground, forced, replaced."""

import pytest
from app_pages import TUNE, open_page
from ten_cases import EMBEDDER, FINGERPRINT, buttons, press, sentences

POLICY = """\
threshold = 0.45
margin = 0.05
per_agent = false
lexical_weight = 0.0

[found]
date = 2026-11-20
embedder = "{embedder}"
registry = "{registry}"
goal = "accuracy"
cases = 10
accuracy = 0.5
coverage = 0.6
"""

STALE = [
    ("other-embedder", FINGERPRINT, "was found with another embedder"),
    (EMBEDDER, "0" * 64, "was found on other agents or examples"),
]


@pytest.mark.parametrize("screen", ["tune", "explore"])
@pytest.mark.parametrize(
    ("embedder", "registry", "reason"), STALE, ids=["other embedder", "other registry"]
)
def test_a_threshold_of_something_else_is_refused(  # noqa: PLR0913, PLR0917 - two pages, two grounds
    root, folder, screen, embedder, registry, reason
):
    """The default stands in its place, and the page says why."""
    (folder / "handoff.toml").write_text(POLICY.format(embedder=embedder, registry=registry))
    page = open_page(root, screen)
    page.query_params["q"] = "fresh bread"
    page.run()
    (told,) = (each.value.replace("\\", "") for each in page.warning if "handoff" in each.value)

    assert reason in told
    assert "default threshold stands in its place. Find one again and save it" in told
    assert page.slider(key="t").value == 0.3


def test_a_refused_threshold_can_be_forced(root, folder):
    """One button takes the file's word for the whole visit, on this page and on the other."""
    (folder / "handoff.toml").write_text(POLICY.format(embedder="other", registry="0"))
    page = open_page(root, "explore").run()
    press(page, "Use handoff.toml anyway")
    page.switch_page(TUNE).run()

    assert "Use handoff.toml anyway" not in buttons(page)
    assert (page.slider(key="t").value, page.slider(key="m").value) == (0.45, 0.05)
    assert "at the threshold 0.45 (from handoff.toml)" in sentences(page)


def test_a_forced_threshold_is_the_baseline(page, folder):
    """The button stands on this page too; what moves is then compared with the file."""
    (folder / "handoff.toml").write_text(POLICY.format(embedder="other", registry="0"))
    page.run()
    press(page, "Use handoff.toml anyway")
    page.slider(key="t").set_value(0.2).run()

    assert "stands in its place" not in sentences(page)
    assert "Against handoff.toml: " in sentences(page)


def test_a_policy_of_this_ground_is_taken(page, folder):
    """A file that was found on these agents moves all its controls."""
    (folder / "handoff.toml").write_text(POLICY.format(embedder=EMBEDDER, registry=FINGERPRINT))
    page.run()

    assert (page.slider(key="t").value, page.slider(key="m").value) == (0.45, 0.05)
    assert "at the threshold 0.45 (from handoff.toml)" in sentences(page)


def test_the_slider_follows_when_saved_examples_end_a_policy(page, folder):
    """The default that stands in its place is on the slider, and nobody asked for the old value."""
    (folder / "handoff.toml").write_text(POLICY.format(embedder=EMBEDDER, registry=FINGERPRINT))
    page.run()
    press(page, "Make examples")
    press(page, "Save examples")
    said = sentences(page)

    assert "was found on other agents or examples than the ones in use" in said
    assert (page.slider(key="t").value, page.slider(key="m").value) == (0.3, 0.0)
    assert "at the threshold 0.3 (the embedder's default)" in said


def test_a_moved_slider_stays_when_a_policy_ends(page, folder):
    """What the visitor asked for is theirs."""
    (folder / "handoff.toml").write_text(POLICY.format(embedder=EMBEDDER, registry=FINGERPRINT))
    page.run()
    page.slider(key="t").set_value(0.6).run()
    press(page, "Make examples")
    press(page, "Save examples")

    assert page.slider(key="t").value == 0.6
    assert "at the threshold 0.6 (as asked for)" in sentences(page)


def test_saving_ends_the_refusal(page, folder):
    """A threshold that is found anew replaces the one that was found on something else."""
    (folder / "handoff.toml").write_text(POLICY.format(embedder="other", registry="0"))
    page.run()
    page.slider(key="t").set_value(0.2).run()
    press(page, "Save")

    assert "Use handoff.toml anyway" not in buttons(page)
    assert "at the threshold 0.2 (from handoff.toml)" in sentences(page)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("treshold = 0.4\n", "unknown key 'treshold'"),
        ("[found]\nwho = 'me'\n", "unknown key 'who'"),
    ],
    ids=["of the policy", "of its origin"],
)
def test_an_unknown_key_is_named(page, folder, text, named):
    """A slip in handoff.toml is one sentence, not a threshold that nobody asked for."""
    (folder / "handoff.toml").write_text(text)
    page.run()

    assert not page.exception
    assert named in sentences(page)
    assert not page.slider
