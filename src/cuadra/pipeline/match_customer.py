"""Who bought: an existing customer by any of the order's keys, or a new one; never a guess. Pure.

Keys are tried in the order of their strength. Two keys at two people is a conflict: the order goes to the stronger
key's person, both are named, nothing is merged. A masked or filler contact is no key.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType, structs

from cuadra.connectors.base import Evidence
from cuadra.model import AddressRead, CustomerRead, OrderRead, Standing
from cuadra.pipeline.admit import Verdict, known
from cuadra.pipeline.contacts import Contact
from cuadra.pipeline.working import Conflict, CustomerState, Item, Key, OrderState, WorkingSet, encode_customer

_FAULTS = {
    "invalid": ("customer_contact_invalid", "rule"),
    "masked": ("customer_contact_masked", "domain"),
    "placeholder": ("customer_placeholder_contact", "rule"),
}
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def keys_of(customer: CustomerRead | None, email: Contact, phone: Contact, store_id: int) -> list[Key]:
    """The keys of a customer, strongest first. A record number means something only in its own store."""
    found: list[Key] = []
    if customer is not None:
        if customer.id:
            found.append(record_key(customer.id, store_id))
        if customer.person:
            found.append(("person", customer.person))
        if customer.document and customer.document.strip("0-. "):
            found.append(("document", customer.document.strip()))
    if email.value:
        found.append(("email", email.value))
    if phone.value:
        found.append(("phone", phone.value))
    return found


def record_key(number: str, store_id: int) -> Key:
    """The key that a record's number is."""
    return "source", f"{store_id}:{number}"


def faults(item: Item, raw_email: str | None, raw_phone: str | None) -> dict[str, Evidence]:
    """Warnings for contacts that are no keys."""
    found: dict[str, Evidence] = {}
    for channel, contact, raw in (("email", item.email, raw_email), ("phone", item.phone, raw_phone)):
        if contact.fault is not None:
            code, field = _FAULTS[contact.fault]
            proof: Evidence = {"channel": channel, field: contact.rule}
            if code != "customer_contact_masked":
                proof["value"] = raw
            found[code] = _both(found[code], proof) if code in found else proof
    return found


def _both(one: Evidence, other: Evidence) -> Evidence:
    """One proof of two contacts with the same fault: what is said of each stands under its channel."""
    first, second = one["channel"], other["channel"]
    said = {name: {first: one[name], second: other[name]} for name in one if name != "channel"}
    return {"channel": [first, second], **said}


def match_customer(item: Item, order: OrderRead, state: OrderState, ws: WorkingSet) -> Verdict | None:
    """Put the order on its customer; a verdict if the rules want one and there is none."""
    customer = known(order.customer)
    keys = item.keys
    if keys is None:
        keys = keys_of(customer, item.email, item.phone, ws.store_id)
    keys = without_shared(item, keys, ws)
    if item.email.fault is not None or item.phone.fault is not None:
        item.evidence |= faults(item, customer.email or None if customer else None, _any_phone(order))
    if not keys:
        state.customer_id = None
        return _nobody(item, customer, order, ws)
    chosen = find(keys, ws, item, state.order_id)
    if chosen is None:
        if ws.rules.customers.contact_required and not _reachable(item, customer):
            return _unreachable(order)
        chosen = create(customer, order, keys, item, ws)
    elif ws.rules.customers.contact_required and not (ws.customers[chosen].has_contact or _reachable(item, customer)):
        return _unreachable(order)
    state.customer_id = chosen
    _learn(chosen, keys, ws)
    if (item.email.value or item.phone.value) and not ws.customers[chosen].has_contact:
        ws.customers[chosen].has_contact = True
        ws.touched.add(chosen)
    if customer is not None and customer.consents is not UNSET:
        consent(chosen, customer, item, ws)
    return None


