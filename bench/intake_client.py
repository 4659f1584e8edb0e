"""Sends notices over many keep-alive connections, each the next one when the last was answered; prints what came back.

    python -m bench.intake_client PORT CONNECTIONS NOTICES FILE

FILE holds whole requests, each behind its length. One thread and epoll: whatever the sender costs, the server lacks.
"""

from __future__ import annotations

import json
import re
import select
import socket
import struct
import sys
import time
from collections import Counter
from pathlib import Path

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def requests_of(path: Path) -> list[bytes]:
    """The requests of a file."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def whole(answer: bytes) -> bool:
    """Whether an answer is there to its end."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return False
    length = _LENGTH.search(head)
    return length is not None and len(body) >= int(length[1])


def send(port: int, connections: int, many: int, requests: list[bytes]) -> dict[str, object]:
    """Send `many`, and say how it went: statuses, seconds, milliseconds until the answer."""
    poll = select.epoll()
    sockets: dict[int, socket.socket] = {}
    began: dict[int, float] = {}
    answers: dict[int, bytes] = {}
    for _ in range(connections):
        one = socket.create_connection(("127.0.0.1", port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[one.fileno()] = one
        answers[one.fileno()] = b""
        poll.register(one.fileno(), select.EPOLLIN)
    waits: list[float] = []
    statuses: Counter[str] = Counter()
    sent, clock, kinds = 0, time.perf_counter, len(requests)
    start = clock()
    for number, one in sockets.items():
        began[number] = clock()
        one.sendall(requests[sent % kinds])
        sent += 1
    while len(waits) < many:
        for number, _event in poll.poll():
            one = sockets[number]
            answer = answers[number] + one.recv(65536)
            if not answer:
                raise ConnectionError("the server closed a connection")
            if not whole(answer):
                answers[number] = answer
                continue
            now = clock()
            waits.append(now - began[number])
            statuses[answer[9:12].decode()] += 1
            answers[number] = b""
            if sent < many:
                began[number] = now
                one.sendall(requests[sent % kinds])
                sent += 1
    seconds = clock() - start
    waits.sort()
    return {"seconds": seconds, "statuses": dict(statuses), "p50_ms": 1000 * waits[len(waits) // 2],
            "p99_ms": 1000 * waits[int(len(waits) * 0.99)], "cpu": time.process_time()}  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(send(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), requests_of(Path(sys.argv[4])))))
