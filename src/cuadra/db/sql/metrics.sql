-- What is measured, for whoever watches. Rows are samples: (metric, whom it is of, detail, value). Each account is
-- measured as itself, under its policies; what is of no account, as account 0.

-- name: measure_integrations
-- The numbers of receipts are drawn in blocks, each for one integration: so the newest receipt of each is found by a few
-- steps from block to block instead of by reading them all. What is older than those says itself by its last import.
WITH RECURSIVE part AS (
    SELECT integration_id, name, created_at FROM integration
    WHERE account_id = %(account)s AND state IN ('active', 'broken', 'paused')
), block AS (
    (SELECT 1 AS nr, r.receipt_id, r.integration_id, r.received_at, r.arrival FROM receipt r
     WHERE r.account_id = %(account)s AND r.received_at >= %(since)s::timestamptz ORDER BY r.receipt_id DESC LIMIT 1)
    UNION ALL
    SELECT b.nr + 1, x.* FROM block b CROSS JOIN LATERAL (
        SELECT r.receipt_id, r.integration_id, r.received_at, r.arrival FROM receipt r
        WHERE r.account_id = %(account)s AND r.received_at >= %(since)s::timestamptz
          AND r.receipt_id < b.receipt_id / 10000 * 10000
        ORDER BY r.receipt_id DESC LIMIT 1
    ) x WHERE b.nr < 50
), heard AS (
    SELECT integration_id, max(received_at) AS at FROM block WHERE arrival <> 'person' GROUP BY integration_id
), inbox_ AS (
    SELECT integration_id, sum(last_receipt - first_receipt + 1) AS many, min(received_at) AS oldest
    FROM inbox WHERE account_id = %(account)s GROUP BY integration_id
), question AS (
    SELECT integration_id, count(*) FILTER (WHERE due_at <= clock_timestamp()) AS due, count(*) FILTER (WHERE tries > 0) AS again
    FROM relink WHERE account_id = %(account)s GROUP BY integration_id
)
SELECT v.metric, p.name, '', v.value::float8
FROM part p
LEFT JOIN heard h USING (integration_id)
LEFT JOIN inbox_ x USING (integration_id)
LEFT JOIN question q USING (integration_id)
LEFT JOIN pace c ON c.account_id = %(account)s AND c.integration_id = p.integration_id
LEFT JOIN LATERAL (
    SELECT r.ended_at FROM run r
    WHERE r.account_id = %(account)s AND r.integration_id = p.integration_id AND r.kind = 'import' AND r.reason IS NULL
      AND r.state IN ('finished', 'finished_with_errors')
    ORDER BY r.started_at DESC LIMIT 1
) l ON true
CROSS JOIN LATERAL (VALUES
    ('cuadra_freshness_seconds', extract(epoch FROM clock_timestamp() - GREATEST(p.created_at, h.at, l.ended_at))),
    ('cuadra_inbox_receipts', COALESCE(x.many, 0)),
    ('cuadra_inbox_age_seconds', COALESCE(extract(epoch FROM clock_timestamp() - x.oldest), 0)),
    ('cuadra_relinks_due', COALESCE(q.due, 0)),
    ('cuadra_retries', COALESCE(q.again, 0)),
    ('cuadra_source_calls', c.calls),
    ('cuadra_source_calls_left', GREATEST(0, floor(
        c.per_second * (60 - GREATEST(0, extract(epoch FROM c.next_at - clock_timestamp())::float8)))))
) AS v(metric, value)
WHERE v.value IS NOT NULL;

-- name: measure_schedules
-- Late is what was due and not begun, or was begun by a worker that is gone.
SELECT v.metric, COALESCE(i.name, ''), s.task, v.value::float8
FROM schedule s
LEFT JOIN worker w ON w.worker_id = s.worker_id
LEFT JOIN integration i ON i.account_id = s.account_id AND i.integration_id = s.integration_id
CROSS JOIN LATERAL (VALUES
    ('cuadra_schedule_lateness_seconds', CASE
        WHEN s.begun_at IS NULL OR s.ended_at >= s.begun_at THEN
            COALESCE(GREATEST(0, extract(epoch FROM clock_timestamp() - s.due_at)), 0)
        WHEN w.seen_at > clock_timestamp() - make_interval(secs => %(gone)s::float8) THEN 0
        ELSE GREATEST(0, extract(epoch FROM clock_timestamp() - GREATEST(w.seen_at, s.begun_at))) END),
    ('cuadra_schedule_failures', s.tries)
) AS v(metric, value)
WHERE s.account_id = %(account)s AND (s.integration_id = 0 OR i.state IN ('active', 'broken'));

-- name: measure_system
-- Workers at work, bytes of the database.
SELECT count(*), pg_database_size(current_database()) FROM worker
WHERE seen_at > clock_timestamp() - make_interval(secs => %(gone)s::float8);

-- name: measure_deliveries
-- What is on its way, or needs somebody: a few rows, by their own indexes.
WITH part AS (
    SELECT destination_id, name FROM destination WHERE account_id = %(account)s AND state <> 'removed'
)
SELECT v.metric, p.name, v.detail, v.value::float8
FROM part p
CROSS JOIN LATERAL (
    SELECT count(*) AS many, min(d.asked_at) AS oldest FROM delivery d
    WHERE d.account_id = %(account)s AND d.destination_id = p.destination_id AND d.due_at IS NOT NULL
) w
CROSS JOIN LATERAL (
    SELECT count(*) AS many FROM delivery d
    WHERE d.account_id = %(account)s AND d.destination_id = p.destination_id AND d.standing = 'failed'
) f
CROSS JOIN LATERAL (VALUES
    ('cuadra_deliveries', 'waiting', w.many),
    ('cuadra_deliveries', 'failed', f.many),
    ('cuadra_delivery_age_seconds', '', COALESCE(extract(epoch FROM clock_timestamp() - w.oldest), 0))
) AS v(metric, detail, value);

-- name: measure_problems
-- Those that last, and whom they are of.
SELECT COALESCE(i.name, d.name), p.step, p.reason, p.since, p.last_at, p.count, p.next_at,
       extract(epoch FROM clock_timestamp() - p.since)::float8
FROM problem p
LEFT JOIN integration i ON i.account_id = p.account_id AND i.integration_id = p.party_id AND i.state <> 'removed'
LEFT JOIN destination d ON d.account_id = p.account_id AND d.destination_id = p.party_id AND d.state <> 'removed'
WHERE p.account_id = %(account)s AND p.ended_at IS NULL AND COALESCE(i.name, d.name) IS NOT NULL;

-- name: measure_refusals
-- Notices that were not taken in the last hours, and in an hour it is still being counted.
SELECT integration_id, hour, reason, count FROM intake_refusal
WHERE account_id = %(account)s AND hour >= %(since)s::timestamptz;

-- name: count_all
-- Everything there is: reads it all, and is asked seldom.
SELECT 'cuadra_orders', i.name, o.standing, sum(o.many)::float8
FROM (SELECT integration_id, standing, count(*) AS many FROM orders
      WHERE account_id = %(account)s GROUP BY integration_id, standing) o
JOIN integration i ON i.account_id = %(account)s AND i.integration_id = o.integration_id
GROUP BY i.name, o.standing
UNION ALL
SELECT 'cuadra_deliveries', d.name, x.standing, x.many::float8
FROM (SELECT destination_id, standing, count(*) AS many FROM delivery
      WHERE account_id = %(account)s AND standing IN ('done', 'skipped') GROUP BY destination_id, standing) x
JOIN destination d ON d.account_id = %(account)s AND d.destination_id = x.destination_id AND d.state <> 'removed';
