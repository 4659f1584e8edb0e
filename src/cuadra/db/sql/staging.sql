-- Temporary tables of one session: rows arrive by binary COPY (which a table under a policy refuses) and go on by one
-- INSERT each, in the same transaction: what has another xmin was left there by an earlier one. Decimals arrive as text:
-- writing them as numeric on our side costs five times as much. Rows stay whole up to 8 kB: compressing an order on its way
-- through, and again where it goes, costs more than writing it.

-- name: create_staging
CREATE TEMP TABLE staged_receipt (receipt_id bigint, kind text, sequence bigint, file_no smallint, line bigint,
                                  headers text, body bytea) WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_attempt (attempt_id bigint, receipt_id bigint, order_id bigint, entity text, identifier text,
                                  outcome text, standing text, reason text, warnings text[], steps text, evidence text,
                                  micros integer) WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_order (is_new boolean, order_id bigint, source_id text, integration_id bigint, number text,
                                ordered_at timestamptz, state text, payment_state text, currency text, total text,
                                total_minor bigint, converted text, rate text, rate_day date, customer_id bigint,
                                customer_name text, customer_email text, products text, standing text, reason text,
                                warnings text[], evidence text, incomplete boolean, stamp timestamptz, sequence bigint,
                                digest bytea, version integer, receipt_id bigint, rule_version integer,
                                recheck_at timestamptz, own_state text, present_at timestamptz,
                                first_seen timestamptz, content text) WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_line (order_id bigint, line_no integer, source_id text, product_id bigint, sku text, name text,
                               quantity text, unit text, source_unit text, unit_price text, discount text, tax text,
                               total text, total_minor bigint, seller text, reason text, evidence text)
                               WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_payment (order_id bigint, payment_no integer, source_id text, method text, state text,
                                  amount text, amount_minor bigint, paid_at timestamptz) WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_refund (order_id bigint, refund_no integer, source_id text, amount text, amount_minor bigint,
                                 refunded_at timestamptz, note text) WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_shipment (order_id bigint, shipment_no integer, source_id text, carrier text, tracking text,
                                   cost text, state text, shipped_at timestamptz) WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_discount (order_id bigint, discount_no integer, code text, title text, amount text,
                                   amount_minor bigint) WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_identifier (is_new boolean, normal text, kind text, order_id bigint, value text) WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_version (order_id bigint, version integer, stamp timestamptz, sequence bigint, digest bytea,
                                  receipt_id bigint, changes text) WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_customer (is_new boolean, customer_id bigint, name text, details text, sequence bigint)
                                   WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_customer_key (kind text, value text, customer_id bigint) WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_product (product_id bigint, name text, sku text, code text, description text, brand text,
                                  unit text, source_unit text, category_id bigint, active boolean,
                                  inactive_at timestamptz, origin text, warnings text[], evidence text)
                                  WITH (toast_tuple_target = 8160);
CREATE TEMP TABLE staged_product_key (kind text, scope bigint, value text, product_id bigint)
                                      WITH (toast_tuple_target = 8160);

-- name: write_receipts
INSERT INTO receipt (account_id, receipt_id, retention, received_at, integration_id, run_id, arrival, kind, sequence,
                     set_id, file_no, line, headers, body)
SELECT %(account)s, receipt_id, %(retention)s, %(now)s, %(integration)s, %(run)s, %(arrival)s, kind, sequence,
       %(set)s, file_no, line, headers::jsonb, body
FROM staged_receipt WHERE xmin = (SELECT pg_current_xact_id()::xid);

-- name: write_attempts
INSERT INTO attempt (account_id, attempt_id, retention, at, receipt_id, run_id, order_id, entity, identifier, outcome,
                     standing, reason, warnings, steps, evidence, micros)
SELECT %(account)s, attempt_id, %(retention)s, %(now)s, receipt_id, %(run)s, order_id, entity, identifier, outcome,
       standing, reason, warnings, steps, evidence::jsonb, micros
FROM staged_attempt WHERE xmin = (SELECT pg_current_xact_id()::xid);

-- name: write_new_orders
INSERT INTO orders (account_id, order_id, store_id, source_id, integration_id, number, ordered_at, state, payment_state,
                    currency, total, total_minor, converted, rate, rate_day, customer_id, customer_name, customer_email,
                    products, standing, reason, warnings, evidence, incomplete, stamp, sequence, digest, version,
                    receipt_id, rule_version, recheck_at, own_state, present_at, first_seen, changed_at, content)
