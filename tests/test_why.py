"""What `why` says where no order is meant: products, places in files, paused integrations."""

from __future__ import annotations

import msgspec
import pytest

from cuadra import accounts, inbox
from cuadra.connectors.base import Raw
from cuadra.diagnosis import in_files, products
from cuadra.ledger import acts, utc_now
from cuadra.model import Entity
from tests.rules import ana, one, way_of
from tests.world import World, line, order


def catalogue(world: World, *rows: str) -> None:
    world.take_csv({"orders.csv": "id\n", "products.csv": "\n".join(["id,sku,name,active", *rows]) + "\n"})


# ---------------------------------------------------------------- products


@pytest.mark.parametrize(
    ("asked", "kind"), [("MATE-1", "sku"), (" MATE-1 ", "sku"), ("77", "product"), ("mate  IMPERIAL", "product")]
)
def test_a_healthy_product_is_told_as_one(world: World, asked: str, kind: str) -> None:
    catalogue(world, "77,MATE-1,Mate imperial,")
    sold = line(sku="MATE-1")
    world.take(order("A", lines=[sold, {**sold, "id": "2"}], total="20.00"), order("B", lines=[sold]), order("C"))
    answer = world.why(asked)
    assert (answer.standing, answer.reason, answer.kind_of_identifier) == (None, None, kind)
    assert answer.order is None
    number = one(world, "SELECT product_id FROM product WHERE code = '77'")
    assert answer.evidence == {"products": [{
        "product": number, "name": "Mate imperial", "sku": "MATE-1", "code": "77", "active": True,
        "inactive_since": None, "orders": 2, "linked": ["sku:MATE-1", "name:mate imperial", "id:77 (shop)"],
    }]}  # fmt: skip
    assert answer.text == {"en": "It is a product, and it is here; orders that sell it: 2.",
                           "es": "Es un producto, y está aquí; pedidos que lo venden: 2."}  # fmt: skip
    assert answer.action["en"] == "Nothing to do."
    assert answer.fixed_by == "system"


def test_an_inactive_product_says_who_can_change_that(world: World) -> None:
    catalogue(world, "77,MATE-1,Mate,no")
    answer = world.why("MATE-1")
    number = one(world, "SELECT product_id FROM product")
    assert answer.evidence["products"][0]["active"] is False
    assert answer.evidence["products"][0]["inactive_since"] == one(world, "SELECT inactive_at FROM product")
    assert answer.fixed_by == "merchant"
    for lang in ("en", "es"):
        assert f"cuadra product activate {number}" in answer.action[lang]
        assert "inactiv" in answer.text[lang]


def test_products_that_share_a_sku_are_all_named(world: World) -> None:
    catalogue(world, "1,DUP,Uno,", "2,DUP,Dos,", "3,OTRO,DUP,")
    answer = world.why("DUP")
    assert [one["name"] for one in answer.evidence["products"]] == ["Uno", "Dos"]
    assert answer.text["es"].startswith("2 productos")


def test_orders_in_trouble_for_a_sku_come_first(world: World) -> None:
    catalogue(world, "1,MATE-1,Mate,no")
    world.take(order("A", lines=[line(sku="MATE-1")]))
    answer = world.why("MATE-1")
    assert (answer.standing, answer.reason) == ("held", "product_inactive")
    acts.activate_product(world.db, ana(world), one(world, "SELECT product_id FROM product"), way_of(world))
    answer = world.why("MATE-1")
    assert (answer.standing, answer.reason, answer.kind_of_identifier) == (None, None, "sku")
    assert answer.evidence["products"][0]["orders"] == 1


def test_a_former_sku_leads_to_its_product(world: World) -> None:
    catalogue(world, "1,VIEJO,Mate,")
    catalogue(world, "1,NUEVO,Mate,")
    (found,) = world.why("VIEJO").evidence["products"]
    assert found["sku"] == "NUEVO"
    assert found["linked"][:2] == ["sku:NUEVO", "sku:VIEJO"]


