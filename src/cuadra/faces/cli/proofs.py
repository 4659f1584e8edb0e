"""Evidence as a terminal shows it. JSON shows it as it is stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cuadra.faces.cli.context import escape, out
from cuadra.faces.saying import parts, said

__all__ = ["lines", "said", "show"]


def show(evidence: dict[str, Any], zone: str) -> None:
    """Print a proof, a line for each part."""
    for text in lines(evidence, zone):
        out.print(text)


def lines(evidence: dict[str, Any], zone: str) -> Iterator[str]:
    """The lines of a proof, in markup."""
    for depth, name, value in parts(evidence, zone):
        label = f"[dim]{escape(name)}:[/]" if name else ""
        yield "    " + "  " * depth + " ".join(part for part in (label, escape(value)) if part)
