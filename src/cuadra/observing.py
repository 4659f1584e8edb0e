"""What the program says of its own work: one wide line per job and per attempt, as JSON, for whoever collects them.

Nothing of an order's content and nothing of a person is ever in a line: ids, counts, codes, times.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

_log = structlog.get_logger("cuadra")


def configure(level: str) -> None:
    """Say lines on standard error: `jobs`, or with `attempts` those too; `off`: none."""
    ranks = {"off": 50, "jobs": 20, "attempts": 10}
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(ranks[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


configure("off")


@contextmanager
def job(name: str, **fields: Any) -> Iterator[dict[str, Any]]:
    """A piece of work; what is put into the yielded fields is in its line, which is said at the end, however it ends."""
    line: dict[str, Any] = dict(fields)
    began = time.monotonic()
    try:
        yield line
    except BaseException as err:
        line["error"] = type(err).__name__
        raise
    finally:
        line["ms"] = round((time.monotonic() - began) * 1000, 1)
        _log.info("job", job=name, **line)


def fault(where: str, err: BaseException) -> None:
    """Something of ours went wrong where nobody waits for it. The text of the error may hold data: its kind and place
    are said, never its text."""
    places = [
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in traceback.extract_tb(err.__traceback__)
    ]
    _log.error("fault", where=where, error=type(err).__name__, places=places[-6:])
