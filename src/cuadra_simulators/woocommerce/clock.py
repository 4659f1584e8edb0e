"""The shop's own time, and its stamps as WordPress writes them."""

from __future__ import annotations

from datetime import UTC, datetime

from cuadra_simulators.clock import START as START
from cuadra_simulators.clock import Clock as Clock


def iso(moment: int) -> str:
    """A stamp as WordPress writes those called gmt: UTC without a zone."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")
