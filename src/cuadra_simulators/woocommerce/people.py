"""Invented buyers, with accounts and without."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from cuadra_simulators import shop_words as words
from cuadra_simulators.woocommerce.model import Address
from cuadra_simulators.woocommerce.settings import ShopSettings

_T = TypeVar("_T")
_PLAIN = str.maketrans("áéíóúüñ ", "aeiouun.")


@dataclass(slots=True)
class Person:
    """Somebody who buys. `user_id` is 0 for guests."""

    billing: Address
    document: str
    user_id: int = 0


def pick(rng: random.Random, choices: Sequence[_T]) -> _T:
    """One of them."""
    return choices[int(rng.random() * len(choices))]


def person(rng: random.Random, at: int, settings: ShopSettings) -> Person:
    """The person number `at`: nobody shares an email, a document or a telephone."""
    first, last = pick(rng, words.FIRST_NAMES), pick(rng, words.LAST_NAMES)
    city = pick(rng, settings.cities)
    email = f"{first}.{last}{at}".lower().translate(_PLAIN) + pick(rng, ("@correo.example", "@Mail.Example"))
    billing = Address(
        first, last, pick(rng, ("", "", "", f"Comercial {last} S.A.S.")),
        f"{pick(rng, words.STREETS)} {rng.randrange(100, 6000)}", pick(rng, words.FLOORS), city.name, city.state,
        pick(rng, (city.postcode, city.postcode, "")), settings.country, email, phone(rng, at, city.area, settings),
    )  # fmt: skip
    return Person(billing, str(18_000_000 + 97 * at + rng.randrange(97)))


def phone(rng: random.Random, at: int, area: str, settings: ShopSettings) -> str:
    """A number that nobody else has, in one of its spellings; some people leave it out."""
    number = f"{5_550_000 + at:07}"
    if rng.random() < 0.06:
        return ""
    if settings.country == "AR":
        return pick(rng, words.PHONE_FORMS).format(area=area, head=number[:-4], tail=number[-4:])
    forms = ("{p} 300{n}", "{p}300{n}", "300{n}", " 300 {n} ", "300 {n}")
    return pick(rng, forms).format(p=settings.phone_prefix, n=number)


def delivery(rng: random.Random, billing: Address) -> Address:
    """Where it is sent to: mostly nothing is said, else the same place or another one; never with an email."""
    chance = rng.random()
    if chance < 0.6:
        return Address()
    if chance < 0.85:
        return replace(billing, email="", phone="")
    street = f"{pick(rng, words.STREETS)} {rng.randrange(100, 6000)}"
    return replace(billing, company="", address_1=street, address_2="", email="", phone="")
