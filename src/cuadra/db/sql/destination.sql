-- Destinations, and what is on its way to them.

-- name: add_destination
INSERT INTO destination (account_id, name, url, settings) VALUES (%(account)s, %(name)s, %(url)s, %(settings)s)
RETURNING destination_id;

-- name: list_destinations
SELECT destination_id, name, url, state, settings, created_at FROM destination
WHERE account_id = %(account)s AND state <> 'removed' ORDER BY name;

-- name: change_destination
UPDATE destination SET url = %(url)s, settings = %(settings)s
WHERE account_id = %(account)s AND destination_id = %(destination)s;

-- name: set_destination_state
UPDATE destination SET state = %(state)s WHERE account_id = %(account)s AND destination_id = %(destination)s;

-- name: has_destination
SELECT EXISTS (SELECT FROM destination WHERE account_id = %(account)s AND state <> 'removed');

-- name: write_deliveries
-- In the transaction that changes the orders: what each destination is to be told of them. Nothing where it was told the
-- same already, and nothing of an order that was never present. `destination` NULL: all of them. What has not changed at its
-- source for a day is history: it is sent where nothing live waits.
INSERT INTO delivery (account_id, destination_id, order_id, sequence, kind, version, asked_at, due_at, history, digest, body)
SELECT o.account_id, d.destination_id, o.order_id, COALESCE(l.sequence, 0) + 1, k.kind, o.version, now(), now(),
       COALESCE(COALESCE(o.stamp, o.ordered_at) < now() - interval '1 day', false),
       sha256(convert_to(b.body::text, 'UTF8')), b.body
FROM orders o
JOIN destination d ON d.account_id = o.account_id AND d.state <> 'removed'
CROSS JOIN LATERAL (SELECT CASE WHEN o.standing = 'present' THEN 'order.present' ELSE 'order.withdrawn' END) AS k(kind)
CROSS JOIN LATERAL (SELECT order_document(o.account_id, o.order_id)) AS b(body)
LEFT JOIN LATERAL (
    SELECT x.sequence, x.kind, x.digest FROM delivery x
    WHERE x.account_id = o.account_id AND x.destination_id = d.destination_id AND x.order_id = o.order_id
    ORDER BY x.sequence DESC LIMIT 1
) l ON true
WHERE o.account_id = %(account)s AND o.order_id = ANY(%(orders)s)
  AND (%(destination)s::bigint IS NULL OR d.destination_id = %(destination)s)
  AND (%(again)s OR CASE WHEN o.standing = 'present'
       THEN l.digest IS DISTINCT FROM sha256(convert_to(b.body::text, 'UTF8')) OR l.kind <> 'order.present'
       ELSE l.kind = 'order.present' END)
  AND (o.standing = 'present' OR l.kind IS NOT NULL);

-- name: list_present
-- Keyset over everything that a destination is to have.
SELECT order_id FROM orders
WHERE account_id = %(account)s AND order_id > %(after)s AND standing = 'present' ORDER BY order_id LIMIT %(limit)s;

-- name: find_deliverable
-- Destinations of all accounts with something due, but for those that are given a rest.
SELECT d.account_id, d.destination_id FROM destination d
WHERE d.state = 'active'
  AND EXISTS (SELECT FROM delivery x WHERE x.account_id = d.account_id AND x.destination_id = d.destination_id
              AND x.history = ANY('{false,true}') AND x.due_at <= clock_timestamp())
  AND NOT EXISTS (SELECT FROM problem p WHERE p.account_id = d.account_id AND p.party_id = d.destination_id
                  AND p.step = 'deliver' AND p.ended_at IS NULL AND p.next_at > clock_timestamp());

-- name: get_destination
SELECT destination_id, name, url, state, settings, created_at FROM destination
WHERE account_id = %(account)s AND destination_id = %(destination)s;

-- name: list_heads
-- What may go now, live before history: of each order the oldest that has not been sent. What was sent and is to be read back is due again.
-- OFFSET 0 keeps this a look by key for each order: as a join, planned for a table that has not been analysed (after a
-- crash, or since it began to fill), it compares each parcel with all of them.
SELECT d.order_id, d.sequence, d.kind, d.version, d.tries, d.asked_at, d.sent_at, d.body,
       EXISTS (SELECT FROM delivery l WHERE l.account_id = d.account_id AND l.destination_id = d.destination_id
               AND l.order_id = d.order_id AND l.sequence > d.sequence)
FROM delivery d
WHERE d.account_id = %(account)s AND d.destination_id = %(destination)s AND d.due_at <= clock_timestamp()
  AND NOT d.order_id = ANY(%(busy)s)
  AND NOT EXISTS (SELECT FROM delivery e WHERE e.account_id = d.account_id AND e.destination_id = d.destination_id
                  AND e.order_id = d.order_id AND e.sequence < d.sequence AND e.standing = 'waiting' AND e.sent_at IS NULL
                  OFFSET 0)
ORDER BY d.history, d.due_at, d.order_id, d.sequence LIMIT %(limit)s;

-- name: end_deliveries
-- What became of some of them. The document is not needed any more once it has arrived.
UPDATE delivery d
SET standing = e.standing, reason = e.reason, evidence = e.evidence::jsonb, tries = e.tries,
    due_at = clock_timestamp() + make_interval(secs => e.pause), sent_at = e.sent_at,
    ended_at = CASE WHEN e.standing <> 'waiting' THEN clock_timestamp() END,
    body = CASE WHEN e.standing = 'done' THEN NULL ELSE d.body END