SELECT %(account)s, order_id, %(store)s, source_id, integration_id, number, ordered_at, state, payment_state, currency,
       total::numeric, total_minor, converted::numeric, rate::numeric, rate_day, customer_id, customer_name,
       customer_email, products, standing, reason, warnings, evidence::jsonb, incomplete, stamp, sequence, digest,
       version, receipt_id, rule_version, recheck_at, own_state, present_at, first_seen, %(now)s, content
FROM staged_order WHERE is_new AND xmin = (SELECT pg_current_xact_id()::xid);

-- name: write_known_orders
-- The merge itself says that a frozen order does not change. Each order is gone to by its key: an UPDATE … FROM of an account
-- that has just begun, of which the planner has no figures yet, reads all orders for each batch.
INSERT INTO orders AS o (account_id, order_id, store_id, source_id, integration_id, number, ordered_at, state, payment_state,
                    currency, total, total_minor, converted, rate, rate_day, customer_id, customer_name, customer_email,
                    products, standing, reason, warnings, evidence, incomplete, stamp, sequence, digest, version,
                    receipt_id, rule_version, recheck_at, own_state, present_at, first_seen, changed_at, content)
SELECT %(account)s, order_id, %(store)s, source_id, integration_id, number, ordered_at, state, payment_state, currency,
       total::numeric, total_minor, converted::numeric, rate::numeric, rate_day, customer_id, customer_name,
       customer_email, products, standing, reason, warnings, evidence::jsonb, incomplete, stamp, sequence, digest,
       version, receipt_id, rule_version, recheck_at, own_state, present_at, first_seen, %(now)s, content
FROM staged_order WHERE NOT is_new AND xmin = (SELECT pg_current_xact_id()::xid)
ON CONFLICT (account_id, order_id) DO UPDATE
SET integration_id = excluded.integration_id, number = excluded.number, ordered_at = excluded.ordered_at,
    state = excluded.state, payment_state = excluded.payment_state, currency = excluded.currency,
    total = excluded.total, total_minor = excluded.total_minor, converted = excluded.converted, rate = excluded.rate,
    rate_day = excluded.rate_day, customer_id = excluded.customer_id, customer_name = excluded.customer_name,
    customer_email = excluded.customer_email, products = excluded.products, standing = excluded.standing,
    reason = excluded.reason, warnings = excluded.warnings, evidence = excluded.evidence,
    incomplete = excluded.incomplete, stamp = excluded.stamp, sequence = excluded.sequence, digest = excluded.digest,
    version = excluded.version, receipt_id = excluded.receipt_id, rule_version = excluded.rule_version,
    recheck_at = excluded.recheck_at, own_state = excluded.own_state, present_at = excluded.present_at,
    changed_at = excluded.changed_at, content = excluded.content
WHERE o.frozen_at IS NULL;

-- name: move_versions
-- The same content in a newer version: only the version moves on, on frozen orders too.
UPDATE orders o
SET stamp = m.stamp, sequence = m.sequence, digest = m.digest
FROM unnest(%(orders)s::bigint[], %(stamps)s::timestamptz[], %(sequences)s::bigint[], %(digests)s::bytea[])
     AS m (order_id, stamp, sequence, digest)
WHERE o.account_id = %(account)s AND o.order_id = m.order_id;

-- name: clear_lines
DELETE FROM order_line WHERE account_id = %(account)s AND order_id = ANY(%(orders)s);

-- name: clear_payments
DELETE FROM payment WHERE account_id = %(account)s AND order_id = ANY(%(orders)s);

-- name: clear_refunds
DELETE FROM refund WHERE account_id = %(account)s AND order_id = ANY(%(orders)s);

-- name: clear_shipments
DELETE FROM shipment WHERE account_id = %(account)s AND order_id = ANY(%(orders)s);

-- name: clear_discounts
DELETE FROM discount WHERE account_id = %(account)s AND order_id = ANY(%(orders)s);

-- name: write_lines
INSERT INTO order_line (account_id, order_id, line_no, source_id, product_id, sku, name, quantity, unit, source_unit,
                        unit_price, discount, tax, total, total_minor, seller, reason, evidence)
SELECT %(account)s, order_id, line_no, source_id, product_id, sku, name, quantity::numeric, unit, source_unit,
       unit_price::numeric, discount::numeric, tax::numeric, total::numeric, total_minor, seller, reason,
       evidence::jsonb
