"""Hostile and odd values, and the objects that tenants write, with a value in every field."""
