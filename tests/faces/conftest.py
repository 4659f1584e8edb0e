"""Commands as a person types them, in this process, against the world's database."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct

from cuadra.faces.cli import context, main
from tests.world import World


class Said(Struct):
    """What a command answered."""

    code: int
    out: str
    err: str


Cuadra = Callable[..., Said]


@pytest.fixture
def cuadra(
    world: World, info: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cuadra:
    """Runs a command: `cuadra("why", "A", lang="es")`."""
    monkeypatch.setenv("CUADRA_HOME", str(world.settings.home))
    monkeypatch.setenv("CUADRA_DATABASE_URL", info)
    for console in (context.out, context.err):
        monkeypatch.setattr(console, "_width", 200)

    def run(*words: object, lang: str = "en") -> Said:
        monkeypatch.setenv("CUADRA_LANG", lang)
        monkeypatch.setattr(sys, "argv", ["cuadra", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            main.main()
        except SystemExit as end:
            code = int(end.code or 0)
        written = capsys.readouterr()
        return Said(code, written.out, written.err)

    return run
