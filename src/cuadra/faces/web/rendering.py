"""Pages from templates: every text through the catalogue, every value escaped, and the words for what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_datetime, get_timezone
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.enums import MediaType
from markdown_it import MarkdownIt
from markupsafe import Markup

from cuadra import __version__, reasons
from cuadra.accounts import Account
from cuadra.clock import utc_now
from cuadra.faces import saying
from cuadra.model import Standing
from cuadra.texts import _, language, plural

HERE = Path(__file__).parent
STANDINGS = tuple(one.value for one in Standing)
MARKS = {
    "present": "check", "success": "check", "done": "check", "waiting": "clock", "held": "pause", "failed": "cross",
    "skipped": "minus", "warning": "bang", "not_reached": "dot", "unseen": "dot",
}  # fmt: skip
LOGOS = ("files", "shopify", "woocommerce")


@cache
def environment() -> Environment:
    """The templates, with everything that they may say."""
    made = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True)  # fmt: skip
    made.globals |= {
        "_": _, "plural": plural, "language": language, "version": __version__, "money": saying.money,
        "number": saying.number, "cadence": saying.cadence, "parts": saying.parts, "said": saying.said,
        "size": saying.size, "address": address, "mark": mark, "fixer": saying.fixer, "arriving": saying.arriving, "author_said": saying.author_said, "moment": moment, "ago": _ago, "logo": logo,
        "pretty": pretty, "reason_text": reason_text, "span": saying.span, "when": saying.when, "hour": hour, "STANDINGS": STANDINGS, "bar": bar, "label": saying.words, "step_title": saying.step, "decimal": saying.amount,
    }  # fmt: skip
    return made


def page(template: str, *, code: int = 200, headers: dict[str, str] | None = None, **values: Any) -> Response[str]:
    """A whole page, or a part of one, in the language that is being spoken. Never kept by anybody on the way."""
    text = environment().get_template(template).render(**values)
    return Response(text, status_code=code, media_type=MediaType.HTML,
                    headers={"Cache-Control": "no-store", **(headers or {})})  # fmt: skip


def address(account: Account | str, *parts: object, **query: object) -> str:
    """The path of a page of an account; `query` without what is empty."""
    name = account if isinstance(account, str) else account.name
    path = "/".join(["/a", quote(name, safe=""), *(quote(str(part), safe="") for part in parts)])
    asked = "&".join(f"{key}={quote(str(value), safe='')}" for key, value in query.items() if value not in (None, ""))
    return f"{path}?{asked}" if asked else path


def mark(name: str) -> Markup:
    """The sign of a standing or of a step's outcome; its word stands beside it, so that it is hidden from readers."""
    return Markup('<svg class="mark" aria-hidden="true"><use href="/static/marks.svg#{}"></use></svg>').format(
        MARKS.get(name, "dot")
    )


def logo(connector: str) -> Markup:
    """The sign of a platform, with its name for readers."""
    kind = next((one for one in LOGOS if connector.startswith(one)), "files")
    return Markup('<svg class="logo logo-{0}" role="img" aria-label="{1}"><title>{1}</title>'
                  '<use href="/static/marks.svg#logo-{0}"></use></svg>').format(kind, connector)  # fmt: skip


def reason_text(code: str) -> str:
    """What a reason means, in a sentence."""
    return reasons.get(code).text.get(language()) if code in reasons.every() else code


def moment(at: datetime | None, zone: str, style: str = "long") -> Markup:
    """A time as people write it, in the account's zone."""
    if at is None:
        return Markup("–")
    form = {"long": "d MMM y, HH:mm", "day": "d MMM y", "exact": "d MMM y, HH:mm:ss", "hour": "HH:mm"}[style]
    text = format_datetime(at, form, tzinfo=get_timezone(zone), locale=language())
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), text)


def hour(at: datetime, zone: str) -> str:
    """The hour of a time that is near; with its day, where that is another one."""
    there, today = at.astimezone(ZoneInfo(zone)), utc_now().astimezone(ZoneInfo(zone))
    form = "HH:mm" if there.date() == today.date() else "d MMM, HH:mm"
    return format_datetime(at, form, tzinfo=get_timezone(zone), locale=language())


def _ago(at: datetime) -> str:
    return saying.ago(utc_now(), at)


def pretty(value: Any) -> str:
    """A value as JSON in lines, for whoever opens the eye."""
    return msgspec.json.format(msgspec.json.encode(saying.plain(value)), indent=2).decode()


def bar(counts: dict[str, int]) -> Iterator[tuple[str, float, float]]:
    """(standing, from, width) of the parts of a bar, in percent; nothing that is there is narrower than can be seen."""
    total = sum(counts.values())
    at = 0.0
    for name in STANDINGS:
        if counts.get(name):
            width = max(100.0 * counts[name] / total, 1.5)
            yield name, round(at, 2), round(width, 2)
            at += width


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False})


def article(text: str) -> Markup:
    """A help article, from our own Markdown."""
    return Markup(_markdown().render(text))  # noqa: S704 - our own text; raw HTML in it is not passed on
