"""Writes what came out of a batch: each kind of row once, in the transaction that holds the account's lock.

What is to be written is gathered first, piece by piece and without a lock, and carried out at the end: so one batch can
be written while the next one is being decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, LiteralString

import msgspec
from psycopg.types.json import Jsonb

from cuadra.db import Conn, Rows
from cuadra.db.queries import sql
from cuadra.ledger import rows
from cuadra.model import Entity
from cuadra.pipeline.rules import Rules
from cuadra.pipeline.versions import Version, encode_content
from cuadra.pipeline.working import Item, OrderState, WorkingSet

_json = msgspec.json.Encoder().encode

Make = Callable[[OrderState, Rules], list[rows.Row]]

#: the parts of an order: staging table, the statement that takes its rows on, the rows
PARTS: tuple[tuple[LiteralString, str, Make], ...] = (
    ("staged_line", "write_lines", rows.lines),
    ("staged_payment", "write_payments", lambda state, _: rows.payments(state)),
    ("staged_refund", "write_refunds", lambda state, _: rows.refunds(state)),
    ("staged_shipment", "write_shipments", lambda state, _: rows.shipments(state)),
    ("staged_discount", "write_discounts", lambda state, _: rows.discounts(state)),
)
COMPLETE = ("write_lines", "write_attempts", "write_versions")
"""Statements that write every row that was staged for them; others may skip some, and cannot be counted."""
CLEAR = ("clear_lines", "clear_payments", "clear_refunds", "clear_shipments", "clear_discounts")


def jsonb(value: Any) -> Jsonb:
    """A value of ours as a jsonb parameter."""
    return Jsonb(value, dumps=_json)


class Writes:
    """Everything that a batch leaves behind. Its orders are gathered piece by piece; an order comes once in a batch."""

    def __init__(self, conn: Conn, ws: WorkingSet) -> None:
        """`conn` is only asked how values are written."""
        self._conn, self._ws = conn, ws
        self._staged: dict[str, Rows] = {}
        self._rejects: list[rows.Row] = []
        self._changed: list[int] = []
        self._rebuilt: list[int] = []
        self._moved: list[tuple[int, Version]] = []
        self._any_new = self._any_known = False
        self._run_id: int | None = None
        self._rewritten: list[tuple[int, bytes]] = []
        self._unread: list[tuple[int, str]] = []
        self._few: list[tuple[str, list[rows.Row]]] | None = None
        self._known_people = False

    # ---------------------------------------------------------------- gathering

    def orders(self, piece: WorkingSet | None = None) -> None:
        """The orders of the working set, or of a piece of it, that changed. They are no change of it any more afterwards."""
        ws = piece or self._ws
        changed = [state for state in ws.orders.values() if state.dirty]
        if changed:
            self._changed += [state.order_id for state in changed]
            self._any_new = self._any_new or any(state.is_new for state in changed)
            self._any_known = self._any_known or not all(state.is_new for state in changed)
            self._stage("staged_order", [rows.order(state) for state in changed])
            rebuilt = [state for state in changed if state.rebuilt]
            self._rebuilt += [state.order_id for state in rebuilt if not state.is_new]
            for table, _, make in PARTS:
                self._stage(table, [row for state in rebuilt for row in make(state, ws.rules)])
        # of frozen orders too: an order is found by whatever it is called now
        self._stage("staged_identifier", [
            (state.is_new, normal, kind, state.order_id, value)
            for state in ws.orders.values()
            for (kind, normal), value in state.identifiers.items()
        ])  # fmt: skip
        self._moved += [
            (state.order_id, state.version) for state in ws.orders.values() if state.stamp_moved and not state.dirty
        ]
        self._stage("staged_version", [
            (order_id, number, version.stamp, version.sequence, version.digest, receipt_id,
             None if changes is None else _json(changes).decode())
            for order_id, number, version, receipt_id, changes in ws.versions
        ])  # fmt: skip
        ws.versions.clear()
        for order in ws.orders.values():
            order.is_new = order.dirty = order.rebuilt = order.stamp_moved = False
            order.identifiers = {}

    def attempts(self, items: list[Item], run_id: int | None, numbers: Iterable[int] | None = None) -> None:
        """One attempt per receipt; `numbers` of theirs, where they have been drawn already."""
        self._run_id = run_id
        self._stage("staged_attempt", list(map(rows.attempt, items, numbers or self._ws.ids)))

    def receipts(self, items: list[Item]) -> None:
        """Receipts that name somebody who was erased are rewritten without the person; of one that nobody could read
        nothing stays if its order is erased."""
        self._rewritten += [(item.receipt_id, item.content) for item in items if item.erased]
        self._unread += [
            (item.receipt_id, item.read.identifier) for item in items
            if item.state is None and item.read.entity is Entity.ORDER and item.read.identifier is not None
        ]  # fmt: skip

    def rejects(self, items: list[Item], set_id: int | None) -> None:
        """The bad rows of a file set, for the file that goes back."""
        if set_id is not None:
            self._rejects += [
                (self._ws.account_id, set_id, one.file_no, one.line, one.field, one.value.replace("\0", "\ufffd"),
                 one.rule, item.reason or "file_row_invalid", item.receipt_id, one.raw, item.erased,
                 one.personal)
                for item in items for one in item.read.complaints if one.file_no >= 0
            ]  # fmt: skip

    def close(self) -> None:
        """What is gathered once, at the end of the batch: customers and the catalogue are changed by many pieces."""
        ws = self._ws
        people = [state for state in ws.customers.values() if state.dirty]
        self._stage("staged_customer", [rows.customer(state) for state in people])
        self._stage("staged_customer_key", ws.new_customer_keys)
        products = [state for state in ws.products.values() if state.dirty]
        self._stage("staged_product", [rows.product(state) for state in products])
        self._stage("staged_product_key", list(dict.fromkeys(ws.new_product_keys)))
        self._few = _few(ws)
        self._known_people = not all(state.is_new for state in people)
        for customer in people:
            customer.is_new = customer.dirty = False
        for product in products:
            product.is_new = product.dirty = False

    def _stage(self, table: LiteralString, made: list[rows.Row]) -> None:
        if not made:
            return
        staged = self._staged.get(table)
        if staged is None:
            staged = self._staged[table] = Rows(self._conn, table, rows.TYPES[table])
        staged.add(made)

    # ---------------------------------------------------------------- writing

    def perform(self, conn: Conn) -> None:
        """Carry everything out."""
        self.stage(conn)
        self.write(conn)

    def stage(self, conn: Conn) -> None:
        """Bring the rows to the database, into tables of this session: nobody else's leave is needed for that."""
        if self._few is None:
            self.close()
        for staged in self._staged.values():
            staged.send(conn)

    def write(self, conn: Conn) -> None:
        """From there into the ledger, under the account's lock. What an order points at is written before it."""
        ws = self._ws
        parameters = {"account": ws.account_id, "store": ws.store_id, "now": ws.now, "run": self._run_id,
                      "retention": ws.account.retention}  # fmt: skip

        def after(table: str, *statements: str) -> None:
            for statement in statements if table in self._staged else ():
                written = conn.execute(sql(statement), parameters).rowcount
                # in a savepoint rows have another transaction's number, and would be left where they are
                assert statement not in COMPLETE or written == self._staged[table].count, statement

        after("staged_customer", "write_new_customers")
        if self._known_people:
            after("staged_customer", "write_known_customers")
        after("staged_customer_key", "write_customer_keys")
        after("staged_product", "write_products")
        for statement, few in self._few or ():
            _each(conn, statement, few)
        after("staged_product_key", "write_product_keys")
        if self._any_new:
            after("staged_order", "write_new_orders")
        if self._any_known:
            after("staged_order", "write_known_orders")
        for statement in CLEAR if self._rebuilt else ():
            conn.execute(sql(statement), {"account": ws.account_id, "orders": self._rebuilt})
        for table, statement, _ in PARTS:
            after(table, statement)
        after("staged_identifier", "write_first_identifiers", "write_more_identifiers")
        if self._moved:
            conn.execute(sql("move_versions"), _versions(ws.account_id, self._moved))
        after("staged_version", "write_versions")
        after("staged_attempt", "write_attempts")
        for statement, receipts in (("rewrite_receipts", self._rewritten), ("empty_receipts", self._unread)):
            if receipts:
                numbers, said = zip(*receipts, strict=True)
                conn.execute(sql(statement), {**parameters, "receipts": list(numbers), "said": list(said)})
        _each(conn, "write_reject", self._rejects)
        tell_destinations(conn, ws.account_id, self._changed)


