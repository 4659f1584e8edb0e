"""Texts of the program in Spanish and English: gettext, with English as the message ids.

The language is CUADRA_LANG, then the locale's, then English. Texts of reasons are not here: they are data of the
catalogue, in both languages always.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from importlib.resources import as_file, files
from typing import Protocol

from cuadra.errors import CuadraError

LANGUAGES = ("en", "es")
speaking: ContextVar[str] = ContextVar("speaking", default="")
"""The language of whoever is being answered, where one process answers many; empty: that of the process."""


class Say(Protocol):
    """Hears of progress: a text of the program, and apart from it what fills its places."""

    def __call__(self, text: str, /, **values: object) -> None: ...


def language(environ: Mapping[str, str] | None = None) -> str:
    """The language to speak: «es» or «en»."""
    if environ is None and (spoken := speaking.get()):
        return spoken
    env = os.environ if environ is None else environ
    for name in ("CUADRA_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        found = env.get(name, "")[:2].lower()
        if found in LANGUAGES:
            return found
        if found and name == "CUADRA_LANG":
            break
    return "en"


@cache
def catalog(lang: str) -> gettext.NullTranslations:
    """The translations of a language; English needs none."""
    if lang == "en":
        return gettext.NullTranslations()
    with as_file(files("cuadra").joinpath(f"locale/{lang}/LC_MESSAGES/cuadra.mo")) as path, path.open("rb") as file:
        return gettext.GNUTranslations(file)


def _(message: str) -> str:
    """A text in the language of this process."""
    return catalog(language()).gettext(message)


def plural(one: str, many: str, number: int) -> str:
    """A text for a number of things, with `{n}` filled in as numbers are written."""
    return catalog(language()).ngettext(one, many, number).replace("{n}", written(number))


def written(number: int) -> str:
    """A whole number as people write it."""
    if abs(number) < 1000:
        return str(number)
    from babel.numbers import format_decimal  # takes a while to load, and most numbers are small

    return str(format_decimal(number, locale=language()))


def say(err: CuadraError) -> str:
    """An error as one sentence in the language of this process."""
    template = _(err.message)
    return template.format(**err.values) if err.values else template
