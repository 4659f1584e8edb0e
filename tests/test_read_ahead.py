"""Receipts that are looked at before they go through the pipeline are read once, and as often as they are needed again."""

from __future__ import annotations

from cuadra.connectors.base import Raw, Read
from cuadra.jobs.enriching import ReadOnce, named
from cuadra.model import Entity, LineRead, OrderRead


def test_what_was_read_ahead_is_not_read_again_but_anew_after_that() -> None:
    seen: list[bytes] = []

    def reader(raw: Raw) -> Read:
        seen.append(raw.body)
        return Read(raw.kind, "1", OrderRead(id="1", lines=[LineRead(product_id="7")]))

    raws = [Raw(Entity.ORDER, b"a", 1), Raw(Entity.ORDER, b"b", 1), Raw(Entity.PRODUCT, b"c", 1)]
    once = ReadOnce(reader)
    assert named(raws, once.ahead)[Entity.PRODUCT] == {"7"}
    assert seen == [b"a", b"b"], "of products nothing is asked for"
    first = [once(raw) for raw in raws]
    assert seen == [b"a", b"b", b"c"]
    again = [once(raw) for raw in raws]
    assert seen == [b"a", b"b", b"c", b"a", b"b", b"c"], "what became of the first reading nobody knows"
    assert all(one is not other for one, other in zip(first, again, strict=True))
