"""Rules of the pipeline service."""
