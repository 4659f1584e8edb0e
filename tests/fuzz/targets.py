"""Takes one hostile input into its reader and on through the pipeline to the rows of the database; says what became of
it, or raises `Broken` where a promise does not hold."""

from __future__ import annotations

import io
import itertools
import json
import os
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from cuadra import reasons
from cuadra.connectors.base import OfferProblem, Place, Raw, Read, Reader
from cuadra.connectors.files import FilesConnector, layout, returns, sets
from cuadra.connectors.files.layout import FileLayout, Format, Layout, own_layout
from cuadra.connectors.files.offer import SetOffer
from cuadra.connectors.files.read import SetFile, plan
from cuadra.connectors.files.rows import LINE_LIMIT, Dialect, Rows, decode, detect, split
from cuadra.connectors.files.sets import discover
from cuadra.connectors.spool import frame, unframe
from cuadra.connectors.woocommerce.reader import read as read_shop
from cuadra.errors import CuadraError
from cuadra.ledger import rows
from cuadra.model import Entity, OrderRead, Outcome
from cuadra.pipeline.prepare import prepare
from cuadra.pipeline.record import process
from cuadra.pipeline.rules import AccountFacts, CustomerRules, ProductRules, Rules
from cuadra.pipeline.versions import compare, decode_content, differences, encode_content, merge
from cuadra.pipeline.working import WorkingSet
from tests.fuzz.inputs import ROLES, Case, headers
from tests.fuzz.inputs import case as make_case

SECONDS = 5.0
ZONE = "America/Argentina/Buenos_Aires"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEQUENCE = 1_790_000_000_000_000


class Broken(AssertionError):
    """A promise that does not hold."""


def expect(holds: object, what: str) -> None:
    if not holds:
        raise Broken(what)


def take(case: Case) -> str:
    """What became of the input; raises whatever should not happen."""
    began = time.process_time()  # the processor's own, for others may use the machine too
    label = TARGETS[case.target](case)
    took = time.process_time() - began
    expect(took < SECONDS, f"takes more than {SECONDS:.0f} s")
    return label


# ---------------------------------------------------------------- what PostgreSQL takes

_INTS = {"int2": 15, "int4": 31, "int8": 63}
INDEX_BYTES = 2_600
"""Of one entry of a B-tree; above 2,704 PostgreSQL refuses the row."""
_DECIMAL_AT = {
    "order": (9, 11, 12),
    "line": (6, 9, 10, 11, 12),
    "payment": (5,),
    "refund": (3,),
    "shipment": (5,),
    "discount": (4,),
}
_JSON_AT = {"order": (21,), "line": (16,), "attempt": (10,), "version": (6,)}


def text(value: str, where: str) -> None:
    """A text that PostgreSQL can hold."""
    expect("\0" not in value, f"NUL in {where}")
    try:
        value.encode()
    except UnicodeEncodeError as err:
        raise Broken(f"lone surrogate in {where}") from err


def number(value: str, where: str) -> None:
    """A text that PostgreSQL takes for a numeric."""
    try:
        exact = Decimal(value)
    except InvalidOperation as err:
        raise Broken(f"no number in {where}") from err
    expect(exact.is_finite(), f"no finite number in {where}")
    exponent = exact.as_tuple().exponent
    expect(isinstance(exponent, int) and -16_383 <= exponent < 100_000 and exact.adjusted() < 131_071,
           f"beyond numeric in {where.partition('[')[0]}")  # fmt: skip


def jsonb(value: str | bytes, where: str) -> None:
    """A JSON text that jsonb takes."""
    shown = value.decode() if isinstance(value, bytes) else value
    text(shown, where)
    if "\\u" in shown:
        _plain_json(json.loads(shown), where)


def _plain_json(value: Any, where: str) -> None:
    if isinstance(value, str):
        text(value, where)
    elif isinstance(value, dict):
        for key, item in value.items():
            text(key, where)
            _plain_json(item, where)
    elif isinstance(value, list):
        for item in value:
            _plain_json(item, where)


def proofs(value: Any, where: str) -> None:
    """Evidence of an offer, as the ledger would store it."""
    jsonb(json.dumps(value, default=str, allow_nan=False), where)


