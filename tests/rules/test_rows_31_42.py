"""Matching of customers, products and categories, rows 31 to 42 of the feature map, as far as files can meet them.

Not here: 33's contacts shared by more than N people, 34 (a plan that hides customers), 36's rehearsal, 41 (catalogue
brake) and 42 (variants and kits), which are not built or need a live platform.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from cuadra.db.queries import sql
from cuadra.errors import NotFound, Refused
from cuadra.ledger import acts
from cuadra.pipeline import rules as rule_book
from cuadra.pipeline.categories import choose
from tests.rules import again, ana, evidence, one, way, way_of
from tests.world import World, line, order

# ---------------------------------------------------------------- 31: one customer by phone or email


def customers(world: World) -> int:
    return one(world, "SELECT count(*) FROM customer")


def customer_of(world: World, source_id: str) -> int:
    return one(world, "SELECT customer_id FROM orders WHERE source_id = %s", source_id)


PHONES = ["0034 651 23 45 67", "+34651234567", "651234567", "(+34) 651-234-567", "651.23.45.67"]


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
def test_row_31_one_phone_however_it_is_written_is_one_customer(world: World, together: bool) -> None:
    world.rules(customers__region="ES")
    orders = [order(f"P-{at}", customer={"name": "Ana", "phone": phone}) for at, phone in enumerate(PHONES)]
    for batch in [orders] if together else [[single] for single in orders]:
        world.take(*batch)
    assert world.rows("SELECT kind, value FROM customer_key") == [("phone", "+34651234567")]
    assert customers(world) == 1
    assert len(world.why("+34 651 23 45 67").orders) == len(PHONES)


def test_row_31_the_phone_may_stand_in_the_delivery_or_the_payment_data(world: World) -> None:
    world.rules(customers__region="ES")
    world.take(order("A", customer={"name": "Ana"}, delivery={"phone": PHONES[0]}),
               order("B", customer={"name": "Ana"}, billing={"phone": PHONES[1]}),
               order("C", customer={"name": "Ana", "phone": PHONES[2]}))  # fmt: skip
    assert customers(world) == 1
    assert customer_of(world, "A") == customer_of(world, "B") == customer_of(world, "C")


def test_row_31_an_order_is_found_by_its_phone_as_the_shop_writes_it(world: World) -> None:
    world.rules(customers__region="ES")
    world.take(order("A", customer={"name": "Ana", "phone": PHONES[2]}))
    for phone in PHONES:
        assert world.why(phone).kind_of_identifier == "phone", phone


def test_row_31_a_phone_is_looked_up_in_the_country_of_every_integration(world: World) -> None:
    world.integration("madrid", customers__region="ES")
    world.take(order("A", customer={"name": "Ana", "phone": "011 4321-5678"}))
    world.take(order("B", customer={"name": "Luz", "phone": "651234567"}), name="madrid")
    assert world.why("011 4321-5678").order["id"] == "A"
    assert world.why("651 234 567").order["id"] == "B"
    world.rules("madrid", customers__region="FR")  # what came under the former rule keeps its form
    assert world.why("651 234 567").order["id"] == "B"


def test_row_31_a_number_of_two_countries_leads_to_both_and_with_its_prefix_to_one(world: World) -> None:
    world.integration("santiago", customers__region="CL")
    world.integration("madrid", customers__region="ES")
    world.take(order("B", customer={"name": "Luz", "phone": "915551234"}), name="madrid")
    world.take(order("C", customer={"name": "Eva", "phone": "+56915551234"}), name="santiago")
    assert [one["id"] for one in world.why("915551234").orders] == ["C", "B"]
    assert world.why("+34 915551234").order["id"] == "B"
    assert world.why("+56 915551234").order["id"] == "C"


def test_row_31_orders_with_and_without_a_customer_yet_are_found_together(world: World) -> None:
    """An order that waits has no customer: it carries the contact itself."""
    ana_ = {"name": "Ana", "phone": "011 4321-5678", "email": "ana@example.com"}
    world.take(order("A", customer=ana_), order("W", customer=ana_, state="pending"))
    assert customer_of(world, "W") is None
    for contact in ("011 4321-5678", "+541143215678", "ana@example.com", "Ana@Example.com"):
        assert [one["id"] for one in world.why(contact).orders] == ["W", "A"], contact


def test_row_31_without_a_region_of_its_own_phones_are_of_the_account_country(world: World) -> None:
    world.take(order("A", customer={"phone": "011 4321-5678"}), order("B", customer={"phone": "+54 11 4321 5678"}),
               order("C", customer={"phone": "651234567"}, delivery={"country": "ES"}))  # fmt: skip
    assert sorted(world.rows("SELECT value FROM customer_key")) == [("+34651234567",), ("+541143215678",)]


def test_row_31_emails_are_compared_case_folded(world: World) -> None:
    world.take(
        order("A", customer={"email": "Ana.Sosa@Example.com"}), order("B", customer={"email": " ana.sosa@EXAMPLE.COM "})
    )
    world.take(order("C", customer={"email": "ANA.SOSA@example.com"}))
    assert customers(world) == 1
    assert len(world.why("ana.sosa@example.com").orders) == 3


def test_row_31_a_second_key_is_learned_and_meets_later_orders(world: World) -> None:
    world.take(order("A", customer={"email": "ana@example.com", "phone": "011 4321-5678"}))
    world.take(order("B", customer={"phone": "+541143215678"}), order("C", customer={"email": "ana@example.com"}))
    assert customers(world) == 1


# ---------------------------------------------------------------- 32: two keys, two people

ANA, LUZ = {"email": "ana@example.com", "name": "Ana"}, {"phone": "+541143215678", "name": "Luz"}
BOTH = {"email": "ana@example.com", "phone": "+541143215678", "name": "Ana"}


def crossed(world: World) -> tuple[int, int]:
    """Ana by email, Luz by phone, and an order with both keys; returns their customers."""
    world.take(order("A", customer=ANA), order("L", customer=LUZ))
    world.take(order("X", customer=BOTH))
    return customer_of(world, "A"), customer_of(world, "L")


def people(world: World) -> list[object]:
    """Everything that says who is who."""
    return [
        world.rows("SELECT customer_id, name, merged_into FROM customer ORDER BY 1"),
        world.rows("SELECT kind, value, customer_id FROM customer_key ORDER BY 1, 2"),
        world.rows("SELECT source_id, customer_id, warnings FROM orders ORDER BY 1"),
    ]


def conflicts(world: World) -> list[tuple[object, ...]]:
    values = {"account": world.account.account_id, "limit": 10}
    with world.db.transaction(world.account.account_id) as conn:
        return [(row[0], row[2], row[4]) for row in conn.execute(sql("list_conflicts"), values)]


def test_row_32_crossed_keys_warn_and_nothing_is_merged(world: World) -> None:
    ana_, luz = crossed(world)
    assert world.standing("X") == ("present", None)
    assert customer_of(world, "X") == ana_ != luz  # the email is the stronger key
    assert customers(world) == 2
    assert evidence(world, "X")["customer_identity_conflict"] == {
        "keys": ["email:ana@example.com", "phone:+541143215678"], "candidates": [ana_, luz],
    }  # fmt: skip
    assert conflicts(world) == [(min(ana_, luz), max(ana_, luz), 1)]


def test_row_32_the_answer_masks_the_crossed_keys(world: World) -> None:
    crossed(world)
    (warning,) = world.why("X").warnings
    assert warning["reason"] == "customer_identity_conflict"
    assert "ana@example.com" not in str(warning)
    assert "43215678" not in str(warning)
    (warning,) = world.why("X", personal=True).warnings
    assert "email:ana@example.com" in warning["evidence"]["keys"]


def test_row_32_kept_apart_the_warning_stops_for_old_and_new_orders(world: World) -> None:
    ana_, luz = crossed(world)
    judged = acts.keep_apart(world.db, ana(world), ana_, luz, way_of(world))
    assert (judged.judged, judged.changed) == (1, 1)
    assert world.rows("SELECT warnings, customer_id FROM orders WHERE source_id = 'X'") == [(None, ana_)]
    world.take(order("Y", customer=BOTH))
    assert evidence(world, "Y") is None
    assert (conflicts(world), customers(world)) == ([], 2)


def test_row_32_merged_they_answer_as_one(world: World) -> None:
    ana_, luz = crossed(world)
    acts.merge(world.db, ana(world), luz, ana_)
    assert len(world.why("ana@example.com").orders) == len(world.why("+541143215678").orders) == 3
    world.take(order("Y", customer=LUZ))
    assert customer_of(world, "Y") == ana_
    assert conflicts(world) == []


def test_row_32_unmerge_undoes_everything(world: World) -> None:
    ana_, luz = crossed(world)
    before = people(world)
    acts.merge(world.db, ana(world), luz, ana_)
    assert people(world) != before
    acts.unmerge(world.db, ana(world), luz, way_of(world))
    assert people(world) == before
    assert [pair[:2] for pair in conflicts(world)] == [(min(ana_, luz), max(ana_, luz))]


def test_row_32_orders_that_came_meanwhile_go_back_to_whom_their_keys_name(world: World) -> None:
    ana_, luz = crossed(world)
    acts.merge(world.db, ana(world), luz, ana_)
    world.take(order("Y", customer=LUZ))
    acts.unmerge(world.db, ana(world), luz, way_of(world))
    assert customer_of(world, "Y") == luz
    assert customer_of(world, "X") == ana_


def test_row_32_undoing_a_merge_of_people_without_conflict_leaves_no_conflict(world: World) -> None:
    world.take(order("A", customer=ANA), order("L", customer=LUZ))
    ana_, luz = customer_of(world, "A"), customer_of(world, "L")
    acts.merge(world.db, ana(world), luz, ana_)
    acts.unmerge(world.db, ana(world), luz, way_of(world))
    assert conflicts(world) == []


EVA = {"email": "eva@example.com"}


def three(world: World) -> tuple[int, int, int]:
    """Ana, Luz and Eva with an order each; returns their customers."""
    world.take(order("A", customer=ANA), order("L", customer=LUZ), order("E", customer=EVA))
    ana_, luz, eva = (customer_of(world, name) for name in "ALE")
    return ana_, luz, eva


def chained(world: World) -> tuple[int, int, int]:
    """The same, Eva merged into Luz and Luz into Ana."""
    ana_, luz, eva = three(world)
    acts.merge(world.db, ana(world), eva, luz)
    acts.merge(world.db, ana(world), luz, ana_)
    return ana_, luz, eva


def merged_into(world: World) -> dict[int, int]:
    return dict(world.rows("SELECT customer_id, merged_into FROM customer WHERE merged_into IS NOT NULL"))


def test_row_32_undoing_the_second_of_two_merges_leaves_the_first(world: World) -> None:
    ana_, luz, eva = three(world)
    acts.merge(world.db, ana(world), eva, luz)
    before = people(world)
    acts.merge(world.db, ana(world), luz, ana_)
    acts.unmerge(world.db, ana(world), luz, way_of(world))
    assert people(world) == before
    assert merged_into(world) == {eva: luz}


def test_row_32_a_chain_of_merges_answers_as_one(world: World) -> None:
    ana_, luz, _eva = chained(world)
    for contact in ("ana@example.com", "+541143215678", "eva@example.com"):
        assert [found["id"] for found in world.why(contact).orders] == ["E", "L", "A"], contact
    world.take(order("E2", customer=EVA), order("L2", customer=LUZ), order("A2", customer=ANA))
    world.take(order("X", customer={**LUZ, **EVA}))
    assert {customer_of(world, name) for name in ("E2", "L2", "A2", "X")} == {ana_}
    assert world.rows("SELECT warnings FROM orders WHERE source_id = 'X'") == [(None,)]
    assert customer_of(world, "L") == luz  # a merge moves nothing


@pytest.mark.parametrize("undone", ["luz", "eva"])
def test_row_32_what_came_under_a_chain_goes_back_where_its_keys_say(world: World, undone: str) -> None:
    ana_, luz, eva = chained(world)
    world.take(order("E2", customer=EVA), order("L2", customer=LUZ))
    acts.unmerge(world.db, ana(world), luz if undone == "luz" else eva, way_of(world))
    assert merged_into(world) == ({eva: luz} if undone == "luz" else {luz: ana_})
    expected = {"luz": {"E2": luz, "L2": luz}, "eva": {"E2": eva, "L2": ana_}}[undone]
    assert {name: customer_of(world, name) for name in ("E2", "L2")} == expected
    assert customer_of(world, "E") == eva


def test_row_32_two_of_a_chain_are_no_conflict_until_it_is_undone(world: World) -> None:
    ana_, luz, eva = three(world)
    world.take(order("X", customer={**ANA, "phone": LUZ["phone"]}))
    assert conflicts(world) == [(min(ana_, luz), max(ana_, luz), 1)]
    acts.merge(world.db, ana(world), luz, eva)
    assert conflicts(world) == [(min(ana_, luz), max(ana_, luz), 1)]
    acts.merge(world.db, ana(world), ana_, eva)
    assert conflicts(world) == []
    acts.unmerge(world.db, ana(world), ana_, way_of(world))
    assert len(conflicts(world)) >= 1


def test_row_32_merges_never_go_round_in_a_circle(world: World) -> None:
    ana_, luz, eva = chained(world)
    chain = merged_into(world)
    for one_, other in ((ana_, luz), (ana_, eva)):
        with pytest.raises(Refused, match="itself merged"):
            acts.merge(world.db, ana(world), one_, other)
    world.take(order("P", customer={"email": "pia@example.com"}))
    with pytest.raises(Refused, match="already merged"):
        acts.merge(world.db, ana(world), eva, customer_of(world, "P"))
    acts.merge(world.db, ana(world), eva, ana_)  # one person already
    assert merged_into(world) == chain


def test_row_32_two_merges_at_once_do_not_make_a_circle(world: World) -> None:
    ana_, luz, _eva = three(world)
    me, refused = ana(world), []

    def merge(pair: tuple[int, int]) -> None:
        with world.db.again() as db:
            try:
                acts.merge(db, me, *pair)
            except Refused as err:
                refused.append(err)

    threads = [threading.Thread(target=merge, args=(pair,)) for pair in ((ana_, luz), (luz, ana_))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == len(merged_into(world)) == 1


def test_row_32_what_cannot_be_merged_is_refused(world: World) -> None:
    ana_, luz = crossed(world)
    with pytest.raises(Refused):
        acts.merge(world.db, ana(world), ana_, ana_)
    with pytest.raises(NotFound):
        acts.merge(world.db, ana(world), ana_, 999_999)
    with pytest.raises(Refused):
        acts.unmerge(world.db, ana(world), luz, way_of(world))
    acts.merge(world.db, ana(world), luz, ana_)
    with pytest.raises(Refused, match="itself merged"):
        acts.merge(world.db, ana(world), ana_, luz)


# ---------------------------------------------------------------- 33: masked, filler and invalid contacts

MASKED = "comprador.x1@mail.mercadolibre.com"


def test_row_33_an_alias_of_a_marketplace_is_no_key(world: World) -> None:
    world.take(order("A", customer={"id": "1", "email": MASKED}), order("B", customer={"id": "2", "email": MASKED}))
    assert world.standing("A") == ("present", None)
    assert evidence(world, "A")["customer_contact_masked"] == {"channel": "email", "domain": "mail.mercadolibre.com"}
    assert customers(world) == 2
    assert {kind for (kind,) in world.rows("SELECT kind FROM customer_key")} == {"source"}
    assert one(world, "SELECT customer_email FROM orders WHERE source_id = 'A'") == MASKED  # kept, and none invented


def test_row_33_an_order_known_only_by_an_alias_is_present(world: World) -> None:
    """As the article says: «The order is present and its amounts count in full»."""
    world.take(order("A", customer={"name": "Ana", "email": MASKED}))
    assert world.standing("A") == ("present", None)


@pytest.mark.parametrize("contact", [
    {"email": "sincorreo@gmail.com"}, {"email": "notiene@hotmail.com"}, {"email": "ana@noemail.com"},
    {"phone": "1111111111"}, {"phone": "+54 11 1234-5678"},
], ids=lambda contact: next(iter(contact.values())))  # fmt: skip
def test_row_33_what_staff_types_to_fill_the_field_is_no_key(world: World, contact: dict[str, str]) -> None:
    world.take(order("A", customer={**contact, "id": "1"}), order("B", customer={**contact, "id": "2"}))
    assert world.rows("SELECT kind FROM customer_key GROUP BY kind") in ([], [("source",)])
    world.rules(customers__contact_required="no")
    assert customers(world) == 2
    proof = evidence(world, "A")["customer_placeholder_contact"]
    assert proof["value"] == next(iter(contact.values()))
    assert proof["channel"] == next(iter(contact))


def test_row_33_a_shop_names_its_own_fillers(world: World) -> None:
    filler = {"email": "caja1@mitienda.com.ar", "phone": "011 4321-5678"}
    world.rules(customers__placeholders="caja1@mitienda.com.ar, 011 4321-5678", customers__contact_required="no")
    world.take(order("A", customer={**filler, "id": "1"}), order("B", customer={**filler, "id": "2"}))
    assert customers(world) == 2
    assert "customer_placeholder_contact" in evidence(world, "A")


def test_row_33_a_contact_that_many_people_give_is_no_key_any_more(world: World) -> None:
    """Told apart by their documents; people of one document may use it as often as they like."""
    world.rules(customers__contact_required="no", customers__shared_by_most="3")
    counter = {"email": "ventas@mitienda.example"}
    world.take(*(order(f"A-{n}", customer={**counter, "document": f"2000{n}"}) for n in range(6)))
    assert "customer_placeholder_contact" not in (evidence(world, "A-2") or {})
    for number in ("A-3", "A-4", "A-5"):
        proof = evidence(world, number)["customer_placeholder_contact"]
        assert (proof["channel"], proof["value"]) == ("email", "ventas@mitienda.example")
        assert "3" in proof["rule"]
    assert customers(world) == 4  # the first three had nothing else against them
    world.take(*(order(f"B-{n}", customer={**counter, "document": "20005"}) for n in range(6)))
    assert customers(world) == 4


def test_row_33_one_person_with_many_record_numbers_shares_with_nobody(world: World) -> None:
    world.take(*(order(f"A-{n}", customer={"id": str(n), "email": "ana@example.com"}) for n in range(9)))
    assert customers(world) == 1


def test_row_33_an_invalid_contact_is_no_key_and_says_why(world: World) -> None:
    world.take(order("A", customer={"email": "ana@@example", "phone": "011 4321-5678"}))
    assert world.standing("A") == ("present", None)
    proof = evidence(world, "A")["customer_contact_invalid"]
    assert (proof["channel"], proof["value"]) == ("email", "ana@@example")
    assert proof["rule"]
    assert world.rows("SELECT kind FROM customer_key") == [("phone",)]


def test_row_33_two_contacts_with_the_same_fault_are_both_in_the_proof(world: World) -> None:
    world.rules(customers__contact_required="no")
    world.take(order("A", customer={"email": "ana@@example", "phone": "12", "id": "1"}))
    proof = evidence(world, "A")["customer_contact_invalid"]
    assert proof["channel"] == ["email", "phone"]
    assert proof["value"] == {"email": "ana@@example", "phone": "12"}
    assert proof["rule"].keys() == {"email", "phone"}
    assert all(proof["rule"].values())
    (warning,) = world.why("A").warnings
    assert warning["evidence"]["value"] == {"email": "••••", "phone": "••••"}


# ---------------------------------------------------------------- 35: contactability per channel


def consents(world: World) -> list[tuple[object, ...]]:
    return world.rows("SELECT channel, state, at, source, note FROM consent ORDER BY channel")


def states(world: World) -> dict[str, str]:
    return {row[0]: row[1] for row in consents(world)}  # type: ignore[misc]


def said(id: str, *given: dict[str, str]) -> dict[str, object]:
    return order(id, customer={"email": "ana@example.com", "consents": list(given)})


def at(day: int) -> str:
    return f"2026-05-{day:02}T10:00:00Z"


def test_row_35_each_channel_has_its_state_date_and_source_and_unknown_writes_nothing(world: World) -> None:
    world.take(said("A", {"channel": "email", "state": "allowed", "at": at(1)},
                    {"channel": "sms", "state": "refused", "at": at(2)},
                    {"channel": "whatsapp", "state": "blocked", "at": at(3), "note": "complaint"}))  # fmt: skip
    assert consents(world) == [
        ("email", "allowed", datetime(2026, 5, 1, 10, tzinfo=UTC), "shop", None),
        ("sms", "refused", datetime(2026, 5, 2, 10, tzinfo=UTC), "shop", None),
        ("whatsapp", "blocked", datetime(2026, 5, 3, 10, tzinfo=UTC), "shop", "complaint"),
    ]
    world.take(order("B", customer={"email": "ana@example.com"}), said("C"))
    assert states(world) == {"email": "allowed", "sms": "refused", "whatsapp": "blocked"}


def test_row_35_a_file_of_customers_says_it_in_words_and_an_empty_cell_says_nothing(world: World) -> None:
    world.take_csv({
        "orders.csv": "id\n",
        "customers.csv": "id,email,consent.email,consent.sms,consent.whatsapp,consent.at\n"
                         f"1,ana@example.com,sí,no,,{at(1)}\n2,luz@example.com,bounce,,unsubscribe,{at(1)}\n",
    })  # fmt: skip
    rows = world.rows("SELECT k.value, c.channel, c.state FROM consent c JOIN customer_key k USING (customer_id) "
                      "WHERE k.kind = 'email' ORDER BY 1, 2")  # fmt: skip
    assert rows == [
        ("ana@example.com", "email", "allowed"), ("ana@example.com", "sms", "refused"),
        ("luz@example.com", "email", "blocked"), ("luz@example.com", "whatsapp", "blocked"),
    ]  # fmt: skip


def test_row_35_the_newest_word_wins_whatever_arrives_last(world: World) -> None:
    world.take(said("A", {"channel": "email", "state": "refused", "at": at(5)}))
    world.take(said("B", {"channel": "email", "state": "allowed", "at": at(3)}))
    assert states(world) == {"email": "refused"}
    world.take(said("C", {"channel": "email", "state": "allowed", "at": at(7)}))
    assert states(world) == {"email": "allowed"}


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
def test_row_35_a_block_is_never_lifted_by_a_source(world: World, together: bool) -> None:
    words = [said("A", {"channel": "email", "state": "blocked", "at": at(1), "note": "bounce"}),
             said("B", {"channel": "email", "state": "allowed", "at": at(9)})]  # fmt: skip
    for batch in [words] if together else [[word] for word in words]:
        world.take(*batch)
    assert states(world) == {"email": "blocked"}


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
def test_row_35_a_block_heard_of_later_is_a_block_all_the_same(world: World, together: bool) -> None:
    """The same two words in the other order of arrival end in the same state (promise 3)."""
    words = [said("B", {"channel": "email", "state": "allowed", "at": at(9)}),
             said("A", {"channel": "email", "state": "blocked", "at": at(1), "note": "bounce"})]  # fmt: skip
    for batch in [words] if together else [[word] for word in words]:
        world.take(*batch)
    assert states(world) == {"email": "blocked"}


# ---------------------------------------------------------------- 36: product by SKU, id or name


def sold(id: str, **values: object) -> dict[str, object]:
    return order(id, lines=[line(**values)])


def products(world: World) -> int:
    return one(world, "SELECT count(*) FROM product")


@pytest.mark.parametrize(("method", "key"), [("sku", "sku"), ("id", "product_id"), ("name", "name")])
def test_row_36_products_are_told_by_the_value_that_the_rule_names(world: World, method: str, key: str) -> None:
    world.rules(products__identify_by=method)
    values = {"sku": "S", "product_id": "P", "name": "N"}
    world.take(sold("A", **values), sold("B", **{name: f"{value}-other" for name, value in values.items()} | {key: values[key]}),
               sold("C", **values | {key: "another"}))  # fmt: skip
    rows = world.rows("SELECT o.source_id, l.product_id FROM order_line l JOIN orders o USING (order_id) ORDER BY 1")
    found: dict[str, int] = dict(rows)  # type: ignore[arg-type]
    assert found["A"] == found["B"] != found["C"]
    assert products(world) == 2


def test_row_36_sku_to_sku_and_source_id_to_code(world: World) -> None:
    world.take(sold("A", sku="ZAP-40", product_id="9001", name="Zapato"))
    assert world.rows("SELECT sku, code, name, origin FROM product") == [("ZAP-40", "9001", "Zapato", "order")]
    keys = world.rows("SELECT kind, value FROM product_key WHERE kind <> 'name'")
    assert sorted(keys) == [("id", "9001"), ("sku", "ZAP-40")]


def test_row_36_names_are_compared_without_case_and_blanks(world: World) -> None:
    world.rules(products__identify_by="name")
    world.take(sold("A", name="Zapato  Rojo"), sold("B", name=" zapato rojo"))
    assert products(world) == 1


@pytest.mark.parametrize("odd", ['a"b', "c\\\\d", 'e\\"', "{f,g}", "NULL", "h\ni", "'; --", "ñ€😀", " j "])
def test_row_36_whatever_stands_in_a_number_or_a_code_it_is_found_again(world: World, odd: str) -> None:
    for name in ("A", "B"):
        customer = {"id": odd, "email": f"{name}@example.com"}
        world.take(order(odd, customer=customer, note=name, lines=[line(sku=odd, name=f"Product {name}")]))
    assert world.rows("SELECT source_id, version FROM orders") == [(odd, 2)]
    assert products(world) == one(world, "SELECT count(*) FROM customer") == 1


def test_row_36_a_catalogue_completes_what_an_order_named_first(world: World) -> None:
    world.take(sold("A", sku="ZAP-40", name="zapato del pedido"))
    world.take_csv({"orders.csv": "id\n", "products.csv": "id,sku,name,brand\n9001,ZAP-40,Zapato urbano,Marca\n"})
    assert world.rows("SELECT sku, code, name, brand, origin FROM product") == [
        ("ZAP-40", "9001", "Zapato urbano", "Marca", "catalogue")
    ]


@pytest.mark.parametrize("method", ["id", "name"])
def test_row_36_changing_how_products_are_told_makes_no_duplicates(world: World, method: str) -> None:
    values = {"sku": "ZAP-40", "product_id": "9001", "name": "Zapato"}
    world.take(sold("A", **values))
    world.rules(products__identify_by=method)
    world.take(sold("B", **values))
    assert products(world) == 1


# ---------------------------------------------------------------- 37: missing, repeated, changed SKU


def catalogue(world: World, *rows: str, header: str = "id,sku,name,active") -> None:
    world.take_csv({"orders.csv": "id\n", "products.csv": "\n".join([header, *rows]) + "\n"})


def test_row_37_a_missing_sku_leaves_the_order_present_and_incomplete(world: World) -> None:
    world.take(order("A", lines=[line(sku=None), line(id="2", sku="  ")], total="20.00"))
    assert world.standing("A") == ("present", None)
    assert one(world, "SELECT incomplete FROM orders")
    assert world.rows("SELECT reason, evidence FROM order_line ORDER BY line_no") == [
        ("product_sku_missing", {"line": "1", "identify_by": "sku"}),
        ("product_sku_missing", {"line": "2", "identify_by": "sku"}),
    ]


def test_row_37_a_rule_holds_orders_with_troubled_lines_and_lets_them_go(world: World) -> None:
    world.rules(products__problem="hold")
    first = sold("A", sku=None)
    world.take(first, sold("B", sku=None))
    assert world.standing("A") == ("held", "product_sku_missing")
    world.take({**first, "lines": [line()]})
    assert world.standing("A") == ("present", None)
    world.rules(products__problem="incomplete")
    assert world.standing("B") == ("present", None)


def test_row_37_a_catalogue_lets_nothing_go_that_names_no_product(world: World) -> None:
    world.rules(products__problem="hold")
    world.take(sold("A", sku=None))
    judged = one(world, "SELECT changed_at FROM orders")
    catalogue(world, "1,NEW,Uno,")
    assert world.standing("A") == ("held", "product_sku_missing")
    assert one(world, "SELECT changed_at FROM orders") == judged


def test_row_37_two_products_with_one_sku_are_not_guessed_and_a_link_decides(world: World) -> None:
    catalogue(world, "1,DUP,Uno,", "2,DUP,Dos,")
    world.rules(products__problem="hold")
    world.take(sold("A", sku="DUP"))
    ((low,), (high,)) = world.rows("SELECT product_id FROM product ORDER BY 1")
    answer = world.why("A")
    assert (answer.standing, answer.reason) == ("held", "product_sku_duplicate")
    assert answer.evidence == {"sku": "DUP", "products": [low, high]}
    acts.link_product(world.db, ana(world), "sku", "DUP", high, 0, way_of(world))
    assert world.standing("A") == ("present", None)
    assert one(world, "SELECT product_id FROM order_line") == high


@pytest.mark.parametrize("by", ["sku", "name"])
def test_row_37_what_another_store_sells_under_the_same_sku_is_no_duplicate(world: World, by: str) -> None:
    world.integration("otra")
    for store in ("shop", "otra"):
        world.rules(store, products__problem="hold", products__unknown="hold", products__identify_by=by)
    for store, number in (("shop", "1"), ("otra", "7")):
        world.take_csv({"orders.csv": "id\n", "products.csv": f"id,sku,name\n{number},SKU-1,Product one\n"}, name=store)
    for store in ("shop", "otra"):
        world.take(sold(store, sku="SKU-1"), name=store)
        assert world.standing(store) == ("present", None)
    assert world.rows("SELECT o.source_id, p.code FROM orders o JOIN order_line USING (order_id)"
                      " JOIN product p USING (product_id) ORDER BY 2") == [("shop", "1"), ("otra", "7")]  # fmt: skip
    world.take_csv({"orders.csv": "id\n", "products.csv": "id,sku,name\n8,SKU-1,Product one\n"}, name="otra")
    world.take(sold("two", sku="SKU-1"), name="otra")  # and now two of one store have it
    assert world.standing("two")[0] == "held"
    world.take(sold("alone", sku="SKU-1"))
    assert world.standing("alone") == ("present", None)


def test_row_37_a_changed_sku_leaves_an_alias_so_that_past_and_future_sales_meet(world: World) -> None:
    catalogue(world, "1,VIEJO,Zapato,")
    world.take(sold("A", sku="VIEJO"))
    catalogue(world, "1,NUEVO,Zapato,")
    world.take(sold("B", sku="VIEJO"), sold("C", sku="NUEVO"))
    assert products(world) == 1
    assert len(world.rows("SELECT DISTINCT product_id FROM order_line")) == 1
    ((number, warnings, proof),) = world.rows("SELECT product_id, warnings, evidence FROM product")
    assert warnings == ["product_sku_changed"]
    assert proof["product_sku_changed"] == {"former": "VIEJO", "current": "NUEVO", "product": number}
    assert world.rows("SELECT value, former FROM product_key WHERE kind = 'sku' ORDER BY 1") == [
        ("NUEVO", False), ("VIEJO", True),
    ]  # fmt: skip


def test_row_37_an_alias_gives_way_to_a_product_that_has_the_sku_today(world: World) -> None:
    catalogue(world, "1,VIEJO,Zapato,")
    catalogue(world, "1,NUEVO,Zapato,", "2,VIEJO,Bota,")
    world.take(sold("A", sku="VIEJO"))
    assert world.rows("SELECT p.code FROM order_line l JOIN product p USING (product_id)") == [("2",)]


# ---------------------------------------------------------------- 38: product must exist, be active, be linked


def test_row_38_an_unknown_product_is_created(world: World) -> None:
    world.take(sold("A", sku="NUEVO", name="Zapato", unit="par"))
    assert world.rows("SELECT sku, name, unit, origin FROM product") == [("NUEVO", "Zapato", "par", "order")]
    assert one(world, "SELECT product_id FROM order_line") == one(world, "SELECT product_id FROM product")


def test_row_38_or_its_line_comes_in_as_free_text(world: World) -> None:
    world.rules(products__unknown="free_line")
    world.take(sold("A", sku="NUEVO"))
    assert world.standing("A") == ("present", None)
    assert products(world) == 0
    assert world.rows("SELECT product_id, reason, evidence FROM order_line") == [
        (None, "product_not_found", {"identify_by": "sku", "value": "NUEVO"})
    ]
    assert one(world, "SELECT incomplete FROM orders")


def test_row_38_or_the_order_is_held_and_a_link_releases_exactly_those_it_held(world: World) -> None:
    catalogue(world, "1,ZAP-40,Zapato,")
    world.rules(products__unknown="hold")
    world.take(sold("A", sku="ALIAS"), sold("B", sku="ALIAS"), sold("C", sku="OTRO"), sold("D", sku="ZAP-40"))
    assert [world.standing(name) for name in "ABC"] == [("held", "product_not_found")] * 3
    assert world.standing("D") == ("present", None)
    assert world.why("A").evidence == {"identify_by": "sku", "value": "ALIAS"}

    judged = acts.link_product(world.db, ana(world), "sku", "ALIAS", one(world, "SELECT product_id FROM product"), 0,
                               way_of(world))  # fmt: skip
    assert (judged.judged, judged.changed) == (2, 2)
    assert [world.standing(name)[0] for name in "ABCD"] == ["present", "present", "held", "present"]
    assert world.why("C").attempts == 1
    assert products(world) == 1


@pytest.mark.parametrize("kind", ["id", "name"])
def test_row_38_a_link_by_id_or_name_releases_as_well(world: World, kind: str) -> None:
    catalogue(world, "1,ZAP-40,Zapato,")
    world.rules(products__unknown="hold", products__identify_by=kind)
    world.take(sold("A", product_id="77", name="Zapato Rojo"), sold("B", product_id="78", name="Bota"))
    scope = way(world).store_id if kind == "id" else 0
    value = "77" if kind == "id" else "zapato rojo"  # as `cuadra product link` writes a name
    acts.link_product(
        world.db, ana(world), kind, value, one(world, "SELECT product_id FROM product"), scope, way_of(world)
    )
    assert world.standing("A") == ("present", None)
    assert world.standing("B") == ("held", "product_not_found")


def test_row_38_a_link_releases_lines_whose_sku_has_blanks_around_it(world: World) -> None:
    catalogue(world, "1,ZAP-40,Zapato,")
    world.rules(products__unknown="hold")
    world.take(sold("A", sku=" ALIAS "))
    acts.link_product(
        world.db, ana(world), "sku", "ALIAS", one(world, "SELECT product_id FROM product"), 0, way_of(world)
    )
    assert world.standing("A") == ("present", None)


def test_row_38_a_product_that_another_number_leads_to_is_proposed_and_its_link_releases(world: World) -> None:
    catalogue(world, "1,ZAP-40,Zapato,", "2,BOTA,Bota,")
    world.rules(products__unknown="hold", products__identify_by="id")
    known = {"product_id": "77", "name": "Bota"}
    world.take(sold("A", sku="ZAP-40", **known), sold("B", sku="NUEVO", **known), sold("C", sku="BOTA", product_id="1"))
    zapato = one(world, "SELECT product_id FROM product WHERE code = '1'")
    assert world.standing("A") == ("held", "product_not_linked")
    assert world.why("A").evidence == {"product": zapato, "integration": "shop", "links": ["sku:ZAP-40"],
                                       "identify_by": "id", "value": "77"}  # fmt: skip
    assert (
        one(world, "SELECT l.product_id FROM order_line l JOIN orders o USING (order_id) WHERE o.source_id = 'A'")
        is None
    )
    assert world.standing("B") == ("held", "product_not_found"), "a name alone leads nowhere"
    assert world.standing("C") == ("present", None), "the number that the rule names decides"

    judged = acts.link_product(world.db, ana(world), "id", "77", zapato, way(world).store_id, way_of(world))
    assert judged.changed == 2
    assert world.standing("A") == ("present", None)
    assert products(world) == 2


def test_row_38_a_product_that_comes_later_is_proposed_then(world: World) -> None:
    world.rules(products__unknown="free_line", products__identify_by="sku")
    world.take(sold("A", sku="ALIAS", product_id="1"))
    assert one(world, "SELECT reason FROM order_line") == "product_not_found"
    catalogue(world, "1,ZAP-40,Zapato,")
    assert world.rows("SELECT reason, evidence ->> 'links' FROM order_line") == [("product_not_linked", '["id:1"]')]
    assert world.standing("A") == ("present", None)
    assert one(world, "SELECT warnings FROM orders") == ["product_not_linked"]


def test_row_38_numbers_that_lead_to_two_products_propose_none(world: World) -> None:
    catalogue(world, "1,ZAP-40,Zapato,", "2,BOTA,Bota,", header="id,sku,name,active")
    world.rules(products__unknown="hold", products__identify_by="name")
    world.take(sold("A", sku="ZAP-40", product_id="2", name="Otro"))
    assert world.standing("A") == ("held", "product_not_found")


def test_row_38_a_rule_changed_to_create_or_free_line_releases_all(world: World) -> None:
    world.rules(products__unknown="hold")
    world.take(sold("A", sku="NUEVO"))
    world.rules(products__unknown="free_line")
    assert world.standing("A") == ("present", None)
    world.rules(products__unknown="create")
    world.take(again(sold("B", sku="NUEVO")))
    assert products(world) == 1


def test_row_38_an_inactive_product_holds_and_its_activation_releases(world: World) -> None:
    catalogue(world, "1,ZAP-40,Zapato,no", "2,BOTA,Bota,no")
    world.take(sold("A", sku="ZAP-40"), sold("B", sku="BOTA"))
    ((zapato, since),) = world.rows("SELECT product_id, inactive_at FROM product WHERE sku = 'ZAP-40'")
    answer = world.why("A")
    assert (answer.standing, answer.reason) == ("held", "product_inactive")
    assert answer.evidence == {
        "product": zapato, "name": "Product one", "sku": "ZAP-40", "since": since.isoformat(),
    }  # fmt: skip
    judged = acts.activate_product(world.db, ana(world), zapato, way_of(world))
    assert (judged.judged, judged.changed) == (1, 1)
    assert [world.standing(name)[0] for name in "AB"] == ["present", "held"]


def test_row_38_a_product_switched_off_by_a_person_holds_from_then_on(world: World) -> None:
    world.take(sold("A", sku="ZAP-40"))
    acts.activate_product(
        world.db, ana(world), one(world, "SELECT product_id FROM product"), way_of(world), active=False
    )
    world.take(sold("B", sku="ZAP-40"))
    assert world.standing("A") == ("present", None)
    assert world.standing("B") == ("held", "product_inactive")


def test_row_38_a_rule_admits_sales_of_inactive_products(world: World) -> None:
    catalogue(world, "1,ZAP-40,Zapato,no")
    world.take(sold("A", sku="ZAP-40"))
    world.rules(products__inactive="allow")
    assert world.standing("A") == ("present", None)


@pytest.mark.parametrize(("before", "after"), [("1,ZAP-40,Zapato,no", "1,ZAP-40,Zapato,sí"), ("2,OTRO,Otro,", "1,ZAP-40,Zapato,")],
                         ids=["active again", "there at last"])  # fmt: skip
def test_row_38_the_catalogue_itself_releases_what_waited_for_it(world: World, before: str, after: str) -> None:
    """`product_inactive` and `product_not_found` are released by an event; that the catalogue of the source brings it
    is the usual way."""
    catalogue(world, before)
    world.rules(products__unknown="hold")
    world.take(sold("A", sku="ZAP-40"))
    assert world.standing("A")[0] == "held"
    catalogue(world, after)
    assert world.standing("A") == ("present", None)


# ---------------------------------------------------------------- 39: one bad line does not lose the order


def test_row_39_each_line_has_its_verdict_and_the_order_stays(world: World) -> None:
    catalogue(world, "1,DUP,Uno,", "2,DUP,Dos,")
    world.rules(filters__without_skus="BOLSA")
    world.take(order("A", total="50.00", lines=[
        line(), line(id="2", sku=None), line(id="3", sku="DUP"), line(id="4", sku="BOLSA"), line(id="5", sku="SKU-5"),
    ]))  # fmt: skip
    assert world.standing("A") == ("present", None)
    assert [reason for (reason,) in world.rows("SELECT reason FROM order_line ORDER BY line_no")] == [
        None, "product_sku_missing", "product_sku_duplicate", "line_excluded_by_rule", None,
    ]  # fmt: skip
    assert one(world, "SELECT incomplete FROM orders")
    assert world.rows("SELECT warnings FROM orders") == [
        (["line_excluded_by_rule", "product_sku_duplicate", "product_sku_missing"],)
    ]


def test_row_39_it_is_complete_when_its_last_line_is(world: World) -> None:
    first = order("A", lines=[line(), line(id="2", sku=None)], total="20.00")
    world.take(first)
    world.take({**first, "lines": [line(), line(id="2", sku="SKU-2")]})
    assert world.rows("SELECT incomplete, warnings FROM orders") == [(False, None)]


def test_row_39_a_line_that_cannot_be_read_leaves_the_others_stored(world: World) -> None:
    world.take(order("A", lines=[line(), line(id="2", sku="SKU-2", quantity="dos")], total="20.00"), order("B"))
    answer = world.why("A")
    assert (answer.standing, answer.reason) == ("failed", "field_format_invalid")
    assert (answer.evidence["field"], answer.evidence["value"]) == ("lines[1].quantity", "dos")
    assert len(world.rows("SELECT 1 FROM order_line JOIN orders USING (order_id) WHERE orders.source_id = 'A'")) == 2
    assert world.standing("B") == ("present", None)


# ---------------------------------------------------------------- 40: categories


def paths(*assigned: str) -> list[tuple[str, ...]]:
    return [tuple(part.strip() for part in one.split(">")) for one in assigned]


#: (named case, assigned nodes, policy, chosen, rule that decided): decision D1
CASES = [
    ("nested: the deepest node", ["Ropa > Zapatos > Urbanos", "Ropa > Zapatos", "Ropa"], "branches",
     "Ropa > Zapatos > Urbanos", "deepest_of_branch"),
    ("two siblings: alphabetical, accents like plain letters", ["Ropa > Zapatos", "Ropa > Árboles", "Ropa > Botas"],
     "branches", "Ropa > Árboles", "alphabetical"),
    ("parent and child ticked: the child", ["Ropa", "Ropa > Zapatos"], "branches", "Ropa > Zapatos", "deepest_of_branch"),
    ("two branches of different depth: the more general", ["Ropa > Zapatos > Urbanos", "Ofertas > Verano"], "branches",
     "Ofertas > Verano", "most_general_branch"),
    ("three levels in one branch, with a gap", ["Ropa", "Ropa > Zapatos > Urbanos"], "branches",
     "Ropa > Zapatos > Urbanos", "deepest_of_branch"),
    ("same name in two branches", ["Mujer > Zapatos", "Hombre > Zapatos"], "branches", "Hombre > Zapatos", "alphabetical"),
    ("a single node", ["Ropa > Zapatos"], "branches", "Ropa > Zapatos", None),
    ("none", [], "branches", None, None),
    ("duplicates count once", ["Ropa > Zapatos", "Ropa > Zapatos", "Ropa > Zapatos "], "branches", "Ropa > Zapatos", None),
    ("empty names are no names", ["", " > ", "Ropa >  > Zapatos"], "branches", "Ropa > Zapatos", None),
    ("deepest per branch, then shallowest branch, then alphabetical",
     ["Ropa", "Ropa > Zapatos > Urbanos", "Ofertas", "Ofertas > Verano", "Marcas > Ñandú", "Hogar > Baño > Toallas"],
     "branches", "Marcas > Ñandú", "alphabetical"),
    ("policy first", ["Ropa > Zapatos", "Ofertas", "ropa"], "first", "Ofertas", "first"),
    ("policy deepest", ["Ropa > Zapatos > Urbanos", "Ofertas > Verano", "Ropa"], "deepest", "Ropa > Zapatos > Urbanos",
     "deepest"),
    ("policy none", ["Ropa > Zapatos", "Ofertas"], "none", None, None),
    ("case decides only where nothing else differs", ["zapatos", "Zapatos", "botas"], "branches", "botas", "alphabetical"),
    ("one name that begins like another is no branch of it", ["Ropa", "Ropa interior > Medias"], "branches", "Ropa",
     "most_general_branch"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("assigned", "policy", "chosen", "rule"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_row_40_one_category_of_many(assigned: list[str], policy: str, chosen: str | None, rule: str | None) -> None:
    for given in (assigned, assigned[::-1]):  # the order in which a source lists them says nothing
        choice = choose(paths(*given), policy)  # type: ignore[arg-type]
        assert (" > ".join(choice.path) if choice.path else None) == chosen
        assert choice.rule == rule
        assert not choice.rule or len(choice.candidates) > 1


def test_row_40_every_policy_can_be_chosen() -> None:
    for policy in ("branches", "deepest", "first", "none"):
        changed = rule_book.change(rule_book.Rules(), "products.category_policy", policy)
        assert changed.products.category_policy == policy


def category(world: World, code: str) -> str | None:
    path = one(world, "SELECT c.path FROM product p LEFT JOIN category c USING (category_id) WHERE p.code = %s", code)
    return path.replace("\x1f", " > ") if path else None


def test_row_40_categories_are_created_once_and_reused(world: World) -> None:
    header = "id,sku,category"
    catalogue(world, "1,A,Ropa > Zapatos", "2,B,Ropa > Zapatos", "3,C,Ropa > Botas|Ropa", header=header)
    assert [category(world, code) for code in "123"] == ["Ropa > Zapatos", "Ropa > Zapatos", "Ropa > Botas"]
    rows = world.rows("SELECT name, depth, parent_id IS NULL FROM category ORDER BY path")
    assert rows == [("Ropa", 1, True), ("Botas", 2, False), ("Zapatos", 2, False)]
    catalogue(world, "4,D,Ropa > Botas", header=header)
    assert one(world, "SELECT count(*) FROM category") == 3


@pytest.mark.parametrize("through", ["names", "tree"])
def test_row_40_a_path_longer_than_an_index_takes_is_left_out_with_its_reason(world: World, through: str) -> None:
    noise = "".join(chr(0x4E00 + at * 7 % 20000) for at in range(300))  # it cannot be compressed
    names = [f"{at}{noise}" for at in range(4)]
    if through == "names":
        catalogue(world, f"1,A,{' > '.join(names)}", "2,B,Ropa", header="id,sku,category")
    else:
        tree = "".join(f"{at + 1},{name},{at or ''}\n" for at, name in enumerate(names))
        world.take_csv({"orders.csv": "id\n", "categories.csv": f"id,name,parent\n{tree}10,Ropa,\n",
                        "products.csv": "id,sku,category_id\n1,A,4\n2,B,10\n"})  # fmt: skip
    assert (category(world, "1"), category(world, "2")) == (None, "Ropa")
    proof = one(world, "SELECT evidence FROM product WHERE code = '1'")["category_badly_defined_at_source"]
    assert proof["problem"] == "too_long"
    assert proof["category"] == " > ".join(names)[:200]
    place = "SELECT r.line FROM attempt a JOIN receipt r USING (receipt_id) WHERE a.entity = 'product' AND a.identifier = '1'"
    assert one(world, place) == 2


def test_row_40_a_choice_between_several_is_recorded_with_its_rule(world: World) -> None:
    catalogue(world, "1,A,Ropa > Zapatos > Urbanos|Ofertas > Verano", header="id,sku,category")
    assert one(world, "SELECT evidence FROM product") == {"category_ambiguous": {
        "candidates": ["Ofertas > Verano", "Ropa > Zapatos > Urbanos"], "chosen": "Ofertas > Verano",
        "rule": "most_general_branch",
    }}  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "chosen"), [("deepest", "Ropa > Zapatos > Urbanos"), ("first", "Ofertas > Verano"), ("none", None)]
)
def test_row_40_another_policy_chooses_otherwise(world: World, policy: str, chosen: str | None) -> None:
    world.rules(products__category_policy=policy)
    catalogue(world, "1,A,Ropa > Zapatos > Urbanos|Ofertas > Verano", header="id,sku,category")
    assert category(world, "1") == chosen


def test_row_40_the_tree_of_the_source_gives_the_path(world: World) -> None:
    world.take_csv({
        "orders.csv": "id\n", "categories.csv": "id,name,parent\n10,Ropa,\n11,Zapatos,10\n12,Botas,11\n",
        "products.csv": "id,sku,category_id\n1,A,12|10\n2,B,99\n",
    })  # fmt: skip
    assert category(world, "1") == "Ropa > Zapatos > Botas"
    assert one(world, "SELECT evidence FROM product WHERE code = '2'") == {
        "category_badly_defined_at_source": {"category": "99", "problem": "unknown"}
    }


def test_row_40_a_product_without_category_says_so(world: World) -> None:
    catalogue(world, "1,A,", header="id,sku,category")
    assert one(world, "SELECT evidence FROM product") == {"category_missing": {"product": "1"}}


def test_row_37_a_cancellation_that_names_no_lines_makes_no_second_product(world: World) -> None:
    world.take(order("1", lines=[line(sku="B")], updated_at="2026-11-20T10:00:00Z"))
    world.take(order("1", lines=[], state="cancelled", updated_at="2026-11-20T11:00:00Z"))
    world.take(order("2", lines=[line(sku="B")]))
    assert world.rows("SELECT count(*) FROM product WHERE sku = 'B'") == [(1,)]
    assert world.rows("SELECT standing, incomplete FROM orders WHERE source_id = '2'") == [("present", False)]
