ALTER TABLE deal ADD COLUMN member_ids uuid[] NOT NULL DEFAULT '{}';

UPDATE deal
   SET member_ids = ARRAY(
       SELECT (s.part ->> 'member_id')::uuid FROM jsonb_array_elements(shares) AS s (part));

CREATE INDEX deal_members ON deal USING gin (member_ids);

CREATE INDEX deal_account ON deal (account_id);

ALTER TABLE account ADD COLUMN owner_id uuid;

CREATE INDEX account_owner ON account (owner_id, id);
