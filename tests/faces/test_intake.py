"""Notices on their way in: what is stored, what is refused, and what is said about it. In this process, against the
real database; `test_serving.py` has the program as it runs."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any, LiteralString

import psycopg
import pytest

from cuadra import accounts, inbox, secrets
from cuadra.connectors.base import Rejected
from cuadra.connectors.woocommerce import WooCommerceConnector
from cuadra.faces.intake import app, notices
from cuadra.faces.intake.app import Intake
from cuadra.faces.intake.directory import GAP_SECONDS
from cuadra.faces.intake.link import Link
from cuadra.faces.intake.notices import Notice
from cuadra.faces.intake.writer import BatchWriter, NotStored, pack
from cuadra.model import Entity
from cuadra.secrets import KeyFile, Secret
from cuadra.settings import Settings
from tests.conftest import Server
from tests.faces.listening import Live, another_account, during, live, post, receipts, refusals, stored
from tests.world import World

BODY = json.dumps({"id": 727, "note": "señal ✓"}).encode()


@pytest.fixture
def intake(world: World, info: str) -> Intake:
    return Intake(world.settings, info)


def one(intake: Intake, to: Live, body: bytes = BODY, headers: dict[str, str] | None = None, **more: Any) -> int:
    """The status of one request to a listener that is started for it."""
    return during(intake, lambda: post(intake, to.path, body, headers or to.headers(body), **more)).status


def test_a_delivery_is_stored_as_it_came_and_waits_in_the_inbox(world: World, intake: Intake) -> None:
    woo = live(world)
    assert one(intake, woo) == 200
    account, integration, kind, headers, body = receipts(world)[0]
    assert (account, integration, kind, body) == (woo.account.account_id, woo.integration.integration_id, "order", BODY)
    assert headers["x-wc-webhook-topic"] == "order.updated"
    assert headers["user-agent"].startswith("WooCommerce/")
    assert not [name for name in headers if "signature" in name]
    assert refusals(world) == {}


def test_what_waits_can_be_loaded_as_the_pipeline_does(world: World, intake: Intake) -> None:
    woo = live(world)
    assert one(intake, woo) == 200
    with world.db.transaction(woo.account.account_id) as conn:
        row = conn.execute("SELECT retention, received_at, first_receipt, last_receipt, run_id FROM inbox").fetchone()
    assert row[4] is None
    ((_, raw),) = inbox.load(world.db, woo.account.account_id, inbox.Entry(*row[:4]))
    assert (raw.kind, raw.body) == (Entity.ORDER, BODY)
    assert abs(raw.sequence / 1e6 - row[1].timestamp()) < 5


def test_a_ping_and_a_topic_of_no_use_are_answered_and_not_kept(world: World, intake: Intake) -> None:
    woo = live(world)
    assert one(intake, woo, b"webhook_id=7", {"content-type": "application/x-www-form-urlencoded"}) == 200
    assert one(intake, woo, BODY, woo.headers(BODY, topic="coupon.updated")) == 200
    assert receipts(world) == []
    assert refusals(world) == {}


def test_garbage_with_a_genuine_signature_is_stored(world: World, intake: Intake) -> None:
    woo = live(world)
    for garbage in (b"\x00\xff{", b"", b"not json"):
        assert one(intake, woo, garbage) == 200
    assert [body for *_, body in receipts(world)] == [b"\x00\xff{", b"", b"not json"]


def test_a_wrong_signature_is_refused_and_counted(world: World, intake: Intake) -> None:
    woo = live(world)

    async def act() -> list[int]:
        headers = {**woo.headers(BODY), "x-wc-webhook-signature": "bm90IGl0"}
        return [(await post(intake, woo.path, BODY, headers)).status for _ in range(40)]

    assert during(intake, act) == [401] * 40
    assert receipts(world) == []
    account, count, evidence = refusals(world)["signature_invalid"]
    assert (account, count) == (woo.account.account_id, 40)
    assert evidence["sender"] == "203.0.113.7"
    assert evidence["topic"] == "order.updated"
    assert evidence["size"] == len(BODY)
    assert evidence["key_version"] == KeyFile.of(world.settings).current().key_id
    assert len(evidence["digest"]) == 16
    assert "señal" not in json.dumps(evidence, ensure_ascii=False)


def test_nothing_is_genuine_without_a_secret(world: World, intake: Intake) -> None:
    woo = live(world, secret=None)
    assert one(intake, woo) == 401  # signed with an empty secret
    assert refusals(world)["signature_invalid"][2]["expected_prefix"] is None
    assert one(intake, woo, b"webhook_id=7", {"content-type": "application/x-www-form-urlencoded"}) == 200
    assert receipts(world) == []


def test_a_secret_that_cannot_be_opened_is_our_fault(
    world: World, intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    woo = live(world)
    world.settings.keys.unlink()
    assert one(intake, woo) == 503
    assert refusals(world)["intake_unavailable"][2]["cause"] == "credentials"
    assert "key" in caplog.text
    assert woo.secret not in caplog.text


def test_a_copy_of_the_store_is_refused(world: World, intake: Intake) -> None:
    woo = live(world)
    assert one(intake, woo, BODY, woo.headers(BODY, source="https://copy.example")) == 409
    assert refusals(world)["store_unexpected"][2]["store_named"] == "https://copy.example/"
    assert receipts(world) == []


def test_an_unknown_address_belongs_to_no_account(world: World, intake: Intake) -> None:
    woo = live(world)

    async def act() -> list[int]:
        paths = ["/in/" + "z" * 43, "/in/", "/in/../health", "/in/a\x00b"]
        return [(await post(intake, path, BODY, woo.headers(BODY))).status for path in paths]

    assert during(intake, act) == [404] * 4
    account, count, evidence = refusals(world)["intake_address_unknown"]
    assert (account, count) == (0, 4)
    assert evidence["count_per_hour"] == 4
    assert len(evidence["address"]) <= 8


def test_what_is_being_written_down_at_the_end_is_counted_once(
    world: World, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "TICK_SECONDS", 0.01)
    written, run = asyncio.Event(), Link.run

    async def slowly(self: Link, statement: LiteralString, values: dict[str, Any] | None = None) -> Any:
        found = await run(self, statement, values)
        if values is not None and "refusals" in values:
            written.set()
            await asyncio.sleep(0.3)  # it is in the database, and nobody here knows
        return found

    async def act() -> None:
        await post(intake, "/in/" + "z" * 43, BODY, {})
        await written.wait()

    monkeypatch.setattr(Link, "run", slowly)
    during(intake, act)
    assert refusals(world)["intake_address_unknown"][1] == 1


def test_an_address_that_was_just_made_is_found(world: World, intake: Intake) -> None:
    async def act() -> int:
        woo = live(world)
        return (await post(intake, woo.path, BODY, woo.headers(BODY))).status

    assert during(intake, act) == 200


def test_guessing_addresses_costs_few_questions(world: World, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    look = intake._directory.look

    async def counted() -> None:
        nonlocal looks
        looks += 1
        await look()

    monkeypatch.setattr(intake._directory, "look", counted)

    async def act() -> list[int]:
        answers = await asyncio.gather(*(post(intake, f"/in/{n:043}", BODY) for n in range(500)))
        return [answer.status for answer in answers]

    assert set(during(intake, act)) == {404}
    assert looks <= 4
    assert refusals(world)["intake_address_unknown"][1] == 500


@pytest.mark.parametrize("said", [True, False])
def test_too_large_is_refused_while_it_is_read(world: World, intake: Intake, said: bool) -> None:
    woo = live(world)
    body = b"x" * ((5 << 20) + 1)
    assert one(intake, woo, body, woo.headers(body), said=said, pieces=100) == 413
    assert one(intake, woo, body[:-1], woo.headers(body[:-1]), said=said, pieces=100) == 200
    evidence = refusals(world)["payload_too_large"][2]
    assert evidence["limit"] == 5 << 20
    assert evidence["size"] > 5 << 20
    assert [len(body) for *_, body in receipts(world)] == [5 << 20]


@pytest.mark.parametrize(("state", "status"), [("draft", 409), ("validating", 200), ("paused", 200), ("removed", 404)])
def test_what_each_state_does_with_a_notice(world: World, intake: Intake, state: str, status: int) -> None:
    woo = live(world, state=state)
    assert one(intake, woo) == status
    assert len(receipts(world)) == (status == 200)
    if state == "draft":
        assert refusals(world)["integration_is_draft"][2]["state"] == "draft"


def test_without_room_nothing_is_taken_and_the_sender_is_told_when(world: World, info: str) -> None:
    woo = live(world)
    full = Intake(world.settings, info, free=lambda: 1000)
    answer = during(full, lambda: post(full, woo.path, BODY, woo.headers(BODY)))
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert full.health()[0] == 503
    assert refusals(world)["intake_refused_for_space"][2]["free"] == 1000
    assert receipts(world) == []


def test_a_full_disk_of_the_database_is_a_lack_of_room(
    world: World, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    woo = live(world)

    async def full(*_: Any) -> None:
        raise psycopg.errors.DiskFull("no space left on device")

    monkeypatch.setattr(intake._writer, "_send", full)
    assert one(intake, woo) == 503
    assert list(refusals(world)) == ["intake_refused_for_space"]


def test_a_database_that_went_away_is_found_again(world: World, intake: Intake, server: Server, info: str) -> None:
    woo = live(world)
    name = psycopg.conninfo.conninfo_to_dict(info)["dbname"]

    def closed(yes: bool) -> None:
        with psycopg.connect(server.admin, autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {not yes}")
            if yes:
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))

    async def act() -> tuple[int, int, int, int]:
        send = lambda: post(intake, woo.path, BODY, woo.headers(BODY))  # noqa: E731
        await send()
        closed(True)
        away, sick = await send(), intake.health()[0]
        closed(False)
        await asyncio.sleep(2.5)
        return away.status, sick, intake.health()[0], (await send()).status

    world.db.close()
    assert during(intake, act) == (503, 503, 200, 200)
    assert len(receipts(world)) == 2
    assert refusals(world)["intake_unavailable"][2]["cause"] == "database"


def test_a_connection_that_was_cut_costs_nobody_a_notice(world: World, intake: Intake) -> None:
    woo = live(world)

    async def act() -> list[int]:
        found = [(await post(intake, woo.path, BODY, woo.headers(BODY))).status]
        world.db.connection().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cuadra intake' "
            "AND datname = current_database()"
        )
        return [*found, (await post(intake, woo.path, BODY, woo.headers(BODY))).status]

    assert during(intake, act) == [200, 200]
    assert len(receipts(world)) == 2


def test_notices_of_many_accounts_at_once_are_each_stored_once(world: World, intake: Intake) -> None:
    shops = [live(world, account=another_account(world, f"account-{n}"), secret=f"s{n}") for n in range(5)]
    sent = [(shops[n % 5], json.dumps({"id": n}).encode()) for n in range(400)]

    async def act() -> list[int]:
        answers = await asyncio.gather(*(post(intake, to.path, body, to.headers(body)) for to, body in sent))
        return [answer.status for answer in answers]

    assert during(intake, act) == [200] * 400
    expected = Counter((to.account.account_id, to.integration.integration_id, body) for to, body in sent)
    assert Counter((account, integration, body) for account, integration, _, _, body in receipts(world)) == expected
    (ranges,) = stored(world, "SELECT count(*) FROM inbox")[0]
    assert ranges <= 40, "they were stored together"
    assert stored(world, "SELECT DISTINCT retention FROM receipt") == [(3,)]


def test_one_notice_that_cannot_be_stored_keeps_no_other_out(world: World, intake: Intake, info: str) -> None:
    woo = live(world)
    good = Notice(woo.account.account_id, woo.integration.integration_id, 12, Entity.ORDER, 1, {}, b"good")
    bad = Notice(woo.account.account_id, woo.integration.integration_id, 12, Entity.ORDER, 1, {"a": "\0"}, b"bad")
    writer = intake._writer
    assert isinstance(writer, BatchWriter)

    async def act() -> list[Any]:
        batch = [good] * 5 + [bad] + [good] * 3
        return await asyncio.gather(*(writer.store(one) for one in batch), return_exceptions=True)

    found = during(intake, act)
    assert [isinstance(one, NotStored) for one in found] == [False] * 5 + [True] + [False] * 3
    assert [body for *_, body in receipts(world)] == [b"good"] * 8


def test_a_connector_that_fails_is_answered_and_counted(
    world: World, intake: Intake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    woo = live(world)

    def broken(*_: Any) -> Rejected:
        raise KeyError("buyer@example.com")

    monkeypatch.setattr(WooCommerceConnector, "judge", broken)
    assert one(intake, woo) == 500
    assert refusals(world)["internal_error"][2]["step"] == "intake"
    assert "KeyError" in caplog.text
    assert "buyer@example.com" not in caplog.text


def test_a_new_secret_counts_at_once_enough(world: World, intake: Intake) -> None:
    woo = live(world)
    new = Live(woo.account, woo.integration, "another secret")

    async def act() -> list[int]:
        before = await post(intake, woo.path, BODY, woo.headers(BODY))
        secrets.put(world.db, KeyFile.of(world.settings), woo.account.account_id, woo.integration.integration_id,
                    "webhook_secret", Secret(new.secret))  # fmt: skip
        await asyncio.sleep(3.2)
        return [before.status, (await post(intake, new.path, BODY, new.headers(BODY))).status,
                (await post(intake, woo.path, BODY, woo.headers(BODY))).status]  # fmt: skip

    assert during(intake, act) == [200, 200, 401]


def test_an_address_that_was_renewed_is_nobodys(world: World, intake: Intake) -> None:
    woo = live(world)
    accounts.new_address(world.db, woo.account, woo.integration, "ana")
    assert one(intake, woo) == 404
    renewed = Live(woo.account, accounts.integration_named(world.db, woo.account, "woo"), woo.secret)
    assert one(intake, renewed) == 200
    ((actor, action, thing),) = world.rows("SELECT actor, action, object FROM audit WHERE action = 'intake address'")
    assert (actor, action, thing) == ("ana", "intake address", "woo")


def test_only_post_is_taken(world: World, intake: Intake) -> None:
    woo = live(world)
    answer = during(intake, lambda: post(intake, woo.path, method="GET"))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_answers_never_say_what_was_sent(world: World, intake: Intake) -> None:
    woo = live(world)

    async def act() -> set[bytes]:
        sent = [("/in/<script>", {}), (woo.path, {"x-wc-webhook-signature": "<script>"}),
                (woo.path, woo.headers(BODY, source="http://<script>"))]  # fmt: skip
        return {(await post(intake, path, BODY, headers)).body for path, headers in sent}

    assert during(intake, act) == {b"intake_address_unknown\n", b"signature_invalid\n", b"store_unexpected\n"}


def test_the_proxys_word_counts_only_from_this_machine() -> None:
    told = {"x-forwarded-for": "198.51.100.1, 203.0.113.9"}
    assert notices.sender(told, "127.0.0.1") == "203.0.113.9"
    assert notices.sender(told, "198.51.100.77") == "198.51.100.77"
    assert notices.sender({}, "127.0.0.1") == "127.0.0.1"


def test_evidence_stays_small_and_harmless() -> None:
    evidence = {f"key{n}": "\x1b[2J\0" + "x" * 10_000 for n in range(100)}
    made = notices.proof(evidence)
    assert len(json.dumps(made)) < 20_000
    assert "\0" not in "".join(made.values())
    assert "\x1b" not in "".join(made.values())
    assert notices.kept({f"x-wc-{n}": "v" * 5000 for n in range(100)}, "x-wc-").keys() <= {
        f"x-wc-{n}" for n in range(20)
    }


def test_the_place_of_each_notice_in_a_batch() -> None:
    batch = [Notice(account, 9, 12, Entity.ORDER, 5, {}, body) for account, body in ((1, b"aa"), (2, b""), (1, b"c"))]
    packed = pack(batch)
    assert packed["bodies"] == b"aac"
    assert (packed["accounts"], packed["counts"]) == ("{1,2}", "{2,1}")
    assert (packed["parts"], packed["places"]) == ("{1,2,1}", "{0,0,1}")
    assert (packed["starts"], packed["sizes"]) == ("{1,3,3}", "{2,0,1}")


def test_the_intake_works_as_a_role_that_can_look_at_nothing(world: World, intake: Intake) -> None:
    live(world)

    async def act() -> tuple[str, str]:
        ((role,),) = await intake._writing.run("SELECT current_user::text")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await intake._writing.run("SELECT body FROM receipt")
        return role, "refused"

    assert during(intake, act) == ("cuadra_intake", "refused")


def test_settings_of_the_intake_have_bounds() -> None:
    loaded = Settings.load({"CUADRA_INTAKE_BODY_MB": "1", "CUADRA_INTAKE_FREE_MB": "50"})
    assert (loaded.intake_body_mb, loaded.intake_free_mb) == (1, 50)
    assert GAP_SECONDS < 1
