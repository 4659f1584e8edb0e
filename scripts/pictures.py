"""Draws the pictures of the READMEs, in both languages: the real commands and the real pages, of a throw-away home with the
demo's shops.

    .venv/bin/python scripts/pictures.py        docs/images: home, order (pages), why (a command), each with .es
"""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from cuadra.db import embedded

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
CUADRA = Path(sys.executable).parent / "cuadra"
WIDTH = 104
SCREEN = {"width": 1200, "height": 860}

#: without the web fonts that Rich would fetch: a picture asks nobody for anything
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def environment(home: Path, lang: str) -> dict[str, str]:
    """A throw-away home, whatever the caller's own settings are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CUADRA_")}
    return {**kept, "CUADRA_HOME": str(home), "CUADRA_LANG": lang, "COLUMNS": str(WIDTH), "FORCE_COLOR": "1",
            "TERM": "xterm-256color", "CUADRA_AUTHOR": "ana"}  # fmt: skip


def run(home: Path, lang: str, *words: str) -> str:
    """What a command prints, colours included."""
    done = subprocess.run([CUADRA, *words], env=environment(home, lang), capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise SystemExit(f"cuadra {' '.join(words)}: {done.stderr}")
    return done.stdout


def target(name: str, lang: str, kind: str) -> Path:
    """Where a picture goes."""
    found = IMAGES / f"{name}{'' if lang == 'en' else f'.{lang}'}.{kind}"
    print(found.relative_to(ROOT))
    return found


def draw(name: str, lang: str, command: str, output: str) -> None:
    """A picture of a command: the prompt, and what it printed."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "bright_black"), (command, "bold")))
    console.print(Text.from_ansi(output.rstrip("\n")))
    drawn = console.export_svg(title="cuadra", code_format=FORMAT, unique_id=f"cuadra-{name}")
    target(name, lang, "svg").write_text(drawn, "utf-8")


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The pages, with a worker at work."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        intake, web = (f"127.0.0.1:{trial.getsockname()[1]}" for trial in (one, other))
    process = subprocess.Popen([CUADRA, "serve", "--intake", intake, "--web", web], env=environment(home, "en"),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        for _ in range(600):
            try:
                httpx.get(f"http://{web}/health").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield f"http://{web}"
    finally:
        process.terminate()
        process.wait(90)


def photograph(base: str) -> None:
    """The pages: where one asks, and the answer."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        for lang in ("en", "es"):
            page = browser.new_context(viewport=SCREEN, locale=lang, base_url=base).new_page()
            for name, path in (("home", "/a/demo"), ("order", "/a/demo/ask?q=%231310")):
                page.goto(path)
                page.evaluate("document.activeElement.blur()")
                page.screenshot(path=target(name, lang, "png"))
        browser.close()


def main() -> None:
    """Make the shops, ask, draw, and leave nothing."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="cuadra-pictures-"))
    try:
        for lang in ("en", "es"):
            run(home, lang, "demo", "--once")
            draw("why", lang, "cuadra why '#1310'", run(home, lang, "why", "#1310"))
        with served(home) as base:
            photograph(base)
    finally:
        data = embedded.data_folder(home)
        embedded.stop(home)
        shutil.rmtree(home, ignore_errors=True)
        if not data.is_relative_to(home):  # as root the data lies under a system path
            shutil.rmtree(data.parent.parent, ignore_errors=True)


if __name__ == "__main__":
    main()
