"""One item through the steps, in order: what it is to the ledger, what the rules say, whom and what it names. Pure:
everything happens in the working set; the runner writes it once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from msgspec import UNSET, structs

from cuadra.connectors.base import Evidence
from cuadra.model import (
    BranchRead,
    CategoryRead,
    CustomerRead,
    Entity,
    OrderRead,
    Outcome,
    ProductRead,
    Standing,
    normal,
)
from cuadra.pipeline import steps, versions
from cuadra.pipeline.admit import Verdict, admit, totals_problem
from cuadra.pipeline.match_customer import apply_customer, match_customer
from cuadra.pipeline.match_products import apply_product, gone, match_products
from cuadra.pipeline.prepare import recall
from cuadra.pipeline.versions import Order, Version
from cuadra.pipeline.working import NO_CONTACT, Item, OrderState, WorkingSet

#: at hand, for every order asks for them: to get a member from its enum costs more than a call of a function
ORDER, CREATED, UNSEEN, PRESENT = Entity.ORDER, Outcome.CREATED, Standing.UNSEEN, Standing.PRESENT
#: fields that say something about a person; an erased order never takes them in again
PERSONAL_FIELDS = ("customer", "billing", "delivery", "note", "custom")
ERASED = "personal_data_erased"
OF_READING = ("file_special_characters", "customer_data_hidden_by_plan")
"""Warnings that a reader gives: they stand as long as the payload does, however often the order is judged."""
#: what a cancelled order keeps of its last version where the cancellation itself no longer says it
_AMOUNTS = ("total", "discount", "shipping", "tax", "fees")


def process(item: Item, ws: WorkingSet) -> None:
    """Take one receipt through the pipeline."""
    if item.read.entity is ORDER:
        if item.read.identifier is None:
            _refuse(item)
        elif item.read.hint is not None:
            _hint(item, item.read.identifier, ws)
        else:
            _order(item, item.read.identifier, ws)
        return
    if item.read.value is None:
        if any(ws.customers[ws.customer_keys[key]].erased for key in item.keys or () if key in ws.customer_keys):
            _anonymous(item)
        _refuse(item)
        return
    created = _record(item, ws)
    if item.erased:
        _anonymous(item)
    _finish(item, created)


def _refuse(item: Item) -> None:
    """What is nobody's version: refused, or it only says that something happened, and not to what."""
    if item.read.refused is None:
        _unnamed(item)
        return
    code, proof = item.read.refused
    item.outcome, item.reason = Outcome.FAILED if code == "internal_error" else Outcome.REFUSED, code
    item.evidence = {code: proof}
    item.steps[steps.READ] = "f"


def _unnamed(item: Item) -> None:
    """A signed error instead of a thing: it was gone when the notice was made, or the notices' owner may not see it."""
    said = item.read.hint or item.read.absent or {}
    item.outcome = Outcome.HINT
    item.steps[steps.READ] = "w"
    if said.get("status") in (401, 403):
        item.reason, proof = "scope_missing", {"status": said["status"], "permission": None, "code": said.get("code")}
    else:
        moment = datetime.fromtimestamp(item.raw.sequence / 1e6, UTC).isoformat()
        item.reason, proof = "not_found_at_source", {"answer": said.get("code"), "asked_at": moment}
    item.evidence = {item.reason: proof}


def _record(item: Item, ws: WorkingSet) -> bool | None:
    """A record that is not an order. True created, False updated, None nothing new."""
    value = item.read.value
    if isinstance(value, CustomerRead):
        item.steps[steps.MATCH_CUSTOMER] = "s"
        return apply_customer(item, value, ws)
    if isinstance(value, ProductRead):
        item.steps[steps.MATCH_PRODUCTS] = "s"
        return gone(value, ws) if item.read.absent is not None else apply_product(item, value, ws)
    if isinstance(value, CategoryRead):
        node = (value.parent, value.name or "")
        known = ws.category_nodes.get(value.id)
        if known == node:
            return None
        ws.category_nodes[value.id] = ws.new_nodes[value.id] = node
        return known is None
    assert isinstance(value, BranchRead)
    ws.new_branches[value.id] = (value.name or value.id, value.custom)
    return True


