-- What people ask: history, search by any identifier, one order with its story.

-- name: list_due
SELECT order_id, integration_id FROM orders
WHERE account_id = %(account)s AND recheck_at <= %(now)s ORDER BY recheck_at;

-- name: list_history
-- Newest first by the order's own date; those without one come last. The newest of each integration are looked up in its
-- own part of the index; `before` is the order after which the page begins.
SELECT o.order_id, o.changed_at, i.name, COALESCE(o.number, o.source_id), o.customer_name, o.customer_email,
       o.ordered_at, o.products, o.total, o.currency, o.standing, o.reason, o.warnings, i.connector
FROM integration i
CROSS JOIN LATERAL (
    SELECT * FROM orders
    WHERE account_id = %(account)s AND integration_id = i.integration_id
      AND (%(standing)s::text IS NULL OR standing = %(standing)s)
      AND (%(reason)s::text IS NULL OR (reason = %(reason)s AND standing <> 'present'))
      AND (%(before)s::bigint IS NULL OR (CASE WHEN ordered_at IS NULL THEN '-infinity' ELSE ordered_at END, order_id) < ((
           SELECT CASE WHEN ordered_at IS NULL THEN '-infinity' ELSE ordered_at END FROM orders
           WHERE account_id = %(account)s AND order_id = %(before)s), %(before)s))
    ORDER BY CASE WHEN ordered_at IS NULL THEN '-infinity' ELSE ordered_at END DESC, order_id DESC LIMIT %(limit)s
) o
WHERE i.account_id = %(account)s AND (%(integration)s::bigint IS NULL OR i.integration_id = %(integration)s)
ORDER BY CASE WHEN o.ordered_at IS NULL THEN '-infinity' ELSE o.ordered_at END DESC, o.order_id DESC LIMIT %(limit)s;

-- name: count_missing
-- Orders that are not present, by reason and standing. Each reason is a look into its part of the index, and counted up to a
-- limit: a page that is always open asks for this whenever something changes.
SELECT reason, o.standing, least(count(*), %(most)s), sum(count(*)) OVER (PARTITION BY reason) > %(most)s
FROM unnest(%(reasons)s::text[]) AS known (reason)
CROSS JOIN LATERAL (
    SELECT standing FROM orders
    WHERE account_id = %(account)s AND standing <> 'present' AND reason = known.reason LIMIT %(most)s + 1
) o
GROUP BY reason, o.standing;

-- name: find_identifiers
SELECT kind, value, order_id FROM identifier
WHERE account_id = %(account)s AND normal = %(normal)s COLLATE "C" ORDER BY order_id LIMIT %(limit)s;

-- name: find_by_customer_key
-- Orders of the person behind a key, and of everybody merged with that person: up to the one who stands for all, and
-- down again. OFFSET 0 keeps each step a look into its index, whatever the planner expects of a recursion.
WITH RECURSIVE up AS (
    SELECT c.customer_id, c.merged_into
    FROM customer_key k JOIN customer c ON c.account_id = k.account_id AND c.customer_id = k.customer_id
    WHERE k.account_id = %(account)s AND k.kind = %(kind)s COLLATE "C" AND k.value = %(value)s COLLATE "C"
    UNION
    SELECT c.customer_id, c.merged_into
    FROM up CROSS JOIN LATERAL (
        SELECT customer_id, merged_into FROM customer
        WHERE account_id = %(account)s AND customer_id = up.merged_into OFFSET 0
    ) c
), people AS (
    SELECT customer_id FROM up WHERE merged_into IS NULL
    UNION
    SELECT c.customer_id
    FROM people CROSS JOIN LATERAL (
        SELECT customer_id FROM customer
        WHERE account_id = %(account)s AND merged_into = people.customer_id OFFSET 0
    ) c
)
SELECT %(kind)s, %(value)s, o.order_id
FROM people CROSS JOIN LATERAL (
    SELECT order_id FROM orders WHERE account_id = %(account)s AND customer_id = people.customer_id OFFSET 0
) o
ORDER BY o.order_id DESC LIMIT %(limit)s;

