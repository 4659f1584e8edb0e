"""One page a module: what it needs, and where it answers. `PAGES` is the only list of them."""

from __future__ import annotations

from cuadra.faces.web.pages import asking, history, home, order, reasons, runs

PAGES = (home, asking, history, order, runs, reasons)