def test_a_product_in_a_row_that_was_refused_says_both(world: World) -> None:
    catalogue(world, "1,MATE-1,Mate,", "2,MATE-1,Mate,quizás")
    answer = world.why("MATE-1")
    assert answer.reason is None
    (note,) = answer.notes
    assert (note["reason"], note["evidence"]["file"], note["evidence"]["line"]) == (
        "file_row_invalid",
        "products.csv",
        3,
    )


def test_counting_that_takes_too_long_is_said_as_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue(world, "1,MATE-1,Mate,")
    slow = "SELECT 1, pg_sleep(5)"
    real = products.sql
    monkeypatch.setattr(products, "sql", lambda name: slow if name == "count_product_orders" else real(name))
    monkeypatch.setattr(products, "COUNT_MS", 50)
    answer = world.why("MATE-1")
    assert answer.evidence["products"][0]["orders"] is None
    assert answer.text["en"] == "It is a product, and it is here."


def test_what_nobody_knows_is_unknown_everywhere(world: World) -> None:
    catalogue(world, "1,MATE-1,Mate,")
    answer = world.why("MATE-2")
    assert (answer.standing, answer.reason) == (None, "identifier_unknown_everywhere")
    assert answer.evidence["searched"]["products"] == []


# ---------------------------------------------------------------- places in files


def test_the_row_that_holds_the_text_is_named_and_not_the_first_of_its_receipt(world: World) -> None:
    lines = "order_id,sku,name\nA,S-1,uno\nB,S-2,dos\nA,S-3,la perdida\n"
    world.take_csv({"orders.csv": "id,total\nA,1\nB,1\n", "lines.csv": lines})
    for text, places in {
        "la perdida": ["lines.csv:4"], ",S-2,": ["lines.csv:3"], "A,1": ["orders.csv:2"],
        "S-": ["lines.csv:2", "lines.csv:4", "lines.csv:3"],
    }.items():  # fmt: skip
        assert world.why(text).evidence["searched"]["files_with_it"] == places


def test_a_number_is_not_found_in_a_longer_one(world: World) -> None:
    rows = "id,total,note\n10431,1,1043x y1043\nB,1,see 1043.\nC,1,10 1043\n51043,1,\n"
    world.take_csv({"orders.csv": rows})
    assert world.why("1043").evidence["searched"]["files_with_it"] == ["orders.csv:3", "orders.csv:4"]
    assert world.why("104").evidence["searched"]["files_with_it"] == []
    assert world.why("#1043").evidence["searched"]["files_with_it"] == []


def test_what_stands_between_rows_is_in_no_file(world: World) -> None:
    """A receipt of rows says before each one: file, line, length."""
    world.take_csv({"orders.csv": "id,total\n" + "".join(f"A-{n},7.50\n" for n in range(30, 60))})
    body = bytes(one(world, "SELECT body FROM receipt WHERE kind = 'order' ORDER BY receipt_id LIMIT 1"))
    between = body.split(b"\n")[0].decode()
    assert world.why(between).evidence["searched"]["files_with_it"] == []
    world.take(order("B", note=f"see {between}, please"))
    (found,) = world.why(between).evidence["searched"]["files_with_it"]
    assert found.endswith(".jsonl:1"), "a true one is found behind any number of others"


def test_a_file_in_windows_1252_is_searched_as_it_is_written(world: World) -> None:
    rows = "id,total,note\nA,1,mañana\nB,1,ayer\n".encode("cp1252")
    world.take_csv({"orders.csv": rows})
    assert world.why("mañana").evidence["searched"]["files_with_it"] == ["orders.csv:2"]
    assert world.why("mañan").evidence["searched"]["files_with_it"] == [], "a part of a word"
    assert world.why("ma日an").evidence["searched"]["files_with_it"] == []


def test_a_search_that_takes_too_long_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take(order("A"))
    moments = iter([0.0])
    monkeypatch.setattr(in_files.time, "monotonic", lambda: next(moments, 99.0))
    assert world.why("Buyer").evidence["searched"]["files_with_it"] is None


# ---------------------------------------------------------------- notes and their proofs


