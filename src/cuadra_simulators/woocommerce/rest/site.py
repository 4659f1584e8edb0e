"""What a shop says of itself: settings, status, gateways, taxes, reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cuadra_simulators.woocommerce.buying import GATEWAYS
from cuadra_simulators.woocommerce.rest.context import READ, Call, Handler, Route
from cuadra_simulators.woocommerce.rest.order_writes import CURRENCIES
from cuadra_simulators.woocommerce.rest.paging import answer_page
from cuadra_simulators.woocommerce.rest.params import INTEGER, Param
from cuadra_simulators.woocommerce.rest.status import system_status
from cuadra_simulators.woocommerce.rest.wire import Answer, RestError
from cuadra_simulators.woocommerce.settings import ShopSettings
from cuadra_simulators.woocommerce.shapes.common import Json, View

CLASSES = {"standard": "Standard rate", "reduced-rate": "Reduced rate", "zero-rate": "Zero rate"}
OFFLINE = {"bacs": "Direct bank transfer", "cheque": "Check payments", "cod": "Cash on delivery"}
_PAGED = {
    "page": Param(INTEGER, 1, least=1),
    "per_page": Param(INTEGER, 10, least=1, most=100),
    "offset": Param(INTEGER),
}
_DAY = {"date_min": Param("date"), "date_max": Param("date")}


def routes() -> list[Route]:
    """What hangs below these paths."""
    plain: dict[str, Handler] = {
        "settings/general": settings_general, "system_status": system_status, "payment_gateways": payment_gateways,
        "data/currencies/current": current_currency, "reports/orders/totals": orders_totals,
        "reports/customers/totals": customers_totals, "taxes/classes": tax_classes, "shipping/zones": shipping_zones,
    }  # fmt: skip
    return [
        *(Route(READ, path, handler, "list") for path, handler in plain.items()),
        Route(READ, "taxes", taxes, "list", _PAGED),
        Route(READ, "reports/sales", sales, "list", _DAY),
        Route(READ, "payment_gateways/{id*}", payment_gateway, "view"),
    ]


def settings_general(call: Call) -> Answer:
    """The general settings, nineteen of them; long lists of options are shortened here."""
    view = call.view()
    return Answer([_setting(view, row) for row in _settings(call.world.settings)])


def _setting(view: View, row: tuple[Any, ...]) -> Json:
    name, label, text, kind, default, value, options = row
    identity = f"woocommerce_{name}"
    shape = {"id": identity, "label": label, "description": text, "type": kind, "default": default}
    tip = {} if kind == "multiselect" else {"tip": text}
    known = {} if options is None else {"options": options}
    late = name == "default_country" or kind == "multiselect"  # these two list their options last
    rest = {**tip, "value": value, **known} if late else {**known, **tip, "value": value}
    links = {
        "self": [{"href": f"{view.api}/settings/general/{identity}"}],
        "collection": [{"href": f"{view.api}/settings/general"}],
    }
    return {**shape, **rest, "_links": links}


def _settings(it: ShopSettings) -> list[tuple[Any, ...]]:
    city = it.cities[0]
    home = f"{it.country}:{city.state}"
    countries = {it.country: it.country}
    sides = {"left": "Left", "right": "Right", "left_space": "Left with space", "right_space": "Right with space"}
    return [
        ("store_address", "Address line 1", "Street of the shop.", "text", "", "Carrera 7 # 71-21", None),
        ("store_address_2", "Address line 2", "More of the address.", "text", "", "", None),
        ("store_city", "City", "City of the shop.", "text", "", city.name, None),
        ("default_country", "Country / State", "Country of the shop.", "select", "US:CA", home, {home: city.name}),
        ("store_postcode", "Postcode / ZIP", "Postcode of the shop.", "text", "", city.postcode, None),
        ("allowed_countries", "Selling location(s)", "Where it sells.", "select", "all", "all", {"all": "all"}),
        ("all_except_countries", "Sell to all countries, except for&hellip;", "", "multiselect", "", "", countries),
        ("specific_allowed_countries", "Sell to specific countries", "", "multiselect", "", "", countries),
        ("ship_to_countries", "Shipping location(s)", "Where it ships.", "select", "", "", {"": "all"}),
        ("specific_ship_to_countries", "Ship to specific countries", "", "multiselect", "", "", countries),
        ("default_customer_address", "Default customer location", "", "select", "base", "base", {"base": "base"}),
        ("calc_taxes", "Enable taxes", "Rates and calculations.", "checkbox", "no", "yes", None),
        ("enable_coupons", "Enable coupons", "Use of coupon codes.", "checkbox", "yes", "yes", None),
        ("calc_discounts_sequentially", "", "Coupons one by one.", "checkbox", "no", "no", None),
        ("currency", "Currency", "Of prices.", "select", "USD", it.currency, {code: code for code in CURRENCIES}),
        ("currency_pos", "Currency position", "Of the symbol.", "select", "left", "left_space", sides),
        ("price_thousand_sep", "Thousand separator", "In prices.", "text", ",", it.thousand_separator, None),
        ("price_decimal_sep", "Decimal separator", "In prices.", "text", ".", it.decimal_separator, None),
        ("price_num_decimals", "Number of decimals", "In prices.", "number", "2", str(it.decimals), None),
    ]


def payment_gateways(call: Call) -> Answer:
    """Ways to pay."""
    return Answer([_gateway(call, name) for name in dict.fromkeys((*OFFLINE, *GATEWAYS))])


def payment_gateway(call: Call) -> Answer:
    """One way to pay."""
    if call.text("id") not in (*OFFLINE, *GATEWAYS):
        raise RestError("woocommerce_rest_payment_gateway_invalid", "Resource does not exist.", 404)
    return Answer(_gateway(call, call.text("id")))


def _gateway(call: Call, name: str) -> Json:
    view = call.view()
    title = GATEWAYS.get(name, "Cheque")
    settings = {
        key: {
            "id": key, "label": key.title(), "description": "", "type": kind, "value": value,
            "default": OFFLINE.get(name, ""), "tip": "", "placeholder": "",
        }
        for key, kind, value in (("title", "safe_text", title), ("instructions", "textarea", ""))
    }  # fmt: skip
    return {
        "id": name, "title": title, "description": title, "order": "", "enabled": True,
        "method_title": OFFLINE.get(name, title), "method_description": "", "method_supports": ["products"],
        "settings": settings, "needs_setup": False, "post_install_scripts": [],
        "settings_url": f"{view.site}/wp-admin/admin.php?page=wc-settings&tab=checkout&section={name}",
        "connection_url": None, "setup_help_text": None, "required_settings_keys": [],
        "_links": view.links(f"payment_gateways/{name}"),
    }  # fmt: skip


def current_currency(call: Call) -> Answer:
    """The shop's own currency."""
    it = call.world.settings
    view = call.view()
    links = view.links(f"data/currencies/{it.currency}")
    return Answer({"code": it.currency, "name": it.currency_name, "symbol": it.symbol_entity, "_links": links})


