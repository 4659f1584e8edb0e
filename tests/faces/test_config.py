"""Configuration as a person types it: integrations, rules, accounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from cuadra import accounts
from cuadra.errors import UsageError
from cuadra.pipeline.rules import Rules, change, flatten
from tests.faces.conftest import Cuadra
from tests.world import World


def settings(world: World, name: str = "shop") -> dict[str, object]:
    return accounts.integration_named(world.db, world.account, name).settings


# ---------------------------------------------------------------- integration set


def test_a_change_is_said_and_what_is_so_already_is_none(world: World, cuadra: Cuadra) -> None:
    here = f"path={world.drop()}"
    assert cuadra("integration", "set", "shop", "--set", here).out == "Nothing to change: shop is so already.\n"
    assert world.rows("SELECT 1 FROM audit WHERE action = 'integration set'") == []
    other = world.tmp / "other"
    other.mkdir()
    assert cuadra("integration", "set", "shop", "--set", f"path={other}").out == "Integration shop changed.\n"
    assert settings(world)["path"] == str(other)
    assert len(world.rows("SELECT 1 FROM audit WHERE action = 'integration set'")) == 1


@pytest.mark.parametrize("words", [("integration", "set", "shop"), ("account", "set", "acme")])
def test_to_change_nothing_at_all_is_a_question(cuadra: Cuadra, words: tuple[str, ...]) -> None:
    answer = cuadra(*words)
    assert answer.code == 2
    assert answer.err.startswith("Say what to change: --")


def test_a_path_is_kept_from_the_root_on(world: World, cuadra: Cuadra, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.tmp / "in").mkdir()
    (world.tmp / "map.toml").write_text('[files.orders]\nname = "o.csv"\n[files.orders.columns]\nid = "n"\n')
    monkeypatch.chdir(world.tmp)
    assert cuadra("integration", "add", "till", "--set", "path=in", "--set", "mapping=map.toml").code == 0
    assert settings(world, "till") == {"path": str(world.tmp / "in"), "mapping": str(world.tmp / "map.toml")}
    assert cuadra("integration", "set", "till", "--set", "mapping=").code == 0
    assert settings(world, "till")["mapping"] == ""
    monkeypatch.setenv("HOME", str(world.tmp))
    cuadra("integration", "set", "shop", "--set", "path=~/in")
    assert settings(world)["path"] == str(world.tmp / "in")


def test_one_folder_is_one_store_however_it_is_written(
    world: World, cuadra: Cuadra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.drop().parent)
    answer = cuadra("integration", "add", "twin", "--set", f"path={Path(world.drop()).name}")
    assert answer.code == 2
    assert "already connected by shop" in answer.err


# ---------------------------------------------------------------- rules set


@pytest.mark.parametrize(
    ("key", "value", "english", "spanish"),
    [
        ("products.identify_by", "ean", "it is one of id, name, sku.", "es uno de id, name, sku."),
        ("products.always_piece", "maybe", "write yes or no.", "escribir yes o no."),
        ("unpaid_days", "-3", "write a whole number from 0 to 365.", "escribir un número entero de 0 a 365."),
        ("unpaid_days", "--3", "write a whole number from 0 to 365.", "escribir un número entero de 0 a 365."),
        ("unpaid_days", "9" * 5000, "from 0 to 365.", "de 0 a 365."),
        ("unpaid_days", "a week", "from 0 to 365.", "de 0 a 365."),
        ("customers.region", "Argentina", "write two capitals like AR, or nothing.", "dos mayúsculas como AR, o nada."),
        ("states.raw.enviado", "vendido", "a verdict is one of sale, unpaid", "un veredicto es uno de sale, unpaid"),
        ("states.payment", "paid=vendido", "a verdict is one of sale, unpaid", "un veredicto es uno de sale, unpaid"),
        ("currency", "", "it is one of convert, hold, keep.", "es uno de convert, hold, keep."),
    ],
)
def test_a_value_that_does_not_fit_is_told_which_do(
    cuadra: Cuadra, key: str, value: str, english: str, spanish: str
) -> None:
    for lang, words in (("en", english), ("es", spanish)):
        answer = cuadra("rules", "set", "shop", "--", key, value, lang=lang)
        assert answer.code == 2
        assert f"«{value}»" in answer.err
        assert words in answer.err
        assert "`" not in answer.err
        assert "Expected" not in answer.err


def test_every_rule_says_what_fits() -> None:
    for key, value in flatten(Rules()).items():
        if not isinstance(value, list):
            text = "x=?" if isinstance(value, dict) else "?"
            with pytest.raises(UsageError, match="does not fit the rule"):
                change(Rules(), key, text)


@pytest.mark.parametrize("rate", ["1_000", "mil", "0", "nan"])
def test_a_rate_is_a_number(cuadra: Cuadra, rate: str) -> None:
    assert cuadra("rate", "set", "USD", "2026-11-21", rate).code == 2
