"""Phones in international form, emails case-folded, and which contacts are no keys to a person."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from msgspec import Struct

# The libraries are imported where one is asked: both are large, and most of what the program does asks neither.


class Contact(Struct, frozen=True):
    """A contact as a key: `value` to match by, or the reason why it is none (`invalid`, `masked`, `placeholder`)."""

    value: str | None
    fault: str | None = None
    rule: str = ""


_NONE = Contact(None)
_NO_EMAIL = Contact(None, "invalid", "one address like name@example.com")

#: domains under which marketplaces hide the buyer's own address
MASKED_DOMAINS = frozenset({
    "mail.mercadolibre.com", "mail.mercadolivre.com", "mercadolibre.com", "mercadolivre.com.br",
    "marketplace.amazon.com", "marketplace.amazon.com.br", "marketplace.amazon.com.mx", "marketplace.amazon.es",
    "ct.vtex.com.br", "members.ebay.com", "reply.falabella.com", "linio.com",
})  # fmt: skip
#: what staff types when the customer gives no address: whole local parts, and domains that belong to nobody
_FILLERS = re.compile(
    r"^(sin ?(correo|email|mail)|no ?(e?mail|tiene|correo)|notiene|noemail|nomail|prueba\d*|ejemplo|test\d*|asd+|xxx+|"
    r"cliente|consumidor\.?final|mostrador|anonimo|na|none|null)@"
)
_FILLER_DOMAINS = frozenset({"noemail.com", "nomail.com", "sincorreo.com", "test.com", "prueba.com", "email.com"})
_PLAIN_EMAIL = re.compile(r"^[a-z0-9!#$%&'*+/=?^_`{|}~-]++(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]++)*"
                          r"@(?:(?!-)[a-z0-9-]{1,63}+(?<!-)\.)+[a-z]{2,63}$")  # fmt: skip


@lru_cache(maxsize=20_000)
def email(raw: str | None, extra: frozenset[str] = frozenset()) -> Contact:
    """An email address as a key: case-folded, blanks stripped."""
    value = (raw or "").strip().casefold()
    if not value:
        return _NONE
    if "@" not in value:
        return _NO_EMAIL
    if len(value) > 254 or not _PLAIN_EMAIL.match(value):
        from email_validator import EmailNotValidError, validate_email

        try:
            value = validate_email(value, check_deliverability=False, test_environment=True).normalized.casefold()
        except EmailNotValidError:  # what the library says is in English, and may repeat a part of the address
            return _NO_EMAIL
    domain = value.rsplit("@", 1)[1]
    if domain in MASKED_DOMAINS or domain.startswith(("marketplace.amazon.", "mail.mercado")):
        return Contact(None, "masked", domain)
    if value in extra or domain in _FILLER_DOMAINS or _FILLERS.match(value):
        return Contact(None, "placeholder", "a filler address")
    return Contact(value)


@cache
def _possible_lengths() -> dict[str, frozenset[int]]:
    """Country code → possible lengths of the national number, from the library's own metadata."""
    import phonenumbers

    found = {}
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(
            code, phonenumbers.region_code_for_country_code(code)
        )
        if metadata is not None and metadata.general_desc is not None:
            found[str(code)] = frozenset(metadata.general_desc.possible_length)
    return found


def _already_international(value: str) -> bool:
    """Whether «+digits» is what the library would give back: the common case, without its 35 microseconds."""
    digits = value[1:]
    if not (value[0] == "+" and digits.isdecimal() and digits.isascii()):
        return False
    lengths = _possible_lengths()
    for size in (1, 2, 3):
        possible = lengths.get(digits[:size])
        if possible is not None:
            # a national prefix typed after the country code is for the library to take away
            return len(digits) - size in possible and digits[size] != "0"
    return False


@lru_cache(maxsize=20_000)
def phone(raw: str | None, region: str, extra: frozenset[str] = frozenset()) -> Contact:
    """A phone number as a key, in international form (E.164); `region` is the country of numbers without prefix."""
    value = (raw or "").strip()
    if not value:
        return _NONE
    if not _already_international(value):
        import phonenumbers

        try:
            parsed = phonenumbers.parse(value[:40], region or None)
        except phonenumbers.NumberParseException:
            return Contact(None, "invalid", "a phone number")
        if not phonenumbers.is_possible_number(parsed):
            return Contact(None, "invalid", "a possible number of its country")
        value = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if value in extra or (raw or "").strip() in extra:
        return Contact(None, "placeholder", "a filler number of this shop")
    if value.endswith((value[-1] * 7, "12345678")):
        return Contact(None, "placeholder", "a filler number")
    return Contact(value)


def phones(raw: str, regions: Iterable[str]) -> list[str]:
    """The international forms that a number may have: one if it is written with its prefix, else one per country."""
    exact = phone(raw, "").value
    forms = [exact] if exact else [phone(raw, region).value for region in regions]
    return list(dict.fromkeys(form for form in forms if form))
