"""A person's data handed out, and erased: afterwards no column of any table holds it, and history and sums stand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from cuadra import inbox
from cuadra.connectors.base import Raw, Read, Reader
from cuadra.connectors.files.layout import own_layout
from cuadra.connectors.files.nested import read_line
from cuadra.diagnosis import journey
from cuadra.errors import NotFound, Refused
from cuadra.jobs import returning
from cuadra.ledger import BatchLedger, acts, person, utc_now
from cuadra.ledger.rejudge import rejudge
from cuadra.model import Entity
from cuadra.pipeline.run import prepare_safely, run
from cuadra.pipeline.versions import digest
from cuadra.pipeline.working import Item
from tests.rules import again, ana, one, order_id, way, way_of
from tests.world import World, line, order

EMAIL, PHONE, NAME, STREET = "maria.ferreyra@example.com", "+541143215678", "María Ferreyra", "Pasaje Zorzal 1723"
#: everything by which the person could be found again, as written and as normalised
TRACES = (EMAIL, "maria.ferreyra", PHONE, "4321-5678", "43215678", NAME, "Ferreyra", STREET, "Zorzal")
THEN = "2026-05-01T10:00:00Z"


def bought(id: str, **values: Any) -> dict[str, Any]:
    """An order of María's with everything that an order can say of her."""
    return order(id, **{
        "customer": {"id": "501", "name": NAME, "email": EMAIL.upper(), "phone": "011 4321-5678",
                     "consents": [{"channel": "email", "state": "allowed", "at": THEN}]},
        "billing": {"name": NAME, "street": STREET, "city": "Rosario"},
        "delivery": {"name": NAME, "street": STREET, "phone": "011 4321-5678"},
        "note": f"entregar a {NAME}", "custom": {"comprador": NAME}, "created_at": "2026-04-01T10:00:00Z",
        "updated_at": THEN, "total": "20.00", "lines": [line(quantity="2")],
        "refunds": [{"id": "R-1", "amount": "4.00", "note": f"devuelto a {NAME}"}], **values,
    })  # fmt: skip


def found(world: World, *, traces: tuple[str, ...] = TRACES) -> list[tuple[str, str, str]]:
    """(table, column, trace) wherever something of the person is stored. Names in JSON may be escaped."""
    places = []
    with world.db.transaction(role="cuadra_owner") as conn:
        for table, column, kind in columns(conn):
            written = f"encode({column}, 'escape')" if kind == "bytea" else f"{column}::text"
            for trace in traces:
                looked = octal(trace) if kind == "bytea" else trace
                escaped = trace.encode("ascii", "backslashreplace").decode().replace("\\xed", "\\u00ed")
                row = conn.execute(
                    f"SELECT count(*) FROM {table} "
                    f"WHERE position(lower(%s) IN lower({written})) > 0 OR position(lower(%s) IN lower({written})) > 0",
                    (looked, escaped),
                ).fetchone()
                if row and row[0]:
                    places.append((table, column, trace))
    return places


def octal(text: str) -> str:
    """As PostgreSQL escapes bytes."""
    return "".join(chr(byte) if byte < 128 else f"\\{byte:03o}" for byte in text.encode())


def columns(conn: Any) -> list[tuple[str, str, str]]:
    """(table, column, type) of every column that can hold text, in every table; partitions by their parents."""
    return conn.execute(
        "SELECT c.relname, a.attname, t.typname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "JOIN pg_type t ON t.oid = a.atttypid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
        "AND a.attnum > 0 AND NOT a.attisdropped "
        "AND t.typname IN ('text', '_text', 'varchar', 'json', 'jsonb', 'bytea', 'name', 'bpchar')"
    ).fetchall()


def erase(world: World, text: str = EMAIL) -> tuple[int, int]:
    return person.erase(world.db, ana(world), text)


