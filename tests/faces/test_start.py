"""A command imports what it needs, and waits for nobody else's libraries."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "cuadra_simulators", "cryptography", "email_validator", "httpx", "litestar", "opentelemetry",
    "phonenumbers", "psycopg", "pyarrow", "structlog",
}  # fmt: skip
TOLD = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))"


def imported(*words: str) -> set[str]:
    """What the program has imported when it ends: «psycopg», «cuadra.jobs.importing»."""
    program = f"{TOLD}; from cuadra.faces.cli.main import main; main()"
    ended = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    return set(ended.stderr.split())


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_program_itself_imports_no_command(option: str) -> None:
    found = imported(option)
    assert "typer" in found
    assert not found & HEAVY
