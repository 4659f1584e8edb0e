"""The command line: `cuadra`. See `main`."""
