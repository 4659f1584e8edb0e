"""A delivery on its way in: its signature, whether it came before, its content, its place among its order's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from cuadra_simulators.crm import orders
from cuadra_simulators.crm.faults import Faults
from cuadra_simulators.crm.orders import Delivery, Incoming, Refused, Shelf
from cuadra_simulators.crm.server import NO_ANSWER, Reply, Request
from cuadra_simulators.crm.signatures import Verifier
from cuadra_simulators.crm.truth import Counts


class Receiver:
    """Takes deliveries. `now` is the CRM's clock, in seconds since 1970; `lock` guards shelf, counts and memory."""

    def __init__(self, secret: str, faults: Faults, now: Callable[[], float] = time.time) -> None:
        self.shelf = Shelf()
        self.counts = Counts()
        self.lock = threading.Lock()
        self.body_limit = 1_000_000
        self.refused_domains: Collection[str] = frozenset()
        self.exists: Collection[str] = frozenset()
        self.visible_after = 0.0
        self._verifier = Verifier(secret)
        self._faults = faults
        self._now = now
        self._known: set[str] = set()
        """Webhook-ids that the CRM remembers."""
        self._taken: set[str] = set()
        """Webhook-ids that it ever took, or said it did. Only the truth knows them all."""

    def take(self, request: Request, incoming: Incoming) -> Reply:
        """What a delivery is answered that got so far."""
        if len(request.body) > self.body_limit:
            return _no(413, code="too_large", message=f"a body has {self.body_limit} bytes at most")
        problem = self._verifier.problem(request.headers, request.body, self._now())
        if problem:
            with self.lock:
                self.counts.bad_signatures += 1
            return _no(401, code="signature", message=problem)
        with self.lock:
            try:
                reply = self._keep(request.headers["webhook-id"], incoming)
            except Refused as refused:
                return _no(refused.status, **refused.error)
        return NO_ANSWER if self._faults.first(("lost_answer",), incoming.where) else reply

    def _keep(self, webhook_id: str, incoming: Incoming) -> Reply:
        if self._faults.first(("amnesia",), incoming.where):
            self._known.clear()
        if webhook_id in self._known:
            self.counts.duplicates += 1
            return Reply(200, {"duplicate": True})
        if incoming.delivery is None:
            raise incoming.problem or Refused(400, code="json", message="cannot be read")
        if incoming.delivery.type == "test":
            return Reply(200, {"ignored": "test"})
        content = orders.checked(incoming.delivery, self.refused_domains)
        if self._faults.first(("refuse",), incoming.where):
            raise Refused(422, field="number", message="is not taken, as asked for")
        if content.key in self.exists:
            raise Refused(409, code="exists", message=f"there is {content.key} already, by other means")
        held = self.shelf.latest.get(content.key)
        if held is not None and content.sequence <= held.sequence:
            return self._late(webhook_id, content.sequence, held.sequence)
        return self._fresh(webhook_id, incoming, incoming.delivery, content)

    def _late(self, webhook_id: str, sequence: int, held: int) -> Reply:
        if webhook_id in self._taken:
            self.counts.unrecognised += 1
        else:
            self.counts.out_of_order += 1
            self.counts.regressions += sequence < held
        self._remember(webhook_id)
        return Reply(200, {"applied": False, "sequence": held})

    def _fresh(self, webhook_id: str, incoming: Incoming, delivery: Delivery, content: orders.Content) -> Reply:
        said = Reply(201, {"key": content.key, "sequence": content.sequence})
        if self._faults.first(("forget",), incoming.where):
            self.counts.forgotten[content.key] += 1
            self._taken.add(webhook_id)
            return said
        now = self._now()
        order = orders.stored(delivery, content, webhook_id, now + self.visible_after)
        self.shelf.put(order, now)
        self._remember(webhook_id)
        return said

    def _remember(self, webhook_id: str) -> None:
        self._known.add(webhook_id)
        self._taken.add(webhook_id)


def _no(status: int, **error: Any) -> Reply:
    return Reply(status, {"error": error})
