"""What can go wrong, grouped by who does what next.

    CuadraError
    ├── UsageError        the caller asks again, differently           exit code 2
    │   └── NotFound      the thing named does not exist
    ├── Unreachable       something needed does not answer; try later  exit code 3
    ├── Refused           we will not do it, and say why               exit code 2
    └── InputError        bad data in a file, at a named place         exit code 1

A problem of an *order* is never an exception: it is a reason of the catalogue, stored with its evidence.
Exceptions are for the person or program that asked. Their text is a message id (English) plus values, so that
the face that shows it can translate it.
"""

from __future__ import annotations

from typing import ClassVar


class CuadraError(Exception):
    """Base of all errors meant for people: one plain sentence that says what to do."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, **values: object) -> None:
        self.message = message
        self.values = values
        super().__init__(message.format(**values) if values else message)


class UsageError(CuadraError):
    """The request itself is wrong."""


class NotFound(UsageError):
    """The request names something that does not exist."""


class Refused(CuadraError):
    """A request that is understood and not carried out, for a reason that the text names."""


class Unreachable(CuadraError):
    """Something needed (a database, a folder, a shop) does not answer."""

    exit_code: ClassVar[int] = 3


class InputError(CuadraError):
    """Data that cannot be taken, with the place: file, line, column, value."""

    exit_code: ClassVar[int] = 1