def kept(world: World, count: int) -> None:
    """Receipts that arrived and wait."""
    mine = world.shop
    world.db.stage()
    with world.db.transaction(world.account.account_id) as conn:
        conn.execute("SELECT ensure_partitions(now()::date, 2)")
        raws = [Raw(Entity.ORDER, msgspec.json.encode(order(f"K-{n}")), 1) for n in range(count)]
        inbox.store(conn, world.account.account_id, mine.integration_id, raws, arrival="webhook",
                    retention=world.account.retention, now=utc_now())  # fmt: skip


@pytest.mark.parametrize("asked", ["A", "999"], ids=["an order that is here", "one that nobody knows"])
def test_a_pause_says_who_when_and_how_much_waits(world: World, asked: str) -> None:
    world.take(order("A"))
    accounts.move(world.db, world.account, world.shop, "paused", "ana", "inventory")
    kept(world, 3)
    (note,) = world.why(asked).notes
    at = one(world, "SELECT at FROM integration_state WHERE state = 'paused'")
    assert note["reason"] == "integration_paused"
    assert note["evidence"] == {"integration": "shop", "by": "ana", "at": at, "kept": 3, "note": "inventory"}


def test_a_number_of_another_kind_says_which(world: World) -> None:
    world.take(order("A", number="#1001", shipments=[{"tracking": "TRK-555"}]))
    (note,) = world.why("trk555").notes
    assert note["evidence"] == {"searched": "trk555", "kind_found": "tracking", "order": "#1001"}


# ---------------------------------------------------------------- rows that could not be taken

HEAD = "id,number,created_at,state,total,currency,customer.name,invoice_number\n"


def test_a_word_of_a_bad_row_leads_to_its_order_and_a_part_of_a_word_does_not(world: World) -> None:
    world.take_csv({"orders.csv": HEAD + "A,1043,2026-05-01T10:00:00Z,paid,abc,ARS,Mateo Carrizo,0003-00029304\n"})
    for text in ("abc", "Carrizo", "0003-00029304"):
        answer = world.why(text)
        assert (answer.standing, answer.order["number"]) == ("failed", "1043"), text
    assert world.why("abc").notes[0]["en"] == "It stands in a row of a file that belongs to order 1043."
    for text in ("Mate", "29304", "00293", "ab"):
        answer = world.why(text)
        assert (answer.standing, answer.reason) == (None, "identifier_unknown_everywhere"), text


def test_a_bad_row_of_no_order_is_the_answer_itself(world: World) -> None:
    catalogue(world, "1,MATE-1,Mate,quizás")
    answer = world.why("quizás")
    assert (answer.standing, answer.evidence["column"]) == (None, "active")


def test_what_comes_again_right_in_a_whole_new_file_has_no_bad_row_any_more(world: World) -> None:
    bad = HEAD + "A,1,2026-05-01T10:00:00Z,paid,abc,ARS,Eva,\nB,2,2026-05-01T10:00:00Z,paid,xyz,ARS,Ana,\n"
    world.take_csv({"orders.csv": bad})
    waiting = "SELECT line FROM file_reject WHERE NOT settled ORDER BY set_id, line"
    assert world.rows(waiting) == [(2,), (3,)]
    world.take_csv({"orders.csv": bad.replace("abc", "7.50")})
    assert world.rows(waiting) == [(3,), (3,)], "of both files: of B nothing right has come"
    assert world.why("1").standing != "failed"
    world.take_csv({"orders.csv": bad.replace("abc", "7.50").replace("xyz", "8.50")})
    assert world.rows(waiting) == []


def test_a_right_row_before_a_bad_one_settles_nothing(world: World) -> None:
    world.take_csv({"orders.csv": HEAD + "A,1,2026-05-01T10:00:00Z,paid,7.50,ARS,Eva,\n"})
    world.take_csv({"orders.csv": HEAD + "A,1,2026-05-01T10:00:00Z,paid,abc,ARS,Eva,\n"})
    world.take_csv({"orders.csv": HEAD + "B,2,2026-05-01T10:00:00Z,paid,7.50,ARS,Eva,\n"})
    assert world.rows("SELECT count(*) FROM file_reject WHERE NOT settled") == [(1,)]
