"""A registry, a changed one and labelled queries, and what is done with them in many checks."""

import csv
from pathlib import Path

from three_desks import AGENTS

OTHER_AGENTS = AGENTS.replace("Roses tulips soil", "Roses tulips")

CASES = (
    ("rain tomorrow", "weather"),
    ("wind and sunshine", "weather"),
    ("sunshine please", "weather"),
    ("rain wind", "weather"),
    ("sunshine rain wind", "weather"),
    ("forecast of rain", "weather"),
    ("invoices again", "money"),
    ("refunds and receipts", "money"),
    ("my receipts", "money"),
    ("billing of roses", "money"),
    ("refunds invoices", "money"),
    ("receipts for tulips", "money"),
    ("roses", "garden"),
    ("tulips and soil", "garden"),
    ("sky over soil", "garden"),
    ("soil", "garden"),
    ("plants in rain", "garden"),
    ("roses tulips", "garden"),
    ("quantum chess", ""),
    ("opera violin", ""),
    ("marble statue", ""),
    ("rain of arrows", ""),
    ("pasta recipe", ""),
    ("old receipts museum", ""),
)

SECRET = "zanzibar"  # noqa: S105 - a word that stands in every query that may go wrong


def write(name, rows):
    """Write labelled queries into the working directory."""
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("query", "expected"), *rows])
