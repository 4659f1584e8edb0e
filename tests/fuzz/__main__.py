"""`python -m tests.fuzz N`: that many hostile inputs into every reader, with fixed seeds, on several cores.

The same numbers and the same seed give the same inputs; `--only NUMBER` takes one of them alone, with its traceback.
Ends with 1 if any promise was broken, naming each kind of failure once with the number that shows it.
"""

# ruff: noqa: T201 - it talks to whoever runs it

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import sys
import time
from collections import Counter

from tests.fuzz import inputs, targets
from tests.fuzz.targets import Failure

BLOCK = 500


def main(arguments: list[str]) -> int:
    """Run, print, and say with the exit code whether everything held."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("count", type=int, help="how many inputs")
    parser.add_argument("--seed", type=int, default=1043)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", type=int, help="the number of one input to look at")
    given = parser.parse_args(arguments)
    if given.only is not None:
        return _one(given.seed, given.only)
    jobs = [(given.seed, at, min(at + BLOCK, given.count)) for at in range(0, given.count, BLOCK)]
    labels: Counter[tuple[str, str]] = Counter()
    failures: dict[str, Failure] = {}
    times: Counter[str] = Counter()
    peak, done, began = 0, 0, time.monotonic()
    # a fresh worker every so often: what one holds on to is seen in its peak, and does not add up
    with multiprocessing.get_context("spawn").Pool(given.workers, targets.begin, maxtasksperchild=200) as pool:
        for found in pool.imap(targets.do, jobs):
            labels += found.labels
            peak = max(peak, found.peak)
            for failure in found.failures:
                failures.setdefault(failure.kind, failure)
                times[failure.kind] += 1
            done = min(done + BLOCK, given.count)
            passed = time.monotonic() - began
            print(f"\r{done:>9,} of {given.count:,}  {done / passed:,.0f}/s  {sum(times.values())} failures ", end="",
                  file=sys.stderr, flush=True)  # fmt: skip
    print(file=sys.stderr)
    _report(labels, time.monotonic() - began, peak)
    targets.begin()
    for kind, failure in sorted(failures.items(), key=lambda pair: -times[pair[0]]):
        small = targets.shrink(inputs.case(given.seed, failure.number), kind)
        print(f"\nFAILED {times[kind]} times: {kind}\n  python -m tests.fuzz 1 --seed {given.seed} --only {failure.number}"
              f"\n  {small}\n  {failure.trace.strip().splitlines()[-1][:300]}")  # fmt: skip
    targets.clean()
    return 1 if failures else 0


def _report(labels: Counter[tuple[str, str]], seconds: float, peak: int) -> None:
    for target in inputs.SHARES:
        mine = {label: count for (name, label), count in labels.items() if name == target}
        print(f"{target:<10} {sum(mine.values()):>9,}")
        for label, count in sorted(mine.items(), key=lambda pair: (-pair[1], pair[0])):
            print(f"  {label:<44} {count:>9,}")
    total = sum(labels.values())
    print(f"{total:,} inputs in {seconds:,.0f} s: {total / seconds:,.0f}/s; largest worker {peak / (1 << 20):,.0f} MB")


def _one(seed: int, number: int) -> int:
    case = inputs.case(seed, number)
    targets.begin()
    label, failure = targets.attempt(case, number, alarm=True)
    print(case)
    print(hashlib.sha256(case.data).hexdigest()[:16], label)
    if failure is None:
        return 0
    print(failure.trace)
    print("smallest:", targets.shrink(case, failure.kind))
    targets.clean()
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