FROM staged_line WHERE xmin = (SELECT pg_current_xact_id()::xid);

-- name: write_payments
INSERT INTO payment (account_id, order_id, payment_no, source_id, method, state, amount, amount_minor, paid_at)
SELECT %(account)s, order_id, payment_no, source_id, method, state, amount::numeric, amount_minor, paid_at
FROM staged_payment WHERE xmin = (SELECT pg_current_xact_id()::xid);

-- name: write_first_identifiers
-- Of new orders nothing can be there yet: looking for it first would cost as much again.
INSERT INTO identifier (account_id, normal, kind, order_id, value)
SELECT %(account)s, normal, kind, order_id, value
FROM staged_identifier WHERE is_new AND xmin = (SELECT pg_current_xact_id()::xid);

-- name: write_more_identifiers
INSERT INTO identifier (account_id, normal, kind, order_id, value)
SELECT %(account)s, normal, kind, order_id, value
FROM staged_identifier WHERE NOT is_new AND xmin = (SELECT pg_current_xact_id()::xid)
ON CONFLICT DO NOTHING;

-- name: write_versions
INSERT INTO order_version (account_id, order_id, version, stamp, sequence, digest, receipt_id, at, changes)
SELECT %(account)s, order_id, version, stamp, sequence, digest, receipt_id, %(now)s, changes::jsonb
FROM staged_version WHERE xmin = (SELECT pg_current_xact_id()::xid);

-- name: write_new_customers
INSERT INTO customer (account_id, customer_id, name, details, sequence, created_at)
SELECT %(account)s, customer_id, name, details, sequence, %(now)s
FROM staged_customer WHERE is_new AND xmin = (SELECT pg_current_xact_id()::xid);

-- name: write_known_customers
-- By their keys, as the orders.
INSERT INTO customer AS c (account_id, customer_id, name, details, sequence, created_at)
SELECT %(account)s, customer_id, name, details, sequence, %(now)s
FROM staged_customer WHERE NOT is_new AND xmin = (SELECT pg_current_xact_id()::xid)
ON CONFLICT (account_id, customer_id) DO UPDATE
SET name = excluded.name, details = excluded.details, sequence = excluded.sequence
WHERE c.erased_at IS NULL;

-- name: write_customer_keys
INSERT INTO customer_key (account_id, kind, value, customer_id)
SELECT %(account)s, kind, value, customer_id
FROM staged_customer_key WHERE xmin = (SELECT pg_current_xact_id()::xid);

-- name: write_refunds
INSERT INTO refund (account_id, order_id, refund_no, source_id, amount, amount_minor, refunded_at, note)
SELECT %(account)s, order_id, refund_no, source_id, amount::numeric, amount_minor, refunded_at, note
FROM staged_refund WHERE xmin = (SELECT pg_current_xact_id()::xid);

-- name: write_shipments
INSERT INTO shipment (account_id, order_id, shipment_no, source_id, carrier, tracking, cost, state, shipped_at)
SELECT %(account)s, order_id, shipment_no, source_id, carrier, tracking, cost::numeric, state, shipped_at
FROM staged_shipment WHERE xmin = (SELECT pg_current_xact_id()::xid);

-- name: write_discounts
INSERT INTO discount (account_id, order_id, discount_no, code, title, amount, amount_minor)
SELECT %(account)s, order_id, discount_no, code, title, amount::numeric, amount_minor
FROM staged_discount WHERE xmin = (SELECT pg_current_xact_id()::xid);

-- name: write_consent
-- The newest word about a channel wins, and a block is never lifted by a source.
INSERT INTO consent AS c (account_id, customer_id, channel, state, at, source, note)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, customer_id, channel) DO UPDATE
SET state = excluded.state, at = excluded.at, source = excluded.source, note = excluded.note
WHERE c.state <> 'blocked' AND (excluded.state = 'blocked' OR c.at IS NULL OR excluded.at >= c.at);

-- name: write_conflict
INSERT INTO customer_conflict (account_id, one, other, order_id, at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING;

-- name: write_event
INSERT INTO order_event (account_id, order_id, event_id, at, kind, author, detail) VALUES (%s, %s, %s, %s, %s, %s, %s);

-- name: write_frozen_change
-- Only the newest pending change is kept: it is a whole version, not a step.
INSERT INTO frozen_change (account_id, order_id, at, receipt_id, stamp, sequence, digest, changes, content)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, order_id) DO UPDATE
SET at = excluded.at, receipt_id = excluded.receipt_id, stamp = excluded.stamp, sequence = excluded.sequence,
    digest = excluded.digest, changes = excluded.changes, content = excluded.content
