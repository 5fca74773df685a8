"""Similarity over a registry's vectors."""
