"""Import rules, rows 12 to 30 of the feature map, as far as files can meet them. Each test is named after its row.

Not here, because they need what files do not have: 12's horizon and excluded states of a first import (files have no
horizon), 13's lists and logos of fifty integrations, 21 and 22 (writing states back), 27 (defaults of a destination),
29's sub-orders and `split_order_incomplete`, 30 (rule rehearsal).
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from cuadra import accounts
from cuadra.errors import Refused
from cuadra.jobs import releasing
from cuadra.ledger import acts
from cuadra.ledger.rejudge import due, rejudge
from cuadra.pipeline.rules import DEFAULT_FULFILMENT, DEFAULT_LIFECYCLE, DEFAULT_PAYMENT
from tests.rules import again, ana, evidence, one, order_id, way
from tests.world import World, line, order

# ---------------------------------------------------------------- 12 and 13: history, several integrations


def test_row_12_files_have_no_horizon(world: World) -> None:
    report = world.take(order("OLD", created_at="2009-03-01T10:00:00Z"))
    assert report.orders["present"] == 1


def test_row_13_each_integration_judges_by_its_own_rules(world: World) -> None:
    world.integration("strict", states__raw__paid="not_sale")
    world.take(order("A"))
    world.take(order("B"), name="strict")
    assert world.standing("A") == ("present", None)
    assert world.standing("B") == ("skipped", "state_not_eligible")
    assert world.why("A").order["integration"] == "shop"
    assert world.why("B").order["integration"] == "strict"


def test_row_13_the_same_store_twice_is_refused_unless_it_is_meant(world: World) -> None:
    with pytest.raises(Refused, match="already connected"):
        world.integration("twin", path=world.tmp / "elsewhere", store=str(world.drop()))
    world.integration("twin", path=world.tmp / "elsewhere", store=str(world.drop()), same_store=True)
    same = order("A")
    world.take(same)
    report = world.take(again(same), name="twin")
    assert (report.items.created, report.items.seen) == (0, 1)
    assert one(world, "SELECT count(*) FROM orders") == 1


# ---------------------------------------------------------------- 14: which states count as a sale

#: verdict of a rule → where a new order ends
STANDS = {
    "sale": ("present", None), "unpaid": ("waiting", "payment_not_verified"),
    "not_sale": ("skipped", "state_not_eligible"), "cancelled": ("skipped", "cancelled_at_source"),
    "returned": ("skipped", "returned_or_refunded"), "failed": ("skipped", "failed_or_trashed_at_source"),
    "test": ("skipped", "test_or_draft_order"), "deleted": ("skipped", "deleted_at_source"),
}  # fmt: skip
AXES = {
    "lifecycle": ("lifecycle", DEFAULT_LIFECYCLE), "payment": ("payment_state", DEFAULT_PAYMENT),
    "fulfilment": ("fulfilment_state", DEFAULT_FULFILMENT),
}  # fmt: skip


@pytest.mark.parametrize("axis", AXES)
def test_row_14_every_normalised_state_has_its_default(world: World, axis: str) -> None:
    field, defaults = AXES[axis]
    world.take(*(order(f"S-{value}", **{field: value}) for value in defaults))
    found = {value: world.standing(f"S-{value}") for value in defaults}
    assert found == {value: STANDS[verdict] for value, verdict in defaults.items()}


def test_row_14_unknown_state_is_status_not_mapped(world: World) -> None:
    world.take(order("A", state="despachado"), order("B", state="otro"))
    answer = world.why("A")
    assert (answer.standing, answer.reason) == ("held", "status_not_mapped")
    assert answer.evidence["state"] == "despachado"
    assert "lifecycle:open" in answer.evidence["known_states"]

    world.rules(states__raw__despachado="sale")
    assert world.standing("A") == ("present", None)
    assert world.standing("B") == ("held", "status_not_mapped")


def test_row_14_an_order_that_gets_an_unknown_state_is_held_too(world: World) -> None:
    """What its former state meant says nothing of the new one."""
    first = order("A")
    world.take(first)
    world.take({**first, "state": "otro"})
    assert world.standing("A") == ("held", "status_not_mapped")
    world.rules(states__raw__otro="sale")
    assert world.standing("A") == ("present", None)


@pytest.mark.parametrize("axis", AXES)
def test_row_14_an_unknown_state_on_any_axis_is_held_until_a_rule_names_it(world: World, axis: str) -> None:
    world.take(order("A", **{AXES[axis][0]: "inventado"}))
    assert world.standing("A") == ("held", "status_not_mapped")
    world.rules(**{f"states__{axis}__inventado": "sale"})
    assert world.standing("A") == ("present", None)


@pytest.mark.parametrize("verdict", STANDS)
def test_row_14_a_raw_state_may_be_given_any_meaning(world: World, verdict: str) -> None:
    world.rules(states__raw__especial=verdict)
    world.take(order("A", state="especial"))
    assert world.standing("A") == STANDS[verdict]


def test_row_14_the_raw_state_has_the_last_word(world: World) -> None:
    world.rules(states__raw__paid="not_sale", states__raw__cancelled="sale")
    world.take(order("A"), order("B", state="cancelled"))
    assert world.standing("A") == ("skipped", "state_not_eligible")
    assert world.standing("B") == ("present", None)


def test_row_14_how_far_it_is_delivered_does_not_say_whether_it_is_a_sale(world: World) -> None:
    world.take(order("A", state="despachado", fulfilment_state="fulfilled"))
    assert world.standing("A") == ("held", "status_not_mapped")


def test_row_14_a_source_without_states_sells_what_it_lists(world: World) -> None:
    world.take(order("A", state=...))
    assert world.standing("A") == ("present", None)


def test_row_14_a_state_that_is_no_sale_says_by_which_rules(world: World) -> None:
    world.rules(states__raw__despachado="sale")
    world.take(order("A", state="on_hold"))
    proof = world.why("A").evidence
    assert (proof["state"], proof["rule_version"]) == ("on_hold", 2)
    assert "despachado" in proof["sale_states"]


def test_row_14_a_newer_rule_judges_a_present_order_when_it_is_delivered_again(world: World) -> None:
    first = order("A")
    world.take(first)
    world.rules(states__raw__paid="not_sale")
    assert world.standing("A") == ("present", None)
    report = world.take(again(first))
    assert world.standing("A") == ("skipped", "state_not_eligible")
    assert report.items.updated == 1


# ---------------------------------------------------------------- 15: payment gate


def days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


def test_row_15_an_unpaid_order_waits_and_is_looked_at_again_within_the_hour(world: World) -> None:
    world.take(order("A", state="pending", created_at=days_ago(1)))
    answer = world.why("A")
    assert (answer.standing, answer.reason) == ("waiting", "payment_not_verified")
    until = datetime.fromisoformat(answer.evidence["until"])
    assert timedelta(days=28, hours=23) < until - datetime.now(UTC) < timedelta(days=29)
    recheck = one(world, "SELECT recheck_at FROM orders")
    assert timedelta(minutes=58) < recheck - datetime.now(UTC) <= timedelta(hours=1)


def test_row_15_the_import_follows_the_payment(world: World) -> None:
    first = order("A", state="pending")
    world.take(first)
    report = world.take({**first, "state": "paid"})
    assert world.standing("A") == ("present", None)
    assert report.items.updated == 1
    assert one(world, "SELECT recheck_at FROM orders") is None


def test_row_15_after_thirty_days_by_its_own_date_it_was_never_paid(world: World) -> None:
    world.take(order("OLD", state="pending", created_at=days_ago(30.01)),
               order("NEW", state="pending", created_at=days_ago(29.99)))  # fmt: skip
    assert world.standing("OLD") == ("skipped", "never_paid")
    assert world.standing("NEW") == ("waiting", "payment_not_verified")
    assert world.why("OLD").evidence["days"] == 30


def test_row_15_a_late_payment_still_brings_it_in(world: World) -> None:
    first = order("A", state="pending", created_at=days_ago(40))
    world.take(first)
    assert world.standing("A") == ("skipped", "never_paid")
    world.take({**first, "state": "paid"})
    assert world.standing("A") == ("present", None)


def test_row_15_each_hour_it_is_judged_again_and_waits_on(world: World) -> None:
    world.take(order("A", state="pending", created_at=days_ago(1)))
    number = order_id(world, "A")
    now = datetime.now(UTC)
    assert due(world.db, world.account.account_id, now) == []
    later = now + timedelta(hours=1)
    assert [row[0] for row in due(world.db, world.account.account_id, later)] == [number]

    judged = rejudge(world.db, way(world), [number], clock=lambda: later)
    assert (judged.judged, judged.changed) == (1, 0)
    assert one(world, "SELECT recheck_at FROM orders") == later + timedelta(hours=1)


def test_row_15_judged_when_the_thirty_days_are_over_it_was_never_paid(world: World) -> None:
    world.take(order("A", state="pending", created_at=days_ago(1)))
    judged = rejudge(
        world.db, way(world), [order_id(world, "A")], clock=lambda: datetime.now(UTC) + timedelta(days=29, minutes=1)
    )
    assert judged.changed == 1
    assert world.standing("A") == ("skipped", "never_paid")
    assert one(world, "SELECT recheck_at FROM orders") is None


def test_row_15_due_now_judges_what_is_due_and_nothing_else(world: World) -> None:
    world.take(order("DUE", state="pending", created_at=(datetime.now(UTC) - timedelta(days=30, seconds=-2)).isoformat()),
               order("NOT", state="pending", created_at=days_ago(1)))  # fmt: skip
    assert world.standing("DUE") == ("waiting", "payment_not_verified")
    time.sleep(2.1)
    judged = releasing.due_now(world.db, world.account, lambda *_: None)
    assert (judged.judged, judged.changed) == (1, 1)
    assert world.standing("DUE") == ("skipped", "never_paid")
    assert world.standing("NOT") == ("waiting", "payment_not_verified")


def test_row_15_how_long_an_order_waits_is_a_rule(world: World) -> None:
    world.take(order("A", state="pending", created_at=days_ago(40)))
    world.rules(unpaid_days="60")
    assert world.standing("A") == ("waiting", "payment_not_verified")
    world.rules(unpaid_days="0")
    assert world.standing("A") == ("skipped", "never_paid")


# ---------------------------------------------------------------- 16: orders without products


@pytest.mark.parametrize("lines", [[], ...], ids=["none", "unknown"])
def test_row_16_an_order_without_products_is_held_and_comes_in_with_its_lines(world: World, lines: object) -> None:
    first = order("A", lines=lines)
    world.take(first)
    answer = world.why("A")
    assert (answer.standing, answer.reason) == ("held", "order_without_products")
    assert answer.evidence == {"lines": 0 if lines == [] else None}
    world.take({**first, "lines": [line()]})
    assert world.standing("A") == ("present", None)


def test_row_16_a_rule_lets_orders_without_products_in(world: World) -> None:
    world.take(order("A", lines=[]))
    world.rules(lines_required="no")
    assert world.standing("A") == ("present", None)


# ---------------------------------------------------------------- 17: orders without customer or contact

NOBODY, NO_CONTACT, ONLY_A_NUMBER = None, {"name": "Ana Sosa"}, {"id": "77", "name": "Ana Sosa"}


def test_row_17_without_customer_or_contact_an_order_is_held_and_listed(world: World) -> None:
    report = world.take(order("A", customer=NOBODY), order("B", customer=NO_CONTACT), order("C", customer=ONLY_A_NUMBER),
                        order("D", customer=...))  # fmt: skip
    assert world.standing("A") == world.standing("D") == ("held", "order_without_customer")
    assert world.standing("B") == world.standing("C") == ("held", "customer_without_contact")
    assert report.by_reason == {"customer_without_contact": 2, "order_without_customer": 2}
    assert "delivery.phone" in world.why("B").evidence["searched"]


def test_row_17_a_switch_lets_orders_without_customer_in(world: World) -> None:
    world.take(order("A", customer=NOBODY), order("B", customer=NO_CONTACT))
    world.rules(customers__required="no")
    assert world.standing("A") == ("present", None)
    assert world.standing("B") == ("held", "customer_without_contact")
    assert one(world, "SELECT customer_id FROM orders WHERE source_id = 'A'") is None


def test_row_17_a_switch_lets_customers_without_contact_in(world: World) -> None:
    world.take(order("A", customer=NOBODY), order("B", customer=NO_CONTACT), order("C", customer=ONLY_A_NUMBER))
    world.rules(customers__contact_required="no")
    assert world.standing("A") == ("held", "order_without_customer")
    assert world.standing("B") == world.standing("C") == ("present", None)
    assert one(world, "SELECT customer_name FROM orders WHERE source_id = 'B'") == "Ana Sosa"
    assert one(world, "SELECT count(*) FROM customer") == 1  # a name alone identifies nobody


def test_row_17_with_both_switches_everything_comes_in(world: World) -> None:
    world.take(order("A", customer=NOBODY), order("B", customer=NO_CONTACT), order("C", customer=...))
    world.rules(customers__contact_required="no", customers__required="no")
    assert [world.standing(name)[0] for name in "ABC"] == ["present"] * 3


def test_row_17_an_anonymous_order_is_linked_when_the_source_names_its_customer(world: World) -> None:
    world.rules(customers__required="no")
    first = order("A", customer=NOBODY)
    world.take(first)
    world.take({**first, "customer": {"email": "ana@example.com", "name": "Ana"}})
    assert one(world, "SELECT customer_id FROM orders") == one(world, "SELECT customer_id FROM customer")
    assert world.why("ana@example.com").order["id"] == "A"


def test_row_17_a_held_order_comes_in_with_the_contact(world: World) -> None:
    first = order("A", customer=NO_CONTACT)
    world.take(first)
    world.take({**first, "customer": {"name": "Ana Sosa", "phone": "011 4321 5678"}})
    assert world.standing("A") == ("present", None)


def test_row_17_a_customer_known_with_a_contact_is_enough(world: World) -> None:
    """A record of customers has the contact, the order only the record's number."""
    world.take_csv({"orders.csv": "id\n", "customers.csv": "id,name,email\n77,Ana Sosa,ana@example.com\n"})
    world.take(order("A", customer={"id": "77"}))
    assert world.standing("A") == ("present", None)


