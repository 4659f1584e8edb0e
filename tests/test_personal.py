"""What people see of a person: masked unless asked for, and what shows it is on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from cuadra.diagnosis import masking
from cuadra.faces.cli.main import app
from cuadra.ledger import acts
from cuadra.model import personal
from cuadra.settings import Settings
from tests.rules import ana, evidence, order_id
from tests.world import World, order

NAME, EMAIL, PHONE, DOCUMENT = "María Ferreyra", "maria.ferreyra@example.com", "+541143215678", "27-30123456-4"
BUYER = {"id": "501", "name": NAME, "email": EMAIL, "phone": PHONE, "document": DOCUMENT}


# ---------------------------------------------------------------- which values, and how


@pytest.mark.parametrize(("field", "kind"), [
    ("customer.email", "email"), ("customer.phone", "phone"), ("billing.phone", "phone"), ("customer.first_name", "name"),
    ("customer.document", "document"), ("customer.address.name", "name"), ("delivery.street", "text"),
    ("customer", "text"), ("billing", "text"), ("note", "text"), ("custom", "text"), ("custom.email", "text"),
    ("refunds[0].note", "text"), ("refunds[R-1].note", "text"),
    ("customer.id", ""), ("customer.person", ""), ("customer.consents[0].at", ""), ("total", ""), ("state", ""),
    ("lines[0].name", ""), ("refunds[0].amount", ""), ("refunds", "text"), ("refunds[0]", "text"), ("number", ""), ("seller", ""), ("", ""),
])  # fmt: skip
def test_a_field_says_something_of_a_person_or_not(field: str, kind: str) -> None:
    assert personal(field) == kind


@pytest.mark.parametrize(("kind", "value", "shown"), [
    ("email", EMAIL, "m••••@example.com"), ("email", "maria@@example", "••••"), ("email", "a@x.com, maria@y.com", "••••"),
    ("email", "maria", "m••••"), ("phone", PHONE, "+54••••78"), ("phone", "011 4321-5678", "011••••78"),
    ("phone", "María 4321-5678", "••••"), ("phone", "4321", "••••"), ("name", NAME, "M•••• F••••"),
    ("document", DOCUMENT, "••••6-4"), ("document", "12345", "••••"), ("text", "Pasaje Zorzal 1723", "••••"),
    ("text", "", ""), ("email", "", ""),
])  # fmt: skip
def test_how_each_kind_is_masked(kind: str, value: str, shown: str) -> None:
    assert masking.value(kind, value) == shown


@pytest.mark.parametrize(("field", "side", "shown"), [
    ("customer.email", EMAIL, "m••••@example.com"), ("customer", {"name": NAME}, "••••"), ("billing.street", None, None),
    ("total", "10.00", "10.00"), ("refunds[R-1]", {"id": "R-1", "note": NAME}, {"id": "R-1", "note": "••••"}),
    ("refunds", [{"amount": "1.00"}, {"note": NAME}], [{"amount": "1.00"}, {"note": "••••"}]),
])  # fmt: skip
def test_a_change_is_masked_field_by_field(field: str, side: Any, shown: Any) -> None:
    assert masking.change(field, side) == shown


# ---------------------------------------------------------------- values that could not be read

LONG = "María Ferreyra, Pasaje Zorzal 1723, " * 20


@pytest.mark.parametrize("broken", [
    {"customer": {"email": EMAIL * 30}}, {"customer": {"phone": [PHONE, NAME]}}, {"customer": NAME},
    {"customer": {"name": {"first": NAME}}}, {"customer": {"document": 27301234564.5}}, {"billing": [LONG]},
    {"delivery": {"street": LONG}}, {"note": {"text": LONG}}, {"custom": LONG},
    {"refunds": [{"id": "R-1", "amount": "1.00", "note": LONG}]}, {"refunds": [NAME]}, {"refunds": NAME},
], ids=lambda broken: next(iter(broken)))  # fmt: skip
def test_a_personal_value_that_could_not_be_read_is_masked_where_it_is_shown(
    world: World, broken: dict[str, Any]
) -> None:
    world.take(order("A", **broken))
    kept = evidence(world, "A")["field_format_invalid"]
    assert kept["personal"]
    answer = world.why("A")
    assert (answer.reason, answer.evidence["field"]) == ("field_format_invalid", kept["field"])
    assert "••••" in answer.evidence["value"]
    for trace in ("María", "Ferreyra", "ferreyra", "Zorzal", "4321567", "2730123"):
        assert trace not in str(answer.evidence), answer.evidence
    assert answer.evidence.keys() == kept.keys() - {"personal"}
    assert world.why("A", personal=True).evidence["value"] == kept["value"]


def test_any_other_value_is_shown_as_it_came(world: World) -> None:
    world.take(order("A", total="muchos"), order("B", lines=[{"name": ["Mate"], "quantity": "1"}]))
    assert world.why("A").evidence["value"] == "muchos"
    assert "Mate" in world.why("B").evidence["value"]


MAPPING = """
[files.orders]
name = "ventas.csv"
[files.orders.columns]
id = "Nro"
"customer.document" = "DNI"
"billing.street" = "Calle"
total = "Monto"
"""


def test_a_column_of_a_mapping_is_known_by_what_it_fills(world: World) -> None:
    mapping = world.tmp / "mapping.toml"
    mapping.write_text(MAPPING)
    world.integration("till", mapping=mapping)
    world.take_csv({"ventas.csv": f"Nro,DNI,Calle,Monto\nA,\"2,73012E+10\",Zorzal 1,10\nB,1,\"{LONG}\",10\nC,1,x,muchos\n"},
                   name="till")  # fmt: skip
    assert [(world.why(one).evidence["field"], world.why(one).evidence["value"]) for one in "ABC"] == [
        ("DNI", "••••+10"), ("billing.street", "••••"), ("Monto", "muchos"),
    ]  # fmt: skip


def test_a_row_that_was_refused_is_answered_masked(world: World) -> None:
    """A record has no order; the answer is made of its row."""
    world.take_csv({"orders.csv": "id\n", "customers.csv": f"id,name,email\n501,{NAME},{EMAIL * 30}\n"})
    answer = world.why("501")
    assert (answer.reason, answer.evidence["column"]) == ("file_row_invalid", "email")
    assert "ferreyra" not in str(answer.evidence)
    assert "ferreyra" in str(world.why("501", personal=True).evidence)


# ---------------------------------------------------------------- commands


@pytest.fixture
def cuadra(world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command as somebody called ana."""
    monkeypatch.setenv("CUADRA_DATABASE_URL", world.db.info)
    monkeypatch.setenv("CUADRA_HOME", str(settings.home))
    monkeypatch.setenv("CUADRA_AUTHOR", "ana")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == exit_code, result.output
        return result

    return run


