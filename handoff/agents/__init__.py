"""Agents beside one another: who overlaps, what an edit does, and why one scores as it does."""
