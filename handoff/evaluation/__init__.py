"""A labelled set, judged: evidence is gathered once, every analysis is a pure function of it."""
