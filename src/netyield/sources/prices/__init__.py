"""Dated prices of models and currencies."""