FROM unnest(%(orders)s::int8[], %(sequences)s::int4[], %(standings)s::text[], %(reasons)s::text[], %(evidences)s::text[],
            %(tries)s::int4[], %(pauses)s::float8[], %(sents)s::timestamptz[])
     AS e(order_id, sequence, standing, reason, evidence, tries, pause, sent_at)
WHERE d.account_id = %(account)s AND d.destination_id = %(destination)s AND d.order_id = e.order_id
  AND d.sequence = e.sequence AND d.standing = 'waiting';

-- name: write_delivery_attempts
INSERT INTO delivery_attempt (account_id, destination_id, order_id, sequence, at, outcome, status, micros, reason, evidence)
SELECT %(account)s, %(destination)s, e.order_id, e.sequence, e.at, e.outcome, e.status, e.micros, e.reason, e.evidence::jsonb
FROM unnest(%(orders)s::int8[], %(sequences)s::int4[], %(ats)s::timestamptz[], %(outcomes)s::text[], %(statuses)s::int2[],
            %(micros)s::int4[], %(reasons)s::text[], %(evidences)s::text[])
     AS e(order_id, sequence, at, outcome, status, micros, reason, evidence)
ON CONFLICT DO NOTHING;

-- name: count_deliveries
-- What is on its way, and what is held. Of an order that a newer version went on after, nothing is held any more.
SELECT d.destination_id, d.standing, d.reason, count(*), min(d.asked_at), min(d.due_at) FROM delivery d
WHERE d.account_id = %(account)s AND d.standing <> 'done'
  AND (d.standing <> 'failed' OR NOT EXISTS (
    SELECT FROM delivery l WHERE l.account_id = d.account_id AND l.destination_id = d.destination_id
    AND l.order_id = d.order_id AND l.sequence > d.sequence))
GROUP BY d.destination_id, d.standing, d.reason;

-- name: count_done
SELECT destination_id, count(*), max(ended_at) FROM delivery
WHERE account_id = %(account)s AND standing = 'done' GROUP BY destination_id;

-- name: list_held
-- Deliveries that nobody sends any more until somebody releases them; an order that a newer version of has arrived needs
-- no help.
SELECT d.order_id, o.number, o.source_id, d.sequence, d.version, d.reason, d.evidence, d.tries, d.ended_at
FROM delivery d JOIN orders o ON o.account_id = d.account_id AND o.order_id = d.order_id
WHERE d.account_id = %(account)s AND d.destination_id = %(destination)s AND d.standing = 'failed'
  AND NOT EXISTS (SELECT FROM delivery l WHERE l.account_id = d.account_id AND l.destination_id = d.destination_id
                  AND l.order_id = d.order_id AND l.sequence > d.sequence)
ORDER BY d.ended_at DESC, d.order_id LIMIT %(limit)s;

-- name: release_deliveries
-- Put in motion again: all of a destination, or those of some orders. Only the newest of an order.
UPDATE delivery d SET standing = 'waiting', due_at = clock_timestamp(), tries = 0, ended_at = NULL, sent_at = NULL,
       reason = NULL, evidence = NULL, body = COALESCE(d.body, order_document(d.account_id, d.order_id))
WHERE d.account_id = %(account)s AND d.destination_id = %(destination)s AND d.standing = 'failed'
  AND (%(orders)s::bigint[] IS NULL OR d.order_id = ANY(%(orders)s))
  AND NOT EXISTS (SELECT FROM delivery l WHERE l.account_id = d.account_id AND l.destination_id = d.destination_id
                  AND l.order_id = d.order_id AND l.sequence > d.sequence);

-- name: list_order_deliveries
SELECT d.destination_id, n.name, d.sequence, d.kind, d.version, d.standing, d.reason, d.evidence, d.tries, d.asked_at,
       d.due_at, d.sent_at, d.ended_at
FROM delivery d JOIN destination n ON n.account_id = d.account_id AND n.destination_id = d.destination_id
WHERE d.account_id = %(account)s AND d.order_id = %(order)s ORDER BY n.name, d.sequence DESC;

-- name: list_delivery_attempts
SELECT destination_id, sequence, at, outcome, status, micros, reason, evidence FROM delivery_attempt
WHERE account_id = %(account)s AND order_id = %(order)s ORDER BY at DESC LIMIT %(limit)s;

-- name: erase_deliveries
-- What is on its way goes without the person; the destination is told the same anew.
UPDATE delivery SET body = NULL, evidence = CASE WHEN reason IS NOT NULL OR standing = 'waiting' THEN '{"erased": true}'::jsonb END,
       standing = CASE WHEN standing = 'waiting' THEN 'skipped' ELSE standing END,
       reason = CASE WHEN standing = 'waiting' THEN 'personal_data_erased' ELSE reason END,
       due_at = NULL, ended_at = COALESCE(ended_at, clock_timestamp())
WHERE account_id = %(account)s AND order_id = ANY(%(orders)s);

-- name: erase_delivery_attempts
UPDATE delivery_attempt SET evidence = '{"erased": true}'
WHERE account_id = %(account)s AND order_id = ANY(%(orders)s) AND evidence IS NOT NULL;

-- name: last_delivery_attempt
SELECT at, outcome, status, micros, reason, evidence FROM delivery_attempt
WHERE account_id = %(account)s AND destination_id = %(destination)s ORDER BY at DESC LIMIT 1;
