"""Loads everything a batch touches into a working set: one query per kind of fact, whatever the batch's size."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from operator import itemgetter
from typing import Any

from msgspec import UNSET

from cuadra.db import Conn
from cuadra.db.queries import sql
from cuadra.model import CategoryRead, CustomerRead, Entity, OrderRead, ProductRead, Standing
from cuadra.pipeline.match_customer import keys_of, record_key
from cuadra.pipeline.match_products import key_of, sold_id, wanted_keys
from cuadra.pipeline.prepare import recall
from cuadra.pipeline.rules import AccountFacts, Rules
from cuadra.pipeline.versions import Version
from cuadra.pipeline.working import CustomerState, Item, Key, OrderState, ProductKey, ProductState, WorkingSet


def working_set(conn: Conn, account_id: int, store_id: int, integration_id: int, account: AccountFacts, rules: Rules,
                rule_version: int, connector: str, items: list[Item], now: datetime) -> WorkingSet:  # fmt: skip
    """The working set of these items; the transaction holds the account's lock."""
    ws = WorkingSet(
        account_id, store_id, integration_id, account, rules, rule_version, now, ids(conn, items), connector
    )
    load(conn, ws, items)
    return ws


def ids(conn: Conn, items: list[Item]) -> Iterator[int]:
    """Numbers of the database's sequence, drawn in blocks when first needed; those left over are simply never used."""
    count = max(64, 3 * len(items))  # what these items usually bring
    blocks = (conn.execute(sql("draw_ids"), {"count": count}).fetchall() for _ in itertools.count())
    return map(itemgetter(0), itertools.chain.from_iterable(blocks))


def load(conn: Conn, ws: WorkingSet, items: list[Item]) -> None:
    """Everything that these items touch and the set does not know yet."""
    named = {item.read.identifier for item in items if item.version is not None}
    wanted = [one for one in named if one is not None and one not in ws.orders]
    if wanted:
        load_orders(conn, ws, "load_orders", wanted)
    load_partners(conn, ws, items)


def load_partners(conn: Conn, ws: WorkingSet, items: list[Item]) -> None:
    """Customers, products, categories and rates that these items name."""
    _customers(conn, ws, _customer_keys(items, ws) - ws.asked_customers)
    _products(conn, ws, _product_keys(items, ws) - ws.asked_products)
    if not ws.categories_known and any(isinstance(item.read.value, ProductRead | CategoryRead) for item in items):
        _categories(conn, ws)
    _rates(conn, ws, items)


def _array(values: Iterable[Any]) -> str:
    """An array of these texts or numbers as PostgreSQL reads it. The driver would look at each of them by itself, which
    takes longer than all else that is done here."""
    texts = list(map(str, values))
    if '"' in (together := "".join(texts)) or "\\" in together:
        texts = [text.replace("\\", r"\\").replace('"', r"\"") for text in texts]
    return '{"' + '","'.join(texts) + '"}' if texts else "{}"


def load_orders(conn: Conn, ws: WorkingSet, name: str, ids: Iterable[Any]) -> None:
    """Known orders into the working set, by source id (`load_orders`) or by ours (`load_orders_by_id`)."""
    parameters = {"account": ws.account_id, "store": ws.store_id, "ids": _array(ids)}
    for row in conn.execute(sql(name), parameters):
        state = _order(row)
        ws.orders[state.source_id] = state


def _order(row: tuple[Any, ...]) -> OrderState:
    (order_id, source_id, integration_id, stamp, sequence, digest, version, receipt_id, standing, reason, first_seen,
     content, evidence, warnings, incomplete, customer_id, rule_version, recheck_at, frozen_at, erased_at, converted,
     rate, rate_day, own_state, present_at) = row  # fmt: skip
    return OrderState(
        order_id, source_id, integration_id, Version(stamp, sequence, digest), version, receipt_id, Standing(standing),
        reason, first_seen, content_json=content, evidence=evidence or {}, warnings=warnings or [],
        incomplete=incomplete, customer_id=customer_id, rule_version=rule_version, recheck_at=recheck_at,
        frozen_at=frozen_at, erased_at=erased_at, converted=converted, rate=rate, rate_day=rate_day,
        own_state=own_state, present_at=present_at,
    )  # fmt: skip


def _known(item: Item, ws: WorkingSet) -> OrderRead | None:
    """The order of an item as it is known, where the item itself does not name all: the buyer, or what was sold. One that
    says that nothing is sold any more may be a cancellation, which keeps what was sold."""
    value = item.read.value
    if not isinstance(value, OrderRead) or (value.customer is not UNSET and value.lines):
        return None
    state = ws.orders.get(value.id)
    return state.read() if state is not None else None


def _customer_keys(items: list[Item], ws: WorkingSet) -> set[Key]:
    keys: set[Key] = set()
    store_id = ws.store_id
    for item in items:
        value = item.read.value
        if isinstance(value, OrderRead):
            if value.customer is UNSET and (known := _known(item, ws)) is not None:
                recall(item, known, ws.rules, ws.account.country)
                value = known
            value = value.customer or None
        if isinstance(value, CustomerRead) or value is None:
            item.keys = keys_of(value, item.email, item.phone, store_id)
            if item.read.refused is not None and item.read.entity is Entity.CUSTOMER and item.read.identifier:
                item.keys = [record_key(item.read.identifier, store_id)]
            keys.update(item.keys)
    return keys


