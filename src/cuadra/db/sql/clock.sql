-- What runs by itself: schedules, workers, problems, pace. Most of it as cuadra_clock, which sees ids and times.

-- name: greet
-- First of all on every connection: how late it is, and how soon a host that is gone is to be noticed.
SELECT clock_timestamp(), set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '3', false),
       set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '15000', false);

-- name: list_unscheduled
-- Integrations and accounts as they are, with what is scheduled for them.
SELECT 'integration', i.account_id, i.integration_id, i.connector, i.mode, COALESCE(t.time_zone, a.time_zone),
       (SELECT jsonb_object_agg(s.task, jsonb_build_array(s.cadence, s.zone, s.due_at)) FROM schedule s
        WHERE s.account_id = i.account_id AND s.integration_id = i.integration_id)
FROM integration i JOIN account a ON a.account_id = i.account_id
JOIN store t ON t.account_id = i.account_id AND t.store_id = i.store_id
WHERE i.state NOT IN ('removed', 'draft')
UNION ALL
SELECT 'account', a.account_id, 0, '', '', a.time_zone,
       (SELECT jsonb_object_agg(s.task, jsonb_build_array(s.cadence, s.zone, s.due_at)) FROM schedule s
        WHERE s.account_id = a.account_id AND s.integration_id = 0)
FROM account a
UNION ALL
SELECT 'system', 0, 0, '', '', 'UTC',
       (SELECT jsonb_object_agg(s.task, jsonb_build_array(s.cadence, s.zone, s.due_at)) FROM schedule s
        WHERE s.account_id = 0 AND s.integration_id = 0);

-- name: put_schedule
INSERT INTO schedule (account_id, integration_id, task, cadence, zone, due_at)
VALUES (%(account)s, %(integration)s, %(task)s, %(cadence)s, %(zone)s, %(due)s)
ON CONFLICT (account_id, integration_id, task) DO UPDATE
SET cadence = excluded.cadence, zone = excluded.zone, due_at = excluded.due_at;

-- name: list_schedule_due
-- What is to be begun, and what was begun and not ended: its worker is at it, or gone. Those come first whose account has
-- least at work, then what has waited longest.
SELECT s.account_id, s.integration_id, s.task, s.cadence, s.zone, clock_timestamp()
FROM schedule s
LEFT JOIN integration i ON i.account_id = s.account_id AND i.integration_id = s.integration_id
CROSS JOIN LATERAL (SELECT s.begun_at IS NOT NULL AND (s.ended_at IS NULL OR s.ended_at < s.begun_at)) AS o(open)
WHERE (s.due_at <= clock_timestamp() OR o.open) AND (s.integration_id = 0 OR i.state IN ('active', 'broken'))
ORDER BY sum(o.open::int) OVER (PARTITION BY s.account_id), s.due_at;

-- name: claim_schedule
-- By whoever holds its lock. One that was begun and not ended goes on; however often it was missed, it is due once.
UPDATE schedule
SET begun_at = clock_timestamp(), ended_at = NULL, worker_id = %(worker)s,
    due_at = CASE WHEN due_at <= clock_timestamp() THEN %(next)s ELSE due_at END
WHERE account_id = %(account)s AND integration_id = %(integration)s AND task = %(task)s
  AND (due_at <= clock_timestamp() OR (begun_at IS NOT NULL AND (ended_at IS NULL OR ended_at < begun_at)))
RETURNING tries;

-- name: end_schedule
-- `retry`: in how many seconds it is to be tried again, if that is sooner than its next time.
UPDATE schedule
SET ended_at = clock_timestamp(), tries = %(tries)s,
    due_at = LEAST(due_at, clock_timestamp() + make_interval(secs => %(retry)s::float8))
WHERE account_id = %(account)s AND integration_id = %(integration)s AND task = %(task)s;

-- name: hasten
-- Due now, whatever its cadence.
UPDATE schedule SET due_at = clock_timestamp()
WHERE account_id = %(account)s AND integration_id = %(integration)s AND task = %(task)s;

-- name: lock_task
-- Held by the session: a worker that dies lets go.
SELECT pg_try_advisory_lock(7210, hashtextextended(%(what)s, 0)::bit(32)::int);

-- name: unlock_task
SELECT pg_advisory_unlock(7210, hashtextextended(%(what)s, 0)::bit(32)::int);

-- name: holds_lock
-- Whether this session still has its advisory locks: a session that is new has none.
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted;

-- name: list_schedules
SELECT integration_id, task, cadence, zone, due_at, begun_at, ended_at, tries FROM schedule
WHERE account_id = %(account)s ORDER BY integration_id, task;

-- name: add_worker
INSERT INTO worker (host, pid, version) VALUES (%(host)s, %(pid)s, %(version)s) RETURNING worker_id;

-- name: see_worker
UPDATE worker SET seen_at = clock_timestamp() WHERE worker_id = %(worker)s RETURNING clock_timestamp();

-- name: end_worker
DELETE FROM worker WHERE worker_id = %(worker)s OR seen_at < clock_timestamp() - interval '1 day';

