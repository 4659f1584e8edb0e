"""Benches: Cuadra against its peers, on the machine at hand, with floors below which the run fails."""
