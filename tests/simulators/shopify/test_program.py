"""The shop as a program, and Shopify's own library against it."""

from __future__ import annotations

import json
import re
import threading
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from cuadra_simulators.shopify import MEXICO, Clock, Shop
from cuadra_simulators.shopify.__main__ import main
from cuadra_simulators.shopify.diary import Diary, Kept
from tests.simulators.shopify.queries import BULK, BULK_STATUS, ORDERS_PAGE, PING, RUN_BULK, TAG


def test_the_official_library_reads_it(shop: Shop) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import shopify
    with shop:
        shopify.Session.setup(protocol="http", myshopify_domain="0.0.1", port=int(shop.url.rpartition(":")[2]))
        session = shopify.Session("127.0.0.1", "2026-04", shop.token)
        assert session.site == f"{shop.url}/admin/api/2026-04"
        shopify.ShopifyResource.activate_session(session)
        try:
            said = json.loads(shopify.GraphQL().execute(PING))
            page = json.loads(shopify.GraphQL().execute(ORDERS_PAGE, {"first": 5}, "OrdersPage"))
        finally:
            shopify.ShopifyResource.clear_session()
            shopify.Session.setup(protocol="https", myshopify_domain="myshopify.com", port=None)
    assert said["data"]["shop"]["myshopifyDomain"] == shop.domain
    assert len(page["data"]["orders"]["nodes"]) == 5


def test_the_program_lives_until_it_is_stopped(tmp_path: Path) -> None:
    stop, said, answers = threading.Event(), list[str](), list[Any]()
    where = tmp_path / "place.json"

    def say(text: str) -> None:
        said.append(text)
        if len(said) == 25:
            place = json.loads(where.read_text())
            headers = {"X-Shopify-Access-Token": place["token"]}
            url = f"{place['url']}/admin/api/2026-04/graphql.json"
            answers.append(httpx.post(url, json={"query": PING}, headers=headers).json())
            form = {key: place[key] for key in ("client_id", "client_secret")} | {"grant_type": "client_credentials"}
            answers.append(httpx.post(f"{place['url']}/admin/oauth/access_token", data=form).status_code)
            stop.set()

    arguments = ["--port", "0", "--seed", "4", "--orders", "30", "--country", "ES", "--pace", "0", "--place", str(where),
                 "--fault", "skip_item=0.5"]  # fmt: skip
    assert main(arguments, stop=stop, say=say) == 0
    assert answers[0]["data"]["shop"]["currencyCode"] == "EUR"
    assert answers[1] == 200
    assert set(json.loads(where.read_text())) == {"url", "domain", "token", "client_id", "client_secret", "pid"}
    assert where.stat().st_mode & 0o777 == 0o600
    assert "POST graphql Ping" in said[-1]
    assert any(line.startswith("place") for line in said)
    assert re.search(r"http://127\.0\.0\.1:\d+", said[0])


def test_the_program_ends_when_nobody_asks() -> None:
    said: list[str] = []
    arguments = ["--port", "0", "--orders", "5", "--pace", "0.01", "--idle", "0.1"]
    assert main(arguments, say=said.append) == 0
    assert said[-1] == "nobody asked for anything"


def test_the_program_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--fault", "earthquake=1"])
    assert "there is no fault «earthquake»" in capsys.readouterr().err


def test_a_shop_with_a_diary_is_the_same_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "diary"

    def opened() -> tuple[Shop, Diary]:
        diary = Diary(path, seed=3, orders=30)
        shop = Shop(diary.opening["seed"], orders=diary.opening["orders"], clock=Diary.clock(diary))
        diary.relive(shop)
        return shop, diary

    shop, diary = opened()
    for _ in range(20):
        diary.step(shop)
    order = next(reversed(shop.truth.orders(erased=False).values()))
    shop.graphql(TAG, {"id": order.gid, "tags": ["cuadra"]})
    before = shop.truth.orders()
    with pytest.raises(Kept):
        Diary(path)
    diary.close()
    again, diary = opened()
    diary.close()
    assert again.truth.orders() == before
    assert "cuadra" in again.truth.order(order.id).tags
    assert again.token == shop.token
    assert abs(again.clock.now - datetime.now(UTC).timestamp()) < 5


def test_deliveries_and_bulk_operations_follow_a_running_clock(shop: Shop) -> None:
    heard = threading.Event()
    running = Shop(1, orders=3, clock=Clock(running=True), send=lambda *_: (heard.set() or 200, ""))
    running.subscribe("orders/create", "https://hub.example/in")
    running.cron.start(every=0.01)
    try:
        running.life.step("place")
        assert heard.wait(20)
    finally:
        running.cron.stop()


def test_the_file_of_a_bulk_operation_is_served() -> None:
    shop = Shop(1, orders=60, clock=Clock(running=True), settings=replace(MEXICO, bulk_seconds=0))
    with shop, httpx.Client(headers={"X-Shopify-Access-Token": shop.token}) as client:

        def ask(query: str, **variables: Any) -> Any:
            url = f"{shop.url}/admin/api/2026-04/graphql.json"
            return client.post(url, json={"query": query, "variables": variables}).json()["data"]

        shop.cron.start(every=0.01)
        gid = ask(RUN_BULK, q=BULK)["bulkOperationRunQuery"]["bulkOperation"]["id"]
        while (said := ask(BULK_STATUS, id=gid)["bulkOperation"])["status"] != "COMPLETED":
            assert said["status"] in ("CREATED", "RUNNING")
        answer = httpx.get(said["url"])
    assert answer.headers["content-type"] == "application/jsonl"
    assert str(len(answer.content)) == said["fileSize"]
    assert len(answer.text.splitlines()) == int(said["objectCount"])
