"""A CRM that lives until it is told to end, by SIGTERM or Ctrl+C.

python -m cuadra_simulators.crm --secret whsec_… [--port P] [--token T] [--seed S]

`POST /_control` changes what goes wrong, `GET /_truth` says what it really holds; neither asks for anything.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable

from cuadra_simulators.crm.crm import Crm


def main(arguments: list[str], *, stop: threading.Event | None = None, say: Callable[[str], object] = print) -> int:
    """Open the CRM, say where it is, and let it live until `stop` or an interruption."""
    asked = _parser().parse_args(arguments)
    stop = stop or threading.Event()
    with Crm(asked.secret, token=asked.token, seed=asked.seed, port=asked.port, control=True) as crm:
        say(crm.url)
        sys.stdout.flush()  # whoever started it may be reading a pipe
        try:
            stop.wait()
        except KeyboardInterrupt:
            say("")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m cuadra_simulators.crm", description="A CRM on loopback.")
    parser.add_argument("--port", type=int, default=0, help="where it listens (0: any)")
    parser.add_argument("--secret", required=True, help="whsec_ and base64: what deliveries are signed with")
    parser.add_argument("--token", default="", help="what readers show as Bearer token (none is asked for)")
    parser.add_argument("--seed", type=int, default=1, help="which chances its faults take (1)")
    return parser


def _until_terminated() -> threading.Event:
    """Set when the program is asked to end."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], stop=_until_terminated()))
