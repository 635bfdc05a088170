CREATE INDEX unit_name ON unit (name COLLATE "C", id);

CREATE INDEX member_name ON member (name COLLATE "C", id);
