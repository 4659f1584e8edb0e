-- Acts of persons: each is a receipt with an attempt, under the account's lock like everything else.

-- name: write_act_receipt
INSERT INTO receipt (account_id, receipt_id, retention, received_at, integration_id, arrival, kind, sequence, body)
VALUES (%(account)s, %(receipt)s, %(retention)s, %(now)s, %(integration)s, 'person', 'act', %(sequence)s, %(body)s);

-- name: write_act_attempt
INSERT INTO attempt (account_id, attempt_id, retention, at, receipt_id, order_id, entity, identifier, outcome, standing,
                     steps)
VALUES (%(account)s, %(attempt)s, %(retention)s, %(now)s, %(receipt)s, %(order)s, 'act', %(identifier)s, %(outcome)s,
        %(standing)s, 's-----s-');

-- name: freeze_order
UPDATE orders SET frozen_at = %(now)s
WHERE account_id = %(account)s AND order_id = %(order)s AND frozen_at IS NULL AND standing = 'present';

-- name: get_order_standing
SELECT source_id, integration_id, store_id, standing, frozen_at FROM orders
WHERE account_id = %(account)s AND order_id = %(order)s FOR UPDATE;

-- name: take_frozen_change
DELETE FROM frozen_change WHERE account_id = %(account)s AND order_id = %(order)s
RETURNING receipt_id, stamp, sequence, digest, changes, content;

-- name: thaw_order
UPDATE orders SET frozen_at = NULL WHERE account_id = %(account)s AND order_id = %(order)s;

-- name: refreeze_order
UPDATE orders SET frozen_at = %(frozen_at)s WHERE account_id = %(account)s AND order_id = %(order)s;

-- name: find_products
SELECT p.product_id, p.name, p.sku, p.code, p.active, p.unit, c.path, p.warnings, p.origin
FROM product p LEFT JOIN category c ON c.account_id = p.account_id AND c.category_id = p.category_id
WHERE p.account_id = %(account)s
  AND (%(text)s::text IS NULL OR p.sku = %(text)s OR p.code = %(text)s OR p.product_id::text = %(text)s
       OR p.name ILIKE '%%' || %(text)s || '%%')
ORDER BY p.product_id LIMIT %(limit)s;

-- name: get_product
SELECT product_id, name, sku, code, active FROM product WHERE account_id = %(account)s AND product_id = %(product)s;

-- name: activate_product
UPDATE product SET active = %(active)s, inactive_at = CASE WHEN %(active)s THEN NULL ELSE %(now)s::timestamptz END
WHERE account_id = %(account)s AND product_id = %(product)s AND active <> %(active)s;

-- name: unlink_key
-- A key that a person gives to one product is taken from the others that had it.
DELETE FROM product_key
WHERE account_id = %(account)s AND kind = %(kind)s AND scope = %(scope)s AND value = %(value)s
  AND product_id <> %(product)s;

-- name: link_key
INSERT INTO product_key (account_id, kind, scope, value, product_id)
VALUES (%(account)s, %(kind)s, %(scope)s, %(value)s, %(product)s)
ON CONFLICT (account_id, kind, scope, value, product_id) DO UPDATE SET former = false;

-- name: list_customers
SELECT c.customer_id, c.name, c.merged_into,
       (SELECT array_agg(k.kind || ':' || k.value ORDER BY k.kind, k.value) FROM customer_key k
        WHERE k.account_id = c.account_id AND k.customer_id = c.customer_id) AS keys,
       (SELECT count(*) FROM orders o WHERE o.account_id = c.account_id AND o.customer_id = c.customer_id) AS orders
FROM customer c
WHERE c.account_id = %(account)s
  AND (%(text)s::text IS NULL OR c.customer_id::text = %(text)s OR c.name ILIKE '%%' || %(text)s || '%%'
       OR EXISTS (SELECT FROM customer_key k WHERE k.account_id = c.account_id AND k.customer_id = c.customer_id
                  AND k.value = %(text)s))
ORDER BY c.customer_id LIMIT %(limit)s;