-- name: list_workers
SELECT worker_id, host, pid, version, started_at, seen_at, clock_timestamp() FROM worker ORDER BY started_at;

-- name: note_disk
INSERT INTO disk_sample (at, used, free) VALUES (clock_timestamp(), database_bytes(), %(free)s);

-- name: drop_disk_samples
DELETE FROM disk_sample WHERE at < clock_timestamp() - interval '60 days';

-- name: list_disk
-- One sample a day is enough to see where it goes.
SELECT DISTINCT ON (date_trunc('day', at)) at, used, free FROM disk_sample
WHERE at > clock_timestamp() - interval '30 days' ORDER BY date_trunc('day', at), at DESC;

-- name: drop_old_rows
-- Of one account: what is kept as long as raw data is, and lies in no partition.
WITH limit_ AS (SELECT clock_timestamp() - make_interval(months => %(months)s) AS at),
looks AS (DELETE FROM look l USING limit_ x WHERE l.account_id = %(account)s AND l.at < x.at RETURNING 1),
refusals AS (DELETE FROM intake_refusal r USING limit_ x WHERE r.account_id = %(account)s AND r.hour < x.at RETURNING 1),
problems AS (DELETE FROM problem p USING limit_ x WHERE p.account_id = %(account)s AND p.ended_at < x.at RETURNING 1),
sent AS (DELETE FROM delivery_attempt d USING limit_ x WHERE d.account_id = %(account)s AND d.at < x.at RETURNING 1)
SELECT (SELECT count(*) FROM looks), (SELECT count(*) FROM refusals), (SELECT count(*) FROM problems),
       (SELECT count(*) FROM sent);

-- name: take_turn
-- When the next call to a source may be made, counted for all who call it; in seconds from now. `saved`: seconds in which
-- nobody asked that count for who asks now; `free`: those that are waited for after a call and not before it.
INSERT INTO pace AS p (account_id, integration_id, next_at, per_second, calls)
VALUES (%(account)s, %(integration)s, clock_timestamp() + make_interval(secs => %(cost)s::float8 / %(rate)s - %(saved)s::float8),
        %(rate)s, 1)
ON CONFLICT (account_id, integration_id) DO UPDATE
SET next_at = GREATEST(p.next_at, clock_timestamp() - make_interval(secs => %(saved)s::float8))
              + make_interval(secs => %(cost)s::float8 / %(rate)s),
    per_second = %(rate)s, calls = p.calls + 1
RETURNING extract(epoch FROM next_at - clock_timestamp())::float8 - %(free)s::float8;

-- name: give_back_turn
-- What was drawn and not used. Where the platform says that less is left than we think, it is right.
UPDATE pace
SET next_at = GREATEST(next_at - make_interval(secs => %(cost)s::float8 / %(rate)s),
                       clock_timestamp() - make_interval(secs => %(left)s::float8 / %(rate)s))
WHERE account_id = %(account)s AND integration_id = %(integration)s;

-- name: lock_credentials
-- Who renews them renews them alone.
SELECT pg_advisory_xact_lock(7211, %(integration)s::int);

-- name: pause_pace
INSERT INTO pace AS p (account_id, integration_id, next_at, per_second)
VALUES (%(account)s, %(integration)s, clock_timestamp() + make_interval(secs => %(seconds)s::float8), %(rate)s)
ON CONFLICT (account_id, integration_id) DO UPDATE
SET next_at = GREATEST(p.next_at, clock_timestamp() + make_interval(secs => %(seconds)s::float8));

-- name: list_paces
SELECT integration_id, per_second, calls, next_at FROM pace WHERE account_id = %(account)s;

-- name: open_problem
-- The one that lasts, of a party and a step.
SELECT problem_id, reason, evidence, since, last_at, count, next_at FROM problem
WHERE account_id = %(account)s AND party_id = %(party)s AND step = %(step)s AND ended_at IS NULL;

-- name: meet_problem
-- Again, or for the first time.
INSERT INTO problem AS p (account_id, party_id, step, reason, evidence, since, last_at, next_at)
VALUES (%(account)s, %(party)s, %(step)s, %(reason)s, %(evidence)s, clock_timestamp(), clock_timestamp(),
        clock_timestamp() + make_interval(secs => %(pause)s::float8))
ON CONFLICT (account_id, party_id, step) WHERE ended_at IS NULL DO UPDATE
SET reason = excluded.reason, evidence = excluded.evidence, last_at = excluded.last_at, count = p.count + 1,
    next_at = excluded.next_at
RETURNING count, since;

-- name: end_problem
UPDATE problem SET ended_at = clock_timestamp()
WHERE account_id = %(account)s AND party_id = %(party)s AND step = %(step)s AND ended_at IS NULL
RETURNING reason, since, count;

-- name: list_problems
SELECT party_id, step, reason, evidence, since, last_at, count, next_at, ended_at FROM problem
WHERE account_id = %(account)s AND ended_at IS NULL ORDER BY since;

-- name: hasten_probe
-- Somebody has mended something: ask again at once.
UPDATE problem SET next_at = clock_timestamp()
WHERE account_id = %(account)s AND party_id = %(party)s AND ended_at IS NULL;
