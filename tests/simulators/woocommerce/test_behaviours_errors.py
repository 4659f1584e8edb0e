"""Behaviours 28 to 33 of the recordings: keys, refusals, batches, and shops that are broken."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64encode
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from cuadra_simulators.woocommerce import COLOMBIA, ApiKey, Shop
from cuadra_simulators.woocommerce.rest.auth import signature_base
from cuadra_simulators.woocommerce.rest.wire import Reply, Request
from tests.simulators.woocommerce.conftest import Recorded

ORDERS = "/wp-json/wc/v3/orders"


def same(reply: Reply, recorded: dict[str, Any]) -> None:
    """Status, body, and the headers that tell whether somebody was known and what he may."""
    headers = dict(recorded["headers"])
    assert (reply.status, reply.json()) == (recorded["status"], recorded["body"])
    assert reply.header("Content-Type") == headers["Content-Type"]
    for name in ("Allow", "Vary", "WWW-Authenticate"):
        assert reply.header(name) == headers.get(name, ""), name
    assert bool(reply.header("Expires")) == ("Expires" in headers)


def basic(
    shop: Shop, key: str, secret: str, *, secure: bool = True, method: str = "GET", path: str = ORDERS, query: str = ""
) -> Reply:
    token = b64encode(f"{key}:{secret}".encode()).decode()
    return shop.api.answer(Request(method, path, query, {"Authorization": f"Basic {token}"}, b"", secure))


def test_behaviour_28_keys_and_their_refusals(shop: Shop, recorded: Recorded) -> None:
    key = shop.key
    same(shop.request("GET", "orders", anonymous=True), recorded("errors/401_no_auth"))
    same(basic(shop, "ck_unknown", "cs_unknown"), recorded("errors/401_wrong_key"))
    same(basic(shop, "admin", "password"), recorded("errors/401_wp_password_instead_of_key"))
    same(basic(shop, key.consumer_key, "cs_wrong"), recorded("errors/401_right_key_wrong_secret"))
    same(shop.request("POST", "orders", key=shop.read_key, body={}), recorded("errors/readonly_key_POST"))
    same(shop.request("GET", "orders", key=shop.write_key), recorded("errors/writeonly_key_GET"))
    same(shop.request("GET", "orders", key=shop.powerless_key), recorded("errors/customer_owned_key_GET_orders"))
    same(shop.request("GET", "products", key=shop.powerless_key), recorded("errors/customer_owned_key_GET_products"))
    assert shop.request("GET", "orders", key=shop.read_key).status == 200
    assert shop.request("POST", "orders", key=shop.write_key, body={}).status == 201


def test_behaviour_28_the_index_is_no_check_of_a_key(shop: Shop, recorded: Recorded) -> None:
    for reply in (
        basic(shop, "ck_unknown", "cs_unknown", path="/wp-json/wc/v3/"),
        shop.request("GET", "", anonymous=True),
        shop.request("GET", "", key=shop.powerless_key),
    ):
        assert reply.status == recorded("errors/wrong_key_on_wc_index")["status"] == 200
        assert list(reply.json()) == list(recorded("errors/wrong_key_on_wc_index")["body"])
    root = basic(shop, "ck_unknown", "cs_unknown", path="/wp-json/", query="_fields=name")
    assert list(root.json()) == list(recorded("errors/wrong_key_on_root_index")["body"]) == ["name"]


def test_behaviour_28_a_revoked_key_is_unknown_and_a_demoted_one_forbidden(shop: Shop, recorded: Recorded) -> None:
    shop.revoke(shop.read_key)
    same(shop.request("GET", "orders", key=shop.read_key), recorded("errors/401_wrong_key"))
    shop.demote(shop.admin)
    same(shop.request("GET", "orders"), recorded("errors/customer_owned_key_GET_orders"))


def test_behaviour_29_plain_http_knows_no_basic(shop: Shop, recorded: Recorded) -> None:
    key = shop.key
    same(basic(shop, *key.basic, secure=False), recorded("errors/plain_http_basic"))
    query = urlencode({"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret})
    same(shop.api.answer(Request("GET", ORDERS, query)), recorded("errors/plain_http_query_keys"))
    assert shop.api.answer(Request("GET", ORDERS, query, secure=True)).status == 200
    wrong = b64encode(b"ck_a:cs_b").decode()
    both = Request("GET", ORDERS, query, {"Authorization": f"Basic {wrong}"}, b"", True)
    assert shop.api.answer(both).status == 200  # the address wins over the header


def oauth(shop: Shop, key: ApiKey, method: str = "HMAC-SHA256", *, path: str = ORDERS, **changes: str) -> Request:
    """A signed request over plain HTTP; changes are made before signing, but for the signature itself."""
    given = {
        "oauth_consumer_key": key.consumer_key, "oauth_timestamp": str(int(time.time())), "oauth_nonce": "n1",
        "oauth_signature_method": method, "per_page": "2", "_fields": "id", **changes,
    }  # fmt: skip
    algorithm = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}[method]
    base = signature_base("GET", f"http://tienda.example{path}", given)
    signed = hmac.new(f"{key.consumer_secret}&".encode(), base.encode(), algorithm).digest()
    given["oauth_signature"] = changes.get("oauth_signature") or b64encode(signed).decode()
    return Request("GET", path, urlencode(given))


def test_behaviour_29_signed_requests_over_plain_http(shop: Shop, recorded: Recorded) -> None:
    answer = shop.api.answer
    for method, name in (("HMAC-SHA256", "ok"), ("HMAC-SHA1", "hmac_sha1")):
        assert (
            answer(oauth(shop, shop.key, method, oauth_nonce=name)).status
            == recorded(f"oauth_plain_http/{name}")["status"]
        )
    same(answer(oauth(shop, shop.key, oauth_nonce="ok")), recorded("oauth_plain_http/nonce_reused"))
    same(answer(oauth(shop, shop.key, oauth_signature="AAAA")), recorded("oauth_plain_http/bad_signature"))
    old = str(int(time.time()) - 16 * 60)
    same(answer(oauth(shop, shop.key, oauth_timestamp=old)), recorded("oauth_plain_http/old_timestamp_16min"))
    same(answer(Request("GET", ORDERS, "oauth_consumer_key=ck_x")), recorded("oauth_plain_http/missing_params"))
    dated = oauth(shop, shop.key, modified_after="2026-01-01T00:00:00Z", oauth_nonce="dates")
    assert answer(dated).status == recorded("oauth_plain_http/order_list_dates_with_colon")["status"] == 200
    shop.clock.skew = 16 * 60
    assert answer(oauth(shop, shop.key, oauth_nonce="skew")).json()["message"] == "Invalid timestamp."


def test_behaviour_29_other_addresses(shop: Shop, recorded: Recorded) -> None:
    key = shop.key
    query = "rest_route=%2Fwc%2Fv3%2Forders&per_page=1&_fields=id"
    same(basic(shop, *key.basic, path="/index.php", query=query), recorded("errors/rest_route_query_form"))
    slash = basic(shop, *key.basic, path=f"{ORDERS}/", query="per_page=1&_fields=id")
    assert slash.status == recorded("errors/trailing_slash")["status"] == 200
    same(basic(shop, *key.basic, path="/wp-json/wc/v3//orders"), recorded("errors/double_slash"))
    legacy = basic(shop, *key.basic, path="/index.php/wc-api/v3/orders")
    assert (legacy.status, legacy.body) == (recorded("errors/legacy_v3_wc_api")["status"], b"-1")
    shop.faults.add("plain_permalinks")
    moved = basic(shop, *key.basic, query="per_page=1")
    theirs = recorded("site_failures/plain_permalinks_wp_json")
    assert (moved.status, moved.body) == (theirs["status"], b"") == (301, b"")
    assert moved.header("Location").endswith("/wp-json/wc/v3/orders/?per_page=1")
    assert dict(theirs["headers"])["Location"].endswith("/wp-json/wc/v3/orders/?per_page=1")
    rest_route = basic(shop, *key.basic, path="/", query=query)
    assert rest_route.status == recorded("site_failures/plain_permalinks_root_rest_route")["status"] == 401


def test_behaviour_30_server_errors_that_are_refusals(shop: Shop, recorded: Recorded) -> None:
    first, second = shop.desk.place(paid=True), shop.desk.place(paid=True)
    refund = shop.desk.refund(first, 100).id
    same(shop.request("GET", f"orders/{second}/refunds/{refund}"), recorded("refunds/refund_on_wrong_order"))
    path = f"orders/{second}/refunds"
    big = shop.request("POST", path, body={"amount": "99999999", "api_refund": False})
    same(big, recorded("errors/refund_too_big"))
    gateway = shop.request("POST", path, body={"amount": "1"})
    same(gateway, recorded("errors/refund_api_refund_unsupported_gateway"))
    same(shop.request("PUT", "orders/999999", body={"status": "completed"}), recorded("errors/put_unknown_order"))
    same(shop.request("GET", "orders/999999"), recorded("errors/404_order"))
    same(shop.request("GET", "orders/0"), recorded("errors/404_order_zero"))
    same(shop.request("GET", f"orders/{refund}"), recorded("refunds/refund_id_as_order"))
    same(shop.request("GET", "orders/999999/refunds"), recorded("errors/404_refunds_of_unknown_order"))
    same(shop.request("GET", "orders/999999/notes"), recorded("errors/404_notes_of_unknown_order"))


def test_behaviour_30_deleting(shop: Shop, recorded: Recorded) -> None:
    customer = next(user.id for user in shop.world.users.values() if user.role == "customer" and user.id > 2)
    same(shop.request("DELETE", f"customers/{customer}"), recorded("customers/delete_without_force"))
    category = shop.get("products/categories")[0]["id"]
    same(shop.request("DELETE", f"products/categories/{category}"), recorded("catalog/category_delete_no_force"))
    number = shop.desk.place()
    gone = shop.request("DELETE", f"orders/{number}")
    assert (gone.status, gone.json()["status"]) == (200, "pending")  # as it was
    same(shop.request("DELETE", f"orders/{number}"), recorded("writes/delete_already_trashed"))
    erased = shop.request("DELETE", f"orders/{number}", params={"force": "true"})
    assert (erased.status, erased.json()["status"]) == (200, recorded("writes/delete_force")["body"]["status"])
    same(shop.request("GET", f"orders/{number}"), recorded("writes/get_after_force_delete"))
    many = {"update": [{"id": 1, "customer_note": "z"}] * 101}
    same(shop.request("POST", "orders/batch", body=many), recorded("writes/batch_101_items"))


def test_behaviour_31_a_batch_is_200_with_errors_inside(shop: Shop, recorded: Recorded) -> None:
    theirs = recorded("writes/orders_batch_mixed")
    note, bad, thrown = (shop.desk.place(paid=True) for _ in range(3))
    shop.desk.trash(thrown)
    product = next(p.id for p in shop.world.products.values() if p.type == "simple" and (p.stock or 0) > 20)
    body = {
        "create": [
            {"status": "processing", "line_items": [{"product_id": product, "quantity": 1}]},
            {"currency": "ZZZ"}, {"status": "on-hold", "customer_id": 999_999},
        ],
        "update": [
            {"id": note, "customer_note": "por lote"}, {"id": 999_999, "status": "completed"},
            {"id": bad, "status": "inventado"},
        ],
        "delete": [thrown, 888_888],
    }  # fmt: skip
    ours = shop.request("POST", "orders/batch", body=body)
    assert ours.status == theirs["status"] == 200
    assert ours.header("Allow") == dict(theirs["headers"])["Allow"]
    for name in ("create", "update", "delete"):
        mine, real = ours.json()[name], theirs["body"][name]
        assert [it for it in mine if "error" in it] == [it for it in real if "error" in it]
        assert [("error" in it) for it in mine] == [("error" in it) for it in real]
    assert ours.json()["create"][0]["status"] == "processing"
    assert ours.json()["update"][2]["status"] == theirs["body"]["update"][2]["status"] == "pending"
    single = shop.request("PUT", f"orders/{bad}", body={"status": "enviado"})
    same(single, recorded("errors/400_invalid_status"))
    assert (
        shop.request("GET", f"orders/{thrown}").status == recorded("behaviours/batch_delete_is_permanent")["GET_after"]
    )
    assert shop.request("POST", "orders/batch", body={}).json() == recorded("writes/batch_empty")["body"] == []
    people = recorded("writes/customers_batch")
    made = shop.request("POST", "customers/batch", body=people["request"]["body"]).json()["create"]
    assert made[1:] == people["body"]["create"][1:]
    assert list(made[0]) == list(people["body"]["create"][0])


def test_behaviour_32_versions_and_writes(shop: Shop, recorded: Recorded) -> None:
    v1 = shop.request("GET", "/wp-json/wc/v1/orders", params={"per_page": 1})
    same(v1, recorded("errors/v1_orders"))
    assert v1.header("X-WP-Total") == "0"
    v2 = shop.request("GET", "/wp-json/wc/v2/orders", params={"per_page": 1})
    assert v2.json() == shop.get("orders", per_page=1)
    assert "dp=0&context=view&page=2" in v2.header("Link")
    assert "status" not in v2.header("Link")
    same(shop.request("GET", "/wp-json/wc/v9/orders"), recorded("errors/404_api_version"))
    old = Shop(1, orders=60, settings=replace(COLOMBIA, hpos=False))
    assert old.request("GET", "/wp-json/wc/v1/orders").json()
    body = recorded("writes/same_post_twice_1")["request"]["body"] | {"line_items": []}
    first, second = (shop.request("POST", "orders", body=body).json()["id"] for _ in range(2))
    assert first != second


def test_behaviour_32_what_a_put_does_to_lines(shop: Shop, recorded: Recorded) -> None:
    product = next(p.id for p in shop.world.products.values() if p.type == "simple" and (p.stock or 0) > 20)
    number = shop.desk.place([(product, 2)], via="rest-api")
    before = shop.get(f"orders/{number}")
    more = {"line_items": [{"product_id": product, "quantity": 2}]}
    added = shop.request("PUT", f"orders/{number}", body=more).json()
    assert len(added["line_items"]) == len(recorded("writes/put_line_items_without_id_adds")["body"]["line_items"]) == 2
    assert added["tax_lines"][0]["id"] == before["tax_lines"][0]["id"]
    first = before["line_items"][0]["id"]
    less = shop.request("PUT", f"orders/{number}", body={"line_items": [{"id": first, "quantity": 0}]}).json()
    assert [line["id"] for line in less["line_items"]] == [added["line_items"][1]["id"]]
    assert less["total"] == before["total"]
    idle = recorded("writes/put_date_created_ignored")["request"]["body"]
    after = shop.request("PUT", f"orders/{number}", body=idle)
    assert after.status == 200
    for name in ("date_created", "total", "number"):
        assert after.json()[name] == less[name]


def test_behaviour_33_a_broken_shop(shop: Shop, recorded: Recorded) -> None:
    shop.faults.add("maintenance", times=1)
    maintenance = recorded("site_failures/maintenance_mode")
    reply = shop.request("GET", "orders")
    assert (reply.status, reply.json()) == (503, maintenance["body"])
    theirs = [
        (name, value)
        for name, value in maintenance["headers"]
        if name not in ("Server", "Date", "Transfer-Encoding", "Connection")
    ]
    assert reply.headers == theirs
    shop.faults.add("fatal", times=1)
    fatal = recorded("site_failures/fatal_error_in_a_plugin")
    reply = shop.request("GET", "orders")
    assert reply.status == fatal["status"] == 500
    assert reply.json()["message"] == fatal["body"]["message"]
    assert (list(reply.json()), list(reply.json()["data"])) == (list(fatal["body"]), list(fatal["body"]["data"]))
    shop.faults.add("plugin_off", times=1)
    same(shop.request("GET", "orders"), recorded("site_failures/woocommerce_plugin_deactivated"))
    assert shop.request("GET", "orders").status == recorded("site_failures/normal_after_failures")["status"] == 200


@pytest.mark.parametrize(
    ("name", "method", "path", "body"),
    [
        ("404_route", "GET", "pedidos", None), ("404_order_text_id", "GET", "orders/abc", None),
        ("404_product", "GET", "products/999999", None), ("method_not_allowed", "DELETE", "orders", None),
        ("400_bad_currency", "POST", "orders", {"currency": "ZZZ"}),
        ("400_customer_unknown", "POST", "orders", {"customer_id": 999999}),
        ("400_line_no_product", "POST", "orders", {"line_items": [{"quantity": 1}]}),
    ],
)  # fmt: skip
def test_refusals_are_the_recorded_ones(
    shop: Shop, recorded: Recorded, name: str, method: str, path: str, body: Any
) -> None:
    same(shop.request(method, path, body=body), recorded(f"errors/{name}"))


def test_more_refusals(shop: Shop, recorded: Recorded) -> None:
    number = next(iter(shop.world.orders))
    bad_email = shop.request("PUT", f"orders/{number}", body={"billing": {"email": "no-es-correo"}})
    same(bad_email, recorded("errors/400_bad_email"))
    same(
        shop.request("PUT", f"orders/{number}", body=b'{"status": "completed",}'), recorded("errors/400_malformed_json")
    )
    same(shop.request("POST", "customers", body={"first_name": "x"}), recorded("customers/create_no_email"))
    email = next(user.email for user in shop.world.users.values() if user.role == "customer")
    same(shop.request("POST", "customers", body={"email": email}), recorded("customers/create_duplicate_email"))
    same(shop.request("GET", "customers", params={"email": "no-es-correo"}), recorded("customers/email_invalid"))
    same(shop.request("GET", "customers/0"), recorded("customers/zero"))
    same(shop.request("GET", "products/categories/99999"), recorded("catalog/category_404"))
    same(
        shop.request("GET", "products", params={"status": "publish,draft"}),
        recorded("products/status_publish_comma_draft"),
    )
    for name in ("create_bad_topic", "create_bad_url"):
        same(
            shop.request("POST", "webhooks", body=recorded(f"webhooks_api/{name}")["request"]["body"]),
            recorded(f"webhooks_api/{name}"),
        )
    child = next(p for p in shop.world.products.values() if p.parent)
    other = next(p.id for p in shop.world.products.values() if p.type == "variable" and p.id != child.parent)
    wrong = shop.request("GET", f"products/{other}/variations/{child.id}")
    same(wrong, recorded("products/variation_wrong_parent"))


def test_a_duplicate_sku_names_its_owner(shop: Shop, recorded: Recorded) -> None:
    owner = next(p for p in shop.world.products.values() if p.sku and p.type == "simple")
    reply = shop.request("POST", "products", body={"name": "x", "sku": owner.sku})
    theirs = recorded("errors/400_dup_sku")["body"]
    data = {"status": 400, "resource_id": owner.id, "unique_sku": f"{owner.sku}-1"}
    assert reply.json() == {**theirs, "data": data}
    assert list(theirs["data"]) == list(data)


def test_head_says_how_much_there_is(shop: Shop, recorded: Recorded) -> None:
    head, get = (shop.request(method, "orders", params={"per_page": 5}) for method in ("HEAD", "GET"))
    assert (head.status, head.body) == (recorded("orders_list/HEAD")["status"], b"")
    assert head.headers == get.headers
