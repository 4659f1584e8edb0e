"""Every reason that the program can name is reached here, with evidence that is really stored and an article that
explains it. A scenario makes a world in which a reason appears and returns the evidence found in it."""

from __future__ import annotations

import ast
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import cuadra
from cuadra import accounts, inbox, reasons, secrets
from cuadra.connectors import http
from cuadra.connectors.base import Raw, Read
from cuadra.connectors.files.layout import own_layout
from cuadra.connectors.files.nested import read_line
from cuadra.connectors.trouble import Trouble
from cuadra.connectors.woocommerce import WooCommerceConnector
from cuadra.connectors.woocommerce.shop import WooShop
from cuadra.faces.intake.app import Intake
from cuadra.jobs import delivering, sending, ways
from cuadra.ledger import BatchLedger, acts, person, utc_now
from cuadra.model import Entity
from cuadra.pipeline.run import prepare_safely as prepare
from cuadra.pipeline.run import run
from cuadra_simulators.woocommerce import ApiKey, Clock, Shop
from tests import shopifyreasons
from tests.faces import listening
from tests.loopback import serving
from tests.rules import again, ana, one, order_id, way, way_of
from tests.shopworld import SECRET, Followed, followed
from tests.world import World, line, order

SOURCE = Path(cuadra.__file__).parent
Proof = dict[str, Any]
Scenario = Callable[[World], Proof]


