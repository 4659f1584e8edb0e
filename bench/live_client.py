"""Sends notices at a steady rate, whatever the answers take; prints what came back.

    python -m bench.live_client PORT PLAN

First the products of each shop, then orders of all shops in turn, each a new one, of some 2 kB and two lines. Requests are
sent by the clock: a sender that waited for answers would spare a server that is late.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import select
import socket
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

from bench.intake_client import whole

CONNECTIONS = 64


def order(number: int, products: int, now: str) -> dict[str, Any]:
    """An order of a shop, as its REST API writes one; every third buyer has bought before."""
    buyer = number // 3
    lines = [
        {"id": number * 10 + at, "name": f"Product {at}", "product_id": 1 + (number * 7 + at * 3) % products, "variation_id": 0,
         "quantity": 1 + at, "subtotal": "100.00", "total": "100.00", "total_tax": "0.00", "sku": f"P-{1 + (number * 7 + at * 3) % products}",
         "price": 100.0, "taxes": [], "meta_data": []}
        for at in range(2)
    ]  # fmt: skip
    address = {"first_name": f"Ana {buyer}", "last_name": "López", "company": "", "address_1": "Calle 1", "address_2": "",
               "city": "Rosario", "state": "S", "postcode": "2000", "country": "AR"}  # fmt: skip
    return {
        "id": number, "parent_id": 0, "status": "processing", "currency": "ARS", "version": "9.2.5", "prices_include_tax": False,
        "date_created": now, "date_created_gmt": now, "date_modified": now, "date_modified_gmt": now, "discount_total": "0.00",
        "discount_tax": "0.00", "shipping_total": "0.00", "shipping_tax": "0.00", "cart_tax": "0.00", "total": "200.00",
        "total_tax": "0.00", "customer_id": 0, "order_key": f"wc_order_{number}", "number": str(number),
        "billing": {**address, "email": f"ana{buyer}@mail.example", "phone": f"+54341{buyer % 10_000_000:07}"},
        "shipping": {**address, "phone": ""}, "payment_method": "bacs", "payment_method_title": "Transferencia",
        "transaction_id": "", "customer_ip_address": "", "customer_user_agent": "", "created_via": "checkout",
        "customer_note": "", "date_completed": None, "date_completed_gmt": None, "date_paid": now, "date_paid_gmt": now,
        "cart_hash": "", "meta_data": [], "line_items": lines, "tax_lines": [], "shipping_lines": [], "fee_lines": [],
        "coupon_lines": [], "refunds": [], "payment_url": "", "is_editable": False, "needs_payment": False,
        "needs_processing": True,
    }  # fmt: skip


def product(number: int, now: str) -> dict[str, Any]:
    """A product of a shop."""
    return {
        "id": number, "name": f"Product {number}", "slug": f"p-{number}", "type": "simple", "status": "publish", "sku": f"P-{number}",
        "description": "", "short_description": "", "price": "100", "regular_price": "100", "categories": [], "variations": [],
        "date_modified": now, "date_modified_gmt": now, "date_created": now, "date_created_gmt": now, "parent_id": 0,
        "attributes": [], "meta_data": [],
    }  # fmt: skip


def request(shop: dict[str, str], body: dict[str, Any], what: str) -> bytes:
    """A whole request as WooCommerce sends it."""
    content = json.dumps(body, separators=(",", ":")).encode()
    signed = base64.b64encode(hmac.new(shop["secret"].encode(), content, hashlib.sha256).digest()).decode()
    head = "\r\n".join((
        f"POST /in/{shop['address']} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json",
        f"User-Agent: WooCommerce/9.2.5 Hookshot (WordPress/6.6.2; {shop['url']})", f"X-WC-Webhook-Source: {shop['url']}/",
        f"X-WC-Webhook-Topic: {what}.created", f"X-WC-Webhook-Resource: {what}", "X-WC-Webhook-Event: created",
        f"X-WC-Webhook-Signature: {signed}", "X-WC-Webhook-ID: 7", "X-WC-Webhook-Delivery-ID: 9a8b7c6d5e4f",
        f"Content-Length: {len(content)}", "", "",
    ))  # fmt: skip
    return head.encode() + content


class Line:
    """Connections over which requests go, each one at a time."""

    def __init__(self, port: int) -> None:
        self._poll = select.epoll()
        self._free: deque[socket.socket] = deque()
        self._busy: dict[int, tuple[socket.socket, float, bytes]] = {}
        self.statuses: Counter[str] = Counter()
        self.waits: list[float] = []
        self._port = port
        for _ in range(CONNECTIONS):
            self._open()

    def _open(self) -> None:
        one = socket.create_connection(("127.0.0.1", self._port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll.register(one.fileno(), select.EPOLLIN)
        self._free.append(one)

    def _closed(self, number: int) -> None:
        """The server has closed one that nobody used for a while."""
        gone = next(one for one in self._free if one.fileno() == number)
        self._free.remove(gone)
        self._poll.unregister(number)
        gone.close()
        self._open()

    def send(self, content: bytes) -> None:
        """On the next free connection."""
        while not self._free:
            self.hear(1.0)
        one = self._free.popleft()
        self._busy[one.fileno()] = (one, time.perf_counter(), b"")
        one.sendall(content)

    def hear(self, seconds: float) -> None:
        """Read what has been answered, waiting at most so long."""
        for number, _event in self._poll.poll(max(seconds, 0)):
            if number not in self._busy:
                self._closed(number)
                continue
            one, began, so_far = self._busy[number]
            answer = so_far + one.recv(65536)
            if not whole(answer):
                self._busy[number] = (one, began, answer)
                continue
            self.waits.append(time.perf_counter() - began)
            self.statuses[answer[9:12].decode()] += 1
            del self._busy[number]
            self._free.append(one)

    def finish(self) -> None:
        """Hear all."""
        while self._busy:
            self.hear(1.0)


def main(port: int, plan: dict[str, Any]) -> dict[str, Any]:
    """Send everything; how it went."""
    line, shops = Line(port), plan["shops"]
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 60))
    for shop in shops:
        for number in range(1, plan["products"] + 1):
            line.send(request(shop, product(number, now), "product"))
    line.finish()
    time.sleep(3)  # the catalogue is in, as it is with a shop that has been connected for a day
    began = time.perf_counter()
    for at in range(plan["orders"]):
        content = request(shops[at % len(shops)], order(1000 + at, plan["products"], now), "order")
        due = began + at / plan["rate"]
        while (left := due - time.perf_counter()) > 0:
            line.hear(left)
        line.send(content)
    line.finish()
    seconds = time.perf_counter() - began
    waits = sorted(line.waits)
    return {"seconds": seconds, "statuses": dict(line.statuses), "p99_ms": 1000 * waits[int(len(waits) * 0.99)]}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()))))
