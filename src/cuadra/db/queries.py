"""Named SQL: every statement lives in `sql/*.sql` under `-- name: verb_noun` with a line that says why.

The text runs from one name to the next; parameters are psycopg's (`%(account)s`). A test prepares each one.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import LiteralString

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def _load() -> dict[str, str]:
    found: dict[str, str] = {}
    for resource in sorted(files("cuadra.db").joinpath("sql").iterdir(), key=lambda item: item.name):
        if not resource.name.endswith(".sql"):
            continue
        parts = _NAME.split(resource.read_text("utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in found:
                raise ValueError(f"two statements are named {name}")
            found[name] = text.strip().rstrip(";")
    return found


ALL: dict[str, LiteralString] = _load()


def sql(name: str) -> LiteralString:
    """The statement of that name; a KeyError names one that no file holds."""
    return ALL[name]
