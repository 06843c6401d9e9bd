"""Decide which tasks start, and within which limits. Pure."""
