"""A person at a browser: from «where is it?» to the cause and to fixed, in both languages, on a desk and on a phone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cuadra.faces.cli.simulated import any_port
from cuadra_simulators.woocommerce import Shop
from tests.rules import order_id
from tests.shopworld import followed
from tests.world import World, line, order

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's Chromium (scripts/debian-chromium)")

SIZES = {"desk": (1440, 900), "phone": (390, 844)}
WORDS = {
    "en": {"ask": "Which sale are you looking for?", "search": "Search", "why": "The payment of the order is not confirmed yet.",
           "relink": "Relink", "fixed": "It stands elsewhere now", "here": "The order is here.", "present": "present",
           "waiting": "waiting", "help": "Help: what to do"},
    "es": {"ask": "¿Qué venta busca?", "search": "Buscar", "why": "El pago del pedido todavía no está confirmado.",
           "relink": "Revincular", "fixed": "Ahora está en otro lugar", "here": "El pedido está aquí.", "present": "presente",
           "waiting": "en espera", "help": "Ayuda: qué hacer"},
}  # fmt: skip
#: what counts as serious, as axe-core says it
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        found = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield found
        found.close()


@contextmanager
def served(world: World) -> Iterator[str]:
    """The pages, as the program shows them."""
    port = any_port()
    environ = {
        **os.environ,
        "CUADRA_HOME": str(world.settings.home),
        "CUADRA_DATABASE_URL": world.settings.database_url,
    }
    process = subprocess.Popen([sys.executable, "-m", "cuadra.faces.pages", "127.0.0.1", str(port)], env=environ)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def visiting(chromium: Browser, base: str, size: str, lang: str, **more: Any) -> Iterator[Page]:
    """A page of a person; whatever it asks of another machine, and whatever it says of a fault, fails the test."""
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, locale=lang, base_url=base, **more)
    page = context.new_page()
    strange: list[str] = []
    page.on("request", lambda one: strange.append(one.url) if not one.url.startswith(base) else None)
    page.on("pageerror", lambda error: strange.append(str(error)))
    page.on("console", lambda said: strange.append(said.text) if said.type == "error" else None)
    awake(page)
    try:
        yield page
    finally:
        context.close()
    assert strange == []


def awake(page: Page) -> None:
    """Wait until somebody answers."""
    for _ in range(200):
        try:
            page.request.get("/health")
            return
        except Exception:  # noqa: BLE001 - Playwright has no name for it
            page.wait_for_timeout(100)
    raise TimeoutError("the pages do not answer")


def sound(page: Page) -> None:
    """Usable by everybody, and not wider than the screen."""
    found = Axe().run(page).response["violations"]
    assert [
        (one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found if one["impact"] in SERIOUS
    ] == []
    size = page.viewport_size
    assert size is not None
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def pending(shop: Shop) -> Any:
    """The newest order that the shop waits to be paid for: older ones are given up."""
    return max((one for one in shop.world.orders.values() if one.status == "pending"), key=lambda one: one.created)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lang", WORDS)
def test_from_where_is_it_to_the_cause_and_to_fixed(world: World, chromium: Browser, size: str, lang: str) -> None:
    """An order waits for its payment; it is paid at the shop, whose notice gets lost; whoever asks fetches it."""
    words = WORDS[lang]
    with followed(world, connector="woocommerce", orders=60, subscribed=False) as tienda:
        tienda.scan()
        there = pending(tienda.shop)
        with served(world) as base, visiting(chromium, base, size, lang) as page:
            page.goto("/")
            sound(page)
            page.get_by_label(words["ask"]).fill(str(there.id))
            page.get_by_role("button", name=words["search"]).click()
            expect(page.get_by_role("heading", level=1)).to_contain_text(words["waiting"])
            expect(page.get_by_role("heading", name=words["why"])).to_be_visible()
            sound(page)
            tienda.shop.desk.pay(there.id)
            page.get_by_role("button", name=words["relink"]).click()
            expect(page.get_by_role("status")).to_contain_text(words["fixed"], timeout=20_000)
            expect(page.get_by_role("heading", level=1)).to_contain_text(words["present"])
            expect(page.get_by_role("heading", name=words["here"])).to_be_visible()
            page.locator(".journey summary").first.click()
            expect(page.locator(".journey pre").first).to_be_visible()
            sound(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_usable_by_everybody(world: World, chromium: Browser, size: str, scheme: Any) -> None:
    world.take(order("A", updated_at="2026-05-02T10:00:00Z"), order("B", state="pending"), order("C", lines=[]),
               b'{"id": "D", "total": "much", "lines": []}')  # fmt: skip
    world.take(order("A", updated_at="2026-06-02T10:00:00Z", total="25.00",
                     lines=[line(quantity="2", unit_price="12.50", total="25.00")]))  # fmt: skip
    number = order_id(world, "A")
    with served(world) as base, visiting(chromium, base, size, "es", color_scheme=scheme) as page:
        paths = ["/a/acme", "/a/acme/orders", f"/a/acme/orders/{number}", f"/a/acme/orders/{order_id(world, 'C')}", "/a/acme/runs",
                 "/a/acme/ask?q=nada-7", "/reasons", "/reasons/never_paid"]  # fmt: skip
        for path in paths:
            page.goto(path)
            for one in page.locator("details").all():
                one.evaluate("one => one.open = true")
            sound(page)
        page.goto("/a/acme/runs")
        page.locator(".runs a").first.click()
        sound(page)
        page.goto(f"/a/acme/orders/{number}")
        page.locator(".receipts .links a").first.click()
        sound(page)


def test_home_changes_by_itself(world: World, chromium: Browser) -> None:
    with served(world) as base, visiting(chromium, base, "desk", "en") as page:
        page.goto("/a/acme")
        world.take(order("N-1"))
        expect(page.get_by_role("link", name="N-1").first).to_be_visible(timeout=15_000)


def test_a_search_needs_no_mouse_and_the_language_stays_where_one_is(world: World, chromium: Browser) -> None:
    world.take(order("A"))
    with served(world) as base, visiting(chromium, base, "desk", "en") as page:
        page.goto("/reasons?q=paid")
        page.get_by_role("button", name="Español").click()
        expect(page).to_have_url(re.compile(r"/reasons\?q=paid$"))
        expect(page.locator("html")).to_have_attribute("lang", "es")
        page.goto("/a/acme/orders")
        page.keyboard.press("/")
        page.keyboard.type("A")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(rf"/orders/{order_id(world, 'A')}"))


def test_pages_work_without_scripts(world: World, chromium: Browser, tmp_path: Path) -> None:
    world.take(order("A"), order("B", state="pending"))
    with served(world) as base, visiting(chromium, base, "desk", "en", java_script_enabled=False) as page:
        page.goto("/a/acme/orders")
        page.get_by_label("Standing").select_option("waiting")
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".orders tbody tr")).to_have_count(1)
        page.get_by_role("link", name="B").click()
        page.get_by_role("button", name="Resync").click()
        expect(page.get_by_role("status")).to_contain_text("It stands as before")
