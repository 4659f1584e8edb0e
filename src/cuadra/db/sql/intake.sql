-- Accounts, integrations, runs, file sets and the inbox.

-- name: add_account
INSERT INTO account (name, currency, country, time_zone, retention)
VALUES (%(name)s, %(currency)s, %(country)s, %(time_zone)s, %(retention)s) RETURNING account_id;

-- name: set_account
UPDATE account SET currency = COALESCE(%(currency)s, currency), country = COALESCE(%(country)s, country),
                   time_zone = COALESCE(%(time_zone)s, time_zone), retention = COALESCE(%(retention)s, retention)
WHERE account_id = %(account)s;

-- name: list_account_names
SELECT account_id, name FROM account_directory();

-- name: get_account
SELECT account_id, name, currency, country, time_zone, retention, created_at FROM account WHERE account_id = %(account)s;

-- name: add_store
INSERT INTO store (account_id, platform, source_id, name) VALUES (%(account)s, %(platform)s, %(source)s, %(name)s)
ON CONFLICT (account_id, platform, source_id) DO UPDATE SET name = store.name
RETURNING store_id;

-- name: set_store_zone
UPDATE store SET time_zone = %(zone)s
WHERE account_id = %(account)s AND store_id = %(store)s AND time_zone IS DISTINCT FROM %(zone)s;

-- name: store_integrations
SELECT i.name FROM integration i JOIN store s USING (account_id, store_id)
WHERE i.account_id = %(account)s AND s.platform = %(platform)s AND s.source_id = %(source)s AND i.state <> 'removed';

-- name: add_integration
INSERT INTO integration (account_id, store_id, name, connector, mode, settings, address)
VALUES (%(account)s, %(store)s, %(name)s, %(connector)s, %(mode)s, %(settings)s, %(address)s) RETURNING integration_id;

-- name: get_integration
SELECT i.integration_id, i.store_id, i.name, i.connector, i.state, i.mode, i.settings, i.rule_version, s.platform,
       s.source_id, s.name, i.created_at, i.address, s.time_zone
FROM integration i JOIN store s USING (account_id, store_id)
WHERE i.account_id = %(account)s AND i.name = %(name)s AND i.state <> 'removed';

-- name: get_integration_by_id
SELECT i.integration_id, i.store_id, i.name, i.connector, i.state, i.mode, i.settings, i.rule_version, s.platform,
       s.source_id, s.name, i.created_at, i.address, s.time_zone
FROM integration i JOIN store s USING (account_id, store_id)
WHERE i.account_id = %(account)s AND i.integration_id = %(integration)s;

-- name: list_integrations
SELECT i.integration_id, i.store_id, i.name, i.connector, i.state, i.mode, i.settings, i.rule_version, s.platform,
       s.source_id, s.name, i.created_at, i.address, s.time_zone
FROM integration i JOIN store s USING (account_id, store_id)
WHERE i.account_id = %(account)s AND i.state <> 'removed' ORDER BY i.name;

-- name: set_integration_state
UPDATE integration SET state = %(state)s WHERE account_id = %(account)s AND integration_id = %(integration)s;

-- name: set_integration_settings
UPDATE integration SET settings = %(settings)s WHERE account_id = %(account)s AND integration_id = %(integration)s;

-- name: set_integration_mode
UPDATE integration SET mode = %(mode)s WHERE account_id = %(account)s AND integration_id = %(integration)s;

-- name: set_integration_address
UPDATE integration SET address = %(address)s WHERE account_id = %(account)s AND integration_id = %(integration)s;

-- name: note_integration_state
INSERT INTO integration_state (account_id, integration_id, state, author, note)
VALUES (%(account)s, %(integration)s, %(state)s, %(author)s, %(note)s);

-- name: list_integration_states
SELECT at, state, author, note FROM integration_state
WHERE account_id = %(account)s AND integration_id = %(integration)s ORDER BY at;

