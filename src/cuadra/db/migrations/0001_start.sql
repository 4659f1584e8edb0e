-- The first schema: everything that orders, receipts and answers stand on.
-- The whole schema, readable from top to bottom. `migrations/` builds the same one; a test compares them.
--
-- Every table of a tenant begins with account_id, in its key too, and no query crosses accounts. Policies hold for
-- cuadra_app on each of them. Hot tables have no foreign keys: only the ledger writes them, in one transaction with
-- what they point at, and a trigger per row would cost more than the row (docs/decisions/0003).

-- ---------------------------------------------------------------- vocabulary

CREATE FUNCTION current_account() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('cuadra.account', true), '')::bigint;
COMMENT ON FUNCTION current_account IS 'The account of this transaction; NULL (no rows at all) until it is set.';

CREATE SEQUENCE entity_id AS bigint CACHE 1;
COMMENT ON SEQUENCE entity_id IS 'One sequence for all numbered things: an id is never mistaken for one of another table.';

CREATE SEQUENCE receipt_block AS bigint INCREMENT BY 10000 START WITH 10000;
COMMENT ON SEQUENCE receipt_block IS 'Receipts stored together have numbers in a row: each draw is a block of 10,000.';

CREATE TABLE schema_version (
    version    text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- ---------------------------------------------------------------- accounts, stores, integrations

CREATE TABLE account (
    account_id bigint PRIMARY KEY DEFAULT nextval('entity_id'),
    name       text NOT NULL UNIQUE,
    currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    country    text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),   -- region of phones written without a prefix
    time_zone  text NOT NULL DEFAULT 'UTC',
    retention  smallint NOT NULL DEFAULT 12 CHECK (retention IN (3, 12, 36)),  -- months of raw receipts and attempts
    generation bigint NOT NULL DEFAULT 0,                      -- transactions that have changed the ledger so far
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE store (
    account_id bigint NOT NULL,
    store_id   bigint NOT NULL DEFAULT nextval('entity_id'),
    platform   text NOT NULL,
    source_id  text NOT NULL,                                  -- the platform's own shop id
    name       text NOT NULL,
    time_zone  text,                                           -- its own, as soon as it has told
    PRIMARY KEY (account_id, store_id),
    UNIQUE (account_id, platform, source_id)
);

CREATE TABLE integration (
    account_id     bigint NOT NULL,
    integration_id bigint NOT NULL DEFAULT nextval('entity_id'),
    store_id       bigint NOT NULL,
    name           text NOT NULL,
    connector      text NOT NULL,
    state          text NOT NULL DEFAULT 'draft'
                   CHECK (state IN ('draft', 'validating', 'active', 'paused', 'broken', 'removed')),
    mode           text NOT NULL DEFAULT 'manual',             -- when it runs: manual, realtime, every 15m, daily 03:00
    settings       jsonb NOT NULL DEFAULT '{}',
    address        text UNIQUE,                                -- where its platform sends notices: /in/ADDRESS
    rule_version   integer NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, integration_id)
);
CREATE UNIQUE INDEX integration_name ON integration (account_id, name) WHERE state <> 'removed';

CREATE TABLE subscription (                                    -- notices that a platform was asked to send
    account_id     bigint NOT NULL,
    integration_id bigint NOT NULL,
    topic          text NOT NULL,
    source_id      text NOT NULL,                              -- the platform's own number of it
    url            text NOT NULL,
    state          text NOT NULL,                              -- as the platform last said: active, paused, disabled, gone
    made_at        timestamptz NOT NULL,
    checked_at     timestamptz NOT NULL,
    remade         integer NOT NULL DEFAULT 0,                 -- how often it was lost or disabled and made again
    lost_at        timestamptz,                                -- when that was last noticed
    PRIMARY KEY (account_id, integration_id, topic)
);

CREATE TABLE integration_state (                               -- who, when, why: one row per change of state
    account_id     bigint NOT NULL,
    integration_id bigint NOT NULL,
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    state          text NOT NULL,
    author         text NOT NULL,
    note           text NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, integration_id, at)
);

CREATE TABLE secret (
    account_id     bigint NOT NULL,
    integration_id bigint NOT NULL,
    name           text NOT NULL,
    key_id         text NOT NULL,                              -- which key of the key file sealed it
    sealed         bytea NOT NULL,
    changed_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, integration_id, name)
);

CREATE TABLE rule_version (
    account_id     bigint NOT NULL,
    integration_id bigint NOT NULL,
    version        integer NOT NULL,
    rules          jsonb NOT NULL,
    author         text NOT NULL,
    note           text NOT NULL DEFAULT '',
    at             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, integration_id, version)
);

CREATE TABLE exchange_rate (
    account_id bigint NOT NULL,
    source     text NOT NULL,
    target     text NOT NULL,
    day        date NOT NULL,
    rate       numeric NOT NULL CHECK (rate > 0),
    author     text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, source, target, day)
);

CREATE TABLE audit (                                           -- append-only: the app may insert and read
    account_id bigint NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    audit_id   bigint NOT NULL DEFAULT nextval('entity_id'),
    actor      text NOT NULL,
    action     text NOT NULL,
    object     text NOT NULL DEFAULT '',
    detail     jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (account_id, at, audit_id)
);

-- ---------------------------------------------------------------- intake: runs, file sets, inbox, receipts

