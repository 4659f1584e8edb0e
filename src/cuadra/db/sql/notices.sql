-- Statements of the intake, run as cuadra_intake: one statement is one transaction.

-- name: load_directory
SELECT address, account_id, integration_id, connector, settings, state, retention, key_id, sealed FROM intake_directory();

-- name: take_notices
-- Notices of any accounts at once. `counts` are those of each account and integration; a notice says which of them it
-- belongs to and its place there. Their bodies lie in one piece, one after the other.
WITH part AS MATERIALIZED (
    SELECT p.account, p.integration, p.retention, p.many, p.nr, nextval('receipt_block') AS first
    FROM unnest(%(accounts)s::int8[], %(integrations)s::int8[], %(retentions)s::int2[], %(counts)s::int4[])
         WITH ORDINALITY AS p(account, integration, retention, many, nr)
), work AS (
    INSERT INTO inbox (account_id, integration_id, retention, received_at, first_receipt, last_receipt)
    SELECT account, integration, retention, now(), first, first + many - 1 FROM part
)
INSERT INTO receipt (account_id, receipt_id, retention, received_at, integration_id, arrival, kind, sequence, headers, body)
SELECT p.account, p.first + n.place, p.retention, now(), p.integration, 'webhook', n.kind, n.sequence, n.headers,
       substring(%(bodies)s::bytea FROM n.start FOR n.size)
FROM ROWS FROM (
    unnest(%(parts)s::int4[], %(places)s::int4[], %(kinds)s::text[], %(sequences)s::int8[], %(starts)s::int4[],
           %(sizes)s::int4[]),
    jsonb_array_elements(%(headers)s::jsonb)
) AS n(part, place, kind, sequence, start, size, headers)
JOIN part p ON p.nr = n.part;

-- name: keep_platform_notice
SELECT keep_platform_notice(%(account)s, %(integration)s, %(kind)s, %(webhook)s, %(subject)s::jsonb);

-- name: note_refusals
SELECT note_refusal((r ->> 'account')::bigint, (r ->> 'integration')::bigint, r ->> 'reason', (r ->> 'at')::timestamptz,
                    (r ->> 'count')::bigint, r -> 'evidence')
FROM jsonb_array_elements(%(refusals)s::jsonb) AS r;

-- name: make_partitions
-- As cuadra_app: the months that receipts of now and of the next weeks go into.
SELECT ensure_partitions(now()::date, 2);
