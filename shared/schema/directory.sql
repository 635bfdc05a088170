-- The directory: who belongs where and which unit is below which, on any date, in every service, so
-- that a query can say whose rows somebody may see. The targets service, whose organisation it
-- is, writes its own together with that; the others follow the events. Spans are half-open; one
-- that has no end goes to 'infinity', so that every question about a day is the same two
-- comparisons and an index answers both.

CREATE TABLE directory_unit (
    unit_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL
);

CREATE TABLE directory_placement (
    unit_id uuid NOT NULL,
    valid_from date NOT NULL,
    parent_id uuid,
    version bigint NOT NULL,
    PRIMARY KEY (unit_id, valid_from)
);

CREATE TABLE directory_member (
    member_id uuid PRIMARY KEY,
    version bigint NOT NULL
);

CREATE TABLE directory_assignment (
    member_id uuid NOT NULL,
    valid_from date NOT NULL,
    unit_id uuid,
    leads boolean NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (member_id, valid_from)
);

-- Derived from the assignments; its key answers which post a member has on a day.
CREATE TABLE directory_post (
    member_id uuid NOT NULL,
    starts date NOT NULL,
    ends date NOT NULL,
    unit_id uuid NOT NULL,
    leads boolean NOT NULL,
    PRIMARY KEY (member_id, starts) INCLUDE (ends, unit_id, leads),
    CHECK (starts < ends)
);

-- Who is posted in a unit on a day. What is over lies before the day and is not read.
CREATE INDEX directory_post_unit ON directory_post (unit_id, ends)
    INCLUDE (starts, member_id, leads);

-- Derived from the placements: a unit and each unit above it, itself included. Its key answers
-- which units are above a unit on a day.
CREATE TABLE unit_line (
    unit_id uuid NOT NULL,
    above_id uuid NOT NULL,
    starts date NOT NULL,
    ends date NOT NULL,
    PRIMARY KEY (unit_id, above_id, starts) INCLUDE (ends),
    CHECK (starts < ends)
);

-- Which units are below a unit on a day.
CREATE INDEX unit_line_above ON unit_line (above_id, ends) INCLUDE (starts, unit_id);

-- Lines follow from the placements of all partitions, so whoever moves a unit holds this row.
CREATE TABLE directory_lock (
    id smallint PRIMARY KEY CHECK (id = 1)
);

INSERT INTO directory_lock (id) VALUES (1);