CREATE TABLE run (
    account_id     bigint NOT NULL,
    run_id         bigint NOT NULL DEFAULT nextval('entity_id'),
    integration_id bigint NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('import', 'scan', 'file_set', 'rejudge', 'act')),
    state          text NOT NULL DEFAULT 'running'
                   CHECK (state IN ('queued', 'running', 'finished', 'finished_with_errors', 'failed', 'cancelled')),
    author         text NOT NULL,
    started_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at       timestamptz,
    scope          jsonb NOT NULL DEFAULT '{}',                -- range, filter, set
    cursor         jsonb NOT NULL DEFAULT '{}',                -- where receiving goes on; moved with the receipts
    received       bigint NOT NULL DEFAULT 0,                  -- receipts stored so far
    all_received   boolean NOT NULL DEFAULT false,             -- the source has been read to its end
    source_count   bigint,                                     -- the source's own count of orders, if it gives one
    count_origin   text,
    proven         boolean,
    report         jsonb,
    reason         text,
    evidence       jsonb,
    cancelled_by   text,                                       -- who asked for its end; it ends at its next chunk
    fence          integer NOT NULL DEFAULT 0,                 -- counts who has worked on it: only the last one may store
    PRIMARY KEY (account_id, run_id),
    CHECK ((ended_at IS NULL) = (state IN ('queued', 'running'))),
    CHECK (reason IS NULL OR evidence IS NOT NULL)
);
CREATE INDEX run_by_integration ON run (account_id, integration_id, started_at DESC);

CREATE TABLE file_set (
    account_id     bigint NOT NULL,
    set_id         bigint NOT NULL DEFAULT nextval('entity_id'),
    integration_id bigint NOT NULL,
    run_id         bigint,
    name           text NOT NULL,
    sequence       bigint NOT NULL,                            -- order of sets: microseconds, from its name or its arrival
    digest         bytea NOT NULL,                             -- of names and contents
    files          jsonb NOT NULL,                             -- [{name, role, size, sha256, header, dialect…}]
    layout         jsonb NOT NULL,                             -- the mapping it was read with
    state          text NOT NULL CHECK (state IN ('taken', 'read', 'held', 'refused')),
    reason         text,
    evidence       jsonb,
    received_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, set_id),
    CHECK (reason IS NULL OR evidence IS NOT NULL)
);
CREATE INDEX file_set_by_run ON file_set (account_id, run_id);
CREATE INDEX file_set_by_digest ON file_set (account_id, integration_id, digest);

CREATE TABLE coverage (                                        -- what has been read of a live source, whole
    account_id     bigint NOT NULL,
    coverage_id    bigint NOT NULL DEFAULT nextval('entity_id'),
    integration_id bigint NOT NULL,
    run_id         bigint,
    axis           text NOT NULL CHECK (axis IN ('created', 'updated')),
    span           tstzrange NOT NULL,                         -- of the source's time
    read_at        timestamptz NOT NULL,
    filter         text NOT NULL DEFAULT '',                   -- what the source left out, if it was asked to
    reach          timestamptz,                                -- orders created before this the token may not see
    PRIMARY KEY (account_id, coverage_id)
);
CREATE INDEX coverage_by_integration ON coverage (account_id, integration_id);

CREATE TABLE relink (                                          -- what is to be fetched from the source by its number
    account_id     bigint NOT NULL,
    integration_id bigint NOT NULL,
    kind           text NOT NULL,                              -- order, customer, product
    source_id      text NOT NULL,
    cause          text NOT NULL,                              -- hint, tie, stale, census, refused
    asked_at       timestamptz NOT NULL,
    due_at         timestamptz NOT NULL,
    tries          integer NOT NULL DEFAULT 0,
    reason         text,                                       -- of the last failure
    evidence       jsonb,
    PRIMARY KEY (account_id, integration_id, kind, source_id),
    CHECK (reason IS NULL OR evidence IS NOT NULL)
);
CREATE INDEX relink_due ON relink (due_at);

CREATE TABLE look (                                            -- a question put to a source, and what it answered
    account_id     bigint NOT NULL,
    look_id        bigint NOT NULL DEFAULT nextval('entity_id'),
    integration_id bigint NOT NULL,
    at             timestamptz NOT NULL,
    query          text NOT NULL,                              -- the identifier asked for
    kind           text NOT NULL,                              -- id, number, email
    found          text[] NOT NULL,                            -- the source's own ids
    reason         text,                                       -- why it could not be asked
    evidence       jsonb NOT NULL,                             -- each request with its status, time and answer's digest
    PRIMARY KEY (account_id, look_id)
);
CREATE INDEX look_by_query ON look (account_id, query, at DESC);

CREATE TABLE intake_refusal (                                  -- notices that were not taken, counted by the hour
    account_id     bigint NOT NULL,                            -- 0: at an address of no integration
    integration_id bigint NOT NULL,
    hour           timestamptz NOT NULL,
    reason         text NOT NULL,
    count          bigint NOT NULL,
    last_at        timestamptz NOT NULL,
    evidence       jsonb NOT NULL,                             -- of the last one; never its body
    PRIMARY KEY (account_id, integration_id, hour, reason)
);

CREATE TABLE platform_notice (                                 -- what a platform says of the integration, or asks about people
    account_id     bigint NOT NULL,
    notice_id      bigint NOT NULL DEFAULT nextval('entity_id'),
    integration_id bigint NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('uninstalled', 'erase_person', 'export_person', 'erase_store')),
    source_id      text NOT NULL,                              -- the platform's own number of the notice
    received_at    timestamptz NOT NULL DEFAULT now(),
    due_at         timestamptz NOT NULL DEFAULT now(),         -- when it is to be tried (again)
    tries          integer NOT NULL DEFAULT 0,
    subject        jsonb NOT NULL,                             -- whom it names; empty once nothing of him is to be kept
    done_at        timestamptz,
    result         jsonb,
    PRIMARY KEY (account_id, notice_id),
    UNIQUE (account_id, integration_id, source_id)
);

