"""A Shopify store to try things on: its world, its Admin API, its webhooks, its troubles, and the truth about it."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urlencode, urlsplit

from cuadra_simulators.clock import Clock
from cuadra_simulators.shopify.api import Api
from cuadra_simulators.shopify.bulk import Bulks
from cuadra_simulators.shopify.buying import Buying
from cuadra_simulators.shopify.cron import Cron
from cuadra_simulators.shopify.faults import Faults
from cuadra_simulators.shopify.graph.access import ALL_SCOPES, GROUPS, Access, App
from cuadra_simulators.shopify.graph.costs import MEASURED, Bucket, CostFunction
from cuadra_simulators.shopify.graph.costs import cost as counting
from cuadra_simulators.shopify.graph.execution import Executor
from cuadra_simulators.shopify.graph.fields import Lists
from cuadra_simulators.shopify.graph.registry import Context
from cuadra_simulators.shopify.history import History
from cuadra_simulators.shopify.life import Event, Life
from cuadra_simulators.shopify.model import Customer, Subscription
from cuadra_simulators.shopify.products import Catalogue
from cuadra_simulators.shopify.services import Services
from cuadra_simulators.shopify.settings import MEXICO, PLANS, ShopSettings
from cuadra_simulators.shopify.tokens import Tokens
from cuadra_simulators.shopify.truth import Truth
from cuadra_simulators.shopify.webhooks import PRIVACY, SECRET_LAG, Delivery, Hooks
from cuadra_simulators.shopify.world import Fired, World, unswept
from cuadra_simulators.web import Listener, Reply, Request, Sender, Wsgi, post

SOFTWARE = "cloudflare"
MEASURED_COST = counting(MEASURED)


class Shop:
    """A seeded shop with one app installed, `app`. In process at once; inside `with` it listens on loopback, at `url`.

    The same arguments make the same shop. `kind` is the app's (custom, admin or public), `approved` the groups of
    customer data that a public app was granted, `cost` counts what queries cost.
    """

    def __init__(
        self, seed: int = 1, *, orders: int = 60, days: int = 55, customers: int = 20, odd: bool = True,
        settings: ShopSettings = MEXICO, clock: Clock | None = None, port: int = 0, send: Sender = post,
        kind: str = "custom", scopes: Iterable[str] = ALL_SCOPES, approved: frozenset[str] | None = GROUPS,
        cost: CostFunction = MEASURED_COST,
    ) -> None:  # fmt: skip
        self.seed = seed
        self.settings = settings
        self.clock = clock or Clock()
        self.world = World(settings, self.clock, seed)
        self.faults = Faults(seed)
        self.apps: list[App] = []
        self.hooks = Hooks(self.world, self.faults, self.apps, send, signed=self._secret)
        self.bulks = Bulks(self.world, self.faults, lambda: self.url, self.hooks.on_fired)
        self.services = Services(self.world, self.faults, Lists(self.world, self.faults), self.hooks, self.bulks)
        self.bulks.context = lambda access: Context(self.services, access, self.world.now)
        self.tokens = Tokens(self.world)
        self._buckets: dict[int, Bucket] = {}
        self._rotated: dict[int, tuple[str, int]] = {}
        self.api = Api(self.services, Executor(self.services, cost), self.tokens, self.apps, self.bucket)
        self._address = f"https://{settings.domain}"
        self._port = port
        self._listener: Listener | None = None
        self._open(orders, days, customers, odd=odd)
        self.world.on_fired = self.hooks.on_fired
        self.truth = Truth(self.world, self.hooks)
        self.cron = Cron(self.world, self.hooks, self.bulks)
        self.life = Life(self.world, self.buying, random.Random(f"life {seed}"))
        self.app = self.install(kind=kind, scopes=scopes, approved=approved)
        self.token = self.tokens.permanent(self.app)

    def _open(self, orders: int, days: int, known: int, *, odd: bool) -> None:
        """The catalogue and the past, of which nobody is told."""
        rng = random.Random(f"history {self.seed}")
        self.world.quiet = True
        catalogue = Catalogue(self.world, rng)
        with self.world.action():
            catalogue.fill()
        self.buying = Buying(self.world, rng)
        self.past = History(self.world, self.buying, rng)
        with unswept():
            self.past.live(orders, days, known, odd=odd)
        self.odd = self.past.odd
        self.odd_products = catalogue.odd
        self.world.quiet = False

    def _secret(self, app: App) -> str:
        """What deliveries are signed with: the old secret for a while after a new one was made."""
        old, until = self._rotated.get(app.id, ("", 0))
        return old if self.world.now < until else app.client_secret

    def __enter__(self) -> Shop:
        self._listener = Listener(self.wsgi(), self._port)
        self._address = f"http://127.0.0.1:{self._listener.port}"
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cron.stop()
        if self._listener is not None:
            self._listener.stop()
            self._listener = None

    def wsgi(self) -> Wsgi:
        """The shop as an application for any WSGI client or server."""
        return Wsgi(self.api.answer, now=lambda: self.clock.now, software=SOFTWARE)

    @property
    def url(self) -> str:
        """Where the shop is."""
        return self._address

    @property
    def domain(self) -> str:
        """The shop's name at the platform."""
        return self.settings.domain

    @property
    def calls(self) -> Counter[str]:
        """Requests so far: «POST graphql {operation}», «POST oauth», «GET bulk»."""
        return self.api.calls

    def install(self, *, kind: str = "custom", scopes: Iterable[str] = ALL_SCOPES, name: str = "Cuadra",
                approved: frozenset[str] | None = GROUPS) -> App:  # fmt: skip
        """One more app."""
        with self.world.action():
            number = self.world.take("App")
            made = App(number, name, kind, self.world.token(32), f"shpss_{self.world.token(32)}", set(scopes), approved)
        self.apps.append(made)
        return made

    def bucket(self, app: App) -> Bucket:
        """The cost points of an app."""
        found = self._buckets.get(app.id)
        if found is None:
            rate = PLANS[self.world.plan][1]
            now = time.monotonic if self.settings.real_time_limits else lambda: float(self.clock.now)
            found = self._buckets[app.id] = Bucket(20 * rate, rate, now)
        return found

    def upgrade(self, plan: str) -> None:
        """Another plan: other limits, and other rights to customer data."""
        rate = PLANS[plan][1]
        with self.world.action():
            self.world.plan = plan
        for app in self.apps:
            self.bucket(app).resize(20 * rate, rate)

    def request(self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None,
                token: str | None = None) -> Reply:  # fmt: skip
        """Ask in process. A path without a leading slash stands below the Admin API's default version."""
        full = path if path.startswith("/") else f"/admin/api/{self.settings.default_version}/{path}"
        parts = urlsplit(full)
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", "X-Shopify-Access-Token": self.token if token is None else token}
        return self.api.answer(
            Request(method, parts.path, parts.query, {**given, **(headers or {})}, data, secure=True)
        )

    def graphql(self, query: str, variables: Mapping[str, Any] | None = None, *, token: str | None = None,
                version: str = "", headers: Mapping[str, str] | None = None) -> Any:  # fmt: skip
        """The JSON that a query is answered with."""
        path = f"/admin/api/{version or self.settings.default_version}/graphql.json"
        return self.request("POST", path, body={"query": query, "variables": variables or {}}, token=token,
                            headers=headers).json()  # fmt: skip

    def grant(self, **fields: str) -> Reply:
        """Ask for a token: `grant_type`, `client_id`, `client_secret`, `refresh_token`."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", "/admin/oauth/access_token", body=urlencode(fields).encode(), headers=form)

    def get(self, url: str) -> Reply:
        """Fetch an address of the shop in process: the file of a bulk operation."""
        parts = urlsplit(url)
        return self.api.answer(Request("GET", parts.path, parts.query))

    def subscribe(self, topic: str, url: str, *, app: App | None = None, specific: bool = False,
                  **given: Any) -> Subscription:  # fmt: skip
        """A subscription to «orders/create» and the like; `specific`: set up in the app, which survives failures."""
        return self.hooks.add(app or self.app, topic, url, given, specific=specific or topic in PRIVACY)

    def deliver(self) -> list[Delivery]:
        """Make the deliveries that are due now."""
        return self.hooks.run()

    def advance(self, seconds: int) -> list[Delivery]:
        """Let time pass, with deliveries, retries and bulk operations."""
        return self.cron.advance(seconds)

    @property
    def deliveries(self) -> list[Delivery]:
        """Every request that was made to receivers."""
        return list(self.hooks.sent)

    def live(self, events: int, *, act: str = "", deliver: bool = True) -> list[Event]:
        """So many random events, or of one kind. Between them the clock moves, with deliveries unless not."""
        done: list[Event] = []
        self.life.between = self.hooks.run if deliver else lambda: None
        for _ in range(events):
            done.append(self.life.step(act))
            if deliver:
                self.cron.advance(self.life.pause())
            else:
                self.clock.advance(self.life.pause())
        return done

    def rotate_secret(self, app: App | None = None) -> str:
        """A new client secret; deliveries are signed with the old one for up to an hour more."""
        chosen = app or self.app
        with self.world.action():
            self._rotated[chosen.id] = chosen.client_secret, self.world.now + SECRET_LAG
            chosen.client_secret = f"shpss_{self.world.token(32)}"
        return chosen.client_secret

    def revoke(self, app: App | None = None) -> None:
        """Take the tokens of an app away."""
        self.tokens.revoke(app or self.app)

    def uninstall(self, app: App | None = None) -> None:
        """Throw an app out: its tokens are dead at once, then it is told, and its subscriptions go."""
        chosen = app or self.app
        self.tokens.revoke(chosen)
        chosen.installed = False
        with self.world.lock:
            self.hooks.on_fired([Fired("app/uninstalled", None, "Shop")], chosen)
            for it in [it for it in self.hooks.subscriptions.values() if it.app_id == chosen.id]:
                if it.topic not in PRIVACY:
                    self.hooks.remove(it)

    def ask_privacy(self, topic: str, customer: Customer | None = None) -> None:
        """Send one of the three requests about personal data that every public app must take."""
        said: dict[str, Any] = {"shop_id": 61234567, "shop_domain": self.settings.domain}
        if customer is not None:
            said["customer"] = {"id": customer.id, "email": customer.email, "phone": customer.phone}
            said["orders_requested" if topic.endswith("request") else "orders_to_redact"] = list(customer.orders)
        if topic == "customers/data_request":
            said["data_request"] = {"id": self.world.take("BasicEvent")}
        with self.world.lock:
            self.hooks.on_fired([Fired(topic, customer, "Customer", said)])

    def access(self, app: App | None = None) -> Access:
        """What an app may see now."""
        return Access(app or self.app, self.world.plan, self.world.now)
