"""Accounts of buyers and staff, and the keys that staff made for programs."""

from __future__ import annotations

from cuadra_simulators.woocommerce.model import Address, ApiKey, User
from cuadra_simulators.woocommerce.world import World


def add(world: World, email: str, *, login: str = "", first_name: str = "", last_name: str = "",
        role: str = "customer", billing: Address | None = None, shipping: Address | None = None) -> User:  # fmt: skip
    """A new account. An `updated` comes with every `created`."""
    user = User(
        world.take("user"), login or _free_login(world, email), email, world.now, world.now, first_name, last_name,
        role, billing=billing or Address(), shipping=shipping or Address(),
    )  # fmt: skip
    world.users[user.id] = user
    world.fire("woocommerce_new_customer", user.id)
    world.fire("woocommerce_update_customer", user.id)
    return user


def save(world: World, user: User) -> None:
    """Stamp a changed account and say so."""
    user.modified = world.now
    world.fire("woocommerce_update_customer", user.id)


def delete(world: World, user: User) -> None:
    """Remove an account. His orders lose him and get a new stamp, of which no order webhook tells."""
    del world.users[user.id]
    for key in [key for key in world.keys.values() if key.user_id == user.id]:
        del world.keys[key.consumer_key]
    for order in world.orders.values():
        if order.customer_id == user.id:
            order.customer_id, order.modified = 0, world.now
            world.index(order)
    if user.role == "customer":
        world.fire("delete_user", user.id)


def by_email(world: World, email: str) -> User | None:
    """The account of an address, whatever its case."""
    wanted = email.casefold()
    return next((user for user in world.users.values() if user.email.casefold() == wanted), None)


def add_key(world: World, user: User, permissions: str = "read_write") -> ApiKey:
    """A REST key that acts as the user."""
    key = ApiKey(world.take("key"), user.id, f"ck_{world.token(40)}", f"cs_{world.token(40)}", permissions)
    world.keys[key.consumer_key] = key
    return key


def _free_login(world: World, email: str) -> str:
    name = email.partition("@")[0].lower()
    taken = {user.login for user in world.users.values()}
    return next(login for login in (name, *(f"{name}{at}" for at in range(1, 10_000))) if login not in taken)
