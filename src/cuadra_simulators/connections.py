"""Ways to end a connection that servers do not have."""

from __future__ import annotations

import struct
from contextlib import suppress
from socket import SHUT_RD, SO_LINGER, SOL_SOCKET, socket


def break_off(connection: socket | None) -> None:
    """Close so that the other side sees a reset, not an end."""
    if connection is not None:
        connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):  # the other side may have gone
            connection.shutdown(SHUT_RD)  # nobody waits for the next request of a connection that is kept alive
        connection.close()
