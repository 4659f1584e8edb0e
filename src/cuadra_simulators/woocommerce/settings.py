"""How a shop is set up: country, money, taxes, time zone, and which WordPress stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

WC_VERSION = "9.2.5"
WP_VERSION = "6.6.4"

STATUSES = {
    "pending": "Pending payment", "processing": "Processing", "on-hold": "On hold", "completed": "Completed",
    "cancelled": "Cancelled", "refunded": "Refunded", "failed": "Failed", "checkout-draft": "Draft",
}  # fmt: skip
"""Order statuses that WooCommerce registers, with the names of an English shop, in its order."""


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A row of the shop's tax table. `klass` is empty for the standard rate."""

    id: int
    label: str
    percent: Decimal
    klass: str = ""
    shipping: bool = True


@dataclass(frozen=True, slots=True)
class City:
    """A place customers live in, with its state as WooCommerce codes it."""

    name: str
    state: str
    postcode: str
    area: str


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """What the merchant chose. The presets below are whole shops; use `dataclasses.replace` to change one thing."""

    name: str
    country: str
    currency: str
    currency_name: str
    symbol: str
    decimals: int
    zone: str
    tax_rates: tuple[TaxRate, ...]
    cities: tuple[City, ...]
    price_factor: Decimal = Decimal(1)
    """What the word list's prices in pesos are multiplied by."""
    phone_prefix: str = "+54"
    prices_include_tax: bool = True
    thousand_separator: str = "."
    decimal_separator: str = ","
    symbol_entity: str = "&#36;"
    site_url: str = ""
    """Set by the listener when empty."""
    hpos: bool = True
    """Orders in tables of their own (new shops since 8.2); False stands for the old posts storage."""
    hold_stock_minutes: int = 60
    failures_before_disabled: int = 6
    """The failure after this many in a row disables a webhook."""
    strict_urls: bool = False
    """WordPress's own rule for webhook addresses: nothing private, no ports but 80, 443 and 8080."""
    system_cron_seconds: int = 15
    queue_seconds: int = 60
    trash_enabled: bool = True
    wp_cron: bool = False
    """Whether visits drive WordPress's own cron; without it the host's system cron does, as in the recorded shop."""
    gzip: bool = True

    @property
    def tz(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.zone)

    def rate(self, klass: str) -> TaxRate | None:
        """The rate of a tax class."""
        return next((rate for rate in self.tax_rates if rate.klass == klass), None)


ARGENTINA = ShopSettings(
    name="Tienda del Litoral", country="AR", currency="ARS", currency_name="Argentine peso", symbol="$", decimals=2,
    zone="America/Argentina/Buenos_Aires",
    tax_rates=(TaxRate(1, "IVA", Decimal(21)), TaxRate(2, "IVA reducido", Decimal("10.5"), "reduced-rate", False)),
    cities=(
        *(City("Buenos Aires", "C", "C1425", "11"),) * 6, *(City("Córdoba", "X", "X5000", "351"),) * 3,
        *(City("Rosario", "S", "S2000", "341"),) * 3, City("La Plata", "B", "B1900", "221"),
        City("Mendoza", "M", "M5500", "261"), City("Salta", "A", "A4400", "387"),
        City("San Miguel de Tucumán", "T", "T4000", "381"), City("Neuquén", "Q", "Q8300", "299"),
    ),
)  # fmt: skip
COLOMBIA = ShopSettings(
    name="Tienda Andina", country="CO", currency="COP", currency_name="Colombian peso", symbol="$", decimals=0,
    zone="America/Bogota",
    tax_rates=(TaxRate(1, "IVA", Decimal(19)), TaxRate(2, "IVA 5", Decimal(5), "reduced-rate", False)),
    cities=(
        *(City("Bogotá D.C.", "CO-DC", "110111", "601"),) * 6, *(City("Medellín", "CO-ANT", "050001", "604"),) * 3,
        *(City("Cali", "CO-VAC", "760001", "602"),) * 2, City("Barranquilla", "CO-ATL", "080001", "605"),
        City("Cartagena de Indias", "CO-BOL", "130001", "605"), City("Bucaramanga", "CO-SAN", "680001", "607"),
    ),
    phone_prefix="+57",
)  # fmt: skip
MADRID = ShopSettings(
    name="Tienda de Lavapiés", country="ES", currency="EUR", currency_name="Euro", symbol="€", decimals=2,
    zone="Europe/Madrid", symbol_entity="&euro;", price_factor=Decimal("0.0008"), phone_prefix="+34",
    tax_rates=(TaxRate(1, "IVA", Decimal(21)), TaxRate(2, "IVA reducido", Decimal(10), "reduced-rate", False)),
    cities=(
        City("Madrid", "M", "28012", "91"), City("Sevilla", "SE", "41001", "95"), City("Vigo", "PO", "36201", "986"),
    ),
)  # fmt: skip
"""East of Greenwich, where the wrong reading of a date loses orders instead of repeating them."""
