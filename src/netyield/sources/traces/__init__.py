"""Traces: which blocks of prompt each request shared with others, as numbers, never as text."""
