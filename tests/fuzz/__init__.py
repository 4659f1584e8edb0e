"""Hostile inputs into every reader: `python -m tests.fuzz N`."""
