"""Explore: one query, and why it went where it went."""
