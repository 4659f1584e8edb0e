"""Folders of ours on somebody's machine."""

from __future__ import annotations

from pathlib import Path


def private(folder: Path) -> None:
    """Make a folder that only its owner may enter, and those above it that are missing likewise. What is there already
    is left as it is. Raises OSError."""
    try:
        folder.mkdir(mode=0o700)
    except FileNotFoundError:  # pathlib would make what is above it open to everybody
        private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:
        if not folder.is_dir():
            raise
