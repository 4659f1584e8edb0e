"""What a route's handler is given: the parsed request, who asks, and ways to answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cuadra_simulators.woocommerce.faults import Faults
from cuadra_simulators.woocommerce.model import User
from cuadra_simulators.woocommerce.rest.params import Param, nested
from cuadra_simulators.woocommerce.rest.wire import Answer, Request, RestError, cannot
from cuadra_simulators.woocommerce.shapes.common import View
from cuadra_simulators.woocommerce.webhooks import Dispatcher
from cuadra_simulators.woocommerce.world import World


@dataclass(slots=True)
class Services:
    """What the REST face stands on."""

    world: World
    faults: Faults
    dispatcher: Dispatcher
    site: Callable[[bool], str]
    """The shop's address, for requests over TLS or not."""


@dataclass(slots=True)
class Call:
    """One request on its way through a route."""

    services: Services
    request: Request
    user: User | None
    captured: dict[str, int | str] = field(default_factory=dict)
    """Numbers and names from the path."""
    values: dict[str, Any] = field(default_factory=dict)
    """Parameters of the route's table, checked."""
    body: dict[str, Any] = field(default_factory=dict)
    """The JSON body, or an empty object."""
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    """Done before the answer goes out, when nobody is kept waiting for the shop's state."""

    @property
    def world(self) -> World:
        """The shop's state."""
        return self.services.world

    def number(self, name: str = "id") -> int:
        """A number from the path."""
        return int(self.captured[name])

    def text(self, name: str) -> str:
        """A text from the path."""
        return str(self.captured[name])

    def view(self, *, many: bool = False, edit: bool | None = None) -> View:
        """How this client sees things."""
        decimals = self.values.get("dp")
        editing = self.values.get("context") == "edit" if edit is None else edit
        return View(self.world, self.services.site(self.request.secure),
                    self.world.settings.decimals if decimals is None else decimals, editing, many)  # fmt: skip

    def given(self) -> dict[str, Any]:
        """Parameters of address and body together; the address wins."""
        return {**self.body, **nested(self.request.query)}

    def refuse(self, what: str) -> RestError:
        """Not allowed, in the words for strangers or for those who are known."""
        return cannot(what, 403 if self.user else 401)

    def must_manage(self, what: str) -> None:
        """Only the shop's staff goes on."""
        if not self.user or not self.user.manages:
            raise self.refuse(what)


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A path's method: its table of parameters, who may, and what it does."""

    methods: tuple[str, ...]
    pattern: str
    """Below `/wc/v3`, with names in braces: `orders/{id}`. Numbers only, unless the name ends in `*`."""
    handler: Handler
    permission: str = "list"
    table: dict[str, Param] = field(default_factory=dict)


READ, CREATE, EDIT, DELETE = ("GET",), ("POST",), ("POST", "PUT", "PATCH"), ("DELETE",)
