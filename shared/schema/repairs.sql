-- What repairs did, step by step: a reader that was corrected says when, why and by whom. What was
-- posted before such a step may name events that the source no longer has.
CREATE TABLE repair (
    id uuid PRIMARY KEY,
    consumer text NOT NULL,
    source text NOT NULL,
    partition smallint NOT NULL,
    subjects_after uuid NOT NULL,
    subjects_to uuid,
    number bigint NOT NULL,
    event_id uuid,
    corrected bigint NOT NULL,
    discarded bigint NOT NULL,
    reason text NOT NULL,
    repaired_at timestamptz NOT NULL,
    repaired_by text NOT NULL
);