def test_row_17_a_record_with_the_contact_releases_the_order_it_held(world: World) -> None:
    """`customer_without_contact` is released by a change at the source: here the customer's record brings it."""
    first = order("A", customer={"id": "77"})
    world.take(first)
    assert world.standing("A") == ("held", "customer_without_contact")
    world.take_csv({"orders.csv": "id\n", "customers.csv": "id,name,email\n77,Ana Sosa,ana@example.com\n"})
    world.take(again(first))
    assert world.standing("A") == ("present", None)


# ---------------------------------------------------------------- 18: currency

DAY = date(2026, 3, 2)


def dollars(id: str, **values: object) -> dict[str, object]:
    return order(id, currency="USD", created_at="2026-03-02T15:00:00Z", **values)


def test_row_18_another_currency_is_held_with_both_codes(world: World) -> None:
    world.take(dollars("A"))
    answer = world.why("A")
    assert (answer.standing, answer.reason) == ("held", "currency_mismatch")
    assert answer.evidence == {"order_currency": "USD", "account_currency": "ARS"}


def test_row_18_keep_lets_it_in_as_it_is(world: World) -> None:
    world.take(dollars("A"))
    world.rules(currency="keep")
    assert world.standing("A") == ("present", None)
    assert world.rows("SELECT currency, total, converted, rate FROM orders") == [("USD", Decimal("10.00"), None, None)]


