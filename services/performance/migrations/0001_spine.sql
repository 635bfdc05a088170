CREATE TABLE plan (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    name text NOT NULL,
    external_source text COLLATE "C",
    external_id text COLLATE "C",
    UNIQUE (external_source, external_id)
);

CREATE TABLE plan_version (
    plan_id uuid NOT NULL,
    number bigint NOT NULL,
    valid_from date NOT NULL,
    currency text NOT NULL,
    components jsonb NOT NULL,
    unit_ids uuid[] NOT NULL,
    PRIMARY KEY (plan_id, number)
);

CREATE TABLE plan_assignment (
    payee_id uuid NOT NULL,
    plan_id uuid NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    id uuid NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (payee_id, plan_id, valid_from),
    CHECK (valid_from < valid_to)
);

CREATE INDEX plan_assignment_plan ON plan_assignment (plan_id, payee_id, valid_from);

CREATE TABLE credit (
    payee_id uuid NOT NULL,
    id uuid NOT NULL,
    cause_id uuid NOT NULL,
    fact_id uuid NOT NULL,
    fact_version bigint NOT NULL,
    occurred_on date NOT NULL,
    metric text NOT NULL,
    currency text NOT NULL,
    quota_amount numeric(38, 12) NOT NULL CHECK (quota_amount <> 'NaN'),
    commission_amount numeric(38, 12) NOT NULL CHECK (commission_amount <> 'NaN'),
    source text NOT NULL,
    partition smallint NOT NULL,
    number bigint NOT NULL,
    posted_at timestamptz NOT NULL,
    PRIMARY KEY (payee_id, id)
);

CREATE INDEX credit_day ON credit (payee_id, occurred_on, id);

CREATE INDEX credit_measure ON credit (payee_id, metric, occurred_on)
    INCLUDE (currency, commission_amount, quota_amount);

CREATE TABLE quota (
    target_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    scope text NOT NULL CHECK (scope IN ('member', 'unit')),
    scope_id uuid NOT NULL,
    metric text NOT NULL,
    period text COLLATE "C" NOT NULL,
    currency text NOT NULL,
    value numeric(38, 12) CHECK (value <> 'NaN')
);

CREATE INDEX quota_scope ON quota (scope_id, period, metric);

CREATE TABLE quota_actual (
    target_id uuid NOT NULL,
    partition smallint NOT NULL,
    version bigint NOT NULL,
    actual numeric(38, 12) NOT NULL CHECK (actual <> 'NaN'),
    PRIMARY KEY (target_id, partition)
);

CREATE TABLE payee_lock (
    payee_id uuid PRIMARY KEY
);

CREATE TABLE incentive (
    payee_id uuid NOT NULL,
    period text COLLATE "C" NOT NULL,
    plan_id uuid NOT NULL,
    component text COLLATE "C" NOT NULL,
    plan_version bigint NOT NULL,
    version bigint NOT NULL,
    amount numeric(38, 12) NOT NULL CHECK (amount <> 'NaN'),
    currency text NOT NULL,
    trace jsonb NOT NULL,
    PRIMARY KEY (payee_id, period, plan_id, component)
);

CREATE INDEX incentive_period ON incentive (period, payee_id, currency) INCLUDE (amount);

CREATE TABLE incentive_entry (
    payee_id uuid NOT NULL,
    id uuid NOT NULL,
    period text COLLATE "C" NOT NULL,
    plan_id uuid NOT NULL,
    component text COLLATE "C" NOT NULL,
    plan_version bigint NOT NULL,
    tier smallint NOT NULL,
    amount numeric(38, 12) NOT NULL CHECK (amount <> 'NaN'),
    currency text NOT NULL,
    cause_source text NOT NULL,
    cause_partition smallint,
    cause_first bigint,
    cause_last bigint,
    correlation_id uuid NOT NULL,
    posted_at timestamptz NOT NULL,
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (payee_id, id)
);

CREATE INDEX incentive_entry_period ON incentive_entry (payee_id, period, sequence);

CREATE TABLE recalculation (
    payee_id uuid PRIMARY KEY,
    since date NOT NULL,
    correlation_id uuid NOT NULL,
    origin text NOT NULL,
    failed_at timestamptz,
    reason text,
    CHECK ((failed_at IS NULL) = (reason IS NULL))
);