def history(world: World) -> list[Any]:
    """What an erasure leaves: orders with amounts and standing, versions, attempts, refunds, lines."""
    return [
        world.rows("SELECT source_id, standing, reason, state, currency, total, total_minor, version, stamp, frozen_at, "
                   "customer_id, ordered_at FROM orders ORDER BY 1"),
        world.rows("SELECT order_id, version, stamp, sequence, receipt_id FROM order_version ORDER BY 1, 2"),
        world.rows("SELECT attempt_id, receipt_id, order_id, outcome, standing, reason, steps FROM attempt "
                   "WHERE entity <> 'act' OR order_id IS NOT NULL ORDER BY 1"),
        world.rows("SELECT order_id, amount FROM refund ORDER BY 1"),
        world.rows("SELECT order_id, line_no, sku, product_id, quantity, total FROM order_line ORDER BY 1, 2"),
    ]  # fmt: skip


def everything(world: World) -> None:
    """María in every corner: two orders, edits, a delivery change, a change after the freeze, a stale and a duplicate
    delivery, her record in a file of customers, bad rows, and a conflict with somebody else's phone."""
    world.take(bought("A"), bought("B"))
    world.take({**bought("A"), "updated_at": "2026-05-02T10:00:00Z", "billing": {"name": NAME, "street": "Otra 1"},
                "delivery": {"name": "Pedro", "street": STREET}})  # fmt: skip
    world.take(again(bought("A")))
    acts.write_off(world.db, ana(world), order_id(world, "B"))
    world.take(
        {**bought("B"), "updated_at": "2026-05-02T10:00:00Z", "customer": {"name": NAME, "email": "otra@example.com"}}
    )
    world.take_csv({
        "orders.csv": "id,total,customer.id,customer.email,customer.name\n"
                      f"C,muchos,501,{EMAIL},{NAME}\nD,10.00,501,{EMAIL},{NAME}\n",
        "customers.csv": f"id,name,email,phone,address.street\n501,{NAME},{EMAIL},{PHONE},{STREET}\n",
    })  # fmt: skip
    world.take(order("E", customer={"id": "501", "name": NAME, "email": "maria.ferreyra@@example", "phone": PHONE}))
    world.take(order("Z", customer={"email": "otro@example.com", "name": "Otro"}))


# ---------------------------------------------------------------- export


@pytest.mark.parametrize("text", [EMAIL, " MARIA.Ferreyra@example.com ", PHONE, "011 4321-5678"])
def test_a_person_is_exported_with_keys_consents_and_orders(world: World, text: str) -> None:
    world.take(bought("A"), bought("B"), order("Z"))
    (found_one,) = person.export(world.db, world.account, text)["customers"]
    assert found_one["name"] == NAME
    assert {(key["kind"], key["value"]) for key in found_one["keys"]} >= {("email", EMAIL), ("phone", PHONE)}
    assert [(consent["channel"], consent["state"]) for consent in found_one["consents"]] == [("email", "allowed")]
    exported = person.export(world.db, world.account, text)["orders"]
    assert [one["id"] for one in exported] == ["A", "B"]
    assert exported[0]["billing"]["street"] == STREET
    number = str(found_one["customer"])
    assert person.export(world.db, world.account, number)["customers"] == [found_one]


def test_who_is_unknown_is_not_found(world: World) -> None:
    for text in ("nadie@example.com", "+541100000001", "999999", ""):
        with pytest.raises(NotFound):
            person.export(world.db, world.account, text)
        with pytest.raises(NotFound):
            erase(world, text)


@pytest.mark.parametrize("state", ["paid", "pending"], ids=["with a customer", "still waiting"])
def test_a_phone_is_also_of_the_country_of_the_rules(world: World, state: str) -> None:
    world.rules(customers__region="ES")
    world.take(order("A", customer={"name": NAME, "phone": "651 234 567"}, state=state))
    assert len(person.export(world.db, world.account, "651234567")["orders"]) == 1
    erase(world, "651234567")
    assert found(world, traces=(NAME, "651234567", "651 234 567")) == []


