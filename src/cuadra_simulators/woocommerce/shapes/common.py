"""What all shapes share: stamps, amounts, custom fields, links, and JSON as WordPress writes it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from cuadra_simulators.woocommerce.clock import iso
from cuadra_simulators.woocommerce.model import Address, Meta
from cuadra_simulators.woocommerce.totals import rounded
from cuadra_simulators.woocommerce.world import World

Json = dict[str, Any]
_TAG = re.compile(r"<[^>]*>")
_BARE_AMPERSAND = re.compile(r"&(?!#?\w+;)")


@dataclass(frozen=True, slots=True)
class View:
    """From where somebody looks: the address links begin with, decimals wanted, and whether he may edit."""

    world: World
    site: str
    decimals: int
    edit: bool = False
    many: bool = False
    """One of a long list: custom fields then come as the database finds them, not sorted."""

    @property
    def api(self) -> str:
        """Where links lead."""
        return f"{self.site}/wp-json/wc/v3"

    def local(self, moment: int | None) -> str | None:
        """A stamp in the site's own time, without a zone."""
        if moment is None:
            return None
        return datetime.fromtimestamp(moment, self.world.settings.tz).strftime("%Y-%m-%dT%H:%M:%S")

    def money(self, amount: Decimal) -> str:
        """An amount as text with the decimals wanted; never a negative nothing."""
        value = rounded(amount, self.decimals)
        return str(value if value else abs(value))

    def links(self, path: str, *, parent: str = "", **more: str) -> Json:
        """`_links` of something at a path below the API's root."""
        collection = path.rpartition("/")[0]
        found = {"self": path, "collection": collection, **more, **({"up": parent} if parent else {})}
        return {rel: [{"href": f"{self.api}/{to}"}] for rel, to in found.items()}


def gmt(moment: int | None) -> str | None:
    """The twin of a stamp, in UTC without a Z."""
    return None if moment is None else iso(moment)


def exact(amount: Decimal) -> str:
    """An amount unrounded, without idle zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(amount: Decimal, parts: int = 1) -> int | float:
    """A JSON number, divided as PHP divides."""
    value = float(amount) / max(1, abs(parts))
    return int(value) if value.is_integer() else value


def metas(found: list[Meta], *, many: bool = False) -> list[Json]:
    """Custom fields: by key and value when one thing is read, in the order of their ids in long lists."""
    ordered = found if many else sorted(found, key=lambda meta: (meta.key, str(meta.value)))
    return [{"id": meta.id, "key": meta.key, "value": meta.value} for meta in ordered]


def shown(value: Any) -> Any:
    """A custom field's value as a page would show it: no tags, ampersands escaped."""
    return _BARE_AMPERSAND.sub("&amp;", _TAG.sub("", value)) if isinstance(value, str) else value


def order_address(address: Address, *, email: bool) -> Json:
    """An address as orders have it."""
    return {
        "first_name": address.first_name, "last_name": address.last_name, "company": address.company,
        "address_1": address.address_1, "address_2": address.address_2, "city": address.city, "state": address.state,
        "postcode": address.postcode, "country": address.country, **({"email": address.email} if email else {}),
        "phone": address.phone,
    }  # fmt: skip


def account_address(address: Address, *, email: bool) -> Json:
    """The same as customers have it: the state comes later."""
    shape = order_address(address, email=email)
    names = ("first_name", "last_name", "company", "address_1", "address_2", "city", "postcode", "country", "state")
    return {**{name: shape[name] for name in names}, **shape}


def to_json(value: Any) -> bytes:
    """Bytes as WordPress writes JSON: everything outside ASCII escaped, slashes too, no blanks."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()
