"""Accidents on purpose: workers, the intake and PostgreSQL are killed, cables cut, disks filled and clocks set back while
two shops sell, and afterwards every order is looked for.

    python -m tests.chaos [--seed N] [--orders N] [--kills N] [--pg-kills N] [--minutes M] [--no-namespaces]
"""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
from pathlib import Path

from tests.chaos import hosts
from tests.chaos.plan import Plan, draw
from tests.chaos.running import Result, Run
from tests.chaos.scene import scene


def main(arguments: list[str]) -> int:
    """Run one; 0 if nothing was lost, nothing came twice, nothing is stuck and nothing is different."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return execute(asked.seed, asked.orders, asked.kills, asked.pg_kills, asked.minutes, not asked.no_namespaces)
    except KeyboardInterrupt:
        say("interrupted; everything that was started is ended")
        return 130


def execute(seed: int, orders: int, kills: int, pg_kills: int, minutes: float | None, namespaces: bool = True,
            workers: int = 3) -> int:  # fmt: skip
    """Draw the plan, carry it out, print what became of it."""
    missing = {"cut": hosts.why_no_namespaces() if namespaces else "--no-namespaces", "disk": hosts.why_no_disk(),
               "clock": "" if hosts.faketime() else "a wrong clock needs libfaketime (apt-get install faketime)"}  # fmt: skip
    for name, why in missing.items():
        if why:
            say(f"skipped: {name}: {why}")
    minutes = minutes or max(1.0, kills / 10, orders / 5000)
    plan = draw(seed, orders=orders, kills=kills, pg_kills=pg_kills, minutes=minutes, workers=workers,
                namespaces=not missing["cut"], disks=not missing["disk"], clocks=not missing["clock"])  # fmt: skip
    room = 0 if missing["disk"] else 1500 + orders // 30
    listed = {platform: share.listed for platform, share in plan.shops.items()}
    with scene(
        say, seed=seed, listed=listed, namespaces=int(not missing["cut"]), disk=room, history=plan.history
    ) as stage:
        run = Run(plan, stage)
        result = run.run(patience=180.0 + orders / 100)
        if not (good := show(plan, result)):
            tell(stage.folder)
    return 0 if good else 1


def tell(folder: Path) -> None:
    """The last lines of every program's log."""
    for log in sorted(folder.glob("*.log")):
        say(f"--- {log.name}")
        for line in log.read_text(errors="replace").splitlines()[-15:]:
            say("    " + line[:500])


def show(plan: Plan, result: Result) -> bool:
    """Print the figures; whether all is well."""
    found = result.found
    say("orders compared   " + ", ".join(f"{many:,} {where}" for where, many in found.compared.items()))
    for name in ("lost", "twice", "different", "stuck"):
        some = getattr(found, name)
        say(f"{name:<17} {len(some)}" + "".join(f"\n    {one}" for one in some[:20]))
    fell = "".join(f"\n    {one}" for one in result.fell)
    say(f"fell by itself    {len(result.fell)}{fell}")
    say("killed            " + ", ".join(f"{many} {name}" for name, many in sorted(result.kills.items())))
    say("accidents         " + ", ".join(f"{many} {name}" for name, many in sorted(result.accidents.items())))
    say("faults that struck " + ", ".join(f"{many} {name}" for name, many in sorted(result.struck.items())))
    say(f"refused by the CRM {len(found.refused)}, each held with what it said")
    say(f"sent again        {found.sent_again}, each known by the CRM")
    for how in ("killed", "cut off"):
        times = sorted(seconds for _, seconds, one in result.took if one == how)
        if times:
            say(f"taken over        {len(times)} times of {how}: median {statistics.median(times):.1f} s, "
                f"longest {times[-1]:.1f} s")  # fmt: skip
    say(
        f"duration          {result.seconds:.0f} s, at rest {result.quiet_after:.0f} s after the last accident; seed {plan.seed}"
    )
    return found.good and not result.fell


def say(text: str) -> None:
    """A line for whoever watches."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.chaos", description="Kill, cut off and fill up what a shop's sales go through, and look for "
        "every one of them afterwards. About a minute for each ten kills; with 100,000 orders and 200 kills half an hour.",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="which accidents (1); the same seed, the same plan")
    parser.add_argument("--orders", type=int, default=100_000, help="how many orders, about (100000)")
    parser.add_argument("--kills", type=int, default=200, help="SIGKILLs in all (200)")
    parser.add_argument("--pg-kills", type=int, default=20, help="those of them that meet PostgreSQL (20)")
    parser.add_argument("--minutes", type=float, help="how long the shop lives (one for each ten kills)")
    parser.add_argument("--no-namespaces", action="store_true", help="no other hosts: no cable is cut")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
