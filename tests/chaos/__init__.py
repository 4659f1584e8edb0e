"""Accidents: real programs, two shops, a CRM and a drop folder, and everything that goes wrong with them. See __main__."""