def row(name: str, values: tuple[Any, ...]) -> None:
    """One row for a staging table."""
    types = rows.TYPES[f"staged_{name}"]
    expect(len(types) == len(values), f"columns of {name}")
    for at, (kind, value) in enumerate(zip(types, values, strict=True)):
        where = f"{name}[{at}]"
        if value is None:
            continue
        if kind in _INTS:
            expect(isinstance(value, int) and -(1 << _INTS[kind]) <= value < 1 << _INTS[kind], f"not {kind} in {where}")
        elif kind == "text":
            expect(isinstance(value, str), f"no text in {where}")
            text(value, where)
            if at in _DECIMAL_AT.get(name, ()):
                number(value, where)
            if at in _JSON_AT.get(name, ()):
                jsonb(value, where)
        elif kind == "text[]":
            for one in value:
                text(one, where)
        elif kind == "timestamptz":
            expect(isinstance(value, datetime) and value.tzinfo is not None, f"no time in {where}")
            expect(1900 < value.year < 2200, f"year {value.year} in {where}")
        elif kind == "bool":
            expect(isinstance(value, bool), f"no bool in {where}")
        elif kind == "bytea":
            expect(isinstance(value, bytes), f"no bytes in {where}")


def key(where: str, *values: str) -> None:
    """The texts of one index entry."""
    for value in values:
        text(value, where)
    expect(sum(len(value.encode()) for value in values) <= INDEX_BYTES, f"index entry of {where} too large")


# ---------------------------------------------------------------- from a receipt to rows

_FACTS = AccountFacts("ARS", "AR", ZONE, 12)
_RULES = (
    Rules(),
    Rules(products=ProductRules(identify_by="name"), currency="keep"),
    Rules(products=ProductRules(identify_by="id", category_policy="deepest"), lines_required=False, currency="keep",
          customers=CustomerRules(required=False, contact_required=False)),
)  # fmt: skip


def proven(code: str, evidence: dict[str, Any]) -> None:
    """The reason is one of the catalogue, with what the catalogue wants as evidence."""
    expect(code in reasons.every(), f"reason {code} is not in the catalogue")
    missing = set(reasons.get(code).evidence) - set(evidence)
    expect(not missing, f"{code} without {sorted(missing)}")


def received(raw: Raw, reader: Reader, at: int) -> str:
    """A receipt through reader, preparation, decision and rows; the label is its outcome or reason."""
    read = reader(raw)
    expect(isinstance(read, Read), "no Read")
    told = (read.value, read.refused, read.hint, read.absent)
    expect(any(one is not None for one in told), "neither value nor reason")
    if read.refused is not None:
        proven(*read.refused)
    for code, evidence in read.warnings.items():
        proven(code, evidence)
    expect(read == reader(raw), "read twice, and differently")
    rules = _RULES[at % len(_RULES)]
    item = prepare(raw, 10_000, reader, rules, _FACTS.country)
    ws = WorkingSet(1, 1, 1, _FACTS, rules, 1, NOW, itertools.count(1), "files")
    process(item, ws)
    if isinstance(item.read.value, OrderRead):
        _order_again(item.read.value)
    for code, evidence in item.evidence.items():
        proven(code, evidence)
    expect(item.reason is None or item.reason in item.evidence, f"{item.reason} without evidence")
    if item.outcome in (Outcome.REFUSED, Outcome.FAILED):
        expect(item.reason, "refused without a reason")
    storable(item, ws)
    return item.reason or item.outcome.value


def _order_again(order: OrderRead) -> None:
    """What was read can be stored and is the same when it comes back; the versions of one content are the same."""
    again = decode_content(encode_content(order))
    expect(encode_content(again) == encode_content(order), "another order when stored and read again")
    expect(not differences(order, again), "differs from itself when stored and read again")
    expect(encode_content(merge(order, order)) == encode_content(order), "merging with itself changes it")


