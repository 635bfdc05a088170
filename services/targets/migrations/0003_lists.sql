CREATE INDEX target_period ON target (period, id);
