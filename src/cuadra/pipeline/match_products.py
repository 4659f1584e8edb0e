"""What was sold: each line to a product, by the value the rules name. One line's trouble is that line's. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, structs

from cuadra.connectors.base import Evidence
from cuadra.model import LineRead, OrderRead, ProductRead, Standing
from cuadra.pipeline import categories
from cuadra.pipeline.admit import Verdict
from cuadra.pipeline.rules import Rules
from cuadra.pipeline.working import Item, LineState, OrderState, ProductKey, ProductState, WorkingSet

PIECE = "piece"


def match_products(item: Item, order: OrderRead, state: OrderState, ws: WorkingSet) -> Verdict | None:
    """Match every line; a verdict if a rule holds the order for one of them."""
    state.lines = []
    state.incomplete = False
    held: Verdict | None = None
    excluded = ws.rules.filters.without_skus
    for at, line in enumerate(order.lines or ()):
        recorded = LineState(None, unit_of(line.unit, ws.rules))
        state.lines.append(recorded)
        if excluded and line.sku in excluded:
            _exclude(recorded, line, ws)
        else:
            _match(recorded, line, at, order, ws)
        if recorded.reason is None:
            continue
        item.evidence.setdefault(recorded.reason, recorded.evidence or {})
        state.incomplete = True
        if held is None and _holds(recorded.reason, ws.rules):
            held = Verdict(Standing.HELD, recorded.reason, recorded.evidence)
    return held


def unit_of(source_unit: str | None, rules: Rules) -> str:
    """Piece where the source gives no unit, or where the rules say always; else the source's."""
    return PIECE if rules.products.always_piece or not source_unit else source_unit


def _holds(reason: str, rules: Rules) -> bool:
    if reason in ("line_excluded_by_rule", "product_details_pending"):
        return False
    if reason in ("product_not_found", "product_not_linked"):
        return rules.products.unknown == "hold"
    if reason == "product_inactive":
        return rules.products.inactive == "hold"
    return rules.products.problem == "hold"


def _exclude(recorded: LineState, line: LineRead, ws: WorkingSet) -> None:
    amount = line.total if line.total is not None else (line.unit_price or 0) * line.quantity - (line.discount or 0)
    recorded.excluded = True
    recorded.reason = "line_excluded_by_rule"
    recorded.evidence = {"sku": line.sku, "rule_version": ws.rule_version, "amount": str(amount)}


def _match(recorded: LineState, line: LineRead, at: int, order: OrderRead, ws: WorkingSet) -> None:
    key = key_of(sold_id(line, ws), line.sku, line.name, ws)
    if key is None:
        method = ws.rules.products.identify_by
        if method == "sku":
            recorded.reason = "product_sku_missing"
            recorded.evidence = {"line": line.id or at + 1, "identify_by": method}
        else:
            recorded.reason = "product_not_found"
            recorded.evidence = {"identify_by": method, "value": None}
        return
    found: Sequence[int] = ws.product_keys.get(key, ())
    if len(found) > 1:
        found = _in_store(found, ws)
    if len(found) > 1:
        recorded.reason = "product_sku_duplicate" if key[0] == "sku" else "product_not_found"
        recorded.evidence = (
            {"sku": key[2], "products": list(found)} if key[0] == "sku" else {"identify_by": key[0], "value": key[2]}
        )
        return
    if not found:
        if ws.rules.products.unknown == "create":
            recorded.product_id = _create_from_line(line, key, ws)
            _pending(recorded, line, ws)
            return
        asked: Evidence = {"identify_by": key[0], "value": key[2]}
        recorded.reason, recorded.evidence = "product_not_found", asked
        if (known := _known_otherwise(line, key, ws)) is not None:
            recorded.reason = "product_not_linked"
            recorded.evidence = {"product": known[0], "integration": ws.connector, "links": known[1], **asked}
        return
    product = ws.products[found[0]]
    recorded.product_id = product.product_id
    if not product.active and ws.rules.products.inactive == "hold" and not _sold_before(product, order, ws):
        since = product.inactive_at.isoformat() if product.inactive_at else None
        recorded.reason = "product_inactive"
        recorded.evidence = {"product": product.product_id, "name": line.name or product.name,
                             "sku": line.sku or product.sku, "since": since}  # fmt: skip
        return
    _pending(recorded, line, ws)


def _in_store(found: Sequence[int], ws: WorkingSet) -> Sequence[int]:
    """Of several products those that this store has itself: another store may sell the same under the same SKU, and has
    not sold it here."""
    return [one for one in found if ws.store_id in ws.products[one].stores] or found


