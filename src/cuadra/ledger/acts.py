"""Acts of persons: write off, apply after freeze, link and activate products, merge customers and undo it.

Each is a receipt of its own with an attempt, in one transaction under the account's lock; what it frees is judged
again at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from cuadra.accounts import Account
from cuadra.db import Conn, Database
from cuadra.db.queries import sql
from cuadra.errors import NotFound, Refused
from cuadra.ledger import Way, facts, utc_now, write
from cuadra.ledger.rejudge import Judged, item_of, rejudge
from cuadra.model import Standing
from cuadra.pipeline.record import judge
from cuadra.pipeline.versions import Version, decode_content

_json = msgspec.json.Encoder().encode
WayOf = Callable[[int], Way]
"""The integration of that id, with its current rules."""


class Act(Struct, frozen=True):
    """Who does it, why, and when."""

    account: Account
    author: str
    note: str = ""
    clock: Callable[[], datetime] = utc_now


def record(conn: Conn, act: Act, name: str, detail: dict[str, Any], *, order_id: int | None = None,
           integration_id: int = 0, standing: str | None = None, identifier: str | None = None,
           outcome: str = "updated") -> int:  # fmt: skip
    """The receipt and the attempt of an act; returns the receipt."""
    now = act.clock()
    (receipt,) = conn.execute(sql("draw_receipts")).fetchone() or (0,)
    (attempt,) = conn.execute(sql("draw_ids"), {"count": 1}).fetchone() or (0,)
    body = _json({"act": name, "by": act.author, "note": act.note, **detail})
    values = {
        "account": act.account.account_id, "receipt": receipt, "attempt": attempt, "now": now, "body": body,
        "retention": act.account.retention, "integration": integration_id, "order": order_id, "identifier": identifier,
        "sequence": int(now.timestamp() * 1e6), "standing": standing, "outcome": outcome,
    }  # fmt: skip
    conn.execute(sql("write_act_receipt"), values)
    conn.execute(sql("write_act_attempt"), values)
    return int(receipt)


# ---------------------------------------------------------------- stock


def write_off(db: Database, act: Act, order_id: int) -> bool:
    """Note the stock write-off of a present order: it is frozen from now on. False if it was already."""
    key = {"account": act.account.account_id, "order": order_id}
    with db.writing(act.account.account_id) as conn:
        source_id, integration_id, _, standing, frozen_at = _standing(conn, key)
        if frozen_at is not None:
            return False
        if standing != Standing.PRESENT:
            raise Refused("Order {order} is {standing}, not present; there is nothing to write off.", order=source_id,
                          standing=standing)  # fmt: skip
        conn.execute(sql("freeze_order"), {**key, "now": act.clock()})
        conn.execute(sql("release_write_back"), {**key, "now": act.clock()})
        record(conn, act, "write_off", {"order": source_id}, order_id=order_id, integration_id=integration_id,
               standing=standing, identifier=source_id)  # fmt: skip
    return True


class Wished(Struct):
    """What became of a state that somebody set."""

    state: str | None
    """The source's state that stands for it; None: it stays with us."""
    held: bool = False
    """It waits for the stock to be written off."""


def set_own_state(db: Database, act: Act, order_id: int, own: str, way: Way, completion: str | None) -> Wished:
    """Say where an order stands with us. By the mapping table it goes to the source; what completes the order there waits
    for the stock write-off."""
    key: dict[str, Any] = {"account": act.account.account_id, "order": order_id}
    if own not in way.rules.mapping:
        raise Refused("There is no state «{state}» in the mapping table; it has {known}. Add it: cuadra rules set NAME "
                      "mapping.{state} THEIRS:out", state=own, known=", ".join(way.rules.mapping) or "–")  # fmt: skip
    theirs, _, direction = way.rules.mapping[own].rpartition(":")
    with db.writing(act.account.account_id) as conn:
        source_id, integration_id, _, standing, frozen_at = _standing(conn, key)
        if standing != Standing.PRESENT:
            raise Refused("Order {order} is {standing}, not present; its state is the shop's.", order=source_id,
                          standing=standing)  # fmt: skip
        conn.execute(sql("set_own_state"), {**key, "state": own})
        wished = Wished(None if direction == "in" else theirs)
        if wished.state is not None:
            wished.held = theirs == completion and frozen_at is None
            conn.execute(sql("want_write_back"), {
                **key, "integration": integration_id, "own": own, "state": theirs, "now": act.clock(),
                "standing": "held" if wished.held else "waiting", "due": None if wished.held else act.clock(),
                "reason": "completion_blocked_by_stock" if wished.held else None,
                "evidence": write.jsonb({"stock_entries": 0, "order": source_id}) if wished.held else None,
            })  # fmt: skip
        record(conn, act, "set_state", {"order": source_id, "state": own, "theirs": wished.state}, order_id=order_id,
               integration_id=integration_id, standing=standing, identifier=source_id)  # fmt: skip
    return wished


