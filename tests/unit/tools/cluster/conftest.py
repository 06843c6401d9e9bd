"""Machines with other engines than the one that tests run on."""

from tests.support.machine import machine

__all__ = ["machine"]
