"""The program's texts: collects the English message ids, checks the Spanish ones, compiles them.

    .venv/bin/python scripts/texts.py extract    message ids into src/cuadra/locale/es/LC_MESSAGES/cuadra.po
    .venv/bin/python scripts/texts.py check      exit 1 naming ids without Spanish, or with other placeholders
    .venv/bin/python scripts/texts.py compile    cuadra.po to cuadra.mo

Ids are found in the source: the arguments of `_()` and `plural()`, what the error classes say, the findings of
`cuadra doctor`, the progress of the embedded server and the rules that a bad cell breaks. What is passed through
`_(variable)` stands in `WORDS`, or is data of the program (reasons, settings of connectors).
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from cuadra import reasons
from cuadra.faces.cli import importing
from cuadra.faces.saying import FIXERS
from cuadra.model import Entity, Outcome, Standing, StepOutcome
from cuadra.pipeline.steps import STEPS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "cuadra"
PO = SOURCE / "locale" / "es" / "LC_MESSAGES" / "cuadra.po"
MO = PO.with_suffix(".mo")

Id = str | tuple[str, str]
"""A message id, or its singular and plural."""

ERRORS = {"UsageError", "NotFound", "Refused", "Unreachable", "InputError"}
#: calls whose first argument is shown as it is
SAID = {"_", "progress", "tell", "BadValue", "_missing", "_denied"}
#: the place of the text among a call's arguments, where it is not the first
PLACES = {"Finding": 1, "Row": 3}

#: words that reach `_()` in a variable, beside those that `words()` takes from the program
WORDS = (
    # where the database is
    "embedded",
    # states and modes of an integration
    "draft", "validating", "active", "paused", "broken", "removed", "manual", "defaults", "demo",
    # kinds of identifiers
    "order", "number", "invoice", "cart", "payment", "tracking", "shipment", "email", "phone", "sku", "file_line",
    # roles of files, and records of a report
    "orders", "lines", "payments", "refunds", "shipments", "discounts", "customers", "products", "categories",
    "categorys", "stores",
    # how a file is written
    "encoding", "delimiter", "decimal",
    # verbs of progress
    "reading", "checking", "imported", "making", "exported", "judged",
    # what the steps bring out, and inner parts of proofs
    "state", "total", "currency", "lines", "standing", "rule_version", "customer", "version", "warnings", "product",
    "receipt", "received_at", "bytes", "why", "arrival", "set", "file", "line", "discount", "shipping", "tax", "fees",
    "identifiers", "customers", "products", "refused_rows", "file_sets", "files", "newest_set", "files_with_it",
    "integrations", "channel", "column", "value", "rule", "rows", "place", "name", "last_import", "sku", "code",
    "active", "inactive_since", "orders", "linked", "note", "declared", "counted",
    # words that a proof gives as its values
    "still being written", "loop", "orphan", "unknown", "empty_name", "too_long", "first", "deepest",
    "deepest_of_branch", "most_general_branch", "alphabetical", "a filler address", "a filler number", "a phone number",
    "one address like name@example.com",
    # what was found of a notice that a shop was asked for
    "new", "gone", "disabled", "unsigned",
    "a filler number of this shop", "a possible number of its country", "a contact of more than {n} people",
    "a header and no row: never taken for «no orders»", "one object a line", "rows of no known file",
    # what a shop said when it was asked, and what a proof of it has besides
    "asked_at", "request", "status", "found", "sources", "integration", "cause", "answer", "message", "ms", "limit",
    "import_began", "key_version", "sender", "size", "number", "since", "deleted_at", "compared", "relinked",
    # why a notice could not be stored
    "database", "busy", "credentials", "topic",
    # of a delivery that was not taken: what it is about
    "scope", "endpoint", "field", "attempts", "present_at", "due",
    # when something runs, how runs and attempts to deliver end
    "realtime", "queued", "running", "finished", "finished with errors", "failed", "cancelled",
    "delivered", "already", "waiting", "seen", "not seen", "sending",
    "webhook", "poll", "backfill", "relink", "push", "person", "tag",
    # fields of an order, and what happens to it
    "lifecycle", "payment_state", "fulfilment_state", "sales_channel", "delivery_changed", "own_state",
    # outcomes of items, and a step that was not reached
    "failed_items", "not_reached",
    # rules that a bad cell breaks, where they are put together from parts
    "a number with «.» as its decimal mark", "a number with «,» as its decimal mark",
    "a date between 1990 and 2100", "a date as ISO 8601", "at most 1048576 bytes a row",
    "at most 131072 characters a field and 1048576 bytes a row", "quotes closed, and doubled inside a field",
    "{n} columns, as in the header", "a finite number", "a number below 10^15", "at most 76 digits",
)  # fmt: skip


def words() -> Iterator[str]:
    """Words of the program's own lists that are shown."""
    yield from WORDS
    for names in (Standing, Outcome, StepOutcome, Entity):
        yield from (item.value for item in names)
    yield from STEPS
    yield from importing.MARKS
    for reason in reasons.every().values():
        yield from (reason.kind, FIXERS.get(reason.fixed_by, reason.fixed_by), *reason.evidence)


