"""Tables of files: CSV, XLSX and NDJSON read and written with flat memory."""