-- name: find_by_sku
SELECT DISTINCT l.order_id
FROM order_line l
WHERE l.account_id = %(account)s AND l.reason IS NOT NULL AND l.sku = %(value)s
ORDER BY l.order_id LIMIT %(limit)s;

-- name: find_product
-- By SKU first, then by the source's id in any store, then by name.
WITH named AS (
    SELECT 1 AS rank, kind, product_id FROM product_key
    WHERE account_id = %(account)s AND kind = 'sku' AND scope = 0 AND value = %(value)s COLLATE "C"
    UNION ALL
    SELECT 2, k.kind, k.product_id FROM store s
    JOIN product_key k ON k.account_id = s.account_id AND k.kind = 'id' AND k.scope = s.store_id
                          AND k.value = %(value)s COLLATE "C"
    WHERE s.account_id = %(account)s
    UNION ALL
    SELECT 3, kind, product_id FROM product_key
    WHERE account_id = %(account)s AND kind = 'name' AND scope = 0 AND value = %(name)s COLLATE "C"
)
SELECT named.kind, p.product_id, p.name, p.sku, p.code, p.active, p.inactive_at
FROM named JOIN product p ON p.account_id = %(account)s AND p.product_id = named.product_id
ORDER BY named.rank, p.product_id LIMIT 20;

-- name: list_product_keys
SELECT k.product_id, k.kind, k.value, s.name
FROM product_key k
LEFT JOIN store s ON k.kind = 'id' AND s.account_id = k.account_id AND s.store_id = k.scope
WHERE k.account_id = %(account)s AND k.product_id = ANY(%(products)s)
ORDER BY k.product_id, k.kind DESC, k.former, k.value;

-- name: count_product_orders
SELECT product_id, count(DISTINCT order_id) FROM order_line
WHERE account_id = %(account)s AND product_id = ANY(%(products)s) GROUP BY product_id;

-- name: get_pause
-- The pause of an integration: since when, by whom, why, and how many receipts wait for its end.
SELECT s.at, s.author, s.note,
       (SELECT COALESCE(sum(b.last_receipt - b.first_receipt + 1), 0)::bigint FROM inbox b
        WHERE b.account_id = i.account_id AND b.integration_id = i.integration_id)
FROM integration i JOIN integration_state s ON s.account_id = i.account_id AND s.integration_id = i.integration_id
WHERE i.account_id = %(account)s AND i.name = %(name)s AND i.state = 'paused'
ORDER BY s.at DESC LIMIT 1;

-- name: find_file_line
-- A receipt of several rows names each of them in a line «file line length» of its own.
WITH named AS (
    SELECT s.set_id, s.name, f.at - 1 AS file_no
    FROM file_set s, jsonb_array_elements(s.files) WITH ORDINALITY AS f (file, at)
    WHERE s.account_id = %(account)s AND f.file ->> 'name' = %(file)s
)
SELECT a.order_id, r.receipt_id, n.name
FROM named n
JOIN receipt r ON r.account_id = %(account)s AND r.set_id = n.set_id
JOIN attempt a ON a.account_id = r.account_id AND a.receipt_id = r.receipt_id
WHERE a.order_id IS NOT NULL
  AND ((r.file_no = n.file_no AND r.line = %(line)s)
       OR position(convert_to(E'\n' || n.file_no || ' ' || %(line)s || ' ', 'UTF8') IN r.body) > 0)
ORDER BY r.receipt_id DESC LIMIT %(limit)s;

-- name: find_refused
-- Rows that could not be taken, by their place or by a text that they hold, and the order that one belongs to, if it is
-- known; not those that came again corrected.
SELECT s.name, s.files -> r.file_no ->> 'name', r.line, r.column_name, r.value, r.rule, r.reason, s.received_at,
       r.personal, r.raw, (SELECT max(order_id) FROM attempt a
                           WHERE a.account_id = r.account_id AND a.receipt_id = r.receipt_id)
FROM file_reject r JOIN file_set s ON s.account_id = r.account_id AND s.set_id = r.set_id
WHERE r.account_id = %(account)s AND NOT r.settled
  AND (position(%(text)s::bytea IN r.raw) > 0
       OR (r.line = %(line)s::bigint AND s.files -> r.file_no ->> 'name' = %(file)s))