def _any_phone(order: OrderRead) -> str | None:
    customer = order.customer or None
    if customer and customer.phone:
        return customer.phone
    return next((place.phone for place in (order.billing, order.delivery) if place and place.phone), None)


def _reachable(item: Item, customer: CustomerRead | None) -> bool:
    """A contact that works, or one that the platform keeps to itself: there the buyer can be reached through it."""
    email, phone = item.email, item.phone
    return bool(email.value or phone.value) or "masked" in (email.fault, phone.fault) or hidden(item)


def hidden(item: Item) -> bool:
    """Whether the source says that there is a buyer whom it does not show."""
    return "customer_data_hidden_by_plan" in item.read.warnings


_SEARCHED = ["customer.email", "customer.phone", "billing.phone", "delivery.phone"]


def _unreachable(order: OrderRead) -> Verdict:
    return Verdict(Standing.HELD, "customer_without_contact", {"searched": _SEARCHED})


def _nobody(item: Item, customer: CustomerRead | None, order: OrderRead, ws: WorkingSet) -> Verdict | None:
    named = customer is not None and any(
        getattr(customer, name) not in (None, UNSET, "")
        for name in ("name", "first_name", "last_name", "email", "phone")
    )
    if named and ws.rules.customers.contact_required and not _reachable(item, customer):
        return _unreachable(order)
    if not named and ws.rules.customers.required and not hidden(item):
        return Verdict(Standing.HELD, "order_without_customer", {"searched": ["customer", *_SEARCHED[2:]]})
    return None


def without_shared(item: Item, keys: list[Key], ws: WorkingSet) -> list[Key]:
    """The keys without a contact that leads to one customer for the documents or person ids of many: it belongs to
    nobody in particular. Who is known by a stronger key keeps it."""
    most = ws.rules.customers.shared_by_most
    if not most:
        return keys
    for key in keys:
        owner = ws.customer_keys.get(key)
        if owner is None:
            continue
        if key[0] not in ("email", "phone"):
            return keys
        state = ws.customers[owner]
        people = max(state.documents, state.persons)
        if people >= most and (people > most or any(kind in ("document", "person") for kind, _ in keys)):
            shared = Contact(None, "placeholder", f"a contact of more than {most} people")
            if key[0] == "email":
                item.email = shared
            else:
                item.phone = shared
            return without_shared(item, [one for one in keys if one != key], ws)
    return keys


def find(keys: list[Key], ws: WorkingSet, item: Item, order_id: int) -> int | None:
    """The customer that the strongest known key names; a conflict if a weaker one names somebody else."""
    chosen: int | None = None
    for key in keys:
        owner = ws.customer_keys.get(key)
        if owner is None or owner == chosen:
            continue
        if chosen is not None:
            _conflict(chosen, keys, ws, item, order_id)
            break
        chosen = owner
    return chosen


def _conflict(chosen: int, keys: list[Key], ws: WorkingSet, item: Item, order_id: int) -> None:
    """Two people behind one order's keys: both are named, unless somebody has decided that they are two."""
    hits = [(key, ws.customer_keys[key]) for key in keys if key in ws.customer_keys]
    others = sorted({owner for _, owner in hits} - {chosen})
    apart = [other for other in others if (min(chosen, other), max(chosen, other)) not in ws.decided_apart]
    if apart:
        item.evidence["customer_identity_conflict"] = {
            "keys": [f"{kind}:{value}" for (kind, value), _ in hits], "candidates": [chosen, *apart],
        }  # fmt: skip
        if order_id:
            ws.conflicts |= {Conflict(min(chosen, other), max(chosen, other), order_id) for other in apart}


