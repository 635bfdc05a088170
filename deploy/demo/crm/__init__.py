"""The demonstration on a CRM export: read, cleaned, posted over HTTP, and read back."""