-- name: last_run
SELECT run_id, state, started_at, ended_at FROM run
WHERE account_id = %(account)s AND integration_id = %(integration)s AND kind <> 'act' ORDER BY started_at DESC LIMIT 1;

-- name: get_rules
SELECT rules FROM rule_version
WHERE account_id = %(account)s AND integration_id = %(integration)s AND version = %(version)s;

-- name: add_rules
INSERT INTO rule_version (account_id, integration_id, version, rules, author, note)
VALUES (%(account)s, %(integration)s, %(version)s, %(rules)s, %(author)s, %(note)s);

-- name: use_rules
UPDATE integration SET rule_version = %(version)s
WHERE account_id = %(account)s AND integration_id = %(integration)s;

-- name: list_rules
SELECT version, at, author, note, rules FROM rule_version
WHERE account_id = %(account)s AND integration_id = %(integration)s ORDER BY version;

-- name: list_phone_regions
-- Former rules count too: what they let in keeps the form that they gave it.
SELECT DISTINCT rules -> 'customers' ->> 'region' AS region FROM rule_version
WHERE account_id = %(account)s AND rules -> 'customers' ->> 'region' <> '' ORDER BY region;

-- name: set_rate
INSERT INTO exchange_rate (account_id, source, target, day, rate, author)
VALUES (%(account)s, %(source)s, %(target)s, %(day)s, %(rate)s, %(author)s)
ON CONFLICT (account_id, source, target, day)
DO UPDATE SET rate = excluded.rate, author = excluded.author, at = now();

-- name: list_rates
SELECT source, target, day, rate, author FROM exchange_rate WHERE account_id = %(account)s ORDER BY day DESC, source;

-- name: audit
INSERT INTO audit (account_id, actor, action, object, detail)
VALUES (%(account)s, %(actor)s, %(action)s, %(object)s, %(detail)s);

-- name: take_run
-- The one that was interrupted. From here on nobody stores anything for it who worked on it before: a worker that was cut
-- off, or whose sessions died with the server, may still be at it and not know.
UPDATE run SET fence = fence + 1
WHERE account_id = %(account)s AND run_id = (
    SELECT run_id FROM run
    WHERE account_id = %(account)s AND integration_id = %(integration)s AND kind = 'import' AND state = 'running'
    ORDER BY run_id DESC LIMIT 1
)
RETURNING run_id, fence, cursor, cancelled_by;

-- name: hold_run
SELECT FROM run WHERE account_id = %(account)s AND run_id = %(run)s AND fence = %(fence)s AND state = 'running'
FOR NO KEY UPDATE;

-- name: first_import
-- When the first import of an integration began.
SELECT min(started_at) FROM run
WHERE account_id = %(account)s AND integration_id = %(integration)s AND kind = 'import';

-- name: add_run
INSERT INTO run (account_id, integration_id, kind, author, scope)
VALUES (%(account)s, %(integration)s, %(kind)s, %(author)s, %(scope)s) RETURNING run_id;

-- name: advance_run
UPDATE run SET cursor = %(cursor)s, received = received + %(received)s
WHERE account_id = %(account)s AND run_id = %(run)s
RETURNING cancelled_by IS NOT NULL;

-- name: cancel_run
UPDATE run SET cancelled_by = %(author)s
WHERE account_id = %(account)s AND run_id = %(run)s AND state IN ('queued', 'running') RETURNING integration_id;

-- name: all_received
UPDATE run SET all_received = true, source_count = %(source_count)s, count_origin = %(origin)s, cursor = '{}'
WHERE account_id = %(account)s AND run_id = %(run)s;

-- name: end_run
UPDATE run SET state = %(state)s, ended_at = clock_timestamp(), report = %(report)s, proven = %(proven)s,
               reason = %(reason)s, evidence = %(evidence)s
WHERE account_id = %(account)s AND run_id = %(run)s;

