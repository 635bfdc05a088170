CREATE INDEX deal_amount ON deal (amount, id);

CREATE INDEX deal_opened ON deal (opened_on, id);

CREATE INDEX deal_closed ON deal (closed_on, id);

CREATE INDEX account_name ON account (name COLLATE "C", id);