def orders_totals(call: Call) -> Answer:
    """How many orders stand in each status; the trash is not counted."""
    found = call.world.orders.values()
    return Answer([
        {"slug": slug, "name": name, "total": sum(order.status == slug for order in found)}
        for slug, name in call.world.statuses.items()
    ])  # fmt: skip


def customers_totals(call: Call) -> Answer:
    """Accounts that paid and accounts that did not."""
    paying = [user.paying for user in call.world.users.values() if user.role == "customer"]
    return Answer([
        {"slug": "paying", "name": "Paying customer", "total": sum(paying)},
        {"slug": "non_paying", "name": "Non-paying customer", "total": len(paying) - sum(paying)},
    ])  # fmt: skip


def sales(call: Call) -> Answer:
    """The old sales report. It reads the old storage: where orders have their own tables it knows of no sale."""
    first = call.values["date_min"] or _today(call)
    last = call.values["date_max"] or _today(call)
    nothing = {"sales": "0.00", "orders": 0, "items": 0, "tax": "0.00", "shipping": "0.00", "discount": "0.00",
               "customers": 0}  # fmt: skip
    day, totals = datetime.fromisoformat(first), {}
    while day <= datetime.fromisoformat(last):
        totals[day.strftime("%Y-%m-%d")] = nothing
        day += timedelta(days=1)
    return Answer([{
        "total_sales": "0.00", "net_sales": "0.00", "average_sales": "0.00", "total_orders": 0, "total_items": 0,
        "total_tax": "0.00", "total_shipping": "0.00", "total_refunds": 0, "total_discount": "0.00",
        "totals_grouped_by": "day", "totals": totals,
    }])  # fmt: skip


def _today(call: Call) -> str:
    return datetime.fromtimestamp(call.world.now, UTC).strftime("%Y-%m-%d")


def taxes(call: Call) -> Answer:
    """The tax table."""
    view, it = call.view(), call.world.settings

    def shape(row: Any) -> Json:
        return {
            "id": row.id, "country": it.country, "state": "", "postcode": "", "city": "", "rate": f"{row.percent:.4f}",
            "name": row.label, "priority": 1, "compound": False, "shipping": row.shipping, "order": 1,
            "class": row.klass or "standard", "postcodes": [], "cities": [], "_links": view.links(f"taxes/{row.id}"),
        }  # fmt: skip

    return answer_page(call, it.tax_rates, shape, path="taxes")


def tax_classes(call: Call) -> Answer:
    """Tax classes have no pages."""
    links = {"collection": [{"href": f"{call.view().api}/taxes/classes"}]}
    return Answer([{"slug": slug, "name": name, "_links": links} for slug, name in CLASSES.items()])


def shipping_zones(call: Call) -> Answer:
    """Where it is sent to."""
    view = call.view()
    names = ("Locations not covered by your other zones", call.world.settings.name)
    return Answer([
        {
            "id": at, "name": name, "order": 0,
            "_links": {
                **view.links(f"shipping/zones/{at}"),
                "describedby": [{"href": f"{view.api}/shipping/zones/{at}/locations"}],
            },
        }
        for at, name in enumerate(names)
    ])  # fmt: skip