-- name: lock_integration
-- One import of an integration at a time; held by the session, so that a killed program lets go.
SELECT pg_try_advisory_lock(7208, %(integration)s::int);

-- name: unlock_integration
SELECT pg_advisory_unlock(7208, %(integration)s::int);

-- name: known_set
-- One that has been read to its end.
SELECT set_id, name, received_at, run_id FROM file_set
WHERE account_id = %(account)s AND integration_id = %(integration)s AND digest = %(digest)s AND state = 'read'
ORDER BY set_id LIMIT 1;

-- name: begun_set
-- One that this run has taken; killed before its first receipts were stored, it left no cursor.
SELECT set_id FROM file_set
WHERE account_id = %(account)s AND run_id = %(run)s AND digest = %(digest)s AND state = 'taken'
ORDER BY set_id LIMIT 1;

-- name: add_set
INSERT INTO file_set (account_id, integration_id, run_id, name, sequence, digest, files, layout, state, reason, evidence)
VALUES (%(account)s, %(integration)s, %(run)s, %(name)s, %(sequence)s, %(digest)s, %(files)s, %(layout)s, %(state)s,
        %(reason)s, %(evidence)s)
RETURNING set_id;

-- name: set_read
UPDATE file_set SET state = 'read' WHERE account_id = %(account)s AND set_id = %(set)s;

-- name: hold_set
UPDATE file_set SET state = 'held', reason = %(reason)s, evidence = %(evidence)s
WHERE account_id = %(account)s AND set_id = %(set)s;

-- name: get_set
SELECT set_id, name, sequence, files, layout, integration_id, digest FROM file_set
WHERE account_id = %(account)s AND set_id = %(set)s;

-- name: add_coverage
INSERT INTO coverage (account_id, integration_id, run_id, axis, span, read_at, filter, reach)
VALUES (%(account)s, %(integration)s, %(run)s, %(axis)s, tstzrange(%(start)s, %(end)s), %(read_at)s, %(filter)s, %(reach)s);

-- name: list_coverage
SELECT axis, lower(span), upper(span), read_at, filter, reach FROM coverage
WHERE account_id = %(account)s AND integration_id = %(integration)s ORDER BY coverage_id;

-- name: draw_receipts
SELECT nextval('receipt_block');

-- name: add_inbox
INSERT INTO inbox (account_id, integration_id, run_id, set_id, retention, received_at, first_receipt, last_receipt)
VALUES (%(account)s, %(integration)s, %(run)s, %(set)s, %(retention)s, %(now)s, %(first)s, %(last)s);

-- name: take_from_inbox
-- Whole ranges, or the parts of them that this (halved) batch holds; fewer rows if another worker has taken some. Ranges
-- of the inbox have nothing in common, so that the one that begins last before a receipt is the only one that can hold it.
DELETE FROM inbox x
USING unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS a(first, last)
CROSS JOIN LATERAL (
    SELECT i.inbox_id, i.last_receipt FROM inbox i
    WHERE i.account_id = %(account)s AND i.first_receipt <= a.first ORDER BY i.first_receipt DESC LIMIT 1
) f
WHERE x.account_id = %(account)s AND x.inbox_id = f.inbox_id AND f.last_receipt >= a.last
RETURNING x.integration_id, x.run_id, x.set_id, x.retention, x.received_at, x.first_receipt, x.last_receipt, a.first, a.last;

-- name: list_inbox
SELECT inbox_id, set_id, retention, received_at, first_receipt, last_receipt FROM inbox
WHERE account_id = %(account)s AND run_id = %(run)s ORDER BY first_receipt;

-- name: load_receipts
-- Of many ranges at once; OFFSET 0 keeps each of them a look-up by key, in its own partition.
SELECT r.receipt_id, r.kind, r.sequence, r.file_no, r.line, r.arrival, r.headers, r.body
FROM unnest(%(retentions)s::int2[], %(times)s::timestamptz[], %(firsts)s::int8[], %(lasts)s::int8[])
     WITH ORDINALITY AS e(retention, received_at, first, last, nr)
