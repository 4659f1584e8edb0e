"""«Why is it not here?»: any identifier in, one verdict out, with proof, who must act and what to do.

The ladder over stored evidence: what kind of number is it, do we know an order by it, where does that order stand and
what proves it. An exact identifier is preferred to one that only reads the same.
"""

from __future__ import annotations

import re
import time
from contextlib import closing
from itertools import islice
from typing import Any

import psycopg
from msgspec import Struct, structs

from cuadra import accounts, reasons
from cuadra.accounts import Account
from cuadra.db import Conn, Database
from cuadra.db.queries import sql
from cuadra.diagnosis import in_files, looks, masking, onward, products
from cuadra.diagnosis.order_row import OrderRow, order_row
from cuadra.diagnosis.story import Step, story
from cuadra.model import normal
from cuadra.pipeline import contacts
from cuadra.pipeline.prepare import identifiers as identifiers_of
from cuadra.pipeline.versions import decode_content

PAGE = 20
MOST = 2_000
SEARCH_MS = 3_000
"""How long an unknown number is looked for in the bodies of files."""
PLACES = 5
LOOKED_AT = 1000
"""Bad rows with a text in them, among which those that have it as a word are looked for."""
SHORTEST = 3
"""Characters of a text that is looked for inside of rows; a shorter one is in each of them."""

_FILE_LINE = re.compile(r"^(?P<file>[^:]+\.\w+):(?P<line>\d{1,12})$")

PRESENT = {
    "es": "El pedido está aquí.",
    "en": "The order is here.",
}
NOTHING_TO_DO = {"es": "Nada que hacer.", "en": "Nothing to do."}


class Found(Struct, frozen=True):
    """What a text leads to: the kind of identifier it is, and the orders known by it."""

    kind: str
    orders: list[int]
    exact: bool = True


class Answer(Struct):
    """The verdict over one identifier."""

    query: str
    kind_of_identifier: str | None
    standing: str | None
    reason: str | None
    text: dict[str, str]
    fixed_by: str
    action: dict[str, str]
    evidence: dict[str, Any]
    order: dict[str, Any] | None
    identifiers: list[dict[str, str]]
    steps: list[Step]
    attempts: int
    receipts: int
    warnings: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    deliveries: list[dict[str, Any]] = []
    """Where it went on to: the newest delivery at each destination."""


class Several(Struct):
    """Several orders under one identifier, a page of them."""

    query: str
    kind_of_identifier: str
    orders: list[dict[str, Any]]
    total: int
    page: int


def why(db: Database, account: Account, text: str, *, page: int = 1, personal: bool = False) -> Answer | Several:
    """Answer for one identifier: an order's number, invoice, payment, tracking, cart; an email, a phone, a SKU with
    trouble; or a place in a file (`orders.csv:1043`)."""
    query = text.strip()
    with db.transaction(account.account_id) as conn:
        found = find(conn, account, query)
        if not found.orders:
            unknown = _unknown(conn, account, query, personal)
            if isinstance(unknown, Answer):
                return unknown
            found = unknown
        if len(found.orders) == 1:
            return _one(conn, account, query, found, order_row(conn, account.account_id, found.orders[0]), personal)
        return _several(conn, account, query, found, page, personal)


def of_order(db: Database, account: Account, order_id: int, *, query: str = "", personal: bool = False) -> Answer:
    """The verdict over one order by our own id of it; `query` is what led to it. Raises NotFound."""
    asked = query.strip()
    with db.transaction(account.account_id) as conn:
        row = order_row(conn, account.account_id, order_id)
        found = find(conn, account, asked) if asked else None
        if found is None or order_id not in found.orders:
            found = Found("order", [order_id])
        return _one(conn, account, asked or row.number or row.source_id, found, row, personal)


