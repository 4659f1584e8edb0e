"""Cuadra accounts for every sale."""

__version__ = "0.1.0"
