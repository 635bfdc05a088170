"""Alembic's environment; all it does is in shared.migrate."""

from shared.migrate import run_environment

run_environment()