def _finish(item: Item, created: bool | None) -> None:
    item.outcome = {True: Outcome.CREATED, False: Outcome.UPDATED, None: Outcome.UNCHANGED}[created]
    item.steps[steps.RECORD] = "w" if item.evidence else "s"


# ---------------------------------------------------------------- orders


NOTHING = Version(None, 0, b"")
"""The version of an order of which nothing has been read yet: everything is newer."""


def unseen(identifier: str, proof: Evidence, receipt_id: int | None, ws: WorkingSet) -> OrderState:
    """An order that we only know to exist: from a hint, a census or a question."""
    state = OrderState(ws.new_id(), identifier, ws.integration_id, NOTHING, 0, receipt_id, Standing.UNSEEN,
                       "not_received_by_any_way", ws.now, OrderRead(id=identifier), is_new=True, dirty=True,
                       rule_version=ws.rule_version)  # fmt: skip
    state.evidence = {"not_received_by_any_way": proof}
    state.identifiers = {("order", normal(identifier)): identifier}
    ws.orders[identifier] = state
    return state


def _hint(item: Item, identifier: str, ws: WorkingSet) -> None:
    """Something happened to it; what it is now is to be asked. A hint is never applied."""
    state = ws.orders.get(identifier)
    if state is None:
        proof: Evidence = {"answer": None, "asked_at": None, "searched": item.raw.arrival or "hint"}
        state = unseen(identifier, proof, item.receipt_id, ws)
    item.state, item.outcome = state, Outcome.HINT
    item.steps[steps.ADMIT] = "t"
    ws.relinks["order", identifier] = "hint"


def _order(item: Item, identifier: str, ws: WorkingSet) -> None:
    value = item.read.value if isinstance(item.read.value, OrderRead) else OrderRead(id=identifier)
    assert item.version is not None
    state = ws.orders.get(identifier)
    if item.read.absent is not None:
        _absent(item, identifier, state, value, item.read.absent, ws)
        return
    if state is None:
        state = OrderState(ws.new_id(), identifier, ws.integration_id, item.version, 0, item.receipt_id,
                           UNSEEN, None, ws.now, is_new=True)  # fmt: skip
        ws.orders[identifier] = item.state = state
        _apply(item, state, value, ws, CREATED)
        return
    item.state = state
    if ws.account.live and item.raw.arrival == "webhook" and _found_gone(state):
        _hint(item, identifier, ws)
        return
    if ws.account.live and _found_gone(state) and item.version.sequence < state.version.sequence:
        # read before the source said that it is gone, and only taken in now
        _mark(item, Outcome.STALE, "event_stale_or_out_of_order", {
            "stamp": _text(item.version), "known_stamp": _text(state.version),
        })  # fmt: skip
        if item.raw.asked is None:
            ws.relinks["order", identifier] = "tie"
        return
    if ws.account.live and item.raw.asked is None and _doubtful(item, value, state):
        ws.relinks["order", identifier] = "tie"
    if state.erased_at is not None:
        value = _without_person(item, value)
    relation = versions.compare(item.version, state.version)
    cured = state.standing is Standing.FAILED and item.read.refused is None and relation is not Order.OLDER
    if cured:
        # what could not be read can be now: judged as new, even if nothing else of it is different
        _newer(item, state, value, ws, Order.NEWER)
    elif relation is Order.SAME:
        if item.version.sequence > state.version.sequence:
            # the same version, seen again later: at a tie of stamps it is the later look that counts
            state.version, state.stamp_moved = item.version, True
        _mark(item, Outcome.DUPLICATE, "duplicate_delivery", {
            "stamp": _text(item.version), "digest": item.version.digest.hex(), "first_receipt": state.receipt_id,
        })  # fmt: skip
    elif relation is Order.OLDER:
        _mark(item, Outcome.STALE, "event_stale_or_out_of_order", {
            "stamp": _text(item.version), "known_stamp": _text(state.version),
        })  # fmt: skip
    elif item.read.refused is not None and state.standing not in (Standing.FAILED, Standing.UNSEEN):
        # what stands stays as it was: a version that cannot be read is no news of the order
        _refuse(item)
    else:
        _newer(item, state, value, ws, relation)


