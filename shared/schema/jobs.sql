-- Import jobs: what was sent, how it is read, how far it is, and what became of each row.
CREATE TABLE mapping_profile (
    noun text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    profile jsonb NOT NULL,
    saved_at timestamptz NOT NULL,
    saved_by text NOT NULL,
    PRIMARY KEY (noun, name, version)
);

CREATE TABLE import_job (
    id uuid PRIMARY KEY,
    subject text COLLATE "C" NOT NULL,
    client text NOT NULL,
    roles text[] NOT NULL,
    member_id uuid,
    noun text NOT NULL,
    origin text NOT NULL CHECK (origin IN ('live', 'import')),
    dry_run boolean NOT NULL,
    file jsonb NOT NULL,
    profile text,
    source text,
    reason text,
    state text NOT NULL CHECK (state IN (
        'uploading', 'queued', 'validating', 'running', 'waiting', 'done', 'failed', 'cancelled')),
    digest bytea,
    size bigint NOT NULL DEFAULT 0,
    chunks bigint NOT NULL DEFAULT 0,
    mapping jsonb,
    header text[] NOT NULL DEFAULT '{}',
    reading jsonb NOT NULL DEFAULT '{}',
    total bigint,
    round bigint NOT NULL DEFAULT 0,
    at_row bigint NOT NULL DEFAULT 0,
    settled bigint NOT NULL DEFAULT 0,
    last_round boolean NOT NULL DEFAULT false,
    created bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    waiting bigint NOT NULL DEFAULT 0,
    heads bigint[],
    problem jsonb,
    attempts bigint NOT NULL DEFAULT 0,
    holder uuid,
    held_until timestamptz,
    turn_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz
);

CREATE INDEX import_job_subject ON import_job (subject, id);

CREATE INDEX import_job_turn ON import_job (turn_at)
 WHERE state IN ('queued', 'validating', 'running', 'waiting');

CREATE TABLE import_chunk (
    job_id uuid NOT NULL,
    number bigint NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (job_id, number)
);

CREATE TABLE import_row (
    job_id uuid NOT NULL,
    number bigint NOT NULL,
    outcome text NOT NULL CHECK (outcome IN (
        'created', 'updated', 'unchanged', 'refused', 'waiting')),
    key text COLLATE "C",
    subject uuid,
    version bigint,
    cells jsonb,
    problems jsonb,
    PRIMARY KEY (job_id, number)
);

CREATE UNIQUE INDEX import_row_key ON import_row (job_id, key);

CREATE INDEX import_row_aside ON import_row (job_id, outcome, number)
 WHERE outcome IN ('refused', 'waiting');
