-- Notices that platforms were asked to send, and how they fare.

-- name: list_subscriptions
-- What was asked for, as it was last seen.
SELECT topic, source_id, url, state, made_at, checked_at, remade, lost_at FROM subscription
WHERE account_id = %(account)s AND integration_id = %(integration)s
ORDER BY topic;

-- name: note_lost_subscription
-- Its last good look stays: from then on notices may be missing, until it is made again.
UPDATE subscription SET state = %(state)s, lost_at = %(at)s
WHERE account_id = %(account)s AND integration_id = %(integration)s AND topic = %(topic)s;

-- name: note_subscription
-- As it is now; a new one takes the place of the one before.
INSERT INTO subscription (account_id, integration_id, topic, source_id, url, state, made_at, checked_at, remade, lost_at)
VALUES (%(account)s, %(integration)s, %(topic)s, %(source)s, %(url)s, %(state)s, %(made)s, %(checked)s, %(remade)s, %(lost)s)
ON CONFLICT (account_id, integration_id, topic) DO UPDATE
SET source_id = excluded.source_id, url = excluded.url, state = excluded.state, made_at = excluded.made_at,
    checked_at = excluded.checked_at, remade = excluded.remade, lost_at = excluded.lost_at;

-- name: forget_subscriptions
-- Topics that are not asked for any more; all of them where none is kept.
DELETE FROM subscription
WHERE account_id = %(account)s AND integration_id = %(integration)s AND NOT topic = ANY(%(kept)s::text[]);
