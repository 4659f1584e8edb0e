"""A WooCommerce shop to try things on: its world, its REST face, its webhooks, its troubles, and the truth about it."""

from __future__ import annotations

import json
import random
import tempfile
from base64 import b64encode
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from cuadra_simulators.woocommerce import customers, history
from cuadra_simulators.woocommerce.clock import Clock
from cuadra_simulators.woocommerce.cron import Cron
from cuadra_simulators.woocommerce.desk import Desk
from cuadra_simulators.woocommerce.faults import Faults
from cuadra_simulators.woocommerce.life import Event, Life
from cuadra_simulators.woocommerce.model import ApiKey, User, Webhook
from cuadra_simulators.woocommerce.rest.api import Api
from cuadra_simulators.woocommerce.rest.context import Services
from cuadra_simulators.woocommerce.rest.wire import Reply, Request
from cuadra_simulators.woocommerce.sending import Sender, post
from cuadra_simulators.woocommerce.server import Listener, Wsgi, certificate
from cuadra_simulators.woocommerce.settings import ARGENTINA, ShopSettings
from cuadra_simulators.woocommerce.shapes.common import to_json
from cuadra_simulators.woocommerce.truth import Truth
from cuadra_simulators.woocommerce.webhooks import Delivery, Dispatcher
from cuadra_simulators.woocommerce.world import World

IN_PROCESS = "http://tienda.example"


