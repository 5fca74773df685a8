"""Print the table: `python -m tests.servers`, from the repository's root."""

import sys

from .kinds import KINDS
from .table import HEAD, row


def main() -> None:
    """Play every kind, or those with one of the words that are given; print as it goes."""
    wanted = sys.argv[1:]
    sys.stdout.write(HEAD)
    for kind in KINDS:
        if not wanted or any(word in kind.what for word in wanted):
            sys.stdout.write(row(kind))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