ORDER BY r.set_id DESC, r.line LIMIT %(limit)s;

-- name: list_run_rejects
-- Rows of a run's files that were not taken; those that came again corrected are no longer among them.
SELECT s.files -> r.file_no ->> 'name', r.line, r.column_name, r.value, r.rule, r.reason, r.personal
FROM file_reject r JOIN file_set s ON s.account_id = r.account_id AND s.set_id = r.set_id
WHERE r.account_id = %(account)s AND s.run_id = %(run)s AND NOT r.settled
ORDER BY r.set_id, r.file_no, r.line, r.column_name LIMIT %(limit)s;

-- name: search_files
-- Every row of every file ever received that holds the text; bodies are scanned, there is no index to trust.
SELECT s.name, s.received_at, s.files, r.file_no, r.line, r.receipt_id, r.body, a.order_id, a.outcome, a.reason
FROM receipt r
JOIN file_set s ON s.account_id = r.account_id AND s.set_id = r.set_id
LEFT JOIN attempt a ON a.account_id = r.account_id AND a.receipt_id = r.receipt_id
WHERE r.account_id = %(account)s AND r.arrival = 'file'
  AND (position(%(text)s::bytea IN r.body) > 0 OR position(%(latin)s::bytea IN r.body) > 0)
ORDER BY r.receipt_id;

-- name: count_files
SELECT count(*), COALESCE(sum(jsonb_array_length(files)), 0), max(received_at) FROM file_set
WHERE account_id = %(account)s AND state IN ('taken', 'read');

-- name: get_order
SELECT o.order_id, o.source_id, o.number, i.name, s.name, s.platform, o.ordered_at, o.state, o.payment_state, o.currency,
       o.total, o.converted, o.rate, o.customer_id, o.customer_name, o.customer_email, o.products, o.standing, o.reason,
       o.warnings, o.evidence, o.incomplete, o.stamp, o.version, o.receipt_id, o.rule_version, o.recheck_at, o.frozen_at,
       o.erased_at, o.first_seen, o.changed_at, o.content, i.state, o.present_at
FROM orders o
JOIN integration i ON i.account_id = o.account_id AND i.integration_id = o.integration_id
JOIN store s ON s.account_id = o.account_id AND s.store_id = o.store_id
WHERE o.account_id = %(account)s AND o.order_id = %(order)s;

-- name: list_order_attempts
SELECT a.attempt_id, a.at, a.receipt_id, a.run_id, a.outcome, a.standing, a.reason, a.warnings, a.steps, a.evidence,
       a.identifier, a.entity
FROM attempt a
WHERE a.account_id = %(account)s AND a.order_id = %(order)s
ORDER BY a.at DESC, a.attempt_id DESC;

-- name: list_order_receipts
-- What arrived about an order, newest first, and the place of each.
SELECT DISTINCT ON (r.receipt_id) r.receipt_id, r.arrival, r.received_at, octet_length(r.body), r.line, s.name,
       s.files -> r.file_no ->> 'name', r.run_id, r.kind, COALESCE(r.headers ? 'erased', false)
FROM attempt a
JOIN receipt r ON r.account_id = a.account_id AND r.receipt_id = a.receipt_id
LEFT JOIN file_set s ON s.account_id = r.account_id AND s.set_id = r.set_id
WHERE a.account_id = %(account)s AND a.order_id = %(order)s
ORDER BY r.receipt_id DESC LIMIT %(limit)s;

-- name: get_receipt_body
-- Of an order's own receipt only.
SELECT r.body, r.file_no, r.line, s.files
FROM receipt r LEFT JOIN file_set s ON s.account_id = r.account_id AND s.set_id = r.set_id
WHERE r.account_id = %(account)s AND r.receipt_id = %(receipt)s
  AND EXISTS (SELECT FROM attempt a WHERE a.account_id = r.account_id AND a.receipt_id = r.receipt_id
              AND a.order_id = %(order)s);

