"""What a platform answered, and the trouble when it did not give what was asked for: for whoever never talks HTTP himself."""

from __future__ import annotations

from msgspec import Struct

from cuadra.connectors.base import Evidence


class Answer(Struct, frozen=True):
    """One answer of a platform, and to what; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    method: str = "GET"
    url: str = ""
    """Without its parameters."""
    asked_at: str = ""


class Trouble(Exception):
    """The platform did not give what was asked for. `reason` is a code of the catalogue, with its proof."""

    def __init__(self, reason: str, evidence: Evidence, *, transient: bool = False, wait: float | None = None) -> None:
        self.reason, self.evidence, self.transient, self.wait = reason, evidence, transient, wait
        self.answer: Answer | None = None
        """What was answered, if anything was."""
        super().__init__(f"{reason}: {evidence}")