def tell_destinations(conn: Conn, account_id: int, orders: list[int]) -> None:
    """Put what has become of these orders on its way, in the transaction in which it became so."""
    if not orders:
        return
    row = conn.execute(sql("has_destination"), {"account": account_id}).fetchone()
    if row and row[0]:
        conn.execute(sql("write_deliveries"), {
            "account": account_id, "orders": orders, "destination": None, "again": False,
        })  # fmt: skip


def _each(conn: Conn, statement: str, few: list[rows.Row]) -> None:
    if few:
        with conn.cursor() as cursor:
            cursor.executemany(sql(statement), few)


def _versions(account_id: int, moved: list[tuple[int, Version]]) -> dict[str, Any]:
    return {
        "account": account_id,
        "orders": [order_id for order_id, _ in moved],
        "stamps": [version.stamp for _, version in moved],
        "sequences": [version.sequence for _, version in moved],
        "digests": [version.digest for _, version in moved],
    }


def _few(ws: WorkingSet) -> list[tuple[str, list[rows.Row]]]:
    """(statement, rows) of what comes in small numbers, in the order of writing."""
    account = ws.account_id
    return [
        ("write_consent", [
            (account, customer_id, channel, state, at, source, note)
            for (customer_id, channel), (state, at, source, note) in ws.consents.items()
        ]),
        ("write_category", [(account, *row, ws.now) for row in ws.new_categories]),
        ("write_category_node", [
            (account, ws.store_id, source_id, parent, name) for source_id, (parent, name) in ws.new_nodes.items()
        ]),
        ("write_branch", [
            (account, ws.store_id, source_id, name, jsonb(details))
            for source_id, (name, details) in ws.new_branches.items()
        ]),
        ("alias_product_key", [(account, product_id, sku) for product_id, sku in ws.aliased_keys]),
        ("write_event", [
            (account, order_id, event_id, ws.now, kind, author, jsonb(detail))
            for order_id, event_id, kind, author, detail in ws.events
        ]),
        ("write_frozen_change", [
            (account, order_id, ws.now, receipt_id, version.stamp, version.sequence, version.digest,
             jsonb(changes), encode_content(merged).decode())
            for order_id, version, receipt_id, changes, merged in ws.frozen_changes
        ]),
        ("drop_frozen_change", [
            (account, order_id, version.stamp, version.sequence) for order_id, version in ws.taken_back
        ]),
        ("write_relink", [
            (account, ws.integration_id, kind, source_id, cause, ws.now, ws.now)
            for (kind, source_id), cause in sorted(ws.relinks.items())
        ]),
        ("write_conflict", [
            (account, conflict.one, conflict.other, conflict.order_id, ws.now)
            for conflict in sorted(ws.conflicts, key=lambda c: (c.one, c.other, c.order_id))
        ]),
    ]  # fmt: skip