def _found_gone(state: OrderState) -> bool:
    """The source was asked for it, and did not have it: a notice that was on its way then says what it was before. If it
    is there again, asking once more tells."""
    return state.reason == "not_found_at_source" or state.read().lifecycle == "deleted"


def _doubtful(item: Item, value: OrderRead, state: OrderState) -> bool:
    """Two versions with one stamp that contradict each other, or a notice that comes after a newer version: which of them
    is the last is for the source to say."""
    assert item.version is not None
    stamp, known = item.version.stamp, state.version.stamp
    if stamp is None or known is None:
        return False
    tied = stamp == known and item.version.digest != state.version.digest
    return (tied and versions.contradict(value, state.read())) or (item.raw.arrival == "webhook" and stamp < known)


def _absent(item: Item, identifier: str, state: OrderState | None, value: OrderRead, proof: Evidence,
            ws: WorkingSet) -> None:  # fmt: skip
    """The source was asked for this order, and says that it does not exist. What was known of it stays."""
    assert item.version is not None
    if state is None:
        state = unseen(identifier, {"answer": None, "asked_at": None, "searched": "question"}, item.receipt_id, ws)
    item.state = state
    # not older than what we have, and no stamp of its own: a notice that was late on its way is older than this
    item.version = Version(state.version.stamp, item.version.sequence, item.version.digest)
    if item.version.sequence < state.version.sequence:
        _mark(item, Outcome.STALE, "event_stale_or_out_of_order", {
            "stamp": _text(item.version), "known_stamp": _text(state.version),
        })  # fmt: skip
    elif state.version.digest == item.version.digest:
        _unchanged(item, state, state.read(), ws)
    elif state.standing is Standing.UNSEEN or state.reason == "not_found_at_source":
        item.read.refused = "not_found_at_source", proof
        _apply(item, state, state.read(), ws, Outcome.UPDATED)
    else:
        known: Evidence = {"deleted_at": proof["asked_at"], "state": state.read().state or None, **proof}
        state.evidence = {**state.evidence, "deleted_at_source": known}
        _newer(item, state, value, ws, Order.NEWER)


def _newer(item: Item, state: OrderState, value: OrderRead, ws: WorkingSet, relation: Order) -> None:
    before = state.read()
    merged = versions.merge(before, value)
    _keep_amounts(merged, before, state, ws)
    if value.customer is UNSET and state.erased_at is None:
        recall(item, merged, ws.rules, ws.account.country)
    changes = {} if relation is Order.SAME_CONTENT else versions.differences(before, merged)
    if state.frozen_at is not None and changes and _our_own(merged, state, changes, ws):
        _unchanged(item, state, merged, ws)
        return
    if state.frozen_at is not None and changes:
        _after_freeze(item, state, merged, changes, ws)
        return
    same_warnings = item.read.warnings.keys() == {code for code in OF_READING if code in state.evidence}
    if not changes and same_warnings and (state.standing is not Standing.FAILED or item.read.refused is not None):
        _unchanged(item, state, merged, ws)
        return
    if state.version == NOTHING:  # so far it was only known to exist
        _apply(item, state, merged, ws, Outcome.CREATED)
        return
    _apply(item, state, merged, ws, Outcome.UPDATED, changes)


def _unchanged(item: Item, state: OrderState, merged: OrderRead, ws: WorkingSet) -> None:
    """The same content in a newer version: the version moves on; judged again only if the rules are newer."""
    assert item.version is not None
    state.version = Version(item.version.stamp or state.version.stamp, item.version.sequence, item.version.digest)
    state.content, state.content_json = merged, None
    state.stamp_moved = True
    item.outcome = Outcome.UNCHANGED
    if state.frozen_at is not None:
        ws.taken_back.append((state.order_id, state.version))
    if state.rule_version != ws.rule_version and state.frozen_at is None:
        before = (state.standing, state.reason)
        judge(item, state, ws)
        state.dirty = state.rebuilt = True
        if (state.standing, state.reason) != before:
            item.outcome = Outcome.UPDATED
    else:
        item.reason = state.reason
        item.evidence = dict(state.evidence)
        if state.reason is not None:
            item.steps[steps.ADMIT] = steps.letter_of(state.standing)


