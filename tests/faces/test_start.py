"""A command imports what it needs, and waits for nobody else's libraries."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.world import World, order

#: what the commands below have no use for
OTHERS = {
    "cuadra.connectors.shopify", "cuadra.connectors.woocommerce", "cuadra_simulators", "email_validator", "granian",
    "httpx", "litestar", "pyarrow", "rich.markdown", "structlog",
}  # fmt: skip
#: what the program has no use for before it knows the command
COMMANDS = {"cryptography", "cuadra.connectors", "cuadra.faces.cli.context", "opentelemetry", "phonenumbers", "psycopg"}


def imported(*words: str, **variables: str) -> set[str]:
    """What the program has imported when it ends: «psycopg», «cuadra.jobs.importing»."""
    program = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr));"
        "from cuadra.faces.cli.main import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", program, *words], env={**os.environ, **variables},
                           capture_output=True, text=True, check=True)  # fmt: skip
    return set(ended.stderr.split())


def test_the_program_itself_imports_no_command() -> None:
    found = imported("--version")
    assert "typer" in found
    assert not found & (OTHERS | COMMANDS)
    assert not imported("--help") & (OTHERS | COMMANDS) - {"rich.markdown"}


@pytest.mark.parametrize("words", [["import", "shop"], ["why", "A"], ["history"], ["integration", "list"]])
def test_a_command_imports_nothing_of_the_others(words: list[str], world: World, info: str) -> None:
    world.take(order("A"))
    world.write(order("B"))
    found = imported(*words, CUADRA_HOME=str(world.settings.home), CUADRA_DATABASE_URL=info)
    assert "psycopg" in found
    assert not found & OTHERS
