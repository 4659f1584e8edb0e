"""A shop that lives until it is interrupted.

python -m cuadra_simulators.woocommerce [--port P] [--seed S] [--orders N] [--country AR|CO|ES] [--pace SECONDS]
    [--tls] [--proxied] [--fault KIND=RATE ...] [--diary FILE] [--place FILE] [--idle SECONDS]
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
from collections.abc import Callable
from dataclasses import replace

from cuadra_simulators.program import Busy, parser, tell_place, until_terminated
from cuadra_simulators.woocommerce.clock import Clock
from cuadra_simulators.woocommerce.diary import Diary, Kept
from cuadra_simulators.woocommerce.faults import KINDS
from cuadra_simulators.woocommerce.settings import ARGENTINA, COLOMBIA, MADRID
from cuadra_simulators.woocommerce.shop import Shop

COUNTRIES = {"AR": ARGENTINA, "CO": COLOMBIA, "ES": MADRID}


def main(arguments: list[str], *, stop: threading.Event | None = None, say: Callable[[str], object] = print) -> int:
    """Open the shop, say where it is, and let it live until `stop` or an interruption."""
    asked = _parser().parse_args(arguments)
    stop = stop or threading.Event()
    try:
        diary = _diary(asked)
    except Kept as kept:
        say(str(kept))
        return 1
    shop = _shop(asked, diary)
    for kind, rate in asked.fault:
        shop.faults.add(kind, rate=rate, seconds=30)
    pauses = random.Random(f"pauses {asked.seed}")
    with shop:
        _introduce(shop, say, proxied=asked.proxied)
        if asked.place:
            keys = {"key": shop.key.consumer_key, "secret": shop.key.consumer_secret}
            tell_place(asked.place, {"url": shop.url, **keys})
        shop.cron.start()
        busy = Busy(lambda: _seen(shop), asked.idle)
        try:
            while not stop.wait(asked.pace * pauses.expovariate(1)) and not busy.over():
                event = shop.life.step() if diary is None else diary.step(shop)
                say(f"{event.act:<16} {event.order_id or ''}")
        except KeyboardInterrupt:
            say("")
        say(
            "\n".join(f"{count:>7}  {route}" for route, count in shop.calls.most_common())
            or "nobody asked for anything"
        )
    if diary is not None:
        diary.close()
    return 0


def _diary(asked: argparse.Namespace) -> Diary | None:
    """The diary, which says what the shop opened with when it opened first."""
    if asked.diary is None:
        return None
    diary = Diary(asked.diary, seed=asked.seed, orders=asked.orders, country=asked.country)
    asked.seed, asked.orders, asked.country = (diary.opening[name] for name in ("seed", "orders", "country"))
    return diary


def _shop(asked: argparse.Namespace, diary: Diary | None) -> Shop:
    settings = replace(COUNTRIES[asked.country], queue_seconds=asked.queue, system_cron_seconds=1)
    shop = Shop(
        asked.seed, orders=asked.orders, customers=max(20, asked.orders // 5), settings=settings,
        clock=Clock(running=True) if diary is None else Clock(diary.opened), port=asked.port, tls=asked.tls,
        secure=asked.proxied,
    )  # fmt: skip
    if diary is not None:
        diary.relive(shop)
    return shop


def _seen(shop: Shop) -> tuple[int, int]:
    """Requests so far, and when a webhook was last taken."""
    return sum(shop.calls.values()), max((it.at for it in list(shop.dispatcher.sent) if it.ok), default=0)


def _introduce(shop: Shop, say: Callable[[str], object], *, proxied: bool) -> None:
    trusted = shop.url.startswith("https") or proxied
    how = "Basic authentication" if trusted else "requests signed by OAuth 1.0a"
    say(f"{shop.settings.name}: {shop.url} ({how})")
    for name, key in (("read and write", shop.key), ("read only", shop.read_key)):
        say(f"  {name:<15} {key.consumer_key}  {key.consumer_secret}")
    if shop.ca:
        say(f"  certificate     {shop.ca}")
    say(f"  {len(shop.world.orders)} orders, {len(shop.world.products)} products. Ctrl+C ends it.")


def _parser() -> argparse.ArgumentParser:
    made = parser("cuadra_simulators.woocommerce", "A WooCommerce shop on loopback.", 8080, KINDS)
    made.add_argument("--country", choices=COUNTRIES, default="AR", help="pesos with or without cents, or euros (AR)")
    made.add_argument(
        "--queue", type=int, default=5, help="seconds between runs of the webhook queue (5; real ones: 60)"
    )
    made.add_argument("--tls", action="store_true", help="listen with a self-signed certificate")
    made.add_argument("--proxied", action="store_true", help="plain HTTP that the shop takes for TLS")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], stop=until_terminated()))
