"""Builds programs from their Go modules, where no release can be downloaded."""
