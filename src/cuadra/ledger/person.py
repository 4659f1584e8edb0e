"""A person's data: handed out, or erased. What stays after an erasure says that there was an order, its amounts and
states, and nothing of whom."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from cuadra import accounts
from cuadra.accounts import Account
from cuadra.db import Conn, Database
from cuadra.db.queries import sql
from cuadra.errors import NotFound, Refused
from cuadra.ledger.acts import Act, record
from cuadra.ledger.write import jsonb, tell_destinations
from cuadra.model import normal
from cuadra.pipeline import contacts
from cuadra.pipeline.record import ERASED, forget_person
from cuadra.pipeline.versions import decode_content, digest, encode_content


class Person(Struct, frozen=True):
    """Everything stored under one contact or customer number."""

    customers: list[int]
    orders: list[tuple[int, str, str, Any]]


def _find(conn: Conn, account: Account, text: str) -> Person:
    """Whom a text names. Raises NotFound, and Refused where it is the phone of two people in two countries."""
    email = contacts.email(text).value
    phones: list[str | None] = [None]
    if not email:
        phones = [*contacts.phones(text, accounts.phone_regions(conn, account))] or phones
    values = {"account": account.account_id, "email": email, "text": text.strip(), "source": None,
              "number": int(text) if text.isdecimal() and len(text) < 19 else None}  # fmt: skip
    found: dict[Any, tuple[str | None, Person]] = {}
    for phone in phones:
        customers = [number for (number,) in conn.execute(sql("find_people"), {**values, "phone": phone})]
        orders = conn.execute(sql("person_orders"), {**values, "phone": phone, "customers": customers}).fetchall()
        if customers or orders:
            found[tuple(customers), tuple(order for order, *_ in orders)] = phone, Person(customers, orders)
    if not found:
        raise NotFound("Nobody is known here under «{text}»; give an email, a phone or a customer number.", text=text)
    if len(found) > 1:
        forms = ", ".join(sorted(phone for phone, _ in found.values() if phone))
        raise Refused("«{text}» is the phone of different people ({forms}); write it with its country code.", text=text,
                      forms=forms)  # fmt: skip
    return next(person for _, person in found.values())


def export(db: Database, account: Account, text: str) -> dict[str, Any]:
    """Everything known of a person, as JSON. Raises NotFound and Refused as `_find` does."""
    with db.transaction(account.account_id) as conn:
        return _written(conn, account, _find(conn, account, text))


def _written(conn: Conn, account: Account, person: Person) -> dict[str, Any]:
    rows = conn.execute(sql("person_customers"), {
        "account": account.account_id, "customers": person.customers,
    }).fetchall()  # fmt: skip
    return {
        "customers": [
            {"customer": number, "name": name, "details": msgspec.json.decode(details), "known_since": since,
             "keys": keys or [], "consents": consents or []}
            for number, name, details, since, keys, consents in rows
        ],
        "orders": [msgspec.json.decode(content) for _, _, content, _ in person.orders],
    }  # fmt: skip


def erase(db: Database, act: Act, text: str) -> tuple[int, int]:
    """Erase a person; returns how many customers and orders. Asking again finds nobody. Refused while receipts that
    name the person wait for the pipeline: they would bring the person back."""
    with db.writing(act.account.account_id) as conn:
        person = _find(conn, act.account, text)
        _erase(conn, act, person, _texts(person, text))
    return len(person.customers), len(person.orders)


def _erase(conn: Conn, act: Act, person: Person, texts: set[str], *, everywhere: bool = True) -> None:
    """Everything of these customers and in these orders, and, `everywhere`, whatever else has one of the texts in it. Raises
    Refused while such a thing waits for the pipeline."""
    account = act.account.account_id
    written = [text.encode() for text in texts]
    for text in written:
        row = conn.execute(sql("count_waiting_with"), {"account": account, "text": text}).fetchone()
        if row and row[0]:
            raise Refused("Receipts that name this person wait to be imported ({n}); finish that first: cuadra import "
                          "NAME.", n=row[0])  # fmt: skip
    orders = [order for order, *_ in person.orders]
    key = {"account": account, "now": act.clock(), "orders": orders, "customers": person.customers,
           "contacts": _contacts(person, accounts.phone_regions(conn, act.account))}  # fmt: skip
    key["records"] = [number for (number,) in conn.execute(sql("list_record_receipts"), key)]
    for order_id, _, content, evidence in person.orders:
        _order(conn, key, order_id, content, evidence or {})
    for name in ("erase_identifiers", "erase_versions", "erase_refunds", "erase_events", "erase_frozen_changes", "erase_attempts",
                 "erase_acts", "erase_deliveries", "erase_delivery_attempts", "erase_record_attempts", "erase_customer_receipts", "erase_rejects"):  # fmt: skip
        conn.execute(sql(name), key)
    for text in written if everywhere else ():
        for name in ("erase_rejects_with", "erase_receipts_with"):
            conn.execute(sql(name), {**key, "text": text})
    for name in ("erase_customers", "erase_customer_keys", "erase_consents"):
        conn.execute(sql(name), key)
    tell_destinations(conn, account, orders)
    record(conn, act, "erase_person", {"customers": person.customers, "orders": len(orders)})


# ---------------------------------------------------------------- what a platform asks for


class Buyer(Struct, frozen=True):
    """Somebody as a platform names him: by its own number, a contact, and orders; whatever of it is said."""

    id: str | None = None
    email: str | None = None
    phone: str | None = None
    orders: list[str] = []


MOST = 500
"""Orders that are erased in one transaction: whoever imports meanwhile waits no longer than for these."""


def export_buyer(db: Database, account: Account, store_id: int, buyer: Buyer) -> dict[str, Any]:
    """Everything known of a buyer through this store, as JSON; nobody is an answer too."""
    with db.transaction(account.account_id) as conn:
        customers, rows = _buyer(conn, account, store_id, buyer)
        return _written(conn, account, Person(customers, [tuple(row[:4]) for row in rows]))


def erase_buyer(db: Database, act: Act, store_id: int, buyer: Buyer, *, but_for: int | None = None) -> tuple[int, int]:
    """Erase a buyer as far as one store speaks for him: his orders of this store, and himself if no other store knows him.
    Returns how many customers and orders. Raises Refused as `erase` does, and while the store is being imported (by another
    run than `but_for`): what is on its way would bring him back. To be asked for again then."""
    with db.writing(act.account.account_id) as conn:
        _settled(conn, act.account, store_id, but_for)
        customers, rows = _buyer(conn, act.account, store_id, buyer)
        alone = _here_alone(conn, {"account": act.account.account_id, "store": store_id}, customers)
        person = Person(alone, [tuple(row[:4]) for row in rows])
        # an order that is named but somebody else's forgets him; what else is known of that one stays
        his = Person(alone, [tuple(row[:4]) for row in rows if row[4] is None or row[4] in customers])
        said = {text for text in (buyer.email, buyer.phone) if text and len(text) > 5}
        texts = {text for text in said | _texts(his, "") if not _of_others(conn, act.account, text, customers)}
        _erase(conn, act, person, texts, everywhere=len(alone) == len(customers))
        conn.execute(sql("forget_requests"), {
            "account": act.account.account_id, "store": store_id, "id": buyer.id, "email": buyer.email,
        })  # fmt: skip
    return len(person.customers), len(person.orders)


def erase_store(db: Database, act: Act, store_id: int, *, but_for: int | None = None) -> tuple[int, int]:
    """Erase everybody who is known through this store alone, and every buyer in its orders. Returns how many customers and
    orders. What was done stays done where it is broken off. Raises Refused while receipts of the store wait."""
    account = act.account.account_id
    key = {"account": account, "store": store_id}
    customers = orders = 0
    while True:
        with db.writing(account) as conn:
            _settled(conn, act.account, store_id, but_for)
            row = conn.execute(sql("count_waiting_of_store"), key).fetchone()
            if row and row[0]:
                raise Refused("Receipts of this store wait to be imported; finish that first: cuadra import NAME.")
            rows = conn.execute(sql("orders_of_store"), {**key, "most": MOST}).fetchall()
            people = [customer for *_, customer in rows if customer is not None]
            if not rows:
                people = [customer for (customer,) in conn.execute(sql("customers_of_store"), key)]
                conn.execute(sql("erase_receipts_of_store"), {**key, "now": act.clock()})
                conn.execute(sql("forget_requests"), {**key, "id": None, "email": None})
            person = Person(_here_alone(conn, key, people), [tuple(row[:4]) for row in rows])
            if person.customers or person.orders:
                _erase(conn, act, person, set())
            customers, orders = customers + len(person.customers), orders + len(person.orders)
        if not rows:
            return customers, orders


def _settled(conn: Conn, account: Account, store_id: int, but_for: int | None) -> None:
    key = {"account": account.account_id, "store": store_id, "but_for": but_for}
    row = conn.execute(sql("importing_store"), key).fetchone()
    if row and row[0]:
        raise Refused("This store is being imported; what is on its way would bring back who is to be erased.")


def _buyer(conn: Conn, account: Account, store_id: int, buyer: Buyer) -> tuple[list[int], list[tuple[Any, ...]]]:
    """His customers, and his orders of this store with whose each is. He is known by the store's own number of him, else by
    his email, else by his phone: what is weaker may be somebody else's too."""
    phone = next(iter(contacts.phones(buyer.phone or "", accounts.phone_regions(conn, account))), None)
    known = {
        "source": f"{store_id}:{buyer.id}" if buyer.id else None,
        "email": contacts.email(buyer.email).value,
        "phone": phone,
    }
    key = {"account": account.account_id, "store": store_id, "sources": buyer.orders, "number": None, "text": None}
    customers: list[int] = []
    for name, value in known.items():
        if value is not None and not customers:
            asked = {**key, **dict.fromkeys(known), name: value}
            customers = [number for (number,) in conn.execute(sql("find_people"), asked)]
    rows = conn.execute(sql("orders_of_buyer"), {**key, **known, "customers": customers}).fetchall()
    return customers, rows