def test_row_18_convert_waits_for_the_rate_and_keeps_it_on_the_order(world: World) -> None:
    world.rules(currency="convert")
    world.take(dollars("A"), order("B", created_at="2026-03-02T15:00:00Z"))
    answer = world.why("A")
    assert (answer.standing, answer.reason) == ("held", "conversion_rate_missing")
    assert answer.evidence == {"order_currency": "USD", "account_currency": "ARS", "date": "2026-03-02"}

    accounts.set_rate(world.db, world.account, "USD", DAY - timedelta(days=1), Decimal("999"), "ana")
    assert releasing.after_rate(world.db, world.account, lambda *_: None).changed == 0
    accounts.set_rate(world.db, world.account, "USD", DAY, Decimal("1050.25"), "ana")
    assert releasing.after_rate(world.db, world.account, lambda *_: None).changed == 1

    assert world.standing("A") == ("present", None)
    assert world.rows("SELECT currency, total, converted, rate, rate_day FROM orders WHERE source_id = 'A'") == [
        ("USD", Decimal("10.00"), Decimal("10502.5000"), Decimal("1050.25"), DAY)
    ]
    assert world.rows("SELECT converted, rate FROM orders WHERE source_id = 'B'") == [(None, None)]


def test_row_18_with_the_rate_known_it_is_converted_at_once(world: World) -> None:
    world.rules(currency="convert")
    accounts.set_rate(world.db, world.account, "USD", DAY, Decimal("2"), "ana")
    world.take(dollars("A"), {**dollars("B"), "created_at": "2026-03-03T15:00:00Z"})
    assert one(world, "SELECT converted FROM orders WHERE source_id = 'A'") == Decimal("20")
    assert world.standing("B") == ("held", "conversion_rate_missing")