CREATE TABLE write_back (                                      -- states of ours on their way to the source
    account_id     bigint NOT NULL,
    order_id       bigint NOT NULL,
    integration_id bigint NOT NULL,
    own_state      text NOT NULL,                              -- as a person or a system of ours has set it
    state          text NOT NULL,                              -- the source's, by the mapping table
    standing       text NOT NULL CHECK (standing IN ('waiting', 'held', 'failed', 'skipped', 'done')),
    reason         text,
    evidence       jsonb,
    asked_at       timestamptz NOT NULL,
    due_at         timestamptz,
    tries          integer NOT NULL DEFAULT 0,
    done_at        timestamptz,
    PRIMARY KEY (account_id, order_id),
    CHECK (reason IS NULL OR evidence IS NOT NULL),
    CHECK ((standing IN ('held', 'failed', 'skipped')) <= (reason IS NOT NULL))
);
CREATE INDEX write_back_due ON write_back (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE file_reject (                                     -- one row per bad row of a file
    account_id  bigint NOT NULL,
    set_id      bigint NOT NULL,
    file_no     smallint NOT NULL,
    line        bigint NOT NULL,
    column_name text NOT NULL DEFAULT '',
    value       text NOT NULL DEFAULT '',
    rule        text NOT NULL,
    reason      text NOT NULL,
    receipt_id  bigint,
    raw         bytea NOT NULL,
    personal    text NOT NULL DEFAULT '',                      -- what of a person the value says: masked where it is shown
    settled     boolean NOT NULL DEFAULT false,                -- a corrected row has come, or its person was erased
    PRIMARY KEY (account_id, set_id, file_no, line, column_name)
);
CREATE INDEX file_reject_by_receipt ON file_reject (account_id, receipt_id);

CREATE TABLE inbox (                                           -- work to do: ranges of receipts without an attempt
    account_id     bigint NOT NULL,
    inbox_id       bigint NOT NULL DEFAULT nextval('entity_id'),
    integration_id bigint NOT NULL,
    run_id         bigint,
    retention      smallint NOT NULL,
    received_at    timestamptz NOT NULL,
    set_id         bigint,
    first_receipt  bigint NOT NULL,
    last_receipt   bigint NOT NULL,
    PRIMARY KEY (account_id, inbox_id),
    CHECK (first_receipt <= last_receipt)
);
CREATE INDEX inbox_by_run ON inbox (account_id, run_id);
CREATE INDEX inbox_by_receipt ON inbox (account_id, first_receipt);

-- Raw things as they came, byte for byte. Three trees by retention class, each by month, so that old data is dropped
-- and never deleted row by row.
CREATE TABLE receipt (
    account_id     bigint NOT NULL,
    receipt_id     bigint NOT NULL,
    retention      smallint NOT NULL,
    received_at    timestamptz NOT NULL,
    integration_id bigint NOT NULL,
    run_id         bigint,
    arrival        text NOT NULL
                   CHECK (arrival IN ('webhook', 'poll', 'backfill', 'relink', 'file', 'tag', 'push', 'person')),
    kind           text NOT NULL,                              -- order, customer, product, category, store, act
    sequence       bigint NOT NULL,                            -- when the source was read (microseconds) or the set's
    set_id         bigint,
    file_no        smallint,
    line           bigint,
    headers        jsonb,
    body           bytea NOT NULL,
    PRIMARY KEY (account_id, receipt_id, retention, received_at)
) PARTITION BY LIST (retention);

CREATE TABLE attempt (
    account_id  bigint NOT NULL,
    attempt_id  bigint NOT NULL,
    retention   smallint NOT NULL,
    at          timestamptz NOT NULL,
    receipt_id  bigint,
    run_id      bigint,
    order_id    bigint,
    entity      text NOT NULL,                                 -- what the receipt spoke of: order, customer, …
    identifier  text,                                          -- as the source names it
    outcome     text NOT NULL
                CHECK (outcome IN ('created', 'updated', 'unchanged', 'duplicate', 'stale', 'hint', 'refused', 'failed')),
    standing    text,
    reason      text,
    warnings    text[],
    steps       text NOT NULL,                                 -- compact form, see pipeline/steps.py
    evidence    jsonb,
    micros      integer NOT NULL DEFAULT 0,
    CONSTRAINT attempt_reason_has_evidence
        CHECK ((reason IS NULL AND warnings IS NULL) OR evidence IS NOT NULL),
    CONSTRAINT attempt_trouble_has_reason
        CHECK (outcome NOT IN ('duplicate', 'stale', 'refused', 'failed') OR reason IS NOT NULL)
) PARTITION BY LIST (retention);
CREATE INDEX attempt_by_order ON attempt (account_id, order_id, at);
CREATE INDEX attempt_by_run ON attempt USING brin (run_id) WITH (pages_per_range = 16);
CREATE INDEX attempt_trouble ON attempt (account_id, at) WHERE order_id IS NULL;

CREATE TABLE receipt_r3 PARTITION OF receipt FOR VALUES IN (3) PARTITION BY RANGE (received_at);
CREATE TABLE receipt_r12 PARTITION OF receipt FOR VALUES IN (12) PARTITION BY RANGE (received_at);
CREATE TABLE receipt_r36 PARTITION OF receipt FOR VALUES IN (36) PARTITION BY RANGE (received_at);
CREATE TABLE attempt_r3 PARTITION OF attempt FOR VALUES IN (3) PARTITION BY RANGE (at);
CREATE TABLE attempt_r12 PARTITION OF attempt FOR VALUES IN (12) PARTITION BY RANGE (at);
CREATE TABLE attempt_r36 PARTITION OF attempt FOR VALUES IN (36) PARTITION BY RANGE (at);

-- ---------------------------------------------------------------- the ledger: orders

CREATE TABLE orders (                                          -- one row per order ever heard of
    account_id     bigint NOT NULL,
    order_id       bigint NOT NULL,
    store_id       bigint NOT NULL,
    source_id      text NOT NULL,
    integration_id bigint NOT NULL,                            -- the one that brought its newest version
    number         text,
    ordered_at     timestamptz,                                -- created at the source
    state          text,                                       -- raw, as the source says it
    payment_state  text,
    currency       text,
    total          numeric,
    total_minor    bigint,
    converted      numeric,                                    -- total in the account's currency, if a rule converts
    rate           numeric,
    rate_day       date,
    customer_id    bigint,
    customer_name  text,
    customer_email text,
    products       text,                                       -- short list for people
    standing       text NOT NULL,
    reason         text,
    warnings       text[],
    evidence       jsonb,                                      -- code: proof, for the reason and each warning
    incomplete     boolean NOT NULL DEFAULT false,             -- a line of it has a reason of its own
    stamp          timestamptz,                                -- version: source stamp, sequence, digest
    sequence       bigint NOT NULL,
    digest         bytea NOT NULL,
    version        integer NOT NULL,
    receipt_id     bigint,                                     -- the receipt that brought this version
    rule_version   integer NOT NULL,
    recheck_at     timestamptz,                                -- waiting: when to judge again
    frozen_at      timestamptz,
    erased_at      timestamptz,
    own_state      text,                                       -- where it stands with us: set by a person, or mapped
    present_at     timestamptz,                                -- when it was first present
    first_seen     timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL,
    content        text NOT NULL,                              -- the order as read, unknown fields left out: JSON
    PRIMARY KEY (account_id, order_id),
    CONSTRAINT orders_one_order_is_one_order UNIQUE (account_id, store_id, source_id),
    CONSTRAINT orders_known_standing
        CHECK (standing IN ('present', 'waiting', 'held', 'failed', 'skipped', 'unseen')),
    CONSTRAINT orders_reason_unless_present CHECK ((standing = 'present') = (reason IS NULL)),
    CONSTRAINT orders_reason_has_evidence CHECK ((reason IS NULL AND warnings IS NULL) OR evidence IS NOT NULL)
) WITH (fillfactor = 90, toast_tuple_target = 4080);
ALTER TABLE orders ALTER COLUMN content SET STORAGE EXTERNAL;   -- orders of the usual size stay whole, uncompressed
-- An order without a date is the oldest; lists of one integration and of all begin at the newest of each. CASE, for
-- PostgreSQL takes COALESCE for leaky, and would not look it up below a policy.
CREATE INDEX orders_newest ON orders (
    account_id, integration_id, (CASE WHEN ordered_at IS NULL THEN '-infinity' ELSE ordered_at END) DESC, order_id DESC
);
CREATE INDEX orders_by_customer ON orders (customer_id, account_id) WHERE customer_id IS NOT NULL;
CREATE INDEX orders_not_present ON orders (account_id, reason, order_id) INCLUDE (standing) WHERE standing <> 'present';
CREATE INDEX orders_due ON orders (account_id, recheck_at) WHERE recheck_at IS NOT NULL;

CREATE TABLE order_line (
    account_id  bigint NOT NULL,
    order_id    bigint NOT NULL,
    line_no     integer NOT NULL,
    source_id   text,
    product_id  bigint,
    sku         text,
    name        text,
    quantity    numeric,
    unit        text NOT NULL,
    source_unit text,
    unit_price  numeric,
    discount    numeric,
    tax         numeric,
    total       numeric,
    total_minor bigint,
    seller      text,
    reason      text,
    evidence    jsonb,
    PRIMARY KEY (account_id, order_id, line_no),
    CONSTRAINT order_line_reason_has_evidence CHECK (reason IS NULL OR evidence IS NOT NULL)
);
CREATE INDEX order_line_reason ON order_line (account_id, reason, order_id) WHERE reason IS NOT NULL;

CREATE TABLE payment (
    account_id   bigint NOT NULL,
    order_id     bigint NOT NULL,
    payment_no   integer NOT NULL,
    source_id    text,
    method       text,
    state        text,
    amount       numeric,
    amount_minor bigint,
    paid_at      timestamptz,
    PRIMARY KEY (account_id, order_id, payment_no)
);

CREATE TABLE refund (
    account_id   bigint NOT NULL,
    order_id     bigint NOT NULL,
    refund_no    integer NOT NULL,
    source_id    text,
    amount       numeric,
    amount_minor bigint,
    refunded_at  timestamptz,
    note         text,
    PRIMARY KEY (account_id, order_id, refund_no)
);

CREATE TABLE shipment (
    account_id   bigint NOT NULL,
    order_id     bigint NOT NULL,
    shipment_no  integer NOT NULL,
    source_id    text,
    carrier      text,
    tracking     text,
    cost         numeric,
    state        text,
    shipped_at   timestamptz,
    PRIMARY KEY (account_id, order_id, shipment_no)
);

CREATE TABLE discount (
    account_id   bigint NOT NULL,
    order_id     bigint NOT NULL,
    discount_no  integer NOT NULL,
    code         text,
    title        text,
    amount       numeric,
    amount_minor bigint,
    PRIMARY KEY (account_id, order_id, discount_no)
);

CREATE TABLE order_version (
    account_id bigint NOT NULL,
    order_id   bigint NOT NULL,
    version    integer NOT NULL,
    stamp      timestamptz,
    sequence   bigint NOT NULL,
    digest     bytea NOT NULL,
    receipt_id bigint,
    at         timestamptz NOT NULL,
    changes    jsonb,                                          -- field: [before, after]; NULL for the first
    PRIMARY KEY (account_id, order_id, version)
);

CREATE TABLE order_event (                                     -- what happened to it after its first import
    account_id bigint NOT NULL,
    order_id   bigint NOT NULL,
    event_id   bigint NOT NULL,
    at         timestamptz NOT NULL,
    kind       text NOT NULL,
    author     text NOT NULL,
    detail     jsonb NOT NULL,
    PRIMARY KEY (account_id, order_id, event_id)
);

CREATE TABLE frozen_change (                                   -- what the source changed after the write-off
    account_id bigint NOT NULL,
    order_id   bigint NOT NULL,
    at         timestamptz NOT NULL,
    receipt_id bigint,
    stamp      timestamptz,
    sequence   bigint NOT NULL,
    digest     bytea NOT NULL,
    changes    jsonb NOT NULL,
    content    text NOT NULL,
    PRIMARY KEY (account_id, order_id)
);

CREATE TABLE identifier (                                      -- every number an order is known by
    account_id bigint NOT NULL,
    normal     text NOT NULL COLLATE "C",                      -- case-folded, without # and punctuation
    kind       text NOT NULL COLLATE "C",
    order_id   bigint NOT NULL,
    value      text NOT NULL,                                  -- as the source writes it
    PRIMARY KEY (account_id, normal, kind, order_id)
);

-- ---------------------------------------------------------------- the ledger: customers

CREATE TABLE customer (
    account_id  bigint NOT NULL,
    customer_id bigint NOT NULL,
    name        text,
    details     text NOT NULL,                                 -- newest known contact data, as read: JSON
    sequence    bigint NOT NULL,
    merged_into bigint,                                        -- set by a person; undone by a person; may go on from there
    erased_at   timestamptz,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, customer_id),
    CONSTRAINT customer_not_merged_into_itself CHECK (merged_into <> customer_id)
);
CREATE INDEX customer_merged ON customer (merged_into, account_id) WHERE merged_into IS NOT NULL;

