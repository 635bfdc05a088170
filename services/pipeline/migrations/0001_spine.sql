CREATE TABLE product (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    code text COLLATE "C" NOT NULL UNIQUE,
    name text NOT NULL,
    line text,
    list_price numeric(21, 6) CHECK (list_price <> 'NaN'),
    currency text,
    CHECK ((list_price IS NULL) = (currency IS NULL))
);

CREATE TABLE account (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    name text NOT NULL,
    external_source text COLLATE "C",
    external_id text COLLATE "C",
    UNIQUE (external_source, external_id)
);

CREATE TABLE deal (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    name text NOT NULL,
    stage text NOT NULL CHECK (stage IN ('open', 'won', 'lost')),
    owner_id uuid NOT NULL,
    account_id uuid,
    amount numeric(21, 6) NOT NULL CHECK (amount <> 'NaN'),
    currency text NOT NULL,
    lines jsonb NOT NULL,
    shares jsonb NOT NULL,
    opened_on date NOT NULL,
    closed_on date,
    external_source text COLLATE "C",
    external_id text COLLATE "C",
    UNIQUE (external_source, external_id),
    CHECK ((stage = 'open') = (closed_on IS NULL))
);

CREATE INDEX deal_owner ON deal (owner_id, id);
