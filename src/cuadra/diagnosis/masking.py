"""Personal data as it is shown by default: enough to recognise, not enough to use. What is no contact of its kind at all
is masked whole."""

from __future__ import annotations

import re
from typing import Any

from cuadra.model import personal

HIDDEN = "••••"
_DOMAIN = re.compile(r"[\w.-]*")
_PHONE = re.compile(r"[-+\d\s().]*")


def name(value: str | None) -> str | None:
    """«María Fernández» → «M•••• F••••»."""
    if not value:
        return value
    return " ".join(f"{part[0]}{HIDDEN}" for part in value.split())


def email(value: str | None) -> str | None:
    """«maria@example.com» → «m••••@example.com»."""
    if not value:
        return value
    local, at, domain = value.partition("@")
    return f"{local[:1]}{HIDDEN}{at}{domain}" if _DOMAIN.fullmatch(domain) else HIDDEN


def phone(value: str | None) -> str | None:
    """«+5491155550101» → «+54••••01»."""
    if not value:
        return value
    return f"{value[:3]}{HIDDEN}{value[-2:]}" if len(value) > 6 and _PHONE.fullmatch(value) else HIDDEN


def document(value: str | None) -> str | None:
    """«20-12345678-9» → «••••8-9»."""
    if not value:
        return value
    return HIDDEN + value[-3:] if len(value) > 6 else HIDDEN


_MASKS = {"email": email, "phone": phone, "name": name, "document": document}


def value(kind: str, said: str) -> str:
    """A value that says something of a person, see `model.personal`."""
    mask = _MASKS.get(kind)
    return (mask(said) or "") if mask else said and HIDDEN


def identifier(kind: str, said: str) -> str:
    """An identifier; only those that are a person's contact or document are masked."""
    return value(kind, said) if kind in ("email", "phone", "document") else said


def evidence(proof: dict[str, Any], shown: bool) -> dict[str, Any]:
    """Evidence for people: values that say something of a person are masked unless they are to be `shown`."""
    proof = dict(proof)
    kind = proof.pop("personal", None) or proof.get("channel")  # of a contact: email, phone
    if shown:
        return proof
    said = proof.get("value")
    if isinstance(kind, str) and isinstance(said, str):
        proof["value"] = value(kind, said)
    elif isinstance(kind, list) and isinstance(said, dict):  # two contacts with the same fault
        proof["value"] = {one: value(one, written or "") for one, written in said.items()}
    if isinstance(proof.get("keys"), list):
        pairs = [key.partition(":") for key in proof["keys"]]
        proof["keys"] = [f"{kind}:{identifier(kind, said)}" for kind, _, said in pairs]
    return proof


def change(field: str, said: Any) -> Any:
    """One side of a change of an order's field."""
    if field.startswith("refunds") and isinstance(said, dict | list):  # of a refund only its note
        parts = [said] if isinstance(said, dict) else said
        bare = [{**part, "note": HIDDEN} if part.get("note") else part for part in parts]
        return bare[0] if isinstance(said, dict) else bare
    kind = personal(field)
    if kind and said is not None:
        return value(kind, said) if isinstance(said, str) else HIDDEN
    return said


def field(name: str, said: Any) -> Any:
    """A field of an order, or an object of such fields, each by what it says of a person."""
    if isinstance(said, dict):
        return {inner: field(f"{name}.{inner}", item) for inner, item in said.items()}
    if isinstance(said, list):
        return [field(f"{name}[{at}]", item) for at, item in enumerate(said)]
    return change(name, said)
