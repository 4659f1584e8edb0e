"""The command line. Exit codes: 0 done, 1 done with failures to look at, 2 wrong usage, 3 something needed cannot be
reached."""

from __future__ import annotations

import os
import sys

import psycopg
import typer

from cuadra import __version__
from cuadra.errors import CuadraError
from cuadra.faces.cli import (
    acting,
    admin,
    asking,
    asking_source,
    config,
    destinations,
    files,
    importing,
    intake,
    people,
    ruling,
    running,
    serving,
)
from cuadra.faces.cli.context import err
from cuadra.texts import _, say

app = typer.Typer(
    name="cuadra", help=_("Cuadra accounts for every sale: it imports orders, remembers them and explains."),
    no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False,
)  # fmt: skip

for part in (
    config,
    ruling,
    importing,
    asking,
    asking_source,
    acting,
    people,
    destinations,
    files,
    intake,
    running,
    serving,
    admin,
):
    part.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cuadra {__version__}")
        raise typer.Exit


@app.callback()
def _root(version: bool = typer.Option(False, "--version", callback=_version, help=_("Show the version."))) -> None:
    """Options of the program itself."""


def main() -> None:
    """Run the command line; every error meant for people ends as one sentence on stderr."""
    try:
        app()
    except CuadraError as error:
        err.print(say(error), style="red", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except psycopg.OperationalError as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        text = _("The database does not answer any more: {why}. Try again; what was stored is safe.")
        err.print(text.format(why=why), style="red", markup=False, soft_wrap=True)
        sys.exit(3)
    except BrokenPipeError:
        # whoever read our output has enough: not an error, and nothing more can be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