-- name: list_conflicts
-- Two who have been merged with the same third are one by now.
WITH RECURSIVE up AS (
    SELECT customer_id, merged_into FROM customer WHERE account_id = %(account)s AND merged_into IS NOT NULL
    UNION
    SELECT up.customer_id, c.merged_into
    FROM up JOIN customer c ON c.account_id = %(account)s AND c.customer_id = up.merged_into
    WHERE c.merged_into IS NOT NULL
), person AS (
    SELECT up.customer_id, up.merged_into AS root
    FROM up JOIN customer c ON c.account_id = %(account)s AND c.customer_id = up.merged_into AND c.merged_into IS NULL
)
SELECT f.one, a.name, f.other, b.name, count(*), min(f.at)
FROM customer_conflict f
JOIN customer a ON a.account_id = f.account_id AND a.customer_id = f.one
JOIN customer b ON b.account_id = f.account_id AND b.customer_id = f.other
LEFT JOIN person p ON p.customer_id = f.one
LEFT JOIN person q ON q.customer_id = f.other
WHERE f.account_id = %(account)s AND f.decision IS NULL AND COALESCE(p.root, f.one) <> COALESCE(q.root, f.other)
GROUP BY f.one, a.name, f.other, b.name ORDER BY count(*) DESC, f.one LIMIT %(limit)s;

-- name: get_customer
SELECT customer_id, name, merged_into, erased_at, created_at FROM customer
WHERE account_id = %(account)s AND customer_id = %(customer)s FOR UPDATE;

-- name: merge_customer
-- Whoever was merged into the one that goes stays so: undoing this merge leaves that one.
UPDATE customer SET merged_into = %(into)s WHERE account_id = %(account)s AND customer_id = %(customer)s;

-- name: list_merged_into
-- Into whom a customer has been merged, nearest first; the last of them stands for all.
WITH RECURSIVE up AS (
    SELECT merged_into, 1 AS step FROM customer WHERE account_id = %(account)s AND customer_id = %(customer)s
    UNION ALL
    SELECT c.merged_into, up.step + 1
    FROM up JOIN customer c ON c.account_id = %(account)s AND c.customer_id = up.merged_into
)
SELECT merged_into FROM up WHERE merged_into IS NOT NULL ORDER BY step;

-- name: unmerge_customer
UPDATE customer SET merged_into = NULL WHERE account_id = %(account)s AND customer_id = %(customer)s;

-- name: decide_conflicts
UPDATE customer_conflict SET decision = %(decision)s, decided_by = %(author)s
WHERE account_id = %(account)s AND one = %(one)s AND other = %(other)s;

-- name: note_decision
INSERT INTO customer_conflict (account_id, one, other, order_id, at, decision, decided_by)
VALUES (%(account)s, %(one)s, %(other)s, 0, %(now)s, %(decision)s, %(author)s)
ON CONFLICT (account_id, one, other, order_id) DO UPDATE
SET decision = excluded.decision, decided_by = excluded.decided_by;

-- name: forget_decision
DELETE FROM customer_conflict
WHERE account_id = %(account)s AND one = %(one)s AND other = %(other)s AND order_id = 0;

-- name: orders_of_customers
SELECT order_id, integration_id FROM orders WHERE account_id = %(account)s AND customer_id = ANY(%(customers)s);

-- name: orders_in_conflict
SELECT f.order_id, o.integration_id FROM customer_conflict f
JOIN orders o ON o.account_id = f.account_id AND o.order_id = f.order_id
WHERE f.account_id = %(account)s AND f.one = %(one)s AND f.other = %(other)s AND o.frozen_at IS NULL;

-- name: find_people
-- The customers behind a contact, a number of ours or of a store, with everybody who has been merged with them: up to the one
-- who stands for all, and down again.
WITH RECURSIVE up AS (
    SELECT c.customer_id, c.merged_into
    FROM customer c LEFT JOIN customer_key k ON k.account_id = c.account_id AND k.customer_id = c.customer_id
    WHERE c.account_id = %(account)s
      AND (c.customer_id = %(number)s OR (k.kind = 'email' AND k.value = %(email)s)
           OR (k.kind = 'phone' AND k.value = %(phone)s) OR (k.kind = 'document' AND k.value = %(text)s)
           OR (k.kind = 'source' AND k.value = %(source)s))
    UNION
    SELECT c.customer_id, c.merged_into
    FROM up JOIN customer c ON c.account_id = %(account)s AND c.customer_id = up.merged_into
), people AS (
    SELECT customer_id FROM up WHERE merged_into IS NULL
    UNION
    SELECT c.customer_id
    FROM people JOIN customer c ON c.account_id = %(account)s AND c.merged_into = people.customer_id
)
SELECT customer_id FROM people ORDER BY customer_id;

