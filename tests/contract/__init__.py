"""The published language is append-only: its shapes are held by snapshots."""