def test_a_phone_of_two_people_in_two_countries_is_refused(world: World) -> None:
    world.integration("santiago", customers__region="CL")
    world.integration("madrid", customers__region="ES")
    world.take(order("A", customer={"name": NAME, "phone": "915551234"}), name="madrid")
    world.take(order("B", customer={"name": "Eva", "phone": "+56915551234"}), name="santiago")
    for act in (erase, lambda world, text: person.export(world.db, world.account, text)):
        with pytest.raises(Refused, match="country code"):
            act(world, "915551234")
    assert erase(world, "+34 915551234") == (1, 1)
    assert len(person.export(world.db, world.account, "915551234")["orders"]) == 1


def test_merged_people_are_exported_and_erased_as_one(world: World) -> None:
    world.take(bought("A"), order("B", customer={"email": "maria.vieja@example.com", "name": NAME}))
    world.take(bought("A"))
    old, new = (one(world, "SELECT customer_id FROM orders WHERE source_id = %s", name) for name in "BA")
    acts.merge(world.db, ana(world), old, new)
    assert len(person.export(world.db, world.account, "maria.vieja@example.com")["orders"]) == 2
    assert erase(world) == (2, 2)
    assert found(world) == []


@pytest.mark.parametrize("text", [EMAIL, "maria.vieja@example.com", "ferreyra.m@example.com"])
def test_a_chain_of_merged_people_is_one_person(world: World, text: str) -> None:
    world.take(bought("A"), order("B", customer={"email": "maria.vieja@example.com", "name": NAME}),
               order("C", customer={"email": "ferreyra.m@example.com", "name": NAME}))  # fmt: skip
    new, old, oldest = (one(world, "SELECT customer_id FROM orders WHERE source_id = %s", name) for name in "ABC")
    acts.merge(world.db, ana(world), oldest, old)
    acts.merge(world.db, ana(world), old, new)
    assert len(person.export(world.db, world.account, text)["orders"]) == 3
    assert erase(world, text) == (3, 3)
    assert found(world, traces=(*TRACES, "maria.vieja", "ferreyra.m")) == []


# ---------------------------------------------------------------- erase


def test_after_an_erasure_no_table_holds_the_person(world: World) -> None:
    everything(world)
    places = {(table, column) for table, column, _ in found(world)}
    assert {("orders", "content"), ("receipt", "body"), ("customer", "details"), ("customer_key", "value"),
            ("frozen_change", "content"), ("file_reject", "raw"), ("order_version", "changes"),
            ("order_event", "detail"), ("attempt", "evidence")} <= places  # fmt: skip
    assert erase(world) == (1, 5)
    assert found(world) == []


def test_history_and_sums_stand_after_an_erasure(world: World) -> None:
    everything(world)
    before = history(world)
    erase(world)
    assert history(world) == before
    assert world.rows("SELECT total, standing FROM orders WHERE source_id = 'A'") == [(Decimal("20.00"), "present")]
    assert one(world, "SELECT count(*) FROM orders WHERE erased_at IS NOT NULL") == 5
    assert one(world, "SELECT count(*) FROM receipt WHERE headers ? 'erased'") > 5
    ((changes,),) = world.rows(
        "SELECT changes FROM order_version v JOIN orders o USING (order_id) WHERE o.source_id = 'A' AND v.version = 2"
    )
    assert changes == {}  # that something changed is known, not what