def _sold_before(product: ProductState, order: OrderRead, ws: WorkingSet) -> bool:
    """Whether a live shop sold it while it was still active: that it is gone now takes nothing from the sale."""
    created = order.created_at or None
    return ws.account.live and created is not None and product.inactive_at is not None and created < product.inactive_at


def _pending(recorded: LineState, line: LineRead, ws: WorkingSet) -> None:
    """The product is in with the order's own text, and the source can tell more of it."""
    if not ws.account.live:
        return
    assert recorded.product_id is not None
    number = sold_id(line, ws)
    if number and ws.products[recorded.product_id].origin == "order":
        recorded.reason = "product_details_pending"
        recorded.evidence = {"product": recorded.product_id, "lookup": number}
        ws.relinks["product", number] = "details"


def sold_id(line: LineRead, ws: WorkingSet) -> str | None:
    """The source's number of what was sold: of a live shop the variation, which has the SKU; a file says which it is."""
    return (line.variant_id or line.product_id) if ws.account.live else line.product_id


def _known_otherwise(line: LineRead, key: ProductKey, ws: WorkingSet) -> tuple[int, list[str]] | None:
    """The one product that another number of the line leads to, and by which it does; a name alone leads nowhere, for
    different products share one. None where there is no such product, or more than one."""
    found: dict[int, list[str]] = {}
    for other in wanted_keys(sold_id(line, ws), line.sku, None, ws):
        for product_id in ws.product_keys.get(other, ()) if other != key else ():
            found.setdefault(product_id, []).append(f"{other[0]}:{other[2]}")
    return next(iter(found.items())) if len(found) == 1 else None


def key_of(product_id: str | None, sku: str | None, name: str | None, ws: WorkingSet) -> ProductKey | None:
    """The key by which the rules identify a product; None if the source does not give that value."""
    method = ws.rules.products.identify_by
    if method == "sku":
        return ("sku", 0, code) if sku and (code := sku.strip()) else None
    if method == "id":
        return ("id", ws.store_id, product_id) if product_id else None
    return ("name", 0, _name_key(name)) if name and name.strip() else None


def _name_key(name: str) -> str:
    return " ".join(name.casefold().split())[:500]


def wanted_keys(product_id: str | None, sku: str | None, name: str | None, ws: WorkingSet) -> list[ProductKey]:
    """All keys under which a product of the catalogue can be known."""
    found: list[ProductKey] = []
    if product_id:
        found.append(("id", ws.store_id, product_id))
    if sku and sku.strip():
        found.append(("sku", 0, sku.strip()))
    if name and name.strip():
        found.append(("name", 0, _name_key(name)))
    return found


def _create_from_line(line: LineRead, key: ProductKey, ws: WorkingSet) -> int:
    """A product from an order's own text; its catalogue entry completes it when it comes."""
    made = ProductState(ws.new_id(), line.name, line.sku, sold_id(line, ws), unit=unit_of(line.unit, ws.rules),
                        source_unit=line.unit, is_new=True, dirty=True)  # fmt: skip
    ws.products[made.product_id] = made
    keys = {key, *wanted_keys(sold_id(line, ws), line.sku, line.name, ws)}
    for one in sorted(keys):
        # a number of the line that another product has already stays with that one
        if one == key or one not in ws.product_keys:
            _add_key(one, made.product_id, ws)
    return made.product_id


def _add_key(key: ProductKey, product_id: int, ws: WorkingSet) -> None:
    if ws.add_product_key(key, product_id):
        if key[0] == "id":
            ws.products[product_id].stores.add(key[1])
        ws.new_product_keys.append((*key, product_id))


def apply_product(item: Item, value: ProductRead, ws: WorkingSet) -> bool | None:
    """A record of the catalogue. True created, False updated, None nothing new."""
    value = _whole(value, ws)
    product = _find(value, ws)
    fresh = product is None
    if product is None:
        product = ProductState(
            ws.new_id(), value.name, value.sku, value.id, origin="catalogue", is_new=True, dirty=True
        )
        ws.products[product.product_id] = product
    before = (len(ws.new_product_keys), len(ws.aliased_keys))
    _sku(product, value, item, ws)
    for key in wanted_keys(value.id, value.sku, value.name, ws):
        _add_key(key, product.product_id, ws)
    changed = _renew(product, value, item, ws)
    if fresh:
        return True
    moved = (len(ws.new_product_keys), len(ws.aliased_keys)) != before
    if changed:
        product.dirty = True
    return False if changed or moved else None


def gone(value: ProductRead, ws: WorkingSet) -> bool | None:
    """A product that the source no longer has: what an order said of it is all that there will be."""
    product = _find(value, ws)
    if product is None or product.origin != "order":
        return None
    product.origin, product.dirty = "gone", True
    return False


