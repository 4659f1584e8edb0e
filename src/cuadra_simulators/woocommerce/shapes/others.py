"""Customers, webhooks and coupons in JSON."""

from __future__ import annotations

import hashlib

from cuadra_simulators.woocommerce.model import Coupon, User, Webhook
from cuadra_simulators.woocommerce.shapes.common import Json, View, account_address, gmt, metas

TOPICS: dict[str, tuple[str, ...]] = {
    "coupon.created": ("woocommerce_process_shop_coupon_meta", "woocommerce_new_coupon"),
    "coupon.updated": ("woocommerce_process_shop_coupon_meta", "woocommerce_update_coupon"),
    "coupon.deleted": ("wp_trash_post",),
    "coupon.restored": ("untrashed_post",),
    "customer.created": ("user_register", "woocommerce_created_customer", "woocommerce_new_customer"),
    "customer.updated": ("profile_update", "woocommerce_update_customer"),
    "customer.deleted": ("delete_user",),
    "order.created": ("woocommerce_new_order",),
    "order.updated": ("woocommerce_update_order", "woocommerce_order_refunded"),
    "order.deleted": ("wp_trash_post", "woocommerce_trash_order"),
    "order.restored": ("untrashed_post", "woocommerce_untrash_order"),
    "product.created": (
        "woocommerce_process_product_meta", "woocommerce_new_product", "woocommerce_new_product_variation",
    ),
    "product.updated": (
        "woocommerce_process_product_meta", "woocommerce_update_product", "woocommerce_update_product_variation",
    ),
    "product.deleted": ("wp_trash_post",),
    "product.restored": ("untrashed_post",),
}  # fmt: skip
"""Webhook topics and the hooks behind each."""


def hooks_of(topic: str) -> tuple[str, ...]:
    """The hooks of a topic; `action.…` names its own."""
    return (topic.removeprefix("action."),) if topic.startswith("action.") else TOPICS[topic]


def customer(view: View, it: User) -> Json:
    """An account."""
    return {
        "id": it.id, "date_created": view.local(it.created), "date_created_gmt": gmt(it.created),
        "date_modified": view.local(it.modified), "date_modified_gmt": gmt(it.modified), "email": it.email,
        "first_name": it.first_name, "last_name": it.last_name, "role": it.role, "username": it.login,
        "billing": account_address(it.billing, email=True), "shipping": account_address(it.shipping, email=False),
        "is_paying_customer": it.paying, "avatar_url": _avatar(view, it.email), "meta_data": metas(it.meta),
        "_links": view.links(f"customers/{it.id}"),
    }  # fmt: skip


def webhook(view: View, it: Webhook) -> Json:
    """A subscription: neither its secret nor its failures are shown."""
    return {
        "id": it.id, "name": it.name, "status": it.status, "topic": it.topic, "resource": it.resource,
        "event": it.event, "hooks": list(hooks_of(it.topic)), "delivery_url": it.delivery_url,
        "date_created": view.local(it.created), "date_created_gmt": gmt(it.created),
        "date_modified": view.local(it.modified), "date_modified_gmt": gmt(it.modified),
        "_links": view.links(f"webhooks/{it.id}"),
    }  # fmt: skip


def coupon(view: View, it: Coupon) -> Json:
    """A discount code; its amount has two decimals in every currency."""
    return {
        "id": it.id, "code": it.code, "amount": f"{it.amount:.2f}", "status": "publish",
        "date_created": view.local(it.created), "date_created_gmt": gmt(it.created),
        "date_modified": view.local(it.created), "date_modified_gmt": gmt(it.created), "discount_type": it.type,
        "description": "", "date_expires": None, "date_expires_gmt": None, "usage_count": len(it.used_by),
        "individual_use": False, "product_ids": [], "excluded_product_ids": [], "usage_limit": None,
        "usage_limit_per_user": None, "limit_usage_to_x_items": None, "free_shipping": it.free_shipping,
        "product_categories": [], "excluded_product_categories": [], "exclude_sale_items": False,
        "minimum_amount": "0.00", "maximum_amount": "0.00", "email_restrictions": [], "used_by": it.used_by,
        "meta_data": [], "_links": view.links(f"coupons/{it.id}"),
    }  # fmt: skip


def _avatar(view: View, email: str) -> str:
    digest = hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()
    host = "https://secure" if view.site.startswith("https") else f"http://{int(digest[0], 16) % 3}"
    return f"{host}.gravatar.com/avatar/{digest}?s=96&d=mm&r=g"
