"""Destinations: what is sent, what is answered, and when it is sent again."""