def named_in_source() -> dict[str, list[str]]:
    """Code → places in the program that name it as a literal of its own."""
    found: dict[str, list[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in reasons.every():
                found.setdefault(node.value, []).append(f"{path.relative_to(SOURCE)}:{node.lineno}")
    return found


NAMED = named_in_source()
SCENARIOS: list[tuple[str, Scenario]] = []


def produces(code: str) -> Callable[[Scenario], Scenario]:
    """Register a scenario of that reason; one reason may have several."""

    def register(scenario: Scenario) -> Scenario:
        SCENARIOS.append((code, scenario))
        return scenario

    return register


# ---------------------------------------------------------------- where evidence is stored


def of_order(world: World, code: str, id: str = "A") -> Proof:
    """The proof that stands with an order."""
    found = one(world, "SELECT evidence FROM orders WHERE source_id = %s", id)
    assert code in (found or {}), found
    return found[code]


def of_attempt(world: World, code: str) -> Proof:
    """The proof that stands with an attempt."""
    rows = world.rows("SELECT evidence FROM attempt WHERE reason = %s OR %s = ANY(warnings)", code, code)
    assert rows, world.rows("SELECT outcome, reason, warnings FROM attempt")
    return rows[0][0][code]


def of_line(world: World, code: str) -> Proof:
    """The proof that stands with a line."""
    return one(world, "SELECT evidence FROM order_line WHERE reason = %s LIMIT 1", code)


def of_set(world: World, code: str) -> Proof:
    """The proof that stands with a file set, which its run names too."""
    assert world.rows("SELECT 1 FROM run WHERE reason = %s AND evidence IS NOT NULL", code)
    return one(world, "SELECT evidence FROM file_set WHERE reason = %s", code)


def everywhere(world: World) -> list[tuple[str, Proof]]:
    """All proofs that are stored, with their reason."""
    found: list[tuple[str, Proof]] = []
    for table in ("orders", "attempt", "product"):
        for (evidence,) in world.rows(f"SELECT evidence FROM {table} WHERE evidence IS NOT NULL"):
            found += evidence.items()
    for table in ("order_line", "file_set", "run", "write_back", "relink"):
        found += world.rows(f"SELECT reason, evidence FROM {table} WHERE reason IS NOT NULL")  # type: ignore[arg-type]
    return found


def missing(code: str, proof: Proof) -> list[str]:
    """Keys that the catalogue demands and the proof lacks."""
    return [key for key in reasons.get(code).evidence if key not in proof]


# ---------------------------------------------------------------- the walk


@pytest.mark.parametrize("code", sorted(NAMED))
def test_every_code_that_the_program_names_has_a_scenario(code: str) -> None:
    assert code in {known for known, _ in SCENARIOS}, f"nothing here produces {code}, named at {NAMED[code]}"


@pytest.mark.parametrize("code", sorted(NAMED))
@pytest.mark.parametrize("lang", ["es", "en"])
def test_every_code_that_the_program_names_has_an_article(code: str, lang: str) -> None:
    text = reasons.article(code, lang)
    assert text is not None
    assert code in text


def cases() -> list[Any]:
    """The scenarios as test cases."""
    return [
        pytest.param(code, scenario, id=f"{code}-{scenario.__name__}")
        for code, scenario in sorted(SCENARIOS, key=lambda pair: (pair[0], pair[1].__name__))
    ]


def check_reached(world: World, code: str, scenario: Scenario) -> None:
    proof = scenario(world)
    assert missing(code, proof) == []
    assert [(found, missing(found, kept)) for found, kept in everywhere(world) if missing(found, kept)] == []


# ---------------------------------------------------------------- states and payment

STATES = {
    "status_not_mapped": "inventado", "state_not_eligible": "on_hold", "cancelled_at_source": "cancelled",
    "failed_or_trashed_at_source": "trashed", "test_or_draft_order": "draft", "deleted_at_source": "deleted",
    "payment_not_verified": "pending",
}  # fmt: skip


def _state(code: str, state: str) -> None:
    def in_this_state(world: World) -> Proof:
        world.take(order("A", state=state))
        return of_order(world, code)

    produces(code)(in_this_state)


for _code, _raw in STATES.items():
    _state(_code, _raw)


@produces("never_paid")
def unpaid_for_long(world: World) -> Proof:
    world.take(order("A", state="pending", created_at=(datetime.now(UTC) - timedelta(days=31)).isoformat()))
    return of_order(world, "never_paid")


@produces("returned_or_refunded")
def returned_before_the_import(world: World) -> Proof:
    world.take(order("A", fulfilment_state="returned"))
    return of_order(world, "returned_or_refunded")


# ---------------------------------------------------------------- content of the order


@produces("order_without_products")
def no_lines(world: World) -> Proof:
    world.take(order("A", lines=[]))
    return of_order(world, "order_without_products")


@produces("order_without_customer")
def nobody(world: World) -> Proof:
    world.take(order("A", customer=None))
    return of_order(world, "order_without_customer")


@produces("customer_without_contact")
def a_name_alone(world: World) -> Proof:
    world.take(order("A", customer={"name": "Ana"}))
    return of_order(world, "customer_without_contact")


@produces("customer_without_contact")
def a_record_number_alone(world: World) -> Proof:
    world.take(order("A", customer={"id": "7"}))
    return of_order(world, "customer_without_contact")


@produces("currency_mismatch")
def dollars(world: World) -> Proof:
    world.take(order("A", currency="USD"))
    return of_order(world, "currency_mismatch")


@produces("conversion_rate_missing")
def dollars_without_rate(world: World) -> Proof:
    world.rules(currency="convert")
    world.take(order("A", currency="USD"))
    return of_order(world, "conversion_rate_missing")


@produces("totals_do_not_add_up")
def a_total_of_its_own(world: World) -> Proof:
    world.take(order("A", total="99.00"))
    return of_order(world, "totals_do_not_add_up")


@produces("filtered_by_store_or_channel")
def of_another_store(world: World) -> Proof:
    world.rules(filters__without_stores="norte")
    world.take(order("A", store="norte"))
    return of_order(world, "filtered_by_store_or_channel")


@produces("filtered_by_store_or_channel")
def of_no_store_at_all(world: World) -> Proof:
    world.rules(filters__only_sales_channels="web")
    world.take(order("A"))
    return of_order(world, "filtered_by_store_or_channel")


@produces("filtered_by_seller")
def of_another_seller(world: World) -> Proof:
    world.rules(filters__only_sellers="nuestro")
    world.take(order("A", seller="otro"))
    return of_order(world, "filtered_by_seller")


# ---------------------------------------------------------------- lines and catalogue


@produces("line_excluded_by_rule")
def an_excluded_sku(world: World) -> Proof:
    world.rules(filters__without_skus="SKU-1")
    world.take(order("A"))
    return of_line(world, "line_excluded_by_rule")


@produces("product_sku_missing")
def no_sku(world: World) -> Proof:
    world.take(order("A", lines=[line(sku=None)]))
    return of_line(world, "product_sku_missing")


@produces("product_not_found")
def an_unknown_sku(world: World) -> Proof:
    world.rules(products__unknown="hold")
    world.take(order("A"))
    assert world.standing("A") == ("held", "product_not_found")
    return of_line(world, "product_not_found")


@produces("product_not_found")
def no_value_to_find_it_by(world: World) -> Proof:
    world.rules(products__identify_by="id")
    world.take(order("A"))
    return of_line(world, "product_not_found")


def catalogue(world: World, text: str) -> None:
    world.take_csv({"orders.csv": "id\n", "products.csv": text})


@produces("product_not_linked")
def a_product_known_by_another_number(world: World) -> Proof:
    catalogue(world, "id,sku\n1,SKU-1\n")
    world.rules(products__unknown="hold", products__identify_by="id")
    world.take(order("A", lines=[line(product_id="77")]))
    assert world.standing("A") == ("held", "product_not_linked")
    return of_line(world, "product_not_linked")


@produces("product_sku_duplicate")
def two_products_with_one_sku(world: World) -> Proof:
    catalogue(world, "id,sku\n1,SKU-1\n2,SKU-1\n")
    world.take(order("A"))
    return of_line(world, "product_sku_duplicate")


@produces("product_inactive")
def off_in_the_catalogue(world: World) -> Proof:
    catalogue(world, "id,sku,active\n1,SKU-1,no\n")
    world.take(order("A"))
    assert of_line(world, "product_inactive")["since"]
    return of_order(world, "product_inactive")


@produces("product_inactive")
def switched_off_by_a_person(world: World) -> Proof:
    world.take(order("B"))
    acts.activate_product(
        world.db, ana(world), one(world, "SELECT product_id FROM product"), way_of(world), active=False
    )
    world.take(order("A"))
    return of_order(world, "product_inactive")


@produces("product_sku_changed")
def another_sku_for_the_same_id(world: World) -> Proof:
    catalogue(world, "id,sku\n1,VIEJO\n")
    catalogue(world, "id,sku\n1,NUEVO\n")
    assert one(world, "SELECT evidence FROM product")["product_sku_changed"]
    return of_attempt(world, "product_sku_changed")


@produces("category_ambiguous")
def two_categories(world: World) -> Proof:
    catalogue(world, "id,sku,category\n1,SKU-1,Ropa|Ofertas\n")
    return of_attempt(world, "category_ambiguous")


@produces("category_missing")
def no_category(world: World) -> Proof:
    catalogue(world, "id,sku,category\n1,SKU-1,\n")
    return of_attempt(world, "category_missing")


@produces("category_badly_defined_at_source")
def a_loop_in_the_tree(world: World) -> Proof:
    world.take_csv({
        "orders.csv": "id\n", "categories.csv": "id,name,parent\n1,Ropa,2\n2,Botas,1\n",
        "products.csv": "id,sku,category_id\n1,SKU-1,2\n",
    })  # fmt: skip
    return of_attempt(world, "category_badly_defined_at_source")


# ---------------------------------------------------------------- customers


@produces("customer_contact_invalid")
def no_address(world: World) -> Proof:
    world.take(order("A", customer={"id": "1", "email": "ana@@x"}))
    return of_order(world, "customer_contact_invalid")


@produces("customer_contact_masked")
def an_alias(world: World) -> Proof:
    world.take(order("A", customer={"id": "1", "email": "x@mail.mercadolibre.com"}))
    return of_order(world, "customer_contact_masked")


@produces("customer_placeholder_contact")
def a_filler(world: World) -> Proof:
    world.take(order("A", customer={"id": "1", "email": "sincorreo@gmail.com"}))
    return of_order(world, "customer_placeholder_contact")


@produces("customer_identity_conflict")
def crossed_keys(world: World) -> Proof:
    world.take(order("B", customer={"email": "ana@example.com"}), order("C", customer={"phone": "+541143215678"}))
    world.take(order("A", customer={"email": "ana@example.com", "phone": "+541143215678"}))
    return of_order(world, "customer_identity_conflict")


@produces("personal_data_erased")
def erased(world: World) -> Proof:
    world.take(order("A", customer={"email": "ana@example.com"}))
    person.erase(world.db, ana(world), "ana@example.com")
    return of_order(world, "personal_data_erased")


# ---------------------------------------------------------------- receipts


@produces("duplicate_delivery")
def twice_the_same(world: World) -> Proof:
    first = order("A", updated_at="2026-05-01T10:00:00Z")
    world.take(first)
    world.take(again(first))
    return of_attempt(world, "duplicate_delivery")


@produces("event_stale_or_out_of_order")
def an_older_version(world: World) -> Proof:
    first = order("A", updated_at="2026-05-02T10:00:00Z")
    world.take(first)
    world.take({**first, "updated_at": "2026-05-01T10:00:00Z", "note": "x"})
    return of_attempt(world, "event_stale_or_out_of_order")


@produces("change_after_freeze")
def changed_after_the_write_off(world: World) -> Proof:
    first = order("A")
    world.take(first)
    acts.write_off(world.db, ana(world), order_id(world, "A"))
    world.take({**first, "note": "x"})
    return of_attempt(world, "change_after_freeze")


@produces("payload_unreadable")
def no_json(world: World) -> Proof:
    world.take(b'{"id": "A", ')
    return of_attempt(world, "payload_unreadable")


@produces("payload_unreadable")
def no_object(world: World) -> Proof:
    world.take(b"[1, 2]")
    return of_attempt(world, "payload_unreadable")


@produces("payload_unreadable")
def no_text(world: World) -> Proof:
    world.take(b'{"id": "A\xff\xfe"}')
    return of_attempt(world, "payload_unreadable")


@produces("payload_too_large")
def more_than_four_mebibytes(world: World) -> Proof:
    world.take(b'{"id": "A", "note": "' + b"x" * (4 << 20) + b'"}', order("B"))
    assert world.standing("B") == ("present", None)
    return of_attempt(world, "payload_too_large")


@produces("required_field_missing")
def no_number(world: World) -> Proof:
    world.take(b'{"state": "paid"}')
    return of_attempt(world, "required_field_missing")


@produces("required_field_missing")
def lines_without_their_order(world: World) -> Proof:
    world.take_csv({"orders.csv": "id\n", "lines.csv": "order_id,sku\nA,SKU-1\n"})
    assert world.standing("A") == ("failed", "required_field_missing")
    return of_order(world, "required_field_missing")


@produces("field_format_invalid")
def a_word_for_a_total(world: World) -> Proof:
    world.take(order("A", total="muchos"))
    return of_order(world, "field_format_invalid")


@produces("field_format_invalid")
def a_year_no_shop_has_seen(world: World) -> Proof:
    world.take(order("A", created_at="1776-07-04T10:00:00Z"))
    return of_order(world, "field_format_invalid")


@produces("field_format_invalid")
def a_word_for_a_total_in_a_table(world: World) -> Proof:
    world.take_csv({"orders.csv": "id,total\nA,muchos\n"})
    return of_order(world, "field_format_invalid")


def process(world: World, reader: Callable[[Raw], Read], *bodies: bytes) -> None:
    """Store receipts and hand them to the runner with a reader of ours."""
    mine = way(world)
    world.db.stage()
    with world.db.transaction(mine.account_id) as conn:
        conn.execute("SELECT ensure_partitions(now()::date, 2)")
        entry = inbox.store(
            conn, mine.account_id, mine.integration_id, [Raw(Entity.ORDER, body, 1) for body in bodies],
            arrival="file", retention=world.account.retention, now=utc_now(),
        )  # fmt: skip
    stored = inbox.load(world.db, mine.account_id, entry)
    run(
        lambda ids: [prepare(raw, number, reader, mine.rules, "AR") for number, raw in stored if ids is None or number in ids],
        BatchLedger(world.db, mine, take=inbox.take), lambda items: None,
    )  # fmt: skip


LAYOUT = own_layout()
BODIES = [again(order(name)) for name in "ABCDE"]


def survived(world: World) -> None:
    """Everything but C is in, and nothing is left to do."""
    assert world.rows("SELECT source_id, standing FROM orders ORDER BY 1") == [(name, "present") for name in "ABDE"]
    assert world.rows("SELECT outcome, count(*) FROM attempt GROUP BY 1 ORDER BY 1") == [("created", 4), ("failed", 1)]
    assert world.rows("SELECT 1 FROM inbox") == []


@produces("internal_error")
def a_step_that_raises(world: World) -> Proof:
    def reader(raw: Raw) -> Read:
        found = read_line(raw, LAYOUT, None, "ARS")
        if found.identifier == "C":
            found.value.lines[0].quantity = "x"  # type: ignore[union-attr]
        return found

    process(world, reader, *BODIES)
    survived(world)
    return of_attempt(world, "internal_error")


@produces("internal_error")
def a_value_whose_facts_cannot_be_loaded(world: World) -> Proof:
    def reader(raw: Raw) -> Read:
        found = read_line(raw, LAYOUT, None, "ARS")
        if found.identifier == "C":
            found.value.lines = [None]  # type: ignore[union-attr,list-item]
        return found

    process(world, reader, *BODIES)
    survived(world)
    return of_attempt(world, "internal_error")


@produces("internal_error")
def a_reader_that_raises(world: World) -> Proof:
    def reader(raw: Raw) -> Read:
        if b'"id":"C"' in raw.body:
            raise ZeroDivisionError
        return read_line(raw, LAYOUT, None, "ARS")

    process(world, reader, *BODIES)
    survived(world)
    return of_attempt(world, "internal_error")


# ---------------------------------------------------------------- files


@produces("file_required_field_empty")
def a_row_without_number(world: World) -> Proof:
    world.take_csv({"orders.csv": "id,total\n,10.00\n"})
    return of_attempt(world, "file_required_field_empty")


@produces("file_row_invalid")
def a_record_with_a_bad_cell(world: World) -> Proof:
    catalogue(world, "id,sku,active\n1,SKU-1,quizás\n")
    return of_attempt(world, "file_row_invalid")


@produces("file_row_invalid")
def a_row_with_an_open_quote(world: World) -> Proof:
    catalogue(world, 'id,sku,name\n1,SKU-1,"abierta\n')
    return of_attempt(world, "file_row_invalid")


@produces("file_special_characters")
def a_foreign_byte(world: World) -> Proof:
    rows = "id,total,note,customer.email\nB,1.00,año,b@example.com\nC,1.00,año,c@example.com\n".encode()
    lines = "order_id,sku,unit_price\nA,SKU-1,1.00\nB,SKU-1,1.00\nC,SKU-1,1.00\n"
    world.take_csv({"orders.csv": rows + b"A,1.00,a\xf1o,a@example.com\n", "lines.csv": lines})
    assert one(world, "SELECT content::json ->> 'note' FROM orders WHERE source_id = 'A'") == "año"
    world.rules(unpaid_days="20")
    return of_order(world, "file_special_characters")  # judged again, without being read again


@produces("file_header_mismatch")
def another_header(world: World) -> Proof:
    world.take_csv({"orders.csv": "numero,monto\n1,2\n"})
    return of_set(world, "file_header_mismatch")


@produces("file_set_incomplete")
def lines_alone(world: World) -> Proof:
    world.take_csv({"lines.csv": "order_id,sku\nA,SKU-1\n"})
    return of_set(world, "file_set_incomplete")


@produces("file_format_unreadable")
def a_spreadsheet_of_utf_16(world: World) -> Proof:
    world.take_csv({"orders.csv": "id,total\nA,1\n".encode("utf-16")})
    return of_set(world, "file_format_unreadable")


@produces("file_format_unreadable")
def a_manifest_that_is_none(world: World) -> Proof:
    world.take_csv({"orders.csv": "id,total\nA,1\n", "manifest.json": "{"})
    return of_set(world, "file_format_unreadable")


@produces("control_total_mismatch")
def fewer_orders_than_declared(world: World) -> Proof:
    world.take_csv({"orders.csv": "id,total\nA,1\n", "manifest.json": '{"orders": 2, "totals": {"ARS": "7.00"}}'})
    assert world.rows("SELECT 1 FROM orders") == []
    return of_set(world, "control_total_mismatch")


@produces("control_total_mismatch")
def another_file_than_declared(world: World) -> Proof:
    world.take_csv({
        "orders.csv": "id,total\nA,1\n", "manifest.json": '{"files": {"orders.csv": {"sha256": "00"}}}',
    })  # fmt: skip
    return of_set(world, "control_total_mismatch")


@produces("file_name_invalid")
def one_file_of_another_name(world: World) -> Proof:
    path = world.tmp / "ventas.txt"
    path.write_text("id\n1\n")
    made = accounts.add_integration(world.db, world.account, "single", "files", {"path": str(path)}, "test")
    accounts.move(world.db, world.account, made, "active", "test")
    world.import_now("single")
    return of_set(world, "file_name_invalid")


@produces("file_not_processed_yet")
def still_being_written(world: World) -> Proof:
    folder = world.drop() / "set"
    folder.mkdir()
    done = threading.Event()

    def write() -> None:
        with (folder / "orders.csv").open("w") as file:
            while not done.is_set():
                file.write("id\n")
                file.flush()
                time.sleep(0.05)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        time.sleep(0.1)
        world.import_now()
    finally:
        done.set()
        writer.join()
    return of_set(world, "file_not_processed_yet")


# ---------------------------------------------------------------- questions


@produces("identifier_unknown_everywhere")
def a_number_nobody_knows(world: World) -> Proof:
    answer = world.why("999")
    assert answer.reason == "identifier_unknown_everywhere"
    return answer.evidence


def note(world: World, question: str, code: str) -> Proof:
    (found,) = [one for one in world.why(question).notes if one["reason"] == code]
    return found["evidence"]


@produces("wrong_identifier_kind")
def the_number_of_a_payment(world: World) -> Proof:
    world.take(order("A", payments=[{"id": "PAY-9"}]))
    return note(world, "PAY-9", "wrong_identifier_kind")


@produces("integration_paused")
def asked_while_paused(world: World) -> Proof:
    world.take(order("A"))
    accounts.move(world.db, world.account, world.shop, "paused", "ana", "inventory")
    return note(world, "A", "integration_paused")


# ---------------------------------------------------------------- a live shop


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop that does not answer is asked as often as ever, and sooner."""
    monkeypatch.setattr(http, "PATIENCE", http.Patience(timeout=0.3, first_pause=0.01, unsaid=0.01, longest=1.0))


@contextmanager
def shop_of(world: World, *, url: str = "", key: str = "key") -> Iterator[Shop]:
    """A small shop with an active integration «tienda»; `key` says which of the shop's keys we were given."""
    with Shop(orders=3, clock=Clock(running=True)) as shop:
        settings = {"url": url or shop.url, "private": "yes", "pace": "1000"}
        made = accounts.add_integration(world.db, world.account, "tienda", "woocommerce", settings, "test")
        accounts.move(world.db, world.account, made, "active", "test")
        given: ApiKey = getattr(shop, key)
        for name, value in (("consumer_key", given.consumer_key), ("consumer_secret", given.consumer_secret)):
            secrets.put(world.db, secrets.KeyFile.of(world.settings), world.account.account_id, made.integration_id, name,
                        secrets.Secret(value))  # fmt: skip
        yield shop


def imported(world: World, code: str) -> Proof:
    """The proof that stands with the run of an import that met this trouble."""
    world.import_now("tienda")
    found = world.rows("SELECT reason, evidence FROM run WHERE reason IS NOT NULL ORDER BY run_id DESC LIMIT 1")
    assert [reason for reason, _ in found] == [code], found
    return found[0][1]


def troubled(world: World, code: str, *faults: str, path: str = "", seconds: float = 0) -> Proof:
    """The proof of an import from a shop with these faults."""
    with shop_of(world) as shop:
        for fault in faults:
            shop.faults.add(fault, path=path, seconds=seconds)
        return imported(world, code)


def refused(world: World, code: str, ask: Callable[[WooShop, str], object], *, key: str = "key") -> Proof:
    """The proof of what the shop does not do; `ask` gets the number of an order too."""
    with shop_of(world, key=key) as shop:
        integration = accounts.integration_named(world.db, world.account, "tienda")
        place = ways.place(world.db, world.settings, world.account, integration, world.tmp)
        woo = WooCommerceConnector().open(integration.settings, place)
        with closing(woo), pytest.raises(Trouble, match=code) as caught:
            ask(woo, str(next(iter(shop.truth.orders()))))
    return caught.value.evidence


@produces("source_timeout")
def nothing_in_time(world: World) -> Proof:
    proof = troubled(world, "source_timeout", "timeout", path="GET orders", seconds=2)
    assert len(proof["attempts"]) == 4
    assert all(attempt["ms"] >= 300 for attempt in proof["attempts"])
    return proof


@produces("source_rate_limited")
def too_many_calls(world: World) -> Proof:
    proof = troubled(world, "source_rate_limited", "too_many", path="GET orders", seconds=120)
    assert proof["wait"] == 120
    return proof


@produces("source_rate_limited")
def too_many_calls_and_no_word_of_when(world: World) -> Proof:
    proof = troubled(world, "source_rate_limited", "too_many", path="GET orders")
    assert (len(proof["attempts"]), proof["wait"]) == (4, None)
    return proof


@produces("source_unavailable")
def a_server_that_resets(world: World) -> Proof:
    proof = troubled(world, "source_unavailable", "reset", path="GET orders")
    assert [attempt["status"] for attempt in proof["attempts"]] == [None] * 4
    return proof


@produces("source_unavailable")
def a_fatal_error(world: World) -> Proof:
    proof = troubled(world, "source_unavailable", "fatal", path="GET orders")
    assert [attempt["status"] for attempt in proof["attempts"]] == [500] * 4
    return proof


@produces("source_unavailable")
def in_maintenance(world: World) -> Proof:
    return troubled(world, "source_unavailable", "maintenance", path="GET orders")


@produces("source_unavailable")
def a_page_of_the_host(world: World) -> Proof:
    return troubled(world, "source_unavailable", "error_500", path="GET orders")


@produces("source_answer_truncated")
def cut_in_the_middle(world: World) -> Proof:
    proof = troubled(world, "source_answer_truncated", "cut_body", path="GET orders")
    assert proof["announced"]
    return proof


@produces("payload_unreadable")
def a_warning_before_the_list(world: World) -> Proof:
    proof = troubled(world, "payload_unreadable", "php_warning", path="GET orders")
    assert "Warning" in proof["message"]
    assert "@" not in proof["message"]
    return proof


@produces("source_blocked_by_firewall")
def a_wall(world: World) -> Proof:
    proof = troubled(world, "source_blocked_by_firewall", "firewall")
    assert (proof["status"], proof["server"]) == (403, "nginx/1.22.1")
    return proof


@produces("source_address_changed")
def sent_elsewhere(world: World) -> Proof:
    proof = troubled(world, "source_address_changed", "plain_permalinks")
    assert proof["address"].startswith("http")
    return proof


@produces("source_address_changed")
def no_woocommerce_there(world: World) -> Proof:
    proof = troubled(world, "source_address_changed", "plugin_off")
    assert proof["answer"] == "rest_no_route"
    return proof


@produces("source_address_changed")
def a_page_where_the_shop_was(world: World) -> Proof:
    with Shop(orders=0) as other, shop_of(world, url=f"{other.url}/tienda"):
        proof = imported(world, "source_address_changed")
    assert proof["answer"] == 404
    return proof


@produces("credentials_invalid")
def a_key_taken_away(world: World) -> Proof:
    with shop_of(world) as shop:
        shop.revoke(shop.key)
        return imported(world, "credentials_invalid")


@produces("scope_missing")
def the_key_of_a_clerk(world: World) -> Proof:
    with shop_of(world, key="powerless_key"):
        proof = imported(world, "scope_missing")
    assert proof["permission"] == "read products"
    return proof


@produces("scope_missing")
def a_key_that_may_only_read(world: World) -> Proof:
    proof = refused(world, "scope_missing", lambda shop, number: shop.set_state(number, "completed"), key="read_key")
    assert proof["permission"] == "write orders"
    return proof


@produces("not_found_at_source")
def an_order_that_is_none(world: World) -> Proof:
    return refused(world, "not_found_at_source", lambda shop, _: shop.client.http.get("orders/999999"))


@produces("not_found_at_source")
def a_state_for_an_order_that_is_none(world: World) -> Proof:
    return refused(world, "not_found_at_source", lambda shop, _: shop.set_state("999999", "completed"))


@produces("destination_rejected")
def a_state_that_the_shop_has_not(world: World) -> Proof:
    proof = refused(world, "destination_rejected", lambda shop, number: shop.set_state(number, "entregado"))
    assert proof["field"] == "status"
    return proof


@produces("internal_error")
def a_question_that_the_shop_does_not_take(world: World) -> Proof:
    proof = refused(world, "internal_error", lambda shop, _: shop.client.page("orders", {"orderby": "colour"}))
    assert proof["fingerprint"] == "woocommerce GET orders rest_invalid_param orderby"
    return proof


# ---------------------------------------------------------------- a live shop that is followed


@contextmanager
def following(world: World, **more: Any) -> Iterator[Followed]:
    """A shop with three orders, and an integration «tienda» that follows it; nothing has been read yet."""
    with followed(world, connector="woocommerce", **{"orders": 3, "customers": 2, **more}) as it:
        yield it


def oldest(it: Followed) -> int:
    """The number of the shop's first order."""
    return min(it.shop.truth.orders())


@produces("excluded_from_initial_import")
def completed_before_the_first_import(world: World) -> Proof:
    with following(world) as it:
        number = it.shop.desk.place(status="processing")
        it.shop.desk.set_status(number, "completed")
        it.shop.clock.advance(2)
        world.rules("tienda", first__without="completed,cancelled")
        time.sleep(1.1)
        it.scan()
    return of_order(world, "excluded_from_initial_import", str(number))


@produces("date_outside_coverage")
def older_than_the_first_import(world: World) -> Proof:
    with following(world) as it:
        world.rules("tienda", first__since=(datetime.now(UTC) + timedelta(days=1)).date().isoformat())
        it.scan()
        number = it.shop.desk.place(status="processing")
        it.shop.deliver()
        it.work()
    return of_order(world, "date_outside_coverage", str(number))


@produces("product_details_pending")
def a_catalogue_that_does_not_answer(world: World) -> Proof:
    with following(world) as it:
        it.shop.faults.add("error_500", path="GET products")
        number = it.shop.desk.place(status="processing")
        it.shop.deliver()
        it.work(asking=False)
        assert world.standing(str(number)) == ("present", None)
        it.work()
    assert world.rows("SELECT 1 FROM relink WHERE kind = 'product' AND reason = 'source_unavailable'")
    return of_line(world, "product_details_pending")


@produces("completion_blocked_by_stock")
def completed_with_us_before_the_stock_is_written_off(world: World) -> Proof:
    with following(world) as it:
        number = str(it.shop.desk.place(status="processing"))
        it.scan()
        world.rules("tienda", mapping="delivered=completed:out")
        acts.set_own_state(
            world.db, ana(world), order_id(world, number), "delivered", way(world, "tienda"), "completed"
        )
    return one(world, "SELECT evidence FROM write_back WHERE reason = 'completion_blocked_by_stock'")


@produces("not_received_by_any_way")
def only_a_notice_of_its_deletion(world: World) -> Proof:
    with following(world) as it:
        it.hear({"id": 999})
        it.work(asking=False)
    assert world.standing("999")[0] == "unseen"
    return of_order(world, "not_received_by_any_way", "999")


@produces("not_found_at_source")
def asked_for_after_a_notice_and_not_there(world: World) -> Proof:
    with following(world) as it:
        it.hear({"id": 999})
        it.work()
    assert world.standing("999") == ("failed", "not_found_at_source")
    return of_order(world, "not_found_at_source", "999")


@produces("not_found_at_source")
def a_notice_of_what_was_gone_when_it_was_sent(world: World) -> Proof:
    with following(world) as it:
        number = it.shop.desk.place(status="processing")
        it.shop.desk.erase(number)
        it.shop.deliver()
        it.work()
    return of_attempt(world, "not_found_at_source")


@produces("deleted_at_source")
def deleted_for_good_and_found_by_a_census(world: World) -> Proof:
    with following(world) as it:
        it.scan()
        number = oldest(it)
        it.shop.desk.erase(number)
        it.scan(compare=True)
    assert world.standing(str(number)) == ("skipped", "deleted_at_source")
    return of_order(world, "deleted_at_source", str(number))


@produces("scope_missing")
def a_notice_that_its_owner_may_not_see(world: World) -> Proof:
    with following(world, subscribed=False) as it:
        demoted_owner(it)
        it.shop.desk.place(status="processing")
        it.shop.deliver()
        it.work()
    assert world.rows("SELECT DISTINCT outcome FROM attempt") == [("hint",)]
    return of_attempt(world, "scope_missing")


def demoted_owner(it: Followed) -> None:
    """The notices belong to somebody who may not see orders any more."""
    shop = it.shop
    with shop.world.request():
        owner = shop._staff("gerente", "administrator")
    for topic in ("order.created", "order.updated"):
        shop.subscribe(topic, "http://127.0.0.1:1/in/x", secret=SECRET, user=owner)
    shop.demote(owner)


@produces("subscription_disabled")
def notices_that_the_shop_has_disabled(world: World) -> Proof:
    with following(world, subscribed=False, notices="https://hooks.example") as it:
        it.scan()
        for hook in it.shop.world.webhooks.values():
            hook.status = "disabled"
        report = it.scan()
    (found,) = [note for note in report.notes if note.get("reason") == "subscription_disabled"]
    stored = one(world, "SELECT report FROM run ORDER BY run_id DESC LIMIT 1")["notes"]
    assert found in stored
    assert set(found["evidence"]["before"].values()) == {"disabled"}
    assert set(found["evidence"]["after"].values()) == {"active"}
    return found["evidence"]


# ---------------------------------------------------------------- deliveries that are not taken


def delivered(world: World, answer: Callable[[Any], None], **settings: str) -> Proof:
    """What is stored of the delivery of one order to a destination that answers so."""
    with serving(answer) as server:
        given = {
            "private": "127.0.0.1",
            "timeout": "2",
            **{key: value.replace("URL", server.url()) for key, value in settings.items()},
        }
        place, _ = sending.add(world.db, world.settings, world.account, "crm", server.url(), given, "test")
        world.take(order("1"))
        with world.db.again() as db:
            delivering.serve(world.settings, db, world.account.account_id, place.destination_id, threading.Event())
    [(reason, evidence)] = world.rows("SELECT reason, evidence FROM delivery")
    return {**evidence, "reason": reason}


def _answered(code: str, status: int) -> None:
    def answered_so(world: World) -> Proof:
        proof = delivered(world, lambda call: call.answer(status, b""))
        assert proof["reason"] == code
        return proof

    produces(code)(answered_so)


for _code, _status in {
    "destination_unavailable": 503, "destination_rejected": 422, "destination_has_it_already": 409,
    "destination_queue_full": 429, "destination_limit_exceeded": 413,
}.items():  # fmt: skip
    _answered(_code, _status)


@produces("written_not_visible_yet")
def an_order_that_was_taken_and_is_not_shown(world: World) -> Proof:
    proof = delivered(
        world, lambda call: call.answer(201 if call.command == "POST" else 404, b""), read_back="URL?key={key}"
    )
    assert proof["reason"] == "written_not_visible_yet"
    return proof


# ---------------------------------------------------------------- notices that are not taken


def notice(world: World, code: str, *, state: str = "active", free: int | None = None, key: bool = True, body: bytes = b"{}",
           path: str | None = None, **headers: str) -> Proof:  # fmt: skip
    """Send one that is genuine but for what is given; the proof of its refusal."""
    woo = listening.live(world, state=state)
    if not key:
        world.settings.keys.unlink()
    intake = Intake(world.settings, world.db.info, free=lambda: free)
    sent = {**woo.headers(body), **headers}
    listening.during(intake, lambda: listening.post(intake, path or woo.path, body, sent))
    return listening.refusals(world)[code][2]


@produces("signature_invalid")
def a_notice_that_somebody_else_signed(world: World) -> Proof:
    return notice(world, "signature_invalid", **{"x-wc-webhook-signature": "bm90IGl0"})


@produces("store_unexpected")
def a_notice_of_a_copy_of_the_shop(world: World) -> Proof:
    return notice(world, "store_unexpected", **{"x-wc-webhook-source": "https://staging.example/"})


@produces("payload_too_large")
def a_notice_that_is_too_large(world: World) -> Proof:
    return notice(world, "payload_too_large", body=b"x" * (6 << 20))


@produces("intake_address_unknown")
def a_notice_to_nobody(world: World) -> Proof:
    return notice(world, "intake_address_unknown", path="/in/nobody")


@produces("integration_is_draft")
def a_notice_before_its_time(world: World) -> Proof:
    return notice(world, "integration_is_draft", state="draft")


@produces("intake_refused_for_space")
def a_notice_without_room(world: World) -> Proof:
    return notice(world, "intake_refused_for_space", free=0)


@produces("intake_unavailable")
def a_notice_whose_secret_cannot_be_opened(world: World) -> Proof:
    return notice(world, "intake_unavailable", key=False)


SCENARIOS += shopifyreasons.SCENARIOS


@pytest.mark.parametrize(("code", "scenario"), cases())
def test_the_reason_is_reached_with_the_evidence_that_the_catalogue_demands(
    world: World, code: str, scenario: Scenario
) -> None:
    check_reached(world, code, scenario)