def _apply(item: Item, state: OrderState, order: OrderRead, ws: WorkingSet, outcome: Outcome,
           changes: dict[str, list[object]] | None = None) -> None:  # fmt: skip
    assert item.version is not None
    # only an order taken as it was read has its encoding at hand; a merged one is encoded when it is written
    state.version, state.content = item.version, order
    state.content_json = item.content if order is item.read.value else None
    state.receipt_id, state.integration_id = item.receipt_id, ws.integration_id
    state.number += 1
    state.identifiers |= item.identifiers
    state.dirty = state.rebuilt = True
    item.outcome = outcome
    judge(item, state, ws, item.read.refused)
    ws.versions.append((state.order_id, state.number, item.version, item.receipt_id, changes))
    if changes and (delivery := _delivery(changes)):
        ws.events.append((state.order_id, ws.new_id(), "delivery_changed", ws.connector, delivery))


def judge(item: Item, state: OrderState, ws: WorkingSet, refused: tuple[str, Evidence] | None = None) -> None:
    """Set the order's standing, reason, evidence and warnings from its content, the rules and the working set."""
    order = state.read()
    if state.erased_at is not None and ERASED in state.evidence:
        item.evidence.setdefault(ERASED, state.evidence[ERASED])
    was_present = not state.is_new and state.standing is PRESENT
    if refused is not None:
        verdict = Verdict(Standing.FAILED, *refused)
        item.steps[steps.READ] = "f"
    else:
        verdict = admit(order, state, ws)
        item.steps[steps.ADMIT] = steps.letter_of(verdict.standing)
    if verdict.standing is PRESENT or was_present:
        verdict = _match(item, order, state, ws, verdict)
    if state.customer_id is None:
        for kind, value in (("email", item.email.value), ("phone", item.phone.value)):
            if value is not None:
                state.identifiers[kind, normal(value)] = value
    if verdict.standing is PRESENT and (proof := totals_problem(order)):
        item.evidence["totals_do_not_add_up"] = proof
    if verdict.reason is not None:
        item.evidence[verdict.reason] = verdict.evidence or {}
    item.reason = state.reason = verdict.reason
    state.standing, state.recheck_at = verdict.standing, verdict.recheck_at
    if verdict.standing is PRESENT and state.present_at is None:
        state.present_at = ws.now
    if ws.rules.mapping:
        _follow(order, state, ws)
    state.evidence = dict(item.evidence)
    state.warnings = sorted([code for code in item.evidence if code != verdict.reason]) if item.evidence else []
    state.rule_version = ws.rule_version
    item.steps[steps.RECORD] = "w" if state.warnings else "s"


def _our_own(order: OrderRead, state: OrderState, changes: dict[str, list[object]], ws: WorkingSet) -> bool:
    """Whether nothing has changed but the state, to the one that we have written there ourselves, and what goes with it:
    a shop takes what is completed for paid."""
    theirs, _, direction = ws.rules.mapping.get(state.own_state or "", "").rpartition(":")
    if direction not in ("out", "both") or order.state != theirs or "state" not in changes:
        return False
    return all(name in ("state", "lifecycle") or name.startswith("payment") for name in changes)


def _follow(order: OrderRead, state: OrderState, ws: WorkingSet) -> None:
    """Our own state follows the source's, where the mapping table says so. A state of ours that already stands for the
    source's stays: it is what we wrote ourselves, on its way back."""
    own = state.own_state
    if own is not None and ws.rules.mapping.get(own, "").rpartition(":")[0] == order.state:
        return
    for name, row in ws.rules.mapping.items():
        theirs, _, direction = row.rpartition(":")
        if theirs == order.state and direction != "out":
            state.own_state = name
            change: dict[str, list[object]] = {"own_state": [own, name]}
            ws.events.append((state.order_id, ws.new_id(), "own_state", ws.connector, change))
            return


