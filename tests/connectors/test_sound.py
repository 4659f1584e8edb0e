"""What a connector has put together is looked at before it is kept; the quick look finds no less than the slow one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from cuadra.connectors.sound import Fault, _limits, _of, _sure, fault
from cuadra.model import AddressRead, CategoryRead, CustomerRead, LineRead, OrderRead, ProductRead
from cuadra.money import LIMIT

TEXTS = st.sampled_from(["", "x", "x" * 255, "x" * 501, "x" * 20_001, "\0", "ARS", "ars"])
AMOUNTS = st.sampled_from([Decimal(text) for text in ("0", "1.50", "-3", "1E+14", "1E-19", "1E-21", "NaN", "Infinity")])
TIMES = st.integers(1900, 2200).map(lambda year: datetime(year, 1, 1, tzinfo=UTC))
LINES = st.builds(LineRead, id=TEXTS, name=TEXTS, quantity=AMOUNTS, total=st.none() | AMOUNTS)
ORDERS = st.builds(
    OrderRead, id=TEXTS, number=TEXTS, currency=TEXTS, total=AMOUNTS, created_at=TIMES, note=TEXTS,
    customer=st.builds(CustomerRead, email=TEXTS), billing=st.builds(AddressRead, city=TEXTS), lines=st.lists(LINES, max_size=2),
)  # fmt: skip
PRODUCTS = st.builds(ProductRead, name=TEXTS, categories=st.lists(st.lists(TEXTS, max_size=2), max_size=2))


@settings(max_examples=500, deadline=None)
@given(st.one_of(ORDERS, LINES, PRODUCTS, st.builds(CategoryRead, id=TEXTS)))
def test_what_is_surely_sound_has_no_fault(value: OrderRead | LineRead | ProductRead | CategoryRead) -> None:
    """`fault` asks `_sure` first: here it is asked of the slow look, value by value."""
    slow = [_of(getattr(value, name), name, _limits(type(value)).get(name)) for name in value.__struct_fields__]
    if _sure(value):
        assert not any(slow)
    else:
        assert fault(value) == next((one for one in slow if one is not None), None)


def test_an_ordinary_order_is_looked_at_quickly() -> None:
    order = OrderRead(id="1", currency="ARS", total=Decimal("10.50"), created_at=datetime(2026, 1, 1, tzinfo=UTC),
                      lines=[LineRead(id="1", quantity=Decimal(2), total=Decimal("10.50"))])  # fmt: skip
    assert _sure(order)


def test_faults_are_named_with_their_place() -> None:
    assert fault(OrderRead(id="1", total=Decimal("NaN"))) == Fault("a finite number", "total", "NaN")
    assert fault(OrderRead(id="1", total=LIMIT)) == Fault("a number below 10^15", "total", str(LIMIT))
    assert fault(OrderRead(id="1", currency="ars")) == Fault("like ^[A-Z]{3}$", "currency", "ars")
    lines = [LineRead(id="1"), LineRead(id="2", name="x\0")]
    assert fault(OrderRead(id="1", lines=lines)) == Fault("no NUL characters", "lines[1].name", "x\0")
    far = datetime(2300, 1, 1, tzinfo=UTC)
    assert fault(OrderRead(id="1", created_at=far)) == Fault("a date between 1990 and 2100", "created_at", str(far))
    product = ProductRead(id="1", categories=[["x", "\0"]])
    assert fault(product) == Fault("no NUL characters", "categories[0][1]", "\0")
