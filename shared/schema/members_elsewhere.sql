-- By what name another system knows a member, so that files of that system can name people.
ALTER TABLE directory_member ADD COLUMN external_source text;

ALTER TABLE directory_member ADD COLUMN external_id text;

CREATE INDEX directory_member_external ON directory_member (external_source, external_id);
