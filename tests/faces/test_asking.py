"""What `why` and `import` show to people: their language, their clock. JSON keeps what is stored."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cuadra import accounts
from cuadra.faces import saying
from cuadra.ledger import acts
from tests.faces.conftest import Cuadra
from tests.rules import ana, one, order_id
from tests.world import World, line, order

ZONE = "America/Argentina/Buenos_Aires"


def local(moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M}"


def test_times_of_a_proof_are_those_of_the_account_and_json_keeps_utc(world: World, cuadra: Cuadra) -> None:
    world.take(order("A", state="pending", created_at="2026-05-01T02:30:00Z"))
    world.rules(unpaid_days="365")
    until = datetime(2026, 5, 1, 2, 30, tzinfo=UTC) + timedelta(days=365)
    said = cuadra("why", "A", lang="es")
    assert local(until) in said.out
    assert "+00:00" not in said.out
    assert json.loads(cuadra("why", "A", "--json").out)["evidence"]["until"] == until.isoformat()


def test_a_pause_and_a_freeze_are_told_with_their_times(world: World, cuadra: Cuadra) -> None:
    world.take(order("A"))
    acts.write_off(world.db, ana(world), order_id(world, "A"))
    world.take(order("A", note="x"))
    accounts.move(world.db, world.account, world.shop, "paused", "ana", "inventario")
    frozen = one(world, "SELECT frozen_at FROM orders")
    paused = one(world, "SELECT at FROM integration_state WHERE state = 'paused'")
    said = cuadra("why", "A", lang="es").out
    assert f"congelado el: {local(frozen)}" in said or local(frozen) in said
    assert f"fecha: {local(paused)}" in said
    assert "por: ana" in said
    assert "conservado: 0" in said
    notes = json.loads(cuadra("why", "A", "--json").out)["notes"]
    assert notes[1]["evidence"]["at"] == paused.astimezone(UTC).isoformat()
    refused = cuadra("import", "shop", lang="es")
    assert refused.code == 2
    assert local(paused) in refused.err


ENGLISH = re.compile(
    r"\b(present|active|paused|name|state|last_import|orders|linked|unknown|loop|email|phone|yes|the|address)\b"
)


def test_spanish_has_no_english_words_in_it(world: World, cuadra: Cuadra) -> None:
    world.take_csv({
        "orders.csv": "id\n", "products.csv": "id,sku,name,category_id\n1,MATE-1,Mate,2\n",
        "categories.csv": "id,name,parent\n1,Ropa,2\n2,Botas,1\n",
    })  # fmt: skip
    world.take(order("A", lines=[line(sku="MATE-1")], payments=[{"id": "PAY-9"}]),
               order("B", customer={"email": "b@@b", "phone": "1", "id": "7"}))  # fmt: skip
    world.rules(customers__contact_required="no")
    for asked in ("A", "B", "PAY-9", "MATE-1", "999"):
        said = cuadra("why", asked, lang="es").out
        assert not ENGLISH.search(said.replace("name:mate", "")), said
    assert "situación presente" in cuadra("why", "A", lang="es").out
    assert "nombre shop, estado activo" in cuadra("why", "999", lang="es").out


def test_a_product_is_known_and_not_missing(world: World, cuadra: Cuadra) -> None:
    world.take(order("A", lines=[line(sku="MATE-1", name="Mate [rojo]")]))
    english, spanish = cuadra("why", "MATE-1"), cuadra("why", "MATE-1", lang="es")
    assert english.code == spanish.code == 0
    assert english.out.startswith("MATE-1  known\nIt is a product, and it is here; orders that sell it: 1.\n")
    assert spanish.out.startswith("MATE-1  conocido\nEs un producto, y está aquí; pedidos que lo venden: 1.\n")
    assert "name Mate [rojo], sku MATE-1, active yes, orders 1" in english.out
    assert "nombre Mate [rojo], SKU MATE-1, activo sí, pedidos 1" in spanish.out
    assert set(json.loads(cuadra("why", "MATE-1", "--json").out)) >= {
        "query", "kind_of_identifier", "standing", "reason", "text", "fixed_by", "action", "evidence", "order",
        "identifiers", "steps", "attempts", "receipts",
    }  # fmt: skip


def test_a_set_that_was_processed_says_when_in_the_time_of_the_account(world: World, cuadra: Cuadra) -> None:
    world.take(order("A"))
    at = one(world, "SELECT received_at FROM file_set")
    assert local(at) in cuadra("import", "shop").out
    at = json.loads(cuadra("import", "shop", "--json").out)["notes"][0]["already"]["processed_at"]
    assert datetime.fromisoformat(at).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "spanish"),
    [
        ("a contact of more than 5 people", "un contacto de más de 5 personas"),
        ("3 columns, as in the header", "3 columnas, como en el encabezado"),
        ("a finite number", "un número finito"),
        ("of a stranger, 7 of them", "of a stranger, 7 of them"),
        ("", ""),
    ],
)
def test_rules_with_a_number_in_them_are_translated_too(
    monkeypatch: pytest.MonkeyPatch, text: str, spanish: str
) -> None:
    monkeypatch.setenv("CUADRA_LANG", "es")
    assert saying.word(text) == spanish
    monkeypatch.setenv("CUADRA_LANG", "en")
    assert saying.word(text) == text


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("until", "2026-05-01T12:00:00+00:00", "2026-05-01 09:00"),
        ("until", "2026-05-01T12:00:00.123456Z", "2026-05-01 09:00"),
        ("value", "2026-05-01T12:00:00+00:00", "2026-05-01T12:00:00+00:00"),
        ("date", "2026-05-01", "2026-05-01"),
        ("state", "active", "active"),
        ("standing", "present", "presente"),
        ("value", {"email": "present"}, "correo present"),
        ("channel", ["email", "phone"], "correo; teléfono"),
        ("active", True, "sí"),
    ],
)
def test_what_the_source_wrote_is_shown_to_the_letter(
    monkeypatch: pytest.MonkeyPatch, key: str, value: object, shown: str
) -> None:
    monkeypatch.setenv("CUADRA_LANG", "es")
    assert saying.said(key, value, ZONE) == shown
