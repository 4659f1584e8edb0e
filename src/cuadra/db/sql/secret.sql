-- Credentials of integrations, sealed before they come here. The key is never in the database.

-- name: put_secret
-- One value per name: a new one takes the place of the old.
INSERT INTO secret (account_id, integration_id, name, key_id, sealed)
VALUES (%(account)s, %(integration)s, %(name)s, %(key)s, %(sealed)s)
ON CONFLICT (account_id, integration_id, name)
DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed, changed_at = now();

-- name: load_secret
SELECT key_id, sealed FROM secret
WHERE account_id = %(account)s AND integration_id = %(integration)s AND name = %(name)s;

-- name: list_secrets
-- What people may see of them.
SELECT name, key_id, changed_at FROM secret
WHERE account_id = %(account)s AND integration_id = %(integration)s
ORDER BY name;

-- name: delete_secret
DELETE FROM secret
WHERE account_id = %(account)s AND integration_id = %(integration)s AND name = %(name)s;

-- name: list_secret_keys
-- Which keys the secrets of an account need.
SELECT DISTINCT key_id FROM secret WHERE account_id = %(account)s ORDER BY key_id;

-- name: lock_secrets
-- A value that is written while its key is changed waits, and is not overwritten by the old one.
SELECT integration_id, name, key_id, sealed FROM secret
WHERE account_id = %(account)s
ORDER BY integration_id, name
FOR UPDATE;

-- name: reseal_secret
-- The value is the same, so changed_at stays.
UPDATE secret SET key_id = %(key)s, sealed = %(sealed)s
WHERE account_id = %(account)s AND integration_id = %(integration)s AND name = %(name)s;

-- name: audit_secret
-- Who touched which credential; never its value.
INSERT INTO audit (account_id, actor, action, object, detail)
VALUES (%(account)s, %(actor)s, %(action)s, %(object)s, %(detail)s);
