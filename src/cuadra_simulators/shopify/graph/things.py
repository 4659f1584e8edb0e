"""The fields of the shop itself, of the app, its subscriptions and bulk operations, and of small things."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from cuadra_simulators.shopify.graph.registry import (
    FIELDS,
    Args,
    Context,
    attr,
    constant,
    gids,
    stamp,
    when,
)
from cuadra_simulators.shopify.model import Deletion, Metafield
from cuadra_simulators.shopify.settings import PLANS
from cuadra_simulators.shopify.world import World

_SUBJECTS = {"ORDER": "Order", "PRODUCT": "Product", "CUSTOMER": "Customer", "COLLECTION": "Collection"}


def _offset(world: World) -> int:
    """Minutes east of Greenwich, now."""
    away = datetime.fromtimestamp(world.now, UTC).astimezone(world.settings.tz).utcoffset()
    assert away is not None
    return int(away.total_seconds()) // 60


def _written_offset(world: World) -> str:
    minutes = _offset(world)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _zone_name(world: World, context: Context, args: Args) -> str | None:
    return datetime.fromtimestamp(world.now, UTC).astimezone(world.settings.tz).tzname()


def _presentment(world: World, context: Context, args: Args) -> list[str]:
    abroad = world.settings.abroad
    return [world.settings.currency, *([abroad.currency] if abroad else [])]


def _json(it: Metafield, context: Context, args: Args) -> Any:
    if it.type in ("json", "boolean", "number_integer") or it.type.startswith("list."):
        return json.loads(it.value)
    return it.value


def _subject(it: Deletion, context: Context, args: Args) -> str:
    return f"gid://shopify/{_SUBJECTS[it.subject]}/{it.subject_id}"


FIELDS["Shop"] = {
    "id": constant("gid://shopify/Shop/61234567"), "name": lambda w, c, a: w.settings.name,
    "myshopifyDomain": lambda w, c, a: w.settings.domain, "currencyCode": lambda w, c, a: w.settings.currency,
    "ianaTimezone": lambda w, c, a: w.settings.zone, "timezoneOffset": lambda w, c, a: _written_offset(w),
    "timezoneOffsetMinutes": lambda w, c, a: _offset(w), "timezoneAbbreviation": _zone_name,
    "plan": lambda w, c, a: w, "orderNumberFormatPrefix": lambda w, c, a: w.settings.prefix,
    "orderNumberFormatSuffix": lambda w, c, a: w.settings.suffix, "taxesIncluded": lambda w, c, a: w.settings.taxes_included,
    "taxShipping": constant(True), "enabledPresentmentCurrencies": _presentment, "currencyFormats": lambda w, c, a: w,
    "email": lambda w, c, a: f"hola@{w.settings.domain}", "contactEmail": lambda w, c, a: f"hola@{w.settings.domain}",
    "createdAt": constant("2023-05-04T10:00:00Z"), "updatedAt": constant("2026-01-15T10:00:00Z"),
    "url": lambda w, c, a: f"https://{w.settings.domain}", "primaryDomain": lambda w, c, a: w,
    "shopOwnerName": constant("Marta Luna"), "shopAddress": lambda w, c, a: w, "weightUnit": constant("KILOGRAMS"),
    "metafield": lambda w, c, a: next(
        (it for it in w.shop_metafields if it.key == a["key"] and it.namespace == a.get("namespace", it.namespace)), None
    ),
}  # fmt: skip
FIELDS["ShopAddress"] = {
    "id": constant("gid://shopify/ShopAddress/61234567"), "countryCodeV2": lambda w, c, a: w.settings.country,
    "country": lambda w, c, a: w.settings.country_name, "city": lambda w, c, a: w.settings.places[0].city,
    "zip": lambda w, c, a: w.settings.places[0].zip,
}  # fmt: skip
FIELDS["CurrencyFormats"] = {"moneyFormat": constant("${{amount}}"), "moneyWithCurrencyFormat": constant("${{amount}}")}
FIELDS["Domain"] = {
    "id": constant("gid://shopify/Domain/71234567"), "host": lambda w, c, a: w.settings.domain,
    "url": lambda w, c, a: f"https://{w.settings.domain}", "sslEnabled": constant(True),
}  # fmt: skip
FIELDS["ShopPlan"] = {
    "displayName": lambda w, c, a: PLANS[w.plan][0], "publicDisplayName": lambda w, c, a: PLANS[w.plan][0],
    "partnerDevelopment": constant(False), "shopifyPlus": lambda w, c, a: w.plan in ("plus", "enterprise"),
}  # fmt: skip
FIELDS["AppInstallation"] = {
    "id": lambda it, c, a: f"gid://shopify/AppInstallation/{it.id + 5}",
    "accessScopes": lambda it, c, a: sorted(it.scopes), "app": lambda it, c, a: Installed(it),
    "launchUrl": lambda it, c, a: f"https://{c.world.settings.domain}/admin/apps/{it.id}", "uninstallUrl": constant(None),
    "metafield": constant(None),
}  # fmt: skip
FIELDS["AccessScope"] = {"handle": lambda it, c, a: it, "description": lambda it, c, a: it.replace("_", " ")}
FIELDS["ApiVersion"] = {
    "handle": lambda it, c, a: it["handle"], "displayName": lambda it, c, a: it["displayName"],
    "supported": lambda it, c, a: it["supported"],
}  # fmt: skip
FIELDS["Job"] = {
    "id": lambda it, c, a: it["id"], "done": lambda it, c, a: it["done"], "query": constant(None),
}  # fmt: skip
FIELDS["BasicEvent"] = {
    "id": gids("BasicEvent"), "action": attr("verb"), "appTitle": attr("app"), "createdAt": lambda it, c, a: stamp(it.at),
    "attributeToApp": lambda it, c, a: it.app is not None, "attributeToUser": lambda it, c, a: it.app is None,
    "author": constant(None), "criticalAlert": constant(False), "hasAdditionalContent": constant(False),
    "message": lambda it, c, a: f"{_SUBJECTS[it.subject]} {it.verb}", "subjectId": _subject, "subjectType": attr("subject"),
}  # fmt: skip
FIELDS["Metafield"] = {
    "id": gids("Metafield"), "legacyResourceId": lambda it, c, a: str(it.id), "namespace": attr("namespace"),
    "key": attr("key"), "value": attr("value"), "type": attr("type"), "ownerType": attr("owner"), "jsonValue": _json,
    "createdAt": when("created"), "updatedAt": when("updated"),
}  # fmt: skip
FIELDS["WebhookSubscription"] = {
    "id": gids("WebhookSubscription"), "legacyResourceId": lambda it, c, a: str(it.id), "topic": attr("enum"),
    "uri": attr("uri"), "callbackUrl": attr("uri"), "format": attr("format"), "filter": attr("filter"),
    "includeFields": attr("fields"), "metafieldNamespaces": attr("namespaces"), "name": attr("name"),
    "createdAt": when("created"), "updatedAt": when("updated"),
    "apiVersion": lambda it, c, a: {"handle": it.version, "displayName": it.version, "supported": True},
}  # fmt: skip
FIELDS["BulkOperation"] = {
    "id": gids("BulkOperation"), "status": attr("status"), "errorCode": attr("error"), "type": constant("QUERY"),
    "query": attr("document"), "createdAt": when("created"), "completedAt": when("completed"),
    "objectCount": lambda it, c, a: str(it.objects), "rootObjectCount": lambda it, c, a: str(it.roots),
    "fileSize": lambda it, c, a: None if it.size is None else str(it.size),
    "url": lambda it, c, a: c.services.bulks.url(it, partial=False),
    "partialDataUrl": lambda it, c, a: c.services.bulks.url(it, partial=True),
}  # fmt: skip


class Installed:
    """An app as the field `app` of its installation shows it."""

    def __init__(self, app: Any) -> None:
        self.app_id = app.id
        self.app_name = app.name
