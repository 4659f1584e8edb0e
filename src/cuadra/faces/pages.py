"""`python -m cuadra.faces.pages HOST PORT [PARENT]`: the pages; with the number of a process, until that one ends."""

from __future__ import annotations

import sys

from cuadra.faces import server
from cuadra.faces.ending import end_with


def main() -> None:
    """Listen; everything else is the environment's."""
    host, port = sys.argv[1], int(sys.argv[2])
    if len(sys.argv) > 3:  # by whom it was started: said, for he may have died before this is asked
        end_with(int(sys.argv[3]))
    server.serve(host, port, lambda: None, server.PAGES, stop_seconds=server.PAGES_STOP_SECONDS)


if __name__ == "__main__":
    main()
