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
    opened_on date NOT NULL,
    closed_on date,
    external_source text COLLATE "C",
    external_id text COLLATE "C",
    UNIQUE (external_source, external_id),
    CHECK ((stage = 'open') = (closed_on IS NULL))
);

CREATE INDEX deal_owner ON deal (owner_id, id);

CREATE TABLE deal_line (
    deal_id uuid NOT NULL,
    ordinal smallint NOT NULL,
    product_id uuid NOT NULL,
    quantity numeric(21, 6) NOT NULL CHECK (quantity <> 'NaN'),
    amount numeric(21, 6) NOT NULL CHECK (amount <> 'NaN'),
    PRIMARY KEY (deal_id, ordinal)
);

CREATE TABLE deal_share (
    deal_id uuid NOT NULL,
    ordinal smallint NOT NULL,
    member_id uuid NOT NULL,
    share numeric(7, 6) NOT NULL CHECK (share > 0 AND share <= 1),
    PRIMARY KEY (deal_id, ordinal)
);
