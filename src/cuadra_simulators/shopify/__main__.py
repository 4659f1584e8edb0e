"""A shop that lives until it is interrupted.

python -m cuadra_simulators.shopify [--port P] [--seed S] [--orders N] [--country MX|ES|AR|CO] [--pace SECONDS]
    [--app custom|admin|public] [--plan PLAN] [--fault KIND=RATE ...] [--diary FILE] [--place FILE] [--idle SECONDS]
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
from collections.abc import Callable
from dataclasses import replace

from cuadra_simulators.program import Busy, parser, tell_place, until_terminated
from cuadra_simulators.shopify.diary import Diary, Kept
from cuadra_simulators.shopify.faults import KINDS
from cuadra_simulators.shopify.settings import COUNTRIES, PLANS
from cuadra_simulators.shopify.shop import Shop


def main(arguments: list[str], *, stop: threading.Event | None = None, say: Callable[[str], object] = print) -> int:
    """Open the shop, say where it is, and let it live until `stop` or an interruption."""
    asked = _parser().parse_args(arguments)
    stop = stop or threading.Event()
    try:
        diary = Diary(asked.diary, seed=asked.seed, orders=asked.orders, country=asked.country) if asked.diary else None
    except Kept as kept:
        say(str(kept))
        return 1
    shop = _shop(asked, diary)
    for kind, rate in asked.fault:
        shop.faults.add(kind, rate=rate, seconds=30)
    pauses = random.Random(f"pauses {asked.seed}")
    with shop:
        _introduce(shop, say)
        if asked.place:
            tell_place(asked.place, place(shop))
        shop.cron.start()
        busy = Busy(lambda: _seen(shop), asked.idle)
        try:
            while not stop.wait(asked.pace * pauses.expovariate(1)) and not busy.over():
                event = shop.life.step() if diary is None else diary.step(shop)
                say(f"{event.act:<16} {event.order_id or ''}")
        except KeyboardInterrupt:
            say("")
        calls = "\n".join(f"{count:>7}  {route}" for route, count in shop.calls.most_common())
        say(calls or "nobody asked for anything")
    if diary is not None:
        diary.close()
    return 0


def place(shop: Shop) -> dict[str, str]:
    """Where a shop is, and the keys of its app."""
    return {
        "url": shop.url, "domain": shop.domain, "token": shop.token, "client_id": shop.app.client_id,
        "client_secret": shop.app.client_secret,
    }  # fmt: skip


def _shop(asked: argparse.Namespace, diary: Diary | None) -> Shop:
    opening = vars(asked) if diary is None else {**vars(asked), **diary.opening}
    settings = replace(COUNTRIES[opening["country"]], bulk_seconds=asked.bulk, plan=asked.plan)
    shop = Shop(
        opening["seed"], orders=opening["orders"], customers=max(20, opening["orders"] // 5), settings=settings,
        clock=Diary.clock(diary), port=asked.port, kind=asked.app,
    )  # fmt: skip
    if diary is not None:
        diary.relive(shop)
    return shop


def _seen(shop: Shop) -> tuple[int, int]:
    """Requests so far, and when a webhook was last taken."""
    return sum(shop.calls.values()), max((it.at for it in shop.deliveries if it.ok), default=0)


def _introduce(shop: Shop, say: Callable[[str], object]) -> None:
    say(f"{shop.settings.name}: {shop.url} ({shop.domain})")
    say(f"  token           {shop.token}")
    say(f"  client          {shop.app.client_id}  {shop.app.client_secret}")
    say(f"  {len(shop.world.orders)} orders, {len(shop.world.products)} products. Ctrl+C ends it.")


def _parser() -> argparse.ArgumentParser:
    made = parser("cuadra_simulators.shopify", "A Shopify store on loopback.", 8081, KINDS)
    made.add_argument("--country", choices=COUNTRIES, default="MX", help="money, taxes and time zone (MX)")
    made.add_argument("--bulk", type=int, default=5, help="seconds that a bulk operation takes (5)")
    made.add_argument("--app", choices=("custom", "admin", "public"), default="custom", help="kind of app (custom)")
    made.add_argument("--plan", choices=PLANS, default="grow", help="the shop's plan (grow)")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], stop=until_terminated()))