def _of_others(conn: Conn, account: Account, text: str, customers: list[int]) -> bool:
    """Whether a contact is that of somebody else, too: a family's phone."""
    phone = next(iter(contacts.phones(text, accounts.phone_regions(conn, account))), None)
    asked = {"account": account.account_id, "email": contacts.email(text).value, "phone": phone, "number": None, "text": None,
             "source": None}  # fmt: skip
    return any(number not in customers for (number,) in conn.execute(sql("find_people"), asked))


def _here_alone(conn: Conn, key: dict[str, Any], customers: list[int]) -> list[int]:
    return [one for (one,) in conn.execute(sql("known_here_alone"), {**key, "customers": sorted(set(customers))})]


def _contacts(person: Person, regions: list[str]) -> list[str]:
    """The contacts by which orders without a customer may be known, in their normal form. A phone without a prefix may
    be of the country where its order goes, too."""
    found: set[str] = set()
    for _, _, content, _ in person.orders:
        order = decode_content(content)
        customer, places = order.customer or None, [order.billing or None, order.delivery or None]
        if customer and (email := contacts.email(customer.email or None).value):
            found.add(email)
        if customer:
            places.append(customer.address or None)
        countries = [place.country.upper() for place in places if place and place.country and len(place.country) == 2]
        for phone in [customer.phone if customer else None, *(place.phone for place in places if place)]:
            found.update(contacts.phones(phone or "", [*countries, *regions]))
    return [normal(value) for value in found]