def _customers(conn: Conn, ws: WorkingSet, keys: set[Key]) -> None:
    if not keys:
        return
    ws.asked_customers |= keys
    kinds, values = zip(*keys, strict=True)
    rows = conn.execute(
        sql("load_customer_keys"), {"account": ws.account_id, "kinds": _array(kinds), "values": _array(values)}
    ).fetchall()
    if not rows:
        return
    before = set(ws.customers)
    into = _people(conn, ws, {customer_id for _, _, customer_id in rows} - before)
    # a key of somebody who was merged leads to the one who stayed, who may not be among those found by a key, and may
    # have been merged too
    found = into
    while found := _people(conn, ws, set(found.values()) - ws.customers.keys() - into.keys()):
        into = {**into, **found}
    for kind, value, one in rows:
        while one in into:
            one = into[one]
        ws.customer_keys[kind, value] = int(one)
    fresh = sorted(ws.customers.keys() - before)
    if fresh:
        kept = conn.execute(sql("load_kept_apart"), {"account": ws.account_id, "ids": fresh})
        ws.decided_apart.update(kept.fetchall())


def _people(conn: Conn, ws: WorkingSet, ids: set[Any]) -> dict[Any, int]:
    """Load customers by number; returns who of them has been merged, and into whom."""
    merged: dict[Any, int] = {}
    if not ids:
        return merged
    for customer_id, name, details, sequence, erased, reachable, documents, persons, into in conn.execute(
        sql("load_customers"), {"ids": list(ids)}
    ):
        if into is not None:
            merged[customer_id] = into
            continue
        ws.customers[customer_id] = CustomerState(
            customer_id, name, details, sequence, reachable, erased, documents, persons
        )
    return merged


def _product_keys(items: list[Item], ws: WorkingSet) -> set[ProductKey]:
    keys: set[ProductKey] = set()
    asked = ws.asked_sold
    for item in items:
        value = item.read.value
        if isinstance(value, OrderRead):
            for line in value.lines or (_known(item, ws) or value).lines or ():
                sold = (sold_id(line, ws), line.sku, line.name)
                if sold not in asked:
                    asked.add(sold)
                    if (key := key_of(*sold, ws)) is not None:
                        keys.update([key, *wanted_keys(*sold, ws)])
        elif isinstance(value, ProductRead):
            keys.update(wanted_keys(value.id, value.sku, value.name, ws))
            if value.parent:
                keys.add(("id", ws.store_id, value.parent))
    return keys


def _products(conn: Conn, ws: WorkingSet, keys: set[ProductKey]) -> None:
    if not keys:
        return
    ws.asked_products |= keys
    kinds, scopes, values = zip(*keys, strict=True)
    fresh: set[int] = set()
    former: dict[ProductKey, list[int]] = {}
    for kind, scope, value, product_id, alias in conn.execute(
        sql("load_product_keys"),
        {"account": ws.account_id, "kinds": _array(kinds), "scopes": _array(scopes), "values": _array(values)},
    ):
        known = (former if alias else ws.product_keys).setdefault((kind, scope, value), [])
        if product_id not in known:  # another one who decides may have told of it already
            known.append(product_id)
        fresh.add(product_id)
    for key, products in former.items():  # an alias counts only where no product has that SKU today
        if ws.product_keys.setdefault(key, products) is products:
            ws.former_keys.add(key)
    fresh -= ws.products.keys()
    if not fresh:
        return
    for row in conn.execute(sql("load_products"), {"account": ws.account_id, "ids": sorted(fresh)}):
        (product_id, name, sku, code, active, inactive_at, description, brand, unit, source_unit, category_id, origin,
         evidence, stores) = row  # fmt: skip
        ws.products[product_id] = ProductState(
            product_id, name, sku, code, active, inactive_at, description, brand, unit, source_unit, category_id,
            origin, evidence or {}, set(stores),
        )  # fmt: skip


def _categories(conn: Conn, ws: WorkingSet) -> None:
    ws.categories_known = True
    ws.categories = dict(conn.execute(sql("load_categories"), {"account": ws.account_id}).fetchall())
    rows = conn.execute(sql("load_category_nodes"), {"account": ws.account_id, "store": ws.store_id}).fetchall()
    ws.category_nodes = {source_id: (parent, name) for source_id, parent, name in rows}


def _rates(conn: Conn, ws: WorkingSet, items: list[Item]) -> None:
    if ws.rules.currency != "convert":
        return
    orders = [state.read() for state in ws.orders.values() if state.content_json is not None]
    orders += [item.read.value for item in items if isinstance(item.read.value, OrderRead)]
    day = ws.account.day
    days: set[date] = {day(ws.now)}
    days |= {day(order.created_at) for order in orders if order.created_at is not UNSET and order.created_at}
    days |= {day(state.first_seen) for state in ws.orders.values()}
    for source, target, day, rate in conn.execute(
        sql("load_rates"), {"account": ws.account_id, "currency": ws.account.currency, "days": list(days)}
    ):
        ws.rates[source, target, day] = rate
