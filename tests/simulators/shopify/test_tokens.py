"""Tokens: permanent, of a day, of an hour; and when they die."""

from __future__ import annotations

from typing import Any

from cuadra_simulators.shopify import Shop
from tests.simulators.shopify.queries import PING


def works(shop: Shop, token: str) -> bool:
    reply = shop.request("POST", "graphql.json", body={"query": PING}, token=token)
    assert reply.status in (200, 401)
    return reply.status == 200


def granted(shop: Shop, **fields: str) -> dict[str, Any]:
    reply = shop.grant(client_id=shop.app.client_id, client_secret=shop.app.client_secret, **fields)
    said: dict[str, Any] = reply.json()
    return said | {"status": reply.status}


def test_a_legacy_token_lives_until_it_is_revoked(shop: Shop) -> None:
    shop.clock.advance(400 * 86_400)
    assert works(shop, shop.token)
    shop.revoke()
    assert not works(shop, shop.token)


def test_a_missing_or_wrong_token_is_401(shop: Shop) -> None:
    assert not works(shop, "")
    assert not works(shop, "shpat_nothing")
    reply = shop.request("POST", "graphql.json", body={"query": PING}, token="")
    assert isinstance(reply.json()["errors"], str)


def test_an_app_of_the_organization_gets_a_token_for_a_day(shop: Shop) -> None:
    said = granted(shop, grant_type="client_credentials")
    assert said["expires_in"] == 86_399
    assert "read_orders" in said["scope"].split(",")
    assert "refresh_token" not in said
    assert works(shop, said["access_token"])
    shop.clock.advance(86_398)
    assert works(shop, said["access_token"])
    shop.clock.advance(1)
    assert not works(shop, said["access_token"])
    assert works(shop, granted(shop, grant_type="client_credentials")["access_token"])


def test_json_is_taken_as_well_as_a_form(shop: Shop) -> None:
    body = {
        "client_id": shop.app.client_id,
        "client_secret": shop.app.client_secret,
        "grant_type": "client_credentials",
    }
    assert shop.request("POST", "/admin/oauth/access_token", body=body).status == 200


def test_a_wrong_secret_or_grant_is_refused(shop: Shop) -> None:
    wrong = shop.grant(grant_type="client_credentials", client_id=shop.app.client_id, client_secret="x")
    assert (wrong.status, wrong.json()["error"]) == (400, "invalid_client")
    assert granted(shop, grant_type="password")["error"] == "unsupported_grant_type"


def test_client_credentials_are_for_apps_of_the_organization() -> None:
    shop = Shop(1, orders=1, kind="public")
    assert granted(shop, grant_type="client_credentials")["status"] == 400


def test_a_refresh_token_is_replaced_and_the_one_before_works_until_the_new_one_is_used() -> None:
    shop = Shop(1, orders=1, kind="public")
    first = shop.tokens.exchange(shop.app)
    assert first["expires_in"] == 3_600
    shop.clock.advance(3_600)
    assert not works(shop, first["access_token"])
    second = granted(shop, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert works(shop, second["access_token"])
    assert second["refresh_token"] != first["refresh_token"]
    again = granted(shop, grant_type="refresh_token", refresh_token=first["refresh_token"])  # the answer was lost
    assert works(shop, again["access_token"])
    third = granted(shop, grant_type="refresh_token", refresh_token=again["refresh_token"])
    assert works(shop, third["access_token"])
    assert granted(shop, grant_type="refresh_token", refresh_token=first["refresh_token"])["error"] == "invalid_grant"
    assert granted(shop, grant_type="refresh_token", refresh_token=again["refresh_token"])["status"] == 200


def test_an_app_that_was_thrown_out_has_no_token(shop: Shop) -> None:
    shop.uninstall()
    assert not works(shop, shop.token)
    assert granted(shop, grant_type="client_credentials")["error"] == "invalid_client"


def test_temporary_tokens_expire_on_command(shop: Shop) -> None:
    token = granted(shop, grant_type="client_credentials")["access_token"]
    shop.tokens.expire(shop.app)
    assert not works(shop, token)
    assert works(shop, shop.token)
