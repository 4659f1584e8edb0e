-- What the pipeline loads of a batch: one statement per kind of fact, all under the account's lock.
--
-- The account is left to the policy here. Written out beside it, the planner would estimate by that account's share of
-- the table, which for an account that has just begun is next to nothing: it then reads the whole account through
-- whichever index begins with account_id (measured at twenty times the cost, until statistics catch up).

-- name: lock_account
-- From here to the commit this account has one writer.
SELECT pg_advisory_xact_lock(7206, %(account)s::int);

-- name: generation
SELECT generation FROM account WHERE account_id = %(account)s;

-- name: next_generation
-- Whoever decided on facts of an older generation decides again.
UPDATE account SET generation = generation + 1 WHERE account_id = %(account)s RETURNING generation;

-- name: draw_ids
SELECT nextval('entity_id') FROM generate_series(1, %(count)s);

-- name: load_orders
-- Not FOR UPDATE: whoever changes an order holds the account's lock, or finds out that he has been overtaken.
SELECT order_id, source_id, integration_id, stamp, sequence, digest, version, receipt_id, standing, reason, first_seen,
       content, evidence, warnings, incomplete, customer_id, rule_version, recheck_at, frozen_at, erased_at,
       converted, rate, rate_day, own_state, present_at
FROM orders
WHERE store_id = %(store)s AND source_id = ANY(%(ids)s);

-- name: load_orders_by_id
SELECT order_id, source_id, integration_id, stamp, sequence, digest, version, receipt_id, standing, reason, first_seen,
       content, evidence, warnings, incomplete, customer_id, rule_version, recheck_at, frozen_at, erased_at,
       converted, rate, rate_day, own_state, present_at
FROM orders
WHERE store_id = %(store)s AND order_id = ANY(%(ids)s);

-- name: load_customer_keys
-- OFFSET 0 keeps this one look into the index per key.
SELECT wanted.kind, wanted.value, k.customer_id
FROM unnest(%(kinds)s::text[], %(values)s::text[]) AS wanted (kind, value)
CROSS JOIN LATERAL (
    SELECT customer_id FROM customer_key
    WHERE kind = wanted.kind COLLATE "C" AND value = wanted.value COLLATE "C" OFFSET 0
) k;

-- name: load_customers
SELECT c.customer_id, c.name, c.details, c.sequence, c.erased_at IS NOT NULL,
       keys.contacts > 0, keys.documents, keys.persons, c.merged_into
FROM customer c
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE kind IN ('email', 'phone')) AS contacts,
           count(*) FILTER (WHERE kind = 'document') AS documents,
           count(*) FILTER (WHERE kind = 'person') AS persons
    FROM customer_key k WHERE k.account_id = c.account_id AND k.customer_id = c.customer_id
) keys
WHERE c.customer_id = ANY(%(ids)s);

-- name: load_kept_apart
SELECT DISTINCT one, other FROM customer_conflict
WHERE account_id = %(account)s AND decision = 'kept_apart' AND (one = ANY(%(ids)s) OR other = ANY(%(ids)s));

-- name: load_product_keys
SELECT wanted.kind, wanted.scope, wanted.value, k.product_id, k.former
FROM unnest(%(kinds)s::text[], %(scopes)s::bigint[], %(values)s::text[]) AS wanted (kind, scope, value)
CROSS JOIN LATERAL (
    SELECT product_id, former FROM product_key
    WHERE kind = wanted.kind COLLATE "C" AND scope = wanted.scope
      AND value = wanted.value COLLATE "C" OFFSET 0
) k
ORDER BY k.former, k.product_id;

-- name: load_products
-- The kind is looked at last: of a new account the planner knows no better than to look through all keys of that kind.
SELECT product_id, name, sku, code, active, inactive_at, description, brand, unit, source_unit, category_id, origin,
       evidence, (SELECT COALESCE(array_agg(DISTINCT k.scope) FILTER (WHERE k.kind = 'id'), '{}') FROM product_key k
                  WHERE k.account_id = p.account_id AND k.product_id = p.product_id)
FROM product p
WHERE product_id = ANY(%(ids)s);

-- name: load_categories
SELECT path, category_id FROM category WHERE account_id = %(account)s;

-- name: load_category_nodes
SELECT source_id, parent, name FROM category_source WHERE account_id = %(account)s AND store_id = %(store)s;

-- name: load_rates
SELECT source, target, day, rate FROM exchange_rate
WHERE account_id = %(account)s AND target = %(currency)s AND day = ANY(%(days)s);
