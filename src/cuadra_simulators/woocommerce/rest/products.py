"""`/products`, their variations and categories."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from cuadra_simulators.woocommerce import products
from cuadra_simulators.woocommerce.model import Product
from cuadra_simulators.woocommerce.rest.batch import run_batch
from cuadra_simulators.woocommerce.rest.context import CREATE, DELETE, EDIT, READ, Call, Route
from cuadra_simulators.woocommerce.rest.dates import within
from cuadra_simulators.woocommerce.rest.paging import answer_page, fields_of, pick_fields
from cuadra_simulators.woocommerce.rest.params import BOOLEAN, DATED, INTEGERS, PAGED, Param, Table
from cuadra_simulators.woocommerce.rest.wire import Answer, RestError
from cuadra_simulators.woocommerce.shapes import products as shapes
from cuadra_simulators.woocommerce.shapes.common import Json

TYPES = ("simple", "grouped", "external", "variable")
STATUSES = ("any", "future", "trash", "draft", "pending", "private", "publish")
ORDER_BY = ("date", "id", "include", "title", "slug", "modified", "popularity", "rating", "popularity", "rating",
            "menu_order", "price", "popularity", "rating")  # fmt: skip
_COMMON: Table = {
    **PAGED, **DATED, "order": Param(default="desc", choices=("asc", "desc")), "parent": Param(INTEGERS, ()),
    "slug": Param(), "status": Param(default="any", choices=STATUSES), "sku": Param(), "on_sale": Param(BOOLEAN),
    "min_price": Param(), "max_price": Param(),
    "stock_status": Param(choices=("instock", "outofstock", "onbackorder")),
}  # fmt: skip
LISTED: Table = {
    **_COMMON, "orderby": Param(default="date", choices=ORDER_BY), "type": Param(choices=TYPES),
    "featured": Param(BOOLEAN), "category": Param(), "tag": Param(),
}  # fmt: skip
VARIATIONS: Table = {**_COMMON, "orderby": Param(default="date", choices=(*ORDER_BY[:6], "menu_order"))}
VIEWED = {"context": Param(default="view", choices=("view", "edit"))}
FORCE = {"force": Param(BOOLEAN, default=False)}
WRITTEN: Table = {"status": Param(choices=STATUSES[1:]), "type": Param(choices=TYPES)}


def routes() -> list[Route]:
    """What hangs below these paths."""
    return [
        Route(READ, "products", list_products, "list", LISTED),
        Route(CREATE, "products", create, "create", WRITTEN),
        Route(READ, "products/{id}", get, "view", VIEWED),
        Route(EDIT, "products/{id}", update, "edit", WRITTEN),
        Route(DELETE, "products/{id}", delete, "delete", {**FORCE, **VIEWED}),
        Route(EDIT, "products/batch", batch, "batch"),
        Route(READ, "products/{product_id}/variations", list_variations, "list", VARIATIONS),
        Route(READ, "products/{product_id}/variations/{id}", get_variation, "view", VIEWED),
        Route(EDIT, "products/{product_id}/variations/{id}", update_variation, "edit"),
        Route(DELETE, "products/{product_id}/variations/{id}", delete_variation, "delete", {**FORCE, **VIEWED}),
    ]


def list_products(call: Call) -> Answer:
    """Products without their variations, which only a search by SKU brings up."""
    values = call.values
    if values["sku"]:
        wanted = [sku.casefold() for sku in values["sku"].split(",")]
        found = [p for p in call.world.products.values() if p.sku.casefold() in wanted]
    else:
        found = [p for p in call.world.products.values() if not p.parent]
    found = _filtered(call, found)
    view = call.view()
    return answer_page(call, found, lambda product: shapes.product(view, product), path="products")


def _filtered(call: Call, found: list[Product]) -> list[Product]:
    tests = _tests(call)
    found = [product for product in found if all(test(product) for test in tests)]
    values = call.values
    by: dict[str, Callable[[Product], Any]] = {
        "modified": lambda p: (p.modified, p.id), "id": lambda p: p.id, "slug": lambda p: p.slug,
        "title": lambda p: p.name.casefold(), "popularity": lambda p: (p.sold, p.id),
        "price": lambda p: Decimal(products.price_of(p) or 0), "include": lambda p: _place(values["include"], p.id),
    }  # fmt: skip
    backwards = values["order"] == "desc" and values["orderby"] != "include"
    return sorted(found, key=by.get(values["orderby"], lambda p: (p.created, p.id)), reverse=backwards)


def _place(included: list[int], number: int) -> int:
    return included.index(number) if number in included else 0


def _tests(call: Call) -> list[Callable[[Product], bool]]:
    values = call.values
    created, modified = within(values, call.world.settings.tz)
    wanted = values["status"]
    tests: list[Callable[[Product], bool]] = [
        lambda p: p.status != "trash" if wanted == "any" else p.status == wanted,
        lambda p: created(p.created) and modified(p.modified),
    ]
    for name, attribute in (("type", "type"), ("stock_status", "stock_status"), ("slug", "slug")):
        if values.get(name):
            tests.append(lambda p, name=name, at=attribute: getattr(p, at) == values[name])  # type: ignore[misc]
    if values["include"]:
        tests.append(lambda p: p.id in values["include"])
    if values["exclude"]:
        tests.append(lambda p: p.id not in values["exclude"])
    if values["on_sale"] is not None:
        tests.append(lambda p: bool(p.sale_price) == values["on_sale"])
    if values["search"]:
        text = values["search"].casefold()
        tests.append(lambda p: text in f"{p.name} {p.description}".casefold())
    if values.get("category"):
        below = products.descendants(call.world, int(values["category"]))
        tests.append(lambda p: bool(below & set(p.categories)))
    if values["min_price"]:
        tests.append(lambda p: Decimal(products.price_of(p) or 0) >= Decimal(values["min_price"]))
    if values["max_price"]:
        tests.append(lambda p: Decimal(products.price_of(p) or 0) <= Decimal(values["max_price"]))
    return tests


def _product(call: Call, status: int = 404) -> Product:
    found = call.world.products.get(call.number())
    if not found:
        raise RestError("woocommerce_rest_product_invalid_id", "Invalid ID.", status)
    return found


def get(call: Call) -> Answer:
    """One product or variation, in the trash or not."""
    shape = shapes.product(call.view(), _product(call))
    return Answer(pick_fields(shape, fields_of(call), keep=("_links",)))


def create(call: Call) -> Answer:
    """A new product."""
    product = _create(call, call.body)
    view = call.view(edit=True)
    return Answer(shapes.product(view, product), 201, [("Location", f"{view.api}/products/{product.id}")])


def _create(call: Call, body: dict[str, Any]) -> Product:
    world = call.world
    _check_sku(call, body, None)
    name = str(body.get("name", "Product"))
    product = Product(
        world.take("post"), name, products.slugify(name), str(body.get("type", "simple")), world.now, world.now
    )
    product.categories = [min(world.categories)]
    _write(call, product, body)
    world.products[product.id] = product
    world.fire("woocommerce_new_product", product.id)
    return product


def update(call: Call) -> Answer:
    """Change a product."""
    _product(call, 400)
    return Answer(shapes.product(call.view(edit=True), _update(call, call.number(), call.body)))


def _update(call: Call, number: int, body: dict[str, Any]) -> Product:
    product = call.world.products.get(number)
    if not product:
        raise RestError("woocommerce_rest_product_invalid_id", "Invalid ID.", 400)
    _check_sku(call, body, product)
    _write(call, product, body)
    products.save(call.world, product)
    return product


def _check_sku(call: Call, body: dict[str, Any], product: Product | None) -> None:
    other = products.by_sku(call.world, str(body["sku"])) if body.get("sku") else None
    if other and other is not product:
        unique = f"{body['sku']}-1"
        raise RestError(
            "product_invalid_sku", "Invalid or duplicated SKU.", 400, resource_id=other.id, unique_sku=unique
        )


def _write(call: Call, product: Product, body: dict[str, Any]) -> None:
    for name in ("name", "sku", "description", "tax_class", "weight", "backorders"):
        if name in body:
            setattr(product, name, str(body[name]))
    for name in ("regular_price", "sale_price"):
        if name in body:
            text = str(body[name])
            setattr(product, name, text if text.replace(".", "", 1).isdecimal() else "")
    for name in ("manage_stock", "virtual", "downloadable"):
        if name in body:
            setattr(product, name, bool(body[name]))
    if body.get("stock_quantity") is not None and product.manage_stock:
        product.stock = int(body["stock_quantity"])
        product.stock_status = "instock" if product.stock > 0 else "outofstock"
    if body.get("status"):
        products.set_status(call.world, product, body["status"])
    if body.get("categories"):
        product.categories = [int(at["id"]) for at in body["categories"] if int(at["id"]) in call.world.categories]
    for meta in body.get("meta_data") or []:
        call.world.set_meta(product.meta, meta["key"], meta.get("value"), sequence="post_meta")


def delete(call: Call) -> Answer:
    """To the trash, or with `force` for good."""
    return Answer(_delete(call, call.number(), force=call.values["force"]))


def _delete(call: Call, number: int, *, force: bool) -> Json:
    product = call.world.products.get(number)
    if not product:
        raise RestError("woocommerce_rest_product_invalid_id", "Invalid ID.", 404)
    shape = shapes.product(call.view(edit=True), product)
    if force:
        products.erase(call.world, product)
    elif product.status == "trash":
        raise RestError("woocommerce_rest_already_trashed", "The product has already been deleted.", 410)
    else:
        products.trash(call.world, product)
    return shape


def batch(call: Call) -> Answer:
    """Many products at once."""
    view = call.view(edit=True)
    return run_batch(
        call,
        create=lambda body: shapes.product(view, _create(call, body)),
        update=lambda body: shapes.product(view, _update(call, int(body["id"]), body)),
        delete=lambda number: _delete(call, number, force=True),
    )


def list_variations(call: Call) -> Answer:
    """The variations of a product; a simple one has none, with 200."""
    parent = call.world.products.get(call.number("product_id"))
    found = _filtered(call, products.variations_of(call.world, parent)) if parent else []
    view = call.view()
    path = f"products/{call.number('product_id')}/variations"
    return answer_page(call, found, lambda child: shapes.variation(view, child), path=path)


def _variation(call: Call) -> Product:
    found = call.world.products.get(call.number())
    if not found or found.parent != call.number("product_id"):
        raise RestError("woocommerce_rest_product_variation_invalid_id", "Invalid ID.", 404)
    return found


def get_variation(call: Call) -> Answer:
    """One variation of this product; of another it does not exist."""
    shape = shapes.variation(call.view(), _variation(call))
    return Answer(pick_fields(shape, fields_of(call), keep=("_links",)))


def update_variation(call: Call) -> Answer:
    """Change a variation: announced under its own number."""
    child = _variation(call)
    _check_sku(call, call.body, child)
    _write(call, child, call.body)
    products.save(call.world, child)
    return Answer(shapes.variation(call.view(), child))


def delete_variation(call: Call) -> Answer:
    """Delete a variation."""
    child = _variation(call)
    shape = shapes.variation(call.view(), child)
    if call.values["force"]:
        products.erase(call.world, child)
    else:
        products.trash(call.world, child)
    return Answer(shape)
