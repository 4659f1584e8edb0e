"""The pages, asked in this process: what they show, what they hide, what they do, and whom they refuse."""

from __future__ import annotations

import asyncio
import json
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest

from cuadra.diagnosis import journey
from cuadra.errors import CuadraError
from cuadra.faces import guard, saying
from cuadra.faces.api.routes import ROUTES
from cuadra.faces.desk import Desk
from cuadra.faces.web.app import application
from cuadra.ledger import acts
from tests.rules import ana, order_id
from tests.world import World, line, order

HERE = "http://127.0.0.1:8000"


class Browser:
    """Somebody at this machine."""

    def __init__(self, world: World, info: str) -> None:
        self.world = world
        self.desk = Desk(world.settings, info)
        self._app: Any = application(self.desk, ROUTES)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
                return await client.request(method, path, **more)

        return asyncio.run(asked())

    def get(self, path: str, lang: str = "en", **more: Any) -> httpx.Response:
        return self.ask("GET", path, headers={"accept-language": lang, **more.pop("headers", {})}, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("POST", path, headers={"origin": HERE, **more.pop("headers", {})}, **more)


@pytest.fixture
def browser(world: World, info: str) -> Iterator[Browser]:
    made = Browser(world, info)
    yield made
    made.desk.close()


def words(page: httpx.Response) -> str:
    """What can be read on a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text.partition("<main")[2]))


# ---------------------------------------------------------------- home


def test_the_root_leads_to_the_only_account(browser: Browser) -> None:
    found = browser.get("/")
    assert (found.status_code, found.headers["location"]) == (302, "/a/acme")


def test_home_has_the_question_and_says_how_each_integration_fares(browser: Browser) -> None:
    browser.world.take(order("A-1"), order("A-2", state="pending"), order("A-3", lines=[]))
    page = browser.get("/a/acme")
    assert page.status_code == 200
    assert 'name="q"' in page.text
    text = words(page)
    for said in ("Which sale are you looking for?", "shop", "active", "A-1", "present", "waiting"):
        assert said in text
    assert "¿Qué venta busca?" in words(browser.get("/a/acme", "es"))


def test_home_of_an_account_without_anything_says_what_to_do(browser: Browser) -> None:
    with browser.world.db.transaction(browser.world.account.account_id) as conn:
        conn.execute("UPDATE integration SET state = 'removed'")
    assert "No shop is connected yet." in words(browser.get("/a/acme"))


def test_one_order_of_each_standing_is_a_click_away(browser: Browser) -> None:
    browser.world.take(
        order("A"), order("B", state="pending"), order("C", state="cancelled"), order("D", state="nobody knows")
    )
    page = browser.get("/a/acme/now")
    for number in "ABCD":
        assert f"/orders/{order_id(browser.world, number)}" in page.text


def test_home_counts_what_is_not_here_and_leads_to_it(browser: Browser) -> None:
    browser.world.take(order("A-1"), order("C-1", state="cancelled"))
    assert "Everything arrives." in words(browser.get("/a/acme"))
    browser.world.take(order("E-1", lines=[]), order("E-2", lines=[]), order("H-1", state="nobody knows"))
    page = browser.get("/a/acme")
    assert "Everything arrives; 3 orders need attention." in words(page)
    assert "Todo llega; 3 pedidos requieren atención." in words(browser.get("/a/acme", "es"))
    assert "held 2 The order has no products. merchant" in words(page)
    (link,) = re.findall(r'href="([^"]+reason=order_without_products)"', page.text)
    listed = browser.get(link.replace("&amp;", "&"))
    assert re.findall(r"<span>([AECH]-\d)</span>", listed.text) == ["E-2", "E-1"]
    chosen = '<option value="order_without_products" selected>The order has no products. (2)</option>'
    assert chosen in listed.text
    assert '<option value="cancelled_at_source">' in listed.text


# ---------------------------------------------------------------- asking


def test_an_identifier_leads_to_its_order(browser: Browser) -> None:
    browser.world.take(order("A-1"))
    found = browser.get("/a/acme/ask?q=%23A-1")
    assert found.headers["location"] == f"/a/acme/orders/{order_id(browser.world, 'A-1')}?q=%23A-1"
    assert "reads the same" in words(browser.get(found.headers["location"]))


def test_several_are_listed_twenty_at_a_time(browser: Browser) -> None:
    browser.world.take(*(order(f"N-{n}", customer={"name": "Eva", "email": "eva@example.com"}) for n in range(23)))
    page = browser.get("/a/acme/ask?q=eva@example.com")
    assert "23 orders are known by «eva@example.com»" in words(page)
    assert page.text.count("/orders/") == 20
    assert browser.get("/a/acme/ask?q=eva@example.com&number=2").text.count("/orders/") == 3


def test_what_is_unknown_everywhere_says_where_was_looked(browser: Browser) -> None:
    page = browser.get("/a/acme/ask?q=nowhere-7")
    assert page.status_code == 200
    assert "Found neither here" in words(page) or "not here" in words(page)
    assert browser.post("/a/acme/ask", data={"q": "nowhere-7"}).status_code in (200, 201)
    assert browser.get("/a/acme/ask?q=+").headers["location"] == "/a/acme"


@pytest.mark.parametrize("query", ["<script>alert(1)</script>", "{{ 7 * 7 }}", "'\"&", "%00", "x" * 5000, "ñandú ✓"])
def test_whatever_is_asked_is_shown_as_text(browser: Browser, query: str) -> None:
    page = browser.get("/a/acme/ask", params={"q": query})
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert ">49 " not in page.text


# ---------------------------------------------------------------- history


def test_history_keeps_its_filters_in_the_address_and_goes_on_by_key(browser: Browser) -> None:
    browser.world.take(*(order(f"N-{n:03}", created_at=f"2026-05-{n % 28 + 1:02}T10:00:00Z") for n in range(90)))
    seen: list[str] = []
    path = "/a/acme/orders?standing=present"
    for _ in range(4):
        page = browser.get(path)
        seen += re.findall(r"<span>(N-\d+)</span>", page.text)
        following = re.search(r'rel="next" href="([^"]+)"', page.text)
        if following is None:
            break
        path = following[1].replace("&amp;", "&")
        assert "standing=present" in path
    assert len(seen) == len(set(seen)) == 90
    assert "No order stands like this." in words(browser.get("/a/acme/orders?standing=failed"))
    assert browser.get("/a/acme/orders?standing=nonsense").status_code == 400
    assert browser.get("/a/acme/orders?reason=nonsense").status_code == 404
    assert browser.get("/a/acme/orders?integration=nonsense").status_code == 404


def test_orders_without_a_date_come_last_and_paging_comes_to_its_end(browser: Browser) -> None:
    browser.world.take(*(order(f"D-{n}", created_at=None) for n in range(50)), *(order(f"N-{n}") for n in range(5)))
    first = browser.get("/api/acme/orders?limit=30").json()
    second = browser.get(f"/api/acme/orders?limit=30&before={first[-1]['order']}").json()
    assert [one["identifier"][0] for one in first[:5]] == ["N"] * 5
    assert len(second) == 25
    assert len({one["order"] for one in first + second}) == 55
    assert browser.get(f"/api/acme/orders?limit=30&before={second[-1]['order']}").json() == []


# ---------------------------------------------------------------- an order


def test_an_order_has_its_verdict_its_journey_and_everything_that_arrived(browser: Browser) -> None:
    browser.world.take(order("A", state="pending"))
    browser.world.take(
        order(
            "A",
            updated_at="2026-06-02T10:00:00Z",
            total="25.00",
            lines=[line(quantity="2", unit_price="12.50", total="25.00")],
        )
    )
    page = browser.get(f"/a/acme/orders/{order_id(browser.world, 'A')}")
    text = words(page)
    for said in ("present", "Its journey", "Accepted by the rules", "Version 2", "total", "What arrived", "2 attempts"):
        assert said in text, said
    assert "<del>" in page.text
    assert "<ins>" in page.text


def test_receipts_that_brought_nothing_new_are_folded_away(browser: Browser) -> None:
    same = order("A")
    for other in "BCD":
        browser.world.take(same, order(other))
    page = browser.get(f"/a/acme/orders/{order_id(browser.world, 'A')}").text
    arrived = page.partition('id="receipts"')[2]
    assert "2 receipts brought nothing new" in arrived
    assert arrived.partition("<details")[0].count("/receipts/") == 1
    assert arrived.count("/receipts/") == 3


def test_personal_data_is_masked_until_it_is_shown_on_purpose_and_that_is_logged(browser: Browser) -> None:
    who = {"name": "María Ferreyra", "email": "maria.ferreyra@example.com", "phone": "+54 11 4321-5678"}
    browser.world.take(order("A", customer=who, note="para María Ferreyra", delivery={"street": "Pasaje Zorzal 1723"}))
    browser.world.take(order("A", customer=who, note="dejar a María Ferreyra", delivery={"street": "Pasaje Zorzal 99"},
                             updated_at="2026-06-03T10:00:00Z"))  # fmt: skip
    path = f"/a/acme/orders/{order_id(browser.world, 'A')}"
    receipt = re.search(rf"{path}/receipts/\d+", browser.get(path).text)
    assert receipt is not None
    for shown in (path, receipt[0], "/a/acme", "/a/acme/orders", f"/api/acme/orders/{order_id(browser.world, 'A')}",
                  "/api/acme/orders", "/api/acme/why?q=A"):  # fmt: skip
        text = browser.get(shown).text
        for trace in ("Ferreyra", "maria.ferreyra", "4321", "Zorzal"):
            assert trace not in text, (shown, trace)
    assert browser.world.rows("SELECT 1 FROM audit WHERE action = 'personal data shown'") == []
    for shown in (f"{path}/shown", f"{receipt[0]}/shown"):
        text = browser.post(shown).text
        assert "Ferreyra" in text
        assert "Zorzal" in text
    assert len(browser.world.rows("SELECT 1 FROM audit WHERE action = 'personal data shown'")) == 2


def test_rows_of_files_and_bodies_in_any_language_hide_who_it_was(browser: Browser) -> None:
    """What a source wrote is shown with times, amounts and numbers; everything that may be a person's is hidden."""
    rows = ("id,number,created_at,state,total,currency,nombre,calle,dni\r\n"
            "Z-1,Z-1,2026-05-01T10:00:00Z,paid,10.00,ARS,María Ferreyra,Pasaje Zorzal 1723,30123456\r\n")  # fmt: skip
    browser.world.take_csv(
        {"orders.csv": rows, "lines.csv": "order_id,sku,name,quantity,unit_price\r\nZ-1,S,Taza,1,10.00\r\n"}
    )
    path = f"/a/acme/orders/{order_id(browser.world, 'Z-1')}"
    receipt = re.search(rf"{path}/receipts/\d+", browser.get(path).text)
    assert receipt is not None
    text = words(browser.get(receipt[0]))
    for trace in ("Ferreyra", "María", "Zorzal", "30123456"):
        assert trace not in text, trace
    for said in ("orders.csv:2 id: Z-1 number: Z-1 created_at: 2026-05-01T10:00:00Z state: paid total: 10.00 currency: ARS nombre: ••••",
                 "lines.csv:2 order_id: Z-1 sku: S name: Taza quantity: 1 unit_price: 10.00"):  # fmt: skip
        assert said in text
    assert "nombre: María Ferreyra calle: Pasaje Zorzal 1723 dni: 30123456" in words(
        browser.post(f"{receipt[0]}/shown")
    )


def test_what_says_how_an_order_stands_is_shown_to_everybody() -> None:
    said = {
        "legacyResourceId": "6123456780001", "displayFinancialStatus": "PARTIALLY_REFUNDED", "currencyCode": "ARS",
        "invoice_number": "0003-00029898", "total": "#N/D", "store": "web", "created_at": "ayer",
        "lines": [{"quantity": "dos", "unit_price": "1.234,50"}],
    }  # fmt: skip
    assert journey.hidden(said) == said
    said = {"total": "call +54 11 4321-5678 or ana@example.com", "number": "ana@example.com"}
    assert journey.hidden(said) == {"total": "call •••• or ••••", "number": "••••"}


@pytest.mark.parametrize(("said", "left"), [
    ({"nombre": "Ana", "apellido": "Paz", "telefono": "4321", "direccion": {"calle": "Zorzal 1", "numero": 17}}, "Ana Paz Zorzal"),
    ({"shipping_address": {"latitude": -34.6, "longitude": -58.4, "addressLine2": "4 B", "zip": 1425}}, "34.6 58.4 1425"),
    ({"billing": {"line_items": [{"name": "Ana Paz"}]}}, "Ana"), ({"order_status_url": "https://x/?key=abc"}, "abc"),
    ({"ref": "4321.5678", "other": "11.4321.5678"}, "4321"), ({"receiptJson": '{"payer": "Ana Paz"}'}, "Ana"), ({"dni": 1234567, "fax": 43215678}, "1234567 43215678"),
    ({"line_items": [{"name": "Taza de ana@example.com", "properties": [{"name": "Grabado", "value": "Ana Paz"}]}]}, "ana@ Paz"),
])  # fmt: skip
def test_what_a_source_says_of_people_is_hidden_wherever_it_stands(said: dict[str, Any], left: str) -> None:
    text = json.dumps(journey.hidden(said), ensure_ascii=False)
    for trace in left.split():
        assert trace not in text, text


def test_what_a_source_says_of_the_sale_stays() -> None:
    said = {"id": 5820118888434, "number": "#1043", "status": "processing", "total": "1234.50", "currency": "ARS",
            "date_created": "2026-05-01T10:00:00", "line_items": [{"name": "Taza azul", "sku": "T-1", "quantity": 2}]}  # fmt: skip
    assert journey.hidden(said) == said


@pytest.mark.parametrize("value", ["sNaN", "1e20000000", "NaN", "Infinity", "x", None, "1E5", "580111"])
def test_whatever_stands_for_an_amount_is_shown(value: Any) -> None:
    assert saying.amount(value)


def test_resync_runs_it_again_and_says_what_became_of_it(browser: Browser) -> None:
    browser.world.take(order("A", lines=[]))
    path = f"/a/acme/orders/{order_id(browser.world, 'A')}"
    text = words(browser.post(f"{path}/resync"))
    assert "It stands as before" in text
    with browser.world.db.transaction(browser.world.account.account_id) as conn:  # judged once, never since
        conn.execute(
            "UPDATE orders SET standing = 'held', reason = 'currency_mismatch', evidence = '{\"currency_mismatch\": {}}'"
        )
    assert "It stands elsewhere now" in words(browser.post(f"{path}/resync"))
    assert "cannot be asked" in words(browser.post(f"{path}/relink")), "a file's order has no shop to ask"


def test_a_frozen_order_stays_as_it_is(browser: Browser) -> None:
    browser.world.take(order("A"))
    acts.write_off(browser.world.db, ana(browser.world), order_id(browser.world, "A"))
    browser.world.take(order("A", total="99.00", updated_at="2026-06-03T10:00:00Z"))
    path = f"/a/acme/orders/{order_id(browser.world, 'A')}"
    assert "a person applies it" in words(browser.get(path))
    assert "frozen" in words(browser.post(f"{path}/resync"))


def test_what_is_not_there_says_so(browser: Browser) -> None:
    for path in ("/a/acme/orders/1", "/a/nobody", "/a/acme/runs/1", "/reasons/none", "/nothing", "/a/acme/orders/x"):
        page = browser.get(path)
        assert page.status_code == 404, path
        assert "This is not here" in words(page), path
    assert browser.get("/api/acme/orders/1").json()["error"] == "This is not here"


def test_a_fault_of_ours_has_a_mark_and_shows_nothing_else(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("maria@example.com")

    monkeypatch.setattr("cuadra.faces.web.pages.home.status.status", broken)
    page = browser.get("/a/acme")
    assert page.status_code == 500
    assert "maria" not in page.text
    assert re.search(r"noted as [0-9a-f]{12}", words(page))


# ---------------------------------------------------------------- runs and reasons


def test_a_run_has_its_partitions_and_its_bad_rows_to_download(browser: Browser) -> None:
    report = browser.world.take(order("A"), b'{"id": "B", "total": "much", "lines": []}', order("C", state="cancelled"))
    assert report.troubled
    listed = browser.get("/a/acme/runs")
    number = re.search(r"/a/acme/runs/(\d+)", listed.text)
    assert number is not None
    failed = browser.get(f"/a/acme/orders/{order_id(browser.world, 'B')}")
    assert f'href="{number[0]}#bad"' in failed.text, "an order of a bad row leads to its correction"
    page = browser.get(number[0])
    text = words(page)
    for said in ("What came", "seen", "Where its orders stand", "cancelled"):
        assert said in text, said
    assert "much" in text
    packed = browser.post("/a/acme/integrations/shop/rejects.zip")
    assert packed.status_code == 200
    with zipfile.ZipFile(BytesIO(packed.content)) as archive:
        body = b"".join(archive.read(name) for name in archive.namelist())
    assert b"much" in body
    assert b"field_format_invalid" not in body, "what is to be done stands there in words"
    assert "bad row" in text


def test_reasons_are_searched_in_both_languages_without_accents(browser: Browser) -> None:
    assert "never_paid" in browser.get("/reasons?q=never paid").text
    assert "payment_not_verified" in browser.get("/reasons?q=confirmado pago", "es").text
    assert "No reason speaks of that." in words(browser.get("/reasons?q=xyzzy"))
    assert "Who fixes it" in words(browser.get("/reasons/never_paid"))


def test_every_reason_has_a_page_in_both_languages(browser: Browser) -> None:
    codes = [one["code"] for one in json.loads(browser.get("/api/reasons").text)]
    assert len(codes) > 100
    for code in codes[::7]:
        for lang in ("en", "es"):
            assert browser.get(f"/reasons/{code}", lang).status_code == 200


# ---------------------------------------------------------------- language


def test_the_language_is_chosen_and_kept(browser: Browser) -> None:
    assert '<html lang="es">' in browser.get("/reasons", "es-AR,es;q=0.9").text
    assert '<html lang="en">' in browser.get("/reasons", "de,fr").text
    chosen = browser.post("/language/es", data={"back": "/reasons?q=pago"})
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/reasons?q=pago")
    assert (
        '<html lang="es">'
        in browser.get("/reasons", headers={"cookie": chosen.headers["set-cookie"].split(";")[0]}).text
    )
    for elsewhere in ("https://evil.example/", "//evil.example", "evil"):
        assert browser.post("/language/es", data={"back": elsewhere}).headers["location"] == "/"


# ---------------------------------------------------------------- who may ask


def test_only_this_machine_may_ask_and_only_our_pages_may_change_something(browser: Browser) -> None:
    assert browser.get("/", headers={"host": "evil.example"}).status_code == 403
    assert browser.get("/", headers={"host": "127.0.0.1.evil.example:8000"}).status_code == 403
    browser.world.take(order("A"))
    path = f"/a/acme/orders/{order_id(browser.world, 'A')}/shown"
    assert browser.post(path, headers={"origin": "https://evil.example"}).status_code == 403
    assert browser.post(path, headers={"origin": "null"}).status_code == 403
    assert browser.ask("POST", path, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert browser.post(path, headers={"sec-fetch-site": "same-site"}).status_code == 403
    assert browser.world.rows("SELECT 1 FROM audit WHERE action = 'personal data shown'") == []


@pytest.mark.parametrize(
    ("host", "fine"),
    [("localhost:8000", True), ("127.0.0.1", True), ("[::1]:8000", True), ("127.0.0.2:1", True), ("localhost.evil.example", False),
     ("10.0.0.1", False), ("[::1", False), ("[abc]", False), ("", False), ("0.0.0.0:8000", False), ("[::]:80", False), ("user@evil.example", False)],
)  # fmt: skip
def test_which_hosts_are_this_machine(host: str, fine: bool) -> None:
    assert guard.local(host) == fine


def test_a_page_of_somebody_else_makes_nobody_work(browser: Browser) -> None:
    foreign = {"sec-fetch-site": "cross-site"}
    assert browser.get("/api/acme/orders", headers={**foreign, "sec-fetch-mode": "no-cors"}).status_code == 403
    assert browser.get("/a/acme", headers={**foreign, "sec-fetch-mode": "navigate"}).status_code == 200
    assert browser.get("/api/acme/ask?q=1").status_code == 405
    assert browser.post("/api/acme/ask?q=1").json()["reason"] == "identifier_unknown_everywhere"


@pytest.mark.parametrize(
    "path", ["/a/acme/ask?q=%00", "/a/acme/orders?integration=%00", "/a/acme/runs?before=99999999999999999999"]
)
def test_what_no_database_holds_is_no_fault_of_ours(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code in (200, 400, 404)


def test_every_answer_forbids_what_pages_do_not_need(browser: Browser) -> None:
    for path in ("/", "/reasons", "/static/cuadra.css", "/nothing"):
        headers = browser.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert browser.get("/a/acme").headers["cache-control"] == "no-store"


def test_pages_name_nothing_outside_this_machine(browser: Browser) -> None:
    browser.world.take(order("A"))
    for path in (
        "/a/acme",
        f"/a/acme/orders/{order_id(browser.world, 'A')}",
        "/reasons",
        "/static/cuadra.css",
        "/static/cuadra.js",
    ):
        text = browser.get(path).text
        assert not re.findall(r"(?:src|href|action|url)\s*[=(]\s*[\"']?(?:https?:)?//(?!www\.w3\.org)", text), path
        assert " style=" not in text


# ---------------------------------------------------------------- API


def test_the_api_says_what_the_commands_say(browser: Browser) -> None:
    browser.world.take(order("A", state="pending"), order("B"))
    why = browser.get("/api/acme/why?q=A").json()
    assert (why["standing"], why["reason"]) == ("waiting", "payment_not_verified")
    assert set(why["text"]) == {"es", "en"}
    listed = browser.get("/api/acme/orders?limit=1").json()
    following = browser.get(f"/api/acme/orders?limit=1&before={listed[0]['order']}").json()
    assert {listed[0]["identifier"], following[0]["identifier"]} == {"A", "B"}
    assert browser.get("/api/acme/orders?limit=100000").status_code == 400
    runs = browser.get("/api/acme/runs").json()
    assert browser.get(f"/api/acme/runs/{runs[0]['run']}").json()["report"]["seen"] == 2
    assert browser.get("/api/acme/status").json()["integrations"][0]["name"] == "shop"
    assert browser.get("/api/accounts").json() == ["acme"]


def test_pages_are_not_shown_where_others_could_reach_them() -> None:
    from cuadra.faces.cli import pages

    for place in ("0.0.0.0:8000", "192.168.1.5:8000", "example.com:8000", "[::]:8000"):
        with pytest.raises(CuadraError, match=r"127\.0\.0\.1|place"), pages.shown(place):
            pass
