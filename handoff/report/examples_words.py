"""What examples do, in words, for people; plain text, whoever shows it escapes it."""

from collections.abc import Sequence

from handoff.core.learning import Learned
from handoff.core.word_overlap import normal_form
from handoff.files.cases import Case
from handoff.files.examples import Examples
from handoff.report.numbers import counted

METHOD = "kernel ridge on what the cosine gets wrong"
_NAMED = 3


def example_notes(examples: Examples, cases: Sequence[Case] = ()) -> list[str]:
    """Say that examples are used, which rows of their file are not, and which cases they are.

    Args:
        examples: What the file holds.
        cases: Those that are evaluated.
    """
    if not examples.examples and not examples.failed:
        return []
    said = [f"Learned from {counted(len(examples.examples), 'example')}."]
    known = {normal_form(example.query) for example in examples.examples}
    met = sum(normal_form(case.query) in known for case in cases)
    if met == 1:
        said.append("1 case is also an example, or nearly one: it is scored as if it were not.")
    elif met:
        said.append(
            f"{met:,} cases are also examples, or nearly: they are scored as if they were not."
        )
    said += examples.failed[:_NAMED]
    if len(examples.failed) > _NAMED:
        more = counted(len(examples.failed) - _NAMED, "more row")
        said.append(f"And {more} of the examples cannot be used.")
    if examples.repeated == 1:
        said.append("1 example that repeats an earlier one counts once.")
    elif examples.repeated:
        said.append(f"{examples.repeated:,} examples that repeat earlier ones count once.")
    return said


def threshold_in_words(learned: Learned) -> str:
    """Say which threshold the examples ask for."""
    if learned.threshold is None:
        return "no threshold of its own."
    return f"its own best threshold is {learned.threshold:.3f}."


def taught_apart(before: Examples, after: Examples) -> list[str]:
    """Say that two registries were compared with other examples, if they were."""
    if before.examples == after.examples:
        return []
    counts = [counted(len(each.examples), "example") for each in (before, after)]
    told = (
        f"The first learned from {counts[0]}, the second from {counts[1]}: part of the difference "
        "is theirs. Put the same examples.csv beside both, or leave it out with --no-examples."
    )
    return [told]