def _texts(person: Person, asked: str) -> set[str]:
    """How the person's contacts are written, in whatever row they stand. A number of ours is none of them."""
    found = set() if asked.isdecimal() and int(asked) in person.customers else {asked.strip()}
    for _, _, content, _ in person.orders:
        customer = decode_content(content).customer
        if customer:
            found |= {value for value in (customer.email, customer.phone) if isinstance(value, str)}
    return {text for text in found if len(text) > 5}


def _order(conn: Conn, key: dict[str, Any], order_id: int, content: str, evidence: dict[str, Any]) -> None:
    read = decode_content(content)
    forget_person(read)
    kept = {code: {k: v for k, v in proof.items() if k not in ("value", "keys")} for code, proof in evidence.items()}
    kept[ERASED] = {"requested_at": key["now"].isoformat()}
    body = encode_content(read)
    values = {**key, "order": order_id, "body": body}
    row = conn.execute("SELECT reason FROM orders WHERE account_id = %(account)s AND order_id = %(order)s", values)
    (reason,) = row.fetchone() or (None,)
    conn.execute(sql("erase_receipts"), values)
    conn.execute(sql("erase_order"), {
        **values, "content": body.decode(), "digest": digest(body), "evidence": jsonb(kept),
        "warnings": sorted(code for code in kept if code != reason) or None,
    })  # fmt: skip