def test_row_18_the_day_of_a_rate_is_the_day_where_the_account_is(world: World) -> None:
    """Half past nine in the evening in Buenos Aires is the next day in UTC."""
    world.rules(currency="convert")
    accounts.set_rate(world.db, world.account, "USD", DAY, Decimal("2"), "ana")
    world.take({**dollars("A"), "created_at": "2026-03-03T00:30:00Z"})
    assert one(world, "SELECT converted FROM orders WHERE source_id = 'A'") == Decimal("20")


def test_row_18_from_hold_to_convert_and_back(world: World) -> None:
    accounts.set_rate(world.db, world.account, "USD", DAY, Decimal("2"), "ana")
    world.take(dollars("A"))
    world.rules(currency="convert")
    assert world.standing("A") == ("present", None)
    world.rules(currency="hold")
    assert world.standing("A") == ("present", None)  # a rule does not take away what is present by itself


# ---------------------------------------------------------------- 19: freeze after the stock write-off


def frozen(world: World, **values: object) -> dict[str, object]:
    first = order("A", lines=[line(quantity="1")], **values)
    world.take(first)
    assert acts.write_off(world.db, ana(world), order_id(world, "A"))
    return first


def pending(world: World) -> list[tuple[object, ...]]:
    return world.rows("SELECT changes FROM frozen_change")


def row_of(world: World) -> list[tuple[object, ...]]:
    """Everything of the order that people count."""
    return world.rows(
        "SELECT o.standing, o.reason, o.state, o.total, o.version, o.customer_id, o.frozen_at, o.content::text, "
        "(SELECT array_agg(row(l.quantity, l.total, l.product_id) ORDER BY line_no)::text FROM order_line l "
        " WHERE l.order_id = o.order_id), (SELECT count(*) FROM refund) FROM orders o"
    )


def test_row_19_only_what_is_present_can_be_written_off_and_only_once(world: World) -> None:
    frozen(world)
    assert not acts.write_off(world.db, ana(world), order_id(world, "A"))
    world.take(order("B", state="pending"))
    with pytest.raises(Refused, match="waiting"):
        acts.write_off(world.db, ana(world), order_id(world, "B"))
    assert one(world, "SELECT frozen_at FROM orders WHERE source_id = 'B'") is None


@pytest.mark.parametrize("change", [
    {"lines": [line(quantity="3")], "total": "30.00"}, {"state": "cancelled"}, {"state": "pending"}, {"lines": []},
    {"refunds": [{"id": "R-1", "amount": "4.00"}], "state": "refunded"}, {"customer": {"email": "other@example.com"}},
    {"currency": "USD"}, {"state": "deleted", "total": "0"},
], ids=["lines", "cancelled", "unpaid", "no lines", "refund", "customer", "currency", "deleted"])  # fmt: skip
def test_row_19_nothing_changes_by_itself_but_the_change_is_recorded(world: World, change: dict[str, object]) -> None:
    first = frozen(world)
    before = row_of(world)
    report = world.take({**first, **change})
    assert row_of(world) == before
    assert report.items.unchanged == 1
    ((changes,),) = pending(world)
    assert changes
    ((reason, proof),) = world.rows("SELECT reason, evidence FROM attempt WHERE reason IS NOT NULL")
    assert reason == "change_after_freeze"
    assert proof["change_after_freeze"]["changes"] == changes
    assert proof["change_after_freeze"]["frozen_at"]
    assert [note["reason"] for note in world.why("A").notes] == ["change_after_freeze"]


