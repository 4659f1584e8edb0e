"""Other hosts on this machine: network namespaces with a cable that can be cut, and a disk that can be full. Root only."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CLONE_NEWNET = 0x40000000
NOBODY = "02:00:00:00:00:01"
FAKETIME = "faketime/libfaketimeMT.so.1"


def why_no_namespaces() -> str:
    """Empty where there can be some."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    return "" if shutil.which("ip") else "network namespaces need iproute2"


def why_no_disk() -> str:
    """Empty where a small disk can be mounted."""
    return "" if os.geteuid() == 0 else "a disk that can be full needs root (tmpfs)"


def faketime() -> Path | None:
    """The library that tells a program a wrong time, where it is installed."""
    folders = [Path("/usr/lib"), Path("/usr/local/lib"), *Path("/usr/lib").glob("*-linux-gnu")]
    return next((folder / FAKETIME for folder in folders if (folder / FAKETIME).exists()), None)


class Host:
    """A namespace at the end of a cable. `gate` is this machine's address on it."""

    def __init__(self, number: int) -> None:
        tag, self.cut_off = f"{os.getpid() % 100_000:x}{number}", False
        self.name, self._near, self._far = f"cuadra{tag}", f"cn{tag}", f"cf{tag}"
        block = (os.getpid() * 8 + number) % (62 * 250)
        net, low = 1 + block // 62, 4 * (block % 62)
        self.gate, self.address = f"10.213.{net}.{low + 1}", f"10.213.{net}.{low + 2}"
        self._forwarder: _Forwarder | None = None

    def open(self) -> None:
        """Make it, and its cable."""
        _do("ip", "netns", "add", self.name)
        _do("ip", "link", "add", self._near, "type", "veth", "peer", "name", self._far)
        _do("ip", "link", "set", self._far, "netns", self.name)
        _do("ip", "addr", "add", f"{self.gate}/30", "dev", self._near)
        _do("ip", "link", "set", self._near, "up")
        for words in (("addr", "add", f"{self.address}/30", "dev", self._far), ("link", "set", self._far, "up"),
                      ("link", "set", "lo", "up")):  # fmt: skip
            _do("ip", "-n", self.name, *words)

    def forward(self, *ports: int) -> None:
        """Shops and CRMs at this machine's loopback are reached there too: not over the cable that is cut."""
        self._forwarder = _Forwarder(self._listening(ports))

    def _listening(self, ports: tuple[int, ...]) -> list[socket.socket]:
        """Sockets of the namespace; a thread goes there to make them, for a namespace is each thread's own."""
        made: list[socket.socket] = []

        def make() -> None:
            inside = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(inside, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(inside)
            made.extend(socket.create_server(("127.0.0.1", port)) for port in ports)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if len(made) != len(ports):
            raise OSError("no sockets in the namespace")
        return made

    def cut(self) -> None:
        """Nothing arrives any more, on either side, and nobody is told: what is sent goes to a card that nobody has. (A
        queue that drops would tell the sender, whose kernel then does not count its keepalives as unanswered.)"""
        for words in self._ways():
            _do(
                "ip", *words[:-1], "neigh", "replace", words[-1], "lladdr", NOBODY, "nud", "permanent", *self._on(words)
            )
        self.cut_off = True

    def mend(self) -> None:
        """Everything arrives again."""
        if self.cut_off:
            for words in self._ways():
                _do("ip", *words[:-1], "neigh", "del", words[-1], *self._on(words))
            self.cut_off = False

    def _ways(self) -> tuple[tuple[str, ...], ...]:
        """Where a side is, and whom it sends to."""
        return (self.address,), ("-n", self.name, self.gate)

    def _on(self, words: tuple[str, ...]) -> tuple[str, str]:
        return "dev", self._near if len(words) == 1 else self._far

    def close(self) -> None:
        """Remove it."""
        if self._forwarder is not None:
            self._forwarder.close()
        for words in (("netns", "del", self.name), ("link", "del", self._near)):
            with suppress(subprocess.CalledProcessError):
                _do("ip", *words)


class _Forwarder:
    """Passes on what comes to some sockets to the same ports of this machine's loopback."""

    def __init__(self, listening: list[socket.socket]) -> None:
        self._loop = asyncio.new_event_loop()
        self._listening = listening
        self._thread = threading.Thread(target=self._run, name="forward", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        for one in self._listening:
            port = one.getsockname()[1]
            self._loop.run_until_complete(asyncio.start_server(lambda r, w, port=port: _pass(r, w, port), sock=one))
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        for one in self._listening:
            one.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    try:
        there, back = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.transport.abort()
        return
    with suppress(asyncio.CancelledError):
        await asyncio.gather(_pump(reader, back), _pump(there, writer))


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        target.close()
    except (OSError, asyncio.CancelledError):
        target.transport.abort()


@contextmanager
def hosts(many: int) -> Iterator[list[Host]]:
    """Some, until the end of the block."""
    made = [Host(number) for number in range(many)]
    try:
        for one in made:
            one.open()
        yield made
    finally:
        for one in made:
            one.close()


class Disk:
    """A file system in memory, for PostgreSQL's data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Not one byte is free any more."""
        with self._ballast.open("ab") as file, suppress(OSError):
            block = bytes(1 << 20)
            while True:
                file.write(block)
                file.flush()

    def free(self) -> None:
        """There is room again."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """Mounted until the end of the block."""
    folder.mkdir()
    _do("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(folder))
    try:
        yield Disk(folder)
    finally:
        _do("umount", "-l", str(folder))


def _do(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