class Shop:
    """A seeded shop. In process at once; inside `with` it listens on loopback, at `url`.

    The same arguments make the same shop, byte for byte. `secure` makes plain HTTP count as TLS, as behind a proxy;
    `forwarded` lets `X-Forwarded-Proto` say so; `tls` opens an https listener with the certificate `ca`.
    """

    def __init__(
        self, seed: int = 1, *, orders: int = 60, days: int = 60, customers: int = 20,
        settings: ShopSettings = ARGENTINA, clock: Clock | None = None, port: int = 0, tls: bool = False,
        secure: bool = False, forwarded: bool = False, send: Sender = post, webhook_timeout: float = 60.0,
    ) -> None:  # fmt: skip
        self.seed = seed
        self.settings = settings
        self.clock = clock or Clock()
        self.world = World(settings, self.clock, seed)
        self.faults = Faults(seed)
        self.dispatcher = Dispatcher(self.world, self.faults, self._home, self._body, send, webhook_timeout)
        self._address = settings.site_url or IN_PROCESS
        self._tls, self._port = tls, port
        self._secure, self._forwarded = secure, forwarded
        self.api = Api(Services(self.world, self.faults, self.dispatcher, self.site))
        self.ca: Path | None = None
        self._stack = ExitStack()
        self._open(orders, days, customers)
        self.world.on_fired = self.dispatcher.on_fired
        self.truth = Truth(self.world, self.dispatcher)
        self.cron = Cron(self.world, self.dispatcher)
        self.life = Life(self.world, self._buying, random.Random(f"life {seed}"))
        self.desk = Desk(self.world, self._buying)

    def _open(self, orders: int, days: int, registered: int) -> None:
        """The staff and their keys, then the catalogue, the accounts and the past."""
        self.world.start_at("post", 10)
        with self.world.request():
            self.admin = self._staff("admin", "administrator")
            self.clerk = self._staff("bodega", "customer")
            self.key = customers.add_key(self.world, self.admin)
            self.read_key = customers.add_key(self.world, self.admin, "read")
            self.write_key = customers.add_key(self.world, self.admin, "write")
            self.powerless_key = customers.add_key(self.world, self.clerk)
        rng = random.Random(f"history {self.seed}")
        self._buying, self.odd = history.fill(self.world, rng, many=orders, days=days, registered=registered)

    def _staff(self, login: str, role: str) -> User:
        user = customers.add(self.world, f"{login}@tienda.example", login=login, role=role)
        user.modified = None
        return user

    def __enter__(self) -> Shop:
        app = self.wsgi()
        pair = None
        if self._tls:
            pair = certificate(Path(self._stack.enter_context(tempfile.TemporaryDirectory())))
            self.ca = pair[0]
        listener = Listener(app, self._port, tls=pair)
        if not self.settings.site_url:
            self._address = f"{'https' if self._tls else 'http'}://127.0.0.1:{listener.port}"
        listener.start()
        self._stack.callback(listener.stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cron.stop()
        self._stack.close()

    def wsgi(self) -> Wsgi:
        """The shop as an application for any WSGI client or server."""
        return Wsgi(self.api.answer, now=lambda: self.clock.now, secure=self._secure, forwarded=self._forwarded,
                    gzipped=self.settings.gzip)  # fmt: skip

    @property
    def url(self) -> str:
        """Where the shop is."""
        return self._address

    def site(self, secure: bool) -> str:
        """The address that links begin with: the shop's own, or in process one that goes with the request."""
        if self._address != IN_PROCESS:
            return self._address
        host = IN_PROCESS.partition("://")[2]
        return f"{'https' if secure else 'http'}://{host}"

    def _home(self) -> str:
        return self._address

    def request(self, method: str, path: str, *, params: dict[str, Any] | None = None, body: Any = None,
                key: ApiKey | None = None, anonymous: bool = False, secure: bool = True) -> Reply:  # fmt: skip
        """Ask the REST face in process: `shop.request("GET", "orders", params={"per_page": 5})`, with the main key.

        A path with a leading slash is taken as it is; others stand below `/wp-json/wc/v3/`.
        """
        headers = {"Content-Type": "application/json"}
        if not anonymous:
            headers["Authorization"] = f"Basic {b64encode(':'.join((key or self.key).basic).encode()).decode()}"
        full = path if path.startswith("/") else f"/wp-json/wc/v3/{path}"
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.api.answer(Request(method, full, urlencode(params or {}), headers, data, secure))

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a path, read with the main key."""
        return self.request("GET", path, params=params).json()

    def _body(self, webhook: Webhook, argument: int) -> bytes:
        """What a webhook sends now: what its owner would read. It may be an error, signed like everything else."""
        if webhook.resource == "action":
            return to_json({"action": webhook.event, "arg": argument})
        if webhook.event == "deleted":
            return to_json({"id": argument})
        path = f"/wp-json/wc/v3/{webhook.resource}s/{argument}"
        return self.api.internal(path, self.world.users.get(webhook.user_id), secure=self._address.startswith("https"))

    def subscribe(self, topic: str, url: str, *, secret: str = "", user: User | None = None) -> Webhook:
        """A webhook made by the merchant himself, in the name of a user; it is pinged."""
        with self.world.request():
            number, owner = self.world.take("webhook"), user or self.admin
            made = Webhook(number, topic, topic, url, secret or self.world.token(50), owner.id, self.world.now)
            self.world.webhooks[number] = made
        self.dispatcher.ping(made)
        return made

    def deliver(self) -> list[Delivery]:
        """Work off the delivery queue now, whatever the clock says of its minute."""
        return self.dispatcher.run()

    def advance(self, seconds: int) -> list[Delivery]:
        """Let time pass, with cron and deliveries."""
        return self.cron.advance(seconds)

    @property
    def deliveries(self) -> list[Delivery]:
        """Every request that was made to receivers, pings too."""
        return list(self.dispatcher.sent)

    def live(self, events: int, *, act: str = "", deliver: bool = True) -> list[Event]:
        """So many random events, or of one kind. Between them the clock moves, with cron and deliveries unless not."""
        done: list[Event] = []
        self.life.between = self.dispatcher.run if deliver else lambda: None
        for _ in range(events):
            done.append(self.life.step(act))
            pause = self.life.pause()
            if deliver:
                self.cron.advance(pause)
            else:
                self.clock.advance(pause)
        return done

    def revoke(self, key: ApiKey) -> None:
        """Take a key away: from now on it is unknown."""
        self.world.keys.pop(key.consumer_key, None)

    def demote(self, user: User) -> None:
        """Take the rights of a user, and with them those of his keys and webhooks."""
        user.role = "customer"

    def register_status(self, slug: str, name: str) -> None:
        """A plugin brings an order status of its own."""
        self.world.statuses[slug] = name
        self.api.reload()

    @property
    def calls(self) -> Counter[str]:
        """Requests so far, by «METHOD route»."""
        return self.api.calls
