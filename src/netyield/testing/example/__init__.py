"""The example company: real traffic on a simulated fleet, with planted waste of every kind and the truth about it."""

from netyield.testing.example.generate import generate
from netyield.testing.example.truth import Truth

__all__ = ["Truth", "generate"]