-- name: person_orders
SELECT o.order_id, o.source_id, o.content, o.evidence FROM orders o
WHERE o.account_id = %(account)s
  AND (o.customer_id = ANY(%(customers)s)
       OR o.order_id IN (SELECT order_id FROM identifier i WHERE i.account_id = %(account)s
                         AND ((i.kind = 'email' AND i.value = %(email)s) OR (i.kind = 'phone' AND i.value = %(phone)s))))
ORDER BY o.order_id FOR UPDATE;

-- name: person_customers
SELECT c.customer_id, c.name, c.details, c.created_at,
       (SELECT jsonb_agg(jsonb_build_object('kind', k.kind, 'value', k.value)) FROM customer_key k
        WHERE k.account_id = c.account_id AND k.customer_id = c.customer_id),
       (SELECT jsonb_agg(jsonb_build_object('channel', s.channel, 'state', s.state, 'at', s.at, 'source', s.source))
        FROM consent s WHERE s.account_id = c.account_id AND s.customer_id = c.customer_id)
FROM customer c WHERE c.account_id = %(account)s AND c.customer_id = ANY(%(customers)s);

-- name: erase_order
UPDATE orders
SET content = %(content)s, customer_name = NULL, customer_email = NULL, erased_at = %(now)s, digest = %(digest)s,
    evidence = %(evidence)s, warnings = %(warnings)s
WHERE account_id = %(account)s AND order_id = %(order)s;

-- name: erase_identifiers
-- An order without a customer is known by its contacts; each is found by its own value.
DELETE FROM identifier
WHERE account_id = %(account)s AND normal = ANY(%(contacts)s) AND order_id = ANY(%(orders)s)
  AND kind IN ('email', 'phone');

-- name: erase_versions
-- What changed in a person's data is forgotten; that something changed, when and by which receipt, is not. A refund
-- loses its note: it stands in a change by itself, or in the refund (or all of them) before and after.
UPDATE order_version v
SET changes = (SELECT COALESCE(jsonb_object_agg(key, CASE WHEN key ~ '^refunds' THEN bare.sides ELSE value END), '{}')
               FROM jsonb_each(v.changes) CROSS JOIN LATERAL (
                   SELECT jsonb_agg(CASE jsonb_typeof(side) WHEN 'object' THEN side - 'note'
                                    WHEN 'array' THEN (SELECT COALESCE(jsonb_agg(part - 'note' ORDER BY n), '[]')
                                                       FROM jsonb_array_elements(side) WITH ORDINALITY AS p (part, n))
                                    ELSE side END ORDER BY at) AS sides
                   FROM jsonb_array_elements(value) WITH ORDINALITY AS s (side, at)) bare
               WHERE key !~ '^(customer|billing|delivery|note|custom)' AND key !~ '^refunds.*\.note$')
WHERE v.account_id = %(account)s AND v.order_id = ANY(%(orders)s) AND v.changes IS NOT NULL;

-- name: erase_refunds
UPDATE refund SET note = NULL
WHERE account_id = %(account)s AND order_id = ANY(%(orders)s) AND note IS NOT NULL;

-- name: erase_events
UPDATE order_event e
SET detail = (SELECT COALESCE(jsonb_object_agg(key, value), '{}') FROM jsonb_each(e.detail)
              WHERE key !~ '^(customer|billing|delivery|note|custom)')
WHERE e.account_id = %(account)s AND e.order_id = ANY(%(orders)s);

-- name: erase_frozen_changes
DELETE FROM frozen_change WHERE account_id = %(account)s AND order_id = ANY(%(orders)s);

-- name: erase_attempts
UPDATE attempt a
SET evidence = (SELECT COALESCE(jsonb_object_agg(key, CASE WHEN jsonb_typeof(value) = 'object'
                                                           THEN value - 'value' - 'keys' - 'changes' ELSE value END), '{}')
                FROM jsonb_each(a.evidence))
