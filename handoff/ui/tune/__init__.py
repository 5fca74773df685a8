"""Tune: a whole labelled set under a policy."""
