-- What a platform says of an integration, or asks about people.

-- name: list_platform_notices
-- Integrations with something of it to do, of all accounts. What is to be handed out waits for a person.
SELECT DISTINCT n.account_id, n.integration_id FROM platform_notice n
JOIN integration i ON i.account_id = n.account_id AND i.integration_id = n.integration_id
WHERE n.done_at IS NULL AND n.kind <> 'export_person' AND n.due_at <= %(now)s;

-- name: due_platform_notices
SELECT notice_id, kind, subject, received_at, tries FROM platform_notice
WHERE account_id = %(account)s AND integration_id = %(integration)s AND done_at IS NULL AND kind <> 'export_person'
  AND due_at <= %(now)s
ORDER BY notice_id;

-- name: end_platform_notice
-- Whom it named is forgotten with it.
UPDATE platform_notice SET done_at = clock_timestamp(), subject = '{}', result = %(result)s
WHERE account_id = %(account)s AND notice_id = %(notice)s;

-- name: put_off_platform_notice
UPDATE platform_notice SET tries = tries + 1, due_at = clock_timestamp() + make_interval(secs => %(pause)s::float8),
                           result = %(result)s
WHERE account_id = %(account)s AND notice_id = %(notice)s;

-- name: privacy_requests
-- All that are open, and those of the last 90 days.
SELECT n.notice_id, i.name, n.kind, n.subject, n.received_at, n.received_at + interval '30 days', n.tries, n.done_at, n.result
FROM platform_notice n JOIN integration i ON i.account_id = n.account_id AND i.integration_id = n.integration_id
WHERE n.account_id = %(account)s AND n.kind <> 'uninstalled'
  AND (n.done_at IS NULL OR n.done_at > now() - interval '90 days')
ORDER BY n.done_at IS NOT NULL, n.received_at, n.notice_id;

-- name: privacy_request
SELECT n.kind, n.subject, i.store_id, n.done_at
FROM platform_notice n JOIN integration i ON i.account_id = n.account_id AND i.integration_id = n.integration_id
WHERE n.account_id = %(account)s AND n.notice_id = %(notice)s AND n.kind <> 'uninstalled';

-- name: orders_of_buyer
-- Orders of this store that are somebody's, or that its platform names. A contact leads to those that are nobody's.
SELECT o.order_id, o.source_id, o.content, o.evidence, o.customer_id FROM orders o
WHERE o.account_id = %(account)s AND o.store_id = %(store)s
  AND (o.source_id = ANY(%(sources)s) OR o.customer_id = ANY(%(customers)s)
       OR (o.customer_id IS NULL AND o.order_id IN (SELECT order_id FROM identifier i WHERE i.account_id = %(account)s
                         AND ((i.kind = 'email' AND i.value = %(email)s) OR (i.kind = 'phone' AND i.value = %(phone)s)))))
ORDER BY o.order_id FOR UPDATE;

-- name: orders_of_store
-- Some of those in which somebody can still be seen.
SELECT o.order_id, o.source_id, o.content, o.evidence, o.customer_id FROM orders o
WHERE o.account_id = %(account)s AND o.store_id = %(store)s AND o.erased_at IS NULL
ORDER BY o.order_id LIMIT %(most)s FOR UPDATE;

-- name: known_here_alone
-- Which of these customers are known by this store and by no other.
SELECT c.id FROM unnest(%(customers)s::int8[]) AS c (id)
WHERE NOT EXISTS (SELECT FROM orders o WHERE o.account_id = %(account)s AND o.customer_id = c.id AND o.store_id <> %(store)s)
  AND NOT EXISTS (SELECT FROM customer_key k WHERE k.account_id = %(account)s AND k.customer_id = c.id AND k.kind = 'source'
                  AND split_part(k.value, ':', 1) <> %(store)s::text);

-- name: customers_of_store
-- Everybody whose record is of this store.
SELECT DISTINCT k.customer_id FROM customer_key k
JOIN customer c ON c.account_id = k.account_id AND c.customer_id = k.customer_id
WHERE k.account_id = %(account)s AND k.kind = 'source' AND split_part(k.value, ':', 1) = %(store)s::text
  AND c.erased_at IS NULL;

-- name: count_waiting_of_store
-- What of a store will go through the pipeline soon; what waits for a paused integration does not.
SELECT count(*) FROM inbox x JOIN integration i ON i.account_id = x.account_id AND i.integration_id = x.integration_id
WHERE x.account_id = %(account)s AND i.store_id = %(store)s AND i.state IN ('active', 'broken');

-- name: importing_store
SELECT EXISTS (
    SELECT FROM run r JOIN integration i ON i.account_id = r.account_id AND i.integration_id = r.integration_id
    WHERE r.account_id = %(account)s AND i.store_id = %(store)s AND r.state = 'running' AND r.kind = 'import'
      AND r.run_id IS DISTINCT FROM %(but_for)s
);

-- name: forget_requests
-- Whoever was erased has nothing more to ask for; without a number and an email that is everybody of the store.
UPDATE platform_notice n SET done_at = clock_timestamp(), subject = '{}', result = '{"erased": true}'
FROM integration i
WHERE n.account_id = %(account)s AND i.account_id = n.account_id AND i.integration_id = n.integration_id
  AND i.store_id = %(store)s AND n.done_at IS NULL AND n.kind = 'export_person'
  AND ((%(id)s::text IS NULL AND %(email)s::text IS NULL) OR n.subject ->> 'id' = %(id)s
       OR lower(n.subject ->> 'email') = lower(%(email)s));

-- name: erase_receipts_of_store
-- Receipts that belong to no order; those of orders were rewritten with them.
UPDATE receipt r SET body = '', headers = jsonb_build_object('erased', %(now)s::timestamptz)
WHERE r.account_id = %(account)s AND r.arrival <> 'person' AND NOT COALESCE(r.headers ? 'erased', false)
  AND r.integration_id IN (SELECT integration_id FROM integration WHERE account_id = %(account)s AND store_id = %(store)s)
  AND NOT EXISTS (SELECT FROM attempt a WHERE a.account_id = r.account_id AND a.receipt_id = r.receipt_id
                  AND a.order_id IS NOT NULL AND a.outcome NOT IN ('hint', 'refused', 'failed'));
