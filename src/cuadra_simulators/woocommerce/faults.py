"""What goes wrong with a shop on command, and what becomes of its pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from cuadra_simulators import faults
from cuadra_simulators.faults import Fault

_T = TypeVar("_T")

BEFORE = (
    "reset", "timeout", "too_many", "firewall", "maintenance", "fatal", "error_500", "plugin_off", "plain_permalinks",
)  # fmt: skip
"""Instead of an answer: connection reset, nothing in time, the hosting's 429 and 403, and the shop's own failures."""
PAGES = ("short_page", "skip_item", "repeat_item")
"""A page that says 200 and holds less, skips one, or shows one twice."""
AFTER = ("cut_body", "no_totals", "php_warning")
"""Done to a good answer: cut in the middle, without its totals, with a PHP warning before the JSON."""
WEBHOOKS = ("webhook_drop", "webhook_duplicate", "webhook_delay", "webhook_reorder", "webhook_crash")
"""An event that is never queued, sent twice, sent late, sent in another order, or lost with the process sending it."""
STATES = ("index_lag",)
"""Lists that learn of orders so many seconds late."""
KINDS = (*BEFORE, *PAGES, *AFTER, *WEBHOOKS, *STATES)


class Faults(faults.Faults):
    """The faults of a shop.

    `path` is searched in «GET orders/{id}» or in a webhook's topic. `seconds` is how long a timeout holds, a webhook
    waits or an index lags.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed, KINDS)

    def before(self, where: str) -> Fault | None:
        """What is answered instead of the request, if anything."""
        return self.first(BEFORE, where)

    @property
    def index_lag(self) -> float:
        """Seconds by which lists are behind."""
        return max((fault.seconds for fault in self.active if fault.kind == "index_lag"), default=0.0)

    def page(self, found: Sequence[_T], begin: int, size: int, where: str) -> list[_T]:
        """The items of one page, as they come out."""
        window = list(found[begin : begin + size])
        if len(window) > 1 and (fault := self.striking("short_page", where)):
            window = window[: fault.chance.randrange(1, len(window))]
        if window and (fault := self.striking("skip_item", where)):
            del window[fault.chance.randrange(len(window))]
        if window and (fault := self.striking("repeat_item", where)):
            at = fault.chance.randrange(len(window))
            window.insert(at, window[at])
        return window
