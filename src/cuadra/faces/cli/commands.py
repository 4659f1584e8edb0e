"""Every command: its name, where it is, and what the help says of it.

A command's module is imported when the command is given, so that none waits for the libraries of the others.
"""

from __future__ import annotations

import gc
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from cuadra.texts import _

Entry = tuple[str, str, str]
"""A name, «module of this folder:what in it», and a line of help."""

PLAIN: tuple[Entry, ...] = (
    ("import", "importing:import_command", _("Import everything new of an integration, and report.")),
    ("why", "asking:why_command",
     _("Why is it not here? Any number, email, phone, SKU or file line in; a verdict out.")),
    ("history", "asking:history_command", _("The orders ever heard of, newest first.")),
    ("reasons", "asking:reasons_command", _("The catalogue of reasons; with a code, its help article.")),
    ("relink", "asking_source:relink", _("Fetch orders again from their shop, by number or email.")),
    ("census", "asking_source:census", _("Import, and compare everything with a light listing of the shop.")),
    ("write-off", "acting:write_off", _("Note that an order's stock was written off: it is frozen from now on.")),
    ("apply-after-freeze", "acting:apply_after_freeze", _("Apply what the source changed after the write-off.")),
    ("status", "running:status_command",
     _("Is everything arriving? Integrations, destinations and workers on one screen.")),
    ("serve", "serving:serve_command", _("Take notices of platforms in, and work off what arrives.")),
    ("worker", "serving:worker_command", _("Work off what arrives and what is due, without taking notices in.")),
    ("demo", "demo:demo_command", _("Make a shop, import its files and show what can be asked.")),
    ("doctor", "admin:doctor_command", _("Is everything as it should be?")),
    ("backup", "admin:backup_command", _("Write everything to one file.")),
    ("restore", "admin:restore_command", _("Bring a backup back.")),
)  # fmt: skip

GROUPS: tuple[Entry, ...] = (
    ("account", "config:account_app", _("Accounts: add, set, list.")),
    ("integration", "config:integration_app",
     _("Integrations: add, test, profile, webhooks, list, show, set, activate, pause, resume, remove.")),
    ("rules", "ruling:rules_app", _("Import rules of an integration: show, set, history.")),
    ("rate", "ruling:rate_app", _("Dated exchange rates: set, list.")),
    ("write-back", "asking_source:write_back_app", _("States of ours for the shop: set, list.")),
    ("product", "acting:product_app", _("Products: list, link, activate.")),
    ("customer", "acting:customer_app", _("Customers: list, merge, keep-apart, unmerge.")),
    ("person", "people:person_app", _("A person's data: export, erase, requests of platforms.")),
    ("destination", "destinations:destination_app",
     _("Destinations: add, list, show, set, test, pause, resume, remove, held, release, resend.")),
    ("files", "files:files_app", _("File sets: check, rejects, search.")),
    ("intake", "intake:intake_app", _("Notices of platforms: refused, address.")),
    ("runs", "running:runs_app", _("What has run, and what runs now: list, show, cancel.")),
    ("export", "admin:export_app", _("Exports: orders.")),
    ("db", "admin:db_app", _("The database: migrate, status, start, stop.")),
    ("keys", "admin:keys_app", _("Keys of credentials: rotate.")),
)  # fmt: skip


class Named(TyperCommand):
    """What the help of the program shows of a command, and the way to the command itself."""

    def __init__(self, name: str, place: str, help: str) -> None:
        super().__init__(name, help=help)
        self.place = place

    def loaded(self) -> Any:
        """The command itself: a `TyperCommand`, or the `TyperGroup` of several."""
        module, _colon, attribute = self.place.partition(":")
        found = getattr(import_module(f"cuadra.faces.cli.{module}"), attribute)
        alone = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False)
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=self.name, help=self.help, no_args_is_help=True)
        else:
            alone.command(self.name, help=self.help)(found)
        return get_group(alone).commands[str(self.name)]

    def make_context(self, *given: Any, **extra: Any) -> Any:
        """That of the command itself: from here on it is as if there had never been a stand-in."""
        gc.disable()  # what is imported now is no garbage, and the collector would look for some every few hundred objects
        try:
            return self.loaded().make_context(*given, **extra)
        finally:
            gc.enable()
            _settle()


@cache
def _settle() -> None:
    """Take what has been imported out of the garbage collector's sight, once: all of it stays until the end, where it
    would be looked through once more."""
    gc.freeze()


class Commands(TyperGroup):
    """The program, which is all these commands."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "commands": {name: Named(name, *rest) for name, *rest in (*PLAIN, *GROUPS)}})
