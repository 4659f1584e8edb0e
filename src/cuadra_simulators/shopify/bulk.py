"""Bulk operations: queries without pages, whose result is a file."""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from graphql import DocumentNode, GraphQLError, get_operation_ast, parse, validate

from cuadra_simulators.shopify.faults import BULK, Faults
from cuadra_simulators.shopify.graph.access import Access, App
from cuadra_simulators.shopify.graph.projection import Projector, Unfit
from cuadra_simulators.shopify.graph.registry import Context, stamp
from cuadra_simulators.shopify.model import Bulk
from cuadra_simulators.shopify.settings import DAY
from cuadra_simulators.shopify.world import Fired, World, gid, unswept

GOING = ("CREATED", "RUNNING", "CANCELING")
MIXED = 8
"""So many roots stand together before what is below them."""
Refusal = dict[str, str]


class Bulks:
    """The bulk operations of a shop. Files lie in a folder of their own until the shop is forgotten."""

    def __init__(self, world: World, faults: Faults, home: Callable[[], str],
                 tell: Callable[[list[Fired], App], None]) -> None:  # fmt: skip
        self.world = world
        self.faults = faults
        self.all: dict[int, Bulk] = {}
        self.context: Callable[[Access], Context]
        """How a request of an app is made up; set by the shop."""
        self.followed = False
        """Whether somebody else calls `tick`; else requests do."""
        self._home = home
        self._tell = tell
        self._apps: dict[int, App] = {}
        self._fates: dict[int, str] = {}
        self._folder: Path | None = None
        self._one_at_a_time = threading.Lock()

    def of(self, app_id: int) -> list[Bulk]:
        """Those of an app."""
        return [it for it in self.all.values() if it.app_id == app_id]

    def get(self, app_id: int, number: int) -> Bulk | None:
        """One of an app's."""
        found = self.all.get(number)
        return found if found is not None and found.app_id == app_id else None

    def start(self, context: Context, query: str, *, grouped: bool) -> Bulk | Refusal:
        """A new one, or why not."""
        app = context.access.app
        at_once = self.world.settings.bulk_at_once
        going = [it for it in self.of(app.id) if it.status in GOING]
        if len(going) >= at_once:
            if at_once == 1:
                message = f"A bulk query operation for this app and shop is already in progress: {gid('BulkOperation', going[0].id)}."
                return {"message": message, "code": "OPERATION_IN_PROGRESS"}
            return {"message": f"The limit of {at_once} bulk query operations in progress was reached.",
                    "code": "LIMIT_REACHED"}  # fmt: skip
        try:
            projector(context, query)
        except (Unfit, GraphQLError) as problem:
            return {"message": f"Invalid bulk query: {problem}", "code": "INVALID"}
        with self.world.action():
            made = Bulk(self.world.take("BulkOperation"), app.id, query, self.world.now, grouped)
            self.all[made.id] = made
        self._apps[made.id] = app
        fault = self.faults.first(BULK, query)
        self._fates[made.id] = fault.kind if fault else ""
        return made

    def stop(self, it: Bulk) -> str:
        """Cancel one, as its app asks; says why that cannot be."""
        if it.status not in GOING:
            return f"A bulk operation cannot be canceled when it is {it.status.lower()}"
        it.status = "CANCELING"
        return ""

    def fail(self, it: Bulk, kind: str = "bulk_failed") -> None:
        """What will become of one that is on its way: one of the faults of bulk operations."""
        self.faults.check(kind)
        self._fates[it.id] = kind

    def tick(self) -> None:
        """Let those that are on their way come to where the clock has them."""
        with self._one_at_a_time:
            for it in list(self.all.values()):
                if it.status in GOING:
                    self._go(it)

    def _go(self, it: Bulk) -> None:
        now, fate = self.world.now, self._fates[it.id]
        if it.status == "CANCELING":
            self._end(it, "CANCELED")
        elif now >= it.created + self.world.settings.bulk_seconds and fate != "bulk_stuck":
            it.status = "RUNNING"
            self._finish(it, fate)
        elif now > it.created:
            it.status = "RUNNING"

    def _finish(self, it: Bulk, fate: str) -> None:
        if fate == "bulk_canceled":
            self._end(it, "CANCELED")
            return
        if fate == "bulk_failed":
            it.error = "INTERNAL_SERVER_ERROR"
            self._end(it, "FAILED")
            return
        app = self._apps[it.id]
        plans = projector(self.context(Access(app, self.world.plan, self.world.now)), it.document)
        if plans.denied is not None:
            it.error = "ACCESS_DENIED"
            self._end(it, "FAILED")
            return
        self._write(it, plans, partial=fate == "bulk_partial")
        it.expires = it.created if fate == "bulk_expired" else self.world.now + self.world.settings.link_days * DAY
        if fate == "bulk_partial":
            it.error, it.partial = "TIMEOUT", True
        self._end(it, "FAILED" if it.partial else "COMPLETED")

    def _write(self, it: Bulk, plans: Projector, *, partial: bool) -> None:
        with self.world.lock:
            roots = list(plans.roots())
        if partial:
            roots = roots[: (len(roots) + 1) // 2]
        path = self._place() / f"{it.id}.jsonl"
        with path.open("wb") as file, unswept():
            it.roots, it.objects, it.size = write(file, plans, roots, grouped=it.grouped, lock=self.world.lock)
        if not it.size:
            it.size = None
            return
        it.path, it.signature = path, self.world.token(32)

    def _end(self, it: Bulk, status: str) -> None:
        it.status, it.completed = status, self.world.now
        told = {
            "admin_graphql_api_id": gid("BulkOperation", it.id), "completed_at": stamp(it.completed),
            "created_at": stamp(it.created), "error_code": it.error.lower() if it.error else None,
            "status": status.lower(), "type": "query",
        }  # fmt: skip
        with self.world.lock:
            self._tell([Fired("bulk_operations/finish", it, "BulkOperation", told)], self._apps[it.id])

    def _place(self) -> Path:
        if self._folder is None:
            folder = Path(tempfile.mkdtemp(prefix="bulk-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._folder = folder
        return self._folder

    def url(self, it: Bulk, *, partial: bool) -> str | None:
        """Where the file can be fetched; null when there is none."""
        if it.path is None or it.partial is not partial:
            return None
        return f"{self._home()}/bulk/{it.id}.jsonl?Expires={it.expires}&Signature={it.signature}"

    def file(self, name: str, signature: str) -> tuple[int, Path | None]:
        """Status and file for what was asked under such an address."""
        it = next((it for it in self.all.values() if it.path is not None and it.path.name == name), None)
        if it is None or it.signature != signature:
            return 404 if it is None else 403, None
        return (400, None) if self.world.now >= it.expires else (200, it.path)


def projector(context: Context, query: str) -> Projector:
    """The plans of a bulk query. Unfit or GraphQLError when it is refused."""
    from cuadra_simulators.shopify.graph.execution import the_schema

    document: DocumentNode = parse(query)
    if problems := validate(the_schema(), document):
        raise problems[0]
    operation = get_operation_ast(document)
    if operation is None or operation.operation.value != "query":
        raise Unfit("Only one query operation is allowed.")
    return Projector(the_schema(), document, operation, context)


def write(file: BinaryIO, plans: Projector, roots: Iterable[Any], *, grouped: bool, lock: Any) -> tuple[int, int, int]:
    """Write the lines of these roots; (roots, objects, bytes). Children stand after their parents, mixed unless grouped."""
    encode = msgspec.json.encode
    many = objects = size = 0
    waiting = iter(roots)
    while batch := list(islice(waiting, MIXED)):
        with lock:
            found = [list(plans.lines(it)) for it in batch]
        many += sum(1 for lines in found if lines)
        lines = [line for one in found for line in one] if grouped else list(_mixed(found))
        objects += len(lines)
        if lines:
            size += file.write(b"\n".join(map(encode, lines)) + b"\n")
    return many, objects, size


def _mixed(found: list[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """In turns, one of each; the order of every one is kept."""
    rest = [iter(lines) for lines in found]
    while rest:
        left = []
        for lines in rest:
            line = next(lines, None)
            if line is not None:
                yield line
                left.append(lines)
        rest = left