CREATE TABLE customer_key (
    account_id  bigint NOT NULL,
    kind        text NOT NULL COLLATE "C",                     -- source, person, document, email, phone
    value       text NOT NULL COLLATE "C",                     -- phone in international form, email case-folded
    customer_id bigint NOT NULL,
    PRIMARY KEY (account_id, value, kind)                      -- values tell keys apart at the first look, kinds do not
);
CREATE INDEX customer_key_by_customer ON customer_key (customer_id, account_id);

CREATE TABLE customer_conflict (                               -- two keys of one order at two people
    account_id bigint NOT NULL,
    one        bigint NOT NULL,
    other      bigint NOT NULL,
    order_id   bigint NOT NULL,
    at         timestamptz NOT NULL,
    decision   text CHECK (decision IN ('merged', 'kept_apart')),
    decided_by text,
    PRIMARY KEY (account_id, one, other, order_id),
    CHECK (one < other)
);

CREATE TABLE consent (                                         -- per contact channel; no row says: unknown
    account_id  bigint NOT NULL,
    customer_id bigint NOT NULL,
    channel     text NOT NULL,                                 -- email, phone, sms, whatsapp
    state       text NOT NULL CHECK (state IN ('allowed', 'refused', 'blocked')),
    at          timestamptz,
    source      text NOT NULL,
    note        text,                                          -- why blocked: bounce, complaint, unsubscribe, other
    PRIMARY KEY (account_id, customer_id, channel)
);

