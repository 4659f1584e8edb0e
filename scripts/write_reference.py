"""Writes docs/reference/reasons.md from the catalogue, so that it cannot drift; a test compares.

.venv/bin/python scripts/write_reference.py
"""

from __future__ import annotations

import re
from pathlib import Path

from cuadra import reasons
from cuadra.reasons import Reason

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "reasons.md"

SOURCE = Path(reasons.__file__).with_name("catalogue.toml")
GROUPS = dict(re.findall(r"^# ([A-O]) · (.+)$", SOURCE.read_text("utf-8"), re.MULTILINE))

INTRO = """# Reasons

<!-- Written by scripts/write_reference.py from src/cuadra/reasons/catalogue.toml: change the catalogue, not this file. -->

A reason says why an order, a line, a row or a question did not end as hoped. Every order that is not present has
exactly one, with the evidence that proves it; the database refuses a row without. `cuadra why` shows it,
`cuadra reasons CODE` prints its help article where there is one, and `cuadra history --reason CODE` lists the orders
that have it.

What the facts below mean:

| Fact | Meaning |
| --- | --- |
| speaks of | what the reason is about. Only a reason that speaks of an *order* decides where the order stands |
| kind | where it puts what it speaks of: `failed`, `held`, `waiting`, `skipped`. A `warning` leaves the order present; a `difference` names a part of a gap between two totals |
| fixed by | who has to act: `merchant`, `it` (the merchant's technical people), `operator` (who runs Cuadra), `platform`, `destination`, `shopper`, or `system` (nobody: it settles by itself) |
| goes on | `auto`: tried again by itself. `event`: when the named event happens. `fix`: once the remedy is applied. `no`: repeating changes nothing |
| evidence | what is stored beside the code. Without it the code may not be set |

The catalogue is larger than what this version can meet: causes of parts that are still to come, such as tags and
reconciliation, are named already, so that codes stay the same when those parts arrive. A cause that can be met today has a help article.
"""


def render() -> str:
    """The whole page."""
    parts = [INTRO]
    group = ""
    for reason in reasons.every().values():
        if reason.group != group:
            group = reason.group
            parts.append(f"---\n\n**{group} · {GROUPS[group]}**\n")
        parts.append(_section(reason))
    return "\n".join(parts)


def _section(reason: Reason) -> str:
    goes_on = f"`event` ({reason.event})" if reason.event else f"`{reason.retry}`"
    if reason.turns_failed:
        goes_on += "; failed when the attempts are used up"
    facts = [
        f"speaks of `{reason.subject}`", f"kind `{reason.kind}`", f"fixed by `{reason.fixed_by}`", f"goes on {goes_on}",
    ]  # fmt: skip
    evidence = ", ".join(f"`{key}`" for key in reason.evidence) or "none"
    article = "" if reasons.article(reason.code, "en") is None else f" Article: `cuadra reasons {reason.code}`."
    return (
        f"## {reason.code}\n\n{reason.text.en} {reason.action.en}\n\n"
        f"*{reason.text.es} {reason.action.es}*\n\n{' · '.join(facts)}\n\nEvidence: {evidence}.{article}\n"
    )


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
    print(TARGET)
