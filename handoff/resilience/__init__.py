"""Surviving slow, failing and crashing neighbours; knows nothing of agents."""
