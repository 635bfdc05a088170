-- Operations are listed by when they were made.
CREATE INDEX import_job_created ON import_job (created_at, id);
