-- What every service's schema holds for events and requests, whatever its nouns are.
-- The first migration of each service runs this file in its own schema.

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    partition smallint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    aggregate_id uuid NOT NULL,
    aggregate_version bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    correlation_id uuid NOT NULL,
    causation_id uuid,
    origin text NOT NULL,
    traceparent text,
    payload json NOT NULL,
    PRIMARY KEY (partition, id)
);

CREATE TABLE event_log (
    partition smallint NOT NULL,
    number bigint NOT NULL,
    logged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    event_id uuid NOT NULL,
    previous_event_id uuid,
    type text NOT NULL,
    aggregate_id uuid NOT NULL,
    aggregate_version bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    correlation_id uuid NOT NULL,
    causation_id uuid,
    origin text NOT NULL,
    traceparent text,
    payload json NOT NULL,
    PRIMARY KEY (partition, number, logged_at)
) PARTITION BY RANGE (logged_at);

CREATE TABLE event_log_default PARTITION OF event_log DEFAULT;

CREATE TABLE relay (
    partition smallint PRIMARY KEY,
    head bigint NOT NULL DEFAULT 0,
    head_event_id uuid,
    acknowledged bigint NOT NULL DEFAULT 0
);

CREATE TABLE lease (
    name text PRIMARY KEY,
    holder uuid NOT NULL,
    fence bigint NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE watermark (
    consumer text NOT NULL,
    source text NOT NULL,
    partition smallint NOT NULL,
    number bigint NOT NULL DEFAULT 0,
    event_id uuid,
    stream_sequence bigint,
    stream_created text,
    stopped text,
    PRIMARY KEY (consumer, source, partition)
);

CREATE TABLE parked (
    id uuid PRIMARY KEY,
    consumer text NOT NULL,
    source text NOT NULL,
    partition smallint NOT NULL,
    number bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    event json NOT NULL,
    reason text NOT NULL,
    stack text NOT NULL,
    parked_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'parked' CHECK (state IN ('parked', 'replayed', 'discarded')),
    settled_at timestamptz,
    settled_by text,
    UNIQUE (consumer, source, partition, number)
);

CREATE TABLE fact (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    version bigint NOT NULL,
    body json NOT NULL,
    source text NOT NULL,
    partition smallint NOT NULL,
    number bigint NOT NULL,
    origin text NOT NULL,
    learned_at timestamptz NOT NULL
);

CREATE TABLE idempotency (
    caller text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status smallint,
    body bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (caller, key)
);

CREATE INDEX idempotency_age ON idempotency (created_at);

-- Weeks of the log are tables, whose names cannot be parameters of a statement.
CREATE FUNCTION make_log_partition(monday date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    week text := 'event_log_' || to_char(monday, 'YYYYMMDD');
BEGIN
    IF to_regclass(quote_ident(week)) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF event_log FOR VALUES FROM (%L) TO (%L)',
            week, monday::timestamptz, (monday + 7)::timestamptz);
    END IF;
END
$$;

CREATE FUNCTION drop_log_partitions(before timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    week regclass;
BEGIN
    FOR week IN
        SELECT inhrelid::regclass
          FROM pg_inherits
         WHERE inhparent = 'event_log'::regclass
           AND inhrelid <> 'event_log_default'::regclass
           AND to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') + 7 <= before::date
    LOOP
        EXECUTE format('DROP TABLE %s', week);
    END LOOP;
    -- A week that had no table of its own is forgotten like the others: as a whole.
    DELETE FROM event_log_default WHERE logged_at < date_trunc('week', before);
END
$$;
