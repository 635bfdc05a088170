CREATE INDEX plan_name ON plan (name COLLATE "C", id);