-- name: list_order_versions
SELECT version, at, stamp, receipt_id, changes FROM order_version
WHERE account_id = %(account)s AND order_id = %(order)s ORDER BY version DESC LIMIT %(limit)s;

-- name: list_order_events
SELECT at, kind, author, detail FROM order_event
WHERE account_id = %(account)s AND order_id = %(order)s ORDER BY at DESC, event_id DESC LIMIT %(limit)s;

-- name: newest_of_each_standing
-- One order of each standing, among the newest of each integration.
SELECT DISTINCT ON (o.standing) o.order_id, COALESCE(o.number, o.source_id), o.standing, o.reason, o.ordered_at, o.total,
       o.currency
FROM integration i
CROSS JOIN LATERAL (
    SELECT order_id, number, source_id, standing, reason, ordered_at, total, currency FROM orders
    WHERE account_id = %(account)s AND integration_id = i.integration_id
    ORDER BY CASE WHEN ordered_at IS NULL THEN '-infinity' ELSE ordered_at END DESC, order_id DESC LIMIT %(most)s
) o
WHERE i.account_id = %(account)s
ORDER BY o.standing, CASE WHEN o.ordered_at IS NULL THEN '-infinity' ELSE o.ordered_at END DESC, o.order_id DESC;

-- name: pulse
-- Anything of an account that a page shows differs when this does.
SELECT a.generation,
       (SELECT max(run_id) FROM run r WHERE r.account_id = a.account_id),
       (SELECT count(*) FROM run r WHERE r.account_id = a.account_id AND r.state = 'running'),
       (SELECT count(*) FROM problem p WHERE p.account_id = a.account_id AND p.ended_at IS NULL),
       (SELECT string_agg(i.state, ',' ORDER BY i.integration_id) FROM integration i WHERE i.account_id = a.account_id)
FROM account a WHERE a.account_id = %(account)s;

-- name: get_receipt_place
SELECT r.arrival, r.received_at, r.file_no, r.line, octet_length(r.body), s.name, s.files -> r.file_no ->> 'name'
FROM receipt r LEFT JOIN file_set s ON s.account_id = r.account_id AND s.set_id = r.set_id
WHERE r.account_id = %(account)s AND r.receipt_id = %(receipt)s;

-- name: list_order_lines
SELECT line_no, sku, name, quantity, unit, source_unit, unit_price, total, product_id, reason, evidence
FROM order_line WHERE account_id = %(account)s AND order_id = %(order)s ORDER BY line_no;

-- name: get_frozen_change
SELECT at, changes FROM frozen_change WHERE account_id = %(account)s AND order_id = %(order)s;

-- name: list_ways_in
-- Each integration with its state and its newest run: the second question of the ladder.
SELECT i.name, i.state, r.started_at, r.ended_at
FROM integration i
LEFT JOIN LATERAL (SELECT started_at, ended_at FROM run WHERE run.account_id = i.account_id
                   AND run.integration_id = i.integration_id AND kind = 'import' ORDER BY started_at DESC LIMIT 1) r ON true
WHERE i.account_id = %(account)s AND i.state <> 'removed' ORDER BY i.name;

-- name: list_unjudged
-- Orders that newer rules may let in or keep out: everything that is not present, and not frozen.
SELECT order_id FROM orders
WHERE account_id = %(account)s AND integration_id = %(integration)s AND standing <> 'present' AND frozen_at IS NULL
ORDER BY order_id;

-- name: list_held_by_reason
SELECT o.order_id, o.integration_id FROM orders o
WHERE o.account_id = %(account)s AND o.standing <> 'present' AND o.reason = ANY(%(reasons)s) AND o.frozen_at IS NULL
ORDER BY o.order_id;

-- name: list_by_line_trouble
-- Orders with a line that waits for this product: held or incomplete.
SELECT DISTINCT l.order_id, o.integration_id FROM order_line l
JOIN orders o ON o.account_id = l.account_id AND o.order_id = l.order_id
WHERE l.account_id = %(account)s AND l.reason = ANY(%(reasons)s) AND o.frozen_at IS NULL
  AND (%(sku)s::text IS NULL OR btrim(l.sku) = %(sku)s)
  AND (%(product)s::bigint IS NULL OR l.product_id = %(product)s)
  AND (%(name)s::text IS NULL OR lower(regexp_replace(btrim(l.name), '\s+', ' ', 'g')) = %(name)s)
