"""How findings are shown: a mark and a sentence each, as they come."""

from __future__ import annotations

from typing import Any

from cuadra.connectors.base import Finding
from cuadra.errors import CuadraError
from cuadra.faces.cli.context import escape, out
from cuadra.jobs import doctor
from cuadra.texts import _, say

MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]![/]"}


def show(one: Finding) -> None:
    """One line for people."""
    out.print(MARKS[one.good], escape(_(one.text).format(**_said(one.values))), soft_wrap=True)


def _said(values: dict[str, Any]) -> dict[str, Any]:
    """What fills the places of a finding, in the language of this process."""
    words = {name: _(str(value)) for name, value in values.items() if name in doctor.WORDS}
    errors = {name: say(value) for name, value in values.items() if isinstance(value, CuadraError)}
    return {**values, **words, **errors}
