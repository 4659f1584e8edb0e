"""`/products/categories`, and the other small lists of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unicodedata import combining, normalize

from cuadra_simulators.woocommerce import products
from cuadra_simulators.woocommerce.catalogue import COLOURS, NAMES, SIZES
from cuadra_simulators.woocommerce.model import Category
from cuadra_simulators.woocommerce.rest.context import CREATE, DELETE, EDIT, READ, Call, Route
from cuadra_simulators.woocommerce.rest.paging import answer_page, fields_of, pick_fields
from cuadra_simulators.woocommerce.rest.params import BOOLEAN, INTEGER, PAGED, Param, Table
from cuadra_simulators.woocommerce.rest.wire import Answer, RestError
from cuadra_simulators.woocommerce.shapes import products as shapes
from cuadra_simulators.woocommerce.shapes.common import Json

LISTED: Table = {
    **PAGED, "order": Param(default="asc", choices=("asc", "desc")),
    "orderby": Param(default="name", choices=("id", "include", "name", "slug", "term_group", "description", "count")),
    "hide_empty": Param(BOOLEAN, default=False), "parent": Param(INTEGER), "product": Param(INTEGER), "slug": Param(),
}  # fmt: skip
FORCE = {"force": Param(BOOLEAN, default=False)}


def routes() -> list[Route]:
    """What hangs below these paths."""
    return [
        Route(READ, "products/categories", list_categories, "list", LISTED),
        Route(CREATE, "products/categories", create, "create", {"name": Param(required=True)}),
        Route(READ, "products/categories/{id}", get, "term"),
        Route(EDIT, "products/categories/{id}", update, "term"),
        Route(DELETE, "products/categories/{id}", delete, "term", FORCE),
        Route(READ, "products/tags", list_tags, "list", PAGED),
        Route(READ, "products/shipping_classes", _nothing, "list", PAGED),
        Route(READ, "products/attributes", list_attributes, "list"),
        Route(READ, "products/attributes/{attribute_id}/terms", list_terms, "list", PAGED),
    ]


def list_categories(call: Call) -> Answer:
    """Categories by name. There is no filter by modification: categories carry no stamp."""
    values, world = call.values, call.world
    view = call.view()
    counts = {c.id: shapes.category(view, c, alone=False)["count"] for c in world.categories.values()}
    tests: list[Callable[[Category], bool]] = []
    if values["parent"] is not None:
        tests.append(lambda c: c.parent == values["parent"])
    if values["hide_empty"]:
        tests.append(lambda c: counts[c.id] > 0)
    if values["include"]:
        tests.append(lambda c: c.id in values["include"])
    if values["exclude"]:
        tests.append(lambda c: c.id not in values["exclude"])
    if values["slug"]:
        tests.append(lambda c: c.slug == values["slug"])
    if values["search"]:
        tests.append(lambda c: values["search"].casefold() in c.name.casefold())
    if values["product"]:
        product = world.products.get(values["product"])
        tests.append(lambda c: bool(product and c.id in product.categories))
    found = [c for c in world.categories.values() if all(test(c) for test in tests)]
    by: dict[str, Callable[[Category], Any]] = {
        "id": lambda c: c.id, "slug": lambda c: c.slug, "count": lambda c: (counts[c.id], c.id),
    }  # fmt: skip
    found.sort(key=by.get(values["orderby"], lambda c: (_collated(c.name), c.slug)), reverse=values["order"] == "desc")
    return answer_page(call, found, lambda c: shapes.category(view, c, alone=False), path="products/categories")


def _collated(name: str) -> str:
    """As the database compares: neither case nor accents count."""
    return "".join(c for c in normalize("NFKD", name.casefold()) if not combining(c))


def _category(call: Call) -> Category:
    return call.world.categories[call.number()]


def get(call: Call) -> Answer:
    """One category, which here counts only its own products."""
    shape = shapes.category(call.view(), _category(call), alone=True)
    return Answer(pick_fields(shape, fields_of(call), keep=("_links",)))


def create(call: Call) -> Answer:
    """A new category; a name may come again only below another parent."""
    world, name = call.world, str(call.values["name"])
    parent = int(call.body.get("parent", 0))
    for category in world.categories.values():
        if category.parent == parent and category.name.casefold() == name.casefold():
            text = "A term with the name provided already exists with this parent."
            raise RestError("term_exists", text, 400, resource_id=category.id)
    category = Category(world.take("term"), name, products.slugify(name), parent)
    world.categories[category.id] = category
    view = call.view()
    location = f"{view.api}/products/categories/{category.id}"
    return Answer(shapes.category(view, category, alone=True), 201, [("Location", location)])


def update(call: Call) -> Answer:
    """Rename or move a category. No product says so."""
    category = _category(call)
    category.name = str(call.body.get("name", category.name))
    category.parent = int(call.body.get("parent", category.parent))
    return Answer(shapes.category(call.view(), category, alone=True))


def delete(call: Call) -> Answer:
    """Delete a category: its products fall back to the default one, its children to its parent."""
    if not call.values["force"]:
        raise RestError("woocommerce_rest_trash_not_supported", "Resource does not support trashing.", 501)
    category = _category(call)
    shape = shapes.category(call.view(), category, alone=True)
    del call.world.categories[category.id]
    for child in call.world.categories.values():
        if child.parent == category.id:
            child.parent = category.parent
    for product in call.world.products.values():
        if category.id in product.categories:
            product.categories.remove(category.id)
            product.categories = product.categories or [min(call.world.categories)]
    return Answer(shape)


def list_tags(call: Call) -> Answer:
    """Tags are flat."""
    view = call.view()

    def shape(tag: tuple[int, str]) -> Json:
        return {
            "id": tag[0], "name": tag[1], "slug": products.slugify(tag[1]), "description": "",
            "count": sum(tag[0] in product.tags for product in call.world.products.values()),
            "_links": view.links(f"products/tags/{tag[0]}"),
        }  # fmt: skip

    return answer_page(call, list(call.world.tags.items()), shape, path="products/tags")


def list_attributes(call: Call) -> Answer:
    """What variations differ in; not paged."""
    view = call.view()
    numbered = sorted(zip((1, 2), NAMES.items(), strict=True), key=lambda pair: pair[1][1])
    return Answer([
        {
            "id": at, "name": name, "slug": slug, "type": "select", "order_by": "menu_order", "has_archives": False,
            "_links": view.links(f"products/attributes/{at}"),
        }
        for at, (slug, name) in numbered
    ])  # fmt: skip


def list_terms(call: Call) -> Answer:
    """The options of an attribute."""
    at = call.number("attribute_id")
    options = {1: SIZES, 2: COLOURS}.get(at)
    if not options:
        raise RestError("woocommerce_rest_taxonomy_invalid", "Resource does not exist.", 404)
    slug = list(NAMES)[at - 1]
    view = call.view()

    def shape(term: tuple[int, str]) -> Json:
        used = sum(
            1 for p in call.world.products.values() for a in p.attributes if a.slug == slug and term[1] in a.options
        )
        return {
            "id": 100 * at + term[0], "name": term[1], "slug": products.slugify(term[1]), "description": "",
            "menu_order": 0, "count": used,
            "_links": view.links(f"products/attributes/{at}/terms/{100 * at + term[0]}"),
        }  # fmt: skip

    return answer_page(
        call, sorted(enumerate(options), key=lambda it: it[1]), shape, path=f"products/attributes/{at}/terms"
    )


def _nothing(call: Call) -> Answer:
    return answer_page(call, [], lambda item: item, path=call.request.path.partition("/wc/v3/")[2])