def test_a_refund_loses_its_note_and_keeps_its_amount_in_every_version(world: World) -> None:
    first = {"id": "R-1", "amount": "4.00", "note": f"devuelto a {NAME}"}
    versions = [[], [first], [{**first, "note": f"transferido a {NAME}"}],
                [first, {"id": "R-2", "amount": "1.00", "note": NAME}]]  # fmt: skip
    for day, refunds in enumerate(versions, 1):
        world.take(bought("A", refunds=refunds, updated_at=f"2026-05-{day:02}T10:00:00Z"))
    world.take(bought("B", refunds=..., updated_at=THEN))
    world.take(bought("B", refunds=[first], updated_at="2026-05-09T10:00:00Z"))
    erase(world)
    assert found(world) == []
    changes = world.rows("SELECT v.changes FROM order_version v JOIN orders o USING (order_id) "
                         "WHERE v.changes IS NOT NULL ORDER BY o.source_id, v.version")  # fmt: skip
    assert [change for (change,) in changes] == [
        {"refunds[R-1]": [None, {"id": "R-1", "amount": "4.00"}]}, {},
        {"refunds[R-2]": [None, {"id": "R-2", "amount": "1.00"}]},
        {"refunds": [None, [{"id": "R-1", "amount": "4.00"}]]},
    ]  # fmt: skip
    assert world.rows("SELECT amount, note FROM refund WHERE order_id = %s ORDER BY 1", order_id(world, "A")) == [
        (Decimal("1.00"), None), (Decimal("4.00"), None),
    ]  # fmt: skip


def test_the_words_of_the_sale_stay(world: World) -> None:
    """What was sold and how it was sent says nothing of whom; without it an order could not be told from another."""
    world.take(bought("A", lines=[line(name="Mate", quantity="2")], discounts=[{"code": "MAYO10", "amount": "0.00"}],
                      shipments=[{"carrier": "Andreani", "tracking": "AR-7788"}], seller="caja 2"))  # fmt: skip
    erase(world)
    assert world.rows("SELECT name FROM order_line") == [("Mate",)]
    assert world.rows("SELECT carrier, tracking FROM shipment") == [("Andreani", "AR-7788")]
    assert world.rows("SELECT code FROM discount") == [("MAYO10",)]
    assert world.why("AR-7788").order["id"] == "A"


def test_somebody_else_is_left_alone(world: World) -> None:
    everything(world)
    erase(world)
    assert world.rows("SELECT customer_name, customer_email, erased_at FROM orders WHERE source_id = 'Z'") == [
        ("Otro", "otro@example.com", None)
    ]
    assert len(person.export(world.db, world.account, "otro@example.com")["orders"]) == 1


def test_the_order_says_that_its_person_was_erased(world: World) -> None:
    world.take(bought("A"))
    erase(world)
    answer = world.why("A", personal=True)
    assert answer.standing == "present"
    assert "personal_data_erased" in [warning["reason"] for warning in answer.warnings]
    assert (answer.order["customer"], answer.order["email"], answer.order["total"]) == (None, None, Decimal("20.00"))
    assert world.why(EMAIL).reason == "identifier_unknown_everywhere"


def test_an_erasure_is_an_act_and_asking_again_finds_nobody(world: World) -> None:
    world.take(bought("A"))
    assert erase(world) == (1, 1)
    assert b'"erase_person"' in bytes(one(world, "SELECT body FROM receipt WHERE kind = 'act'"))
    with pytest.raises(NotFound):
        erase(world)


def test_a_person_known_only_by_orders_held_for_it_is_erased_too(world: World) -> None:
    """The order waits and has no customer yet: its contacts are its identifiers."""
    world.take(bought("A", state="pending", created_at=order("X")["created_at"]))
    assert one(world, "SELECT customer_id FROM orders") is None
    assert erase(world) == (0, 1)
    assert found(world) == []
    assert world.standing("A") == ("waiting", "payment_not_verified")


def test_a_row_that_was_refused_is_rewritten_too(world: World) -> None:
    """It belongs to no order, but it names the person."""
    world.take(bought("A"))
    world.take_csv({
        "orders.csv": "id,total,customer.email\n" f",10.00,{EMAIL}\n",
        "customers.csv": f'id,name,email\n501,"{NAME},{EMAIL}\n',
    })  # fmt: skip
    erase(world)
    assert found(world) == []


