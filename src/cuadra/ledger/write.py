"""Writes what came out of a batch: each kind of row once, in the transaction that holds the account's lock."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, LiteralString

import msgspec
from psycopg.types.json import Jsonb

from cuadra.db import Conn, copy_rows
from cuadra.db.queries import sql
from cuadra.ledger import rows
from cuadra.pipeline.rules import Rules
from cuadra.pipeline.versions import encode_content
from cuadra.pipeline.working import Item, OrderState, WorkingSet

_json = msgspec.json.Encoder().encode


Make = Callable[[OrderState, Rules], list[rows.Row]]

#: the parts of an order: staging table, its types, the statement that writes it, the rows
PARTS: tuple[tuple[LiteralString, tuple[str, ...], str, Make], ...] = (
    ("staged_line", rows.LINE_TYPES, "write_lines", rows.lines),
    ("staged_payment", rows.PAYMENT_TYPES, "write_payments", lambda state, _: rows.payments(state)),
    ("staged_refund", rows.REFUND_TYPES, "write_refunds", lambda state, _: rows.refunds(state)),
    ("staged_shipment", rows.SHIPMENT_TYPES, "write_shipments", lambda state, _: rows.shipments(state)),
    ("staged_discount", rows.DISCOUNT_TYPES, "write_discounts", lambda state, _: rows.discounts(state)),
)


def jsonb(value: Any) -> Jsonb:
    """A value of ours as a jsonb parameter."""
    return Jsonb(value, dumps=_json)


def write(conn: Conn, ws: WorkingSet) -> None:
    """Everything the working set changed."""
    _customers(conn, ws)
    _catalogue(conn, ws)
    changed = [state for state in ws.orders.values() if state.dirty]
    if changed:
        _orders(conn, ws, changed)
    _identifiers(conn, ws)
    _moved(conn, ws, [state for state in ws.orders.values() if state.stamp_moved and not state.dirty])
    _history(conn, ws)


def _orders(conn: Conn, ws: WorkingSet, changed: list[OrderState]) -> None:
    parameters = {"account": ws.account_id, "store": ws.store_id, "now": ws.now}
    copy_rows(conn, "staged_order", rows.ORDER_TYPES, [rows.order(state) for state in changed])
    known = [state.order_id for state in changed if not state.is_new]
    if len(known) < len(changed):
        conn.execute(sql("write_new_orders"), parameters)
    if known:
        conn.execute(sql("write_known_orders"), parameters)
    rebuilt = [state for state in changed if state.rebuilt]
    _parts(conn, ws, rebuilt, [state.order_id for state in rebuilt if not state.is_new])


def _parts(conn: Conn, ws: WorkingSet, rebuilt: list[OrderState], known: list[int]) -> None:
    """Lines, payments and the rarer parts; of known orders the old ones go first."""
    if known:
        for name in ("clear_lines", "clear_payments", "clear_refunds", "clear_shipments", "clear_discounts"):
            conn.execute(sql(name), {"account": ws.account_id, "orders": known})
    for table, types, statement, make in PARTS:
        made = list(itertools.chain.from_iterable(make(state, ws.rules) for state in rebuilt))
        if made:
            copy_rows(conn, table, types, made)
            conn.execute(sql(statement), {"account": ws.account_id})


def _identifiers(conn: Conn, ws: WorkingSet) -> None:
    """New numbers of orders, of frozen ones too: an order is found by whatever it is called now."""
    identifiers = [
        (normal, kind, state.order_id, value)
        for state in ws.orders.values()
        for kind, value, normal in state.identifiers
    ]
    if identifiers:
        copy_rows(conn, "staged_identifier", rows.IDENTIFIER_TYPES, identifiers)
        conn.execute(sql("write_identifiers"), {"account": ws.account_id})


def _moved(conn: Conn, ws: WorkingSet, moved: list[OrderState]) -> None:
    if moved:
        conn.execute(sql("move_versions"), {
            "account": ws.account_id, "orders": [state.order_id for state in moved],
            "stamps": [state.version.stamp for state in moved],
            "sequences": [state.version.sequence for state in moved],
            "digests": [state.version.digest for state in moved],
        })  # fmt: skip


def _history(conn: Conn, ws: WorkingSet) -> None:
    if ws.versions:
        versions = [
            (order_id, number, version.stamp, version.sequence, version.digest, receipt_id,
             None if changes is None else _json(changes).decode())
            for order_id, number, version, receipt_id, changes in ws.versions
        ]  # fmt: skip
        copy_rows(conn, "staged_version", rows.VERSION_TYPES, versions)
        conn.execute(sql("write_versions"), {"account": ws.account_id, "now": ws.now})
    _many(conn, "write_event", [
        (ws.account_id, order_id, event_id, ws.now, kind, author, jsonb(detail))
        for order_id, event_id, kind, author, detail in ws.events
    ])  # fmt: skip
    _many(conn, "write_frozen_change", [
        (ws.account_id, order_id, ws.now, receipt_id, version.stamp, version.sequence, version.digest,
         jsonb(changes), encode_content(merged).decode())
        for order_id, version, receipt_id, changes, merged in ws.frozen_changes
    ])  # fmt: skip
    _many(conn, "drop_frozen_change", [
        (ws.account_id, order_id, version.stamp, version.sequence) for order_id, version in ws.taken_back
    ])  # fmt: skip
    _many(conn, "write_conflict", [
        (ws.account_id, conflict.one, conflict.other, conflict.order_id, ws.now)
        for conflict in sorted(ws.conflicts, key=lambda c: (c.one, c.other, c.order_id))
    ])  # fmt: skip


def _customers(conn: Conn, ws: WorkingSet) -> None:
    changed = [state for state in ws.customers.values() if state.dirty]
    parameters = {"account": ws.account_id, "now": ws.now}
    if changed:
        copy_rows(conn, "staged_customer", rows.CUSTOMER_TYPES, [rows.customer(state) for state in changed])
        conn.execute(sql("write_new_customers"), parameters)
        if not all(state.is_new for state in changed):
            conn.execute(sql("write_known_customers"), parameters)
    if ws.new_customer_keys:
        copy_rows(conn, "staged_customer_key", rows.CUSTOMER_KEY_TYPES, ws.new_customer_keys)
        conn.execute(sql("write_customer_keys"), parameters)
    _many(conn, "write_consent", [
        (ws.account_id, customer_id, channel, state, at, source, note)
        for (customer_id, channel), (state, at, source, note) in ws.consents.items()
    ])  # fmt: skip


def _catalogue(conn: Conn, ws: WorkingSet) -> None:
    account = ws.account_id
    _many(conn, "write_category", [(account, *row, ws.now) for row in ws.new_categories])
    _many(conn, "write_category_node", [
        (account, ws.store_id, source_id, parent, name) for source_id, (parent, name) in ws.new_nodes.items()
    ])  # fmt: skip
    _many(conn, "write_branch", [
        (account, ws.store_id, source_id, name, jsonb(details))
        for source_id, (name, details) in ws.new_branches.items()
    ])  # fmt: skip
    _many(conn, "write_product", [
        rows.product(account, state, ws.now) for state in ws.products.values() if state.dirty
    ])  # fmt: skip
    _many(conn, "alias_product_key", [(account, product_id, sku) for product_id, sku in ws.aliased_keys])
    _many(conn, "write_product_key", [
        (account, kind, scope, value, product_id) for kind, scope, value, product_id in ws.new_product_keys
    ])  # fmt: skip


def write_attempts(conn: Conn, ws: WorkingSet, items: list[Item], run_id: int | None) -> None:
    """One attempt per receipt, and each bad row of a file where it can be found again."""
    copy_rows(conn, "staged_attempt", rows.ATTEMPT_TYPES, [rows.attempt(item, ws.new_id()) for item in items])
    conn.execute(sql("write_attempts"), {
        "account": ws.account_id, "retention": ws.account.retention, "now": ws.now, "run": run_id,
    })  # fmt: skip


def write_rejects(conn: Conn, ws: WorkingSet, items: list[Item], set_id: int) -> None:
    """The bad rows of a file set, for the file that goes back."""
    _many(conn, "write_reject", [
        (ws.account_id, set_id, one.file_no, one.line, one.field, one.value.replace("\0", "\ufffd"), one.rule,
         item.reason or "file_row_invalid", item.receipt_id, one.raw)
        for item in items for one in item.read.complaints if one.file_no >= 0
    ])  # fmt: skip


def _many(conn: Conn, name: str, parameters: list[tuple[Any, ...]]) -> None:
    if parameters:
        with conn.cursor() as cursor:
            cursor.executemany(sql(name), parameters)