def find(conn: Conn, account: Account, query: str) -> Found:
    """The orders known by a text: by their own numbers first, then by who bought, by place, by SKU."""
    key = {"account": account.account_id, "limit": MOST}
    rows = conn.execute(sql("find_identifiers"), {**key, "normal": normal(query)}).fetchall() if query else []
    for exact in (True, False):
        same = [(kind, order) for kind, value, order in rows
                if kind not in ("email", "phone") and (not exact or value == query)]  # fmt: skip
        if same:
            return Found(same[0][0], _unique(order for _, order in same), exact)
    email = contacts.email(query)
    if email.value:
        return Found("email", _bought_by(conn, key, "email", [email.value]))
    match = _FILE_LINE.match(query)
    if match:
        place = {**key, "file": match["file"], "line": int(match["line"])}
        rows = conn.execute(sql("find_file_line"), place).fetchall()
        return Found("file_line", _unique(order for order, _, _ in rows))
    rows = conn.execute(sql("find_by_sku"), {**key, "value": query}).fetchall()
    if rows:
        return Found("sku", [order for (order,) in rows])
    if sum(char.isdigit() for char in query) >= 7:
        orders = _bought_by(conn, key, "phone", contacts.phones(query, accounts.phone_regions(conn, account)))
        return Found("phone" if orders else "unknown", orders)
    return Found("unknown", [])


def _bad_rows(conn: Conn, account: Account, query: str) -> list[tuple[Any, ...]]:
    """Rows that could not be taken at the place that is asked for, or with the text in them as a word of its own."""
    if not query:
        return []
    place, text = _FILE_LINE.match(query), query.encode("utf-8", "replace")
    rows = conn.execute(sql("find_refused"), {
        "account": account.account_id, "limit": LOOKED_AT, "text": text if len(query) >= SHORTEST else None,
        "file": place["file"] if place else None, "line": int(place["line"]) if place else None,
    }).fetchall()  # fmt: skip
    return [row for row in rows if place or in_files.holds(bytes(row[9]), text, whole=True)]


def _bought_by(conn: Conn, key: dict[str, Any], kind: str, values: list[str]) -> list[int]:
    """Orders of whoever has one of these contacts, newest first; those without a customer carry it themselves."""
    orders: set[int] = set()
    for value in values:
        rows = conn.execute(sql("find_by_customer_key"), {**key, "kind": kind, "value": value}).fetchall()
        rows += conn.execute(sql("find_identifiers"), {**key, "normal": normal(value)}).fetchall()
        orders |= {order for found, _, order in rows if found == kind}
    return sorted(orders, reverse=True)


def _unique(orders: Any) -> list[int]:
    return list(dict.fromkeys(orders))


# ---------------------------------------------------------------- one order


def _one(conn: Conn, account: Account, query: str, found: Found, row: OrderRow, personal: bool) -> Answer:
    attempts, receipts, steps = story(conn, account, row, personal)
    evidence = row.evidence or {}
    identifiers = [
        {"kind": kind, "value": value} for (kind, _), value in identifiers_of(decode_content(row.content)).items()
    ]
    answer = Answer(
        query, found.kind, row.standing, row.reason, PRESENT, "system", NOTHING_TO_DO, {}, summary(row, personal),
        identifiers, steps, attempts, receipts,
    )  # fmt: skip
    if row.reason is not None:
        reason = reasons.get(row.reason)
        answer.text = {"es": reason.text.es, "en": reason.text.en}
        answer.action = {"es": reason.action.es, "en": reason.action.en}
        answer.fixed_by = reason.fixed_by
        answer.evidence = evidence.get(row.reason, {})
    answer.warnings = [
        {"reason": code, "text": {"es": reasons.get(code).text.es, "en": reasons.get(code).text.en},
         "evidence": masking.evidence(evidence.get(code, {}), personal)}
        for code in row.warnings or ()
    ]  # fmt: skip
    answer.evidence = masking.evidence(answer.evidence, personal)
    answer.notes = _notes(conn, account, query, row, found)
    if row.reason not in ("deleted_at_source", "not_found_at_source"):
        answer.notes += looks.notes(looks.of(conn, account.account_id, query), known=True)
    answer.deliveries = onward.deliveries(conn, account.account_id, row.order_id, personal)
    answer.notes += onward.notes(answer.deliveries, row.present_at)
    return answer