def test_row_19_the_diff_names_field_old_and_new(world: World) -> None:
    first = frozen(world)
    world.take({**first, "lines": [line(quantity="3")], "total": "30.00"})
    ((changes,),) = pending(world)
    assert changes == {"lines[1].quantity": ["1", "3"], "total": ["10.00", "30.00"]}


def test_row_19_a_person_applies_the_change_and_the_order_stays_frozen(world: World) -> None:
    first = frozen(world)
    ((since,),) = world.rows("SELECT frozen_at FROM orders")
    world.take({**first, "lines": [line(quantity="3")], "total": "30.00"})
    changes = acts.apply_after_freeze(world.db, ana(world), order_id(world, "A"), way(world))
    assert changes["total"] == ["10.00", "30.00"]
    assert world.rows("SELECT total, version, frozen_at FROM orders") == [(Decimal("30.00"), 2, since)]
    assert one(world, "SELECT quantity FROM order_line") == 3
    assert pending(world) == []
    assert one(world, "SELECT changes FROM order_version WHERE version = 2") == changes

    bodies = [bytes(body) for (body,) in world.rows("SELECT body FROM receipt WHERE kind = 'act' ORDER BY receipt_id")]
    assert [b'"write_off"' in body for body in bodies] == [True, False]
    assert b'"apply_after_freeze"' in bodies[1]
    assert b'"ana"' in bodies[1]
    with pytest.raises(Refused, match="no change"):
        acts.apply_after_freeze(world.db, ana(world), order_id(world, "A"), way(world))


def test_row_19_a_cancellation_is_applied_only_by_a_person(world: World) -> None:
    first = frozen(world)
    world.take({**first, "state": "cancelled"})
    assert world.standing("A") == ("present", None)
    acts.apply_after_freeze(world.db, ana(world), order_id(world, "A"), way(world))
    assert world.standing("A") == ("skipped", "cancelled_at_source")
    assert one(world, "SELECT frozen_at IS NOT NULL FROM orders")


def test_row_19_rules_and_repetitions_skip_frozen_orders_and_say_so(world: World) -> None:
    first = frozen(world)
    before = row_of(world)
    world.rules(states__raw__paid="not_sale")
    judged = rejudge(world.db, way(world), [order_id(world, "A")])
    assert (judged.judged, judged.changed, judged.frozen) == (0, 0, 1)
    report = world.take(again(first))
    assert report.items.unchanged == 1
    assert row_of(world) == before


def test_row_19_the_newest_change_is_the_one_kept(world: World) -> None:
    first = frozen(world, updated_at="2026-05-01T10:00:00Z")
    world.take({**first, "total": "30.00", "updated_at": "2026-05-03T10:00:00Z"})
    world.take({**first, "total": "40.00", "updated_at": "2026-05-04T10:00:00Z"})
    assert pending(world) == [({"total": ["10.00", "40.00"]},)]


def test_row_19_a_change_that_arrives_late_does_not_replace_a_newer_one(world: World) -> None:
    first = frozen(world, updated_at="2026-05-01T10:00:00Z")
    world.take({**first, "total": "40.00", "updated_at": "2026-05-04T10:00:00Z"})
    world.take({**first, "total": "30.00", "updated_at": "2026-05-03T10:00:00Z"})
    assert pending(world) == [({"total": ["10.00", "40.00"]},)]


def test_row_19_a_change_that_the_source_takes_back_is_no_change_any_more(world: World) -> None:
    first = frozen(world)
    world.take({**first, "total": "30.00"})
    world.take(again(first))
    assert pending(world) == []


def test_row_19_the_order_is_found_by_a_number_that_came_after_the_freeze(world: World) -> None:
    first = frozen(world)
    world.take({**first, "shipments": [{"id": "SHP-77", "tracking": "TRK-77"}]})
    assert world.why("TRK-77").order["id"] == "A"


# ---------------------------------------------------------------- 20: edits before the freeze


def versions(world: World) -> list[tuple[object, ...]]:
    return world.rows("SELECT version, changes FROM order_version ORDER BY version")


def test_row_20_every_edit_is_a_version_with_its_diff(world: World) -> None:
    first = order("A", note="frágil", billing={"street": "Calle 1", "city": "Rosario"},
                  lines=[line(), line(id="2", sku="SKU-2", unit_price="5.00")], total="15.00")  # fmt: skip
    edits = [
        ({"lines": [line(quantity="2"), first["lines"][1]], "total": "25.00"},
         {"lines[1].quantity": ["1", "2"], "total": ["15.00", "25.00"]}),
        ({"lines": [line(quantity="2", unit_price="9.00"), first["lines"][1]], "total": "23.00"},
         {"lines[1].unit_price": ["10.00", "9.00"], "total": ["25.00", "23.00"]}),
        ({"billing": {"street": "Calle 2", "city": "Rosario"}}, {"billing.street": ["Calle 1", "Calle 2"]}),
        ({"note": "tocar timbre"}, {"note": ["frágil", "tocar timbre"]}),
        ({"state": "shipped"}, {"state": ["paid", "shipped"]}),
    ]  # fmt: skip
    world.take(first)
    now = first
    for edit, _ in edits:
        now = {**now, **edit}
        assert world.take(now).items.updated == 1
    assert versions(world) == [(1, None)] + [(at + 2, diff) for at, (_, diff) in enumerate(edits)]
    assert world.rows("SELECT state, total, version FROM orders") == [("shipped", Decimal("23.00"), 6)]
    assert world.rows("SELECT quantity, unit_price FROM order_line WHERE line_no = 1") == [(2, Decimal("9.00"))]


