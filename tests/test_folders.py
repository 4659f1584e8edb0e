"""Folders that Cuadra makes are closed to others, and so are those above them that it has to make."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cuadra import folders
from tests.world import World


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_private_folder_and_what_it_makes_above_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folders.private(tmp_path / "a" / "b" / "c")
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3
    assert mode(tmp_path) == 0o755
    (tmp_path / "a").chmod(0o750)
    folders.private(tmp_path / "a")
    assert mode(tmp_path / "a") == 0o750, "what is there already is left as it is"
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        folders.private(tmp_path / "file")


def test_home_and_what_is_above_it_are_closed_to_others(world: World) -> None:
    home = world.tmp / "new" / "deep" / "home"
    world.settings = type(world.settings)(home=home, database_url=world.settings.database_url)
    before = os.umask(0o022)
    try:
        world.take_csv({"orders.csv": "id\n"})
    finally:
        os.umask(before)
    assert [mode(path) for path in (home, home.parent, home.parent.parent)] == [0o700] * 3
