-- The one place that says whose shares are in a deal.
CREATE FUNCTION share_members(shares jsonb) RETURNS uuid[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(
        SELECT (s.part ->> 'member_id')::uuid FROM jsonb_array_elements(shares) AS s (part));

-- Deals that a process of a release before has saved, which kept no members. It is empty.
CREATE INDEX deal_strayed ON deal (id) WHERE member_ids IS DISTINCT FROM share_members(shares);