def test_rows_of_a_file_can_still_be_looked_at_when_their_person_is_erased(world: World) -> None:
    world.take_csv({"orders.csv": f"id,total,customer.email\nA,10.00,{EMAIL}\n"})
    receipt = one(world, "SELECT receipt_id FROM receipt WHERE kind = 'order'")
    before = journey.body(world.db, world.account, order_id(world, "A"), receipt)
    assert before == "orders.csv:2\nid: A\ntotal: 10.00\ncustomer.email: ••••"
    erase(world)
    after = msgspec.json.decode(journey.body(world.db, world.account, order_id(world, "A"), receipt, personal=True))
    assert after["id"] == "A"


def test_while_receipts_of_the_person_wait_nothing_is_erased(world: World) -> None:
    """A killed import left them: emptied they would be a sale that nobody ever hears of, and as they are they would
    bring the person back."""
    world.take(bought("A"))
    finish = store(world, bought("B"))
    with pytest.raises(Refused, match="wait to be imported"):
        erase(world)
    assert one(world, "SELECT count(*) FROM orders WHERE erased_at IS NOT NULL") == 0
    finish()
    assert world.standing("B") == ("present", None)
    assert erase(world) == (1, 2)
    assert found(world) == []


# ---------------------------------------------------------------- and stays erased


@pytest.mark.parametrize("same", [True, False], ids=["the same version", "a newer version"])
def test_a_later_delivery_does_not_bring_the_person_back(world: World, same: bool) -> None:
    world.take(bought("A"))
    erase(world)
    world.take(again(bought("A") if same else {**bought("A"), "updated_at": "2026-05-09T10:00:00Z", "total": "30.00",
                                               "lines": [line(quantity="3")]}))  # fmt: skip
    assert found(world) == []
    assert world.standing("A") == ("present", None)
    assert one(world, "SELECT total FROM orders") == (Decimal("20.00") if same else Decimal("30.00"))
    assert one(world, "SELECT erased_at IS NOT NULL FROM orders")
    assert "personal_data_erased" in (one(world, "SELECT warnings FROM orders") or [])


def later(**values: Any) -> dict[str, Any]:
    """María's order A as it comes after the erasure."""
    return {**bought("A"), "updated_at": "2026-05-09T10:00:00Z", **values}


#: outcome, and the delivery that has it
LATER: list[tuple[str, dict[str, Any] | bytes]] = [
    ("unchanged", later()),
    ("duplicate", again(bought("A"))),
    ("stale", later(updated_at="2026-04-02T10:00:00Z")),
    ("updated", later(total="30.00", lines=[line(quantity="3")])),
    ("updated", later(state="cancelled")),
    ("refused", later(total="muchos")),
    ("refused", later(customer=NAME)),
    ("refused", later(customer={"name": NAME, "email": EMAIL * 30})),
]


def read_alone(raw: Raw) -> Read:
    return read_line(raw, own_layout(), None, "ARS")


def store(world: World, *orders: dict[str, Any] | bytes, reader: Reader = read_alone) -> Callable[[], None]:
    """Store orders as an import does that is killed then; returns what takes them from the inbox into the ledger."""
    mine, bodies = way(world), [one if isinstance(one, bytes) else msgspec.json.encode(one) for one in orders]
    world.db.stage()
    with world.db.transaction(mine.account_id) as conn:
        entry = inbox.store(
            conn, mine.account_id, mine.integration_id, [Raw(Entity.ORDER, body, 1) for body in bodies],
            arrival="file", retention=world.account.retention, now=utc_now(),
        )  # fmt: skip
    stored = inbox.load(world.db, mine.account_id, entry)

    def fresh(ids: frozenset[int] | None) -> list[Item]:
        return [prepare_safely(raw, number, reader, mine.rules, "AR")
                for number, raw in stored if ids is None or number in ids]  # fmt: skip

    return lambda: run(fresh, BatchLedger(world.db, mine, take=inbox.take), lambda items: None)


