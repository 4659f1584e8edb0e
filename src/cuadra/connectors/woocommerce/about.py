"""What a WordPress site says of itself to anybody: its address and its time zone."""

from __future__ import annotations

from zoneinfo import available_timezones

import msgspec
from msgspec import Struct

from cuadra.connectors.trouble import Answer

QUESTION = "wp-json/", {"_fields": "home,timezone_string,gmt_offset"}


class Site(Struct):
    """See the module."""

    home: str = ""
    timezone_string: str = ""
    gmt_offset: float = 0

    @property
    def zone(self) -> str:
        """As a person reads it."""
        return self.timezone_string or f"UTC{self.gmt_offset:+g}"

    @property
    def named_zone(self) -> str | None:
        """By a name that the time zone database knows; it has none for half hours without a place. Its signs are turned
        round: `Etc/GMT+3` is three hours behind."""
        hours = round(self.gmt_offset)
        name = self.timezone_string or (f"Etc/GMT{-hours:+d}" if hours == self.gmt_offset else "")
        name = "UTC" if name == "Etc/GMT+0" else name
        return name if name in available_timezones() else None


_decode = msgspec.json.Decoder(Site, strict=False).decode


def about(answer: Answer) -> Site | None:
    """The site as it answered `QUESTION`; None if that is something else."""
    try:
        return _decode(answer.body)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return None
