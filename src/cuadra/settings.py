"""Every setting of the program, in one place: field = environment variable = default = help line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cuadra.errors import UsageError


def _setting(default: Any, variable: str, help_line: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"variable": variable, "help": help_line, "secret": secret})


@dataclass(frozen=True, slots=True)
class Settings:
    """The program's settings; build them with `Settings.load()`."""

    home: Path = _setting(
        None, "CUADRA_HOME", "Folder for everything Cuadra keeps outside the database (default: ~/.cuadra)."
    )
    database_url: str = _setting(
        "", "CUADRA_DATABASE_URL",
        "A PostgreSQL of version 15 or later; without it Cuadra runs its own embedded server.", secret=True,
    )  # fmt: skip
    lang: str = _setting("", "CUADRA_LANG", "Language of texts: es or en (default: the locale's, else en).")
    key_file: str = _setting(
        "", "CUADRA_KEY_FILE", "File with the encryption keys of credentials (default: keys in CUADRA_HOME)."
    )
    batch: int = _setting(3000, "CUADRA_BATCH", "Receipts that one transaction takes from a bulk source.")

    log: str = _setting(
        "", "CUADRA_LOG",
        "What is said as JSON lines on standard error: off, jobs or attempts (default: jobs for serve and worker).",
    )  # fmt: skip
    metrics: str = _setting("", "CUADRA_METRICS", "Where serve and worker show metrics, HOST:PORT (default: nowhere).")

    web: str = _setting(
        "127.0.0.1:8000", "CUADRA_WEB", "Where serve and demo show the pages, HOST:PORT of this machine; «no»: nowhere."
    )
    intake_body_mb: int = _setting(5, "CUADRA_INTAKE_BODY_MB", "Largest body of a notice that is taken, in MiB.")
    intake_free_mb: int = _setting(
        200, "CUADRA_INTAKE_FREE_MB", "Notices are refused while the embedded server's disk has fewer MiB free."
    )

    @property
    def keys(self) -> Path:
        """Where the keys of credentials are, or will be."""
        return Path(self.key_file).expanduser().absolute() if self.key_file else self.home / "keys"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment. Raises UsageError naming the variable and the value that cannot be used."""
        env = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for item in fields(cls):
            raw = env.get(item.metadata["variable"], "").strip()
            if not raw:
                continue
            values[item.name] = raw
        home = Path(values.get("home") or Path(env.get("HOME") or Path.home()) / ".cuadra")
        values["home"] = home.expanduser().absolute()
        for name, variable, most in (("batch", "CUADRA_BATCH", 10_000), ("intake_body_mb", "CUADRA_INTAKE_BODY_MB", 64),
                                     ("intake_free_mb", "CUADRA_INTAKE_FREE_MB", 1_000_000)):  # fmt: skip
            if name in values:
                values[name] = _up_to(variable, values[name], most)
        if values.get("log", "off") not in ("off", "jobs", "attempts"):
            raise UsageError("{variable} must be {known}, not «{value}».", variable="CUADRA_LOG",
                             known="off, jobs, attempts", value=values["log"])  # fmt: skip
        if values.get("lang", "en") not in ("es", "en"):
            values["lang"] = values["lang"].lower()[:2]
        return cls(**values)


def _up_to(variable: str, raw: str, most: int) -> int:
    if not raw.isdecimal() or not 1 <= int(raw) <= most:
        raise UsageError("{variable} must be a whole number from 1 to {most}, not «{value}».", variable=variable,
                         most=most, value=raw)  # fmt: skip
    return int(raw)
