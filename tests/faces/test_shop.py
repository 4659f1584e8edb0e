"""Commands that ask a shop, as a person types them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cuadra import accounts
from cuadra.connectors.woocommerce.hooks import TOPICS
from cuadra.faces.cli import shop as commands
from cuadra_simulators.woocommerce import Shop
from cuadra_simulators.woocommerce.clock import Clock
from tests.connectors import shops
from tests.faces.conftest import Cuadra, Said
from tests.simulators.woocommerce.receiver import Receiver
from tests.world import World

OPEN_LEAVES_OUT = ("completed", "cancelled", "refunded", "failed", "trash")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop(1, orders=40, days=90, customers=5, clock=Clock(running=True)) as made:
        made.dispatcher.send = Receiver()
        yield made


def add(cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch, *more: str, key: str = "key") -> Said:
    """Add the shop as «woo», as the how-to does."""
    name, secret = getattr(shop, key).basic
    monkeypatch.setenv("WOO_KEY", name)
    monkeypatch.setenv("WOO_SECRET", secret)
    values = [part for pair in shops.settings(shop).items() for part in ("--set", "=".join(pair))]
    return cuadra("integration", "add", "woo", "--connector", "woocommerce", *values, "--secret",
                  "consumer_key=env:WOO_KEY", "--secret", "consumer_secret=env:WOO_SECRET", *more)  # fmt: skip


def recent(shop: Shop, *without: str) -> int:
    """Orders of the last 61 days, as the shop really has them."""
    since = shop.clock.now - 61 * 86400
    return sum(
        order.created >= since and order.status not in without for order in shop.truth.orders(erased=False).values()
    )


def rule(world: World) -> Any:
    one = accounts.integration_named(world.db, world.account, "woo")
    with world.db.transaction(world.account.account_id) as conn:
        stored = accounts.stored_rules(conn, world.account.account_id, one.integration_id, one.rule_version)
    return stored.get("first", {}).get("without", [])


# ---------------------------------------------------------------- test


def test_a_good_connection_is_all_ticks(cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert add(cuadra, shop, monkeypatch).code == 0
    answer = cuadra("integration", "test", "woo")
    assert answer.code == 0
    assert "✓ Orders can be read\n" in answer.out
    assert "✗" not in answer.out
    answer = cuadra("integration", "test", "woo", lang="es")
    assert "✓ Los pedidos se pueden leer\n" in answer.out
    found = json.loads(cuadra("integration", "test", "woo", "--json").out)
    assert {"good": True, "text": "Orders can be read", "reason": None} in found


def test_what_is_missing_is_a_cross_and_exit_1(
    world: World, cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(cuadra, shop, monkeypatch, key="read_key")
    answer = cuadra("integration", "test", "woo")
    assert answer.code == 1
    assert "✗ The key may only read" in answer.out
    answer = cuadra("integration", "test", "woo", "--json")
    assert answer.code == 1
    assert [one["reason"] for one in json.loads(answer.out) if one["good"] is False] == ["scope_missing"]
    assert accounts.integration_named(world.db, world.account, "woo").state == "draft"


@pytest.mark.parametrize("command", ["test", "webhooks", "profile"])
def test_files_are_refused_in_a_sentence(cuadra: Cuadra, command: str) -> None:
    answer = cuadra("integration", command, "shop")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "reads files" in answer.err


@pytest.mark.parametrize("command", ["test", "webhooks", "profile"])
def test_without_credentials_they_are_asked_for(cuadra: Cuadra, shop: Shop, command: str) -> None:
    values = [part for pair in shops.settings(shop, notices="https://hooks.example").items()
              for part in ("--set", "=".join(pair))]  # fmt: skip
    assert cuadra("integration", "add", "woo", "--connector", "woocommerce", *values).code == 0
    answer = cuadra("integration", command, "woo")
    assert answer.code == 2
    assert "consumer_key is missing" in answer.err


def test_a_file_set_has_no_profile(cuadra: Cuadra, world: World) -> None:
    answer = cuadra("integration", "profile", "shop", "open")
    assert answer.code == 2
    assert "has no profiles" in answer.err
    answer = cuadra("integration", "add", "till", "--set", f"path={world.tmp}", "--profile", "open")
    assert answer.code == 2
    assert [one.name for one in accounts.integrations(world.db, world.account)] == ["shop"]


# ---------------------------------------------------------------- webhooks


def test_webhooks_are_registered_shown_and_removed(
    world: World, cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(cuadra, shop, monkeypatch)
    answer = cuadra("integration", "webhooks", "woo")
    assert answer.code == 0
    assert "--url https://hooks.example" in answer.out
    answer = cuadra("integration", "webhooks", "woo", "--url", "https://hooks.example/")
    assert answer.code == 0
    assert len(shop.world.webhooks) == len(TOPICS)
    for topic in TOPICS:
        assert topic in answer.out
    one = accounts.integration_named(world.db, world.account, "woo")
    assert one.settings["notices"] == "https://hooks.example"
    assert f"https://hooks.example/in/{one.address}" in answer.out
    assert "webhook_secret" in cuadra("integration", "show", "woo").out

    found = json.loads(cuadra("integration", "webhooks", "woo", "--json").out)
    assert {it["state"] for it in found["topics"]} == {"active"}
    assert found["lost_since"] is None
    del shop.world.webhooks[min(shop.world.webhooks)]
    answer = cuadra("integration", "webhooks", "woo")
    assert "Notices may be missing since" in answer.out
    assert "gone" in answer.out

    answer = cuadra("integration", "webhooks", "woo", "--remove")
    assert answer.out.startswith(f"{len(TOPICS)} webhooks ended")
    assert shop.world.webhooks == {}
    assert "--url" in cuadra("integration", "webhooks", "woo").out
    assert json.loads(cuadra("integration", "webhooks", "woo", "--remove", "--json").out) == {"ended": 0}
    assert cuadra("integration", "webhooks", "woo", "--remove", "--url", "https://x.example").code == 2


def test_a_shop_that_refuses_is_said_with_its_reason(
    cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(cuadra, shop, monkeypatch)
    shop.revoke(shop.key)
    for words in (("webhooks", "woo", "--url", "https://hooks.example"), ("profile", "woo")):
        answer = cuadra("integration", *words)
        assert answer.code == 3
        assert "(credentials_invalid)" in answer.err
        assert "cuadra integration test woo" in answer.err


# ---------------------------------------------------------------- profiles


def test_the_counts_of_profiles_are_the_truth(cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    add(cuadra, shop, monkeypatch)
    total, open_ones = recent(shop), recent(shop, *OPEN_LEAVES_OUT)
    assert 0 < open_ones < total < 40
    answer = cuadra("integration", "profile", "woo")
    assert answer.code == 0
    assert f"open: {open_ones} of {total} orders" in answer.out
    assert f"✓ all: {total} of {total} orders" in answer.out
    assert f"open: {open_ones} de {total} pedidos" in cuadra("integration", "profile", "woo", lang="es").out
    found = json.loads(cuadra("integration", "profile", "woo", "--json").out)
    assert found["orders"] == total == sum(found["states"].values())
    assert [(it["name"], it["orders"], it["chosen"]) for it in found["profiles"]] == [
        ("open", open_ones, False), ("all", total, True),
    ]  # fmt: skip


def test_counts_begin_where_the_first_import_does(cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    add(cuadra, shop, monkeypatch)
    cuadra("rules", "set", "woo", "first.since", "2020-01-01")
    found = json.loads(cuadra("integration", "profile", "woo", "--json").out)
    assert found["orders"] == len(shop.truth.orders(erased=False))


def test_a_profile_becomes_a_rule_with_a_note(
    world: World, cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(cuadra, shop, monkeypatch)
    answer = cuadra("integration", "profile", "woo", "open", "--note", "for the ERP")
    assert answer.code == 0
    assert "«open» (version 2 of the rules)" in answer.out
    assert rule(world) == list(OPEN_LEAVES_OUT)
    assert "for the ERP" in cuadra("rules", "history", "woo").out
    assert json.loads(cuadra("integration", "profile", "woo", "--json").out)["profiles"][0]["chosen"] is True
    assert json.loads(cuadra("integration", "profile", "woo", "all", "--json").out)["version"] == 3
    assert rule(world) == []
    assert "profile all" in cuadra("rules", "history", "woo").out
    answer = cuadra("integration", "profile", "woo", "some")
    assert answer.code == 2
    assert "there are open, all" in answer.err


# ---------------------------------------------------------------- add


def test_add_takes_credentials_and_a_profile(
    world: World, cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = add(cuadra, shop, monkeypatch, "--profile", "open")
    assert answer.code == 0
    assert "«open»" in answer.out
    assert rule(world) == list(OPEN_LEAVES_OUT)
    assert json.loads(cuadra("integration", "show", "woo", "--json").out)["secrets"] == [
        "consumer_key",
        "consumer_secret",
    ]


def test_without_a_terminal_add_takes_all_and_says_how_to_choose(
    world: World, cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = add(cuadra, shop, monkeypatch)
    assert "cuadra integration profile woo" in answer.out
    assert rule(world) == []
    assert shop.calls.total() == 0


@pytest.mark.parametrize(
    ("values", "words"),
    [(("--profile", "some"), "there are open, all"), (("--secret", "x=env:NOT_THERE"), "NOT_THERE"),
     (("--secret", "x"), "KEY=VALUE")],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_added(
    world: World, cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch, values: tuple[str, ...], words: str
) -> None:
    answer = add(cuadra, shop, monkeypatch, *values)
    assert answer.code == 2
    assert words in answer.err
    assert [one.name for one in accounts.integrations(world.db, world.account)] == ["shop"]


class Typed(io.StringIO):
    """A terminal at which this is typed."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    def typing(text: str) -> None:
        monkeypatch.setattr("sys.stdin", Typed(text))
        monkeypatch.setattr(commands.out, "_force_terminal", True)

    return typing


@pytest.mark.parametrize(("typed", "without"), [("\n", OPEN_LEAVES_OUT), ("none\nall\n", ())])
def test_at_a_terminal_add_counts_and_asks(
    world: World, cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch, terminal: Any, typed: str,
    without: tuple[str, ...],
) -> None:  # fmt: skip
    terminal(typed)
    answer = add(cuadra, shop, monkeypatch)
    assert answer.code == 0
    assert f"open: {recent(shop, *OPEN_LEAVES_OUT)} of {recent(shop)} orders" in answer.out
    assert "Which profile?" in answer.out
    assert rule(world) == list(without)


def test_at_a_terminal_a_shop_that_cannot_be_counted_is_no_obstacle(
    world: World, cuadra: Cuadra, shop: Shop, monkeypatch: pytest.MonkeyPatch, terminal: Any
) -> None:
    terminal("")
    shop.revoke(shop.key)
    answer = add(cuadra, shop, monkeypatch)
    assert answer.code == 0
    assert "could not be counted" in answer.err
    assert "cuadra integration profile woo" in answer.out
    assert accounts.integration_named(world.db, world.account, "woo").state == "draft"
