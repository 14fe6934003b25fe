"""Netyield measures what a useful token costs and where the rest of every dollar went."""

__version__ = "0.1.0"