ORDER BY l.order_id;

-- name: export_orders
SELECT o.source_id, o.number, i.name, s.source_id, o.ordered_at, o.state, o.payment_state, o.currency, o.total,
       o.converted, o.rate, o.customer_id, o.customer_name, o.customer_email, o.products, o.standing, o.reason,
       o.warnings, o.incomplete, o.first_seen, o.changed_at, o.frozen_at
FROM orders o
JOIN integration i ON i.account_id = o.account_id AND i.integration_id = o.integration_id
JOIN store s ON s.account_id = o.account_id AND s.store_id = o.store_id
WHERE o.account_id = %(account)s AND (%(standing)s::text IS NULL OR o.standing = %(standing)s)
ORDER BY o.order_id;

-- name: list_refusals
-- Notices that were not taken, by hour.
SELECT r.hour, i.name, r.reason, r.count, r.last_at, r.evidence
FROM intake_refusal r LEFT JOIN integration i USING (account_id, integration_id)
WHERE r.account_id = %(account)s ORDER BY r.hour DESC, i.name, r.reason LIMIT %(limit)s;

-- name: list_unknown_refusals
-- Those sent to an address of nobody.
SELECT hour, NULL::text, reason, count, last_at, evidence FROM unknown_refusals() LIMIT %(limit)s;

-- name: census_of_ours
-- Orders as a census sees them.
SELECT o.source_id, o.state, o.total, o.stamp, o.standing, o.reason,
       (SELECT jsonb_object_agg(r.source_id, r.amount::text) FROM refund r
        WHERE r.account_id = o.account_id AND r.order_id = o.order_id AND r.source_id IS NOT NULL)
FROM orders o
WHERE o.account_id = %(account)s AND o.store_id = %(store)s AND o.source_id = ANY(%(ids)s);

-- name: list_living
-- Orders of an interval that the source has not said to be gone.
SELECT source_id FROM orders
WHERE account_id = %(account)s AND store_id = %(store)s
  AND integration_id IN (SELECT integration_id FROM integration WHERE account_id = %(account)s AND store_id = %(store)s)
  AND CASE WHEN ordered_at IS NULL THEN '-infinity' ELSE ordered_at END >= %(start)s AND CASE WHEN ordered_at IS NULL THEN '-infinity' ELSE ordered_at END < %(end)s
  AND (reason IS NULL OR reason <> ALL(%(gone)s));

-- name: last_census
SELECT max(started_at) FROM run
WHERE account_id = %(account)s AND integration_id = %(integration)s AND kind = 'import' AND scope ? 'census';

-- name: note_census
UPDATE run SET scope = scope || jsonb_build_object('census', %(census)s::jsonb)
WHERE account_id = %(account)s AND run_id = %(run)s;

-- name: warnings_of_store
SELECT DISTINCT unnest(warnings) FROM orders
WHERE account_id = %(account)s AND store_id = %(store)s AND warnings IS NOT NULL;

-- name: orders_with_warning
SELECT source_id FROM orders
WHERE account_id = %(account)s AND store_id = %(store)s AND warnings && %(warnings)s::text[];

-- name: sources_of_orders
SELECT store_id, source_id FROM orders WHERE account_id = %(account)s AND order_id = ANY(%(orders)s);

-- name: add_look
INSERT INTO look (account_id, integration_id, at, query, kind, found, reason, evidence)
VALUES (%(account)s, %(integration)s, %(at)s, %(query)s, %(kind)s, %(found)s, %(reason)s, %(evidence)s);

-- name: last_looks
-- What the sources said when they were last asked for this.
SELECT DISTINCT ON (l.integration_id) i.name, l.at, l.kind, l.found, l.reason, l.evidence
FROM look l JOIN integration i ON i.account_id = l.account_id AND i.integration_id = l.integration_id
WHERE l.account_id = %(account)s AND l.query = %(query)s
ORDER BY l.integration_id, l.at DESC;
