"""Draws the pictures of the READMEs: the real commands, run against a throw-away home with the demo shop.

.venv/bin/python scripts/pictures.py                    docs/images/demo.svg and why.svg
CUADRA_LANG=es .venv/bin/python scripts/pictures.py     docs/images/demo.es.svg and why.es.svg
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from cuadra.db import embedded
from cuadra.texts import language

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
CUADRA = Path(sys.executable).parent / "cuadra"
WIDTH = 104

#: without the web fonts that Rich would fetch: a picture asks nobody for anything
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def run(home: Path, *words: str) -> str:
    """What a command prints, colours included."""
    environment = {
        **os.environ, "CUADRA_HOME": str(home), "CUADRA_LANG": language(), "COLUMNS": str(WIDTH), "FORCE_COLOR": "1",
        "TERM": "xterm-256color", "CUADRA_AUTHOR": "ana",
    }  # fmt: skip
    environment.pop("CUADRA_DATABASE_URL", None)
    environment.pop("CUADRA_ACCOUNT", None)
    done = subprocess.run([CUADRA, *words], env=environment, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise SystemExit(f"cuadra {' '.join(words)}: {done.stderr}")
    return done.stdout


def draw(name: str, command: str, output: str) -> None:
    """One picture: the prompt, and what the command printed."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "bright_black"), (command, "bold")))
    console.print(Text.from_ansi(output.rstrip("\n")))
    suffix = "" if language() == "en" else f".{language()}"
    target = IMAGES / f"{name}{suffix}.svg"
    target.write_text(console.export_svg(title="cuadra", code_format=FORMAT, unique_id=f"cuadra-{name}"), "utf-8")
    print(target.relative_to(ROOT))


def main() -> None:
    """Make the shop, ask, draw, and leave nothing."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="cuadra-pictures-"))
    try:
        draw("demo", "cuadra demo", run(home, "demo"))
        draw("why", "cuadra why '#1310'", run(home, "why", "#1310"))
    finally:
        data = embedded.data_folder(home)
        embedded.stop(home)
        shutil.rmtree(home, ignore_errors=True)
        if not data.is_relative_to(home):  # as root the data lies under a system path
            shutil.rmtree(data.parent.parent, ignore_errors=True)


if __name__ == "__main__":
    main()