def take_patiently(world: World, *orders: dict[str, Any] | bytes, reader: Reader = read_alone) -> None:
    """Take orders in as the import after a killed one does."""
    store(world, *orders, reader=reader)()


@pytest.mark.parametrize("take", [World.take, take_patiently], ids=["ahead", "patiently"])
@pytest.mark.parametrize(("outcome", "order"), LATER)
def test_the_body_of_a_later_delivery_does_not_keep_the_person_either(
    world: World, outcome: str, order: dict[str, Any] | bytes, take: Any
) -> None:
    """«An erased order stays erased»: the ledger takes nothing in, and the raw receipt is not a way around it."""
    world.take(bought("A"))
    erase(world)
    take(world, order)
    assert found(world) == []
    said, rewritten, body = world.rows(
        "SELECT outcome, headers ? 'erased', body FROM attempt JOIN receipt USING (account_id, receipt_id) "
        "WHERE kind = 'order' ORDER BY attempt_id DESC LIMIT 1"
    )[0]
    assert (said, rewritten) == (outcome, True)
    assert bytes(body).startswith(b'{"id":"A"')


def test_what_stays_of_a_later_delivery_verifies_its_version(world: World) -> None:
    world.take(bought("A"))
    erase(world)
    world.take(later(total="30.00", lines=[line(quantity="3")]))
    ((body, of_version, of_order),) = world.rows(
        "SELECT r.body, v.digest, o.digest FROM order_version v JOIN receipt r USING (account_id, receipt_id) "
        "JOIN orders o USING (account_id, order_id) WHERE v.version = 2"
    )
    assert digest(bytes(body)) == of_version == of_order
    assert b'"total":"30.00"' in bytes(body)


def test_a_change_after_the_freeze_of_an_erased_order_names_nobody(world: World) -> None:
    world.take(bought("A"))
    acts.write_off(world.db, ana(world), order_id(world, "A"))
    erase(world)
    world.take(later(total="30.00", note=NAME))
    assert found(world) == []
    assert acts.apply_after_freeze(world.db, ana(world), order_id(world, "A"), way(world)).keys() == {"total"}
    assert found(world) == []


def test_a_change_that_somebody_applied_is_erased_too(world: World) -> None:
    world.take(bought("A"))
    acts.write_off(world.db, ana(world), order_id(world, "A"))
    world.take(later(customer={"name": NAME, "email": "maria.ferreyra@example.org"}))
    acts.apply_after_freeze(world.db, ana(world), order_id(world, "A"), way(world))
    erase(world)
    assert found(world) == []
    assert one(world, "SELECT count(*) FROM receipt WHERE kind = 'act' AND position('apply_after_freeze' IN "
                      "convert_from(body, 'UTF8')) > 0") == 1  # fmt: skip


@pytest.mark.parametrize("kind", ["orders", "customers"])
def test_a_bad_row_of_a_later_file_keeps_nothing_and_does_not_go_back(world: World, kind: str) -> None:
    world.take(bought("A"))
    erase(world)
    files = {
        "orders.csv": "id,total,customer.id,customer.email,customer.name\n",
        "customers.csv": "id,name,email,phone\n",
    }
    files[f"{kind}.csv"] += {"orders": f"A,{NAME},501,{EMAIL},{NAME}\n", "customers": f"501,{NAME},{EMAIL * 30},\n"}[
        kind
    ]
    assert world.take_csv(files).bad_rows == 1
    assert found(world) == []
    assert returning.write(world.db, world.account, world.shop, world.tmp / "back", str) == []
    assert returning.search(world.db, world.account, EMAIL, 5) == []