def audited(world: World) -> list[tuple[Any, ...]]:
    return world.rows("SELECT actor, object, detail FROM audit WHERE action = 'personal data shown' ORDER BY at")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_list_of_customers_masks_documents_and_contacts(world: World, cuadra: Any, form: str) -> None:
    world.take(order("A", customer=BUYER))
    json = ["--json"] if form == "json" else []
    shown = cuadra("customer", "list", *json).output
    assert [trace for trace in (NAME, EMAIL, PHONE, DOCUMENT) if trace in shown] == []
    assert "document:••••6-4" in shown
    assert ":501" in shown  # a record's number says nothing to whom has not got the source
    assert audited(world) == []
    shown = cuadra("customer", "list", "--show-personal", *json).output
    assert f"document:{DOCUMENT}" in shown
    assert [row[:2] for row in audited(world)] == [("ana", "customers")]


def test_a_search_that_shows_rows_of_people_is_on_record_without_its_text(world: World, cuadra: Any) -> None:
    world.take_csv({"orders.csv": f"id,total,customer.email\nA,10.00,{EMAIL}\n", "products.csv": "id,sku\n1,MATE\n"})
    cuadra("files", "search", "MATE")
    cuadra("files", "search", "nobody@example.com", exit_code=1)
    assert audited(world) == []
    assert EMAIL in cuadra("files", "search", EMAIL).output
    assert msgspec.json.decode(cuadra("files", "search", EMAIL, "--json").output)["found"][0]["role"] == "orders"
    assert audited(world) == [("ana", "files search", {"rows": 1})] * 2
    assert world.rows("SELECT 1 FROM audit WHERE detail::text || object LIKE '%%maria%%'") == []


def test_bad_rows_of_people_that_go_back_are_on_record(world: World, cuadra: Any, tmp_path: Path) -> None:
    world.take_csv({"orders.csv": "id\n", "products.csv": "id,sku,active\n1,MATE,quizás\n"})
    cuadra("files", "rejects", "shop", "--to", str(tmp_path / "one"))
    assert audited(world) == []
    world.take_csv({"orders.csv": f"id,total,customer.email\nA,muchos,{EMAIL}\nB,pocos,{EMAIL}\n"})
    assert (
        len(msgspec.json.decode(cuadra("files", "rejects", "shop", "--to", str(tmp_path / "two"), "--json").output))
        == 2
    )
    assert audited(world) == [("ana", "files rejects", {"integration": "shop", "rows": 2})]


@pytest.mark.parametrize("show", [False, True])
def test_what_is_applied_after_the_freeze_is_printed_masked(world: World, cuadra: Any, show: bool) -> None:
    first = order("A", customer=BUYER)
    world.take(first)
    acts.write_off(world.db, ana(world), order_id(world, "A"))
    world.take({**first, "customer": {**BUYER, "email": "m.ferreyra@example.org"}, "note": LONG, "state": "shipped"})
    shown = cuadra("apply-after-freeze", "A", *(["--show-personal"] if show else [])).output
    assert "state: paid → shipped" in shown
    assert ("m.ferreyra@example.org" in shown, "Zorzal" in shown) == (show, show)
    assert len(audited(world)) == show