WHERE a.account_id = %(account)s AND a.order_id = ANY(%(orders)s) AND a.evidence IS NOT NULL;

-- name: erase_record_attempts
UPDATE attempt a
SET evidence = (SELECT COALESCE(jsonb_object_agg(key, CASE WHEN jsonb_typeof(value) = 'object'
                                                           THEN value - 'value' - 'keys' ELSE value END), '{}')
                FROM jsonb_each(a.evidence))
WHERE a.account_id = %(account)s AND a.order_id IS NULL AND a.receipt_id = ANY(%(records)s) AND a.evidence IS NOT NULL;

-- name: erase_receipts
UPDATE receipt r
SET body = %(body)s, headers = jsonb_build_object('erased', %(now)s::timestamptz)
WHERE r.account_id = %(account)s AND r.kind <> 'act'
  AND r.receipt_id IN (SELECT receipt_id FROM attempt WHERE account_id = %(account)s AND order_id = %(order)s);

-- name: erase_acts
-- That somebody applied a change stays, and what it changed is with the order.
UPDATE receipt r SET body = convert_to((convert_from(r.body, 'UTF8')::jsonb - 'changes')::text, 'UTF8')
WHERE r.account_id = %(account)s AND r.kind = 'act'
  AND r.receipt_id IN (SELECT receipt_id FROM attempt WHERE account_id = %(account)s AND order_id = ANY(%(orders)s));

-- name: list_record_receipts
-- Receipts of the person's own records, of each store by its own numbers.
WITH record AS (
    SELECT split_part(value, ':', 1)::bigint AS store_id, substr(value, position(':' IN value) + 1) AS number
    FROM customer_key WHERE account_id = %(account)s AND customer_id = ANY(%(customers)s) AND kind = 'source'
)
SELECT r.receipt_id
FROM record
JOIN attempt a ON a.account_id = %(account)s AND a.order_id IS NULL AND a.entity = 'customer'
              AND a.identifier = record.number
JOIN receipt r ON r.account_id = %(account)s AND r.receipt_id = a.receipt_id
JOIN integration i ON i.account_id = %(account)s AND i.integration_id = r.integration_id AND i.store_id = record.store_id;

-- name: erase_customer_receipts
UPDATE receipt r
SET body = '', headers = jsonb_build_object('erased', %(now)s::timestamptz)
WHERE r.account_id = %(account)s AND r.receipt_id = ANY(%(records)s);

-- name: erase_rejects
-- Nothing is left of the row to be corrected: it does not go back.
UPDATE file_reject SET raw = '', value = '', settled = true
WHERE account_id = %(account)s
  AND (receipt_id = ANY(%(records)s) OR
       receipt_id IN (SELECT receipt_id FROM attempt WHERE account_id = %(account)s AND order_id = ANY(%(orders)s)));

-- name: erase_rejects_with
-- Rows that belong to no order, by what stands in them.
UPDATE file_reject SET raw = '', value = '', settled = true
WHERE account_id = %(account)s AND position(%(text)s::bytea IN raw) > 0;

-- name: count_waiting_with
-- Receipts that hold a text and are not in the ledger yet, but will be soon: not those of an integration that is paused.
SELECT count(*) FROM inbox i
JOIN integration n ON n.account_id = i.account_id AND n.integration_id = i.integration_id AND n.state IN ('active', 'broken')
JOIN receipt r ON r.account_id = i.account_id AND r.retention = i.retention AND r.received_at = i.received_at
              AND r.receipt_id BETWEEN i.first_receipt AND i.last_receipt
WHERE i.account_id = %(account)s AND position(%(text)s::bytea IN r.body) > 0;

