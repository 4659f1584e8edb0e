"""What is taken out of the inbox is work no more, what is left of a range stays work, and nobody takes a thing twice."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Rollback

from cuadra import inbox
from cuadra.clock import utc_now
from cuadra.connectors.base import Raw
from cuadra.db import Conn
from cuadra.model import Entity
from tests.world import World


def stored(conn: Conn, world: World, sizes: list[int]) -> list[tuple[int, int]]:
    """Ranges of these sizes in the inbox."""
    account = world.account.account_id
    found = []
    for many in sizes:
        raws = [Raw(Entity.ORDER, b"{}", at, 0, None) for at in range(many)]
        one = inbox.store(conn, account, world.shop.integration_id, raws, arrival="file", retention=12, now=utc_now())
        found.append((one.first, one.last))
    return found


def work(conn: Conn) -> set[int]:
    """The receipts that are work."""
    rows = conn.execute("SELECT generate_series(first_receipt, last_receipt) FROM inbox").fetchall()
    found = [number for (number,) in rows]
    assert len(found) == len(set(found)), "one of them twice"
    return set(found)


@st.composite
def pieces(draw: st.DrawFn) -> tuple[int, int, int] | tuple[int]:
    """The size of a range, and first and last of what is taken of it, if anything is."""
    many = draw(st.integers(1, 9))
    if draw(st.booleans()):
        return (many,)
    first = draw(st.integers(0, many - 1))
    return many, first, draw(st.integers(first, many - 1))


@given(st.lists(pieces(), min_size=1, max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_taken_is_gone_and_the_rest_stays(world: World, asked: list[tuple[int, ...]], rng: Random) -> None:
    world.db.stage()
    with world.db.transaction(world.account.account_id) as conn:
        ranges = stored(conn, world, [many for many, *_ in asked])
        parts = [(begin + one[1], begin + one[2]) for (begin, _), one in zip(ranges, asked, strict=True) if one[1:]]
        rng.shuffle(parts)
        before = work(conn)
        assert inbox.take(conn, world.account.account_id, parts)
        taken = {number for first, last in parts for number in range(first, last + 1)}
        assert work(conn) == before - taken
        if parts:
            assert not inbox.take(conn, world.account.account_id, [parts[-1]]), "somebody else has taken it"
        raise Rollback


@pytest.mark.parametrize("missing", [(1, 1), (10_000_000_000, 10_000_000_001)])
def test_with_one_that_is_not_there_nothing_counts_as_taken(world: World, missing: tuple[int, int]) -> None:
    """Whoever asked rolls back: a batch goes in whole."""
    world.db.stage()
    with world.db.transaction(world.account.account_id) as conn:
        (one,) = stored(conn, world, [5])
        assert not inbox.take(conn, world.account.account_id, [one, missing])
        assert not inbox.take(conn, world.account.account_id, [(one[0], one[1] + 1)]), "more than there is"
