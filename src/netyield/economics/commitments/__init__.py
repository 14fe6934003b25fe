"""Commitments: what is locked in, what it is worth, how much to commit, and when to let go. See docs/commitments.md."""
