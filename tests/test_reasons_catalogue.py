"""The catalogue of reasons holds together: its entries, its help articles, and the commands these name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from cuadra import reasons
from cuadra.errors import InputError, NotFound
from cuadra.pipeline.rules import Rules, flatten

CODES = sorted(reasons.every())
LANGS = ("en", "es")
RULE_KEYS = set(flatten(Rules()))
ARTICLES = Path(reasons.__file__).parent / "articles"
WITH_ARTICLE = sorted(file.stem for file in (ARTICLES / "en").glob("*.md"))

HEADINGS = {
    "en": ["What happened", "The proof", "Who fixes it", "What to do", "Afterwards"],
    "es": ["Qué pasó", "La prueba", "Quién lo resuelve", "Qué hacer", "Después"],
}

# What an article may tell people to type; placeholders are in the language of the article.
COMMANDS = {
    "en": {
        "cuadra why NUMBER",
        "cuadra history",
        "cuadra rules show NAME",
        "cuadra rules set NAME KEY VALUE",
        "cuadra rules history NAME",
        "cuadra import NAME",
        "cuadra integration show NAME",
        "cuadra integration pause NAME",
        "cuadra integration remove NAME",
        "cuadra integration resume NAME",
        "cuadra integration activate NAME",
        "cuadra product list",
        "cuadra product link",
        "cuadra product activate",
        "cuadra customer list",
        "cuadra customer merge",
        "cuadra customer keep-apart",
        "cuadra customer unmerge",
        "cuadra files check FOLDER",
        "cuadra reasons CODE",
        "cuadra write-off NUMBER",
        "cuadra apply-after-freeze NUMBER",
        "cuadra export orders",
        "cuadra person export",
        "cuadra person erase",
        "cuadra doctor",
        "cuadra intake refused",
        "cuadra rate set",
        "cuadra rate list",
        "cuadra integration set NAME",
        "cuadra integration test NAME",
        "cuadra integration webhooks NAME",
        "cuadra relink NUMBER",
        "cuadra census NAME",
        "cuadra write-back list",
        "cuadra destination show NAME",
        "cuadra destination held NAME",
        "cuadra destination release NAME",
        "cuadra destination release NAME NUMBER",
    }
}
PLACEHOLDERS = {
    "NUMBER": "NÚMERO",
    "NAME": "NOMBRE",
    "KEY": "CLAVE",
    "VALUE": "VALOR",
    "FOLDER": "CARPETA",
    "CODE": "CÓDIGO",
}
COMMANDS["es"] = {" ".join(PLACEHOLDERS.get(word, word) for word in command.split()) for command in COMMANDS["en"]}

SAMPLE = """
[some_code]
group = "A"
subject = "order"
kind = "held"
turns_failed = false
fixed_by = "merchant"
retry = "event"
event = "source_change"
evidence = ["lines"]
text.en = "A sentence."
text.es = "Una frase."
action.en = "A sentence."
action.es = "Una frase."
"""


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def shape(command: str) -> list[str]:
    """What both languages must share of a command: its words in lower case."""
    return [word for word in command.split() if word == word.lower()]


@pytest.mark.parametrize("code", CODES)
def test_every_entry_is_complete(code: str) -> None:
    reason = reasons.every()[code]
    assert reason.code == code
    assert reason.subject in get_args(reasons.Subject)
    assert reason.kind in get_args(reasons.Kind)
    assert reason.fixed_by in get_args(reasons.FixedBy)
    assert reason.retry in get_args(reasons.Retry)
    assert (reason.event is not None) == (reason.retry == "event")
    assert reason.evidence or reason.kind == "difference"
    for lang in LANGS:
        text, action = reason.text.get(lang), reason.action.get(lang)
        assert 10 < len(text) <= 90
        assert text.endswith(".")
        assert ". " not in text, "one sentence"
        assert action.endswith(".")
        assert ". " not in action, "one sentence"
    assert reason.text.en != reason.text.es
    assert reason.action.en != reason.action.es


def test_no_two_reasons_say_the_same() -> None:
    for lang in LANGS:
        texts = [reason.text.get(lang) for reason in reasons.every().values()]
        assert len(set(texts)) == len(texts)


def test_entries_stand_in_the_order_of_their_groups() -> None:
    groups = [reason.group for reason in reasons.every().values()]
    assert groups == sorted(groups)
    assert set(groups) == set("ABCDEFGHIJKLMNO")


def test_texts_keep_to_the_vocabulary() -> None:
    for reason in reasons.every().values():
        for text in (reason.text, reason.action):
            assert not re.search(r"\bconnections?\b", text.en, re.IGNORECASE), reason.code
            assert not re.search(r"\b(conexi[óo]n(es)?|usted|tú|tus?|vos)\b", text.es, re.IGNORECASE), reason.code


def test_an_unknown_code_names_the_nearest() -> None:
    with pytest.raises(NotFound, match="product_not_found"):
        reasons.get("product_notfound")
    with pytest.raises(NotFound, match="no reason «zzzzzz»"):
        reasons.get("zzzzzz")
    with pytest.raises(NotFound):
        reasons.article("../../errors", "en")


def test_a_reason_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        reasons.every()["new_code"] = reasons.get("never_paid")  # type: ignore[index]
    with pytest.raises(AttributeError):
        reasons.get("never_paid").kind = "failed"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("lang", "expected"), [("es", "es"), ("es_AR", "es"), ("ES-mx", "es"), ("en", "en"), ("et", "en"), ("", "en")]
)
def test_any_spanish_gives_spanish_and_the_rest_english(lang: str, expected: str) -> None:
    reason = reasons.get("never_paid")
    assert reason.text.get(lang) == getattr(reason.text, expected)
    assert reasons.article("never_paid", lang) == reasons.article("never_paid", expected)


def test_the_sample_is_sound() -> None:
    assert reasons._load(SAMPLE)["some_code"].event == "source_change"


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('kind = "held"', 'kind = "helt"', "kind"),
        ('subject = "order"', 'subject = "orders"', "subject"),
        ('subject = "order"', 'subject = "difference"', "subject"),
        ('fixed_by = "merchant"', 'fixed_by = "nobody"', "fixed_by"),
        ('retry = "event"', 'retry = "later"', "retry"),
        ('retry = "event"', 'retry = "fix"', "event"),
        ('event = "source_change"', 'event = "Source change"', "event"),
        ('group = "A"', 'group = "Z"', "group"),
        ("turns_failed = false", "turns_failed = true", "turns_failed"),
        ('evidence = ["lines"]', "evidence = []", "evidence"),
        ('evidence = ["lines"]', 'evidence = ["two words"]', "evidence"),
        ('evidence = ["lines"]', 'evidence = ["lines", "lines"]', "evidence"),
        ('text.es = "Una frase."', "", "text"),
        ('text.en = "A sentence."', 'text.en = "A sentence"', "text.en"),
        ('text.es = "Una frase."', f'text.es = "{"a" * 90}."', "text.es"),
        ('action.en = "A sentence."', 'action.en = ""', "action.en"),
        ('group = "A"', 'group = "A"\ncolour = "red"', "colour"),
    ],
)
def test_a_malformed_catalogue_names_code_and_field(old: str, new: str, field: str) -> None:
    assert old in SAMPLE
    with pytest.raises(InputError) as caught:
        reasons._load(SAMPLE.replace(old, new))
    assert "some_code" in str(caught.value)
    assert field in str(caught.value)


def test_a_malformed_code_or_file_is_named() -> None:
    with pytest.raises(InputError, match="Some-Code"):
        reasons._load(SAMPLE.replace("some_code", "Some-Code"))
    with pytest.raises(InputError, match="some_code"):
        reasons._load("some_code = 1")
    with pytest.raises(InputError, match="not TOML"):
        reasons._load("[some_code")


def test_articles_come_in_pairs() -> None:
    assert WITH_ARTICLE
    assert sorted(file.stem for file in (ARTICLES / "es").glob("*.md")) == WITH_ARTICLE
    assert set(WITH_ARTICLE) <= set(CODES)
    assert {entry.name for entry in ARTICLES.iterdir()} == set(LANGS)


def test_a_reason_without_an_article_says_so() -> None:
    for code in set(CODES) - set(WITH_ARTICLE):
        assert reasons.article(code, "en") is None
        assert reasons.article(code, "es") is None


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("code", WITH_ARTICLE)
def test_an_article_has_its_parts(code: str, lang: str) -> None:
    text = reasons.article(code, lang)
    assert text is not None
    title, opening = text.split("\n\n")[:2]
    assert title.startswith("# ")
    assert "_" not in title, "a title for people"
    assert f"`{code}`" in opening
    parts = sections(text)
    assert list(parts) == HEADINGS[lang]
    assert all(parts.values())
    assert 120 <= len(text.split()) <= 220
    happened, proof, _, steps, _ = parts.values()
    assert happened
    assert set(reasons.get(code).evidence) == set(quoted(proof)), "every piece of evidence, and nothing else"
    numbers = [int(number) for number in re.findall(r"^(\d)\. ", steps, flags=re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 2


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("code", WITH_ARTICLE)
def test_an_article_names_only_what_exists(code: str, lang: str) -> None:
    text = reasons.article(code, lang)
    assert text is not None
    known = reasons.every().keys() | set(reasons.get(code).evidence) | RULE_KEYS
    for name in quoted(text):
        if name.startswith("cuadra "):
            assert name in COMMANDS[lang]
        else:
            assert name in known
    outside = re.sub(r"`[^`]+`", "", text)
    assert "cuadra " not in outside, "commands are quoted"
    assert not re.search(r"[a-z]_[a-z]", outside), "codes are quoted"


@pytest.mark.parametrize("code", WITH_ARTICLE)
def test_both_languages_name_the_same_things(code: str) -> None:
    named = {lang: [shape(name) for name in quoted(reasons.article(code, lang) or "")] for lang in LANGS}
    assert sorted(named["en"]) == sorted(named["es"])


@pytest.mark.parametrize("code", WITH_ARTICLE)
def test_articles_keep_to_the_vocabulary(code: str) -> None:
    english, spanish = (reasons.article(code, lang) or "" for lang in LANGS)
    assert not re.search(r"\b(connections?|buttons?|screens?|click)\b", english, re.IGNORECASE)
    assert not re.search(r"\b(conexi[óo]n(es)?|bot[óo]n(es)?|pantallas?|clics?)\b", spanish, re.IGNORECASE)
    assert not re.search(r"\b(usted|tú|tus?|vos)\b", spanish, re.IGNORECASE)
    assert not re.search(r"(?<!contact\s)(?<!sales\s)\bchannels?\b(?!`)", english, re.IGNORECASE)
