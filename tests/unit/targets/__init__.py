"""Rules of the targets service."""