def create(customer: CustomerRead | None, order: OrderRead | None, keys: list[Key], item: Item, ws: WorkingSet) -> int:
    """A new customer with what is known of it."""
    details = structs.replace(customer) if customer is not None else CustomerRead()
    name = details.full_name()
    if order is not None:
        place: AddressRead | None = order.billing or order.delivery or None
        if not details.address and place is not None:
            details.address = place
        if not name and place is not None and place.name:
            name = details.name = place.name
    details.consents = UNSET  # kept per channel, with date and source
    made = CustomerState(ws.new_id(), name, encode_customer(details), item.raw.sequence,
                         bool(item.email.value or item.phone.value), is_new=True, dirty=True)  # fmt: skip
    ws.customers[made.customer_id] = made
    ws.touched.add(made.customer_id)
    return made.customer_id


def _learn(customer_id: int, keys: list[Key], ws: WorkingSet) -> None:
    """Keys that nobody has yet are this customer's from now on. One that somebody has stays where it is."""
    state, owners = ws.customers[customer_id], ws.customer_keys
    for key in keys:
        if key in owners:
            continue
        kind, value = key
        if state.erased and kind in ("email", "phone", "document"):
            continue  # an erased person is not known by a contact again
        owners[key] = customer_id
        ws.new_customer_keys.append((kind, value, customer_id))
        ws.touched.add(customer_id)
        if kind == "document":
            state.documents += 1
        elif kind == "person":
            state.persons += 1


def consent(customer_id: int, customer: CustomerRead, item: Item, ws: WorkingSet) -> None:
    """Per contact channel what the source states; the newest wins in the database, and a block is never lifted."""
    for one in customer.consents or ():
        at = one.at or datetime.fromtimestamp(item.raw.sequence / 1e6, UTC)
        known_one = ws.consents.get((customer_id, one.channel))
        if known_one is not None and known_one[0] == "blocked":
            continue
        if known_one is not None and one.state != "blocked" and (known_one[1] or _LONG_AGO) > at:
            continue
        ws.consents[customer_id, one.channel] = (one.state, at, ws.connector, one.note)


def apply_customer(item: Item, value: CustomerRead, ws: WorkingSet) -> bool | None:
    """A customer record of its own: create or bring up to date. True created, False updated, None nothing new."""
    keys = without_shared(item, keys_of(value, item.email, item.phone, ws.store_id), ws)
    item.evidence |= faults(item, value.email or None, value.phone or None)
    chosen = find(keys, ws, item, 0)
    fresh = chosen is None
    if chosen is None:
        chosen = create(value, None, keys, item, ws)
    before = len(ws.new_customer_keys)
    _learn(chosen, keys, ws)
    state = ws.customers[chosen]
    item.erased = state.erased
    state.has_contact = state.has_contact or bool(item.email.value or item.phone.value)
    consents = len(ws.consents)
    if value.consents is not UNSET and not state.erased:
        consent(chosen, value, item, ws)
    if fresh:
        return True
    moved = not state.erased and _renew(state, value, item.raw.sequence)
    return False if moved or len(ws.new_customer_keys) > before or len(ws.consents) > consents else None


def _renew(state: CustomerState, value: CustomerRead, sequence: int) -> bool:
    """Take over what the record knows; returns whether anything is different.

    One person may have several records at the source. The one with the highest number speaks for the person, whatever
    order they arrive in; of one record the newer look counts.
    """
    details = state.read()
    mine, theirs = _record_rank(details.id), _record_rank(value.id)
    if theirs < mine or (theirs == mine and sequence < state.sequence):
        return False
    changed = False
    for name in details.__struct_fields__:
        new: Any = getattr(value, name)
        if name == "consents" or new is UNSET or new is None or (isinstance(new, Struct) and _empty(new)):
            continue
        if getattr(details, name) != new:
            setattr(details, name, new)
            changed = True
    if changed:
        state.details, state.sequence, state.dirty = encode_customer(details), sequence, True
        state.name = details.full_name()
    return changed


def _record_rank(number: str | UnsetType | None) -> tuple[int, str]:
    return (len(number), number) if isinstance(number, str) else (0, "")


def _empty(value: Struct) -> bool:
    return all(getattr(value, name) in (None, UNSET) for name in value.__struct_fields__)
