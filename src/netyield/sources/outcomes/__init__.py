"""Outcome events: was the answer used?"""
