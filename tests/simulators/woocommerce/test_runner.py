"""The shop as a program."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from woocommerce import API

from cuadra_simulators.woocommerce import Shop
from cuadra_simulators.woocommerce.__main__ import main
from cuadra_simulators.woocommerce.clock import Clock
from cuadra_simulators.woocommerce.diary import Diary, Kept


def test_the_program_lives_until_it_is_stopped() -> None:
    stop, said = threading.Event(), list[str]()
    answers: list[int] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == 30:
            url = re.search(r"http://\S+", said[0])
            key = said[1].split()[-2:]
            assert url
            answers.append(API(url[0], *key, timeout=20).get("orders", params={"per_page": 1}).status_code)
            stop.set()

    arguments = [
        "--port",
        "0",
        "--seed",
        "4",
        "--orders",
        "30",
        "--pace",
        "0",
        "--queue",
        "1",
        "--fault",
        "skip_item=0.5",
    ]
    assert main(arguments, stop=stop, say=say) == 0
    assert answers == [200]
    assert "GET orders" in said[-1]
    assert any(line.startswith("place") for line in said)


def test_the_program_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--fault", "earthquake=1"])
    assert "there is no fault «earthquake»" in capsys.readouterr().err


def test_a_shop_with_a_diary_is_the_same_after_a_restart(tmp_path: Path) -> None:
    """Its past, what it lived, what was written to it, and its webhooks; also after its last line was cut off."""
    diary = tmp_path / "diary"

    def opened() -> tuple[Diary, Shop]:
        book = Diary(diary, seed=5)
        shop = Shop(book.opening["seed"], orders=60, clock=Clock(book.opened), send=lambda *_: (200, ""))
        book.relive(shop)
        return book, shop

    book, shop = opened()
    for n in range(150):
        event = book.step(shop)
        if n % 10 == 0:
            order = next(one.id for one in reversed(shop.world.orders.values()) if one.status == "processing")
            assert shop.request("PUT", f"orders/{order}", body={"status": "completed"}).status == 200
        if n == 40:
            hook = {"topic": "order.updated", "delivery_url": "http://127.0.0.1:9/in/x", "secret": "s"}
            assert shop.request("POST", "webhooks", body=hook).status == 201
    assert event.at >= book.opened.timestamp()
    assert shop.request("PUT", "orders/1", body={"status": "completed"}).status == 400
    seen = _everything(shop)
    with pytest.raises(Kept):
        Diary(diary)
    book.close()
    with diary.open("ab") as file:
        file.write(b'{"at": 17')
    book, shop = opened()
    assert _everything(shop) == seen
    assert [one.delivery_url for one in shop.world.webhooks.values()] == ["http://127.0.0.1:9/in/x"]
    assert not shop.dispatcher.queue
    assert book.step(shop).at >= event.at
    book.close()


def _everything(shop: Shop) -> dict[str, Any]:
    return {
        "orders": {number: repr(order) for number, order in shop.world.orders.items()},
        "erased": sorted(shop.world.erased), "products": repr(shop.world.products), "keys": repr(shop.world.keys),
    }  # fmt: skip


def test_the_program_tells_its_place_and_ends_when_nobody_asks(tmp_path: Path) -> None:
    place = tmp_path / "place.json"
    words = ["--port", "0", "--orders", "30", "--pace", "0.01", "--idle", "0.2", "--diary", str(tmp_path / "diary")]
    said = list[str]()
    assert main([*words, "--place", str(place)], say=said.append) == 0
    told = json.loads(place.read_text())
    assert told["url"] in said[0]
    assert told["secret"] in said[1]
    assert place.stat().st_mode & 0o777 == (tmp_path / "diary").stat().st_mode & 0o777 == 0o600
    book = Diary(tmp_path / "diary")
    assert main([*words], say=said.append) == 1
    assert "is kept by a shop that is open" in said[-1]
    book.close()
