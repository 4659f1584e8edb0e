"""Personal data as it is shown by default: enough to recognise, not enough to use."""

from __future__ import annotations


def name(value: str | None) -> str | None:
    """«María Fernández» → «M•••• F••••»."""
    if not value:
        return value
    return " ".join(f"{part[0]}••••" for part in value.split())


def email(value: str | None) -> str | None:
    """«maria@example.com» → «m••••@example.com»."""
    if not value:
        return value
    local, at, domain = value.partition("@")
    return f"{local[:1]}••••{at}{domain}"


def phone(value: str | None) -> str | None:
    """«+5491155550101» → «+54••••0101»."""
    if not value:
        return value
    return f"{value[:3]}••••{value[-2:]}" if len(value) > 6 else "••••"


def identifier(kind: str, value: str) -> str:
    """An identifier; only those that are a person's contact are masked."""
    if kind == "email":
        return email(value) or ""
    return (phone(value) or "") if kind == "phone" else value
