"""The contract of a destination: it takes parcels, one order version each, and may be asked whether it shows them."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Parcel(Struct, frozen=True):
    """One version of one order on its way."""

    id: str
    """The same each time that this parcel is sent, and no other parcel's: who has taken it once knows it again. Visible
    ASCII, without a space."""
    key: str
    """The order's id here."""
    sequence: int
    """Of two parcels of the same order the higher one is the newer."""
    body: bytes
    """JSON, in UTF-8."""


class Delivered(Struct, frozen=True):
    """A destination has taken a parcel."""

    status: int
    """Of HTTP."""
    ms: int
    """From the first step to the last byte that was read of the answer."""
    answer: str
    """The destination's own words, at most 500 characters."""
    already: bool = False
    """It says that it had taken the same parcel before."""
    visible: bool | None = None
    """What `read_back` found afterwards; None: nobody has asked."""


class Destination(Protocol):
    """Somewhere that orders go on to. Safe to be used by several threads."""

    def deliver(self, parcel: Parcel) -> Delivered:
        """Send a parcel, once: whether and when it is sent again is the caller's decision. Raises
        `connectors.trouble.Trouble`; its reason is a code of the catalogue about a delivery."""
        ...

    def read_back(self, parcel: Parcel) -> bool | None:
        """Whether the destination shows this parcel, or a newer one of the same order; None if it cannot be asked. Raises
        `connectors.trouble.Trouble` if it can be asked and does not say."""
        ...

    def close(self) -> None:
        """Let go of its connections."""
        ...