def storable(item: Any, ws: WorkingSet) -> None:
    """Every row that this receipt would write."""
    row("attempt", rows.attempt(item, 1))
    for one in item.read.complaints:
        for part in (one.file, one.field, one.rule, one.value.replace("\0", "\ufffd")):
            text(part, "reject")
        key("reject", one.field)
        expect(0 <= one.line < 1 << 63 and -1 <= one.file_no < 1 << 15, "place of a reject")
    for state in ws.orders.values():
        made = rows.order(state)
        row("order", made)
        text(made[-1].decode(), "content")
        key("orders", state.source_id)
        for line in rows.lines(state, ws.rules):
            row("line", line)
        for name, parts in (
            ("payment", rows.payments(state)), ("refund", rows.refunds(state)),
            ("shipment", rows.shipments(state)), ("discount", rows.discounts(state)),
        ):  # fmt: skip
            for values in parts:
                row(name, values)
        for (kind, normal), value in state.identifiers.items():
            key("identifier", kind, normal)
            text(value, "identifier")
    for order_id, version_no, version, receipt_id, changes in ws.versions:
        row("version", (order_id, version_no, version.stamp, version.sequence, version.digest, receipt_id,
            None if changes is None else msgspec.json.encode(changes).decode()))  # fmt: skip
        expect(compare(version, version) == "same", "a version is not the same as itself")
    for customer in ws.customers.values():
        row("customer", rows.customer(customer))
    for kind, value, _ in ws.new_customer_keys:
        key("customer_key", kind, value)
    for kind, _, value, _ in ws.new_product_keys:
        key("product_key", kind, value)
    for product in ws.products.values():
        for value in (product.name, product.sku, product.code, product.description, product.brand, product.unit):
            text(value or "", "product")
        proofs(product.evidence, "product")
    for _, path, name, _, depth in ws.new_categories:
        key("category", path)
        text(name, "category")
        expect(depth < 1 << 15, "depth of a category")
    for node, (parent, name) in ws.new_nodes.items():
        key("category_source", node)
        text((parent or "") + name, "category_source")
    for branch, (name, details) in ws.new_branches.items():
        key("branch", branch)
        text(name, "branch")
        proofs(details, "branch")
    for _, _, source, note in ((*k, *v[1:3], v[3])[-4:] for k, v in ws.consents.items()):
        text((note or "") + str(source), "consent")


# ---------------------------------------------------------------- JSON lines and delimited receipts


@cache
def _nested_reader(variant: int) -> Reader:
    total = ("column", "payments", "lines")[variant % 3]
    spec = own_layout()
    spec.format = Format(total=total, time_zone=None if variant < 3 else "America/Sao_Paulo")
    description = {
        "files": msgspec.to_builtins([SetFile("orders.jsonl", "orders", nested=True)]),
        "layout": msgspec.to_builtins(spec),
    }
    return FilesConnector().reader(description, _place())


def _nested(case: Case) -> str:
    raw = Raw(Entity.ORDER, case.data, SEQUENCE, 0, 7)
    return received(raw, _nested_reader(*case.how), len(case.data))


def _shop(case: Case) -> str:
    kind, arrival, status = case.how
    asked = None if status is None else {"id": "1043", "status": status}
    return received(Raw(Entity(kind), case.data, SEQUENCE, None, None, arrival, asked), read_shop, len(case.data))


@cache
def _csv_reader(variant: int) -> tuple[list[SetFile], Reader]:
    spec = own_layout()
    dialect = Dialect(",", "utf-8", ".")
    if variant == 4:
        dialect = Dialect(";", "cp1252", ",")
        files = {role: FileLayout(f"{role}.csv", columns={name: name for name in names}, constants={"state": "paid"} if role == "orders" else {})
                 for role, names in headers(4).items()}  # fmt: skip
        spec = Layout(
            files, Format(dates=["%d/%m/%Y %H:%M", "%d/%m/%Y"], total="lines", time_zone=ZONE), {"paid": "sale"}
        )
    found = [SetFile(f"{role}.csv", role, headers(variant)[role], dialect) for role in ROLES]
    description = {"files": msgspec.to_builtins(found), "layout": msgspec.to_builtins(spec)}
    return found, FilesConnector().reader(description, _place())


def _csv(case: Case) -> str:
    variant, kind, file_no = case.how
    raw = Raw(Entity(kind), case.data, SEQUENCE, file_no, 2)
    return received(raw, _csv_reader(variant)[1], len(case.data))