def test_row_20_a_line_that_comes_or_goes_is_in_the_diff(world: World) -> None:
    first = order("A", lines=[line(), line(id="2", sku="SKU-2")], total="20.00")
    world.take(first)
    world.take({**first, "lines": [line(), line(id="3", sku="SKU-3")]})
    changes = versions(world)[1][1]
    assert changes["lines[2]"][1] is None
    assert changes["lines[3]"][0] is None
    assert [sku for (sku,) in world.rows("SELECT sku FROM order_line ORDER BY line_no")] == ["SKU-1", "SKU-3"]


def test_row_20_a_field_that_a_delivery_lacks_stays_as_it_was(world: World) -> None:
    first = order("A", note="frágil", shipping="0.00")
    world.take(first)
    world.take({name: value for name, value in {**first, "state": "shipped"}.items() if name not in ("note", "lines")})
    assert versions(world)[1][1] == {"state": ["paid", "shipped"]}
    assert one(world, "SELECT content::json ->> 'note' FROM orders") == "frágil"
    assert one(world, "SELECT count(*) FROM order_line") == 1


@pytest.mark.parametrize(("state", "reason"), [
    ("cancelled", "cancelled_at_source"), ("trashed", "failed_or_trashed_at_source"), ("deleted", "deleted_at_source"),
])  # fmt: skip
@pytest.mark.parametrize("emptied", [False, True], ids=["amounts said", "amounts emptied"])
def test_row_20_cancelled_after_the_import_it_is_skipped_and_keeps_its_amounts(
    world: World, state: str, reason: str, emptied: bool
) -> None:
    first = order("A", total="12.00", tax="2.00")
    world.take(first)
    customer = one(world, "SELECT customer_id FROM orders")
    world.take({**first, "state": state, **({"total": "0.00", "tax": None, "lines": []} if emptied else {})})
    assert world.standing("A") == ("skipped", reason)
    assert world.rows("SELECT total, total_minor, customer_id FROM orders") == [(Decimal("12.00"), 1200, customer)]
    assert world.rows("SELECT sku, product_id IS NOT NULL FROM order_line") == [("SKU-1", True)]


def test_row_20_a_cancellation_that_is_taken_back_brings_the_order_back(world: World) -> None:
    first = order("A")
    world.take(first)
    world.take({**first, "state": "cancelled"})
    world.take(again(first))
    assert world.standing("A") == ("present", None)


def test_row_20_a_refund_leaves_the_order_present_with_its_refund(world: World) -> None:
    first = order("A")
    world.take(first)
    world.take({**first, "state": "refunded", "refunds": [
        {"id": "R-1", "amount": "4.00", "refunded_at": "2026-05-01T10:00:00Z", "note": "una caja"}]})  # fmt: skip
    assert world.standing("A") == ("present", None)
    assert world.rows("SELECT source_id, amount, amount_minor, note FROM refund") == [
        ("R-1", Decimal("4.00"), 400, "una caja")
    ]
    assert one(world, "SELECT total FROM orders") == Decimal("10.00")


def test_row_20_returned_before_the_import_it_is_skipped_and_after_it_stays(world: World) -> None:
    first = order("A")
    world.take(first, order("B", fulfilment_state="returned"))
    world.take({**first, "fulfilment_state": "returned"})
    assert world.standing("A") == ("present", None)
    assert world.standing("B") == ("skipped", "returned_or_refunded")


# ---------------------------------------------------------------- 23: transferred fields


def test_row_23_every_field_is_transferred_into_its_table(world: World) -> None:
    world.take(order(
        "A", number="#1043", created_at="2026-04-01T12:30:00-03:00", state="paid", total="27.00", discount="1.00",
        shipping="3.00", tax="5.00", note="tocar timbre", custom={"vendedor": "Luz"}, invoice_number="B-0001-77",
        customer={"first_name": "Ana", "last_name": "Sosa", "email": "ana@example.com", "phone": "011 4321 5678"},
        billing={"name": "Ana Sosa", "street": "Calle 1", "city": "Rosario", "country": "AR"},
        lines=[line(quantity="2", name="Zapato", unit_price="10.00", total="20.00", tax="5.00", discount="0.00")],
        payments=[{"id": "PAY-123", "method": "tarjeta", "state": "approved", "amount": "27.00",
                   "paid_at": "2026-04-01T12:31:00-03:00"}],
        shipments=[{"id": "SHP-1", "carrier": "Andreani", "tracking": "TRK-9", "cost": "3.00", "state": "sent",
                    "shipped_at": "2026-04-02T10:00:00Z"}],
        discounts=[{"code": "HOLA", "title": "Bienvenida", "amount": "1.00"}],
    ))  # fmt: skip
    assert world.standing("A") == ("present", None)
    at = datetime(2026, 4, 1, 15, 30, tzinfo=UTC)
    assert world.rows("SELECT number, ordered_at, state, payment_state, currency, total, total_minor, customer_name, "
                      "customer_email, products FROM orders") == [
        ("#1043", at, "paid", "paid", "ARS", Decimal("27.00"), 2700, "Ana Sosa", "ana@example.com", "2 × Zapato")
    ]  # fmt: skip
    assert world.rows("SELECT sku, name, quantity, unit_price, discount, tax, total, total_minor FROM order_line") == [
        ("SKU-1", "Zapato", 2, Decimal("10.00"), Decimal("0.00"), Decimal("5.00"), Decimal("20.00"), 2000)
    ]
    assert world.rows("SELECT source_id, method, state, amount, amount_minor, paid_at FROM payment") == [
        ("PAY-123", "tarjeta", "approved", Decimal("27.00"), 2700, at + timedelta(minutes=1))
    ]
    assert world.rows("SELECT source_id, carrier, tracking, cost, state, shipped_at FROM shipment") == [
        ("SHP-1", "Andreani", "TRK-9", Decimal("3.00"), "sent", datetime(2026, 4, 2, 10, tzinfo=UTC))
    ]
    assert world.rows("SELECT code, title, amount, amount_minor FROM discount") == [
        ("HOLA", "Bienvenida", Decimal("1.00"), 100)
    ]
    content = one(world, "SELECT content::json FROM orders")
    assert (content["note"], content["custom"], content["billing"]["street"]) == (
        "tocar timbre", {"vendedor": "Luz"}, "Calle 1",
    )  # fmt: skip
    assert sorted(world.rows("SELECT kind, value FROM customer_key")) == [
        ("email", "ana@example.com"), ("phone", "+541143215678"),
    ]  # fmt: skip
    for number in ("#1043", "B-0001-77", "PAY-123", "TRK-9", "SHP-1", "ana@example.com", "011 4321-5678"):
        assert world.why(number).order["id"] == "A"


