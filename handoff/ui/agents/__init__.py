"""Agents: edited, with the effect before it is saved."""
