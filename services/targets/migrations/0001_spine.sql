CREATE TABLE organisation (
    id smallint PRIMARY KEY CHECK (id = 1),
    revision uuid NOT NULL
);

INSERT INTO organisation (id, revision) VALUES (1, '00000000-0000-0000-0000-000000000000');

CREATE TABLE unit (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    external_source text COLLATE "C",
    external_id text COLLATE "C",
    UNIQUE (external_source, external_id)
);

CREATE TABLE unit_placement (
    unit_id uuid NOT NULL,
    valid_from date NOT NULL,
    parent_id uuid,
    PRIMARY KEY (unit_id, valid_from)
);

CREATE TABLE member (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    name text NOT NULL,
    external_source text COLLATE "C",
    external_id text COLLATE "C",
    UNIQUE (external_source, external_id)
);

CREATE TABLE assignment (
    member_id uuid NOT NULL,
    valid_from date NOT NULL,
    unit_id uuid,
    leads boolean NOT NULL,
    PRIMARY KEY (member_id, valid_from)
);

CREATE TABLE target (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    attainment_id uuid NOT NULL UNIQUE,
    scope text NOT NULL CHECK (scope IN ('member', 'unit')),
    scope_id uuid NOT NULL,
    metric text NOT NULL,
    period text COLLATE "C" NOT NULL,
    starts date NOT NULL,
    ends date NOT NULL,
    currency text NOT NULL,
    value numeric(21, 6) CHECK (value <> 'NaN' AND value >= 0),
    CHECK (starts < ends)
);

CREATE TABLE attainment (
    id uuid NOT NULL,
    partition smallint NOT NULL,
    scope text NOT NULL CHECK (scope IN ('member', 'unit')),
    scope_id uuid NOT NULL,
    metric text NOT NULL,
    period text COLLATE "C" NOT NULL,
    starts date NOT NULL,
    ends date NOT NULL,
    currency text NOT NULL,
    actual numeric(38, 6) NOT NULL CHECK (actual <> 'NaN'),
    deals bigint NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (id, partition)
);

CREATE INDEX attainment_period ON attainment (period, metric, scope, id);

CREATE INDEX attainment_scope ON attainment (scope_id, ends);

CREATE TABLE attainment_entry (
    attainment_id uuid NOT NULL,
    cause_id uuid NOT NULL,
    fact_id uuid NOT NULL,
    fact_version bigint NOT NULL,
    amount numeric(38, 6) NOT NULL CHECK (amount <> 'NaN'),
    deals smallint NOT NULL,
    source text NOT NULL,
    partition smallint NOT NULL,
    number bigint NOT NULL,
    posted_at timestamptz NOT NULL,
    PRIMARY KEY (attainment_id, cause_id)
);

CREATE INDEX attainment_entry_fact ON attainment_entry (fact_id);

CREATE TABLE reorganisation (
    attainment_id uuid PRIMARY KEY,
    expanded_to uuid NOT NULL
);

CREATE TABLE repost (
    fact_id uuid PRIMARY KEY
);
