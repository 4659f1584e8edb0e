"""The documentation names everything there is, nothing that is not, and its generated parts are up to date."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from cuadra import connectors, reasons
from cuadra.faces.cli.commands import Named
from cuadra.faces.cli.main import app
from cuadra.pipeline.rules import Rules, flatten
from cuadra.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
READMES = [ROOT / "README.md", ROOT / "README.es.md"]
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
#: files besides docs that show commands
ARTICLES = sorted((ROOT / "src" / "cuadra" / "reasons" / "articles").rglob("*.md"))


def script(name: str) -> ModuleType:
    """A module of scripts/."""
    spec = importlib.util.spec_from_file_location(f"scripts_{name}", ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def headings(page: str) -> set[str]:
    return set(re.findall(r"^#+ (.+)$", (DOCS / page).read_text("utf-8"), re.MULTILINE))


def section(page: str, heading: str) -> str:
    text = (DOCS / page).read_text("utf-8")
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def commands() -> dict[str, Any]:
    """Every command with its sub-commands: «integration add» → command."""
    found: dict[str, Any] = {}

    def walk(command: Any, path: tuple[str, ...]) -> None:
        if isinstance(command, Named):
            command = command.loaded()
        inner = getattr(command, "commands", None)
        if inner is None:
            found[" ".join(path)] = command
            return
        for name, one in inner.items():
            walk(one, (*path, name))

    walk(typer.main.get_command(app), ())
    return found


COMMANDS = commands()
GROUPS = {name.split()[0] for name in COMMANDS if " " in name}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_its_heading_and_names_its_options(name: str) -> None:
    assert f"cuadra {name}" in headings("reference/commands.md")
    text = section("reference/commands.md", f"cuadra {name}")
    for parameter in COMMANDS[name].params:
        if parameter.param_type_name == "option" and parameter.name != "help":
            assert parameter.opts[0] in text, f"cuadra {name}: {parameter.opts[0]} is not described"


def test_no_heading_of_a_command_that_is_gone() -> None:
    named = {one.removeprefix("cuadra ") for one in headings("reference/commands.md") if one.startswith("cuadra ")}
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("variable", [item.metadata["variable"] for item in fields(Settings)])
def test_every_setting_has_its_heading(variable: str) -> None:
    assert variable in headings("reference/settings.md")


def test_every_environment_variable_of_the_source_is_described() -> None:
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "src" / "cuadra").rglob("*.py"))
    read = set(re.findall(r'"(CUADRA_[A-Z_]+)"', source))
    assert read <= headings("reference/settings.md")


@pytest.mark.parametrize("code", list(reasons.every()))
def test_every_reason_has_its_heading(code: str) -> None:
    assert code in headings("reference/reasons.md")


def test_the_page_of_reasons_is_what_the_catalogue_makes_of_it() -> None:
    made = script("write_reference").render()
    assert (DOCS / "reference" / "reasons.md").read_text("utf-8") == made, "run scripts/write_reference.py"


@pytest.mark.parametrize("name", connectors.NAMES)
def test_every_connector_has_its_heading_and_its_settings(name: str) -> None:
    assert connectors.get(name).info.name == name
    assert name in headings("reference/connectors.md")
    for spec in connectors.get(name).info.settings:
        assert f"`{spec.name}`" in section("reference/connectors.md", name)


@pytest.mark.parametrize("key", list(flatten(Rules())))
def test_every_rule_has_its_row(key: str) -> None:
    assert f"\n| `{key}` |" in (DOCS / "reference" / "rules.md").read_text("utf-8")


def slug(heading: str) -> str:
    """The anchor of a heading, as mkdocs makes it."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^(\s*)```.*?^\1```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"^[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), f"{page.name}: {target}"
        if anchor:
            names = re.findall(r"^#+ (.+)$", found.read_text("utf-8"), re.MULTILINE)
            assert anchor in {slug(name) for name in names}, f"{page.name}: {target}"


def said(text: str) -> Iterator[str]:
    """The commands that a page shows: after a prompt, or in code of a line."""
    yield from re.findall(r"^\s*\$ (?:[A-Z_]+=\S+ )*(?:.*\| )?(?:\.venv/bin/)?cuadra (.+)$", text, re.MULTILINE)
    yield from re.findall(r"`cuadra ([^`\n]+)`", text)


@pytest.mark.parametrize("page", [*PAGES, *ARTICLES], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_shown_exists(page: Path) -> None:
    for line in said(page.read_text("utf-8")):
        words = shlex.split(line.replace("…", ""), comments=True)
        if not words or words[0].startswith("-") or words[0].isupper() or words in ([group] for group in GROUPS):
            continue
        name = " ".join(words[:2]) if words[0] in GROUPS else words[0]
        assert name in COMMANDS, f"{page.name}: cuadra {line}"
        known = {option for one in COMMANDS[name].params for option in (*one.opts, *one.secondary_opts)}
        for word in re.findall(r"(?<=[\s(\[])--[a-z][a-z-]*", f" {line}"):
            assert word in known | {"--help"}, f"{page.name}: cuadra {line}"


def test_every_text_has_its_spanish() -> None:
    assert script("texts").problems() == [], "run scripts/texts.py extract, translate, compile"


def test_the_compiled_texts_are_those_written_down() -> None:
    texts = script("texts")
    assert texts.MO.read_bytes() == texts.compiled(), "run scripts/texts.py compile"


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_a_readme_shows_the_two_commands_and_a_real_picture(page: Path) -> None:
    text = page.read_text("utf-8")
    assert "$ make demo" in text
    assert "$ make test" in text
    pictures = re.findall(r"!\[[^\]]{30,}\]\(([^)]+)\)", text)
    assert len(pictures) >= 2
    assert text.index(pictures[0]) < text.index("make demo"), "one is seen first"
    for picture in pictures:
        drawn = (ROOT / picture).read_bytes()
        assert drawn.startswith(b"\x89PNG")
        width, height = int.from_bytes(drawn[16:20], "big"), int.from_bytes(drawn[20:24], "big")
        assert width >= 1000
        assert height >= 600
        assert len(drawn) > 20_000, "not an empty page"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_runs_off_its_fences(page: Path) -> None:
    assert len(re.findall(r"^\s*```", page.read_text("utf-8"), re.MULTILINE)) % 2 == 0
