"""The journey of an order, step by step, from its attempts: what went in, what came out, what was said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from cuadra import reasons
from cuadra.accounts import Account
from cuadra.db import Conn
from cuadra.db.queries import sql
from cuadra.diagnosis import masking
from cuadra.diagnosis.order_row import OrderRow
from cuadra.pipeline.steps import unpack


class Step(Struct):
    """One step of the newest attempt."""

    name: str
    outcome: str
    at: datetime | None
    input: Any
    output: Any
    message: dict[str, str] | None


def story(conn: Conn, account: Account, row: OrderRow, personal: bool) -> tuple[int, int, list[Step]]:
    """(attempts, receipts, steps of the attempt that decided how the order stands)."""
    key = {"account": account.account_id, "order": row.order_id, "retention": account.retention}
    attempts = conn.execute(sql("list_order_attempts"), key).fetchall()
    if not attempts:
        return 0, 0, []
    # an act of a person is an attempt too, but it is not what let the order in
    deciding = next((one for one in attempts if one[4] in ("created", "updated") and one[11] == "order"), attempts[0])
    _, at, receipt_id, _, _, _, reason, warnings, steps, *_ = deciding
    place = conn.execute(sql("get_receipt_place"), {
        "account": account.account_id, "receipt": receipt_id, "retention": account.retention,
    }).fetchone()  # fmt: skip
    said = _messages(reason, warnings or [])
    inputs, outputs = _values(conn, account, row, place, personal)
    found = []
    for name, outcome in unpack(steps):
        if outcome is None and name == "verify":
            continue
        found.append(
            Step(name, outcome.value if outcome else "not_reached", at if outcome else None, inputs.get(name),
                 outputs.get(name), said.get(name) if outcome and outcome != "success" else None)
        )  # fmt: skip
    receipts = len({one[2] for one in attempts})
    return len(attempts), receipts, found


#: which step says what: by the group of the reason
_STEP_OF_GROUP = {"D": "admit", "C": "admit", "E": "read", "F": "read", "I": "match_customer", "J": "match_products",
                  "K": "deliver", "L": "record"}  # fmt: skip
_STEP_OF_CODE = {
    "order_without_customer": "match_customer", "customer_without_contact": "match_customer",
    "required_field_missing": "read", "field_format_invalid": "read", "totals_do_not_add_up": "record",
    "line_excluded_by_rule": "match_products", "internal_error": "record",
}  # fmt: skip


def _messages(reason: str | None, warnings: list[str]) -> dict[str, dict[str, str]]:
    said: dict[str, dict[str, str]] = {}
    for code in [*([reason] if reason else []), *warnings]:
        entry = reasons.get(code)
        step = _STEP_OF_CODE.get(code) or _STEP_OF_GROUP.get(entry.group, "admit")
        said.setdefault(step, {"reason": code, "es": entry.text.es, "en": entry.text.en})
    if warnings and "record" not in said:
        said["record"] = said[next(iter(said))]
    return said


def _values(conn: Conn, account: Account, row: OrderRow, place: tuple[Any, ...] | None,
            personal: bool) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """(input, output) of each step, from what is stored."""
    content = msgspec.json.decode(row.content)
    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    if place is not None:
        arrival, received_at, _, line, size, set_name, file = place
        inputs["receive"] = {"arrival": arrival, "set": set_name, "file": file, "line": line}
        outputs["receive"] = {"receipt": row.receipt_id, "received_at": received_at, "bytes": size}
        inputs["read"] = {"bytes": size}
    outputs["read"] = {
        "order": row.source_id, "state": row.state, "total": row.total, "currency": row.currency,
        "lines": len(content.get("lines", [])),
    }  # fmt: skip
    inputs["admit"] = {name: content.get(name) for name in
                       ("state", "lifecycle", "payment_state", "fulfilment_state", "store", "sales_channel", "seller")
                       if content.get(name) is not None}  # fmt: skip
    outputs["admit"] = {"standing": row.standing, "rule_version": row.rule_version}
    customer = content.get("customer") or {}
    email, phone = customer.get("email"), customer.get("phone")
    inputs["match_customer"] = {
        "email": email if personal else masking.email(email), "phone": phone if personal else masking.phone(phone),
        "id": customer.get("id"),
    }  # fmt: skip
    outputs["match_customer"] = {"customer": row.customer_id}
    lines = conn.execute(sql("list_order_lines"), {"account": account.account_id, "order": row.order_id}).fetchall()
    inputs["match_products"] = [{"sku": line[1], "name": line[2], "quantity": line[3]} for line in lines]
    outputs["match_products"] = [{"product": line[8], "reason": line[9]} for line in lines]
    outputs["record"] = {"version": row.version, "warnings": row.warnings or []}
    return inputs, outputs