def _whole(value: ProductRead, ws: WorkingSet) -> ProductRead:
    """A variation with what its product says for it: the first part of its name, its category, its description."""
    found = ws.product_keys.get(("id", ws.store_id, value.parent)) if value.parent else None
    parent = ws.products[found[0]] if found else None
    if parent is None:
        return value
    name = value.name
    if name and parent.name and not name.startswith(parent.name):
        name = f"{parent.name} - {name}"
    return structs.replace(value, name=name, description=value.description or parent.description,
                           brand=value.brand or parent.brand)  # fmt: skip


def _find(value: ProductRead, ws: WorkingSet) -> ProductState | None:
    """By the source's id; without one, or where only an order has named the product so far, by SKU."""
    if value.id:
        found = ws.product_keys.get(("id", ws.store_id, value.id))
        if found:
            return ws.products[found[0]]
    if value.sku:
        for product_id in ws.product_keys.get(("sku", 0, value.sku.strip()), ()):
            product = ws.products[product_id]
            if value.id is None or product.code is None:
                return product
    return None


def _sku(product: ProductState, value: ProductRead, item: Item, ws: WorkingSet) -> None:
    former = product.sku
    if value.sku and former and former.strip() != value.sku.strip():
        proof: Evidence = {"former": former, "current": value.sku, "product": product.product_id}
        product.evidence["product_sku_changed"] = proof
        item.evidence["product_sku_changed"] = proof
        ws.aliased_keys.append((product.product_id, former.strip()))
        key: ProductKey = ("sku", 0, former.strip())
        others = [one for one in ws.product_keys.get(key, ()) if one != product.product_id]
        if others:
            ws.product_keys[key] = others
        else:
            ws.former_keys.add(key)


def _renew(product: ProductState, value: ProductRead, item: Item, ws: WorkingSet) -> bool:
    category, proofs = _category(value, ws)
    if category is None and value.parent and (found := ws.product_keys.get(("id", ws.store_id, value.parent))):
        category = ws.products[found[0]].category_id
    item.evidence |= proofs
    wanted: dict[str, Any] = {
        "name": value.name or product.name, "sku": value.sku or product.sku, "code": value.id or product.code,
        "description": value.description or product.description, "brand": value.brand or product.brand,
        "unit": unit_of(value.unit or product.source_unit, ws.rules), "source_unit": value.unit or product.source_unit,
        "category_id": category if category is not None else product.category_id, "active": value.active,
        "origin": "catalogue",
        "evidence": {**{k: v for k, v in product.evidence.items() if k == "product_sku_changed"}, **proofs},
    }  # fmt: skip
    if not value.active and product.active:
        wanted["inactive_at"] = ws.now
    changed = [name for name, new in wanted.items() if getattr(product, name) != new]
    for name in changed:
        setattr(product, name, wanted[name])
    return bool(changed)


def _category(value: ProductRead, ws: WorkingSet) -> tuple[int | None, dict[str, Evidence]]:
    proofs: dict[str, Evidence] = {}
    paths: list[categories.Path] = []
    said = False
    for node in value.category_ids or ():
        said = True
        path, problem = categories.path_of(node, ws.category_nodes)
        if problem is not None:
            proofs["category_badly_defined_at_source"] = {"category": node[:200], "problem": problem}
        if path:
            paths.append(path)
    for names in value.categories or ():
        said = True
        paths.append(tuple(names))
    for path in [path for path in paths if categories.too_long(path)]:
        paths.remove(path)
        proofs["category_badly_defined_at_source"] = {"category": " > ".join(path)[:200], "problem": "too_long"}
    choice = categories.choose(paths, ws.rules.products.category_policy)
    if choice.path is None:
        missing = ws.rules.products.category_policy != "none" and not proofs
        if missing and (said or value.categories is not UNSET or value.category_ids is not UNSET):
            proofs["category_missing"] = {"product": value.id or value.sku}
        return None, proofs
    if choice.rule is not None:
        proofs["category_ambiguous"] = categories.evidence(choice)
    return ensure_category(choice.path, ws), proofs


def ensure_category(path: categories.Path, ws: WorkingSet) -> int:
    """The category of that path: an existing one is reused, a missing one is created with those above it."""
    parent: int | None = None
    for depth in range(1, len(path) + 1):
        key = categories.SEPARATOR.join(path[:depth])
        found = ws.categories.get(key)
        if found is None:
            found = ws.new_id()
            ws.categories[key] = found
            ws.new_categories.append((found, key, path[depth - 1], parent, depth))
        parent = found
    assert parent is not None
    return parent