def _standing(conn: Conn, key: dict[str, Any]) -> tuple[Any, ...]:
    row = conn.execute(sql("get_order_standing"), key).fetchone()
    if row is None:
        raise NotFound("There is no such order here any more.")
    return row


def apply_after_freeze(db: Database, act: Act, order_id: int, way: Way) -> dict[str, Any]:
    """Apply what the source changed after the write-off; the order stays frozen. Returns the changes applied."""
    key = {"account": act.account.account_id, "order": order_id}
    with db.writing(act.account.account_id) as conn:
        source_id, integration_id, _, _, frozen_at = _standing(conn, key)
        row = conn.execute(sql("take_frozen_change"), key).fetchone()
        if row is None:
            raise Refused("Order {order} has no change of after the write-off to apply.", order=source_id)
        receipt_id, stamp, sequence, digest, changes, content = row
        conn.execute(sql("thaw_order"), key)
        ws = facts.working_set(conn, way.account_id, way.store_id, way.integration_id, way.account, way.rules,
                               way.rule_version, way.connector, [], act.clock())  # fmt: skip
        facts.load_orders(conn, ws, "load_orders_by_id", [order_id])
        state = ws.orders[source_id]
        state.content, state.version = decode_content(content), Version(stamp, sequence, digest)
        state.number += 1
        state.dirty = state.rebuilt = True
        item = item_of(state, ws)
        facts.load_partners(conn, ws, [item])
        judge(item, state, ws)
        ws.versions.append((order_id, state.number, state.version, receipt_id, changes))
        writes = write.Writes(conn, ws)
        writes.orders()
        writes.perform(conn)
        conn.execute(sql("refreeze_order"), {**key, "frozen_at": frozen_at})
        record(conn, act, "apply_after_freeze", {"order": source_id, "changes": changes}, order_id=order_id,
               integration_id=integration_id, standing=state.standing.value, identifier=source_id)  # fmt: skip
    return dict(changes)


# ---------------------------------------------------------------- products

PRODUCT_TROUBLE = ["product_not_found", "product_not_linked", "product_sku_duplicate", "product_sku_missing",
                   "product_details_pending"]  # fmt: skip


def link_product(db: Database, act: Act, kind: str, value: str, product_id: int, scope: int, way_of: WayOf) -> Judged:
    """Say that a SKU, id or name of a source is this product; every order that waits for it is judged again."""
    account = act.account.account_id
    key = {"account": account, "kind": kind, "value": value, "scope": scope, "product": product_id}
    with db.writing(account) as conn:
        if conn.execute(sql("get_product"), key).fetchone() is None:
            raise NotFound("There is no product {product}; look it up: cuadra product list.", product=product_id)
        conn.execute(sql("unlink_key"), key)
        conn.execute(sql("link_key"), key)
        record(conn, act, "link_product", {"kind": kind, "value": value, "product": product_id}, identifier=value)
    sku, name = (value if kind == "sku" else None), (value if kind == "name" else None)
    return _release_lines(db, act, way_of, PRODUCT_TROUBLE, sku=sku, name=name)


def activate_product(db: Database, act: Act, product_id: int, way_of: WayOf, *, active: bool = True) -> Judged:
    """Make a product active (or not) again; every order held for it is judged again."""
    account = act.account.account_id
    with db.writing(account) as conn:
        row = conn.execute(sql("get_product"), {"account": account, "product": product_id}).fetchone()
        if row is None:
            raise NotFound("There is no product {product}; look it up: cuadra product list.", product=product_id)
        conn.execute(sql("activate_product"), {"account": account, "product": product_id, "active": active,
                                               "now": act.clock()})  # fmt: skip
        name = "activate_product" if active else "deactivate_product"
        record(conn, act, name, {"product": product_id}, identifier=row[2] or str(product_id))
    return _release_lines(db, act, way_of, ["product_inactive"], product=product_id) if active else Judged()


def _release_lines(db: Database, act: Act, way_of: WayOf, codes: list[str], *, sku: str | None = None,
                   product: int | None = None, name: str | None = None) -> Judged:  # fmt: skip
    with db.transaction(act.account.account_id) as conn:
        rows = conn.execute(sql("list_by_line_trouble"), {
            "account": act.account.account_id, "reasons": codes, "sku": sku, "product": product, "name": name,
        }).fetchall()  # fmt: skip
    return release(db, rows, way_of)


