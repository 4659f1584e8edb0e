-- One screen: is everything arriving?

-- name: waiting_by_integration
-- What lies in the inbox; receipts of a run are its own.
SELECT integration_id, sum(last_receipt - first_receipt + 1)::bigint, min(received_at) FROM inbox
WHERE account_id = %(account)s GROUP BY integration_id;

-- name: today_by_integration
-- Orders made since a moment, by standing.
SELECT i.integration_id, o.standing, o.many
FROM integration i
CROSS JOIN LATERAL (
    SELECT standing, count(*) AS many FROM orders
    WHERE account_id = %(account)s AND integration_id = i.integration_id
      AND CASE WHEN ordered_at IS NULL THEN '-infinity' ELSE ordered_at END >= %(since)s GROUP BY standing
) o
WHERE i.account_id = %(account)s;

-- name: newest_by_integration
-- When the last thing of each integration was taken into the ledger.
SELECT i.integration_id, (
    SELECT max(r.ended_at) FROM run r
    WHERE r.account_id = i.account_id AND r.integration_id = i.integration_id AND r.kind = 'import'
      AND r.state IN ('finished', 'finished_with_errors') AND r.reason IS NULL)
FROM integration i WHERE i.account_id = %(account)s AND i.state <> 'removed';

-- name: questions_by_integration
SELECT integration_id, count(*), count(*) FILTER (WHERE tries > 0), min(due_at) FROM relink
WHERE account_id = %(account)s GROUP BY integration_id;

-- name: list_runs
SELECT r.run_id, i.name, r.kind, r.state, r.author, r.started_at, r.ended_at, r.received, r.reason, r.proven,
       r.cancelled_by
FROM run r JOIN integration i ON i.account_id = r.account_id AND i.integration_id = r.integration_id
WHERE r.account_id = %(account)s AND r.kind <> 'act'
  AND (%(integration)s::bigint IS NULL OR r.integration_id = %(integration)s)
  AND (%(state)s::text IS NULL OR r.state = %(state)s)
  AND (%(before)s::bigint IS NULL OR r.run_id < %(before)s)
ORDER BY r.run_id DESC LIMIT %(limit)s;

-- name: get_run
SELECT r.run_id, i.name, r.kind, r.state, r.author, r.started_at, r.ended_at, r.received, r.reason, r.proven,
       r.cancelled_by, r.evidence, r.report, r.source_count, r.count_origin
FROM run r JOIN integration i ON i.account_id = r.account_id AND i.integration_id = r.integration_id
WHERE r.account_id = %(account)s AND r.run_id = %(run)s;