# ---------------------------------------------------------------- whole files


def _rows(case: Case) -> str:
    try:
        dialect = detect(case.data[: 1 << 18], *case.how, "orders.csv")
    except CuadraError:
        return "refused: no text"
    expect(len(dialect.delimiter) == 1, "a delimiter of one character")
    reader = Rows(io.BytesIO(case.data), dialect)
    at, line, good, bad = 0, 1, 0, 0
    long_lines = max(map(len, case.data.split(b"\n"))) > LINE_LIMIT
    for found in reader:
        if long_lines:
            expect(len(found.raw) <= 2 * LINE_LIMIT + 2, "a row above the limit")
        else:
            expect(case.data.startswith(found.raw, at), "bytes that are not the file's")
            expect(found.line == line, f"line {found.line} instead of {line}")
            at += len(found.raw)
            line += found.raw.count(b"\n")
        expect(found.raw, "a row of nothing")
        if found.problem is None:
            good += 1
            if found.line > 1 and not found.raw.startswith(b"\xef\xbb\xbf"):
                expect(
                    split(decode(found.raw, dialect)[0], dialect) == found.fields, "the stored row reads differently"
                )
        else:
            bad += 1
    expect(long_lines or at == len(case.data), "bytes left over")
    expect(reader.position == len(case.data), "not read to its end")
    return "rows and spoiled rows" if good and bad else "rows" if good else "spoiled rows" if bad else "no rows"


# ---------------------------------------------------------------- mappings


def _layout(case: Case) -> str:
    path = work() / "mapping.toml"
    path.write_bytes(case.data)
    try:
        found = layout.load(path)
    except CuadraError as err:
        str(err)
        return "refused"
    expect(layout.parse(msgspec.to_builtins(found), "again") == found, "another mapping when stored and read again")
    _usable(found)
    return "accepted"


def _usable(spec: Layout) -> None:
    """A mapping that was accepted can be used: set names matched, headers planned, rows read."""
    folder = work() / "drop"
    _emptied(folder)
    for name in ("ventas_20261118.csv", "clientes_20261118.csv", "orders.csv", "readme.txt"):
        (folder / name).write_bytes(b"")
        os.utime(folder / name, (1, 1))
    discover(folder, spec)
    for role, file in spec.files.items():
        header = [*file.columns.values(), "other"]
        dialect = Dialect(file.delimiter or spec.format.delimiter or ",", "utf-8", file.decimal or ".")
        one = SetFile(f"{role}.csv", role, header, dialect)
        plan(0, one, spec, ZONE)
        reader = FilesConnector().reader(
            {"files": [msgspec.to_builtins(one)], "layout": msgspec.to_builtins(spec)}, _place()
        )
        cells = ["17/11/2026" if "create" in name else "1" for name in header]
        body = frame([(0, 2, (dialect.delimiter.join(cells) + "\n").encode())])
        kinds = {"customers": "customer", "products": "product", "categories": "category", "stores": "store"}
        read = reader(Raw(Entity(kinds.get(role, "order")), body, SEQUENCE, 0, 2))
        if read.refused is not None:
            proven(*read.refused)


# ---------------------------------------------------------------- folders, archives, manifests


@cache
def work() -> Path:
    """A folder of this process's own, in memory where there is one."""
    base = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="cuadra-fuzz-", dir=base if base.is_dir() else None))


def clean() -> None:
    """Remove this process's folder."""
    if work.cache_info().currsize:
        shutil.rmtree(work(), ignore_errors=True)
        work.cache_clear()


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _place() -> Place:
    return Place("ARS", ZONE, work() / "place")


def _manifest(case: Case) -> str:
    folder = work() / "drop"
    if not (folder / "set" / "manifest.json").exists():
        inner = _emptied(folder) / "set"
        inner.mkdir()
        for name, content in (
            ("orders.csv", b"id,total,currency\nA-1,71998.00,ARS\nA-2,1,USD\n"),
            ("lines.csv", b"order_id,sku\nA-1,X\n"),
        ):
            (inner / name).write_bytes(content)
            os.utime(inner / name, (1, 1))
    (folder / "set" / "manifest.json").write_bytes(case.data)
    return _offers(folder)


