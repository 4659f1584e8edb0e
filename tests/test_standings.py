"""The whole table of standings × events, as `docs/reference/standings.md` prints it: that table is the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cuadra.errors import Refused
from cuadra.ledger import acts
from tests.rules import again, ana, one, order_id
from tests.shopworld import Followed, followed, hurried
from tests.world import World, line, order

__all__ = ["hurried"]

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "standings.md"
BEFORE, THEN, AFTER = "2026-05-01T10:00:00Z", "2026-05-02T10:00:00Z", "2026-05-03T10:00:00Z"
Made = dict[str, Any]

#: the standing an order starts from → what is special about it
STARTS: dict[str, Made] = {
    "present": {}, "waiting": {"state": "pending"}, "held": {"state": "inventado"}, "skipped": {"state": "on_hold"},
    "failed": {"total": "muchos"}, "present, frozen": {},
}  # fmt: skip


def newer(**values: Any) -> Callable[[Made], Made]:
    """A newer version that differs in these values, and in its note."""
    return lambda start: {**start, "updated_at": AFTER, "note": "changed", **values}


def readable(**values: Any) -> Callable[[Made], Made]:
    """The same, of an order that can be read now whatever was wrong with it."""
    return newer(total="10.00", **values)


#: event → what comes from the source; None: an act of a person
EVENTS: dict[str, Callable[[Made], Made | bytes] | None] = {
    "the same version again": again,
    "the same content, newer": lambda start: {**start, "updated_at": AFTER},
    "newer content, same state": newer(),
    "an older version": lambda start: {**start, "updated_at": BEFORE, "note": "changed"},
    "is a sale": readable(state="paid", lines=[line(quantity="2", unit_price="5.00")]),
    "becomes unpaid": readable(state="pending"),
    "becomes cancelled": readable(state="cancelled"),
    "becomes trashed": readable(state="trashed"),
    "becomes deleted": readable(state="deleted"),
    "becomes a test order": readable(state="test"),
    "gets an unknown state": readable(state="otro"),
    "is no sale any more": readable(state="not_sale"),
    "is paid and returned": readable(state="paid", fulfilment_state="returned"),
    "gets a refund": newer(refunds=[{"id": "R-1", "amount": "4.00"}]),
    "loses its lines": newer(lines=[]),
    "a version that cannot be read": newer(total="nada"),
    "a person writes the stock off": None,
}


def table(number: int) -> dict[str, dict[str, str]]:
    """One of the page's tables: event → standing → cell."""
    parts = [part for part in PAGE.read_text("utf-8").split("\n\n") if part.startswith("|")]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in parts[number].splitlines()]
    header, _, *body = rows
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in body}


TABLE, LIVE = table(0), table(1)


def test_the_page_has_every_event_and_every_standing() -> None:
    assert list(TABLE) == list(EVENTS)
    assert all(list(row) == list(STARTS) for row in TABLE.values())


def name_of(start: str) -> str:
    return "O-" + start.replace(", ", "-")


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_does_what_the_page_says(world: World, event: str) -> None:
    created = order("X")["created_at"]  # today: an unpaid order waits only so long
    starts = {
        start: order(name_of(start), updated_at=THEN, created_at=created, **values) for start, values in STARTS.items()
    }
    world.take(*starts.values())
    acts.write_off(world.db, ana(world), order_id(world, name_of("present, frozen")))
    assert {start: world.standing(name_of(start))[0] for start in STARTS} == {
        start: start.split(",")[0] for start in STARTS
    }
    known = one(world, "SELECT max(receipt_id) FROM attempt")

    change = EVENTS[event]
    if change is None:
        for start in STARTS:
            write_off(world, name_of(start))
    else:
        world.take(*(change(start) for start in starts.values()))
    assert {start: cell(world, name_of(start), known) for start in STARTS} == TABLE[event]


def write_off(world: World, source_id: str) -> None:
    if world.standing(source_id)[0] == "present":
        acts.write_off(world.db, ana(world), order_id(world, source_id))
    else:
        with pytest.raises(Refused):
            acts.write_off(world.db, ana(world), order_id(world, source_id))


def cell(world: World, source_id: str, known: int) -> str:
    """What happened, as the page writes it."""
    standing, reason = world.standing(source_id)
    attempts = world.rows(
        "SELECT a.outcome, a.reason FROM attempt a JOIN orders o USING (order_id) "
        "WHERE o.source_id = %s AND a.receipt_id > %s",
        source_id, known,
    )  # fmt: skip
    assert len(attempts) <= 1
    outcome, why = attempts[0] if attempts else ("–", None)
    own = why if why != reason or outcome == "refused" else None
    return f"{standing}{f' {reason}' if reason else ''}; {outcome}{f' {own}' if own else ''}"


# ---------------------------------------------------------------- a live shop

