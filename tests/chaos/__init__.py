"""Accidents: real programs, a shop, a CRM and a drop folder, and everything that goes wrong with them. See __main__."""