-- name: erase_receipts_with
-- Not those that go through the pipeline soon: they are all there is of their orders. What an order was not made of (a hint, a refusal) is
-- gone as well.
UPDATE receipt r SET body = '', headers = jsonb_build_object('erased', %(now)s::timestamptz)
WHERE r.account_id = %(account)s AND r.arrival <> 'person' AND position(%(text)s::bytea IN r.body) > 0
  AND NOT EXISTS (SELECT FROM attempt a WHERE a.account_id = r.account_id AND a.receipt_id = r.receipt_id
                  AND a.order_id IS NOT NULL AND a.outcome NOT IN ('hint', 'refused', 'failed'))
  AND NOT EXISTS (SELECT FROM inbox i
                  JOIN integration n ON n.account_id = i.account_id AND n.integration_id = i.integration_id
                  WHERE i.account_id = r.account_id AND n.state IN ('active', 'broken')
                    AND r.receipt_id BETWEEN i.first_receipt AND i.last_receipt);

-- name: erase_customers
UPDATE customer SET name = NULL, details = '{}', erased_at = %(now)s
WHERE account_id = %(account)s AND customer_id = ANY(%(customers)s);

-- name: erase_customer_keys
-- Record numbers stay, so that a later delivery of the same record finds an erased customer and not a new one.
DELETE FROM customer_key
WHERE account_id = %(account)s AND customer_id = ANY(%(customers)s) AND kind IN ('email', 'phone', 'document');

-- name: erase_consents
DELETE FROM consent WHERE account_id = %(account)s AND customer_id = ANY(%(customers)s);

-- name: set_own_state
UPDATE orders SET own_state = %(state)s WHERE account_id = %(account)s AND order_id = %(order)s;

-- name: want_write_back
-- The newest wish counts.
INSERT INTO write_back (account_id, order_id, integration_id, own_state, state, standing, reason, evidence, asked_at, due_at)
VALUES (%(account)s, %(order)s, %(integration)s, %(own)s, %(state)s, %(standing)s, %(reason)s, %(evidence)s, %(now)s, %(due)s)
ON CONFLICT (account_id, order_id) DO UPDATE
SET integration_id = excluded.integration_id, own_state = excluded.own_state, state = excluded.state,
    standing = excluded.standing, reason = excluded.reason, evidence = excluded.evidence, asked_at = excluded.asked_at,
    due_at = excluded.due_at, tries = 0, done_at = NULL;

-- name: release_write_back
-- The stock is written off: what waited for it may go.
UPDATE write_back SET standing = 'waiting', reason = NULL, evidence = NULL, due_at = %(now)s
WHERE account_id = %(account)s AND order_id = %(order)s AND standing = 'held' AND reason = 'completion_blocked_by_stock';

-- name: claim_write_backs
-- One at a time, as things stand now. Whoever takes it has until then to write it: nobody else does meanwhile.
WITH due AS (
    SELECT w.account_id, w.order_id FROM write_back w
    JOIN integration i ON i.account_id = w.account_id AND i.integration_id = w.integration_id AND i.state = 'active'
    WHERE w.account_id = %(account)s AND w.integration_id = %(integration)s AND w.due_at <= %(now)s
    ORDER BY w.due_at LIMIT 1 FOR UPDATE OF w SKIP LOCKED
)
UPDATE write_back w SET due_at = %(until)s, tries = w.tries + 1
FROM due JOIN orders o USING (account_id, order_id)
WHERE w.account_id = due.account_id AND w.order_id = due.order_id
RETURNING w.order_id, o.source_id, w.state, o.state, o.standing, w.tries, w.asked_at;

-- name: put_off_write_back
-- Unless something else has been asked for meanwhile.
UPDATE write_back SET due_at = %(due)s, reason = %(reason)s, evidence = %(evidence)s
WHERE account_id = %(account)s AND order_id = %(order)s AND asked_at = %(asked)s;

-- name: end_write_back
UPDATE write_back SET standing = %(standing)s, reason = %(reason)s, evidence = %(evidence)s, due_at = NULL, done_at = %(now)s
WHERE account_id = %(account)s AND order_id = %(order)s AND asked_at = %(asked)s;

-- name: list_write_backs
SELECT COALESCE(o.number, o.source_id), i.name, w.own_state, w.state, w.standing, w.reason, w.evidence, w.asked_at, w.done_at
FROM write_back w
JOIN orders o ON o.account_id = w.account_id AND o.order_id = w.order_id
JOIN integration i ON i.account_id = w.account_id AND i.integration_id = w.integration_id
WHERE w.account_id = %(account)s ORDER BY w.asked_at DESC, w.order_id LIMIT %(limit)s;
