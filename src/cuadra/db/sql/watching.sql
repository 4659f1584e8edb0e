-- What somebody sees who looks on.

-- name: list_happened
-- What became of an integration's orders since a moment, in the order in which it did. What a run reads again and finds
-- known is no news; of a notice it is.
SELECT a.attempt_id, a.at, COALESCE(o.number, o.source_id), o.total, o.currency, a.outcome, a.standing, a.reason
FROM attempt a JOIN orders o ON o.account_id = a.account_id AND o.order_id = a.order_id
WHERE a.account_id = %(account)s AND o.integration_id = %(integration)s AND a.entity = 'order' AND a.at >= %(since)s
  AND (a.run_id IS NULL OR a.outcome NOT IN ('duplicate', 'unchanged'))
ORDER BY a.at, a.attempt_id;
