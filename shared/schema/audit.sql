-- The audit trail. A change writes its row into audit_pending in its own transaction; after the
-- commit the sealer gives rows dense numbers and chains them in blocks. The table of rows is parted
-- by number, which grows with time: so a number can stand once only, and what was sealed long ago
-- can be moved to slower disks. Nothing is ever dropped by Pharos.
CREATE TABLE audit_pending (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    digest bytea NOT NULL,
    content json NOT NULL
);

CREATE TABLE audit_row (
    number bigint PRIMARY KEY,
    digest bytea NOT NULL,
    form smallint NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    client text NOT NULL,
    roles text[] NOT NULL,
    method text NOT NULL,
    route text NOT NULL,
    reason text,
    noun text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    version bigint,
    before json,
    after json,
    correlation_id uuid NOT NULL,
    trace_id text,
    origin text NOT NULL
) PARTITION BY RANGE (number);

CREATE TABLE audit_row_000000 PARTITION OF audit_row FOR VALUES FROM (0) TO (1000000);

CREATE INDEX audit_row_subject ON audit_row (subject, number);

CREATE INDEX audit_row_actor ON audit_row (actor, number);

CREATE INDEX audit_row_noun ON audit_row (noun, number);

CREATE INDEX audit_row_at ON audit_row (at);

CREATE TABLE audit_block (
    number bigint PRIMARY KEY,
    first bigint NOT NULL,
    last bigint NOT NULL CHECK (last >= first),
    sealed_at timestamptz NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL
);

CREATE TABLE audit_head (
    id smallint PRIMARY KEY CHECK (id = 1),
    block bigint NOT NULL,
    number bigint NOT NULL,
    hash bytea
);

INSERT INTO audit_head (id, block, number) VALUES (1, 0, 0);

-- Parts of the trail are tables, whose names cannot be parameters of a statement.
CREATE FUNCTION make_audit_part(number bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    million bigint := div(number::numeric, 1000000)::bigint;
    part text := 'audit_row_' || lpad(million::text, 6, '0');
BEGIN
    IF to_regclass(quote_ident(part)) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF audit_row FOR VALUES FROM (%s) TO (%s)',
            part, million * 1000000, (million + 1) * 1000000);
    END IF;
END
$$;
