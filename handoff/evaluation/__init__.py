"""Is the routing any good? Evidence is gathered once; every analysis is a pure function of it."""