_MATCHES = ((steps.MATCH_CUSTOMER, match_customer), (steps.MATCH_PRODUCTS, match_products))


def _match(item: Item, order: OrderRead, state: OrderState, ws: WorkingSet, verdict: Verdict) -> Verdict:
    """Customer and products. An order that was present and no longer counts keeps both, whatever the rules say now."""
    for step, match in _MATCHES:
        before = len(item.evidence)
        if step == steps.MATCH_CUSTOMER and state.erased_at is not None:
            continue
        found = match(item, order, state, ws)
        item.steps[step] = "w" if len(item.evidence) > before else "s"
        if found is not None and verdict.standing is Standing.PRESENT:
            verdict = found
            item.steps[step] = steps.letter_of(found.standing)
            break
    return verdict


def _after_freeze(item: Item, state: OrderState, merged: OrderRead, changes: dict[str, list[object]],
                  ws: WorkingSet) -> None:  # fmt: skip
    """Written off: nothing of the order changes by itself; the change is kept beside it for a person to apply."""
    assert state.frozen_at is not None
    assert item.version is not None
    ws.frozen_changes.append((state.order_id, item.version, item.receipt_id, changes, merged))
    state.identifiers |= item.identifiers
    _mark(item, Outcome.UNCHANGED, "change_after_freeze", {
        "changes": changes, "frozen_at": state.frozen_at.isoformat(),
    })  # fmt: skip


def _mark(item: Item, outcome: Outcome, code: str, proof: Evidence) -> None:
    item.outcome, item.reason = outcome, code
    item.evidence = {code: proof}
    item.steps[steps.ADMIT] = "k"


def _text(version: Version) -> str:
    return version.stamp.isoformat() if version.stamp is not None else f"sequence {version.sequence}"


def forget_person(order: OrderRead) -> None:
    """Take out of an order whatever can name who bought it. The words of a sale stay: what was sold, by whom, how it was
    paid and sent, under which numbers and discounts."""
    for name in PERSONAL_FIELDS:
        setattr(order, name, UNSET)
    for refund in order.refunds or ():
        refund.note = None


def _without_person(item: Item, value: OrderRead) -> OrderRead:
    """An erased order stays erased: what a later delivery says of the person is not taken in."""
    forget_person(value)
    assert item.version is not None
    _anonymous(item)
    item.content = versions.encode_content(value)
    item.version = Version(item.version.stamp, item.version.sequence, versions.digest(item.content))
    item.email = item.phone = NO_CONTACT
    return value


def _anonymous(item: Item) -> None:
    """Nothing that stays of a receipt names the person: not its body, not what is said of it, not its bad rows. A value
    goes whatever column it stands in: what a bad row has in a column need not belong there."""
    item.erased, item.content = True, b""
    item.evidence = {code: _without_values(proof) for code, proof in item.evidence.items()}
    if item.read.refused is not None:
        code, proof = item.read.refused
        item.read.refused = code, _without_values(proof)
    item.read.complaints = [structs.replace(one, value="", raw=b"") for one in item.read.complaints]


def _without_values(proof: Evidence) -> Evidence:
    return {name: value for name, value in proof.items() if name not in ("value", "keys")}


def _keep_amounts(merged: OrderRead, before: OrderRead, state: OrderState, ws: WorkingSet) -> None:
    """A cancellation after the import keeps the last amounts where it no longer says them (zero or nothing)."""
    if state.standing is not Standing.PRESENT or admit(merged, state, ws).standing is not Standing.SKIPPED:
        return
    for name in _AMOUNTS:
        value = getattr(merged, name)
        if value is None or (isinstance(value, Decimal) and not value):
            setattr(merged, name, getattr(before, name))
    if not merged.lines:
        merged.lines = before.lines


def _delivery(changes: dict[str, list[object]]) -> dict[str, list[object]]:
    return {
        name: change
        for name, change in changes.items()
        if name.startswith(("delivery", "shipments")) or name == "shipping"
    }