WHERE (COALESCE(excluded.stamp, '-infinity'), excluded.sequence, excluded.digest)
      >= (COALESCE(frozen_change.stamp, '-infinity'), frozen_change.sequence, frozen_change.digest);

-- name: drop_frozen_change
-- The source has taken it back.
DELETE FROM frozen_change
WHERE account_id = %s AND order_id = %s
  AND (COALESCE(stamp, '-infinity'), sequence) <= (COALESCE(%s::timestamptz, '-infinity'), %s);

-- name: write_products
INSERT INTO product (account_id, product_id, name, sku, code, description, brand, unit, source_unit, category_id, active,
                     inactive_at, origin, warnings, evidence, created_at)
SELECT %(account)s, product_id, name, sku, code, description, brand, unit, source_unit, category_id, active,
       inactive_at, origin, warnings, evidence::jsonb, %(now)s
FROM staged_product WHERE xmin = (SELECT pg_current_xact_id()::xid)
ON CONFLICT (account_id, product_id) DO UPDATE
SET name = excluded.name, sku = excluded.sku, code = excluded.code, description = excluded.description,
    brand = excluded.brand, unit = excluded.unit, source_unit = excluded.source_unit,
    category_id = excluded.category_id, active = excluded.active, inactive_at = excluded.inactive_at,
    origin = excluded.origin, warnings = excluded.warnings, evidence = excluded.evidence;

-- name: write_product_keys
INSERT INTO product_key (account_id, kind, scope, value, product_id)
SELECT %(account)s, kind, scope, value, product_id
FROM staged_product_key WHERE xmin = (SELECT pg_current_xact_id()::xid)
ON CONFLICT (account_id, kind, scope, value, product_id) DO UPDATE SET former = false;

-- name: alias_product_key
UPDATE product_key SET former = true
WHERE account_id = %s AND kind = 'sku' AND product_id = %s AND value = %s;

-- name: write_category
INSERT INTO category (account_id, category_id, path, name, parent_id, depth, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s);

-- name: write_category_node
INSERT INTO category_source (account_id, store_id, source_id, parent, name) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (account_id, store_id, source_id) DO UPDATE SET parent = excluded.parent, name = excluded.name;

-- name: write_branch
INSERT INTO branch (account_id, store_id, source_id, name, details) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (account_id, store_id, source_id) DO UPDATE SET name = excluded.name, details = excluded.details;

-- name: write_reject
INSERT INTO file_reject (account_id, set_id, file_no, line, column_name, value, rule, reason, receipt_id, raw, settled,
                         personal)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, set_id, file_no, line, column_name) DO UPDATE
SET value = excluded.value, rule = excluded.rule, reason = excluded.reason, receipt_id = excluded.receipt_id,
    raw = excluded.raw, settled = excluded.settled, personal = excluded.personal;

-- name: rewrite_receipts
-- What came after its person was erased: the receipt keeps what the ledger took of it.
UPDATE receipt r SET body = e.body, headers = jsonb_build_object('erased', %(now)s::timestamptz)
FROM unnest(%(receipts)s::bigint[], %(said)s::bytea[]) AS e (receipt_id, body)
WHERE r.account_id = %(account)s AND r.receipt_id = e.receipt_id;

-- name: empty_receipts
-- Receipts that failed before anybody looked at their order.
UPDATE receipt r SET body = '', headers = jsonb_build_object('erased', %(now)s::timestamptz)
FROM unnest(%(receipts)s::bigint[], %(said)s::text[]) AS e (receipt_id, source_id)
JOIN orders o ON o.account_id = %(account)s AND o.store_id = %(store)s AND o.source_id = e.source_id
WHERE r.account_id = %(account)s AND r.receipt_id = e.receipt_id AND o.erased_at IS NOT NULL;

-- name: write_relink
-- Asked for again: the newer question counts, and nothing is put off by it.
INSERT INTO relink AS r (account_id, integration_id, kind, source_id, cause, asked_at, due_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, integration_id, kind, source_id) DO UPDATE
SET cause = excluded.cause, asked_at = excluded.asked_at, due_at = least(r.due_at, excluded.due_at);