def test_row_23_columns_that_nothing_uses_are_shown(world: World) -> None:
    report = world.take_csv({
        "orders.csv": "id,state,total,customer.email,vendedor\nA,paid,10.00,a@example.com,Luz\n",
        "lines.csv": "order_id,sku,quantity,unit_price,talle\nA,SKU-1,1,10.00,XL\n",
    })  # fmt: skip
    assert report.notes[0]["unknown_columns"] == {"orders.csv": ["vendedor"], "lines.csv": ["talle"]}
    assert one(world, "SELECT content::json -> 'custom' FROM orders") == {"vendedor": "Luz"}


# ---------------------------------------------------------------- 24: delivery details


def test_row_24_each_change_of_the_delivery_is_an_event_with_old_and_new(world: World) -> None:
    first = order("A", shipping="0.00", delivery={"name": "Ana", "street": "Calle 1"},
                  shipments=[{"id": "SHP-1", "carrier": "Andreani", "cost": "3.00"}])  # fmt: skip
    world.take(first)
    assert world.rows("SELECT kind FROM order_event") == []
    world.take({**first, "delivery": {"name": "Ana", "street": "Calle 2"}})
    world.take({**first, "delivery": {"name": "Ana", "street": "Calle 2"},
                "shipments": [{"id": "SHP-1", "carrier": "OCA", "cost": "4.50"}]})  # fmt: skip
    assert world.rows("SELECT kind, author, detail FROM order_event ORDER BY event_id") == [
        ("delivery_changed", "shop", {"delivery.street": ["Calle 1", "Calle 2"]}),
        ("delivery_changed", "shop", {"shipments[SHP-1].carrier": ["Andreani", "OCA"],
                                      "shipments[SHP-1].cost": ["3.00", "4.50"]}),
    ]  # fmt: skip
    assert world.rows("SELECT carrier, cost FROM shipment") == [("OCA", Decimal("4.50"))]


def test_row_24_other_changes_are_no_events_of_the_delivery(world: World) -> None:
    first = order("A", delivery={"street": "Calle 1"})
    world.take(first)
    world.take({**first, "note": "x"})
    assert world.rows("SELECT kind FROM order_event") == []


# ---------------------------------------------------------------- 25: unit of measure


def units(world: World) -> list[tuple[object, ...]]:
    return world.rows("SELECT unit, source_unit FROM order_line ORDER BY line_no")


def test_row_25_piece_where_the_source_names_no_unit_else_the_source_unit(world: World) -> None:
    first = order("A", lines=[line(), line(id="2", sku="SKU-2", unit="kg")], total="20.00")
    world.take(first)
    assert units(world) == [("piece", None), ("kg", "kg")]
    assert world.rows("SELECT unit, source_unit FROM product ORDER BY sku") == [("piece", None), ("kg", "kg")]

    world.rules(products__always_piece="yes")
    world.take(again(first))
    assert units(world) == [("piece", None), ("piece", "kg")]


# ---------------------------------------------------------------- 26: lines enter without deduction


def test_row_26_no_import_moves_stock(world: World) -> None:
    names = world.rows("SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
                       "WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0")  # fmt: skip
    assert names
    assert [pair for pair in names if "stock" in "".join(pair)] == []