CROSS JOIN LATERAL (
    SELECT * FROM receipt
    WHERE account_id = %(account)s AND retention = e.retention AND received_at = e.received_at
      AND receipt_id BETWEEN e.first AND e.last OFFSET 0
) r
ORDER BY e.nr, r.receipt_id;

-- name: list_brought
-- What a run has taken in besides orders.
SELECT DISTINCT entity FROM attempt
WHERE account_id = %(account)s AND run_id = %(run)s AND entity <> 'order' AND outcome IN ('created', 'updated');

-- name: count_attempts
-- What happened to the receipts of a run, by what they speak of.
SELECT entity, outcome, reason, count(*) FROM attempt
WHERE account_id = %(account)s AND run_id = %(run)s GROUP BY entity, outcome, reason;

-- name: count_orders
-- The distinct orders that a run saw, by where they stand now; those that it took in without anything to be said of them, by
-- where it put them: to look at each order once more, right after it was written, cost over two fifths of its insertion.
WITH seen AS (
    SELECT order_id, bool_and(standing = 'present' AND reason IS NULL AND warnings IS NULL) IS TRUE AS plain
    FROM attempt WHERE account_id = %(account)s AND run_id = %(run)s AND entity = 'order' AND order_id IS NOT NULL
    GROUP BY order_id
)
SELECT 'present', NULL, NULL, count(*) FROM seen WHERE plain
UNION ALL
SELECT standing, reason, warnings, count(*) FROM orders
WHERE account_id = %(account)s AND order_id IN (SELECT order_id FROM seen WHERE NOT plain)
GROUP BY standing, reason, warnings;

-- name: count_rejects
SELECT count(*), count(DISTINCT set_id) FROM file_reject r
WHERE account_id = %(account)s
  AND set_id IN (SELECT set_id FROM file_set WHERE account_id = %(account)s AND run_id = %(run)s);

-- name: sets_with_rejects
SELECT set_id, name, files FROM file_set s
WHERE account_id = %(account)s AND integration_id = %(integration)s
  AND EXISTS (SELECT FROM file_reject r WHERE r.account_id = s.account_id AND r.set_id = s.set_id AND NOT r.settled)
ORDER BY set_id;

-- name: list_rejects
SELECT file_no, line, column_name, value, rule, reason, raw FROM file_reject
WHERE account_id = %(account)s AND set_id = %(set)s AND NOT settled ORDER BY file_no, line, column_name;

-- name: reject_receipt
SELECT receipt_id FROM file_reject
WHERE account_id = %(account)s AND set_id = %(set)s AND file_no = %(file_no)s AND line = %(line)s AND NOT settled
LIMIT 1;

-- name: get_receipt
-- One whose person was erased has no rows any more that could be corrected.
SELECT kind, file_no, line, body FROM receipt
WHERE account_id = %(account)s AND receipt_id = %(receipt)s AND NOT COALESCE(headers ? 'erased', false);

-- name: settle_rejects
-- A corrected row has come: the bad one does not go back again.
UPDATE file_reject SET settled = true WHERE account_id = %(account)s AND receipt_id = %(receipt)s;

-- name: settle_superseded
-- What came again, right, in a later receipt that made the order what it is: its bad rows do not go back any more.
UPDATE file_reject r SET settled = true
FROM file_set s
WHERE s.account_id = %(account)s AND s.integration_id = %(integration)s
  AND r.account_id = s.account_id AND r.set_id = s.set_id AND NOT r.settled
  AND EXISTS (
      SELECT FROM attempt a JOIN orders o ON o.account_id = a.account_id AND o.order_id = a.order_id
      WHERE a.account_id = r.account_id AND a.receipt_id = r.receipt_id AND a.entity = 'order'
        AND o.receipt_id > r.receipt_id
        AND NOT EXISTS (SELECT FROM file_reject n WHERE n.account_id = r.account_id AND n.receipt_id = o.receipt_id)
      OFFSET 0);