def test_a_row_corrected_after_the_erasure_changes_nothing(world: World) -> None:
    world.take_csv({"orders.csv": f"id,total,customer.email,customer.name\nA,muchos,{EMAIL},{NAME}\n"})
    (back,) = returning.write(world.db, world.account, world.shop, world.tmp / "back", str)
    erase(world)
    world.take_csv({"orders.csv": back.file.read_text().replace("muchos", "10.00")})
    assert world.standing("A") == ("failed", "field_format_invalid")
    assert found(world) == []


def test_her_record_with_a_contact_that_does_not_work_keeps_nothing(world: World) -> None:
    """Before the erasure and after it: neither the proof of the attempt nor the row."""
    rows = f"id,name,email\n501,{NAME},maria.ferreyra@@example\n"
    world.take(bought("A"))
    world.take_csv({"orders.csv": "id\n", "customers.csv": rows})
    erase(world)
    assert found(world) == []
    world.take_csv({"orders.csv": "id\n\n", "customers.csv": rows})
    assert found(world) == []


def test_the_record_with_the_same_number_in_another_store_is_somebody_else(world: World) -> None:
    world.integration("norte")
    world.take(bought("A"))
    for name in ("shop", "norte"):
        buyer = f"{NAME},{EMAIL}" if name == "shop" else "Otro,otro@example.com"
        world.take_csv({"orders.csv": "id\n", "customers.csv": f"id,name,email\n501,{buyer}\n"}, name=name)
    erase(world)
    assert found(world) == []
    bodies = [bytes(body) for (body,) in world.rows("SELECT body FROM receipt WHERE kind = 'customer' ORDER BY 1")]
    assert [b"otro@example.com" in body for body in bodies] == [False, True]


def test_a_later_delivery_that_fails_keeps_nothing(world: World) -> None:
    """Nobody can say what in it is the person."""
    world.take(bought("A"))
    erase(world)

    def reader(raw: Raw) -> Read:
        found = read_alone(raw)
        found.value.lines[0].quantity = "x"  # type: ignore[union-attr]
        return found

    take_patiently(world, later(), reader=reader)
    assert one(world, "SELECT outcome FROM attempt WHERE reason = 'internal_error'") == "failed"
    assert found(world) == []


def test_receipts_of_others_in_the_same_file_stay_byte_for_byte(world: World) -> None:
    world.take(bought("A"))
    erase(world)
    other = order("Z", customer={"email": "otro@example.com", "name": "Otro"})
    world.take(later(), other)
    assert bytes(one(world, "SELECT body FROM receipt JOIN attempt USING (account_id, receipt_id) "
                            "WHERE attempt.identifier = 'Z'")).rstrip() == msgspec.json.encode(other)  # fmt: skip


def test_judged_again_an_erased_order_stays_erased(world: World) -> None:
    world.take(bought("A"))
    erase(world)
    customer = one(world, "SELECT customer_id FROM orders")
    world.rules(lines_required="no")
    rejudge(world.db, way(world), [order_id(world, "A")])
    assert world.standing("A") == ("present", None)
    assert one(world, "SELECT customer_id FROM orders") == customer
    assert "personal_data_erased" in (one(world, "SELECT warnings FROM orders") or [])
    assert found(world) == []


def test_her_record_in_a_later_file_finds_an_erased_customer(world: World) -> None:
    world.take(bought("A"))
    erase(world)
    world.take_csv({"orders.csv": "id\n", "customers.csv": f"id,name,email\n501,{NAME},{EMAIL}\n"})
    assert world.rows("SELECT count(*), count(name) FROM customer") == [(1, 0)]
    assert found(world) == []


def test_acts_on_an_erased_order_still_work(world: World) -> None:
    world.take(bought("A"), order("Z"))
    erase(world)
    assert acts.write_off(world.db, ana(world), order_id(world, "A"))
    one_, other = (one(world, "SELECT customer_id FROM orders WHERE source_id = %s", name) for name in "AZ")
    acts.merge(world.db, ana(world), one_, other)
    acts.unmerge(world.db, ana(world), one_, way_of(world))
    assert found(world) == []