#: the standing an order of a shop starts from → what is special about it
SHOP_STARTS: dict[str, Made] = {
    "present": {}, "waiting": {"status": "pending"}, "held": {"status": "inventado"}, "skipped": {"status": "cancelled"},
    "failed": {"total": "muchos"}, "present, frozen": {},
}  # fmt: skip
#: event → (the notices of it, whether the shop is asked then); the shop has none of these orders
SHOP_EVENTS: dict[str, tuple[Callable[[Made], list[Made]], bool]] = {
    "a notice that says no more than its number": (lambda start: [{"id": start["id"]}], False),
    "another content with the same stamp": (lambda start: [{**start, "customer_note": "changed"}], False),
    "a notice of an older version": (
        lambda start: [{**start, "date_modified_gmt": "2026-01-01T10:00:00", "customer_note": "changed"}], False,
    ),
    "the shop, asked, does not have it": (lambda start: [{"id": start["id"]}], True),
    "a late notice, after that": (lambda start: [{**start, "date_modified_gmt": "2027-01-01T10:00:00"}], False),
}  # fmt: skip


def test_the_page_has_every_event_of_a_live_shop() -> None:
    assert list(LIVE) == list(SHOP_EVENTS)
    assert all(list(row) == list(SHOP_STARTS) for row in LIVE.values())


@pytest.mark.parametrize("event", SHOP_EVENTS)
def test_an_event_of_a_live_shop_does_what_the_page_says(world: World, hurried: None, event: str) -> None:
    with followed(world, connector="woocommerce", subscribed=False, orders=0, customers=2) as shop:
        shop.scan()
        made = shop.shop.get(f"orders/{shop.shop.desk.place(status='processing')}")
        starts = {
            start: {**made, "id": 900_000 + at, "number": str(900_000 + at), **values}
            for at, (start, values) in enumerate(SHOP_STARTS.items())
        }
        for start in starts.values():
            shop.hear(start)
        shop.work(asking=False)
        ids = {start: str(one["id"]) for start, one in starts.items()}
        acts.write_off(world.db, ana(world), order_id(world, ids["present, frozen"]))
        assert {start: world.standing(number)[0] for start, number in ids.items()} == {
            start: start.split(",")[0] for start in STARTS
        }
        if event == "a late notice, after that":
            hear(shop, starts, "the shop, asked, does not have it")
        hear(shop, starts, event)
        assert {start: last_cell(world, number) for start, number in ids.items()} == LIVE[event]
        due = {one for (one,) in world.rows("SELECT source_id FROM relink WHERE kind = 'order'")}
        unasked = {"the shop, asked, does not have it": set(ids), "a late notice, after that": {"present, frozen"},
                   "a notice that says no more than its number": set()}.get(event, {"failed"})  # fmt: skip
        # whatever a notice leaves in doubt, the shop is asked; what cannot be read has no stamp to doubt
        assert due == {number for start, number in ids.items() if start not in unasked}


def hear(shop: Followed, starts: dict[str, Made], event: str) -> None:
    bodies, asking = SHOP_EVENTS[event]
    for start in starts.values():
        for body in bodies(start):
            shop.hear(body)
    shop.work(asking=asking)


def last_cell(world: World, source_id: str) -> str:
    """What happened last, as the page writes it."""
    newest = one(
        world,
        "SELECT max(a.receipt_id) FROM attempt a JOIN orders o USING (order_id) WHERE o.source_id = %s",
        source_id,
    )
    return cell(world, source_id, newest - 1)


# ---------------------------------------------------------------- beside the table


@pytest.mark.parametrize("bad", [{"total": "muchos"}, {"note": ["x"]}, {"lines": [line(quantity="uno")]}],
                         ids=["total", "note", "quantity"])  # fmt: skip
def test_a_failed_order_is_cured_by_a_version_that_can_be_read(world: World, bad: Made) -> None:
    """Also where the good version says of the bad field just what was stored without it: nothing, or the default."""
    good = {name: value for name, value in order("A", lines=[line()]).items() if name not in bad or name == "lines"}
    world.take({**good, **bad, "updated_at": THEN})
    assert world.standing("A") == ("failed", "field_format_invalid")
    world.take({**good, "updated_at": AFTER})
    assert world.standing("A") == ("present", None)


def test_a_failed_order_of_a_csv_is_cured_by_emptying_the_bad_cell(world: World) -> None:
    head, lines = "id,state,total,discount,customer.email\n", "order_id,sku,quantity,unit_price\nA,SKU-1,1,10.00\n"
    world.take_csv({"orders.csv": head + "A,paid,10.00,nada,a@example.com\n", "lines.csv": lines})
    assert world.standing("A") == ("failed", "field_format_invalid")
    world.take_csv({"orders.csv": head + "A,paid,10.00,,a@example.com\n", "lines.csv": lines})
    assert world.standing("A") == ("present", None)


def test_an_unreadable_version_of_an_unknown_order_is_a_failed_order(world: World) -> None:
    report = world.take(order("A", total="muchos"))
    assert world.standing("A") == ("failed", "field_format_invalid")
    assert (report.items.created, report.orders["failed"]) == (1, 1)
