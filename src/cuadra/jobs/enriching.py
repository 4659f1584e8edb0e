"""Before orders go through the pipeline: the products and customers that they name and the ledger does not know, fetched
from the source together. An order's own payload has neither the description nor the category of what was sold.

If the source does not answer, the orders go on with their own text, and their lines say `product_details_pending`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cuadra.connectors.base import Evidence, Raw, Read, Reader, Shop
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.ledger import Way
from cuadra.model import CustomerRead, Entity, OrderRead
from cuadra.pipeline.match_customer import record_key

Wanted = dict[Entity, set[str]]


class ReadOnce:
    """Reads receipts that are looked at before they go through the pipeline: what was read `ahead` is not read again, the
    first time that it is asked for. Whoever asks once more gets it anew, for nothing is known of what was done with it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._found: dict[int, tuple[Raw, Read]] = {}

    def ahead(self, raw: Raw) -> Read:
        """Read a receipt, and keep what was read."""
        found = self._reader(raw)
        self._found[id(raw)] = raw, found
        return found

    def __call__(self, raw: Raw) -> Read:
        """Read a receipt."""
        _, found = self._found.pop(id(raw), (raw, None))
        return self._reader(raw) if found is None else found


def details(db: Database, way: Way, shop: Shop, raws: Iterable[Raw], reader: Reader,
            asked: Wanted | None = None, away: Callable[[str, Evidence], None] | None = None) -> list[Raw]:  # fmt: skip
    """What the source tells of products and customers that these receipts name and nobody here knows. `asked`: what has
    been asked for already; it is not asked for twice. `away` is told if the source does not answer."""
    wanted = named(raws, reader)
    for kind, ids in (asked or {}).items():
        wanted[kind] -= ids
    found: list[Raw] = []
    if not any(wanted.values()):
        return found
    unknown = _unknown(db, way, wanted)
    for kind, ids in unknown.items():
        if ids:
            look = shop.fetch(kind, sorted(ids), patient=False)
            found += look.raws
            if look.trouble is not None and away is not None:
                away(*look.trouble)
                break
    for kind, ids in (asked or {}).items():
        ids |= wanted[kind]
    return found


def named(raws: Iterable[Raw], reader: Reader) -> Wanted:
    """The source's numbers of the products and registered customers in these orders."""
    wanted: Wanted = {Entity.PRODUCT: set(), Entity.CUSTOMER: set()}
    for raw in raws:
        if raw.kind is not Entity.ORDER:
            continue
        value = reader(raw).value
        if not isinstance(value, OrderRead):
            continue
        wanted[Entity.PRODUCT] |= {
            number for line in value.lines or () if (number := line.variant_id or line.product_id)
        }
        if isinstance(value.customer, CustomerRead) and value.customer.id:
            wanted[Entity.CUSTOMER].add(value.customer.id)
    return wanted


def _unknown(db: Database, way: Way, wanted: Wanted) -> Wanted:
    people = {record_key(number, way.store_id)[1]: number for number in wanted[Entity.CUSTOMER]}
    with db.transaction(way.account_id) as conn:
        key = {"account": way.account_id, "store": way.store_id, "ids": list(wanted[Entity.PRODUCT]),
               "people": list(people)}  # fmt: skip
        products = {value for (value,) in conn.execute(sql("known_products"), key)}
        customers = {people[value] for (value,) in conn.execute(sql("known_people"), key)}
    return {Entity.PRODUCT: wanted[Entity.PRODUCT] - products, Entity.CUSTOMER: wanted[Entity.CUSTOMER] - customers}