def _note(code: str, es: str, en: str, evidence: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"reason": code, "es": es, "en": en, "evidence": evidence or {}}


def _reason_note(code: str, evidence: dict[str, Any]) -> dict[str, Any]:
    reason = reasons.get(code)
    return _note(code, reason.text.es, reason.text.en, evidence)


def _notes(conn: Conn, account: Account, query: str, row: OrderRow, found: Found) -> list[dict[str, Any]]:
    """What else the asker should know: the number was of another kind, or only reads the same; the order is frozen."""
    notes = []
    label = row.number or row.source_id
    if found.kind == "file_row":
        notes.append(_note("", f"Está en una fila de un archivo que es del pedido {label}.",
                           f"It stands in a row of a file that belongs to order {label}."))  # fmt: skip
    elif found.kind not in ("order", "number", "email", "phone", "sku", "file_line"):
        proof = {"searched": query, "kind_found": found.kind, "order": label}
        notes.append(_reason_note("wrong_identifier_kind", proof))
    elif not found.exact:
        notes.append(_note("", f"Ningún pedido se llama exactamente así; este se lee igual: {label}.",
                           f"No order is called exactly that; this one reads the same: {label}."))  # fmt: skip
    if row.frozen_at is not None:
        key = {"account": account.account_id, "order": row.order_id}
        change = conn.execute(sql("get_frozen_change"), key).fetchone()
        if change is None:
            notes.append(_note("", "Congelado desde la baja de stock.", "Frozen since the stock write-off.",
                               {"frozen_at": row.frozen_at}))  # fmt: skip
        else:
            notes.append(_note("change_after_freeze", "Congelado desde la baja de stock; el origen cambió después.",
                               "Frozen since the stock write-off; the source changed afterwards.",
                               {"changes": list(change[1]), "frozen_at": row.frozen_at}))  # fmt: skip
    if row.integration_state == "paused":
        notes.append(_paused(conn, account, row.integration))
    return notes


def _paused(conn: Conn, account: Account, name: str) -> dict[str, Any]:
    found = conn.execute(sql("get_pause"), {"account": account.account_id, "name": name}).fetchone()
    at, who, why_paused, kept = found or (None, None, "", 0)
    proof = {"integration": name, "by": who, "at": at, "kept": kept}
    return _reason_note("integration_paused", proof | ({"note": why_paused} if why_paused else {}))


def summary(row: OrderRow, personal: bool) -> dict[str, Any]:
    """An order in the fields people compare."""
    return {
        "order": row.order_id, "id": row.source_id, "number": row.number, "integration": row.integration, "store": row.store,
        "date": row.ordered_at, "state": row.state, "payment_state": row.payment_state, "currency": row.currency,
        "total": row.total, "customer": row.customer_name if personal else masking.name(row.customer_name),
        "email": row.customer_email if personal else masking.email(row.customer_email), "products": row.products,
        "standing": row.standing, "reason": row.reason, "version": row.version, "first_seen": row.first_seen,
        "changed_at": row.changed_at, "recheck_at": row.recheck_at, "frozen_at": row.frozen_at,
        "incomplete": row.incomplete, "rule_version": row.rule_version,
    }  # fmt: skip


def _several(conn: Conn, account: Account, query: str, found: Found, page: int, personal: bool) -> Several:
    start = (max(page, 1) - 1) * PAGE
    shown = [order_row(conn, account.account_id, one) for one in found.orders[start : start + PAGE]]
    return Several(query, found.kind, [summary(row, personal) for row in shown], len(found.orders), max(page, 1))


# ---------------------------------------------------------------- nothing known


