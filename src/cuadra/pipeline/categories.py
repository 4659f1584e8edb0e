"""Which category a product gets when the source assigns it several. Pure; named policies, decided from the tree alone.

`branches` (the default) reads the three rules of a shop platform per branch: first every branch is collapsed to its
deepest assigned node; then, of the branches, the shallowest node stays; then the first in alphabetical order.
"""

from __future__ import annotations

import unicodedata
from typing import Literal

from msgspec import Struct

from cuadra.connectors.base import Evidence

Path = tuple[str, ...]
Policy = Literal["branches", "deepest", "first", "none"]
SEPARATOR = "\u001f"
LONGEST = 2_000
"""Bytes of a whole path: an index of the database takes no longer ones."""


class Choice(Struct, frozen=True):
    """The chosen path (None: no category), and which rule decided between which candidates, if there were several."""

    path: Path | None
    rule: str | None = None
    candidates: tuple[Path, ...] = ()


def choose(assigned: list[Path], policy: Policy = "branches") -> Choice:
    """One category of those assigned. Empty names are no names; a path without names is no category."""
    paths = sorted({clean for path in assigned if (clean := tuple(name.strip() for name in path if name.strip()))},
                   key=alphabetical)  # fmt: skip
    if not paths or policy == "none":
        return Choice(None)
    if len(paths) == 1:
        return Choice(paths[0])
    everything = tuple(paths)
    if policy == "first":
        return Choice(paths[0], "first", everything)
    if policy == "deepest":
        depth = max(len(path) for path in paths)
        return Choice(next(path for path in paths if len(path) == depth), "deepest", everything)
    leaves = [path for path in paths if not any(_below(other, path) for other in paths)]
    if len(leaves) == 1:
        return Choice(leaves[0], "deepest_of_branch", everything)
    depth = min(len(path) for path in leaves)
    shallow = [path for path in leaves if len(path) == depth]
    return Choice(shallow[0], "most_general_branch" if len(shallow) == 1 else "alphabetical", everything)


def _below(path: Path, above: Path) -> bool:
    return len(path) > len(above) and path[: len(above)] == above


def alphabetical(path: Path) -> tuple[tuple[str, str], ...]:
    """Order of people: accents and case do not matter, unless nothing else differs."""
    return tuple((_plain(name), name) for name in path)


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def path_of(node: str, nodes: dict[str, tuple[str | None, str]]) -> tuple[Path, str | None]:
    """The path of names from the root to a node of the source's tree, and what is wrong with the tree on the way."""
    names: list[str] = []
    seen: set[str] = set()
    at: str | None = node
    while at is not None:
        if at in seen:
            return tuple(reversed(names)), "loop"
        seen.add(at)
        found = nodes.get(at)
        if found is None:
            return tuple(reversed(names)), "orphan" if names else "unknown"
        parent, name = found
        if not name.strip():
            return tuple(reversed(names)), "empty_name"
        names.append(name.strip())
        at = parent if parent not in (None, "", "0") else None
    return tuple(reversed(names)), None


def too_long(path: Path) -> bool:
    """Whether nobody can have meant this as a category: it has no place in an index."""
    return len(SEPARATOR.join(path).encode()) > LONGEST


def evidence(choice: Choice) -> Evidence:
    """The proof of an ambiguous choice."""
    return {
        "candidates": [" > ".join(path) for path in choice.candidates],
        "chosen": " > ".join(choice.path or ()),
        "rule": choice.rule,
    }