-- ---------------------------------------------------------------- the ledger: catalogue

CREATE TABLE category (
    account_id  bigint NOT NULL,
    category_id bigint NOT NULL,
    path        text NOT NULL,                                 -- names from the root, joined by U+001F
    name        text NOT NULL,
    parent_id   bigint,
    depth       smallint NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, category_id),
    UNIQUE (account_id, path)
);

CREATE TABLE category_source (                                 -- the source's own ids of categories
    account_id  bigint NOT NULL,
    store_id    bigint NOT NULL,
    source_id   text NOT NULL,
    parent      text,
    name        text NOT NULL,
    PRIMARY KEY (account_id, store_id, source_id)
);

CREATE TABLE product (
    account_id  bigint NOT NULL,
    product_id  bigint NOT NULL,
    name        text,
    sku         text,
    code        text,                                          -- the source's product id
    description text,
    brand       text,
    unit        text NOT NULL,
    source_unit text,
    category_id bigint,
    active      boolean NOT NULL DEFAULT true,
    inactive_at timestamptz,
    origin      text NOT NULL CHECK (origin IN ('order', 'catalogue', 'person', 'gone')),
    warnings    text[],
    evidence    jsonb,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, product_id),
    CONSTRAINT product_warning_has_evidence CHECK (warnings IS NULL OR evidence IS NOT NULL)
);

CREATE TABLE product_key (
    account_id bigint NOT NULL,
    kind       text NOT NULL COLLATE "C",                      -- sku, id, name
    scope      bigint NOT NULL,                                -- the store for ids; 0 for the whole account
    value      text NOT NULL COLLATE "C",
    product_id bigint NOT NULL,
    former     boolean NOT NULL DEFAULT false,                 -- an alias left by a changed SKU
    PRIMARY KEY (account_id, kind, scope, value, product_id)
);
CREATE INDEX product_key_by_product ON product_key (product_id, account_id);

CREATE TABLE branch (                                          -- physical stores named by files
    account_id bigint NOT NULL,
    store_id   bigint NOT NULL,
    source_id  text NOT NULL,
    name       text NOT NULL,
    details    jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (account_id, store_id, source_id)
);

-- ---------------------------------------------------------------- the clock and the workers

CREATE TABLE schedule (                                        -- what runs by itself, and when: ids and times only
    account_id     bigint NOT NULL,                            -- 0: of the whole system
    integration_id bigint NOT NULL,                            -- 0: of the whole account
    task           text NOT NULL,
    cadence        text NOT NULL,                              -- manual, every 15m, daily 03:00
    zone           text NOT NULL,                              -- in which a daily hour is meant
    due_at         timestamptz,                                -- next; NULL: never by itself
    begun_at       timestamptz,
    ended_at       timestamptz,                                -- NULL or before begun_at: at work, or its worker is gone
    worker_id      bigint,
    tries          integer NOT NULL DEFAULT 0,                 -- transient failures in a row
    PRIMARY KEY (account_id, integration_id, task)
);

CREATE TABLE worker (                                          -- programs at work on any host
    worker_id  bigint PRIMARY KEY DEFAULT nextval('entity_id'),
    host       text NOT NULL,
    pid        integer NOT NULL,
    version    text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE disk_sample (                                     -- one an hour, for the forecast
    at   timestamptz PRIMARY KEY,
    used bigint NOT NULL,                                      -- bytes of the database
    free bigint                                                -- bytes free beside it; NULL where that cannot be seen
);

CREATE TABLE pace (                                            -- calls to a source, of all workers together
    account_id     bigint NOT NULL,
    integration_id bigint NOT NULL,
    next_at        timestamptz NOT NULL,                       -- when the next call may be made
    per_second     double precision NOT NULL,
    calls          bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, integration_id)
);