def release(db: Database, rows: list[tuple[Any, ...]], way_of: WayOf,
            progress: Callable[[int], None] = lambda done: None) -> Judged:  # fmt: skip
    """Judge (order, integration) pairs again, each by the rules of its own integration."""
    total = Judged()
    groups: dict[int, list[int]] = {}
    for order, integration in rows:
        groups.setdefault(integration, []).append(order)
    for integration, orders in groups.items():
        before = total.judged
        found = rejudge(db, way_of(integration), orders, progress=lambda done, before=before: progress(before + done))  # type: ignore[misc]
        total.judged += found.judged
        total.changed += found.changed
        total.frozen += found.frozen
    return total


# ---------------------------------------------------------------- customers


def merge(db: Database, act: Act, customer_id: int, into: int) -> None:
    """Two customers are one person. Orders and keys stay where they are; both answer as one until it is undone.

    Whoever was merged before into the one that goes comes along, and stays with it when this is undone. Only somebody
    who stands alone can be merged, and only into somebody who does: so there is no way round in a circle.
    """
    if customer_id == into:
        raise Refused("A customer cannot be merged with itself.")
    account = act.account.account_id
    with db.writing(account) as conn:
        mine, theirs = (_merged_into(conn, account, number) for number in (customer_id, into))
        if theirs:
            raise Refused("Customer {customer} is itself merged into {into}; merge into that one.", customer=into,
                          into=theirs[-1])  # fmt: skip
        if into in mine:
            return
        if mine:
            raise Refused("Customer {customer} is already merged into {into}; merge that one, or undo it first: cuadra "
                          "customer unmerge {customer}.", customer=customer_id, into=mine[-1])  # fmt: skip
        conn.execute(sql("merge_customer"), {"account": account, "customer": customer_id, "into": into})
        _decide(conn, act, customer_id, into, "merged")
        record(conn, act, "merge_customers", {"customer": customer_id, "into": into}, identifier=str(customer_id))


def keep_apart(db: Database, act: Act, one: int, other: int, way_of: WayOf) -> Judged:
    """Two customers with crossed keys are two people: their orders stop warning of it."""
    account = act.account.account_id
    pair = {"account": account, "one": min(one, other), "other": max(one, other)}
    with db.writing(account) as conn:
        for number in (one, other):
            _customer(conn, account, number)
        rows = conn.execute(sql("orders_in_conflict"), pair).fetchall()
        _decide(conn, act, one, other, "kept_apart")
        record(conn, act, "keep_apart", {"customers": [one, other]}, identifier=str(one))
    return release(db, rows, way_of)


def unmerge(db: Database, act: Act, customer_id: int, way_of: WayOf) -> Judged:
    """Undo a merge, and no other: who was merged into this customer stays so. Orders that came meanwhile go back to
    whom their keys name."""
    account = act.account.account_id
    with db.writing(account) as conn:
        into = _merged_into(conn, account, customer_id)
        if not into:
            raise Refused("Customer {customer} is not merged into another.", customer=customer_id)
        conn.execute(sql("unmerge_customer"), {"account": account, "customer": customer_id})
        _decide(conn, act, customer_id, into[0], None)
        record(conn, act, "unmerge_customers", {"customer": customer_id, "from": into[0]}, identifier=str(customer_id))
        orders = conn.execute(sql("orders_of_customers"), {"account": account, "customers": into}).fetchall()
    return release(db, orders, way_of)


def _merged_into(conn: Conn, account: int, customer_id: int) -> list[int]:
    """Into whom a customer has been merged, nearest first; nobody if it stands alone."""
    _customer(conn, account, customer_id)
    rows = conn.execute(sql("list_merged_into"), {"account": account, "customer": customer_id})
    return [number for (number,) in rows]


def _customer(conn: Conn, account: int, customer_id: int) -> tuple[Any, ...]:
    row = conn.execute(sql("get_customer"), {"account": account, "customer": customer_id}).fetchone()
    if row is None:
        raise NotFound("There is no customer {customer}; look it up: cuadra customer list.", customer=customer_id)
    return row


def _decide(conn: Conn, act: Act, one: int, other: int, decision: str | None) -> None:
    values = {"account": act.account.account_id, "one": min(one, other), "other": max(one, other),
              "decision": decision, "author": act.author, "now": act.clock()}  # fmt: skip
    conn.execute(sql("decide_conflicts"), values)
    conn.execute(sql("note_decision" if decision is not None else "forget_decision"), values)