def _unknown(conn: Conn, account: Account, query: str, personal: bool) -> Answer | Found:
    """Not among what orders are known by. A product, a row that was refused (and perhaps belongs to an order), or anywhere in
    a file? What was asked is the proof."""
    refused = _bad_rows(conn, account, query)
    kind, sold = products.find(conn, account.account_id, query) if query else ("unknown", [])
    if sold:
        return _product(query, kind, sold, refused)
    if of_orders := _unique(order for *_, order in refused if order is not None):
        return Found("file_row", of_orders)
    if refused:
        return _refused(query, refused, personal)
    ways = conn.execute(sql("list_ways_in"), {"account": account.account_id}).fetchall()
    sets, files, newest = conn.execute(sql("count_files"), {"account": account.account_id}).fetchone() or (0, 0, None)
    searched: dict[str, Any] = {
        "identifiers": 0, "customers": 0, "products": [], "refused_rows": 0,
        "file_sets": sets, "files": int(files), "newest_set": newest,
        "files_with_it": _in_files(conn, account, query) if sets and query else [],
        "integrations": [
            {"name": name, "state": state, "last_import": ended or started} for name, state, started, ended in ways
        ],
    }  # fmt: skip
    asked = looks.of(conn, account.account_id, query)
    if asked:
        searched["sources"] = [one.brief() for one in asked]
    denied = next((one for one in asked if one.status == 404 and not one.found and one.reason is None), None)
    reason = reasons.get("not_found_at_source" if denied else "identifier_unknown_everywhere")
    proof = {"answer": "404", "asked_at": denied.at} if denied else {}
    return Answer(
        query, None, None, reason.code, {"es": reason.text.es, "en": reason.text.en}, reason.fixed_by,
        {"es": reason.action.es, "en": reason.action.en}, {**proof, "searched": searched}, None, [], [], 0, 0,
        notes=[_paused(conn, account, name) for name, state, *_ in ways if state == "paused"]
        + looks.notes(asked, known=False),
    )  # fmt: skip


def _in_files(conn: Conn, account: Account, query: str) -> list[str] | None:
    """Places of files whose rows hold the text; None if looking took too long (`cuadra files search` has no limit)."""
    found: list[str] = []
    until = time.monotonic() + SEARCH_MS / 1000
    try:
        with (
            conn.transaction(),
            closing(in_files.rows_with(conn, account.account_id, query, until, whole=True)) as rows,
        ):
            conn.execute("SELECT set_config('statement_timeout', %s, true)", (str(SEARCH_MS),))
            for row in islice(rows, PLACES):
                found.append(f"{row['file']}:{row['line']}")
    except (psycopg.errors.QueryCanceled, TimeoutError):
        return found or None
    finally:
        conn.execute("SELECT set_config('statement_timeout', '0', true)")
    return found


def _product(query: str, kind: str, found: list[products.Product], refused: list[tuple[Any, ...]]) -> Answer:
    """It is a product, and no order: what is known of it."""
    text, fixed_by, action = products.verdict(found)
    notes = []
    if refused:
        set_name, file, line, _, _, _, code, at, *_ = refused[0]
        proof = {"file": file, "line": line, "set": set_name, "received_at": at}
        notes.append(_note(code, "También está en una fila que no se pudo tomar.",
                           "It is also in a row that could not be taken.", proof))  # fmt: skip
    evidence = {"products": [structs.asdict(one) for one in found]}
    return Answer(query, kind, None, None, text, fixed_by, action, evidence, None, [], [], 0, 0, notes=notes)


def _refused(query: str, rows: list[tuple[Any, ...]], personal: bool) -> Answer:
    """It came in a row that could not be taken: which one, and what is wrong with it."""
    set_name, file, line, column, value, rule, code, at, says, *_ = rows[0]
    reason = reasons.get(code)
    proof = {"file": file, "line": line, "column": column, "value": value, "rule": rule, "set": set_name,
             "received_at": at, "rows": len(rows), "personal": says}  # fmt: skip
    return Answer(
        query, "file_row", None, code, {"es": reason.text.es, "en": reason.text.en}, reason.fixed_by,
        {"es": reason.action.es, "en": reason.action.en}, masking.evidence(proof, personal), None, [], [], len(rows),
        len(rows),
    )  # fmt: skip
