"""`python -m tests.fuzz N`: that many hostile inputs into every reader, with fixed seeds, on several cores.

The same numbers and the same seed give the same inputs; `--only NUMBER` takes one of them alone, with its traceback.
Ends with 1 if any promise was broken, naming each kind of failure once with the number that shows it.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from typing import Any, NamedTuple

from tests.fuzz import inputs, targets
from tests.fuzz.inputs import Case

BLOCK = 500
MEMORY = 3 << 30
"""Address space of one worker: what wants more has no bound."""


class Failure(NamedTuple):
    """One input that broke a promise."""

    kind: str
    number: int
    shown: str
    trace: str


class Done(NamedTuple):
    """What came of a block of inputs."""

    labels: Counter[tuple[str, str]]
    failures: list[Failure]
    peak: int


class Overdue(BaseException):
    """An input that takes longer than it may."""


def _overdue(*_: Any) -> None:
    raise Overdue


def block(seed: int, start: int, stop: int, *, alarm: bool = False) -> Done:
    """The inputs from `start` to before `stop`. With `alarm`, one that never ends is ended (main thread only)."""
    labels: Counter[tuple[str, str]] = Counter()
    failures = []
    for number in range(start, stop):
        case = inputs.case(seed, number)
        label, failure = attempt(case, number, alarm=alarm)
        labels[case.target, label] += 1
        if failure is not None:
            failures.append(failure)
    return Done(labels, failures, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def attempt(case: Case, number: int, *, alarm: bool = False) -> tuple[str, Failure | None]:
    """(label, failure) of one input."""
    try:
        if alarm:
            signal.setitimer(signal.ITIMER_REAL, targets.SECONDS)
        try:
            return targets.take(case), None
        finally:
            if alarm:
                signal.setitimer(signal.ITIMER_REAL, 0)
    except (Exception, Overdue) as err:  # noqa: BLE001 - whatever is raised is what we look for
        return "FAILED", Failure(_kind(err, case.target), number, str(case), traceback.format_exc(limit=-8))


def _kind(err: BaseException, target: str) -> str:
    """The same fault has the same name: what was raised, and where in the program."""
    frames = traceback.extract_tb(err.__traceback__)
    ours = [frame for frame in frames if "/src/cuadra/" in frame.filename]
    if isinstance(err, Overdue):
        return f"{target}: takes more than {targets.SECONDS:.0f} s"
    said = str(err)[:120] if isinstance(err, targets.Broken) else ""
    place = f"{ours[-1].filename.split('/src/')[1]}:{ours[-1].lineno}" if ours and not said else ""
    return f"{target}: {type(err).__name__} {said or place}".strip()


def shrink(case: Case, kind: str, seconds: float = 20) -> Case:
    """The shortest bytes found that fail in the same way."""
    until = time.monotonic() + seconds
    data, size = case.data, max(1, len(case.data) // 2)
    while size and time.monotonic() < until:
        at, smaller = 0, False
        while at < len(data) and time.monotonic() < until:
            less = data[:at] + data[at + size :]
            _, failure = attempt(case._replace(data=less), 0, alarm=True)
            if failure is not None and failure.kind == kind:
                data, smaller = less, True
            else:
                at += size
        size = size if smaller and size > 1 else size // 2
    return case._replace(data=data)


def _work(job: tuple[int, int, int]) -> Done:
    return block(*job, alarm=True)


def _begin() -> None:
    signal.signal(signal.SIGALRM, _overdue)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


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
    with multiprocessing.get_context("spawn").Pool(given.workers, _begin, maxtasksperchild=200) as pool:
        for found in pool.imap(_work, jobs):
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
    signal.signal(signal.SIGALRM, _overdue)
    for kind, failure in sorted(failures.items(), key=lambda pair: -times[pair[0]]):
        small = shrink(inputs.case(given.seed, failure.number), kind)
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
    signal.signal(signal.SIGALRM, _overdue)
    label, failure = attempt(case, number, alarm=True)
    print(case)
    print(hashlib.sha256(case.data).hexdigest()[:16], label)
    if failure is None:
        return 0
    print(failure.trace)
    print("smallest:", shrink(case, failure.kind))
    targets.clean()
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
