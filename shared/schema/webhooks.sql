-- Webhooks: who wants to be told of this service's events, how far each has been followed, and what
-- was sent.

-- The program whose change an event tells of, so that nobody is sent an echo.
ALTER TABLE outbox ADD COLUMN client text;

ALTER TABLE event_log ADD COLUMN client text;

CREATE TABLE webhook (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    url text NOT NULL,
    types text[] NOT NULL,
    condition json,
    description text,
    skip_client text,
    state text NOT NULL CHECK (state IN ('active', 'paused', 'disabled')),
    state_reason text,
    secret bytea NOT NULL,
    former_secret bytea,
    former_until timestamptz,
    owner text NOT NULL,
    owner_client text NOT NULL,
    owner_roles text[] NOT NULL,
    made_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);

-- What the courier notes of a receiver stands apart from what its owner says.
CREATE TABLE webhook_health (
    webhook_id uuid PRIMARY KEY REFERENCES webhook ON DELETE CASCADE,
    failures bigint NOT NULL DEFAULT 0,
    given_up bigint NOT NULL DEFAULT 0,
    failing_since timestamptz,
    held_until timestamptz,
    claim uuid,
    claimed_until timestamptz
);

CREATE TABLE webhook_position (
    webhook_id uuid NOT NULL REFERENCES webhook ON DELETE CASCADE,
    partition smallint NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (webhook_id, partition)
);

-- An event is read from the log at each attempt; the body is kept only where there is no event.
CREATE TABLE webhook_delivery (
    webhook_id uuid NOT NULL,
    id uuid NOT NULL,
    message_id uuid NOT NULL,
    type text NOT NULL,
    partition smallint,
    number bigint,
    body text,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    tries bigint NOT NULL DEFAULT 0,
    attempts bigint NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL,
    due_at timestamptz,
    settled_at timestamptz,
    PRIMARY KEY (webhook_id, id),
    UNIQUE (webhook_id, message_id)
);

CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, due_at, number)
    WHERE state = 'pending';

CREATE INDEX webhook_delivery_ping ON webhook_delivery (webhook_id)
    WHERE state = 'pending' AND body IS NOT NULL;

CREATE INDEX webhook_delivery_made ON webhook_delivery (made_at);

CREATE TABLE webhook_attempt (
    webhook_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    number bigint NOT NULL,
    began_at timestamptz NOT NULL,
    milliseconds bigint NOT NULL,
    status smallint,
    fault text,
    excerpt text NOT NULL,
    PRIMARY KEY (webhook_id, delivery_id, number),
    FOREIGN KEY (webhook_id, delivery_id) REFERENCES webhook_delivery ON DELETE CASCADE
);
