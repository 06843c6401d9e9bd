"""Reads the logs of containers."""
