"""`python -m cuadra.faces.pages HOST PORT`: the pages, until the program that started them ends."""

from __future__ import annotations

import os
import sys
import threading

from cuadra.faces import server
from cuadra.faces.ending import end_with


def main() -> None:
    """Listen; everything else is the environment's."""
    host, port = sys.argv[1], int(sys.argv[2])
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    server.serve(host, port, lambda: None, server.PAGES)


if __name__ == "__main__":
    main()
