"""A registry, labelled queries that its descriptions cannot tell, and examples of them."""

import csv
from pathlib import Path

AGENTS = """\
id,name,description,tags
weather,Weather Desk,Rain wind sunshine,forecast;sky
money,Money Desk,Invoices refunds receipts,billing
garden,Garden Desk,Roses tulips soil,plants;sky
"""

# Words that no description holds: only who learns from them can tell.
WORDS = {
    "weather": ("umbrella", "blizzard", "frost", "thunder"),
    "money": ("wallet", "charged", "bank", "salary"),
    "garden": ("lettuce", "weeds", "pruning", "hedge"),
    "": ("chess", "opera", "poem", "marathon"),
}

FILLERS = ("today", "again", "please", "later", "maybe")

CASES = tuple(
    (f"{word} {filler} {word}", agent)
    for agent, words in WORDS.items()
    for word in words
    for filler in FILLERS
)

TAUGHT = "umbrella and frost and thunder"

EXAMPLE = CASES[0][0]


def write(name, rows, header=("query", "expected")):
    """Write labelled queries into the working directory."""
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def refused(handoff, *arguments):
    """Return the one line that a command is refused with."""
    code, out, err = handoff(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("handoff: ")
    assert err.count("\n") == 1
    return err.removeprefix("handoff: ").rstrip("\n")
