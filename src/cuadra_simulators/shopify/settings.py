"""How a shop is set up: country, money, taxes, time zone, plan, and what the platform does about limits and delays."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

VERSIONS = ("2025-07", "2025-10", "2026-01", "2026-04", "2026-07", "2026-10")
"""Versions of the API that once were stable, the oldest first."""
PLANS = {
    "starter": ("Starter", 100), "basic": ("Basic", 100), "grow": ("Grow", 100), "advanced": ("Advanced", 200),
    "plus": ("Plus", 1000), "enterprise": ("Enterprise", 2000),
}  # fmt: skip
"""Plan → (name it shows, cost points restored a second). The bucket holds twenty seconds of them."""
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Place:
    """Where customers live, with the province as the platform codes it."""

    city: str
    province: str
    code: str
    zip: str
    area: str


@dataclass(frozen=True, slots=True)
class Abroad:
    """A second currency that some buyers pay in: how many of it for one of the shop's."""

    currency: str
    rate: Decimal
    decimals: int = 2


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """What the merchant chose, and how the platform behaves. Use `dataclasses.replace` to change one thing."""

    name: str
    domain: str
    country: str
    country_name: str
    currency: str
    zone: str
    locale: str
    tax_title: str
    tax_rate: Decimal
    phone_prefix: str
    places: tuple[Place, ...]
    abroad: Abroad | None
    price_factor: Decimal = Decimal(1)
    """What the word list's prices in pesos are multiplied by."""
    decimals: int = 2
    taxes_included: bool = True
    prefix: str = "#"
    suffix: str = ""
    plan: str = "grow"
    default_version: str = "2026-04"
    oldest_version: str = "2026-01"
    """The oldest version still supported: what a retired one is answered from."""
    index_delay: int = 0
    """Seconds after which a change is seen by searches; reads by id see it at once."""
    default_product_status: str = "active"
    """What `products` shows when its query names no status; empty for all."""
    walk_limit: int = 25_000
    """Objects after which paging through one connection stops."""
    bulk_seconds: int = 10
    """How long a bulk operation runs."""
    bulk_at_once: int = 5
    link_days: int = 7
    """How long the file of a bulk operation can be fetched."""
    real_time_limits: bool = False
    """Whether the cost bucket fills on the wall clock instead of the shop's."""
    quiet_deliveries: bool = True
    """Whether a parcel's delivery moves only the fulfilment's stamp, not the order's."""
    webhook_seconds: float = 5.0

    @property
    def tz(self) -> ZoneInfo:
        """The shop's time zone."""
        return ZoneInfo(self.zone)


MEXICO = ShopSettings(
    name="Café Sierra Madre", domain="cafe-sierra-madre.myshopify.com", country="MX", country_name="Mexico",
    currency="MXN", zone="America/Mexico_City", locale="es-MX", tax_title="IVA", tax_rate=Decimal("0.16"),
    phone_prefix="+52", price_factor=Decimal("0.012"), abroad=Abroad("USD", Decimal("0.0541")),
    places=(
        *(Place("Benito Juárez", "Ciudad de México", "DF", "03940", "55"),) * 5,
        *(Place("Guadalajara", "Jalisco", "JAL", "44100", "33"),) * 3,
        Place("Monterrey", "Nuevo León", "NLE", "64000", "81"), Place("Puebla", "Puebla", "PUE", "72000", "222"),
    ),
)  # fmt: skip
SPAIN = ShopSettings(
    name="Almacén de Lavapiés", domain="almacen-lavapies.myshopify.com", country="ES", country_name="Spain",
    currency="EUR", zone="Europe/Madrid", locale="es-ES", tax_title="IVA", tax_rate=Decimal("0.21"),
    phone_prefix="+34", price_factor=Decimal("0.0008"), abroad=Abroad("GBP", Decimal("0.86")), prefix="ES",
    places=(
        Place("Madrid", "Madrid", "M", "28012", "91"), Place("Sevilla", "Sevilla", "SE", "41001", "95"),
        Place("Vigo", "Pontevedra", "PO", "36201", "986"),
    ),
)  # fmt: skip
ARGENTINA = ShopSettings(
    name="Mercado del Litoral", domain="mercado-litoral.myshopify.com", country="AR", country_name="Argentina",
    currency="ARS", zone="America/Argentina/Buenos_Aires", locale="es-AR", tax_title="IVA", tax_rate=Decimal("0.21"),
    phone_prefix="+54", abroad=None, suffix="-A",
    places=(
        *(Place("Buenos Aires", "Ciudad Autónoma de Buenos Aires", "C", "C1425", "11"),) * 5,
        *(Place("Córdoba", "Córdoba", "X", "X5000", "351"),) * 2, Place("Rosario", "Santa Fe", "S", "S2000", "341"),
    ),
)  # fmt: skip
COLOMBIA = ShopSettings(
    name="Bodega Andina", domain="bodega-andina.myshopify.com", country="CO", country_name="Colombia",
    currency="COP", zone="America/Bogota", locale="es-CO", tax_title="IVA", tax_rate=Decimal("0.19"), decimals=0,
    phone_prefix="+57", abroad=None, taxes_included=False,
    places=(
        *(Place("Bogotá, D.C.", "Bogotá, D.C.", "DC", "110111", "601"),) * 4,
        *(Place("Medellín", "Antioquia", "ANT", "050001", "604"),) * 2,
        Place("Cali", "Valle del Cauca", "VAC", "760001", "602"),
    ),
)  # fmt: skip
"""Money without decimals, and taxes that come on top of prices."""
COUNTRIES = {"MX": MEXICO, "ES": SPAIN, "AR": ARGENTINA, "CO": COLOMBIA}
