"""`/customers` and `/coupons`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from cuadra_simulators.woocommerce import customers
from cuadra_simulators.woocommerce.model import Address, User
from cuadra_simulators.woocommerce.rest.batch import run_batch
from cuadra_simulators.woocommerce.rest.context import CREATE, DELETE, EDIT, READ, Call, Route
from cuadra_simulators.woocommerce.rest.paging import answer_page, fields_of, pick_fields
from cuadra_simulators.woocommerce.rest.params import BOOLEAN, DATED, EMAIL, PAGED, Param, Table, is_email
from cuadra_simulators.woocommerce.rest.wire import Answer, RestError
from cuadra_simulators.woocommerce.shapes import others as shapes
from cuadra_simulators.woocommerce.shapes.common import Json

ROLES = ("all", "administrator", "editor", "author", "contributor", "subscriber", "customer", "shop_manager")
LISTED: Table = {
    **PAGED, "order": Param(default="asc", choices=("asc", "desc")),
    "orderby": Param(default="name", choices=("id", "include", "name", "registered_date")),
    "email": Param(EMAIL), "role": Param(default="customer", choices=ROLES),
}  # fmt: skip
FORCE = {"force": Param(BOOLEAN, default=False)}
EXISTS = (
    "An account is already registered with your email address. "
    '<a href="#" class="showlogin">Please log in.</a>'
)  # fmt: skip


def routes() -> list[Route]:
    """What hangs below these paths."""
    coupons: Table = {**PAGED, **DATED, "code": Param()}
    return [
        Route(READ, "customers", list_customers, "list", LISTED),
        Route(CREATE, "customers", create, "create", {"email": Param(EMAIL, required=True)}),
        Route(READ, "customers/{id}", get, "view"),
        Route(EDIT, "customers/{id}", update, "edit", {"email": Param(EMAIL)}),
        Route(DELETE, "customers/{id}", delete, "delete", FORCE),
        Route(EDIT, "customers/batch", batch, "batch"),
        Route(READ, "customers/{customer_id}/downloads", _no_downloads, "view"),
        Route(READ, "coupons", list_coupons, "list", coupons),
        Route(READ, "coupons/{id}", get_coupon, "view"),
    ]


def list_customers(call: Call) -> Answer:
    """Accounts, of customers only unless another role is asked for. No filter of time exists."""
    values = call.values
    tests: list[Callable[[User], bool]] = []
    if values["role"] != "all":
        tests.append(lambda user: user.role == values["role"])
    if values["email"]:
        tests.append(lambda user: user.email.casefold() == values["email"].casefold())
    if values["search"]:
        text = values["search"].casefold()
        tests.append(lambda user: text in f"{user.login} {user.email}".casefold())
    if values["include"]:
        tests.append(lambda user: user.id in values["include"])
    if values["exclude"]:
        tests.append(lambda user: user.id not in values["exclude"])
    found = [user for user in call.world.users.values() if all(test(user) for test in tests)]
    by: dict[str, Callable[[User], Any]] = {
        "id": lambda user: user.id, "registered_date": lambda user: (user.created, user.id),
    }  # fmt: skip
    found.sort(key=by.get(values["orderby"], lambda user: (user.login, user.id)), reverse=values["order"] == "desc")
    view = call.view()
    return answer_page(call, found, lambda user: shapes.customer(view, user), path="customers")


def _user(call: Call, number: int, status: int = 404) -> User:
    found = call.world.users.get(number)
    if not found:
        raise RestError("woocommerce_rest_invalid_id", "Invalid resource ID.", status)
    return found


def get(call: Call) -> Answer:
    """One account, whatever its role."""
    shape = shapes.customer(call.view(), _user(call, call.number()))
    return Answer(pick_fields(shape, fields_of(call), keep=("_links",)))


def create(call: Call) -> Answer:
    """A new account."""
    user = _create(call, call.body)
    view = call.view()
    return Answer(shapes.customer(view, user), 201, [("Location", f"{view.api}/customers/{user.id}")])


def _create(call: Call, body: dict[str, Any]) -> User:
    email = str(body.get("email", ""))
    if not is_email(email):
        raise RestError("customer_invalid_email", "Invalid email address", 400)
    if customers.by_email(call.world, email):
        raise RestError("registration-error-email-exists", EXISTS, 400)
    user = customers.add(call.world, email, login=str(body.get("username", "")))
    _write(call, user, body)
    return user


def update(call: Call) -> Answer:
    """Change an account."""
    return Answer(shapes.customer(call.view(), _update(call, call.number(), call.body)))


def _update(call: Call, number: int, body: dict[str, Any]) -> User:
    user = _user(call, number, 400)
    _write(call, user, body)
    customers.save(call.world, user)
    return user


def _write(call: Call, user: User, body: dict[str, Any]) -> None:
    for name in ("email", "first_name", "last_name"):
        if name in body:
            setattr(user, name, str(body[name]))
    for address, given in ((user.billing, body.get("billing")), (user.shipping, body.get("shipping"))):
        for part in fields(Address):
            if given and part.name in given:
                setattr(address, part.name, str(given[part.name] or ""))
    for meta in body.get("meta_data") or []:
        call.world.set_meta(user.meta, meta["key"], meta.get("value"), sequence="user_meta")


def delete(call: Call) -> Answer:
    """Delete an account for good; there is no trash for people."""
    user = _user(call, call.number())
    if not call.values["force"]:
        raise RestError("woocommerce_rest_trash_not_supported", "Customers do not support trashing.", 501)
    return Answer(_delete(call, user))


def _delete(call: Call, user: User) -> Json:
    shape = shapes.customer(call.view(), user)
    customers.delete(call.world, user)
    return shape


def batch(call: Call) -> Answer:
    """Many accounts at once."""
    view = call.view()
    return run_batch(
        call,
        create=lambda body: shapes.customer(view, _create(call, body)),
        update=lambda body: shapes.customer(view, _update(call, int(body["id"]), body)),
        delete=lambda number: _delete(call, _user(call, number)),
    )


def _no_downloads(call: Call) -> Answer:
    _user(call, call.number("customer_id"))
    return Answer([])


def list_coupons(call: Call) -> Answer:
    """Discount codes, newest first; a code is found whatever its case."""
    code = call.values["code"]
    found = [coupon for coupon in call.world.coupons.values() if not code or coupon.code == code.lower()]
    found.sort(key=lambda coupon: -coupon.id)
    view = call.view()
    return answer_page(call, found, lambda coupon: shapes.coupon(view, coupon), path="coupons")


def get_coupon(call: Call) -> Answer:
    """One discount code."""
    found = call.world.coupons.get(call.number())
    if not found:
        raise RestError("woocommerce_rest_shop_coupon_invalid_id", "Invalid ID.", 404)
    return Answer(pick_fields(shapes.coupon(call.view(), found), fields_of(call), keep=("_links",)))
