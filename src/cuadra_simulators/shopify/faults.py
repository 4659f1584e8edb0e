"""What goes wrong with a shop on command."""

from __future__ import annotations

from cuadra_simulators import faults
from cuadra_simulators.faults import Fault

BEFORE = (
    "reset", "timeout", "error_500", "bad_gateway", "unavailable", "frozen", "forbidden", "token_expired",
    "version_retired", "too_many",
)  # fmt: skip
"""Instead of an answer: reset, nothing in time, 500, 502 in HTML, 423, 402, 403, 401; an answer from the oldest
version; «Throttled»."""
PLAIN = ("reset", "timeout", "error_500", "bad_gateway", "unavailable")
"""Those of them that befall tokens and files, too."""
PAGES = ("skip_item", "repeat_item")
"""A page of a root connection that leaves one out, or shows one twice."""
AFTER = ("cut_body", "internal_error")
"""Done to a good answer: cut in the middle, or replaced by INTERNAL_SERVER_ERROR with HTTP 200."""
WEBHOOKS = ("webhook_drop", "webhook_duplicate", "webhook_delay", "webhook_reorder", "webhook_stale")
"""A delivery that is never made, made twice, late, in another order, or followed by an older body of the same thing."""
BULK = ("bulk_failed", "bulk_partial", "bulk_canceled", "bulk_stuck", "bulk_expired")
"""A bulk operation that fails, fails with a part of its file, is cancelled by the platform, never ends, or whose link
is already dead."""
STATES = ("index_lag",)
"""Searches that learn of changes so many seconds late."""
KINDS = (*BEFORE, *PAGES, *AFTER, *WEBHOOKS, *BULK, *STATES)


class Faults(faults.Faults):
    """The faults of a shop.

    `path` is searched in «POST graphql {name of the operation}», «POST oauth», «GET bulk», in the name of a root field
    (pages), in a webhook's topic, or in the query of a bulk operation. `seconds`: how long a timeout holds, a webhook
    waits or an index lags.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed, KINDS)

    def before(self, where: str) -> Fault | None:
        """What is answered instead of the request, if anything."""
        return self.first(BEFORE if where.startswith("POST graphql") else PLAIN, where)