-- name: tables_without_policy
-- Tables with an account_id that any role of the app may touch without a policy, partitions included.
SELECT c.relname FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id' AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity
  AND (has_table_privilege('cuadra_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE')
       OR has_table_privilege('cuadra_intake', c.oid, 'SELECT, INSERT, UPDATE, DELETE'))
ORDER BY c.relname;

-- name: oldest_work
SELECT count(*), min(received_at) FROM inbox;

-- name: list_arrived
-- What has come outside of any run, oldest first.
SELECT set_id, retention, received_at, first_receipt, last_receipt FROM inbox
WHERE account_id = %(account)s AND integration_id = %(integration)s AND run_id IS NULL
ORDER BY first_receipt LIMIT %(most)s;

-- name: list_arrivals
-- Integrations whose notices await the pipeline, of all accounts; who has waited longest comes first.
SELECT x.account_id, x.integration_id FROM inbox x
JOIN integration i ON i.account_id = x.account_id AND i.integration_id = x.integration_id
WHERE x.run_id IS NULL AND i.state IN ('active', 'broken')
GROUP BY x.account_id, x.integration_id ORDER BY min(x.received_at);

-- name: list_questions
-- Integrations with something to ask or to write back, of all accounts, but for sources that are given a rest.
SELECT q.account_id, q.integration_id FROM (
    SELECT DISTINCT account_id, integration_id FROM relink WHERE due_at <= %(now)s
    UNION
    SELECT DISTINCT account_id, integration_id FROM write_back WHERE due_at <= %(now)s
) q
JOIN integration i ON i.account_id = q.account_id AND i.integration_id = q.integration_id
WHERE i.state = 'active'
  AND NOT EXISTS (SELECT FROM problem p WHERE p.account_id = q.account_id AND p.party_id = q.integration_id
                  AND p.step = 'fetch' AND p.ended_at IS NULL AND p.next_at > %(now)s);

-- name: list_relinks
-- Of one kind, the kind that is due first.
WITH first AS (
    SELECT kind FROM relink
    WHERE account_id = %(account)s AND integration_id = %(integration)s AND due_at <= %(now)s ORDER BY due_at, kind LIMIT 1
)
SELECT kind, source_id, asked_at, tries FROM relink
WHERE account_id = %(account)s AND integration_id = %(integration)s AND due_at <= %(now)s
  AND kind = (SELECT kind FROM first)
ORDER BY due_at, source_id LIMIT %(limit)s;

-- name: count_relinks
SELECT kind, count(*) FROM relink WHERE account_id = %(account)s AND integration_id = %(integration)s GROUP BY kind;

-- name: end_relinks
-- What was asked for anew while the source answered stays.
DELETE FROM relink r USING unnest(%(ids)s::text[], %(asked)s::timestamptz[]) AS e (source_id, asked_at)
WHERE r.account_id = %(account)s AND r.integration_id = %(integration)s AND r.kind = %(kind)s
  AND r.source_id = e.source_id AND r.asked_at = e.asked_at;

-- name: put_off_relink
UPDATE relink SET due_at = %(due)s, tries = tries + 1, reason = %(reason)s, evidence = %(evidence)s
WHERE account_id = %(account)s AND integration_id = %(integration)s AND kind = %(kind)s AND source_id = %(id)s;

-- name: known_products
-- Products whose details are here.
SELECT DISTINCT k.value FROM product_key k
JOIN product p ON p.account_id = k.account_id AND p.product_id = k.product_id
WHERE k.account_id = %(account)s AND k.kind = 'id' AND k.scope = %(store)s AND k.value = ANY(%(ids)s)
  AND p.origin <> 'order';

-- name: known_people
SELECT value FROM customer_key WHERE account_id = %(account)s AND kind = 'source' AND value = ANY(%(people)s);