def test_row_26_only_an_act_of_a_person_writes_off(world: World) -> None:
    first = order("A", lines=[line(quantity="2")], total="20.00")
    world.take(first, order("B"), order("C", state="pending"))
    world.take({**first, "lines": [line(quantity="5")], "total": "50.00"}, again(order("C", state="paid")))
    world.take({**first, "state": "cancelled"})
    world.take({**first, "state": "paid"})
    world.rules(lines_required="no")
    rejudge(world.db, way(world), [order_id(world, name) for name in "ABC"])
    assert one(world, "SELECT count(*) FROM orders WHERE frozen_at IS NOT NULL") == 0
    assert world.rows("SELECT quantity, unit_price FROM order_line l JOIN orders USING (order_id) "
                      "WHERE orders.source_id = 'A'") == [(2, Decimal("10.00"))]  # fmt: skip
    acts.write_off(world.db, ana(world), order_id(world, "B"))
    assert world.rows("SELECT source_id FROM orders WHERE frozen_at IS NOT NULL") == [("B",)]


# ---------------------------------------------------------------- 28: filters

FILTERS = {
    "only_stores": ("store", "centro", "norte"), "without_stores": ("store", "norte", "norte"),
    "only_sales_channels": ("sales_channel", "web", "pos"), "without_sales_channels": ("sales_channel", "pos", "pos"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILTERS)
def test_row_28_what_a_filter_removes_is_counted_with_its_rule_and_released_with_it(world: World, name: str) -> None:
    field, value, removed = FILTERS[name]
    other = "centro" if field == "store" else "web"
    world.rules(**{f"filters__{name}": value})
    report = world.take(order("A", **{field: other}), order("B", **{field: removed}), order("C", **{field: removed}))
    assert world.standing("A") == ("present", None)
    assert report.by_reason == {"filtered_by_store_or_channel": 2}
    assert world.why("B").evidence == {"filter": f"filters.{name}", "value": removed, "rule_version": 2}
    world.rules(**{f"filters__{name}": ""})
    assert world.standing("B") == world.standing("C") == ("present", None)


def test_row_28_a_list_of_wanted_stores_leaves_out_what_names_none(world: World) -> None:
    world.rules(filters__only_stores="centro,norte")
    world.take(order("A", store="norte"), order("B"))
    assert world.standing("A") == ("present", None)
    assert world.standing("B") == ("skipped", "filtered_by_store_or_channel")


def test_row_28_sellers_of_the_order_or_of_a_line_count(world: World) -> None:
    world.rules(filters__only_sellers="nuestro")
    world.take(order("A", seller="nuestro"), order("B", lines=[line(seller="nuestro")]), order("C", seller="otro"),
               order("D"))  # fmt: skip
    assert [world.standing(name)[0] for name in "ABCD"] == ["present", "present", "skipped", "skipped"]
    assert world.why("C").evidence == {"seller": "otro", "allowed": ["nuestro"], "rule_version": 2}
    assert world.standing("D") == ("skipped", "filtered_by_seller")
    world.rules(filters__only_sellers="nuestro,otro")
    assert [world.standing(name)[0] for name in "CD"] == ["present", "skipped"]


def test_row_28_an_excluded_line_is_listed_with_its_rule_and_its_order_stays(world: World) -> None:
    world.rules(filters__without_skus="BOLSA")
    report = world.take(order("A", lines=[line(), line(id="2", sku="BOLSA", unit_price="2.00", quantity="3")],
                              total="16.00"))  # fmt: skip
    assert world.standing("A") == ("present", None)
    assert report.warnings == {"line_excluded_by_rule": 1}
    assert world.rows("SELECT reason, evidence, product_id FROM order_line WHERE line_no = 2") == [
        ("line_excluded_by_rule", {"sku": "BOLSA", "rule_version": 2, "amount": "6.00"}, None)
    ]
    assert one(world, "SELECT reason FROM order_line WHERE line_no = 1") is None


def test_row_28_the_amount_of_an_excluded_line_is_the_line_total(world: World) -> None:
    world.rules(filters__without_skus="BOLSA")
    world.take(order("A", lines=[line(), line(id="2", sku="BOLSA", unit_price="2.00", quantity="3", discount="1.00")],
                     total="15.00"))  # fmt: skip
    ((total, proof),) = world.rows("SELECT total, evidence FROM order_line WHERE line_no = 2")
    assert Decimal(proof["amount"]) == total == Decimal("5.00")


def test_row_28_a_hold_of_line_troubles_does_not_hold_for_an_excluded_line(world: World) -> None:
    world.rules(filters__without_skus="BOLSA", products__problem="hold")
    world.take(order("A", lines=[line(), line(id="2", sku="BOLSA", unit_price="0.00")]))
    assert world.standing("A") == ("present", None)


# ---------------------------------------------------------------- 29: split and partly cancelled orders


def test_row_29_the_sales_of_one_cart_are_found_by_the_cart(world: World) -> None:
    world.take(order("A", cart_id="PACK-7"), order("B", cart_id="PACK-7"), order("C", cart_id="PACK-8"))
    found = world.why("PACK-7")
    assert sorted(one["id"] for one in found.orders) == ["A", "B"]


def test_row_29_a_partly_cancelled_order_keeps_its_parent_and_adds_up(world: World) -> None:
    first = order("A", lines=[line(), line(id="2", sku="SKU-2", unit_price="5.00")], total="15.00")
    world.take(first)
    world.take(
        {**first, "lines": [line(), line(id="2", sku="SKU-2", unit_price="5.00", quantity="0")], "total": "10.00"}
    )
    assert world.standing("A") == ("present", None)
    assert evidence(world, "A") is None
    assert one(world, "SELECT sum(total) FROM order_line") == one(world, "SELECT total FROM orders")
