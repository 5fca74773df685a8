"""Servers that speak OpenAI's format, as people report them, and what each makes of a command.

`python -m tests.servers`, from the repository's root, plays every kind of `kinds.py` with the fake
OpenAI, runs the real command against it, and prints the table of docs/operating.md.
"""