def _sets(case: Case) -> str:
    outside = _emptied(work() / "outside")
    (outside / "secret.csv").write_bytes(b"id\nA-1\n")
    folder = _emptied(work() / "drop")
    for name, kind in case.how:
        path = folder / name
        if kind == "link_out":
            path.symlink_to(outside / "secret.csv")
        elif kind == "dangling":
            path.symlink_to(folder / "nothing")
        elif kind == "loop":
            path.symlink_to(path)
        elif kind == "folder":
            path.mkdir()
            (path / "orders.csv").write_bytes(case.data)
            os.utime(path / "orders.csv", (1, 1))
        elif kind == "fifo":
            os.mkfifo(path)
            os.utime(path, (1, 1))
        else:
            path.write_bytes(case.data if kind == "file" else b"")
            os.utime(path, (1, 1))
    before = sorted(folder.iterdir())
    settled, sets.SETTLED_SECONDS = sets.SETTLED_SECONDS, 0.0  # nobody writes here: no second look, a second later
    try:
        label = _offers(folder)
    except CuadraError as err:
        str(err)
        label = f"refused: {type(err).__name__}"
    finally:
        sets.SETTLED_SECONDS = settled
    expect(sorted(folder.iterdir()) == before, "the drop folder is not as it was")
    expect([path.name for path in outside.iterdir()] == ["secret.csv"], "something outside was touched")
    shutil.rmtree(folder)
    return label


def _offers(folder: Path) -> str:
    """Every set of a folder: sealed, opened, read to its end."""
    place = _place()
    _emptied(place.work)
    label = "nothing"
    spec = own_layout()
    for candidate in discover(folder, spec):
        offer = SetOffer(candidate, spec, place, 1000)
        offer.seal(_silent)
        text(offer.name, "name of a set")
        proofs(offer.description, "description of a set")
        proofs(offer.notes, "notes of a set")
        if offer.problem is not None:
            proven(*offer.problem)
            proofs(offer.problem[1], "evidence of a set")
            label = offer.problem[0]
            continue
        label = "taken"
        try:
            source = offer.open(_silent)
        except OfferProblem as err:
            proven(err.reason, err.evidence)
            proofs(err.evidence, "evidence of a set")
            label = err.reason
            continue
        for chunk in source.receive({}, _silent):
            for at, raw in enumerate(chunk.raws):
                received(raw, source.reader(), at)
    return label


def _silent(done: int, total: int | None, name: str) -> None:
    pass


# ---------------------------------------------------------------- the way back


def _cells(case: Case) -> str:
    cell = case.data.decode("utf-8", "surrogatepass")
    shown = returns.harmless(cell)
    expect(returns.unharmed(shown) == cell, "the cell is another one when it comes back")
    plain = shown.lstrip("+-").replace(".", "", 1).replace(",", "", 1)
    expect(not shown.startswith(("=", "+", "-", "@", "\t", "\r")) or plain.isdigit(), "a formula goes out")
    return "quoted" if shown != cell else "as it was"


def _mend(case: Case) -> str:
    variant, _, file_no, line, fixed = case.how
    files, reader = _csv_reader(variant)
    try:
        before = unframe(case.data)
    except ValueError:
        return "no frame"
    if any(not 0 <= number < len(files) for number, _, _ in before):
        return "no frame of this set"
    fix = returns.Correction(1, file_no, line, {name.casefold(): value for name, value in fixed})
    after = unframe(returns.mend(case.data, files, [fix]))
    expect([part[:2] for part in after] == [part[:2] for part in before], "rows went or came")
    for old, new in zip(before, after, strict=True):
        expect(new[2] == old[2] or old[:2] == (file_no, line), "a row was changed that nobody corrected")
    if after:
        kind = {"customers": "customer", "products": "product", "categories": "category", "stores": "store"}
        mended = Raw(Entity(kind.get(ROLES[after[0][0]], "order")), frame(after), SEQUENCE, after[0][0], 2)
        received(mended, reader, len(case.data))
    return "mended" if after != before else "nothing to mend"