def _texts(node: ast.expr) -> Iterator[str]:
    """The constant texts that an argument may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _texts(value)


def _name(call: ast.Call) -> str:
    func = call.func
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def _prefixes(tree: ast.Module) -> dict[str, str]:
    """Local functions that put a beginning before a text and make it an error: their name → the beginning."""
    found = {}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and _name(call) in ERRORS and call.args:
                first = call.args[0]
                if isinstance(first, ast.BinOp) and isinstance(first.right, ast.Name):
                    found[function.name] = "".join(_texts(first.left))
    return found


def ids(path: Path) -> Iterator[tuple[int, Id]]:
    """(line, message id) of every text of a module."""
    tree = ast.parse(path.read_text("utf-8"))
    prefixes = _prefixes(tree)
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            if isinstance(call, ast.Assign) and _progress_text(path, call):
                yield from ((call.lineno, text) for text in _texts(_value(call)))
            continue
        name, args = _name(call), call.args
        if name == "plural" and len(args) > 1:
            yield call.lineno, ("".join(_texts(args[0])), "".join(_texts(args[1])))
        elif name in prefixes and args:
            yield from ((call.lineno, prefixes[name] + text) for text in _texts(args[0]))
        elif name in SAID | ERRORS and args:
            yield from ((call.lineno, text) for text in _texts(args[0]) if text and text != "—")
        elif name in PLACES and len(args) > PLACES[name]:
            yield from ((call.lineno, text) for text in _texts(args[PLACES[name]]))


def _progress_text(path: Path, node: ast.Assign) -> bool:
    """`text = "Starting the database …"` in the embedded server, told a little later."""
    return path.name.startswith("embedded") and any("…" in text for text in _texts(_value(node)))


def _value(node: ast.Assign) -> ast.expr:
    if isinstance(node.value, ast.Tuple):
        return node.value.elts[-1]
    return node.value


def extract() -> Catalog:
    """All message ids of the program, each with the files that say it."""
    catalog = Catalog(locale="es", project="cuadra", charset="utf-8")
    for path in sorted(SOURCE.rglob("*.py")):
        for _line, found in ids(path):
            catalog.add(found, locations=[(str(path.relative_to(ROOT)), 0)])
    for path in sorted(SOURCE.rglob("*.html")):
        with path.open("rb") as file:
            for _line, _function, found, _comments in babel_extract(file, ("_", "plural"), (), {"encoding": "utf-8"}):
                text = found if isinstance(found, str) else tuple(found or ())[:2]
                if not text or text[0] is None:
                    continue  # a word of the program in a variable: it stands in WORDS
                catalog.add(text, locations=[(str(path.relative_to(ROOT)), 0)])
    for word in sorted(set(words())):
        catalog.add(word, locations=[("scripts/texts.py", 0)])
    return catalog


def stored() -> Catalog:
    """The texts as they are written down."""
    with PO.open("rb") as file:
        return read_po(file, locale="es")


def update() -> str:
    """The file of texts with exactly the ids of the program, keeping the Spanish that is there."""
    wanted, have = extract(), stored()
    for message in wanted:
        if message.id and (known := have.get(message.id)) is not None and known.string:
            message.string = known.string
    out = io.BytesIO()
    write_po(out, wanted, width=120, omit_header=True, include_lineno=False, sort_output=True)
    return HEADER + out.getvalue().decode()


HEADER = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""
_PLACEHOLDER = re.compile(r"\{(\w*)[^}]*\}")


def problems() -> list[str]:
    """What is wrong with the Spanish texts: one line each."""
    wanted, have = extract(), stored()
    found = []
    for message in wanted:
        if not message.id:
            continue
        known = have.get(message.id)
        strings = () if known is None else known.string if isinstance(known.string, tuple) else (known.string,)
        sources = message.id if isinstance(message.id, tuple) else (message.id,)
        if not strings or not all(strings):
            found.append(f"no Spanish: {sources[0]!r}")
            continue
        for source, spanish in zip(sources, strings, strict=False):
            if sorted(set(_PLACEHOLDER.findall(source))) != sorted(set(_PLACEHOLDER.findall(spanish))):
                found.append(f"other placeholders: {source!r} → {spanish!r}")
    known_ids = {message.id for message in wanted}
    found += [f"no text of the program any more: {message.id!r}" for message in have
              if message.id and message.id not in known_ids]  # fmt: skip
    return found


def compiled() -> bytes:
    """The compiled form of the texts as they are written down; the same bytes for the same texts."""
    out = io.BytesIO()
    moment = datetime(2026, 1, 1, tzinfo=UTC)  # Babel writes dates into the header
    plain = Catalog(locale="es", project="cuadra", charset="utf-8", creation_date=moment, revision_date=moment)
    for message in stored():
        if message.id:
            plain.add(message.id, message.string)
    write_mo(out, plain)
    return out.getvalue()


def main(words: list[str]) -> int:
    """Run one of the three commands."""
    if words == ["extract"]:
        PO.write_text(update(), "utf-8")
        print(f"{PO.relative_to(ROOT)}: {len(extract())} texts")
        return 0
    if words == ["check"]:
        found = problems()
        print("\n".join(found) if found else "Every text has its Spanish.")
        return 1 if found else 0
    if words == ["compile"]:
        MO.write_bytes(compiled())
        print(MO.relative_to(ROOT))
        return 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
