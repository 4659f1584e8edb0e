"""WooCommerce: shops that run on WordPress, through the REST API v3 and webhooks."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cuadra.connectors.base import Delivery, Info, Offer, Ping, Place, Profile, Progress, Reader, Rejected, SettingSpec
from cuadra.connectors.http import Pace, Verify, refuse_address
from cuadra.connectors.listing import looked
from cuadra.connectors.notices import check_address
from cuadra.connectors.woocommerce import offers
from cuadra.connectors.woocommerce.client import Client
from cuadra.connectors.woocommerce.hooks import TOPICS, judge
from cuadra.connectors.woocommerce.reader import read
from cuadra.connectors.woocommerce.shop import WooShop
from cuadra.errors import UsageError
from cuadra.model import Axis

_SETTINGS = (
    SettingSpec("url", "Address of the shop, with the folder it lives in.",
                "Dirección de la tienda, con la carpeta en la que vive.", required=True),
    SettingSpec("consumer_key", "Consumer key of the REST API (ck_…).",
                "Clave de consumidor de la API REST (ck_…).", required=True, secret=True),
    SettingSpec("consumer_secret", "Consumer secret of the REST API (cs_…).",
                "Secreto de consumidor de la API REST (cs_…).", required=True, secret=True),
    SettingSpec("private", "«yes» for a shop inside one's own network.",
                "«yes» para una tienda dentro de la propia red."),
    SettingSpec("notices", "Public address of the intake, to which the shop sends its webhooks: https://hooks.example.",
                "Dirección pública de la recepción, a la que la tienda envía sus webhooks: https://hooks.example."),
    SettingSpec("certificate", "File (PEM) of the authority that vouches for the shop, where it is one's own.",
                "Archivo (PEM) de la autoridad que responde por la tienda, si es propia.", place=True),
    SettingSpec("pace", "Calls a second, at most; 2 without it.", "Llamadas por segundo, como máximo; 2 si no se dice."),
    SettingSpec("simulated", "Set by the demo alone: its shop is simulated, and started by what asks it.",
                "Lo pone solo la demostración: su tienda es simulada, y la inicia lo que le pregunta."),
)  # fmt: skip
FIRST_IMPORT = timedelta(days=61)
"""About two calendar months; the shop itself has no window."""
OVERLAP = timedelta(minutes=35)


PROFILES = (
    Profile("open", "Open orders: what is still to be done (for an ERP).",
            "Pedidos abiertos: lo que falta hacer (para un ERP).",
            ("completed", "cancelled", "refunded", "failed", "trash")),
    Profile("all", "All sales (for a CRM).", "Todas las ventas (para un CRM)."),
)  # fmt: skip


class WooCommerceConnector:
    """The connector of WooCommerce shops; see `base.LiveConnector`."""

    info = Info("woocommerce", "WooCommerce", _SETTINGS, gives_stamps=True, live=True, profiles=PROFILES,
                completion="completed", store="url", headers="x-wc-")  # fmt: skip
    topics = TOPICS

    def check(self, settings: dict[str, Any]) -> None:
        """There must be an address of a shop."""
        if not settings.get("url"):
            raise UsageError("The woocommerce connector needs the shop's address: --set url=https://shop.example.")
        pace = str(settings.get("pace") or "2")
        if not re.fullmatch(r"\d{1,5}(\.\d+)?", pace) or float(pace) <= 0:
            raise UsageError("pace is a number above 0, not «{value}».", value=pace)
        refuse_address(settings["url"], private=settings.get("private") == "yes")
        check_address(str(settings.get("notices") or ""))
        _trusted(settings)

    def client(self, settings: dict[str, Any], place: Place) -> Client:
        """A connection to the shop. Raises UsageError without credentials."""
        missing = [name for name in ("consumer_key", "consumer_secret") if name not in place.secrets]
        if missing:
            raise UsageError("The shop's {name} is missing; set it: cuadra integration set NAME --secret {name}=-.",
                             name=missing[0])  # fmt: skip
        return Client(
            settings["url"], place.secrets["consumer_key"].reveal(), place.secrets["consumer_secret"].reveal(),
            pace=(place.pace or Pace)(float(settings.get("pace") or 2)), private=settings.get("private") == "yes",
            verify=_trusted(settings), timeout=place.patience,
        )  # fmt: skip

    def judge(self, settings: dict[str, Any], headers: Mapping[str, str], body: bytes,
              secret: str) -> Ping | Delivery | Rejected:  # fmt: skip
        """Is it from there, and what does it speak of?"""
        return judge(headers, body, secret, settings["url"])

    def open(self, settings: dict[str, Any], place: Place) -> WooShop:
        """Connect."""
        return WooShop(self.client(settings, place), place.now, place.currency)

    def offers(self, settings: dict[str, Any], place: Place, progress: Progress) -> list[Offer]:
        """The catalogue, and the first orders or what has changed since the last look."""
        client = self.client(settings, place)
        horizon = place.since or place.now() - FIRST_IMPORT
        found: list[Offer] = [
            offers.catalogue(client, place.now, looked(place, offers.CATALOGUE, OVERLAP) or offers.BEGINNING)
        ]
        if looked(place, offers.CUSTOMERS, OVERLAP) is None:
            found.append(offers.customers(client, place.now))
        since = looked(place, "", OVERLAP)
        if since is None:
            return [*found, offers.first(client, place.now, horizon)]
        whole = [one for one in place.covered if not one.filter]
        begun = min((one.start for one in whole if one.axis is Axis.CREATED), default=None)
        if begun is not None and horizon < begun:
            found.append(offers.earlier(client, place.now, horizon, begun))
        reach = min((one.reach for one in whole if one.axis is Axis.UPDATED and one.reach is not None), default=None)
        return [*found, offers.changes(client, place.now, since, reach)]

    def reader(self, description: dict[str, Any], place: Place) -> Reader:
        """The same reader for everything, today and in a year."""
        return read


def _trusted(settings: dict[str, Any]) -> Verify:
    """Whom to believe that he is the shop."""
    path = settings.get("certificate")
    if not path:
        return True
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # an ssl.SSLError is one
        raise UsageError("{file} cannot be read as a certificate: {cause}.", file=path,
                         cause=error.strerror or error) from error  # fmt: skip
