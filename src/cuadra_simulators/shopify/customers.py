"""Customers: invented people, and what happens to them."""

from __future__ import annotations

import random
from typing import Any

from cuadra_simulators import shop_words as words
from cuadra_simulators.shopify.model import Address, Consent, Customer
from cuadra_simulators.shopify.settings import ShopSettings
from cuadra_simulators.shopify.world import World

_PLAIN = str.maketrans("áéíóúüñ ", "aeiouun.")


def address(world: World, rng: random.Random, first: str, last: str, phone: str | None) -> Address:
    """Somewhere in the shop's country."""
    settings = world.settings
    place = rng.choice(settings.places)
    return Address(
        world.take("MailingAddress"), first, last, f"Comercial {last}" if rng.random() < 0.08 else None,
        f"{rng.choice(words.STREETS)} {rng.randrange(100, 6000)}", rng.choice(words.FLOORS) or None, place.city,
        place.province, place.code, place.zip, settings.country_name, settings.country, phone,
        round(rng.uniform(-35, 25), 4), round(rng.uniform(-105, 3), 4),
    )  # fmt: skip


def person(world: World, rng: random.Random, at: int) -> Customer:
    """Somebody who is not in the shop yet: nobody shares an email or a telephone."""
    first, last = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
    number = world.take("Customer")
    mark = number % 1_000_000
    chance = rng.random()
    phone = telephone(world.settings, mark) if chance > 0.1 else None
    email = f"{first}.{last}{mark}@correo.example".lower().translate(_PLAIN) if chance < 0.94 else None
    made = Customer(number, at, at, first, last, email, phone, world.settings.locale)
    made.addresses.append(address(world, rng, first, last, phone))
    if rng.random() < 0.15:
        made.addresses.append(address(world, rng, first, last, None))
    if email and rng.random() < 0.4:
        made.email_consent = Consent("SUBSCRIBED", "SINGLE_OPT_IN", at)
    if rng.random() < 0.1:
        made.tags = ["mayoreo"]
    return made


def telephone(settings: ShopSettings, mark: int) -> str:
    """A number in the international form, as the platform keeps them."""
    mobile = "9" if settings.country == "AR" else ""
    area = settings.places[0].area if settings.country in ("AR", "MX") else "300" if settings.country == "CO" else "61"
    return f"{settings.phone_prefix}{mobile}{area}{5_500_000 + mark:07}"


def add(world: World, customer: Customer) -> Customer:
    """Put somebody into the shop."""
    world.customers[customer.id] = customer
    world.fire("customers/create", customer, "Customer")
    return customer


def save(world: World, customer: Customer, at: int) -> None:
    """Stamp a changed customer and say so."""
    customer.updated = at
    world.fire("customers/update", customer, "Customer")


def merge(world: World, kept: Customer, gone: Customer, at: int) -> None:
    """Make two customers one. The orders of the one that goes belong to the other; their stamps move, untold."""
    for number in gone.orders:
        order = world.orders[number]
        order.customer_id, order.updated = kept.id, at
        order.stamps.append(at)
    kept.orders = sorted({*kept.orders, *gone.orders})
    kept.tags = sorted({*kept.tags, *gone.tags})
    kept.email, kept.phone = kept.email or gone.email, kept.phone or gone.phone
    kept.addresses += gone.addresses
    kept.updated = at
    del world.customers[gone.id]
    world.deleted("CUSTOMER", gone.id, at)
    told: dict[str, Any] = {
        "admin_graphql_api_customer_kept_id": f"gid://shopify/Customer/{kept.id}",
        "admin_graphql_api_customer_deleted_id": f"gid://shopify/Customer/{gone.id}",
        "admin_graphql_api_job_id": None, "status": "completed", "errors": [],
    }  # fmt: skip
    world.fire("customers/merge", kept, "Customer", told)


def erase(world: World, customer: Customer, at: int) -> None:
    """Delete a customer. ValueError when there are orders."""
    if customer.orders:
        raise ValueError("customers with orders cannot be deleted")
    del world.customers[customer.id]
    world.deleted("CUSTOMER", customer.id, at)
    world.fire("customers/delete", customer, "Customer", {"id": customer.id})
