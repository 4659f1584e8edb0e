"""The command line. Exit codes: 0 done, 1 done with failures to look at, 2 wrong usage, 3 something needed cannot be
reached."""

from __future__ import annotations

import os
import sys

import typer

from cuadra import __version__
from cuadra.errors import CuadraError
from cuadra.faces.cli.commands import Commands
from cuadra.texts import _, say

app = typer.Typer(
    cls=Commands, name="cuadra", no_args_is_help=True, add_completion=False, rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help=_("Cuadra accounts for every sale: it imports orders, remembers them and explains."),
)  # fmt: skip


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
        _end(say(error), error.exit_code)
    except BrokenPipeError:
        # whoever read our output has enough: not an error, and nothing more can be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except _lost() as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        text = _("The database does not answer any more: {why}. Try again; what was stored is safe.")
        _end(text.format(why=why), 3)


def _lost() -> tuple[type[Exception], ...]:
    """What a lost database raises. A command that has not imported its library cannot have lost one."""
    psycopg = sys.modules.get("psycopg")
    return (psycopg.OperationalError,) if psycopg else ()


def _end(text: str, code: int) -> None:
    from cuadra.faces.cli.context import (
        err,
    )  # whatever raised has imported it; the program's own options do not need it

    err.print(text, style="red", markup=False, soft_wrap=True)
    sys.exit(code)