CREATE TABLE problem (                                         -- one cause, from its first sight to its end
    account_id bigint NOT NULL,
    problem_id bigint NOT NULL DEFAULT nextval('entity_id'),
    party_id   bigint NOT NULL,                                -- the integration or the destination
    step       text NOT NULL,                                  -- fetch, deliver
    reason     text NOT NULL,
    evidence   jsonb NOT NULL,                                 -- of the last time
    since      timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    count      bigint NOT NULL DEFAULT 1,                      -- how often it was met
    next_at    timestamptz NOT NULL,                           -- nobody asks before
    ended_at   timestamptz,
    PRIMARY KEY (account_id, problem_id)
);
CREATE UNIQUE INDEX problem_open ON problem (account_id, party_id, step) WHERE ended_at IS NULL;

-- ---------------------------------------------------------------- destinations: where present orders go on to

CREATE TABLE destination (
    account_id     bigint NOT NULL,
    destination_id bigint NOT NULL DEFAULT nextval('entity_id'),
    name           text NOT NULL,
    url            text NOT NULL,
    state          text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'removed')),
    settings       jsonb NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, destination_id)
);
CREATE UNIQUE INDEX destination_name ON destination (account_id, name) WHERE state <> 'removed';

CREATE TABLE delivery (                                        -- one order version on its way, written with the order
    account_id     bigint NOT NULL,
    destination_id bigint NOT NULL,
    order_id       bigint NOT NULL,
    sequence       integer NOT NULL,                           -- of this order at this destination, from 1
    kind           text NOT NULL CHECK (kind IN ('order.present', 'order.withdrawn')),
    version        integer NOT NULL,
    standing       text NOT NULL DEFAULT 'waiting' CHECK (standing IN ('waiting', 'failed', 'skipped', 'done')),
    reason         text,
    evidence       jsonb,
    tries          integer NOT NULL DEFAULT 0,
    asked_at       timestamptz NOT NULL,
    due_at         timestamptz,                                -- waiting: not to be sent before
    history        boolean NOT NULL DEFAULT false,             -- changed long ago at its source: lets what is live go first
    sent_at        timestamptz,                                -- accepted
    ended_at       timestamptz,
    digest         bytea NOT NULL,                             -- of the document
    body           jsonb,                                      -- the document; NULL once it is not needed any more
    PRIMARY KEY (account_id, destination_id, order_id, sequence),
    CHECK ((standing = 'waiting') = (due_at IS NOT NULL)),
    CHECK ((standing IN ('failed', 'skipped')) <= (reason IS NOT NULL)),
    CHECK (reason IS NULL OR evidence IS NOT NULL)
);
CREATE INDEX delivery_due ON delivery (account_id, destination_id, history, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_by_order ON delivery (account_id, order_id, destination_id, sequence);
CREATE INDEX delivery_failed ON delivery (account_id, destination_id, ended_at) WHERE standing = 'failed';

CREATE TABLE delivery_attempt (
    account_id     bigint NOT NULL,
    destination_id bigint NOT NULL,
    order_id       bigint NOT NULL,
    sequence       integer NOT NULL,
    at             timestamptz NOT NULL,
    outcome        text NOT NULL CHECK (outcome IN ('delivered', 'already', 'waiting', 'failed', 'seen', 'not_seen')),
    status         smallint,
    micros         integer NOT NULL,
    reason         text,
    evidence       jsonb,
    PRIMARY KEY (account_id, destination_id, order_id, sequence, at),
    CHECK (reason IS NULL OR evidence IS NOT NULL)
);
CREATE INDEX delivery_attempt_by_time ON delivery_attempt (account_id, destination_id, at);

CREATE FUNCTION order_document(account bigint, wanted bigint) RETURNS jsonb
    LANGUAGE sql STABLE
    BEGIN ATOMIC
        SELECT jsonb_build_object(
            'account', a.name, 'key', o.order_id::text, 'version', o.version, 'standing', o.standing, 'reason', o.reason,
            'warnings', to_jsonb(COALESCE(o.warnings, '{}')), 'incomplete', o.incomplete,
            'store', jsonb_build_object('platform', s.platform, 'id', s.source_id, 'name', s.name),
            'source_id', o.source_id, 'number', o.number, 'ordered_at', o.ordered_at, 'state', o.state,
            'payment_state', o.payment_state, 'own_state', o.own_state, 'currency', o.currency, 'total', o.total::text,
            'converted', o.converted::text, 'rate', o.rate::text,
            'customer', CASE WHEN o.customer_id IS NOT NULL OR o.customer_email IS NOT NULL OR o.customer_name IS NOT NULL
                THEN jsonb_build_object('id', o.customer_id::text, 'name', o.customer_name, 'email', o.customer_email,
                                        'phone', o.content::json #>> '{customer,phone}') END,
            'billing', o.content::jsonb -> 'billing', 'delivery', o.content::jsonb -> 'delivery',
            'note', o.content::json ->> 'note',
            'lines', COALESCE((
                SELECT jsonb_agg(jsonb_build_object(
                    'line', l.line_no, 'id', l.source_id, 'product', l.product_id::text, 'sku', l.sku, 'name', l.name,
                    'quantity', l.quantity::text, 'unit', l.unit, 'unit_price', l.unit_price::text,
                    'discount', l.discount::text, 'tax', l.tax::text, 'total', l.total::text, 'seller', l.seller,
                    'reason', l.reason) ORDER BY l.line_no)
                FROM order_line l WHERE l.account_id = account AND l.order_id = wanted), '[]'),
            'payments', COALESCE((
                SELECT jsonb_agg(jsonb_build_object('id', p.source_id, 'method', p.method, 'state', p.state,
                                                    'amount', p.amount::text, 'paid_at', p.paid_at) ORDER BY p.payment_no)
                FROM payment p WHERE p.account_id = account AND p.order_id = wanted), '[]'),
            'refunds', COALESCE((
                SELECT jsonb_agg(jsonb_build_object('id', r.source_id, 'amount', r.amount::text,
                                                    'refunded_at', r.refunded_at, 'note', r.note) ORDER BY r.refund_no)
                FROM refund r WHERE r.account_id = account AND r.order_id = wanted), '[]'),
            'shipments', COALESCE((
                SELECT jsonb_agg(jsonb_build_object('id', h.source_id, 'carrier', h.carrier, 'tracking', h.tracking,
                                                    'cost', h.cost::text, 'state', h.state, 'shipped_at', h.shipped_at)
                                 ORDER BY h.shipment_no)
                FROM shipment h WHERE h.account_id = account AND h.order_id = wanted), '[]'),
            'discounts', COALESCE((
                SELECT jsonb_agg(jsonb_build_object('code', d.code, 'title', d.title, 'amount', d.amount::text)
                                 ORDER BY d.discount_no)
                FROM discount d WHERE d.account_id = account AND d.order_id = wanted), '[]'))
        FROM orders o
        JOIN account a ON a.account_id = o.account_id
        JOIN store s ON s.account_id = o.account_id AND s.store_id = o.store_id
        WHERE o.account_id = account AND o.order_id = wanted;
    END;
COMMENT ON FUNCTION order_document IS 'An order as destinations get it; decimals are texts, times ISO 8601.';

-- ---------------------------------------------------------------- partitions

CREATE FUNCTION ensure_partitions(first date, months integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    made integer := 0;
    low  date;
    name text;
    tree record;
BEGIN
    IF months NOT BETWEEN 1 AND 60 THEN RAISE EXCEPTION 'between 1 and 60 months'; END IF;
    FOR tree IN SELECT parent, class FROM unnest(ARRAY['receipt', 'attempt']) parent, unnest(ARRAY[3, 12, 36]) class LOOP
        FOR step IN 0 .. months - 1 LOOP
            low := date_trunc('month', first) + make_interval(months => step);
            name := format('%s_r%s_%s', tree.parent, tree.class, to_char(low, 'YYYYMM'));
            IF to_regclass(name) IS NULL THEN
                PERFORM pg_advisory_xact_lock(7207, 1);        -- two programs at once make it once
                IF to_regclass(name) IS NULL THEN
                    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', name,
                                   format('%s_r%s', tree.parent, tree.class),
                                   low::timestamp AT TIME ZONE 'UTC',
                                   (low + interval '1 month')::timestamp AT TIME ZONE 'UTC');
                    IF tree.parent = 'receipt' THEN
                        -- bodies are stored as they came: compressing each costs more than the disk it saves
                        EXECUTE format('ALTER TABLE %I ALTER COLUMN body SET STORAGE EXTERNAL, '
                                       'SET (toast_tuple_target = 8160)', name);
                    END IF;
                    made := made + 1;
                END IF;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

CREATE FUNCTION drop_old_partitions(today date) RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    dropped text[] := '{}';
    part    record;
BEGIN
    FOR part IN
        SELECT c.relname AS name, m[1] AS parent, m[2]::int AS class, to_date(m[3], 'YYYYMM') AS low
        FROM pg_class c, regexp_match(c.relname, '^(receipt|attempt)_r(3|12|36)_(\d{6})$') m
        WHERE m IS NOT NULL AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    LOOP
        CONTINUE WHEN part.low + make_interval(months => part.class + 1) > today;
        -- work not done yet outlives its retention class
        CONTINUE WHEN part.parent = 'receipt' AND EXISTS (
            SELECT FROM inbox WHERE retention = part.class AND received_at < part.low + interval '1 month');
        EXECUTE format('DROP TABLE %I', part.name);
        dropped := dropped || part.name;
    END LOOP;
    RETURN dropped;
END $$;

CREATE FUNCTION database_bytes() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC SELECT sum(pg_relation_size(c.oid))::bigint FROM pg_class c; END;
COMMENT ON FUNCTION database_bytes IS 'Tables, indexes and what is beside them; pg_database_size wants a right to connect that roles lack.';

CREATE FUNCTION account_directory() RETURNS TABLE (account_id bigint, name text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC SELECT a.account_id, a.name FROM account a ORDER BY a.name; END;
COMMENT ON FUNCTION account_directory IS 'Ids and names only: how a face finds the account it then works as.';

CREATE FUNCTION intake_directory() RETURNS TABLE (
        address text, account_id bigint, integration_id bigint, connector text, settings jsonb, state text,
        retention smallint, key_id text, sealed bytea)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
        SELECT i.address, i.account_id, i.integration_id, i.connector, i.settings, i.state, a.retention, s.key_id, s.sealed
        FROM integration i
        JOIN account a ON a.account_id = i.account_id
        LEFT JOIN secret s ON s.account_id = i.account_id AND s.integration_id = i.integration_id
                          AND s.name = 'webhook_secret'
        WHERE i.address IS NOT NULL;  -- a removed one is still told what its platform asks about people
    END;
COMMENT ON FUNCTION intake_directory IS 'Where notices may come in, with the sealed secret that they are signed with.';

CREATE FUNCTION note_refusal(account bigint, integration bigint, why text, at timestamptz, many bigint, proof jsonb)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
        INSERT INTO intake_refusal AS r (account_id, integration_id, hour, reason, count, last_at, evidence)
        VALUES (account, integration, date_trunc('hour', at, 'UTC'), why, many, at, proof)
        ON CONFLICT (account_id, integration_id, hour, reason) DO UPDATE
        SET count = r.count + excluded.count, last_at = excluded.last_at, evidence = excluded.evidence;
    END;
COMMENT ON FUNCTION note_refusal IS 'Counts notices that were not taken; one row an hour, whoever sends them.';

CREATE FUNCTION keep_platform_notice(account bigint, integration bigint, what text, source text, whom jsonb)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
        INSERT INTO platform_notice (account_id, integration_id, kind, source_id, subject)
        VALUES (account, integration, what, source, whom)
        ON CONFLICT (account_id, integration_id, source_id) DO NOTHING;
    END;
COMMENT ON FUNCTION keep_platform_notice IS 'Keeps a notice that is of no order; one that is sent again is the same.';

CREATE FUNCTION unknown_refusals() RETURNS TABLE (hour timestamptz, reason text, count bigint, last_at timestamptz, evidence jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
        SELECT r.hour, r.reason, r.count, r.last_at, r.evidence FROM intake_refusal r
        WHERE r.account_id = 0 ORDER BY r.hour DESC, r.reason;
    END;
COMMENT ON FUNCTION unknown_refusals IS 'Notices to addresses of nobody: they belong to no account.';

-- ---------------------------------------------------------------- rights and policies

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO cuadra_app, cuadra_intake, cuadra_clock;
GRANT USAGE ON SEQUENCE entity_id, receipt_block TO cuadra_app, cuadra_intake;
GRANT EXECUTE ON FUNCTION order_document(bigint, bigint) TO cuadra_app;
GRANT EXECUTE ON FUNCTION current_account() TO cuadra_app, cuadra_intake, cuadra_clock;
GRANT EXECUTE ON FUNCTION ensure_partitions(date, integer), account_directory(), unknown_refusals() TO cuadra_app, cuadra_clock;
GRANT EXECUTE ON FUNCTION drop_old_partitions(date), database_bytes() TO cuadra_clock;
GRANT SELECT ON schema_version TO cuadra_app, cuadra_clock;

DO $$
DECLARE
    tab text;
BEGIN
    FOREACH tab IN ARRAY ARRAY[
        'account', 'store', 'integration', 'integration_state', 'secret', 'rule_version', 'exchange_rate', 'audit',
        'subscription', 'schedule', 'pace', 'problem', 'destination', 'delivery', 'delivery_attempt', 'run', 'file_set', 'coverage', 'relink', 'look', 'intake_refusal', 'platform_notice', 'write_back', 'file_reject', 'inbox', 'receipt', 'attempt', 'orders', 'order_line', 'payment', 'refund',
        'shipment', 'discount', 'order_version', 'order_event', 'frozen_change', 'identifier', 'customer',
        'customer_key', 'customer_conflict', 'consent', 'category', 'category_source', 'product', 'product_key', 'branch'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tab);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO cuadra_app', tab);
        -- the sub-select is evaluated once per statement, not once per row
        EXECUTE format('CREATE POLICY tenant ON %I TO cuadra_app USING (account_id = (SELECT current_account())) '
                       'WITH CHECK (account_id = (SELECT current_account()))', tab);
    END LOOP;
END $$;

REVOKE UPDATE, DELETE ON audit, integration_state, rule_version FROM cuadra_app;

-- The intake takes in receipts of any account and can look at nothing but where notices may come in.
GRANT INSERT ON receipt, inbox TO cuadra_intake;
CREATE POLICY intake ON receipt FOR INSERT TO cuadra_intake WITH CHECK (true);
CREATE POLICY intake ON inbox FOR INSERT TO cuadra_intake WITH CHECK (true);
GRANT EXECUTE ON FUNCTION intake_directory(), note_refusal(bigint, bigint, text, timestamptz, bigint, jsonb),
    keep_platform_notice(bigint, bigint, text, text, jsonb) TO cuadra_intake;

-- The clock sees ids and due times, of all accounts.
GRANT SELECT (account_id, integration_id, store_id, connector, state, mode) ON integration TO cuadra_clock;
GRANT SELECT (account_id, time_zone) ON account TO cuadra_clock;
GRANT SELECT (account_id, store_id, time_zone) ON store TO cuadra_clock;
GRANT SELECT, INSERT, UPDATE, DELETE ON schedule, worker, disk_sample TO cuadra_clock;
GRANT SELECT ON worker, disk_sample TO cuadra_app;
GRANT USAGE ON SEQUENCE entity_id TO cuadra_clock;
GRANT SELECT (account_id, destination_id, state) ON destination TO cuadra_clock;
GRANT SELECT (account_id, destination_id, order_id, sequence, standing, due_at, history) ON delivery TO cuadra_clock;
GRANT SELECT (account_id, party_id, step, since, next_at, ended_at) ON problem TO cuadra_clock;
GRANT SELECT (account_id, inbox_id, integration_id, run_id, received_at) ON inbox TO cuadra_clock;
GRANT SELECT (account_id, order_id, recheck_at) ON orders TO cuadra_clock;
GRANT SELECT (account_id, integration_id, due_at) ON relink, write_back TO cuadra_clock;
GRANT SELECT (account_id, integration_id, kind, due_at, done_at) ON platform_notice TO cuadra_clock;
CREATE POLICY clock ON account FOR SELECT TO cuadra_clock USING (true);
CREATE POLICY clock ON store FOR SELECT TO cuadra_clock USING (true);
CREATE POLICY clock ON schedule TO cuadra_clock USING (true) WITH CHECK (true);
CREATE POLICY clock ON destination FOR SELECT TO cuadra_clock USING (true);
CREATE POLICY clock ON delivery FOR SELECT TO cuadra_clock USING (true);
CREATE POLICY clock ON problem FOR SELECT TO cuadra_clock USING (true);
CREATE POLICY clock ON relink FOR SELECT TO cuadra_clock USING (true);
CREATE POLICY clock ON write_back FOR SELECT TO cuadra_clock USING (true);
CREATE POLICY clock ON platform_notice FOR SELECT TO cuadra_clock USING (true);
CREATE POLICY clock ON integration FOR SELECT TO cuadra_clock USING (true);
CREATE POLICY clock ON inbox FOR SELECT TO cuadra_clock USING (true);
CREATE POLICY clock ON orders FOR SELECT TO cuadra_clock USING (true);
