"""Shopify: shops on its platform, through the GraphQL Admin API and webhooks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from cuadra.connectors.base import (
    Delivery,
    Info,
    Offer,
    Ping,
    Place,
    Profile,
    Progress,
    Reader,
    Rejected,
    SettingSpec,
    Told,
)
from cuadra.connectors.http import Http, Pace, refuse_address
from cuadra.connectors.listing import looked
from cuadra.connectors.notices import check_address
from cuadra.connectors.shopify import catalogue, offers
from cuadra.connectors.shopify.answers import judge as judge_answer
from cuadra.connectors.shopify.client import VERSION, Client
from cuadra.connectors.shopify.hooks import TOPICS, judge
from cuadra.connectors.shopify.reader import read
from cuadra.connectors.shopify.shop import EDGE, ShopifyShop
from cuadra.connectors.shopify.tokens import SECRET, Tokens, judge_grant
from cuadra.errors import UsageError
from cuadra.model import Axis, Covered

_SETTINGS = (
    SettingSpec("shop", "The shop's own name: NAME.myshopify.com.",
                "El nombre propio de la tienda: NOMBRE.myshopify.com.", required=True),
    SettingSpec("access_token", "Token of the Admin API that lasts (shpat_…).",
                "Token de la Admin API que no vence (shpat_…).", secret=True),
    SettingSpec("client_id", "Client id of the app, where it asks for its tokens itself.",
                "Id de cliente de la app, si ella misma pide sus tokens.", secret=True),
    SettingSpec("client_secret", "Client secret of the app: it asks for tokens with it, and notices are signed with it.",
                "Secreto de cliente de la app: con él pide sus tokens, y con él van firmados los avisos.", secret=True),
    SettingSpec("refresh_token", "Refresh token of an app whose tokens last an hour; it is renewed by itself.",
                "Refresh token de una app cuyos tokens duran una hora; se renueva solo.", secret=True),
    SettingSpec("categories", "What a product's category is: type, taxonomy or collections; type without it.",
                "Qué es la categoría de un producto: type, taxonomy o collections; type si no se dice."),
    SettingSpec("history", "How older orders are fetched: pages, bulk, or auto, which takes bulk for many; auto without it.",
                "Cómo se traen los pedidos anteriores: pages, bulk, o auto, que usa bulk si son muchos; auto si no se dice."),
    SettingSpec("notices", "Public address of the intake, to which the shop sends its webhooks: https://hooks.example.",
                "Dirección pública de la recepción, a la que la tienda envía sus webhooks: https://hooks.example."),
    SettingSpec("points", "Points of the API a second, at most; 50 without it, which every plan has.",
                "Puntos de la API por segundo, como máximo; 50 si no se dice, que tiene cualquier plan."),
    SettingSpec("url", "Address at which the shop is reached, where it is not its own name.",
                "Dirección en la que se llega a la tienda, si no es su propio nombre."),
    SettingSpec("private", "«yes» for an address inside one's own network.",
                "«yes» para una dirección dentro de la propia red."),
    SettingSpec("simulated", "Set by the demo alone: its shop is simulated, and started by what asks it.",
                "Lo pone solo la demostración: su tienda es simulada, y la inicia lo que le pregunta."),
)  # fmt: skip
FIRST_IMPORT = timedelta(days=61)
"""About two calendar months, where the shop shows as much."""
OVERLAP = timedelta(minutes=35)
BUCKET = 10.0
"""So many seconds' worth of points may be used at once; a shop's own bucket holds twenty."""
PROFILES = (
    Profile("open", "Open orders: what is still to be sent (for an ERP).",
            "Pedidos abiertos: lo que falta enviar (para un ERP).",
            ("cancelled", "*/fulfilled", "*/returned", "refunded/*", "voided/*")),
    Profile("all", "All sales (for a CRM).", "Todas las ventas (para un CRM)."),
)  # fmt: skip
_SHOP = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com", re.IGNORECASE)


class ShopifyConnector:
    """The connector of Shopify shops; see `base.LiveConnector`."""

    info = Info("shopify", "Shopify", _SETTINGS, gives_stamps=True, live=True, profiles=PROFILES, store="shop",
                signed_by=SECRET, takes_file=True, headers="x-shopify-")  # fmt: skip
    topics = TOPICS

    def check(self, settings: dict[str, Any]) -> None:
        """There must be a shop's name."""
        if not _SHOP.fullmatch(str(settings.get("shop") or "")):
            raise UsageError("The shopify connector needs the shop's own name: --set shop=NAME.myshopify.com.")
        for name, known in (
            ("categories", catalogue.CATEGORIES),
            ("history", (offers.AUTO, offers.PAGES, offers.BULK)),
        ):
            if settings.get(name) and settings[name] not in known:
                raise UsageError("{name} is one of {known}, not «{value}».", name=name, known=", ".join(known),
                                 value=settings[name])  # fmt: skip
        points = str(settings.get("points") or "50")
        if not re.fullmatch(r"\d{1,5}(\.\d+)?", points) or float(points) <= 0:
            raise UsageError("points is a number above 0, not «{value}».", value=points)
        if settings.get("url"):
            refuse_address(settings["url"], private=settings.get("private") == "yes")
        check_address(str(settings.get("notices") or ""))

    def shop(self, settings: dict[str, Any], place: Place) -> ShopifyShop:
        """A connection. Raises UsageError without credentials."""
        base = str(settings.get("url") or f"https://{settings['shop']}").rstrip("/")
        private = settings.get("private") == "yes"
        if settings.get("notices") and SECRET not in place.secrets:
            raise UsageError(
                "The shop's {name} is missing; set it: cuadra integration set NAME --secret {name}=-.", name=SECRET
            )
        points = float(settings.get("points") or 50)
        pace = (place.pace or Pace)(points, points * BUCKET)

        def make(address: str, headers: dict[str, str]) -> Http:
            return Http(address, judge_answer, pace=pace, headers=headers, private=private, timeout=place.patience)

        door = Http(base, judge_grant, pace=pace, private=private, timeout=place.patience)
        tokens = Tokens(door, place.secrets, place.vault, place.now)
        client = Client(base, settings["shop"], door, tokens, make, pace, VERSION)
        return ShopifyShop(client, door, place, str(settings.get("categories") or catalogue.TYPE), self.info.settle)

    def judge(self, settings: dict[str, Any], headers: Mapping[str, str], body: bytes,
              secret: str) -> Ping | Delivery | Told | Rejected:  # fmt: skip
        """Is it from there, and what does it speak of?"""
        return judge(headers, body, secret, settings["shop"])

    def open(self, settings: dict[str, Any], place: Place) -> ShopifyShop:
        """Connect."""
        return self.shop(settings, place)

    def offers(self, settings: dict[str, Any], place: Place, progress: Progress) -> list[Offer]:
        """The catalogue, and the first orders or what has changed since the last look."""
        shop = self.shop(settings, place)
        history = str(settings.get("history") or offers.AUTO)
        if place.file is not None:
            return [offers.from_file(shop, place.file, place.work)]
        wall = shop.wall()
        horizon = place.since or place.now() - FIRST_IMPORT
        found: list[Offer] = [offers.catalogue(shop, looked(place, offers.CATALOGUE, OVERLAP) or offers.BEGINNING)]
        if looked(place, offers.CUSTOMERS, OVERLAP) is None and "read_customers" in shop.scopes():
            found.append(offers.customers(shop))
        since = looked(place, "", OVERLAP)
        if since is None:
            return [*found, offers.first(shop, horizon, wall, history, place.work)]
        whole = [one for one in place.covered if not one.filter]
        begun = min((one.start for one in whole if one.axis is Axis.CREATED), default=None)
        start = max(horizon, wall + EDGE) if wall else horizon
        if begun is not None and start < begun:
            found.append(offers.earlier(shop, start, begun, history, place.work))
        veiled = _veiled(whole)
        if veiled and wall is None:  # nothing is kept from us any more: what changed behind the wall meanwhile, once
            return [*found, offers.changes(shop, min(since, *(one.start for one in veiled)), None)]
        reach = min((one.reach for one in veiled if one.reach is not None), default=None)
        if wall is not None and since < wall:  # what was made while nobody looked, and is not shown any more
            reach = max(filter(None, (reach, wall + EDGE)))
        return [*found, offers.changes(shop, since, reach)]

    def reader(self, description: dict[str, Any], place: Place) -> Reader:
        """The same reader for everything, today and in a year."""
        return read


def _veiled(covered: Sequence[Covered]) -> list[Covered]:
    """Looks at changes that were not shown everything, but for those that a later and longer look has made good."""
    looks = [one for one in covered if one.axis is Axis.UPDATED]
    whole = [one for one in looks if one.reach is None]
    return [one for one in looks if one.reach is not None
            and not any(other.start <= one.start and other.read_at >= one.read_at for other in whole)]  # fmt: skip
