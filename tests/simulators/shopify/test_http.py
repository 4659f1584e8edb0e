"""What HTTP says: versions, statuses, bodies that are no answers; on a real socket where it matters."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest

from cuadra_simulators.shopify import MEXICO, Shop
from tests.simulators.shopify.queries import PING


def asked(shop: Shop, version: str) -> str:
    reply = shop.request("POST", f"/admin/api/{version}/graphql.json", body={"query": PING})
    assert (reply.status == 200) is ("data" in reply.json())
    return reply.header("X-Shopify-API-Version") if reply.status == 200 else str(reply.status)


@pytest.mark.parametrize(("version", "answered"), [("2026-04", "2026-04"), ("2026-10", "2026-10"), ("2025-07", "2026-01"),
                         ("2019-01", "2026-01"), ("unstable", "unstable"), ("2031-01", "404"), ("2026-05", "404"),
                         ("latest", "404")])  # fmt: skip
def test_a_retired_version_is_answered_from_the_oldest(shop: Shop, version: str, answered: str) -> None:
    assert asked(shop, version) == answered


def test_a_version_retires_on_command(shop: Shop) -> None:
    shop.faults.add("version_retired", times=1)
    assert asked(shop, "2026-04") == "2026-07"
    assert asked(shop, "2026-04") == "2026-04"


def test_versions_say_whether_they_are_supported() -> None:
    shop = Shop(1, orders=1, settings=replace(MEXICO, oldest_version="2026-04"))
    found = shop.graphql("{ publicApiVersions { handle supported } }")["data"]["publicApiVersions"]
    assert {it["handle"] for it in found if it["supported"]} == {"2026-04", "2026-07", "2026-10", "unstable"}


def test_every_answer_has_a_number_of_its_own(shop: Shop) -> None:
    numbers = [shop.request("POST", "graphql.json", body={"query": PING}).header("X-Request-Id") for _ in range(3)]
    assert len(set(numbers)) == 3
    assert shop.request("GET", "/nothing").header("X-Request-Id")


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b"{}", b'{"query": 3}', b'{"query": "{shop{id}}", "variables": 1}']
)
def test_what_cannot_be_read_is_400(shop: Shop, body: bytes) -> None:
    reply = shop.request("POST", "graphql.json", body=body)
    assert (reply.status, reply.json()) == (400, {"errors": {"query": "Required parameter missing or invalid"}})


def test_other_paths_are_not_there(shop: Shop) -> None:
    for method, path in (("GET", "/admin/api/2026-04/orders.json"), ("GET", "graphql.json"), ("POST", "/x")):
        reply = shop.request(method, path)
        assert (reply.status, reply.json()) == (404, {"errors": "Not Found"})


@pytest.mark.parametrize(("kind", "status", "message"), [
    ("error_500", 500, "Internal Server Error"), ("unavailable", 423, "This shop is unavailable"),
    ("frozen", 402, "This shop's plan does not have access to this feature"), ("forbidden", 403, "Unavailable Shop"),
    ("token_expired", 401, "[API] Invalid API key or access token (unrecognized login or wrong password)"),
])  # fmt: skip
def test_refusals_on_command(shop: Shop, kind: str, status: int, message: str) -> None:
    shop.faults.add(kind, times=1)
    reply = shop.request("POST", "graphql.json", body={"query": PING})
    assert (reply.status, reply.json()) == (status, {"errors": message})
    assert asked(shop, "2026-04") == "2026-04"


def test_a_bad_gateway_speaks_html(shop: Shop) -> None:
    shop.faults.add("bad_gateway")
    reply = shop.request("POST", "graphql.json", body={"query": PING})
    assert (reply.status, reply.body[:6]) == (502, b"<html>")


def test_a_fault_may_strike_one_operation_alone(shop: Shop) -> None:
    shop.faults.add("error_500", path="graphql Ping$")
    assert shop.request("POST", "graphql.json", body={"query": PING}).status == 500
    assert shop.request("POST", "graphql.json", body={"query": "{ shop { id } }"}).status == 200


def test_an_answer_is_cut(shop: Shop) -> None:
    shop.faults.add("cut_body", times=1)
    reply = shop.request("POST", "graphql.json", body={"query": PING})
    assert reply.status == 200
    with pytest.raises(json.JSONDecodeError):
        reply.json()


def test_an_internal_error_is_200(shop: Shop) -> None:
    shop.faults.add("internal_error", times=1)
    answer = shop.graphql(PING)
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert "data" not in answer


def test_a_field_that_is_none_is_refused_with_200(shop: Shop) -> None:
    reply = shop.request("POST", "graphql.json", body={"query": "query Q { shop { id wealth } }"})
    assert reply.status == 200
    assert reply.json() == {"errors": [{
        "message": "Field 'wealth' doesn't exist on type 'Shop'", "locations": [{"line": 1, "column": 21}],
        "extensions": {"code": "undefinedField", "typeName": "Shop", "fieldName": "wealth"},
        "path": ["query Q", "shop", "wealth"],
    }]}  # fmt: skip


def test_what_is_no_graphql_is_refused_with_200(shop: Shop) -> None:
    answer = shop.graphql("{ shop { ")
    assert list(answer) == ["errors"]
    assert answer["errors"][0]["locations"]


def test_a_wrong_variable_is_refused_with_200(shop: Shop) -> None:
    answer = shop.graphql("query($n: Int!) { orders(first: $n) { nodes { id } } }", {"n": "many"})
    assert list(answer) == ["errors"]


def test_it_listens_on_loopback(shop: Shop) -> None:
    with shop, httpx.Client(base_url=shop.url, headers={"X-Shopify-Access-Token": shop.token}) as client:
        answer = client.post("/admin/api/2026-04/graphql.json", json={"query": PING})
        assert answer.json()["data"]["shop"]["myshopifyDomain"] == shop.domain
        assert answer.headers["x-shopify-api-version"] == "2026-04"
        form = {
            "grant_type": "client_credentials",
            "client_id": shop.app.client_id,
            "client_secret": shop.app.client_secret,
        }
        assert client.post("/admin/oauth/access_token", data=form).json()["expires_in"] == 86_399
        shop.faults.add("reset", times=1)
        with pytest.raises(httpx.TransportError):
            client.post("/admin/api/2026-04/graphql.json", json={"query": PING})
        shop.faults.add("timeout", times=1, seconds=30)
        with pytest.raises(httpx.TimeoutException):
            client.post("/admin/api/2026-04/graphql.json", json={"query": PING}, timeout=0.2)
    assert shop.calls["POST graphql Ping"] == 3


def test_tokens_and_files_fail_on_command_too(shop: Shop) -> None:
    shop.faults.add("too_many", times=1)  # not theirs
    shop.faults.add("error_500", path="POST oauth", times=1)
    assert shop.grant(grant_type="client_credentials").status == 500
    assert shop.grant(grant_type="client_credentials").status == 400
    shop.faults.add("bad_gateway", path="GET bulk", times=1)
    assert shop.get(f"{shop.url}/bulk/1.jsonl").status == 502
    assert shop.faults.happened == {"error_500": 1, "bad_gateway": 1}