def _unframe(case: Case) -> str:
    try:
        parts = unframe(case.data)
    except ValueError:
        return "refused"
    expect(len(parts) <= len(case.data), "more rows than bytes")
    if all(number >= 0 and line >= 0 for number, line, _ in parts):
        expect(unframe(frame(parts)) == parts, "frame and unframe do not agree")
    return "rows"


TARGETS: dict[str, Callable[[Case], str]] = {
    "nested": _nested, "csv": _csv, "rows": _rows, "layout": _layout, "manifest": _manifest, "sets": _sets,
    "cells": _cells, "mend": _mend, "unframe": _unframe, "shop": _shop,
}  # fmt: skip


# ---------------------------------------------------------------- running

MEMORY = 3 << 30
"""Address space of one worker: what wants more has no bound."""


class Failure(NamedTuple):
    """One input that broke a promise."""

    kind: str
    number: int
    shown: str
    trace: str


class Done(NamedTuple):
    """What came of a block of inputs."""

    labels: Counter[tuple[str, str]]
    failures: list[Failure]
    peak: int


class Overdue(BaseException):
    """An input that takes longer than it may."""


def overdue(*_: Any) -> None:
    """Handler of the alarm."""
    raise Overdue


def block(seed: int, start: int, stop: int, *, alarm: bool = False) -> Done:
    """The inputs from `start` to before `stop`. With `alarm`, one that never ends is ended (main thread only)."""
    labels: Counter[tuple[str, str]] = Counter()
    failures = []
    for number in range(start, stop):
        case = make_case(seed, number)
        label, failure = attempt(case, number, alarm=alarm)
        labels[case.target, label] += 1
        if failure is not None:
            failures.append(failure)
    return Done(labels, failures, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def attempt(case: Case, number: int, *, alarm: bool = False) -> tuple[str, Failure | None]:
    """(label, failure) of one input."""
    try:
        if alarm:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            if signal.getsignal(signal.SIGALRM) is overdue:  # under pytest that one is pytest's
                signal.setitimer(signal.ITIMER_REAL, 6 * SECONDS)
        try:
            return take(case), None
        finally:
            if alarm:
                signal.setitimer(signal.ITIMER_PROF, 0)
                if signal.getsignal(signal.SIGALRM) is overdue:
                    signal.setitimer(signal.ITIMER_REAL, 0)
    except (Exception, Overdue) as err:  # noqa: BLE001 - whatever is raised is what we look for
        return "FAILED", Failure(_kind(err, case.target), number, str(case), traceback.format_exc(limit=-8))


def _kind(err: BaseException, target: str) -> str:
    """The same fault has the same name: what was raised, and where in the program."""
    frames = traceback.extract_tb(err.__traceback__)
    ours = [frame for frame in frames if "/src/cuadra/" in frame.filename]
    if isinstance(err, Overdue):
        return f"{target}: takes more than {SECONDS:.0f} s"
    said = str(err)[:120] if isinstance(err, Broken) else ""
    place = f"{ours[-1].filename.split('/src/')[1]}:{ours[-1].lineno}" if ours and not said else ""
    return f"{target}: {type(err).__name__} {said or place}".strip()


def shrink(case: Case, kind: str, seconds: float = 4, *, alarm: bool = True) -> Case:
    """The shortest bytes found that fail in the same way."""
    until = time.monotonic() + seconds
    data, size = case.data, max(1, len(case.data) // 2)
    while size and time.monotonic() < until:
        at, smaller = 0, False
        while at < len(data) and time.monotonic() < until:
            less = data[:at] + data[at + size :]
            _, failure = attempt(case._replace(data=less), 0, alarm=alarm)
            if failure is not None and failure.kind == kind:
                data, smaller = less, True
            else:
                at += size
        size = size if smaller and size > 1 else size // 2
    return case._replace(data=data)


def do(job: tuple[int, int, int]) -> Done:
    """One block in a worker."""
    return block(*job, alarm=True)


def begin() -> None:
    """Make a process a worker: bounded in memory, and with an alarm for inputs that never end."""
    for alarm in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(alarm, overdue)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
